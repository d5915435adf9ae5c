//! What the API shows of tasks.

use std::collections::BTreeMap;

use pingan_domain::{
    Timestamp,
    code::Code,
    coverage::Cell,
    district::Label,
    life::{RejectionReason, Stage, State},
    member::{MemberId, Role},
    membership::Kind,
    report::{Category, Urgency},
    scope::{Scope, Selection},
    task::{FieldKind, FormField, Task, TaskContent, TaskEntry, TaskId, TaskKind, TaskState, Value},
    task_receipt::{Before, Progress, TaskAnswer, TaskReceipt},
    tasking::{TaskAction, TaskEvent},
    territory::NodeId,
};
use pingan_http::schema;
use pingan_store::tasks::TaskSummary;
use pingan_workflow::views::{MediaView, ReportSummary};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whom a task is for: who is in one of the nodes, of one of the kinds, and knows one of the trades.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopeView {
    /// Nodes of your territory, each with all below it; 1 to 20, none within another.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 20, example = json!(["demo.market.lantern"]))]
    nodes: Vec<NodeId>,
    /// Kinds of reporter; every kind when there are none.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["taxi", "courier"]))]
    kinds: Vec<Kind>,
    /// Trades, by the district's labels; whatever they know when there are none.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 20, example = json!([]))]
    trades: Vec<Label>,
}

/// A field of a task's form.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FieldView {
    /// Its stable name: 1 to 32 of `a-z`, `0-9`, `-` and `_`.
    #[schema(value_type = String, example = "seen")]
    name: Label,
    /// What is asked; at most 60 characters.
    #[schema(max_length = 60, example = "是否看到")]
    label: String,
    /// What it takes.
    #[schema(schema_with = schema::field_kind)]
    kind: FieldKind,
    /// Whether an answer must have it; it need not when nothing is said.
    #[serde(default)]
    required: bool,
    /// What can be chosen: 2 to 20, each of at most 40 characters; for a choice alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    choices: Vec<String>,
}

impl From<FormField> for FieldView {
    fn from(field: FormField) -> Self {
        let FormField { name, label, kind, required, choices } = field;
        Self { name, label, kind, required, choices }
    }
}

impl From<FieldView> for FormField {
    fn from(view: FieldView) -> Self {
        let FieldView { name, label, kind, required, choices } = view;
        Self { name, label, kind, required, choices }
    }
}

/// What a task says.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "kind": "task",
    "title": "夜间电缆被盗",
    "look_for": "货车夜间在工地装运电缆",
    "instructions": "看到请记下时间和地点，不要靠近，紧急情况先拨打110。",
    "category": "crime",
    "priority": "urgent",
    "ends_at": "2037-08-14T10:00:00Z",
    "remind_at": "2037-08-13T01:00:00Z",
    "form": [
        {"name": "seen", "label": "是否看到", "kind": "choice", "required": true, "choices": ["是", "否"]},
        {"name": "count", "label": "几辆", "kind": "number"}
    ],
    "scope": {"nodes": ["demo.market.lantern"]}
}))]
pub(crate) struct TaskBody {
    /// What it asks for: to watch and answer (`task`), or to be read.
    #[schema(schema_with = schema::task_kind)]
    kind: TaskKind,
    /// Its title; at most 60 characters.
    #[schema(max_length = 60)]
    title: String,
    /// What to look for; at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 500)]
    look_for: Option<String>,
    /// What to do; at most 2000 characters.
    #[schema(max_length = 2000)]
    instructions: String,
    /// What it is about.
    #[schema(schema_with = schema::category)]
    category: Category,
    /// How fast it has to be looked at; `routine` when nothing is said. An `emergency` goes
    /// through quiet hours.
    #[serde(default = "routine")]
    #[schema(schema_with = schema::urgency, required = false)]
    priority: Urgency,
    /// When its window begins; at once when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment, required = false)]
    starts_at: Option<Timestamp>,
    /// When its window ends; at most 366 days ahead, and 180 days after it begins.
    #[schema(schema_with = schema::moment)]
    ends_at: Timestamp,
    /// When who has not read it is reminded, once; between the beginning and the end. Nobody is
    /// when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment, required = false)]
    remind_at: Option<Timestamp>,
    /// What an answer holds: at most 10 fields. A notice has none; a task without any is answered
    /// with an empty answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 10)]
    form: Vec<FieldView>,
    /// Whom it is for.
    scope: ScopeView,
}

fn routine() -> Urgency {
    Urgency::Routine
}

impl TaskBody {
    /// What is meant: where nothing is said of the beginning, it stays as it was before.
    pub(crate) fn content(&self, now: Timestamp, before: Option<&TaskContent>) -> TaskContent {
        let Self {
            kind,
            title,
            look_for,
            instructions,
            category,
            priority,
            starts_at,
            ends_at,
            remind_at,
            form,
            scope,
        } = self.clone();
        let ScopeView { nodes, kinds, trades } = scope;
        TaskContent {
            kind,
            title,
            look_for,
            instructions,
            category,
            priority,
            starts_at: starts_at.unwrap_or_else(|| before.map_or(now, |before| before.starts_at)),
            ends_at,
            remind_at,
            form: form.into_iter().map(Into::into).collect(),
            scope: Scope { nodes, who: Selection { kinds, trades } },
        }
    }
}

impl From<&TaskContent> for TaskBody {
    fn from(content: &TaskContent) -> Self {
        let TaskContent {
            kind,
            title,
            look_for,
            instructions,
            category,
            priority,
            starts_at,
            ends_at,
            remind_at,
            form,
            scope: Scope { nodes, who: Selection { kinds, trades } },
        } = content.clone();
        Self {
            kind,
            title,
            look_for,
            instructions,
            category,
            priority,
            starts_at: Some(starts_at),
            ends_at,
            remind_at,
            form: form.into_iter().map(Into::into).collect(),
            scope: ScopeView { nodes, kinds, trades },
        }
    }
}

/// A task, as staff read it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskView {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: TaskId,
    /// Where it is now.
    #[schema(schema_with = schema::task_state)]
    state: TaskState,
    /// What it says.
    #[serde(flatten)]
    content: TaskBody,
    /// Who made it.
    #[schema(value_type = String, example = "officer-lantern")]
    maker: MemberId,
    /// In which role.
    #[schema(schema_with = schema::role)]
    maker_role: Role,
    /// The maker's node.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// Rises when what reporters read has changed after it was sent.
    instructions_version: u32,
    /// Rises when the form has changed after it was sent.
    form_version: u32,
    /// Whether the district consented to it.
    consented: bool,
    /// When it was made.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
}

impl TaskView {
    pub(crate) fn new(task: &Task, now: Timestamp) -> Self {
        Self {
            id: task.id,
            state: task.state(now),
            content: (&task.content).into(),
            maker: task.maker.clone(),
            maker_role: task.maker_role,
            node: task.node.clone(),
            instructions_version: task.instructions_version,
            form_version: task.form_version,
            consented: task.consented,
            created_at: task.created_at,
            updated_at: task.updated_at,
        }
    }
}

/// What lists show of a task.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskSummaryView {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: TaskId,
    /// Its version, for `If-Match`.
    version: u64,
    /// Where it is now.
    #[schema(schema_with = schema::task_state)]
    state: TaskState,
    /// What it asks for.
    #[schema(schema_with = schema::task_kind)]
    kind: TaskKind,
    /// Its title.
    title: String,
    /// What it is about.
    #[schema(schema_with = schema::category)]
    category: Category,
    /// How fast it has to be looked at.
    #[schema(schema_with = schema::urgency)]
    priority: Urgency,
    /// The node of its maker.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// When its window begins.
    #[schema(schema_with = schema::moment)]
    starts_at: Timestamp,
    /// When its window ends.
    #[schema(schema_with = schema::moment)]
    ends_at: Timestamp,
    /// When it was made.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
}

impl From<(TaskSummary, Timestamp)> for TaskSummaryView {
    fn from((task, now): (TaskSummary, Timestamp)) -> Self {
        let state = task.stage.at(task.starts_at, task.ends_at, now);
        let TaskSummary {
            id,
            version,
            kind,
            title,
            category,
            priority,
            node,
            starts_at,
            ends_at,
            created_at,
            updated_at,
            ..
        } = task;
        Self { id, version, state, kind, title, category, priority, node, starts_at, ends_at, created_at, updated_at }
    }
}

/// A page of tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TasksPage {
    /// The tasks.
    pub(crate) items: Vec<TaskSummaryView>,
    /// The cursor of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// Something that happened to a task.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskEventView {
    /// Its number; the version of the task after it.
    seq: u64,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// Who did it; `clock` for what happens by itself.
    #[schema(value_type = String, example = "officer-lantern")]
    actor: MemberId,
    /// In which role.
    #[schema(schema_with = schema::role)]
    role: Role,
    /// What was done.
    #[schema(schema_with = schema::task_action)]
    action: TaskAction,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// How many reporters were in scope when it was sent, or was to be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_scope: Option<u32>,
    /// What it said from then on, when that was written or changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<TaskBody>,
    /// The instructions that held from then on.
    instructions_version: u32,
    /// The hash of the event before.
    #[schema(schema_with = schema::sha256)]
    previous: pingan_domain::hash::Digest,
    /// The hash of this event.
    #[schema(schema_with = schema::sha256)]
    hash: pingan_domain::hash::Digest,
}

impl From<TaskEvent> for TaskEventView {
    fn from(event: TaskEvent) -> Self {
        Self {
            seq: event.seq,
            at: event.at,
            actor: event.actor,
            role: event.role,
            action: event.action,
            reason: event.reason,
            in_scope: event.in_scope,
            content: event.content.as_ref().map(TaskBody::from),
            instructions_version: event.instructions_version,
            previous: event.previous,
            hash: event.hash,
        }
    }
}

/// The history of a task.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskHistory {
    /// Its events, oldest first.
    pub(crate) events: Vec<TaskEventView>,
}

/// A count. It is missing where it would single out fewer than five reporters.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountView {
    /// How many; missing when it is suppressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
    /// Whether it is suppressed: it is from 1 to 4, or would give away another that is.
    suppressed: bool,
}

impl From<Cell> for CountView {
    fn from(cell: Cell) -> Self {
        Self { count: cell.members, suppressed: cell.suppressed }
    }
}

/// A count of a community.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeCount {
    /// The community.
    #[schema(schema_with = schema::node)]
    pub(crate) node: NodeId,
    /// How many reporters.
    #[serde(flatten)]
    pub(crate) count: CountView,
}

/// Whom a task reaches, and what that costs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReachView {
    /// How many reporters are in scope.
    pub(crate) in_scope: CountView,
    /// Whether that is enough: a task for fewer than five is not sent.
    pub(crate) enough: bool,
    /// The same by community.
    pub(crate) by_community: Vec<NodeCount>,
    /// How many messages go to the topic: one for each node, and as many for a reminder.
    pub(crate) messages_to_topic: u32,
    /// How many messages the topic sends on to devices at most, if every reporter in scope has
    /// chosen to be told on one and nobody is in quiet hours; missing where the count is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) messages_to_devices_at_most: Option<u32>,
}

/// How a task goes, in one place or in all.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProgressCounts {
    /// How many are in scope now.
    in_scope: CountView,
    /// How many have got it.
    delivered: CountView,
    /// How many have read it.
    read: CountView,
    /// How many have answered it.
    answered: CountView,
}

impl From<Progress> for ProgressCounts {
    fn from(progress: Progress) -> Self {
        let Progress { in_scope, delivered, read, answered } = progress;
        Self { in_scope: in_scope.into(), delivered: delivered.into(), read: read.into(), answered: answered.into() }
    }
}

/// How a task goes in a community.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeProgress {
    /// The community.
    #[schema(schema_with = schema::node)]
    pub(crate) node: NodeId,
    /// How it goes there.
    #[serde(flatten)]
    pub(crate) progress: ProgressCounts,
}

/// How a task goes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProgressView {
    /// In all.
    #[serde(flatten)]
    pub(crate) whole: ProgressCounts,
    /// By community.
    pub(crate) by_community: Vec<NodeProgress>,
}

/// An answer to a task.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswerView {
    /// Whose it is.
    #[schema(schema_with = schema::code)]
    pseudonym: Code,
    /// When it was given, the last time.
    #[schema(schema_with = schema::moment)]
    answered_at: Timestamp,
    /// Which form was filled in.
    form_version: u32,
    /// What it says, by the names of the fields.
    #[schema(value_type = BTreeMap<String, Object>)]
    answer: BTreeMap<Label, Value>,
    /// Its pictures. `GET /tasks/{task_id}/media/{media_id}/link` opens one.
    media: Vec<MediaView>,
}

impl From<TaskAnswer> for AnswerView {
    fn from(item: TaskAnswer) -> Self {
        let TaskAnswer { pseudonym, answered_at, form_version, answer, media } = item;
        Self { pseudonym, answered_at, form_version, answer, media: media.into_iter().map(Into::into).collect() }
    }
}

/// A page of answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswersPage {
    /// The answers, in the order in which they came.
    pub(crate) items: Vec<AnswerView>,
    /// The cursor of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// How many reports are at a stage with an outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReportCount {
    /// The stage that holds them, or held them last.
    #[schema(schema_with = schema::stage)]
    stage: Stage,
    /// Where they are in their lives.
    #[schema(schema_with = schema::state)]
    state: State,
    /// Why they were rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::rejection_reason)]
    reason: Option<RejectionReason>,
    /// How many.
    count: u32,
}

impl From<((Stage, State, Option<RejectionReason>), u32)> for ReportCount {
    fn from(((stage, state, reason), count): ((Stage, State, Option<RejectionReason>), u32)) -> Self {
        Self { stage, state, reason, count }
    }
}

/// The reports that name a task.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TaskReports {
    /// With the first page: how many there are, by stage and outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) counts: Option<Vec<ReportCount>>,
    /// Whether these are all. Beyond some ten thousand, the newest are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) counted_all: Option<bool>,
    /// The reports of this page, newest first.
    pub(crate) items: Vec<ReportSummary>,
    /// The cursor of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// What you have done with a task.
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own that a phone asks")]
#[derive(Debug, Serialize, ToSchema)]
struct OwnReceipt {
    /// Whether you have read the instructions as they are now.
    read: bool,
    /// Whether they have changed since you read them.
    changed: bool,
    /// Whether you are to be reminded: you have never read it, and the moment for that has come.
    reminded: bool,
    /// Whether you have answered it.
    answered: bool,
}

impl OwnReceipt {
    fn new(receipt: Option<&TaskReceipt>, instructions: u32, remind_at: Option<Timestamp>, now: Timestamp) -> Self {
        let read = receipt.is_some_and(|receipt| receipt.read_at.is_some());
        let newest = receipt.is_some_and(|receipt| receipt.read_version >= instructions);
        Self {
            read: read && newest,
            changed: read && !newest,
            reminded: !read && remind_at.is_some_and(|at| at <= now),
            answered: receipt.is_some_and(|receipt| receipt.answered_at.is_some()),
        }
    }
}

/// A task in your list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunningTask {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: TaskId,
    /// What it asks for.
    #[schema(schema_with = schema::task_kind)]
    kind: TaskKind,
    /// Its title.
    title: String,
    /// What it is about.
    #[schema(schema_with = schema::category)]
    category: Category,
    /// How fast it has to be looked at.
    #[schema(schema_with = schema::urgency)]
    priority: Urgency,
    /// Since when it runs.
    #[schema(schema_with = schema::moment)]
    starts_at: Timestamp,
    /// Until when.
    #[schema(schema_with = schema::moment)]
    ends_at: Timestamp,
    /// What you have done with it.
    #[serde(flatten)]
    own: OwnReceipt,
}

impl RunningTask {
    pub(crate) fn new(task: &TaskEntry, receipt: Option<&TaskReceipt>, now: Timestamp) -> Self {
        Self {
            id: task.id,
            kind: task.kind,
            title: task.title.clone(),
            category: task.category,
            priority: task.priority,
            starts_at: task.starts_at,
            ends_at: task.ends_at,
            own: OwnReceipt::new(receipt, task.instructions_version, task.remind_at, now),
        }
    }
}

/// A page of your tasks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnTasksPage {
    /// The tasks, what ends first before the others.
    pub(crate) items: Vec<RunningTask>,
    /// The cursor of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// A task that is for you.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OwnTask {
    /// As in your list.
    #[serde(flatten)]
    task: RunningTask,
    /// Where it is now: only an `active` one takes answers.
    #[schema(schema_with = schema::task_state)]
    state: TaskState,
    /// What to look for.
    #[serde(skip_serializing_if = "Option::is_none")]
    look_for: Option<String>,
    /// What to do.
    instructions: String,
    /// Which instructions these are.
    instructions_version: u32,
    /// What an answer holds.
    form: Vec<FieldView>,
    /// Which form this is; an answer names it.
    form_version: u32,
    /// When it arrived on your phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    delivered_at: Option<Timestamp>,
    /// When you read it for the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    read_at: Option<Timestamp>,
    /// When you answered it, the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    answered_at: Option<Timestamp>,
    /// Your answer, by the names of the fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BTreeMap<String, Object>, required = false)]
    answer: Option<BTreeMap<Label, Value>>,
}

impl OwnTask {
    pub(crate) fn new(task: &Task, Before { receipt, answer }: Before<'_>, now: Timestamp) -> Self {
        let content = &task.content;
        Self {
            task: RunningTask::new(&TaskEntry::from(task), receipt, now),
            state: task.state(now),
            look_for: content.look_for.clone(),
            instructions: content.instructions.clone(),
            instructions_version: task.instructions_version,
            form: content.form.iter().cloned().map(Into::into).collect(),
            form_version: task.form_version,
            delivered_at: receipt.map(|receipt| receipt.delivered_at),
            read_at: receipt.and_then(|receipt| receipt.read_at),
            answered_at: receipt.and_then(|receipt| receipt.answered_at),
            answer: answer.map(|answer| answer.answer.clone()),
        }
    }
}
