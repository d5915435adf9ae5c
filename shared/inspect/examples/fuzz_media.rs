//! Mutates the media of `tests/corpus` for a while, and checks what must be true of every file.
//!
//! `cargo fuzz-media -- --seconds 300 --seed 7`. A failure prints the seed and the case, leaves the
//! file in the folder for temporary files, and exits with 1.

// A tool for a terminal: it prints.
#![allow(clippy::print_stdout, missing_docs)]

#[path = "../src/tests/check.rs"]
mod check;
#[path = "../src/tests/mutate.rs"]
mod mutate;

use std::{
    error::Error,
    fs,
    hash::{BuildHasher, RandomState},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use mutate::{Chance, mutated};

/// No case may take longer.
const MAX_CASE: Duration = Duration::from_secs(15);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (mut seconds, mut seed) = (300, RandomState::new().hash_one("seed") >> 16);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.chunks(2) {
        match pair {
            [name, value] if name == "--seconds" => seconds = value.parse()?,
            [name, value] if name == "--seed" => seed = value.parse()?,
            _ => return Err("fuzz_media [--seconds N] [--seed N]".into()),
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/files");
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    let files = paths.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?;
    println!("seed {seed}, {} files, {seconds} seconds", files.len());
    // What panics inside of `clean` is caught there, and is a refusal; what else panics is told below.
    std::panic::set_hook(Box::new(|_| {}));

    let began = Instant::now();
    let (mut cases, mut taken) = (0_u64, 0_u64);
    let mut slowest = (Duration::ZERO, 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        let mut chance = Chance::new(seed.wrapping_add(cases));
        let bytes = mutated(&mut chance, &files);
        let case_began = Instant::now();
        let checked = catch_unwind(AssertUnwindSafe(|| check::check(&bytes, &mut chance)));
        let took = case_began.elapsed();
        let result = match checked {
            Ok(_) if took > MAX_CASE => Err(format!("took {took:?}")),
            Ok(result) => result,
            Err(_) => Err("panicked".to_owned()),
        };
        match result {
            Ok(was_taken) => taken += u64::from(was_taken),
            Err(what) => {
                let path = std::env::temp_dir().join(format!("fuzz-media-{seed}-{cases}"));
                fs::write(&path, &bytes)?;
                println!("seed {seed}, case {cases}: {what}\n{}", path.display());
                return Ok(ExitCode::FAILURE);
            }
        }
        slowest = slowest.max((took, cases));
        cases += 1;
    }
    let memory = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    println!("{cases} cases, {taken} of them taken; the slowest was case {} with {:?}; {memory}", slowest.1, slowest.0);
    Ok(ExitCode::SUCCESS)
}
