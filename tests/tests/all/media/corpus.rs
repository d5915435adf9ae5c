//! Real files, as phones make them and as nobody should send them (`tests/corpus`): what each of them gives, and that
//! nothing of what it tells of its owner is left in what reviewers see.

use std::{fmt::Write as _, io::Cursor, path::Path};

use pingan_domain::media::MediaType;
use pingan_domain::named::Named as _;
use pingan_local::client::Answer;
use uuid::Uuid;

use crate::harness::{Reporter, Reviewer, World};

/// What was planted in the files and must be in no copy: places, and what carries them.
const PLANTED: [&str; 11] = [
    "Planted",
    "PLANTED",
    "31.2304",
    "121.4737",
    "Exif\0\0",
    "http://ns.adobe.com/xap",
    "com.apple.quicktime",
    "\u{a9}xyz",
    "GPSLatitude",
    "ID3\u{3}",
    "ID3\u{4}",
];

/// The type that a phone would announce for a file of this name.
fn claimed(name: &str) -> &'static str {
    let ending = name.rsplit('.').next().unwrap();
    // What has the ending of no type that is taken is passed off for a photo.
    MediaType::ALL.iter().find(|media| media.extension() == ending).unwrap_or(&MediaType::Jpeg).name()
}

fn files() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/files");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_every_file_gives_and_what_is_left_of_it() {
    let world = World::start().await;
    let reporter = world.reporter("boatyard").await;
    let officer = world.officer("boatyard").await;
    let files = files();
    assert!(files.len() > 50, "the corpus is there: {}", files.len());
    // What must not be found afterwards is found before.
    let with_exif = files.iter().filter(|(_, bytes)| has_exif(bytes)).count();
    let planted = files.iter().filter(|(_, bytes)| bytes.windows(7).any(|window| window == b"PLANTED")).count();
    assert!(with_exif >= 10 && planted >= 20, "{with_exif} files with EXIF data, {planted} with what was planted");
    let mut table = String::new();
    for (name, bytes) in files {
        let row = what_it_gives(&reporter, &officer, &name, bytes).await;
        writeln!(table, "{name:24} {row}").unwrap();
    }
    insta::assert_snapshot!(table);
}

async fn what_it_gives(reporter: &Reporter, officer: &Reviewer, name: &str, bytes: Vec<u8>) -> String {
    let announced = reporter.person.announce(reporter.keys.next(), claimed(name), &bytes).await.unwrap();
    if announced.status != 201 {
        return format!("{} {}", announced.status, announced.text("/errors/0/detail"));
    }
    assert_eq!(reporter.person.put(&announced.body["upload"], bytes).await.unwrap(), 200, "{name}");
    let id: Uuid = announced.text("/id").parse().unwrap();
    let verdict = reporter.person.verdict(id).await.unwrap();
    if verdict.text("/state") != "ready" {
        return format!("{}: {}", verdict.text("/state"), verdict.text("/reason"));
    }
    let code = reporter.reports("See the file.").with_media(id).send().await;
    let copy = officer.opens_media(&code, id).await;
    tells_nothing(name, &copy);
    if verdict.body["thumbnail"].is_object() {
        tells_nothing(name, &officer.opens_thumbnail(&code, id).await);
    }
    described(&verdict)
}

fn described(verdict: &Answer) -> String {
    let number = |field: &str| verdict.body[field].as_u64();
    let mut row = format!("ready: {}", verdict.text("/content_type"));
    if let Some((width, height)) = number("width_pixels").zip(number("height_pixels")) {
        write!(row, ", {width} × {height}").unwrap();
    }
    if let Some(ms) = number("duration_ms") {
        write!(row, ", {}.{} s", ms / 1_000, ms % 1_000 / 100).unwrap();
    }
    write!(row, " → {}", verdict.text("/working/content_type")).unwrap();
    if verdict.body["thumbnail"].is_object() {
        row.push_str(" and a thumbnail");
    }
    row
}

/// Whether an independent reader finds EXIF data. It knows JPEG, PNG, WebP and HEIC; of sound and video the search for
/// what was planted says whether something is left, and `tests/corpus/verify`, which asks exiftool.
fn has_exif(bytes: &[u8]) -> bool {
    exif::Reader::new().read_from_container(&mut Cursor::new(bytes)).is_ok()
}

/// Reads a copy with an independent reader, and looks for what was planted.
#[track_caller]
fn tells_nothing(name: &str, copy: &[u8]) {
    assert!(!has_exif(copy), "{name}: its copy has EXIF data");
    for planted in PLANTED {
        // Names of boxes are single bytes, not characters.
        let bytes: Vec<u8> = planted.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        let found = copy.windows(bytes.len()).any(|window| window == bytes);
        assert!(!found, "{name}: its copy has {planted:?}");
    }
}
