//! What reporters see of tasks and do with them.

use std::collections::BTreeMap;

use axum::{extract::State, response::Response};
use pingan_domain::{
    Timestamp,
    district::Label,
    error::{Error, FieldError, Refusal},
    media::{self, MediaId, MediaRef},
    member::{MemberId, Role},
    membership::Profile,
    task::{Answer, MAX_FIELDS, Task, TaskId, Value, check_answer},
    task_receipt::{self, Acknowledged, Before, TaskAnswer, TaskReceipt, acknowledge, check_answers, check_sees},
};
use pingan_http::{Body, PageQuery, Problem, Query, Subject, TaskPath, page, schema};
use pingan_store::{
    Key, Loaded,
    tasks::{ReceiptCommit, TaskCommitError},
};
use pingan_workflow::Workflow;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    MAX_TRIES, READERS, unkept,
    views::{OwnTask, OwnTasksPage, RunningTask},
};

/// The tasks and notices that are for you now, what ends first before the others. For staff:
/// what runs where they are, without the nodes below.
///
/// Because each node is asked for as many, and what is for others is left out, a page may hold
/// fewer than `limit` and still go on.
#[utoipa::path(
    get,
    path = "/me/tasks",
    params(PageQuery),
    responses((status = 200, description = "A page of tasks; `Link: rel=\"next\"` names the next", body = OwnTasksPage)),
)]
pub(crate) async fn list_my_tasks(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    // Nearly all who ask are reporters: what they have done with tasks is asked for before it is known.
    let loaded = workflow.store.load([Key::Member(reader.clone())]);
    let (loaded, receipts) = futures::try_join!(loaded, workflow.store.task_receipts(&reader))?;
    let profile = loaded.profile(&reader)?;
    let profile = profile.ok_or(Refusal::NotAMember).map_err(Error::from)?;
    let member = profile.member.clone();
    let is_reporter = member.role == Role::Reporter;
    let member = if is_reporter { member.acting_as(Role::Reporter)? } else { member.acting_as_any(&READERS)? };
    let now = workflow.world.now();
    let found = workflow.store.running_tasks(&member.node, &member.id, limit, query.cursor.as_deref(), now).await?;
    let theirs = found
        .items
        .into_iter()
        .filter(|task| task.starts_at <= now && (!is_reporter || task.who.takes(profile.kind, &profile.trades)));
    let items = theirs.map(|task| RunningTask::new(&task, receipts.get(&task.id), now)).collect();
    let view = OwnTasksPage { items, next: found.next.clone() };
    Ok(page::respond(view, found.next.as_deref(), &format!("limit={limit}")))
}

/// A task that is for you, with what you have done with it.
#[utoipa::path(
    get,
    path = "/me/tasks/{task_id}",
    params(("task_id" = String, Path, description = "The task's code")),
    responses(
        (status = 200, description = "The task", body = OwnTask),
        (status = 404, description = "None that is for you has this code"),
    ),
)]
pub(crate) async fn read_my_task(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    TaskPath(id): TaskPath,
) -> Result<Response, Problem> {
    let found = load(&workflow, &reader, id, []).await?;
    let now = workflow.world.now();
    check_sees(&found.task, &found.reporter, now)?;
    Ok(unkept(OwnTask::new(&found.task, found.before(), now)))
}

/// What the phone acknowledges.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"receipt": "read"}))]
pub(crate) struct ReceiptBody {
    /// `delivered` once the task is on the phone, `read` once the reporter has opened it.
    #[schema(schema_with = schema::acknowledged)]
    receipt: Acknowledged,
}

/// Says that a task has arrived on your phone, or that you have read it. The same again, at any
/// time and as often as it likes, changes nothing.
#[utoipa::path(
    put,
    path = "/me/tasks/{task_id}/receipt",
    params(("task_id" = String, Path, description = "The task's code")),
    request_body = ReceiptBody,
    responses(
        (status = 200, description = "Taken down; the task with what you have done with it", body = OwnTask),
        (status = 404, description = "None that is for you has this code"),
    ),
)]
pub(crate) async fn acknowledge_task(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    TaskPath(id): TaskPath,
    Body(ReceiptBody { receipt: what }): Body<ReceiptBody>,
) -> Result<Response, Problem> {
    for attempt in 0..MAX_TRIES {
        let found = load(&workflow, &reader, id, []).await?;
        let now = workflow.world.now();
        let after = acknowledge(&found.task, &found.reporter, found.receipt.as_ref(), what, now)?;
        let after = after.map(|receipt| (receipt, None));
        if let Some(view) = found.commit(&workflow, after, now).await? {
            return Ok(unkept(view));
        }
        pause(attempt).await;
    }
    Err(Error::Busy { retry_after_seconds: 1 }.into())
}

/// An answer to a task.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"form_version": 1, "answer": {"seen": "是", "count": 2}}))]
pub(crate) struct TaskAnswerBody {
    /// Which form was filled in: `form_version` of the task.
    #[schema(minimum = 1)]
    form_version: u32,
    /// What it says, by the names of the fields: words, a whole number, one of the choices, or the
    /// id of a picture that was announced, uploaded and found to be what it claims to be.
    #[schema(value_type = BTreeMap<String, Object>)]
    answer: BTreeMap<String, serde_json::Value>,
}

/// Answers a task, in the place of the answer before, as long as its window runs. The same again
/// changes nothing, and each reporter is counted once. Whoever answers has read it.
#[utoipa::path(
    put,
    path = "/me/tasks/{task_id}/answer",
    params(("task_id" = String, Path, description = "The task's code")),
    request_body = TaskAnswerBody,
    responses(
        (status = 200, description = "Answered; the task with what you have done with it", body = OwnTask),
        (status = 404, description = "None that is for you has this code"),
        (status = 409, description = "It has ended, was called off, only asks to be read, or its form has changed; or a picture is still being checked"),
    ),
)]
pub(crate) async fn answer_task(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    TaskPath(id): TaskPath,
    Body(body): Body<TaskAnswerBody>,
) -> Result<Response, Problem> {
    let answer = read_answer(&body.answer)?;
    // Whatever could be the id of a picture is loaded with the task: only its form says which are.
    let possible: Vec<MediaId> = answer.values().filter_map(media_id).collect();
    for attempt in 0..MAX_TRIES {
        let found = load(&workflow, &reader, id, possible.iter().copied().map(Key::Media)).await?;
        let now = workflow.world.now();
        check_answers(&found.task, &found.reporter, now)?;
        if body.form_version != found.task.form_version {
            return Err(Error::from(Refusal::FormChanged).into());
        }
        let photos = check_answer(&found.task.content.form, &answer)?;
        let media = found.photos(&workflow, &answer, &photos)?;
        let (task, reporter) = (&found.task, &found.reporter);
        let after = task_receipt::answer(task, reporter, found.before(), &answer, media, now)?;
        let after = after.map(|(receipt, answer)| (receipt, Some(answer)));
        if let Some(view) = found.commit(&workflow, after, now).await? {
            return Ok(unkept(view));
        }
        pause(attempt).await;
    }
    Err(Error::Busy { retry_after_seconds: 1 }.into())
}

fn media_id(value: &Value) -> Option<MediaId> {
    match value {
        Value::Text(text) => text.parse().ok(),
        Value::Number(_) => None,
    }
}

/// The values of an answer, before it is held against the form.
fn read_answer(answer: &BTreeMap<String, serde_json::Value>) -> Result<Answer, Error> {
    if answer.len() > MAX_FIELDS {
        return Err(Error::field("/answer", format!("has more than {MAX_FIELDS} entries; no form has so many fields")));
    }
    let mut bad = Vec::new();
    let mut read = Answer::new();
    for (name, value) in answer {
        let at = format!("/answer/{}", name.replace('~', "~0").replace('/', "~1"));
        let Ok(label) = Label::parse(name) else {
            bad.push(FieldError::new(at, "is no field of the form"));
            continue;
        };
        match (value.as_str(), value.as_i64()) {
            (Some(text), _) => drop(read.insert(label, Value::Text(text.to_owned()))),
            (None, Some(number)) => drop(read.insert(label, Value::Number(number))),
            (None, None) => bad.push(FieldError::new(at, "must be a text or a whole number")),
        }
    }
    if bad.is_empty() { Ok(read) } else { Err(Error::Invalid(bad)) }
}

/// A reporter, a task, and what the one has done with the other.
struct Found {
    /// The id with which the reporter signs in.
    reader: MemberId,
    loaded: Loaded,
    reporter: Profile,
    task: Task,
    receipt: Option<TaskReceipt>,
    answer: Option<TaskAnswer>,
}

async fn load(
    workflow: &Workflow,
    reader: &MemberId,
    id: TaskId,
    others: impl IntoIterator<Item = Key>,
) -> Result<Found, Error> {
    let keys = [
        Key::Member(reader.clone()),
        Key::Task(id),
        Key::TaskReceipt(reader.clone(), id),
        Key::TaskAnswer(reader.clone(), id),
    ];
    let loaded = workflow.store.load(keys.into_iter().chain(others)).await?;
    let reporter = loaded.profile(reader)?.ok_or(Refusal::NotAMember)?;
    reporter.member.clone().acting_as(Role::Reporter)?;
    let task = loaded.task(id)?.ok_or(Error::NotFound)?;
    let (receipt, answer) = (loaded.task_receipt(reader, id)?, loaded.task_answer(reader, id)?);
    Ok(Found { reader: reader.clone(), loaded, reporter, task, receipt, answer })
}

/// Those who are told of a task open it at the same moment: who collides spreads out a little
/// more each time.
async fn pause(attempt: usize) {
    let millis = u64::try_from(attempt % 8).unwrap_or_default() * 3;
    tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
}

impl Found {
    fn before(&self) -> Before<'_> {
        Before { receipt: self.receipt.as_ref(), answer: self.answer.as_ref() }
    }

    /// The pictures of an answer, as references. Those that an earlier answer to this task took
    /// may stay.
    fn photos(&self, workflow: &Workflow, answer: &Answer, photos: &[MediaId]) -> Result<Vec<MediaRef>, Error> {
        let mut records = Vec::new();
        for id in photos {
            let mut record = self.loaded.media(*id)?;
            if let Some(media) = record.as_mut().filter(|media| media.task == Some(self.task.id)) {
                media.task = None;
            }
            records.push(record);
        }
        let owner = &self.reporter.member.id;
        let refs = media::attach(photos, &records, owner, &workflow.media_limits).map_err(|error| match error {
            // A picture is named by its field, not by its place among the pictures.
            Error::Invalid(bad) => {
                Error::Invalid(bad.into_iter().map(|field| at_field(field, answer, photos)).collect())
            }
            other => other,
        })?;
        let pictures = refs.iter().all(|media| media.content_type.kind() == media::MediaKind::Image);
        if pictures { Ok(refs) } else { Err(Error::field("/answer", "holds a medium that is no picture")) }
    }

    /// Commits what was decided; none when somebody was faster and it has to be decided again.
    async fn commit(
        &self,
        workflow: &Workflow,
        after: Option<(TaskReceipt, Option<TaskAnswer>)>,
        now: Timestamp,
    ) -> Result<Option<OwnTask>, Error> {
        let Some((receipt, answer)) = after else { return Ok(Some(OwnTask::new(&self.task, self.before(), now))) };
        let commit = ReceiptCommit {
            reader: &self.reader,
            task: &self.task,
            old: self.receipt.as_ref(),
            receipt: &receipt,
            answer: answer.as_ref().map(|answer| (self.answer.as_ref(), answer)),
            now,
        };
        match workflow.store.commit_receipt(&commit).await {
            Ok(()) => {
                let after = Before { receipt: Some(&receipt), answer: answer.as_ref().or(self.answer.as_ref()) };
                Ok(Some(OwnTask::new(&self.task, after, now)))
            }
            Err(TaskCommitError::Failed(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// The same error, at the field of the answer that names the picture.
fn at_field(field: FieldError, answer: &Answer, photos: &[MediaId]) -> FieldError {
    let index = field.pointer.strip_prefix("/media/").and_then(|index| index.parse::<usize>().ok());
    let photo = index.and_then(|index| photos.get(index));
    let name = photo.and_then(|id| answer.iter().find(|(_, value)| media_id(value) == Some(*id)));
    match name {
        Some((name, _)) => FieldError::new(format!("/answer/{name}"), field.detail),
        None => field,
    }
}
