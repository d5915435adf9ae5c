//! Files that somebody made to do harm, and files that only look like it.

use pingan_domain::media::{MediaRefusal, MediaType};

use super::{check::flow, file, part};
use crate::{clean, danger, look};

#[test]
fn every_cut_of_a_file_is_refused_or_whole() {
    for (name, content_type) in [("orientation-1.jpg", MediaType::Jpeg), ("plain.png", MediaType::Png)] {
        let bytes = file(name);
        for length in (0..bytes.len()).step_by(97) {
            let cut = &bytes[..length];
            assert!(look(cut).content_type.is_none() || look(cut).flaw.is_some(), "{name} at {length}");
            assert!(clean(cut, content_type).is_err(), "{name} at {length}");
        }
    }
    let bytes = file("faststart.mp4");
    for length in (40..bytes.len()).step_by(211) {
        assert!(flow(&bytes[..length], || 100).0.flaw.is_some(), "at {length}");
    }
}

#[test]
fn pages_documents_and_programs() {
    for (head, dangerous) in [
        (&b"\xff\xd8 <ScRiPt>"[..], true),
        (b"<!DOCTYPE html>", true),
        (b"<svg\nonload=", true),
        (b"<html/", true),
        (b"<htmlish", false),
        (b"<sv", false),
        (b"%PDF-1.4", true),
        (b"%PDF", false),
        (b"<x:xmpmeta>", false),
    ] {
        assert_eq!(danger::in_head(head), dangerous, "{}", String::from_utf8_lossy(head));
    }
    let late = [vec![b' '; 1_020], b"%PDF-".to_vec()].concat();
    assert!(!danger::in_head(&late));
    let late = [vec![b' '; 4_093], b"<html>".to_vec()].concat();
    assert!(!danger::in_head(&late));
    let mut portable = b"MZ".to_vec();
    portable.resize(0x40, 0);
    portable[0x3c] = 0x40;
    portable.extend_from_slice(b"PE\0\0");
    for (trailer, dangerous) in [
        (&b"\x7fELF\x02"[..], true),
        (&portable, true),
        (b"MZ and no program", false),
        (b"\xcf\xfa\xed\xfe", true),
        (b"Rar!\x1a\x07\x01\0", true),
        (b"7z\xbc\xaf\x27\x1c", true),
        (b"\x1f\x8b\x08\0", true),
        (b"PK\x03\x04", true),
        (b"\xff\xd8\xff\xe0", false),
        (b"\0\0\0\x18ftypmp42", false),
        (b"SEFH", false),
        (b"", false),
    ] {
        assert_eq!(danger::in_trailer(trailer), dangerous, "{}", String::from_utf8_lossy(trailer));
    }
    // Far inside of what a phone appends, chance makes tags; text makes them only where it is text.
    let noise = [vec![0x80; 9_000], b"<svg>\x01\x02\x03\x04\x05\x06\x07\x80".to_vec()].concat();
    assert!(!danger::in_trailer(&noise));
    let text = [vec![0x80; 9_000], b"<svg onload=alert(1)>".to_vec()].concat();
    assert!(danger::in_trailer(&text));
}

#[test]
fn archives_at_the_end() {
    let archive = &file("archive.jpg")[file("orientation-1.jpg").len()..];
    for (front, behind) in [(0, 0), (5_000, 0), (100_000, 0)] {
        let bytes = [vec![7; front], archive.to_vec(), vec![7; behind]].concat();
        let tail = bytes.len().saturating_sub(danger::TAIL_BYTES);
        assert!(danger::in_tail(&bytes[tail..], tail as u64), "{front} bytes in front");
    }
    // The four bytes of the signature alone are chance.
    let chance = [&[7; 100][..], b"PK\x05\x06", &[0x55; 100]].concat();
    assert!(!danger::in_tail(&chance, 0));
}

#[test]
fn sizes_are_refused_before_anything_is_decoded() {
    for (name, content_type) in [("claims-30000.png", MediaType::Png), ("claims-65535.jpg", MediaType::Jpeg)] {
        assert_eq!(clean(&file(name), content_type), Err(MediaRefusal::TooManyPixels), "{name}");
    }
    // The container says one size, the coded picture another.
    let tiles = file("tiles.heic");
    let small = tiles.windows(8).position(|size| size == [0, 0, 0, 160, 0, 0, 0, 240]).unwrap();
    let mut large = tiles.clone();
    large[small..small + 8].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    assert_eq!(clean(&large, MediaType::Heic), Err(MediaRefusal::TooManyPixels));
    let grid = tiles.windows(8).position(|grid| grid == [0, 0, 1, 1, 0, 160, 0, 240]).unwrap();
    let mut large = tiles.clone();
    large[grid + 4..grid + 8].copy_from_slice(&[0xff, 0xff, 0xff, 0xff]);
    assert_eq!(clean(&large, MediaType::Heic), Err(MediaRefusal::TooManyPixels));
    let mut many = tiles;
    many[grid + 2..grid + 4].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(clean(&many, MediaType::Heic), Err(MediaRefusal::Damaged));
}

#[test]
fn a_type_that_was_not_announced_is_not_cleaned() {
    assert_eq!(clean(&file("plain.png"), MediaType::Jpeg), Err(MediaRefusal::WrongType));
    assert_eq!(clean(&file("page.jpg"), MediaType::Jpeg), Err(MediaRefusal::WrongType));
    assert_eq!(clean(&file("faststart.mp4"), MediaType::Mp4), Err(MediaRefusal::WrongType));
    assert!(clean(&file("plain.heic"), MediaType::Heif).is_ok());
}

#[test]
fn boxes_that_lie() {
    let brands = part(*b"ftyp", &[b"isom\0\0\0\0isom"]);
    let flaw = |boxes: &[&[u8]]| flow(&[&brands[..], &boxes.concat()].concat(), || 5).0.flaw;
    // A size that is smaller than its header.
    assert_eq!(flaw(&[&[0, 0, 0, 4], b"moov"]), Some(MediaRefusal::Damaged));
    assert_eq!(flaw(&[&[0, 0, 0, 1], b"moov", &[0; 7], &[9]]), Some(MediaRefusal::Damaged));
    // An index that claims to be large, and one that is.
    assert_eq!(flaw(&[&u32::MAX.to_be_bytes(), b"moov", &[0; 100]]), Some(MediaRefusal::Damaged));
    let endless = [&[0; 4][..], b"moov", &vec![0; 17 * 1024 * 1024]].concat();
    assert_eq!(flow(&[&brands[..], &endless].concat(), || 100_000).0.flaw, Some(MediaRefusal::Damaged));
    // More boxes than there are in a day of video.
    assert_eq!(flaw(&[&part(*b"free", &[]).repeat(100_002)]), Some(MediaRefusal::Damaged));
    // Fragments before their index.
    assert_eq!(flaw(&[&part(*b"moof", &[])]), Some(MediaRefusal::Damaged));
    // Nothing at all.
    assert_eq!(flaw(&[]), Some(MediaRefusal::Incomplete));
}

#[test]
fn samples_that_lie_elsewhere_keep_nothing_there() {
    // Every chunk is moved to the beginning of the file.
    let mut bytes = file("index-at-end.mp4");
    let tables: Vec<usize> =
        bytes.windows(4).enumerate().filter(|(_, kind)| kind == b"stco").map(|(at, _)| at).collect();
    for at in tables {
        let count = u32::from_be_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
        bytes[at + 12..at + 12 + 4 * count].fill(0);
    }
    let (seen, edits) = flow(&bytes, || 1_000);
    assert_eq!(seen.flaw, None);
    let mut copy = bytes.clone();
    edits.apply(0, &mut copy);
    assert_eq!(copy[..32], bytes[..32]);
    let data = bytes.windows(4).position(|kind| kind == b"mdat").unwrap();
    let index = bytes.windows(4).position(|kind| kind == b"moov").unwrap();
    assert!(copy[data + 5_000..index - 4].iter().filter(|&&byte| byte != 0).count() < bytes.len());
}

#[test]
fn fragments_of_tracks_that_do_not_survive_are_refused() {
    let mut bytes = file("fragmented.mp4");
    let sound = bytes.windows(4).position(|kind| kind == b"soun").unwrap();
    bytes[sound..sound + 4].copy_from_slice(b"meta");
    assert_eq!(flow(&bytes, || 1_000).0.flaw, Some(MediaRefusal::Damaged));
}

#[test]
fn scans_are_counted() {
    let bytes = file("progressive.jpg");
    assert_eq!(look(&bytes).flaw, None);
    assert_eq!(clean(&file("thousand-scans.jpg"), MediaType::Jpeg), Err(MediaRefusal::Damaged));
}

#[test]
fn recorders_that_are_sloppy_are_forgiven() {
    for name in ["wav-streamed.wav", "wav-zero.wav"] {
        assert_eq!(look(&file(name)).flaw, None, "{name}");
        assert_eq!(look(&file(name)).duration_ms, Some(500), "{name}");
    }
    // The last chunk is cut off, but it is no sound.
    let wav = file("voice.wav");
    assert_eq!(look(&wav[..wav.len() - 10]).flaw, None);
    // The stream was never ended.
    let mut ogg = file("voice.ogg");
    let last = ogg.windows(5).rposition(|page| page == b"OggS\0").unwrap();
    ogg.truncate(last);
    assert_eq!(look(&ogg).flaw, None);
}

#[test]
fn phones_append_to_heic_as_well() {
    for name in ["tiles.heic", "overlay.heic"] {
        let trailer = [&b"\0\0\x01\x0aImage_UTC_Data"[..], &[7; 40], b"SEFT"].concat();
        let bytes = [file(name), trailer.clone()].concat();
        assert_eq!(look(&bytes).flaw, None, "{name}");
        let copy = clean(&bytes, MediaType::Heic).unwrap().working.unwrap();
        assert!(!crate::bytes::contains(&copy.bytes, b"Image_UTC_Data"), "{name}");
    }
    let bytes = [file("tiles.heic"), b"\x7fELF\x02\x01\x01".to_vec()].concat();
    assert_eq!(look(&bytes).flaw, Some(MediaRefusal::Polyglot));
}

#[test]
fn the_same_tile_many_times_costs_no_more_than_the_file() {
    // All four tiles are the first one, which is made longer than the others together.
    let mut bytes = file("tiles.heic");
    let start = bytes.windows(4).position(|kind| kind == b"dimg").unwrap() + 8;
    for tile in 0..4 {
        bytes[start + 2 * tile..start + 2 * tile + 2].copy_from_slice(&[0, 1]);
    }
    assert!(clean(&bytes, MediaType::Heic).is_ok());
    let places = bytes.windows(4).position(|kind| kind == b"iloc").unwrap() + 12;
    let length = u32::try_from(bytes.len() / 2 - 100).unwrap();
    bytes[places + 10..places + 14].copy_from_slice(&length.to_be_bytes());
    assert_eq!(clean(&bytes, MediaType::Heic), Err(MediaRefusal::Damaged));
}
