//! What a function takes: the programs as they are shipped, beside a hello-world, the bare SDK calls
//! that the same operation needs, and the same submission in Python and in Node.
//!
//! Every program is started as Lambda starts it, with the Runtime API and the AWS services played by this
//! process ([`stage`], [`endpoint`]). What the services answer was recorded before, from the embedded
//! services, for exactly this call ([`scenario`]); so that all candidates are answered alike, at once,
//! and what is measured is the program. Candidates take turns within each round, so that what else
//! the machine does falls upon all of them.

mod candidate;
mod endpoint;
mod figures;
mod instructions;
mod measure;
mod scenario;
mod stage;
mod table;

use std::{collections::BTreeMap, path::PathBuf};

use pingan_runtime::Failure;

use self::{
    candidate::{Candidate, Kind},
    endpoint::Endpoint,
    figures::Figures,
    measure::{cold, warm},
    scenario::Call,
    stage::Stage,
};
use crate::{peers, report};

/// The fewest starts of which a median is shown.
const MIN_STARTS: u16 = 21;

/// What is measured, and how often.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// How often each candidate is started; the medians are shown.
    #[arg(long, default_value_t = MIN_STARTS, value_parser = clap::value_parser!(u16).range(1..=1_001))]
    starts: u16,
    /// How many requests are sent to each candidate that is warm.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    requests: u32,
    /// Only these functions; all HTTP functions when none is named.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Measure the programs in this folder instead of building them: of an older build, or of another profile. It holds all of
    /// them, or with `--only` those.
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Leave out Python and Node.
    #[arg(long)]
    no_peers: bool,
    /// Leave out the count of instructions, which takes some minutes.
    #[arg(long)]
    no_instructions: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            starts: MIN_STARTS,
            requests: 2_000,
            only: Vec::new(),
            programs: None,
            no_peers: false,
            no_instructions: false,
        }
    }
}

/// Measures, and shows what was measured.
///
/// # Errors
///
/// A program cannot be built, or answers otherwise than with success.
pub async fn run(options: Options, write: bool) -> Result<(), Failure> {
    let programs = candidate::programs(&options.only, options.programs)?;
    let work = tempfile::tempdir()?;
    let endpoint = Endpoint::start(work.path()).await?;
    let stage = Stage::start(endpoint.clone()).await?;

    say(&format!("recording what the services answer to {} calls", programs.functions.len()));
    let calls = scenario::record(&programs, &stage, work.path()).await?;
    let peers = if options.no_peers { Vec::new() } else { peers()? };
    let candidates = candidates(&programs, &peers, &calls, work.path())?;

    let mut packages = Vec::new();
    for (name, program) in &programs.followers {
        packages.push((name.clone(), Figures::of_package(name, program, work.path())?));
    }
    let mut figures: BTreeMap<String, Figures> = BTreeMap::new();
    for candidate in &candidates {
        figures.insert(candidate.name.clone(), Figures::of(candidate)?);
    }
    for round in 1..=options.starts {
        say(&format!("cold starts: round {round} of {}", options.starts));
        for candidate in &candidates {
            let start = cold(candidate, &stage).await?;
            figures.entry(candidate.name.clone()).or_default().starts.push(start);
        }
    }
    for candidate in &candidates {
        say(&format!("{} requests: {}", options.requests, candidate.name));
        let run = warm(candidate, &stage, options.requests).await?;
        figures.entry(candidate.name.clone()).or_default().warm = Some(run);
    }
    if !options.no_instructions {
        if instructions::are_countable() {
            for candidate in candidates.iter().filter(|candidate| candidate.kind != Kind::Peer) {
                say(&format!("instructions: {}", candidate.name));
                let counted = instructions::per_request(candidate, &stage).await?;
                figures.entry(candidate.name.clone()).or_default().instructions = Some(counted);
            }
        } else {
            say("valgrind is not on this machine: no instructions are counted");
        }
    }
    let mut command =
        format!("cargo bench-bundle functions --starts {} --requests {}", options.starts, options.requests);
    if !options.only.is_empty() {
        command = format!("{command} --only {}", options.only.join(","));
    }
    report::section("functions", &command, &table::tables(&candidates, &packages, &figures), write)
}

/// All that are measured: what is measured against first.
fn candidates(
    programs: &candidate::Programs,
    peers: &[peers::Peer],
    calls: &[Call],
    work: &std::path::Path,
) -> Result<Vec<Candidate>, Failure> {
    let mut candidates = Vec::new();
    let first = calls.first().ok_or("there is nothing to measure")?;
    candidates.push(Candidate::hello(programs, first, work)?);
    for call in calls {
        candidates.push(Candidate::function(programs, call, work)?);
        candidates.push(Candidate::bare(programs, call, work)?);
    }
    if let Some(submission) = calls.iter().find(|call| call.function == "submission") {
        candidates.extend(peers.iter().map(|peer| Candidate::peer(peer, submission)));
    }
    Ok(candidates)
}

fn peers() -> Result<Vec<peers::Peer>, Failure> {
    let mut ready = Vec::new();
    for installed in peers::install(&cache())? {
        match installed {
            Ok(peer) => ready.push(peer),
            Err(why) => say(&why),
        }
    }
    Ok(ready)
}

/// Where what is installed is kept.
fn cache() -> PathBuf {
    report::root().join("target/bench/peers")
}

#[expect(clippy::print_stderr, reason = "it is a command for people")]
fn say(what: &str) {
    eprintln!("{what}");
}
