//! What can be asked for.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use pingan_runtime::Failure;

use crate::{cost, functions, load};

/// Measures the bundle. Each command prints its tables; with `--write` they take their place in
/// BENCHMARKS.md, with the command, the machine and the day.
#[derive(Debug, Parser)]
#[command(name = "cargo bench-bundle", bin_name = "cargo bench-bundle")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Write the tables to BENCHMARKS.md as well.
    #[arg(long, global = true)]
    write: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure the release programs of the functions beside a hello-world, the bare SDK calls, and the same
    /// submission in Python and Node: cold start, CPU, memory, sizes, instructions. What is done
    /// when nothing is said.
    Functions(functions::Options),
    /// Put the whole chain under load on this machine; then again with 10 and 100 times the records.
    Load(load::Options),
    /// The bundle of `load` as a process of its own.
    #[command(hide = true)]
    Serve(load::bundle::Options),
    /// Show what the bundle costs at published prices, and which key gets hot first.
    Cost(cost::Options),
}

/// Runs what was asked for.
pub async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let write = arguments.write;
    match arguments.command.unwrap_or_else(|| Command::Functions(functions::Options::default())) {
        Command::Functions(options) => Box::pin(functions::run(options, write)).await,
        Command::Load(options) => Box::pin(load::run(options, write)).await,
        Command::Serve(options) => Box::pin(load::bundle::serve(options)).await,
        Command::Cost(options) => cost::run(&options, write),
    }
}

#[expect(clippy::print_stderr, reason = "it is a command for people")]
fn say_error(error: &Failure) {
    eprintln!("{error}");
}
