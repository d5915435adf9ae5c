//! Tasks and notices: what managers ask a chosen scope of reporters to watch for, or to read.
//!
//! A task that asks for answers and a notice that only asks to be read are the same thing
//! with another [`TaskKind`].

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    command::CommandId,
    district::{District, Label},
    error::{Error, FieldError},
    hash::Digest,
    media::MediaId,
    member::{Member, MemberId, Role},
    named::named,
    report::{Category, Urgency, check_text},
    scope::Scope,
    territory::NodeId,
    wording,
};

/// The identifier of a task is its code, as with reports.
pub type TaskId = Code;

/// The longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 60;
/// The longest text of what to look for, in characters.
pub const MAX_LOOK_FOR_CHARS: usize = 500;
/// The longest instructions, in characters.
pub const MAX_INSTRUCTIONS_CHARS: usize = 2_000;
/// The most fields of a form.
pub const MAX_FIELDS: usize = 10;
/// The longest label of a field, in characters.
pub const MAX_LABEL_CHARS: usize = 60;
/// The most choices of a field.
pub const MAX_CHOICES: usize = 20;
/// The longest choice, in characters.
pub const MAX_CHOICE_CHARS: usize = 40;
/// The longest answer in words, in characters.
pub const MAX_ANSWER_CHARS: usize = 1_000;
/// How far a number of an answer may be from nought.
pub const MAX_NUMBER: i64 = 1_000_000_000_000;
/// How far ahead a window may end, in days.
pub const MAX_AHEAD_DAYS: i64 = 366;
/// The longest window, in days. What reporters do with a task is kept for as long after the end
/// that it had then, so that nothing of it is gone before the task ends, also when that is put off.
pub const MAX_WINDOW_DAYS: i64 = crate::task_receipt::KEPT_DAYS;

named! {
    /// What a task asks for.
    pub enum TaskKind {
        /// 任务: to watch for something, and to answer.
        Task = "task",
        /// 安全教育: to be read.
        SafetyEducation = "safety_education",
        /// 工作提示: to be read.
        WorkHint = "work_hint",
    }
}

impl TaskKind {
    /// Whether it asks for answers.
    pub fn asks(self) -> bool {
        self == Self::Task
    }
}

named! {
    /// How far a task has come by what people have done.
    pub enum TaskStage {
        /// Being written. Nobody is told.
        Draft = "draft",
        /// Waits for the district's consent.
        AwaitingConsent = "awaiting_consent",
        /// Sent; its window says since when and until when it runs.
        Published = "published",
        /// Called off.
        Cancelled = "cancelled",
    }
}

impl TaskStage {
    /// Where a task of this stage and this window is at a moment.
    pub fn at(self, starts_at: Timestamp, ends_at: Timestamp, now: Timestamp) -> TaskState {
        match self {
            Self::Draft => TaskState::Draft,
            Self::AwaitingConsent => TaskState::AwaitingConsent,
            Self::Cancelled => TaskState::Cancelled,
            Self::Published if now < starts_at => TaskState::Scheduled,
            Self::Published if now < ends_at => TaskState::Active,
            Self::Published => TaskState::Ended,
        }
    }
}

named! {
    /// Where a task is at a moment, by its stage and its window.
    pub enum TaskState {
        /// Being written.
        Draft = "draft",
        /// Waits for the district's consent.
        AwaitingConsent = "awaiting_consent",
        /// Sent; its window has not begun.
        Scheduled = "scheduled",
        /// Running.
        Active = "active",
        /// Its window is over.
        Ended = "ended",
        /// Called off.
        Cancelled = "cancelled",
    }
}

named! {
    /// What a field of a form takes.
    pub enum FieldKind {
        /// Words.
        Text = "text",
        /// A whole number.
        Number = "number",
        /// One of the choices.
        Choice = "choice",
        /// A picture.
        Photo = "photo",
    }
}

/// A field of a task's form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// Its stable name, by which answers are told apart.
    pub name: Label,
    /// What is asked.
    pub label: String,
    /// What it takes.
    pub kind: FieldKind,
    /// Whether an answer must have it.
    pub required: bool,
    /// What can be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// What its maker says of a task: everything that can be edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskContent {
    /// What it asks for.
    pub kind: TaskKind,
    /// Its title.
    pub title: String,
    /// What to look for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look_for: Option<String>,
    /// What to do.
    pub instructions: String,
    /// What it is about.
    pub category: Category,
    /// How fast it has to be looked at; an emergency goes through quiet hours.
    pub priority: Urgency,
    /// When its window begins.
    pub starts_at: Timestamp,
    /// When its window ends.
    pub ends_at: Timestamp,
    /// When who has not read it is reminded, once; nobody is when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_at: Option<Timestamp>,
    /// What an answer holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub form: Vec<FormField>,
    /// Whom it is for.
    pub scope: Scope,
}

impl TaskContent {
    /// Checks every limit, the district's lists and the closed-category rule, and names every
    /// bad field. `territory` is that of who makes it.
    pub fn validate(&self, territory: &NodeId, district: &District, now: Timestamp) -> Result<(), Error> {
        let mut bad = self.bad_fields(now);
        self.scope.check(territory, district, &mut bad);
        if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
    }

    /// The same of a task whose scope was checked when it was sent. The lists may have changed
    /// since, and it can be put right all the same.
    pub fn validate_sent(&self, now: Timestamp) -> Result<(), Error> {
        let bad = self.bad_fields(now);
        if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
    }

    fn bad_fields(&self, now: Timestamp) -> Vec<FieldError> {
        let mut bad = Vec::new();
        check_public("/title", &self.title, MAX_TITLE_CHARS, &mut bad);
        if let Some(text) = &self.look_for {
            check_public("/look_for", text, MAX_LOOK_FOR_CHARS, &mut bad);
        }
        check_public("/instructions", &self.instructions, MAX_INSTRUCTIONS_CHARS, &mut bad);
        self.check_window(now, &mut bad);
        self.check_form(&mut bad);
        bad
    }

    fn check_window(&self, now: Timestamp, bad: &mut Vec<FieldError>) {
        if self.ends_at <= now {
            bad.push(FieldError::new("/ends_at", "has passed"));
        } else if self.ends_at <= self.starts_at {
            bad.push(FieldError::new("/ends_at", "does not lie after the start"));
        } else if self.ends_at.duration_since(now) > SignedDuration::from_hours(24 * MAX_AHEAD_DAYS) {
            bad.push(FieldError::new("/ends_at", format!("lies more than {MAX_AHEAD_DAYS} days ahead")));
        } else if self.ends_at.duration_since(self.starts_at) > SignedDuration::from_hours(24 * MAX_WINDOW_DAYS) {
            bad.push(FieldError::new("/ends_at", format!("lies more than {MAX_WINDOW_DAYS} days after the start")));
        }
        if self.remind_at.is_some_and(|at| at <= self.starts_at || at >= self.ends_at) {
            bad.push(FieldError::new("/remind_at", "does not lie between the start and the end"));
        }
    }

    fn check_form(&self, bad: &mut Vec<FieldError>) {
        if !self.kind.asks() && !self.form.is_empty() {
            bad.push(FieldError::new("/form", "is for tasks: a notice only asks to be read"));
            return;
        }
        if self.form.len() > MAX_FIELDS {
            bad.push(FieldError::new("/form", format!("has more than {MAX_FIELDS} entries")));
            return;
        }
        for (i, field) in self.form.iter().enumerate() {
            let at = format!("/form/{i}");
            if self.form[..i].iter().any(|other| other.name == field.name) {
                bad.push(FieldError::new(format!("{at}/name"), "is there twice"));
            }
            if let Some(why) = wording::refuse_label(field.name.as_str()) {
                bad.push(FieldError::new(format!("{at}/name"), why));
            }
            check_public(&format!("{at}/label"), &field.label, MAX_LABEL_CHARS, bad);
            let wanted = if field.kind == FieldKind::Choice { 2..=MAX_CHOICES } else { 0..=0 };
            if !wanted.contains(&field.choices.len()) {
                let detail = format!("must have {} to {} entries for a {}", wanted.start(), wanted.end(), field.kind);
                bad.push(FieldError::new(format!("{at}/choices"), detail));
                continue;
            }
            for (j, choice) in field.choices.iter().enumerate() {
                let at = format!("{at}/choices/{j}");
                check_public(&at, choice, MAX_CHOICE_CHARS, bad);
                if field.choices[..j].contains(choice) {
                    bad.push(FieldError::new(at, "is there twice"));
                }
            }
        }
    }

    /// Whether what a reporter has read is another than this.
    pub fn instructs_otherwise(&self, other: &Self) -> bool {
        self.title != other.title || self.look_for != other.look_for || self.instructions != other.instructions
    }
}

/// Checks a text that reporters are shown: its length, and that it names neither a person
/// nor people by belief or origin.
fn check_public(at: &str, text: &str, max_chars: usize, bad: &mut Vec<FieldError>) {
    let before = bad.len();
    check_text(at, text, max_chars, bad);
    if bad.len() == before
        && let Some(why) = wording::refuse(text)
    {
        bad.push(FieldError::new(at, why));
    }
}

/// What the clock has done with a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Those in scope were told that it runs.
    pub started: bool,
    /// Those in scope were reminded.
    pub reminded: bool,
    /// Its maker was told that it is over.
    pub ended: bool,
}

/// A task as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its code.
    pub id: TaskId,
    /// Rises by one with each event; what the API shows as the `ETag`.
    pub version: u64,
    /// The hash of its newest event.
    pub head: Digest,
    /// Who made it.
    pub maker: MemberId,
    /// In which role.
    pub maker_role: Role,
    /// The maker's node: those who run it are there and above.
    pub node: NodeId,
    /// How far it has come.
    pub stage: TaskStage,
    /// What it says.
    #[serde(flatten)]
    pub content: TaskContent,
    /// Rises when what reporters read has changed after it was sent.
    pub instructions_version: u32,
    /// Rises when the form has changed after it was sent.
    pub form_version: u32,
    /// Whether the district consented to it.
    #[serde(default)]
    pub consented: bool,
    /// What the clock has done with it.
    #[serde(default)]
    pub told: Told,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The command that made it.
    pub created_by: CommandId,
}

impl Task {
    /// Where it is at this moment. The moment of its end is past its end.
    pub fn state(&self, now: Timestamp) -> TaskState {
        self.stage.at(self.content.starts_at, self.content.ends_at, now)
    }

    /// Whether this member runs it: the maker, who has at least the maker's rank in the
    /// maker's node, or who stands above.
    pub fn is_run_by(&self, member: &Member) -> bool {
        member.role.manages() && member.role.rank() >= self.maker_role.rank() && member.node.contains(&self.node)
    }

    /// Whether this member may read what it says, without having a part in it: staff of the
    /// places where it runs, once it was sent, and the auditor of the district.
    pub fn is_known_to(&self, member: &Member) -> bool {
        let near = |node: &NodeId| node.contains(&member.node) || (member.role.manages() && member.node.contains(node));
        let sent = self.stage == TaskStage::Published || self.told.started;
        let audits = member.role == Role::Auditor && member.node.contains(&self.node);
        let consents = member.role == Role::DistrictManager && member.node.contains(&self.node);
        audits || consents || (member.role.manages() && sent && self.content.scope.nodes.iter().any(near))
    }

    /// Checks that this member may make tasks at all.
    pub fn check_maker(actor: &Member) -> Result<(), Error> {
        if actor.role.manages() { Ok(()) } else { Err(crate::error::Refusal::WrongRole.into()) }
    }
}

/// What reporters see of a task in their list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEntry {
    /// Its code.
    pub id: TaskId,
    /// What it asks for.
    pub kind: TaskKind,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub category: Category,
    /// How fast it has to be looked at.
    pub priority: Urgency,
    /// When its window begins.
    pub starts_at: Timestamp,
    /// When its window ends.
    pub ends_at: Timestamp,
    /// When who has not read it is reminded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_at: Option<Timestamp>,
    /// Which of the reporters of a node it is for.
    #[serde(flatten)]
    pub who: crate::scope::Selection,
    /// Which instructions it has.
    pub instructions_version: u32,
    /// Which form it has.
    pub form_version: u32,
}

impl From<&Task> for TaskEntry {
    fn from(task: &Task) -> Self {
        let content = &task.content;
        Self {
            id: task.id,
            kind: content.kind,
            title: content.title.clone(),
            category: content.category,
            priority: content.priority,
            starts_at: content.starts_at,
            ends_at: content.ends_at,
            remind_at: content.remind_at,
            who: content.scope.who.clone(),
            instructions_version: task.instructions_version,
            form_version: task.form_version,
        }
    }
}

/// What an answer says in one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A whole number.
    Number(i64),
    /// Words, a choice, or the id of a picture.
    Text(String),
}

/// An answer: what it says by the names of the fields.
pub type Answer = BTreeMap<Label, Value>;

/// Checks an answer against the form, and gives the pictures that it names, in the order of
/// the form.
pub fn check_answer(form: &[FormField], answer: &Answer) -> Result<Vec<MediaId>, Error> {
    let mut bad = Vec::new();
    let mut photos = Vec::new();
    let at = |name: &Label| format!("/answer/{name}");
    for name in answer.keys().filter(|name| form.iter().all(|field| field.name != **name)) {
        bad.push(FieldError::new(at(name), "is no field of the form"));
    }
    for field in form {
        let at = at(&field.name);
        let Some(value) = answer.get(&field.name) else {
            if field.required {
                bad.push(FieldError::new(at, "is missing"));
            }
            continue;
        };
        match (field.kind, value) {
            (FieldKind::Text, Value::Text(text)) => check_text(&at, text, MAX_ANSWER_CHARS, &mut bad),
            (FieldKind::Number, Value::Number(number)) => {
                if number.unsigned_abs() > MAX_NUMBER.unsigned_abs() {
                    bad.push(FieldError::new(at, format!("must be from -{MAX_NUMBER} to {MAX_NUMBER}")));
                }
            }
            (FieldKind::Choice, Value::Text(choice)) => {
                if !field.choices.contains(choice) {
                    bad.push(FieldError::new(at, "is none of the choices"));
                }
            }
            (FieldKind::Photo, Value::Text(id)) => match id.parse() {
                Ok(id) if photos.contains(&id) => bad.push(FieldError::new(at, "is named twice")),
                Ok(id) => photos.push(id),
                Err(_) => bad.push(FieldError::new(at, "is not the id of a medium")),
            },
            (kind, _) => {
                let wanted = match kind {
                    FieldKind::Text => "words",
                    FieldKind::Number => "a whole number",
                    FieldKind::Choice => "one of the choices",
                    FieldKind::Photo => "the id of a medium",
                };
                bad.push(FieldError::new(at, format!("must be {wanted}")));
            }
        }
    }
    if bad.is_empty() { Ok(photos) } else { Err(Error::Invalid(bad)) }
}
