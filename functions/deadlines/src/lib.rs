//! Works through everything whose time has come, every quarter of an hour: stages that are late
//! are reminded and passed over, reporters are reminded of questions, what was unfounded is
//! erased, and receivers of hand-overs are reminded.
//!
//! To put another kind of thing on the clock, write a function that does what is due of it and
//! says how much that was, and add its line to [`Deadlines::handle`].

use std::time::Duration;

use pingan_domain::error::Error;
use pingan_runtime::Failure;
use pingan_workflow::{Workflow, clock::Budget, handovers::MAX_CALLED};
use serde::Deserialize;

/// The most reports of a run: several times of what comes due in a quarter of an hour after a
/// long holiday in a large city.
pub const MAX_REPORTS: usize = 5_000;
/// After which time a run begins nothing new, in seconds: well within the function's timeout.
pub const MAX_SECONDS: u64 = 200;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Deadlines {
    /// How records are changed.
    pub workflow: Workflow,
}

/// What starts a run: it says nothing that the run needs.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Start {}

impl Deadlines {
    /// Does what is due. Each kind of thing is worked through whatever becomes of the others;
    /// the run fails at its end when one of them did, so that an alarm tells of it.
    pub async fn handle(&self, _: Start) -> Result<(), Failure> {
        let now = self.workflow.world.now();
        let budget = Budget { reports: MAX_REPORTS, time: Duration::from_secs(MAX_SECONDS) };
        let mut run = Run::default();
        run.add("reports", self.workflow.reports_clock(now, budget).await);
        run.add("hand-overs", self.workflow.handover_clock(now, MAX_CALLED).await);
        run.end()
    }
}

/// What became of a run.
#[derive(Debug, Default)]
struct Run {
    failed: Vec<String>,
}

impl Run {
    fn add(&mut self, what: &'static str, done: Result<usize, Error>) {
        match done {
            Ok(done) => tracing::info!(deadlines.of = what, deadlines.done = done, "what was due is done"),
            Err(error) => {
                tracing::error!(deadlines.of = what, error.why = %error, "not all that is due could be done");
                self.failed.push(format!("{what}: {error}"));
            }
        }
    }

    fn end(self) -> Result<(), Failure> {
        if self.failed.is_empty() { Ok(()) } else { Err(self.failed.join("; ").into()) }
    }
}
