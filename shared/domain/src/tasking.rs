//! What can be done with a task, by whom and when: one decision, and what follows from it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    command::CommandId,
    coverage::SMALLEST_SHOWN,
    district::{District, StationTasks},
    error::{Error, FieldError, Refusal},
    hash::Digest,
    member::{Member, MemberId, Role},
    membership::check_reason,
    named::named,
    task::{Task, TaskContent, TaskId, TaskStage, TaskState, Told},
};

named! {
    /// What can be done with a task.
    pub enum TaskAction {
        /// It is made, as a draft.
        Create = "create",
        /// What it says is changed.
        Edit = "edit",
        /// It is sent.
        Publish = "publish",
        /// It is to be sent, and waits for the district's consent.
        RequestConsent = "request_consent",
        /// The district consents, and it is sent.
        Consent = "consent",
        /// The district does not consent, and it is a draft again.
        Refuse = "refuse",
        /// It is called off.
        Cancel = "cancel",
        /// Its window begins.
        Start = "start",
        /// Who has not read it is reminded.
        Remind = "remind",
        /// Its window is over.
        End = "end",
    }
}

named! {
    /// The moments of a task at which something happens by itself.
    pub enum Moment {
        /// Its window begins.
        Start = "start",
        /// Who has not read it is reminded.
        Remind = "remind",
        /// Its window ends.
        End = "end",
    }
}

/// One event of a task: its history and its audit trail. Each carries the hash of the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEvent {
    /// The task.
    pub task: TaskId,
    /// Its place in the history, from 1; the task's version once it happened.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// What was done.
    pub action: TaskAction,
    /// The stage after.
    pub stage: TaskStage,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How many reporters were in scope when it was sent, or was to be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_scope: Option<u32>,
    /// What it says from now on, when that was written or changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<TaskContent>,
    /// The instructions that hold from now on.
    pub instructions_version: u32,
    /// The hash of the event before; zeros for the first.
    pub previous: Digest,
    /// The hash of this event: of all fields above.
    pub hash: Digest,
}

impl TaskEvent {
    /// The hash that the fields have.
    pub fn compute_hash(&self) -> Result<Digest, Error> {
        let unsealed = Self { hash: Digest::ZERO, ..self.clone() };
        let bytes = serde_json::to_vec(&unsealed).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Digest::of(&[b"task event", &bytes]))
    }
}

/// What was decided: the task after, and the event that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The task after.
    pub task: Task,
    /// What happened.
    pub event: TaskEvent,
    /// Whether those in scope are told of it.
    pub tells_scope: bool,
}

/// What somebody wants done with a task, beside editing it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Send it.
    Publish,
    /// Consent to it.
    Consent,
    /// Do not consent to it.
    Refuse {
        /// Why.
        reason: String,
    },
    /// Call it off.
    Cancel {
        /// Why.
        reason: String,
    },
}

impl Step {
    /// Whether it is asked how many reporters are in scope.
    pub fn counts(&self) -> bool {
        matches!(self, Self::Publish | Self::Consent)
    }

    fn reason(&self) -> Option<&String> {
        match self {
            Self::Publish | Self::Consent => None,
            Self::Refuse { reason } | Self::Cancel { reason } => Some(reason),
        }
    }
}

/// Makes a task, as a draft.
pub fn create(
    content: TaskContent,
    id: TaskId,
    actor: &Member,
    district: &District,
    command: CommandId,
    now: Timestamp,
) -> Result<Decided, Error> {
    Task::check_maker(actor)?;
    content.validate(&actor.node, district, now)?;
    let task = Task {
        id,
        version: 0,
        head: Digest::ZERO,
        maker: actor.id.clone(),
        maker_role: actor.role,
        node: actor.node.clone(),
        stage: TaskStage::Draft,
        content,
        instructions_version: 1,
        form_version: 1,
        consented: false,
        told: Told::default(),
        created_at: now,
        updated_at: now,
        created_by: command,
    };
    record(task, TaskAction::Create, actor, now, |event, task| event.content = Some(task.content.clone()))
}

/// Changes what a task says. What nobody could read yet is changed as a whole; once it was
/// sent, whom it is for and what kind of task it is stay, and those in scope are told again
/// only when what they read is another. None when nothing changes.
pub fn edit(
    before: &Task,
    content: TaskContent,
    actor: &Member,
    district: &District,
    now: Timestamp,
) -> Result<Option<Decided>, Error> {
    check_runs(before, actor)?;
    let mut task = before.clone();
    match before.state(now) {
        TaskState::Draft => {}
        // Whoever consents, consents to what they have read.
        TaskState::AwaitingConsent => task.stage = TaskStage::Draft,
        // And what they have consented to is not changed behind their back.
        TaskState::Scheduled | TaskState::Active if before.consented || needs_consent(before, actor, district) => {
            if actor.role != Role::DistrictManager {
                return Err(Refusal::ConsentedTask.into());
            }
            check_edit_of_sent(before, &content, now)?;
        }
        TaskState::Scheduled | TaskState::Active => check_edit_of_sent(before, &content, now)?,
        state @ (TaskState::Ended | TaskState::Cancelled) => return Err(over(state)),
    }
    if before.stage == TaskStage::Published {
        content.validate_sent(now)?;
    } else {
        content.validate(&before.node, district, now)?;
    }
    if before.content == content && before.stage == task.stage {
        return Ok(None);
    }
    let active = before.state(now) == TaskState::Active;
    let new_instructions = content.instructs_otherwise(&before.content);
    if before.stage == TaskStage::Published {
        if new_instructions {
            task.instructions_version += 1;
        }
        if content.form != before.content.form {
            task.form_version += 1;
        }
    }
    task.content = content;
    let mut decided =
        record(task, TaskAction::Edit, actor, now, |event, task| event.content = Some(task.content.clone()))?;
    decided.tells_scope = active && new_instructions;
    Ok(Some(decided))
}

/// Whether the district has to consent to what this member does with a task.
fn needs_consent(task: &Task, actor: &Member, district: &District) -> bool {
    actor.role != Role::DistrictManager
        && district.station_tasks == StationTasks::Consent
        && task.content.scope.is_wider_than_one_community()
}

fn check_edit_of_sent(before: &Task, content: &TaskContent, now: Timestamp) -> Result<(), Error> {
    let mut bad = Vec::new();
    if content.scope != before.content.scope {
        let why = "stays once the task was sent: cancel it, and make another for other people";
        bad.push(FieldError::new("/scope", why));
    }
    if content.kind != before.content.kind {
        bad.push(FieldError::new("/kind", "stays once the task was sent"));
    }
    let begun = before.content.starts_at <= now;
    if content.starts_at != before.content.starts_at && (begun || content.starts_at <= now) {
        bad.push(FieldError::new("/starts_at", "stays once it has begun, and does not move into the past"));
    }
    if before.told.reminded && content.remind_at != before.content.remind_at {
        bad.push(FieldError::new("/remind_at", "has passed: there is one reminder"));
    }
    if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
}

/// Takes a step. `in_scope` is how many reporters are in scope now, for those that
/// [count](Step::counts).
pub fn step(
    before: &Task,
    step: &Step,
    in_scope: u32,
    actor: &Member,
    district: &District,
    now: Timestamp,
) -> Result<Decided, Error> {
    if let Some(reason) = step.reason() {
        check_reason(reason)?;
    }
    match step {
        Step::Publish => publish(before, in_scope, actor, district, now),
        Step::Consent => {
            check_consents(before, actor)?;
            check_sendable(before, in_scope, district, now)?;
            let mut task = before.clone();
            task.consented = true;
            send(task, TaskAction::Consent, in_scope, actor, now)
        }
        Step::Refuse { reason } => {
            check_consents(before, actor)?;
            let mut task = before.clone();
            task.stage = TaskStage::Draft;
            record(task, TaskAction::Refuse, actor, now, |event, _| event.reason = Some(reason.trim().to_owned()))
        }
        Step::Cancel { reason } => {
            check_runs(before, actor)?;
            let state = before.state(now);
            if matches!(state, TaskState::Ended | TaskState::Cancelled) {
                return Err(over(state));
            }
            let mut task = before.clone();
            task.stage = TaskStage::Cancelled;
            // It was seen, even if the clock had not come round to telling of it.
            task.told.started |= state == TaskState::Active;
            let mut decided =
                record(task, TaskAction::Cancel, actor, now, |event, _| event.reason = Some(reason.trim().to_owned()))?;
            decided.tells_scope = state == TaskState::Active;
            Ok(decided)
        }
    }
}

fn publish(
    before: &Task,
    in_scope: u32,
    actor: &Member,
    district: &District,
    now: Timestamp,
) -> Result<Decided, Error> {
    check_runs(before, actor)?;
    if before.stage != TaskStage::Draft {
        return Err(match before.state(now) {
            state @ (TaskState::Ended | TaskState::Cancelled) => over(state),
            _ => Refusal::WrongTaskState.into(),
        });
    }
    check_sendable(before, in_scope, district, now)?;
    let mut task = before.clone();
    if needs_consent(before, actor, district) {
        task.stage = TaskStage::AwaitingConsent;
        return record(task, TaskAction::RequestConsent, actor, now, |event, _| event.in_scope = Some(in_scope));
    }
    // The district consents to what it sends for others.
    task.consented = actor.role == Role::DistrictManager && before.maker_role != Role::DistrictManager;
    send(task, TaskAction::Publish, in_scope, actor, now)
}

/// Checks what may have changed since the task was written: the lists of the district, and how
/// many reporters are in scope.
fn check_sendable(task: &Task, in_scope: u32, district: &District, now: Timestamp) -> Result<(), Error> {
    task.content.validate(&task.node, district, now)?;
    if in_scope < SMALLEST_SHOWN { Err(Refusal::ScopeTooSmall.into()) } else { Ok(()) }
}

/// Sends a task: those in scope are told now if its window has begun, and by the clock if not.
fn send(mut task: Task, action: TaskAction, in_scope: u32, actor: &Member, now: Timestamp) -> Result<Decided, Error> {
    task.stage = TaskStage::Published;
    task.content.starts_at = task.content.starts_at.max(now);
    // Consent can come so late that the reminder would be the first that anybody hears of it.
    task.content.remind_at = task.content.remind_at.filter(|at| *at > task.content.starts_at);
    task.told.started = task.content.starts_at <= now;
    let started = task.told.started;
    let mut decided = record(task, action, actor, now, |event, _| event.in_scope = Some(in_scope))?;
    decided.tells_scope = started;
    Ok(decided)
}

/// What is still to come of a task by itself, and when.
pub fn moments(task: &Task) -> Vec<(Moment, Timestamp)> {
    if task.stage != TaskStage::Published {
        return Vec::new();
    }
    let is_done = |moment| match moment {
        Moment::Start => task.told.started,
        Moment::Remind => task.told.reminded,
        Moment::End => task.told.ended,
    };
    window(task).into_iter().filter(|(moment, _)| !is_done(*moment)).collect()
}

/// Every moment of a task's window, whether or not it is still to come.
pub fn window(task: &Task) -> Vec<(Moment, Timestamp)> {
    let TaskContent { starts_at, remind_at, ends_at, .. } = task.content;
    let remind = remind_at.map(|at| (Moment::Remind, at));
    [Some((Moment::Start, starts_at)), remind, Some((Moment::End, ends_at))].into_iter().flatten().collect()
}

/// Does what a moment asks for; nothing when it has been done, has not come, or is not any
/// more: the task was cancelled or its window changed since the moment was booked.
pub fn come(before: &Task, moment: Moment, now: Timestamp) -> Result<Option<Decided>, Error> {
    let due = moments(before).into_iter().any(|(due, at)| due == moment && at <= now);
    let ended = before.content.ends_at <= now;
    // Nobody is told of the beginning of what is over.
    if !due || (ended && moment != Moment::End) {
        return Ok(None);
    }
    let mut task = before.clone();
    let action = match moment {
        Moment::Start => {
            task.told.started = true;
            TaskAction::Start
        }
        Moment::Remind => {
            task.told.reminded = true;
            TaskAction::Remind
        }
        Moment::End => {
            task.told.ended = true;
            TaskAction::End
        }
    };
    let mut decided = record_as(task, action, (&MemberId::clock(), Role::Clock), now, |_, _| {})?;
    decided.tells_scope = moment != Moment::End;
    Ok(Some(decided))
}

fn check_runs(task: &Task, actor: &Member) -> Result<(), Error> {
    if task.is_run_by(actor) {
        return Ok(());
    }
    Err(if task.is_known_to(actor) { Refusal::NotYourTask.into() } else { Error::NotFound })
}

fn check_consents(task: &Task, actor: &Member) -> Result<(), Error> {
    check_runs(task, actor)?;
    if actor.role != Role::DistrictManager {
        return Err(Refusal::WrongRole.into());
    }
    if task.stage == TaskStage::AwaitingConsent { Ok(()) } else { Err(Refusal::WrongTaskState.into()) }
}

/// Why nothing can be done any more with a task that is over.
pub(crate) fn over(state: TaskState) -> Error {
    if state == TaskState::Cancelled { Refusal::TaskCancelled.into() } else { Refusal::TaskEnded.into() }
}

fn record(
    task: Task,
    action: TaskAction,
    actor: &Member,
    now: Timestamp,
    fill: impl FnOnce(&mut TaskEvent, &Task),
) -> Result<Decided, Error> {
    record_as(task, action, (&actor.id, actor.role), now, fill)
}

fn record_as(
    mut task: Task,
    action: TaskAction,
    (actor, role): (&MemberId, Role),
    now: Timestamp,
    fill: impl FnOnce(&mut TaskEvent, &Task),
) -> Result<Decided, Error> {
    let mut event = TaskEvent {
        task: task.id,
        seq: task.version + 1,
        at: now,
        actor: actor.clone(),
        role,
        action,
        stage: task.stage,
        reason: None,
        in_scope: None,
        content: None,
        instructions_version: task.instructions_version,
        previous: task.head,
        hash: Digest::ZERO,
    };
    fill(&mut event, &task);
    event.hash = event.compute_hash()?;
    task.version = event.seq;
    task.head = event.hash;
    task.updated_at = now;
    Ok(Decided { task, event, tells_scope: false })
}
