//! Making a task, changing it, and taking its steps.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    command::{CommandId, Fingerprint},
    error::Error,
    member::MemberId,
    task::{Task, TaskId},
    tasking::{self, Step},
    territory::NodeId,
};
use pingan_http::{Body, DistrictPath, IdempotencyKey, IfMatch, Problem, Subject, TaskPath, Versioned};
use pingan_store::{Key, Loaded, members::Done, tasks::TaskCommitError};
use pingan_workflow::Workflow;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    MANAGERS, MAX_TRIES, in_scope, lists_of,
    views::{TaskBody, TaskView},
};

/// Makes a task, or a notice that only asks to be read, as a draft. Nobody is told before it is
/// published.
///
/// It names a category, places and trades. A text that names a person, or people by belief or
/// origin, is refused.
#[utoipa::path(
    post,
    path = "/districts/{district}/tasks",
    params(
        ("district" = String, Path, description = "The district"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this task, the same with each retry"),
    ),
    request_body = TaskBody,
    responses(
        (status = 201, description = "Made; `Location` names it and `ETag` is its version", body = TaskView),
        (status = 404, description = "This is not your district"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn make_task(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<TaskBody>,
) -> Result<Response, Problem> {
    let task = make(&workflow, &actor, key, &district, &body).await?;
    let location = [("location", format!("/districts/{district}/tasks/{}", task.id))];
    Ok((StatusCode::CREATED, location, answer(&workflow, &task)).into_response())
}

/// Changes what a task says: all of it, as it is to be from now on.
///
/// Once it was published, its kind, whom it is for, and a beginning that has passed stay.
/// Those in scope are told again when the title, what to look for or the instructions have
/// changed, and only then. A task that the district consented to, or would have to
/// consent to by its rule, is changed by the district.
#[utoipa::path(
    put,
    path = "/districts/{district}/tasks/{task_id}",
    params(
        ("district" = String, Path, description = "The district"),
        ("task_id" = String, Path, description = "The task's code"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you change"),
    ),
    request_body = TaskBody,
    responses(
        (status = 200, description = "Changed; the task as it is after, with its version as `ETag`", body = TaskView),
        (status = 404, description = "No task that you may know of has this code"),
        (status = 409, description = "It has ended or was called off, or the district has consented to it"),
        (status = 412, description = "It has changed since you read it"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn edit_task(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    TaskPath(id): TaskPath,
    IfMatch(version): IfMatch,
    Body(body): Body<TaskBody>,
) -> Result<Response, Problem> {
    let task = edit(&workflow, &actor, &district, id, version, &body).await?;
    Ok(answer(&workflow, &task))
}

/// A step of a task.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum StepBody {
    /// Send it: at once, or when its window begins. A task of a station that reaches beyond one
    /// community waits for the district's consent first, unless the district's rule says otherwise.
    Publish {},
    /// The district consents to it, and it is sent.
    Consent {},
    /// The district does not consent to it; it is a draft again.
    Refuse {
        /// Why; at most 200 characters. The maker reads it.
        #[schema(max_length = 200)]
        reason: String,
    },
    /// Call it off.
    Cancel {
        /// Why; at most 200 characters. Staff read it.
        #[schema(max_length = 200)]
        reason: String,
    },
}

impl From<StepBody> for Step {
    fn from(body: StepBody) -> Self {
        match body {
            StepBody::Publish {} => Self::Publish,
            StepBody::Consent {} => Self::Consent,
            StepBody::Refuse { reason } => Self::Refuse { reason },
            StepBody::Cancel { reason } => Self::Cancel { reason },
        }
    }
}

/// Takes a step of a task: publishes it, consents to it or not, calls it off.
///
/// A task for fewer than five reporters is not sent.
#[utoipa::path(
    post,
    path = "/districts/{district}/tasks/{task_id}/steps",
    params(
        ("district" = String, Path, description = "The district"),
        ("task_id" = String, Path, description = "The task's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this step, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you have seen"),
    ),
    request_body(content = StepBody, example = json!({"step": "publish"})),
    responses(
        (status = 200, description = "Taken; the task as it is after, with its version as `ETag`", body = TaskView),
        (status = 404, description = "No task that you may know of has this code"),
        (status = 409, description = "It is not at a stage at which this can be done, or fewer than five reporters are in its scope"),
        (status = 412, description = "It has changed since you read it"),
        (status = 422, description = "The key was used for another request"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn take_step(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    TaskPath(id): TaskPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(version): IfMatch,
    Body(body): Body<StepBody>,
) -> Result<Response, Problem> {
    let task = step(&workflow, &actor, key, &district, id, version, &body.into()).await?;
    Ok(answer(&workflow, &task))
}

fn answer(workflow: &Workflow, task: &Task) -> Response {
    Versioned(task.version, TaskView::new(task, workflow.world.now())).into_response()
}

async fn make(
    workflow: &Workflow,
    actor: &MemberId,
    key: Uuid,
    district: &NodeId,
    body: &TaskBody,
) -> Result<Task, Error> {
    let command = CommandId::new(actor, key);
    let fingerprint = Fingerprint::of(key, "make task", district.as_str(), body)?;
    let now = workflow.world.now();
    let mut attempt = 0;
    for _ in 0..MAX_TRIES {
        let id = command.task_id(attempt);
        let keys = [Key::Member(actor.clone()), Key::TaskDone(command), Key::District(district.clone()), Key::Task(id)];
        let loaded = workflow.store.load(keys).await?;
        let acting = loaded.actor(actor)?.acting_as_any(&MANAGERS)?;
        if let Some(done) = loaded.task_done(command)? {
            let task = repeated(workflow, &loaded, &done, fingerprint).await?;
            // Whoever was transferred since does not learn what has become of it.
            return if task.is_run_by(&acting) { Ok(task) } else { Err(Error::NotFound) };
        }
        // What was done is remembered for a month; the task knows the command that made it.
        if let Some(task) = loaded.task(id)?.filter(|task| task.created_by == command) {
            return Ok(task);
        }
        let lists = lists_of(&loaded, district, &acting)?;
        let decided = tasking::create(body.content(now, None), id, &acting, &lists, command, now)?;
        let done = Done { command, fingerprint, target: id.to_string() };
        match workflow.store.commit_task(None, &decided, Some(&done)).await {
            Ok(()) => return Ok(decided.task),
            Err(TaskCommitError::AlreadyDone | TaskCommitError::Stale) => {}
            Err(TaskCommitError::CodeTaken) => attempt += 1,
            Err(TaskCommitError::Failed(error)) => return Err(error),
        }
    }
    Err(Error::Busy { retry_after_seconds: 1 })
}

async fn edit(
    workflow: &Workflow,
    actor: &MemberId,
    district: &NodeId,
    id: TaskId,
    version: u64,
    body: &TaskBody,
) -> Result<Task, Error> {
    for _ in 0..MAX_TRIES {
        let lists = Key::District(district.clone());
        let (loaded, acting, before) = crate::load_task(workflow, actor, district, id, &MANAGERS, [lists]).await?;
        if !before.is_run_by(&acting) && !before.is_known_to(&acting) {
            return Err(Error::NotFound);
        }
        let lists = lists_of(&loaded, district, &acting)?;
        let now = workflow.world.now();
        let content = body.content(now, Some(&before.content));
        if before.version != version {
            return Err(Error::VersionStale(before.version));
        }
        let Some(decided) = tasking::edit(&before, content, &acting, &lists, now)? else { return Ok(before) };
        match workflow.store.commit_task(Some(&before), &decided, None).await {
            Ok(()) => return Ok(decided.task),
            Err(TaskCommitError::Failed(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Err(Error::Busy { retry_after_seconds: 1 })
}

async fn step(
    workflow: &Workflow,
    actor: &MemberId,
    key: Uuid,
    district: &NodeId,
    id: TaskId,
    version: u64,
    step: &Step,
) -> Result<Task, Error> {
    let command = CommandId::new(actor, key);
    let fingerprint = Fingerprint::of(key, "step of task", &id.to_string(), step)?;
    for _ in 0..MAX_TRIES {
        let others = [Key::TaskDone(command), Key::District(district.clone())];
        let (loaded, acting, before) = crate::load_task(workflow, actor, district, id, &MANAGERS, others).await?;
        if !before.is_run_by(&acting) && !before.is_known_to(&acting) {
            return Err(Error::NotFound);
        }
        if let Some(done) = loaded.task_done(command)? {
            return repeated(workflow, &loaded, &done, fingerprint).await;
        }
        let lists = lists_of(&loaded, district, &acting)?;
        if before.version != version {
            return Err(Error::VersionStale(before.version));
        }
        // A second read: whom to count, only the first one says.
        let counted = match step {
            step if step.counts() && before.is_run_by(&acting) => in_scope(workflow, &before, &lists).await?,
            _ => Vec::new(),
        };
        let counted = counted.iter().fold(0_u32, |sum, (_, count)| sum.saturating_add(*count));
        let decided = tasking::step(&before, step, counted, &acting, &lists, workflow.world.now())?;
        let done = Done { command, fingerprint, target: id.to_string() };
        match workflow.store.commit_task(Some(&before), &decided, Some(&done)).await {
            Ok(()) => return Ok(decided.task),
            Err(TaskCommitError::Failed(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Err(Error::Busy { retry_after_seconds: 1 })
}

/// The task that a command acted on when it was carried out before, as it is now.
async fn repeated(workflow: &Workflow, loaded: &Loaded, done: &Done, fingerprint: Fingerprint) -> Result<Task, Error> {
    if done.fingerprint != fingerprint {
        return Err(Error::KeyReused);
    }
    let id = TaskId::parse(&done.target).map_err(|error| Error::Internal(error.to_string()))?;
    let task = match loaded.task(id)? {
        Some(task) => Some(task),
        None => workflow.store.load([Key::Task(id)]).await?.task(id)?,
    };
    task.ok_or(Error::NotFound)
}
