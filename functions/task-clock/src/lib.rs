//! Does what the time of a task asks for: tells those in scope that it has started, reminds who
//! has not read it, and tells its maker that it is over.
//!
//! What a task takes and shows goes by its window itself, to the second; this function only
//! tells of it. A moment that comes twice, too early, or after the task was changed or called
//! off, does nothing: the record says what is due.

use aws_config::SdkConfig;
use pingan_domain::{
    error::Error,
    task::TaskId,
    tasking::{Moment, come},
};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Key, Store, TableNames, tasks::TaskCommitError};
use serde::Deserialize;

/// How often a moment begins again when somebody changes the task at the same time.
const MAX_TRIES: usize = 20;

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
            let Some(decided) = come(&task, due.moment, self.world.now())? else {
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
