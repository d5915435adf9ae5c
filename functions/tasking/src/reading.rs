//! Reading tasks, and what is known of one before it is sent.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    coverage::{Cell, cell},
    error::Error,
    member::Role,
    task::Task,
    territory::NodeId,
};
use pingan_http::{DistrictPath, Problem, Query, Subject, TaskPath, Versioned, page, schema};
use pingan_store::Key;
use pingan_workflow::Workflow;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    MANAGERS, READERS, in_scope, lists_of, load_task, unkept,
    views::{CountView, NodeCount, ReachView, TaskEventView, TaskHistory, TaskView, TasksPage},
};

/// Which tasks to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct TasksQuery {
    /// A node of your territory; all of it when nothing is said.
    #[param(schema_with = schema::node, required = false)]
    node: Option<NodeId>,
    /// How many, from 1 to 100; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// Where the list goes on: `next` of the page before.
    cursor: Option<String>,
}

/// The tasks that were made in a node and below it, newest first. What else runs where you are,
/// `GET /me/tasks` lists.
#[utoipa::path(
    get,
    path = "/districts/{district}/tasks",
    params(("district" = String, Path, description = "The district"), TasksQuery),
    responses(
        (status = 200, description = "A page of tasks; `Link: rel=\"next\"` names the next", body = TasksPage),
        (status = 404, description = "The node lies outside of your territory"),
    ),
)]
pub(crate) async fn list_tasks(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<TasksQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let reader = workflow.store.load([Key::Member(reader.clone())]).await?.actor(&reader)?.acting_as_any(&READERS)?;
    let node = query.node.unwrap_or_else(|| reader.node.clone());
    if !district.contains(&node) || !reader.node.contains(&node) {
        return Err(Error::NotFound.into());
    }
    let found = workflow.store.tasks(&node, &reader.id, limit, query.cursor.as_deref()).await?;
    let now = workflow.world.now();
    let items = found.items.into_iter().map(|task| (task, now).into()).collect();
    let view = TasksPage { items, next: found.next.clone() };
    Ok(page::respond(view, found.next.as_deref(), &format!("node={node}&limit={limit}")))
}

/// A task: for those who run it, and for staff where it runs.
#[utoipa::path(
    get,
    path = "/districts/{district}/tasks/{task_id}",
    params(
        ("district" = String, Path, description = "The district"),
        ("task_id" = String, Path, description = "The task's code"),
    ),
    responses(
        (status = 200, description = "The task, with its version as `ETag`", body = TaskView),
        (status = 404, description = "No task that you may know of has this code"),
    ),
)]
pub(crate) async fn read_task(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    TaskPath(id): TaskPath,
) -> Result<Response, Problem> {
    let (_, reader, task) = load_task(&workflow, &reader, &district, id, &READERS, []).await?;
    if !task.is_run_by(&reader) && !task.is_known_to(&reader) {
        return Err(Error::NotFound.into());
    }
    Ok(Versioned(task.version, TaskView::new(&task, workflow.world.now())).into_response())
}

/// Everything that happened to a task, with what it said from then on: for those who run it,
/// and for the auditor.
#[utoipa::path(
    get,
    path = "/districts/{district}/tasks/{task_id}/history",
    params(
        ("district" = String, Path, description = "The district"),
        ("task_id" = String, Path, description = "The task's code"),
    ),
    responses(
        (status = 200, description = "The history, oldest first", body = TaskHistory),
        (status = 404, description = "No task that you run has this code"),
    ),
)]
pub(crate) async fn read_task_history(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    TaskPath(id): TaskPath,
) -> Result<Response, Problem> {
    // The two reads do not depend on each other.
    let (loaded, events) =
        futures::join!(load_task(&workflow, &reader, &district, id, &READERS, []), workflow.store.task_events(id));
    let (_, reader, task) = loaded?;
    let audits = reader.role == Role::Auditor && task.is_known_to(&reader);
    if !task.is_run_by(&reader) && !audits {
        return Err(Error::NotFound.into());
    }
    let events = events?.into_iter().map(TaskEventView::from).collect();
    Ok(unkept(TaskHistory { events }))
}

/// How many reporters are in the scope of a task now, and what it costs in messages to send it.
///
/// Counts that would single out fewer than five reporters are shown to the officer of the
/// community alone.
#[utoipa::path(
    get,
    path = "/districts/{district}/tasks/{task_id}/reach",
    params(
        ("district" = String, Path, description = "The district"),
        ("task_id" = String, Path, description = "The task's code"),
    ),
    responses(
        (status = 200, description = "The reach", body = ReachView),
        (status = 404, description = "No task that you run has this code"),
    ),
)]
pub(crate) async fn read_reach(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    TaskPath(id): TaskPath,
) -> Result<Response, Problem> {
    let lists = Key::District(district.clone());
    let (loaded, reader, task) = load_task(&workflow, &reader, &district, id, &MANAGERS, [lists]).await?;
    if !task.is_run_by(&reader) {
        return Err(Error::NotFound.into());
    }
    let lists = lists_of(&loaded, &district, &reader)?;
    let counted = in_scope(&workflow, &task, &lists).await?;
    Ok(unkept(reach(&task, counted, reader.role == Role::Officer)))
}

fn reach(task: &Task, counted: Vec<(NodeId, u32)>, knows_them: bool) -> ReachView {
    let total = counted.iter().fold(0_u32, |sum, (_, count)| sum.saturating_add(*count));
    let counts: Vec<u32> = counted.iter().map(|(_, count)| *count).collect();
    let mut cells: Vec<_> = counted.into_iter().map(|(node, count)| (node, cell(count, 0, knows_them))).collect();
    let mut whole = cell(total, 0, knows_them);
    if !pingan_domain::coverage::suppress_another(&mut cells, &counts) {
        whole = Cell { members: None, suppressed: true, ..whole };
    }
    let nodes = u32::try_from(task.content.scope.nodes.len()).unwrap_or(u32::MAX);
    let rounds = 1 + u32::from(task.content.remind_at.is_some());
    ReachView {
        in_scope: whole.into(),
        enough: total >= pingan_domain::coverage::SMALLEST_SHOWN,
        by_community: cells.into_iter().map(|(node, cell)| NodeCount { node, count: CountView::from(cell) }).collect(),
        messages_to_topic: nodes * rounds,
        messages_to_devices_at_most: whole.members.map(|members| members.saturating_mul(rounds)),
    }
}
