//! Does what the time of a task asks for: tells those in scope that it has started, reminds who
//! has not read it, and tells its maker that it is over.
//!
//! What a task takes and shows goes by its window itself, to the second; this function only
//! tells of it. A moment that comes twice, too early, or after the task was changed or called
//! off, does nothing: the record says what is due.

use aws_config::SdkConfig;
use jiff::SignedDuration;
use pingan_domain::{
    Timestamp,
    error::Error,
    task::TaskId,
    tasking::{Moment, come, moments},
};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Key, Store, TableNames, tasks::TaskCommitError};
use serde::Deserialize;

/// How often a moment begins again when somebody changes the task at the same time.
const MAX_TRIES: usize = 20;

/// How much too early a moment may come, by a clock that is fast, in minutes, to be taken for
/// itself and not for one that was moved since.
const EARLY_MINUTES: i64 = 2;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct TaskClock {
    /// The records.
    pub store: Store,
    /// The time.
    pub world: World,
}

/// A moment of a task, as it was booked.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Due {
    /// The task.
    pub task: TaskId,
    /// Which of its moments.
    pub moment: Moment,
}

impl TaskClock {
    /// Reads `TASKS_TABLE` and `NOTICES_TABLE`.
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            notices: environment.get("NOTICES_TABLE")?,
            tasks: environment.get("TASKS_TABLE")?,
            ..TableNames::default()
        };
        // It pages no list, and has no key to sign cursors with.
        let store = Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, CursorKey::unused());
        Ok(Self { store, world: World::real() })
    }

    /// Does what this moment asks for, once.
    pub async fn handle(&self, due: Due) -> Result<(), Error> {
        for _ in 0..MAX_TRIES {
            let Some(task) = self.store.load([Key::Task(due.task)]).await?.task(due.task)? else { return Ok(()) };
            let now = self.world.now();
            let Some(decided) = come(&task, due.moment, now)? else {
                // A clock that is a little fast must not lose it: what was started comes again.
                let early =
                    |at: Timestamp| at > now && at.duration_since(now) < SignedDuration::from_mins(EARLY_MINUTES);
                if moments(&task).into_iter().any(|(moment, at)| moment == due.moment && early(at)) {
                    return Err(Error::Busy { retry_after_seconds: 60 });
                }
                tracing::info!(task.id = %due.task, task.moment = %due.moment, "nothing is due");
                return Ok(());
            };
            match self.store.commit_task(Some(&task), &decided, None).await {
                Ok(()) => {
                    tracing::info!(task.id = %due.task, task.moment = %due.moment, "a moment of a task has come");
                    return Ok(());
                }
                Err(TaskCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}
