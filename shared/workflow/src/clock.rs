//! How the clock acts on reports: it works through what is due, over all districts, and
//! commits each as an ordinary command.
//!
//! Each command's identity is made from the report and its version. A run that was killed, one
//! that comes twice and two at once do each thing once: whoever is second finds that it was
//! done, or that the report is another one by now.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use pingan_domain::{
    Timestamp,
    command::{CommandId, Fingerprint, Receipt},
    decide::{self, Context},
    error::Error,
    overdue,
    report::{Report, ReportId},
};
use pingan_store::{CommitError, Key, Loaded, due::DueCursor, keys::DUE_SHARDS};
use uuid::Uuid;

use crate::Workflow;

/// How many reports are read at once.
const PAGE: u16 = 25;
/// How many of them are worked on at the same time.
const AT_ONCE: usize = 8;
/// The most rounds of a run: in each, one page of each shard is worked through.
const MAX_ROUNDS: usize = 200;

/// How far a run may go.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// The most reports that it looks at.
    pub reports: usize,
    /// After which time it begins nothing new.
    pub time: Duration,
}

impl Workflow {
    /// Does what is due with reports by now, and says with how many something was done. What
    /// is left when the budget ends, the next run does.
    ///
    /// A report with which it cannot be done stops no other: it is named in the log, and the
    /// run ends with an error once all others are done.
    pub async fn reports_clock(&self, now: Timestamp, budget: Budget) -> Result<usize, Error> {
        let begun = Instant::now();
        let mut open: Vec<(u8, Option<DueCursor>)> = (0..DUE_SHARDS).map(|shard| (shard, None)).collect();
        let (mut looked_at, mut failed) = (0, 0);
        let done = AtomicUsize::new(0);
        for _ in 0..MAX_ROUNDS {
            // One page of each shard after the other, so that no shard waits for all of another.
            for (shard, cursor) in std::mem::take(&mut open) {
                let left = budget.reports.saturating_sub(looked_at).min(usize::from(PAGE));
                if left == 0 || begun.elapsed() >= budget.time {
                    open.push((shard, cursor));
                    continue;
                }
                let limit = u16::try_from(left).unwrap_or(PAGE);
                let page = match self.store.due(shard, now, limit, cursor).await {
                    Ok(page) => page,
                    Err(error) => {
                        tracing::error!(due.shard = shard, error.why = %error, "a shard of what is due cannot be read");
                        failed += 1;
                        continue;
                    }
                };
                looked_at += page.reports.len();
                failed += self.work_through(page.reports, now, &done).await;
                if page.next.is_some() {
                    open.push((shard, page.next));
                }
            }
            let spent = looked_at >= budget.reports || begun.elapsed() >= budget.time;
            if open.is_empty() || spent {
                break;
            }
        }
        let done = done.into_inner();
        if !open.is_empty() {
            tracing::warn!(due.looked_at = looked_at, "more is due than one run does; the next goes on");
        }
        tracing::info!(due.looked_at = looked_at, due.done = done, due.failed = failed, "the clock has run");
        if failed == 0 {
            Ok(done)
        } else {
            Err(Error::Internal(format!("the clock could not act {failed} times; {done} times it did")))
        }
    }

    /// Acts on these reports, and gives how many could not be acted on.
    async fn work_through(&self, ids: Vec<ReportId>, now: Timestamp, done: &AtomicUsize) -> usize {
        if ids.is_empty() {
            return 0;
        }
        let count = ids.len();
        let loaded = match self.store.load(ids.clone().into_iter().map(Key::Report)).await {
            Ok(loaded) => loaded,
            Err(error) => {
                tracing::error!(error.why = %error, "a page of what is due cannot be read");
                return count;
            }
        };
        let acts: Vec<_> = ids.into_iter().map(|id| self.try_to_act(&loaded, id, now, done)).collect();
        stream::iter(acts).buffer_unordered(AT_ONCE).fold(0, async |sum, failed| sum + failed).await
    }

    /// Acts on a report; gives 1 when it cannot be done, which stops nothing else.
    async fn try_to_act(&self, loaded: &Loaded, id: ReportId, now: Timestamp, done: &AtomicUsize) -> usize {
        match self.act_on_due(loaded, id, now).await {
            Ok(acted) => {
                done.fetch_add(usize::from(acted), Ordering::Relaxed);
                0
            }
            Err(error) => {
                tracing::error!(report.id = %id, error.why = %error, "the clock cannot act on a report");
                1
            }
        }
    }

    /// Does what is due with this report, if anything is; says whether it did.
    async fn act_on_due(&self, loaded: &Loaded, id: ReportId, now: Timestamp) -> Result<bool, Error> {
        // The index comes a moment late: what it still shows may have been done.
        let Some(report) = loaded.report(id)? else { return Ok(false) };
        let Some(request) = overdue::due(&report, now) else { return Ok(false) };
        let command = CommandId::of_clock(id, report.version);
        let action = request.action();
        let fingerprint = Fingerprint::of(Uuid::nil(), "clock", &id.to_string(), &request)?;
        let salt = self.world.random().map_err(|error| Error::Internal(error.to_string()))?;
        let context = Context { now, command, salt, policy: &self.policy };
        let decided = decide::decide(&report, &clock_of(&report), request, None, context)?;
        let receipt = Receipt { command, fingerprint, report: id };
        match self.store.commit(Some(&report), &decided, &receipt).await {
            Ok(()) => {
                tracing::info!(report.id = %id, report.action = %action, report.stage = %report.stage, "the clock has acted");
                Ok(true)
            }
            // Another run has done it, or somebody has acted: what is due then, the next run does.
            Err(CommitError::AlreadyDone | CommitError::Stale | CommitError::CodeTaken) => Ok(false),
            Err(CommitError::Failed(error)) => Err(error),
        }
    }
}

/// The clock of a report's district.
fn clock_of(report: &Report) -> pingan_domain::member::Member {
    decide::clock_member(report.node.district())
}
