//! How a task goes: who has read it, what was answered, what was reported.

use axum::{extract::State, response::Response};
use pingan_domain::{
    access::Reading,
    error::Error,
    member::{Member, MemberId, Role},
    task::{Task, TaskId},
    task_receipt::progress,
    territory::NodeId,
};
use pingan_http::{DistrictPath, PageQuery, Problem, Query, Subject, TaskPath, page};
use pingan_store::{Key, List, Loaded};
use pingan_workflow::Workflow;

use crate::{
    MANAGERS, in_scope, lists_of, load_task, unkept,
    views::{AnswerView, AnswersPage, NodeProgress, ProgressView, ReportCount, TaskReports},
};

/// How many are in scope of a task, have got it, read it and answered it, by community and in all.
///
/// Each reporter is counted once, in the community where the task first reached them, however
/// often their phone says so. Counts that would single out fewer than five are shown to the
/// officer of the community alone.
#[utoipa::path(
    get,
    path = "/districts/{district}/tasks/{task_id}/progress",
    params(
        ("district" = String, Path, description = "The district"),
        ("task_id" = String, Path, description = "The task's code"),
    ),
    responses(
        (status = 200, description = "The progress", body = ProgressView),
        (status = 404, description = "No task that you run has this code"),
    ),
)]
pub(crate) async fn read_progress(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    TaskPath(id): TaskPath,
) -> Result<Response, Problem> {
    let lists = Key::District(district.clone());
    let (loaded, reader, task) = load_run(&workflow, &reader, &district, id, Some(lists)).await?;
    let lists = lists_of(&loaded, &district, &reader)?;
    let communities = task.content.scope.communities(&lists);
    let counts = workflow.store.task_counts(id, &communities);
    let (in_scope, counts) = futures::try_join!(in_scope(&workflow, &task, &lists), counts)?;
    let rows = in_scope.into_iter().zip(counts).map(|((node, in_scope), counts)| (node, in_scope, counts));
    let (whole, by_node) = progress(rows.collect(), reader.role == Role::Officer);
    let by_community = by_node.into_iter().map(|(node, row)| NodeProgress { node, progress: row.into() }).collect();
    Ok(unkept(ProgressView { whole: whole.into(), by_community }))
}

/// The answers to a task, in the order in which they came. Each stands under the pseudonym of
/// its reporter. That you read them is written down.
#[utoipa::path(
    get,
    path = "/districts/{district}/tasks/{task_id}/answers",
    params(
        ("district" = String, Path, description = "The district"),
        ("task_id" = String, Path, description = "The task's code"),
        PageQuery,
    ),
    responses(
        (status = 200, description = "A page of answers; `Link: rel=\"next\"` names the next", body = AnswersPage),
        (status = 404, description = "No task that you run has this code"),
    ),
)]
pub(crate) async fn list_answers(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    TaskPath(id): TaskPath,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let (loaded, reader, _) = load_run(&workflow, &reader, &district, id, Some(Key::AccessHead(id))).await?;
    let found = workflow.store.answers(id, &reader.id, limit, query.cursor.as_deref()).await?;
    let (head, now) = (loaded.access_head(id)?, workflow.world.now());
    workflow.store.record_access(head, id, &reader, &Reading::answers(), now, None).await?;
    let view = AnswersPage { items: found.items.into_iter().map(AnswerView::from).collect(), next: found.next.clone() };
    Ok(page::respond(view, found.next.as_deref(), &format!("limit={limit}")))
}

/// The reports that name a task, newest first; with the first page, how many there are at each
/// stage and with each outcome.
#[utoipa::path(
    get,
    path = "/districts/{district}/tasks/{task_id}/reports",
    params(
        ("district" = String, Path, description = "The district"),
        ("task_id" = String, Path, description = "The task's code"),
        PageQuery,
    ),
    responses(
        (status = 200, description = "A page of reports; `Link: rel=\"next\"` names the next", body = TaskReports),
        (status = 404, description = "No task that you run has this code"),
    ),
)]
pub(crate) async fn list_task_reports(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    TaskPath(id): TaskPath,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let (_, reader, _) = load_run(&workflow, &reader, &district, id, None).await?;
    let list = workflow.store.list(List::OfTask(id), &reader.id, limit, query.cursor.as_deref());
    let counts = async {
        match &query.cursor {
            None => workflow.store.count_reports_of_task(id).await.map(Some),
            Some(_) => Ok(None),
        }
    };
    let (found, counts) = futures::try_join!(list, counts)?;
    let (counts, counted_all) = counts.unzip();
    let counts = counts.map(|counts| counts.into_iter().map(ReportCount::from).collect());
    let next = found.next.clone();
    let view =
        TaskReports { counts, counted_all, items: found.items.into_iter().map(Into::into).collect(), next: found.next };
    Ok(page::respond(view, next.as_deref(), &format!("limit={limit}")))
}

/// Loads who reads and a task that they run.
async fn load_run(
    workflow: &Workflow,
    reader: &MemberId,
    district: &NodeId,
    id: TaskId,
    other: Option<Key>,
) -> Result<(Loaded, Member, Task), Error> {
    let (loaded, reader, task) = load_task(workflow, reader, district, id, &MANAGERS, other).await?;
    if task.is_run_by(&reader) { Ok((loaded, reader, task)) } else { Err(Error::NotFound) }
}
