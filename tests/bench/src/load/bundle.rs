//! The bundle as a process of its own, so that its memory is its own: this program, started again.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use pingan_local::{
    bundle::{Bundle, Options as BundleOptions},
    clock::Clock,
};
use pingan_runtime::Failure;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// How long it may take to start, and to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// Which bundle to run.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Its folder.
    #[arg(long)]
    data: PathBuf,
}

/// Where a bundle is.
#[derive(Debug, Serialize, Deserialize)]
struct Addresses {
    url: String,
    dynamodb_url: String,
}

/// Runs the bundle as `cargo dev` does, on a free port, until the input ends. Says in one line where it is.
///
/// # Errors
///
/// The bundle does not start.
#[expect(clippy::print_stdout, reason = "whoever started this process reads it")]
pub async fn serve(options: Options) -> Result<(), Failure> {
    let mut bundle = Bundle::start(BundleOptions::new(options.data, 0, Clock::real())).await?;
    bundle.schedule_jobs();
    let addresses = Addresses { url: bundle.url.clone(), dynamodb_url: bundle.dynamodb_url.clone() };
    println!("{}", serde_json::to_string(&addresses)?);
    // However whoever started this process ends, its input ends then.
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    bundle.stop().await;
    Ok(())
}

/// A bundle in a process of its own.
pub(super) struct Process {
    /// Where its API is.
    pub(super) url: String,
    /// Where its DynamoDB is.
    pub(super) dynamodb_url: String,
    child: Child,
}

impl Process {
    /// Starts one in a folder.
    pub(super) async fn start(folder: &Path) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg("--data")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().ok_or("the bundle has no output")?;
        let line = timeout(PATIENCE, BufReader::new(output).lines().next_line()).await??;
        let Addresses { url, dynamodb_url } = serde_json::from_str(&line.ok_or("the bundle did not start")?)?;
        Ok(Self { url, dynamodb_url, child })
    }

    /// The most memory that it has held until now, in bytes (Linux: `VmHWM` of `/proc/<pid>/status`).
    pub(super) fn peak_bytes(&self) -> Result<u64, Failure> {
        let id = self.child.id().ok_or("the bundle has ended")?;
        peak_of(&fs::read_to_string(format!("/proc/{id}/status"))?)
    }

    /// Has it end, and waits until it has.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        let status = timeout(PATIENCE, self.child.wait()).await??;
        if status.success() { Ok(()) } else { Err(format!("the bundle ended with {status}").into()) }
    }
}

fn peak_of(status: &str) -> Result<u64, Failure> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line
        .and_then(|line| line.trim().strip_suffix("kB"))
        .ok_or("the system does not say how much memory it took")?;
    Ok(kib.trim().parse::<u64>()? * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_what_the_system_says() {
        assert_eq!(peak_of("Name:\tx\nVmHWM:\t   2048 kB\nVmRSS:\t 1 kB\n").unwrap(), 2 * 1_024 * 1_024);
        assert!(peak_of("Name:\tx\n").is_err());
    }
}
