//! A program that runs, and what it has taken.

use std::{
    fs,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use nix::{
    time::{ClockId, clock_getcpuclockid},
    unistd::Pid,
};
use pingan_runtime::Failure;

use super::{
    candidate::Candidate,
    figures::{Start, Warm},
    stage::Stage,
};

/// How many requests a program has answered before it counts as warm.
const WARM_UP: u32 = 100;

/// A program that runs. Dropping it ends it.
pub(super) struct Running {
    child: Child,
    clock: ClockId,
}

impl Running {
    /// Starts it into the stage.
    pub(super) fn start(candidate: &Candidate, stage: &Stage) -> Result<Self, Failure> {
        let mut command = candidate.command();
        command.env_clear().envs(stage.environment()).envs(candidate.environment.iter().cloned());
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let clock = clock_getcpuclockid(Pid::from_raw(child.id().try_into()?))?;
        Ok(Self { child, clock })
    }

    /// The time of CPU that it has taken until now, by all its threads.
    pub(super) fn cpu(&self) -> Result<Duration, Failure> {
        Ok(self.clock.now()?.into())
    }

    /// The most memory that it has had until now, in KiB.
    pub(super) fn peak_kib(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
        Ok(peak.trim().trim_end_matches(" kB").parse()?)
    }

    /// Its number.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended.
    pub(super) fn wait(&mut self) -> Result<(), Failure> {
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One start, from the spawn to the first answer.
pub(super) async fn cold(candidate: &Candidate, stage: &Stage) -> Result<Start, Failure> {
    stage.prepare(&candidate.call, 1);
    let begun = Instant::now();
    let running = Running::start(candidate, stage)?;
    let answered = named(candidate, stage.finished(1).await)?;
    let cpu = running.cpu()?;
    Ok(Start { wall: answered.duration_since(begun), cpu, peak_kib: running.peak_kib()? })
}

/// Many requests to one that is warm.
pub(super) async fn warm(candidate: &Candidate, stage: &Stage, requests: u32) -> Result<Warm, Failure> {
    stage.prepare(&candidate.call, WARM_UP);
    let running = Running::start(candidate, stage)?;
    named(candidate, stage.finished(WARM_UP).await)?;
    let (cpu, begun) = (running.cpu()?, Instant::now());
    stage.again(requests);
    let answered = named(candidate, stage.finished(requests).await)?;
    let (cpu, wall) = (running.cpu()?.saturating_sub(cpu), answered.duration_since(begun));
    Ok(Warm { cpu: cpu / requests, wall: wall / requests, peak_kib: running.peak_kib()? })
}

/// The error with the name of whom it is about.
pub(super) fn named<T>(candidate: &Candidate, result: Result<T, Failure>) -> Result<T, Failure> {
    result.map_err(|error| format!("{}: {error}", candidate.name).into())
}
