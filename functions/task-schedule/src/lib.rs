//! Books the moments of tasks with the scheduler, from the stream of the tasks: when one starts,
//! when it reminds and when it ends.
//!
//! A task is written in one transaction, and this function only carries what it says to the
//! scheduler: a crash in between leaves the record in the stream. Each booking has a name of its
//! own, with the moment in it, so that booking the same twice books it once, and no booking is
//! lost with one that runs at the same time. What was booked for a moment that was moved since
//! does nothing when it comes: `task-clock` asks the record what is due.

mod environment;

use aws_lambda_events::event::{
    dynamodb::{Event as StreamEvent, EventRecord},
    streams::DynamoDbEventResponse,
};
use jiff::SignedDuration;
use pingan_cloud::Schedules;
use pingan_domain::{
    Timestamp,
    error::Error,
    task::{Task, TaskStage},
    tasking::{Moment, moments, window},
};
use pingan_runtime::{World, batch};
use pingan_store::stream;
use serde_json::json;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct TaskSchedule {
    /// The scheduler.
    pub schedules: Schedules,
    /// The time.
    pub world: World,
    /// How much later a moment comes that has passed by the time that it is booked: `EventBridge`
    /// Scheduler is not to be asked for what has passed.
    pub ahead: SignedDuration,
}

impl TaskSchedule {
    /// Carries every record of a batch to the scheduler.
    pub async fn handle(&self, batch: StreamEvent) -> DynamoDbEventResponse {
        batch::in_order(batch, |record| self.take(record)).await
    }

    async fn take(&self, record: EventRecord) -> Result<(), Error> {
        match stream::changed_task(record)? {
            // Nothing was booked for what was never sent.
            Some(task) if !matches!(task.stage, TaskStage::Draft | TaskStage::AwaitingConsent) => {
                self.book(&task).await
            }
            _ => Ok(()),
        }
    }

    async fn book(&self, task: &Task) -> Result<(), Error> {
        let now = self.world.now();
        let soon = now.checked_add(self.ahead).unwrap_or(now);
        let name = |moment: Moment, at: Timestamp| format!("{}-{moment}-{}", task.id.as_str(), at.as_millisecond());
        if task.stage == TaskStage::Cancelled {
            for (moment, at) in window(task) {
                self.schedules.cancel(&name(moment, at)).await?;
            }
            return Ok(());
        }
        for (moment, at) in moments(task) {
            let (name, input) = (name(moment, at), json!({ "task": task.id, "moment": moment }).to_string());
            let at = if at > now { at } else { soon };
            self.schedules.book(&name, at, &input).await?;
        }
        tracing::info!(task.id = %task.id, "the moments of a task are booked");
        Ok(())
    }
}
