//! The files of `tests/corpus`: what is seen of each, and what its copies are.

use std::{fmt::Write, io::Cursor};

use image::RgbImage;
use pingan_domain::media::{MediaKind, MediaRefusal, MediaType, Seen};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::{
    check::{check, flow, only_pixels},
    corpus, file,
    mutate::{Chance, mutated},
};
use crate::{Copies, CopyFile, clean, heif::Heif, look};

/// What all files have planted in them, and what a copy must not have.
const PLANTED: [&[u8]; 9] = [
    b"PLANTED-LOCATION",
    b"31.2304",
    b"121.4737",
    b"PlantedMake",
    b"PlantedModel",
    b"PlantedArtist",
    b"Exif\0\0",
    b"http://ns.adobe.com/xap",
    b"GPS",
];

fn copies(bytes: &[u8]) -> Result<Copies, MediaRefusal> {
    let content_type = look(bytes).content_type.ok_or(MediaRefusal::WrongType)?;
    if content_type.kind() != MediaKind::Video {
        return clean(bytes, content_type);
    }
    let (seen, edits) = flow(bytes, || 64 * 1024);
    let mut copy = bytes.to_vec();
    edits.apply(0, &mut copy);
    let working = Some(CopyFile { content_type, bytes: copy });
    seen.flaw.map_or(Ok(Copies { working, thumbnail: None }), Err)
}

fn pixels(file: &CopyFile) -> RgbImage {
    image::load_from_memory(&file.bytes).unwrap().into_rgb8()
}

#[test]
fn what_is_seen_of_each_file() {
    let size = |seen: &Seen| match (seen.width_pixels, seen.height_pixels) {
        (Some(width), Some(height)) => format!("{width}x{height}"),
        _ => "-".to_owned(),
    };
    let mut table = String::new();
    for (name, bytes) in corpus() {
        let seen = look(&bytes);
        let content_type = seen.content_type.map_or("-".to_owned(), |it| it.to_string());
        let duration = seen.duration_ms.map_or("-".to_owned(), |ms| format!("{ms} ms"));
        let flaw = seen.flaw.map_or("-".to_owned(), |it| it.to_string());
        write!(table, "{name:22} {content_type:15} {:11} {duration:>7} {flaw:10}", size(&seen)).unwrap();
        match copies(&bytes) {
            Ok(copies) => {
                for copy in [copies.working, copies.thumbnail].into_iter().flatten() {
                    write!(table, " | {} {}", copy.content_type, size(&look(&copy.bytes))).unwrap();
                }
            }
            Err(refusal) => write!(table, " | {refusal}").unwrap(),
        }
        table = table.trim_end().to_owned() + "\n";
    }
    insta::assert_snapshot!("corpus", table);
}

#[test]
fn no_copy_tells_of_the_owner() {
    for (name, bytes) in corpus() {
        let Ok(copies) = copies(&bytes) else { continue };
        for copy in [copies.working, copies.thumbnail].into_iter().flatten() {
            for planted in PLANTED {
                let found = crate::bytes::contains(&copy.bytes, planted);
                assert!(!found, "{name}: {}", String::from_utf8_lossy(planted));
            }
            // Another reader of EXIF agrees.
            let exif = exif::Reader::new().read_from_container(&mut Cursor::new(&copy.bytes));
            assert!(exif.is_err(), "{name} has EXIF");
        }
    }
}

#[test]
fn the_corpus_has_what_the_copies_must_not_have() {
    let planted = |bytes: &[u8]| PLANTED.iter().any(|planted| crate::bytes::contains(bytes, planted));
    for name in [
        "orientation-1.jpg",
        "alpha.png",
        "lossy.webp",
        "plain.heic",
        "tiles.heic",
        "faststart.mp4",
        "fragmented.mp4",
        "keys-and-text.mov",
        "drone.mp4",
        "voice.m4a",
        "voice.aac",
        "voice.ogg",
        "voice.mp3",
        "voice.wav",
    ] {
        assert!(planted(&file(name)), "{name}");
    }
    let exif = exif::Reader::new().read_from_container(&mut Cursor::new(file("orientation-6.jpg"))).unwrap();
    assert!(exif.get_field(exif::Tag::GPSLatitude, exif::In::PRIMARY).is_some());
}

/// Red above left, green above right, blue below left, white below right.
#[test]
fn copies_are_upright() {
    for name in [
        "orientation-1.jpg",
        "orientation-3.jpg",
        "orientation-6.jpg",
        "orientation-8.jpg",
        "progressive.jpg",
        "cmyk.jpg",
        "motion-photo.jpg",
        "second-picture.jpg",
        "plain.png",
        "alpha.png",
        "sixteen-bit.png",
        "lossy.webp",
        "plain.heic",
        "tiles.heic",
        "large.jpg",
    ] {
        let copies = copies(&file(name)).unwrap();
        for copy in [copies.working.unwrap(), copies.thumbnail.unwrap()] {
            only_pixels(&copy.bytes).unwrap();
            let pixels = pixels(&copy);
            let corner = |x: u32, y: u32| pixels.get_pixel(pixels.width() * x / 4, pixels.height() * y / 4).0;
            let is = |corner: [u8; 3], colour: [u8; 3]| {
                let near = corner.iter().zip(colour).all(|(&is, colour)| is.abs_diff(colour) < 15);
                assert!(near, "{name}: {corner:?} instead of {colour:?}");
            };
            is(corner(1, 1), [220, 30, 30]);
            is(corner(3, 1), [30, 180, 30]);
            is(corner(1, 3), [30, 30, 200]);
            is(corner(3, 3), [255, 255, 255]);
        }
    }
}

#[test]
fn what_the_decoder_does_not_know_is_blanked_in_its_place() {
    let original = file("overlay.heic");
    let copies = copies(&original).unwrap();
    let copy = copies.working.unwrap();
    assert_eq!(copy.bytes.len(), original.len());
    assert_eq!(copies.thumbnail, None);
    // What is left is the same picture: shown by a file that the decoder does know.
    let original = file("tiles.heic");
    let mut blanked = original.clone();
    Heif::read(&original).edits(&original).unwrap().apply(0, &mut blanked);
    assert_ne!(blanked, original);
    assert_eq!(clean(&blanked, MediaType::Heic), clean(&original, MediaType::Heic));
}

#[test]
fn a_clean_video_has_the_samples_of_its_tracks_and_nothing_else() {
    let original = file("drone.mp4");
    let (_, edits) = flow(&original, || 1_000);
    let mut copy = original.clone();
    edits.apply(0, &mut copy);
    assert_eq!(copy.len(), original.len());
    let data = original.windows(4).position(|kind| kind == b"mdat").unwrap();
    let index = original.windows(4).position(|kind| kind == b"moov").unwrap();
    let changed: Vec<usize> = (data..index).filter(|&at| original[at] != copy[at]).collect();
    let gone: Vec<u8> = changed.iter().map(|&at| original[at]).collect();
    assert!(crate::bytes::contains(&gone, b"PLANTEDLOCATION") || crate::bytes::contains(&gone, b"PLANTED-LOCATION"));
    assert!(changed.len() < 200, "{} bytes", changed.len());
}

#[test]
fn edits_do_the_same_in_pieces() {
    for name in ["drone.mp4", "keys-and-text.mov", "maker-boxes.mp4", "fragmented.mp4"] {
        let original = file(name);
        let (_, edits) = flow(&original, || 777);
        let mut whole = original.clone();
        edits.apply(0, &mut whole);
        for size in [1, 3, 7, 1_000] {
            let mut copy = original.clone();
            let mut offset = 0;
            for piece in copy.chunks_mut(size) {
                edits.apply(offset, piece);
                offset += piece.len() as u64;
            }
            assert_eq!(copy, whole, "{name} in pieces of {size}");
        }
    }
}

#[test]
fn chunking_does_not_matter() {
    let files = corpus();
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner =
        TestRunner::new_with_rng(Config { cases: 300, failure_persistence: None, ..Config::default() }, rng);
    let sizes = prop::collection::vec(1_usize..3_000, 1..20);
    runner
        .run(&(0..files.len(), sizes), |(number, sizes)| {
            let bytes = &files[number].1;
            let mut size = sizes.iter().copied().cycle();
            prop_assert_eq!(flow(bytes, || bytes.len()), flow(bytes, || size.next().unwrap()));
            Ok(())
        })
        .unwrap();
}

#[test]
fn whatever_happens_to_a_file_its_copies_are_clean() {
    const CASES: u64 = 2_500;
    let files: Vec<Vec<u8>> = corpus().into_iter().map(|file| file.1).collect();
    let mut taken = 0;
    for case in 0..CASES {
        let mut chance = Chance::new(case);
        let bytes = mutated(&mut chance, &files);
        match check(&bytes, &mut chance) {
            Ok(was_taken) => taken += u32::from(was_taken),
            Err(what) => panic!("case {case}: {what}"),
        }
    }
    // Damage that nothing survives would test nothing.
    assert!(taken > 200, "{taken} of {CASES}");
}
