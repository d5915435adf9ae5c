//! The whole chain under load, and whether it gets slower as its records grow.
//!
//! The bundle of `cargo dev` runs as a process of its own ([`bundle`]), phones and reviewers use it through
//! the HTTP API in a closed loop ([`people`]), and one more takes part in the loop who sends bare calls to the embedded
//! DynamoDB ([`bare`]): what that one slows down with is the emulator's own doing.
//!
//! A folder is filled once for each scale ([`filling`]). Then the scales take turns, each time on a copy
//! of its folder, so that each begins with exactly its records, and what else the machine does falls upon all of
//! them.

mod bare;
pub mod bundle;
mod filling;
mod people;
mod table;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use futures::future::join_all;
use pingan_local::meter::Meter;
use pingan_runtime::Failure;

use self::{
    bare::Bare,
    bundle::Process,
    filling::Filled,
    people::{Cast, PAGE, Problems},
};
use crate::report;

/// How often each scale has its turn.
const ROUNDS: u32 = 6;
/// What is done before anything is measured, in each turn: connections are opened, and what is read often is read.
const WARM_UP: Duration = Duration::from_secs(3);

/// How much load, for how long, and on how many records.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How many phones of reporters.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=200))]
    phones: u16,
    /// How many reviewers, each with a queue of their own.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=12))]
    reviewers: u16,
    /// How long each scale is measured, in seconds: a sixth of it in each of its turns.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(6..=3_600))]
    seconds: u32,
    /// How many times the records, the fewest first.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10, 100],
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    scale: Vec<u32>,
    /// How many reports there are at the scale of 1: a page for each reviewer at least.
    #[arg(long, default_value_t = 180, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    records: u32,
}

impl Options {
    /// Says what cannot be measured.
    fn check(&self) -> Result<(), Failure> {
        if !self.scale.is_sorted_by(|one, next| one < next) {
            return Err("--scale: each has to be more than the one before".into());
        }
        let fewest = u32::from(self.reviewers) * PAGE;
        if self.records < fewest {
            return Err(format!("--records: {} reviewers need {fewest}, a page each", self.reviewers).into());
        }
        Ok(())
    }

    fn command(&self) -> String {
        let scale: Vec<_> = self.scale.iter().map(u32::to_string).collect();
        format!(
            "cargo bench-bundle load --phones {} --reviewers {} --seconds {} --scale {} --records {}",
            self.phones,
            self.reviewers,
            self.seconds,
            scale.join(","),
            self.records
        )
    }
}

/// What was measured at one scale.
struct Measured {
    /// How many reports there were when each of its turns began.
    reports: u32,
    meter: Meter,
    /// How long it was measured.
    time: Duration,
    /// The most memory of the bundle's process in any of its turns, in bytes.
    peak_bytes: u64,
}

/// Measures, and shows what was measured.
///
/// # Errors
///
/// The bundle does not start or cannot be filled, or any call is answered otherwise than with success: the first of these is
/// shown. Nothing is written to `BENCHMARKS.md` then.
pub async fn run(options: Options, write: bool) -> Result<(), Failure> {
    options.check()?;
    let cast = Cast::of(usize::from(options.phones), usize::from(options.reviewers))?;
    let work = tempfile::tempdir()?;
    let filled = filling::fill(work.path(), &cast, options.records, &options.scale).await?;
    let mut measured: Vec<Measured> =
        filled.iter().map(|filled| Measured::nothing(filled.scale * options.records)).collect();
    let problems = Problems::default();
    for round in 0..ROUNDS {
        let mut turns: Vec<_> = measured.iter_mut().zip(&filled).collect();
        // There and back: whatever gets slower by and by falls upon all of them.
        if round % 2 == 1 {
            turns.reverse();
        }
        for (measured, filled) in turns {
            say(&format!("round {} of {ROUNDS}: {} reports", round + 1, measured.reports));
            let time = Duration::from_secs(u64::from(options.seconds)) / ROUNDS;
            turn(work.path(), filled, &cast, time, measured, &problems).await?;
        }
    }
    let text = table::tables(&cast, &measured, &problems);
    let failed = problems.first();
    report::section("load", &options.command(), &text, write && failed.is_none())?;
    failed.map_or(Ok(()), |first| Err(format!("{} calls failed; the first: {first}", problems.count()).into()))
}

impl Measured {
    fn nothing(reports: u32) -> Self {
        Self { reports, meter: Meter::default(), time: Duration::ZERO, peak_bytes: 0 }
    }
}

/// One turn: a bundle is started on a copy of the folder, used, and ended.
async fn turn(
    work: &Path,
    filled: &Filled,
    cast: &Cast,
    time: Duration,
    measured: &mut Measured,
    problems: &Problems,
) -> Result<(), Failure> {
    let folder = tempfile::tempdir_in(work)?;
    filling::copy(&filled.folder, folder.path())?;
    let process = Process::start(folder.path()).await?;
    let people = cast.sign_in(&process.url).await?;
    let bare = Bare::new(&process.dynamodb_url, &filled.sample, cast)?;
    let round = async |meter: &Meter, time: Duration| {
        let until = Instant::now() + time;
        let used = join_all(people.iter().map(|person| person.act(meter, problems, until)));
        tokio::join!(used, bare.act(meter, problems, until));
    };
    round(&Meter::default(), WARM_UP).await;
    let begun = Instant::now();
    round(&measured.meter, time).await;
    measured.time += begun.elapsed();
    measured.peak_bytes = measured.peak_bytes.max(process.peak_bytes()?);
    process.stop().await
}

#[expect(clippy::print_stderr, reason = "it is a command for people")]
fn say(what: &str) {
    eprintln!("{what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(reviewers: u16, scale: &[u32], records: u32) -> Options {
        Options { phones: 1, reviewers, seconds: 6, scale: scale.to_vec(), records }
    }

    #[test]
    fn scales_grow_and_each_reviewer_has_a_page() {
        assert!(options(3, &[1, 10, 100], 150).check().is_ok());
        assert!(options(3, &[1, 10, 10], 150).check().is_err());
        assert!(options(3, &[10, 1], 150).check().is_err());
        assert!(options(3, &[1], 149).check().is_err());
    }
}
