//! Which type a file is.

use pingan_domain::media::{MediaRefusal, MediaType};

use super::{check::flow, file, part};
use crate::look;

#[test]
fn by_how_it_begins() {
    let brand = |brand: &[u8; 4], others: &[u8]| part(*b"ftyp", &[brand, &[0; 4], others]);
    let mpeg = |header: [u8; 4], length: usize| {
        let mut frame = header.to_vec();
        frame.resize(length, 0);
        frame.repeat(3)
    };
    for (bytes, content_type) in [
        (b"\xff\xd8\xff\xe0".to_vec(), Some(MediaType::Jpeg)),
        (b"\x89PNG\r\n\x1a\n".to_vec(), Some(MediaType::Png)),
        (b"RIFF\0\0\0\0WEBPVP8 ".to_vec(), Some(MediaType::Webp)),
        (b"RIFF\0\0\0\0WAVEfmt ".to_vec(), Some(MediaType::Wav)),
        (b"RIFF\0\0\0\0AVI LIST".to_vec(), None),
        (brand(b"heic", b"mif1heic"), Some(MediaType::Heic)),
        (brand(b"heix", b"mif1"), Some(MediaType::Heic)),
        (brand(b"mif1", b"mif1heic"), Some(MediaType::Heif)),
        (brand(b"mif1", b"mif1avif"), None),
        (brand(b"avif", b"mif1avif"), None),
        (brand(b"isom", b"isomavc1"), Some(MediaType::Mp4)),
        (brand(b"3gp4", b"isom3gp4"), Some(MediaType::Mp4)),
        (brand(b"qt  ", b"qt  "), Some(MediaType::Mov)),
        (brand(b"M4A ", b"isom"), Some(MediaType::M4a)),
        (part(*b"wide", &[]), Some(MediaType::Mov)),
        (b"#!AMR\n\x3c".to_vec(), Some(MediaType::Amr)),
        (b"#!AMR-WB\n\x3c".to_vec(), Some(MediaType::Amr)),
        (mpeg([0xff, 0xfb, 0x90, 0], 417), Some(MediaType::Mp3)),
        (mpeg([0xff, 0xf3, 0x40, 0xc4], 104), Some(MediaType::Mp3)),
        (mpeg([0xff, 0xf1, 0x50, 0x80], 1), None),
        (b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1e\x01vorbis".to_vec(), None),
        (b"%PDF-1.7\n".to_vec(), None),
        (b"GIF89a".to_vec(), None),
        (b"<!doctype html>".to_vec(), None),
        (b"<svg/>".to_vec(), None),
        (b"PK\x03\x04".to_vec(), None),
        (b"hello, world".to_vec(), None),
        (b"\xff".to_vec(), None),
        (Vec::new(), None),
    ] {
        assert_eq!(look(&bytes).content_type, content_type, "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(flow(&bytes, || 1).0.content_type, content_type, "{}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn a_video_slot_sees_other_types_too() {
    for (name, content_type) in [
        ("plain.png", MediaType::Png),
        ("orientation-1.jpg", MediaType::Jpeg),
        ("tiles.heic", MediaType::Heic),
        ("voice.aac", MediaType::Aac),
        ("voice.mp3", MediaType::Mp3),
        ("voice.m4a", MediaType::M4a),
        ("voice-mp42.m4a", MediaType::M4a),
        ("voice.ogg", MediaType::Ogg),
    ] {
        assert_eq!(flow(&file(name), || 500).0.content_type, Some(content_type), "{name}");
    }
    assert_eq!(flow(&file("archive.jpg"), || 500).0.flaw, Some(MediaRefusal::Polyglot));
}

#[test]
fn what_a_picture_slot_sees_of_a_video_is_what_the_video_slot_sees() {
    for name in ["faststart.mp4", "keys-and-text.mov", "voice.m4a", "no-index.mp4"] {
        let bytes = file(name);
        assert_eq!(look(&bytes), flow(&bytes, || 333).0, "{name}");
    }
}
