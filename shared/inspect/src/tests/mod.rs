//! The tests. `mutate` and `check` are shared with the fuzzer in `examples/fuzz_media.rs`.

mod check;
mod corpus;
mod hostile;
mod mutate;
mod types;

use std::{fs, path::PathBuf};

/// The files of `tests/corpus`, by their names.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/files");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn file(name: &str) -> Vec<u8> {
    corpus().into_iter().find(|file| file.0 == name).unwrap().1
}

/// A box of ISO-BMFF.
fn part(kind: [u8; 4], bodies: &[&[u8]]) -> Vec<u8> {
    let body = bodies.concat();
    [&u32::try_from(body.len() + 8).unwrap().to_be_bytes(), &kind, &body[..]].concat()
}
