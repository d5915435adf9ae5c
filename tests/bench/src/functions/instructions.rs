//! How many instructions a request takes, counted by callgrind: a figure that nothing else on the
//! machine changes.

use std::{
    fs,
    process::{Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use pingan_runtime::Failure;

use super::{
    candidate::Candidate,
    measure::{Running, named},
    stage::Stage,
};

/// Two runs differ by so many requests, and what they have in common, the start, cancels out.
const REQUESTS: [u32; 2] = [20, 120];

/// Whether valgrind is on this machine.
pub(super) fn are_countable() -> bool {
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// The instructions of one request of a program that is warm.
pub(super) async fn per_request(candidate: &Candidate, stage: &Stage) -> Result<u64, Failure> {
    let [few, many] = REQUESTS;
    let (less, more) = (counted(candidate, stage, few).await?, counted(candidate, stage, many).await?);
    let more = more.checked_sub(less).ok_or_else(|| format!("{}: fewer instructions for more", candidate.name))?;
    Ok(more / u64::from(many - few))
}

/// All instructions of a program that is started and answers so many requests.
async fn counted(candidate: &Candidate, stage: &Stage, requests: u32) -> Result<u64, Failure> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("callgrind.out");
    let mut observed = candidate.clone();
    let under = ["--tool=callgrind".to_owned(), format!("--callgrind-out-file={}", out.display())];
    let program = std::mem::replace(&mut observed.program, "valgrind".into());
    let arguments = std::mem::take(&mut observed.arguments);
    observed.arguments = under.into_iter().map(Into::into).chain([program.into_os_string()]).chain(arguments).collect();
    // The environment is cleared, and valgrind is looked for there.
    observed.environment.push(("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()));
    stage.prepare(&candidate.call, requests);
    let mut running = Running::start(&observed, stage)?;
    named(candidate, stage.finished(requests).await)?;
    kill(Pid::from_raw(running.id().try_into()?), Signal::SIGTERM)?;
    running.wait()?;
    total(&fs::read_to_string(&out)?).ok_or_else(|| format!("{}: callgrind counted nothing", candidate.name).into())
}

/// The total of a file of callgrind.
fn total(file: &str) -> Option<u64> {
    file.lines()
        .find_map(|line| line.strip_prefix("totals:").or_else(|| line.strip_prefix("summary:")))?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        assert_eq!(total("version: 1\nevents: Ir\nfn=x\n0 5\n\ntotals: 12345\n"), Some(12_345));
        assert_eq!(total("events: Ir\n"), None);
    }
}
