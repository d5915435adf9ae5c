//! Writes the clean copies of files, and a table of what was seen: for looking at them with
//! other programs.
//!
//! `cargo run -p pingan-inspect --example clean_media -- <out-dir> <file>…`

// A tool for a terminal: it prints.
#![allow(clippy::print_stdout)]

use std::{error::Error, fmt::Write, fs, path::Path, process::ExitCode};

use pingan_domain::media::{MediaKind, MediaRefusal, Seen};
use pingan_inspect::{Copies, CopyFile, VideoLook, clean, look};

/// How a stream would come in.
const PIECE_BYTES: usize = 64 * 1024;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(folder) = arguments.next() else {
        println!("clean_media <out-dir> <file>…");
        return Ok(ExitCode::FAILURE);
    };
    fs::create_dir_all(&folder)?;
    for file in arguments {
        let file = Path::new(&file);
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (seen, copies) = copy(&fs::read(file)?);
        let mut made = String::new();
        match copies {
            Ok(copies) => {
                let copies = [("working", copies.working), ("thumbnail", copies.thumbnail)];
                for (which, copy) in copies.into_iter().filter_map(|(which, copy)| Some((which, copy?))) {
                    let file = format!("{name}.{which}.{}", copy.content_type.extension());
                    fs::write(Path::new(&folder).join(file), &copy.bytes)?;
                    write!(made, " {which} {} {}", copy.content_type, copy.bytes.len())?;
                }
            }
            Err(refusal) => made = format!(" refused: {refusal}"),
        }
        println!("{name:32} {}{made}", line(&seen));
    }
    Ok(ExitCode::SUCCESS)
}

fn copy(bytes: &[u8]) -> (Seen, Result<Copies, MediaRefusal>) {
    let seen = look(bytes);
    let Some(content_type) = seen.content_type else { return (seen, Err(MediaRefusal::WrongType)) };
    if content_type.kind() != MediaKind::Video {
        return (seen, clean(bytes, content_type));
    }
    let mut look = VideoLook::new();
    bytes.chunks(PIECE_BYTES).for_each(|piece| look.push(piece));
    let (seen, edits) = look.finish();
    if let Some(flaw) = seen.flaw {
        return (seen, Err(flaw));
    }
    let mut copy = bytes.to_vec();
    edits.apply(0, &mut copy);
    (seen, Ok(Copies { working: Some(CopyFile { content_type, bytes: copy }), thumbnail: None }))
}

fn line(seen: &Seen) -> String {
    let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let size = seen.width_pixels.zip(seen.height_pixels).map(|(width, height)| format!("{width}x{height}"));
    format!(
        "{:16} {:12} {:>9} {:16}",
        text(seen.content_type.map(|it| it.to_string())),
        text(size),
        text(seen.duration_ms.map(|ms| format!("{ms} ms"))),
        text(seen.flaw.map(|it| it.to_string())),
    )
}
