//! Tasks and notices: what managers make and follow, and what reporters get, read and answer.
//!
//! | to change … | go to |
//! |---|---|
//! | how a task is made, changed, sent, consented to or called off | [`making`] |
//! | how tasks are read, and what is known before they are sent | [`reading`] |
//! | how a task goes: its progress, its answers, its reports | [`following`] |
//! | what reporters see and do | [`receiving`] |
//! | what the API shows | [`views`] |

mod following;
mod making;
mod reading;
mod receiving;
mod views;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use pingan_domain::{
    district::District,
    error::Error,
    member::{Member, MemberId, Role},
    task::{Task, TaskId},
    territory::NodeId,
};
use pingan_http::{Operations, operations, routes};
use pingan_store::{Key, Loaded};
use pingan_workflow::Workflow;
use serde::Serialize;

/// The roles that make and run tasks.
const MANAGERS: [Role; 3] = [Role::Officer, Role::StationManager, Role::DistrictManager];
/// The roles that read tasks in their territory.
const READERS: [Role; 4] = [Role::Officer, Role::StationManager, Role::DistrictManager, Role::Auditor];
/// How often a command begins again before it gives up with [`Error::Busy`].
const MAX_TRIES: usize = 20;

/// The operations of this function.
pub fn router(workflow: Workflow) -> Operations {
    let operations = Operations::new()
        .routes(routes!(making::make_task, reading::list_tasks))
        .routes(routes!(reading::read_task, making::edit_task))
        .routes(routes!(reading::read_task_history))
        .routes(routes!(reading::read_reach))
        .routes(routes!(making::take_step))
        .routes(routes!(following::read_progress))
        .routes(routes!(following::list_answers))
        .routes(routes!(following::list_task_reports))
        .routes(routes!(receiving::list_my_tasks))
        .routes(routes!(receiving::read_my_task))
        .routes(routes!(receiving::acknowledge_task))
        .routes(routes!(receiving::answer_task))
        .with_state(workflow);
    operations::finish("tasking", operations)
}

/// A body that is for one person, and kept by nobody in between.
fn unkept<T: Serialize>(body: T) -> Response {
    ([(header::CACHE_CONTROL, "no-store")], axum::Json(body)).into_response()
}

/// Loads who reads and a task of this district, with these further items. Which of the two may
/// be read by whom is for the caller to say.
async fn load_task(
    workflow: &Workflow,
    reader: &MemberId,
    district: &NodeId,
    id: TaskId,
    roles: &[Role],
    others: impl IntoIterator<Item = Key>,
) -> Result<(Loaded, Member, Task), Error> {
    let keys = [Key::Member(reader.clone()), Key::Task(id)].into_iter().chain(others);
    let loaded = workflow.store.load(keys).await?;
    let reader = loaded.actor(reader)?.acting_as_any(roles)?;
    let task = loaded.task(id)?.filter(|task| district.contains(&task.node)).ok_or(Error::NotFound)?;
    Ok((loaded, reader, task))
}

/// The lists of a district, for who belongs to it.
fn lists_of(loaded: &Loaded, district: &NodeId, member: &Member) -> Result<District, Error> {
    loaded.district(district)?.filter(|_| district.contains(&member.node)).ok_or(Error::NotFound)
}

/// How many reporters are in the scope of a task, by community.
async fn in_scope(workflow: &Workflow, task: &Task, district: &District) -> Result<Vec<(NodeId, u32)>, Error> {
    let communities = task.content.scope.communities(district);
    let censuses = workflow.store.census_of(&communities).await?;
    let counts = censuses.iter().map(|census| census.count(&task.content.scope.who));
    Ok(communities.into_iter().zip(counts.collect::<Vec<_>>()).collect())
}
