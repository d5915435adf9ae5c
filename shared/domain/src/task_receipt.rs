//! What a reporter does with a task: gets it, reads it, answers it; and the counts of that.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    coverage::{self, Cell},
    error::{Error, Refusal},
    media::MediaRef,
    member::MemberId,
    membership::Profile,
    named::named,
    task::{Answer, Task, TaskId, TaskState},
    tasking,
    territory::NodeId,
};

/// How long after its end a task's receipts and answers are kept, in days. Their pictures go with them.
pub const KEPT_DAYS: i64 = 180;

named! {
    /// What a phone acknowledges.
    pub enum Acknowledged {
        /// The task has arrived on the phone.
        Delivered = "delivered",
        /// The reporter has read it.
        Read = "read",
    }
}

/// What a reporter has done with a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReceipt {
    /// The task.
    pub task: TaskId,
    /// The reporter.
    pub member: MemberId,
    /// The reporter's pseudonym.
    pub pseudonym: Code,
    /// The community in which it is counted: the reporter's when the task first arrived.
    pub node: NodeId,
    /// Rises with each change.
    pub version: u64,
    /// When it arrived.
    pub delivered_at: Timestamp,
    /// When it was read for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// Which instructions were read.
    #[serde(default)]
    pub read_version: u32,
    /// When it was answered, the last time. What was answered is a record of its own: a list of
    /// receipts stays small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<Timestamp>,
}

/// What a reporter answered to a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskAnswer {
    /// The reporter's pseudonym.
    pub pseudonym: Code,
    /// When, the last time.
    pub answered_at: Timestamp,
    /// Which form was answered.
    pub form_version: u32,
    /// What it says.
    pub answer: Answer,
    /// Its pictures.
    #[serde(default)]
    pub media: Vec<MediaRef>,
}

/// How many have got, read and answered a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Got it.
    #[serde(default)]
    pub delivered: u32,
    /// Read it.
    #[serde(default)]
    pub read: u32,
    /// Answered it.
    #[serde(default)]
    pub answered: u32,
}

impl TaskReceipt {
    /// What this receipt counts for.
    pub fn counts(&self) -> Counts {
        Counts { delivered: 1, read: self.read_at.is_some().into(), answered: self.answered_at.is_some().into() }
    }
}

impl Counts {
    /// What has come to it since; nothing is ever taken back.
    #[must_use]
    pub fn since(self, before: Self) -> Self {
        Self {
            delivered: self.delivered.saturating_sub(before.delivered),
            read: self.read.saturating_sub(before.read),
            answered: self.answered.saturating_sub(before.answered),
        }
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            delivered: self.delivered.saturating_add(other.delivered),
            read: self.read.saturating_add(other.read),
            answered: self.answered.saturating_add(other.answered),
        }
    }
}

/// Checks that a reporter sees a task: it was sent to those in scope, and they are in it now.
pub fn check_sees(task: &Task, reporter: &Profile, now: Timestamp) -> Result<(), Error> {
    // A task that was called off before its window began was nobody's.
    let begun = match task.state(now) {
        TaskState::Active | TaskState::Ended => true,
        TaskState::Cancelled => task.told.started,
        TaskState::Draft | TaskState::AwaitingConsent | TaskState::Scheduled => false,
    };
    if begun && task.content.scope.includes(reporter) { Ok(()) } else { Err(Error::NotFound) }
}

/// How long after its end a report can still name a task in whose window it was observed, in
/// hours: as long as a phone may have been without a network.
const LATE_HOURS: i64 = 72;

/// Checks that a report can name a task: the reporter could answer it now, or could have when the
/// report was written, which is only sent in now because the phone had no network.
pub fn check_named(
    task: &Task,
    reporter: &Profile,
    observed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Error> {
    let late = now.duration_since(task.content.ends_at) <= SignedDuration::from_hours(LATE_HOURS);
    let then = observed_at.filter(|at| late && *at <= now && task.state(now) == TaskState::Ended);
    check_answers(task, reporter, then.unwrap_or(now))
}

/// Checks that a reporter can answer a task now.
pub fn check_answers(task: &Task, reporter: &Profile, now: Timestamp) -> Result<(), Error> {
    check_sees(task, reporter, now)?;
    match task.state(now) {
        TaskState::Active if task.content.kind.asks() => Ok(()),
        TaskState::Active => Err(Refusal::AsksForNothing.into()),
        state => Err(tasking::over(state)),
    }
}

/// Takes down that a task arrived or was read; none when that is known.
pub fn acknowledge(
    task: &Task,
    reporter: &Profile,
    before: Option<&TaskReceipt>,
    what: Acknowledged,
    now: Timestamp,
) -> Result<Option<TaskReceipt>, Error> {
    check_sees(task, reporter, now)?;
    let mut receipt = before.cloned().unwrap_or_else(|| new(task, reporter, now));
    if what == Acknowledged::Read {
        reads(&mut receipt, task, now);
    }
    Ok(changed(receipt, before))
}

/// What a reporter has done with a task before: the receipt, and the answer if there is one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Before<'a> {
    /// The receipt.
    pub receipt: Option<&'a TaskReceipt>,
    /// The answer.
    pub answer: Option<&'a TaskAnswer>,
}

/// Takes an answer, in the place of the one before; none when it is the same. Whoever
/// answers has read it.
///
/// `answer` was checked against the form, and `media` are its pictures.
pub fn answer(
    task: &Task,
    reporter: &Profile,
    before: Before<'_>,
    answer: &Answer,
    media: Vec<MediaRef>,
    now: Timestamp,
) -> Result<Option<(TaskReceipt, TaskAnswer)>, Error> {
    check_answers(task, reporter, now)?;
    let mut receipt = before.receipt.cloned().unwrap_or_else(|| new(task, reporter, now));
    reads(&mut receipt, task, now);
    let same = before.answer.filter(|old| old.form_version == task.form_version && old.answer == *answer);
    if let Some(same) = same {
        return Ok(changed(receipt, before.receipt).map(|receipt| (receipt, same.clone())));
    }
    receipt.answered_at = Some(now);
    receipt.version += 1;
    let form_version = task.form_version;
    let answer =
        TaskAnswer { pseudonym: receipt.pseudonym, answered_at: now, form_version, answer: answer.clone(), media };
    Ok(Some((receipt, answer)))
}

fn new(task: &Task, reporter: &Profile, now: Timestamp) -> TaskReceipt {
    let member = &reporter.member;
    TaskReceipt {
        task: task.id,
        member: member.id.clone(),
        pseudonym: member.pseudonym,
        node: member.node.clone(),
        version: 0,
        delivered_at: now,
        read_at: None,
        read_version: 0,
        answered_at: None,
    }
}

fn reads(receipt: &mut TaskReceipt, task: &Task, now: Timestamp) {
    receipt.read_at = receipt.read_at.or(Some(now));
    receipt.read_version = task.instructions_version;
}

fn changed(mut receipt: TaskReceipt, before: Option<&TaskReceipt>) -> Option<TaskReceipt> {
    if before == Some(&receipt) {
        return None;
    }
    receipt.version += 1;
    Some(receipt)
}

/// How a task goes in one community, or in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How many are in scope now.
    pub in_scope: Cell,
    /// How many of them have got it.
    pub delivered: Cell,
    /// How many have read it.
    pub read: Cell,
    /// How many have answered it.
    pub answered: Cell,
}

/// How a task goes, by community and in all. Counts that would single out fewer than five
/// are suppressed, but for `knows_them`: the officer of the community, who knows the persons.
pub fn progress(rows: Vec<(NodeId, u32, Counts)>, knows_them: bool) -> (Progress, Vec<(NodeId, Progress)>) {
    let sum = rows.iter().fold((0_u32, Counts::default()), |(in_scope, counts), (_, more, of)| {
        (in_scope.saturating_add(*more), counts.with(*of))
    });
    let row = |in_scope: u32, counts: Counts| {
        let cell = |count| coverage::cell(count, 0, knows_them);
        Progress {
            in_scope: cell(in_scope),
            delivered: cell(counts.delivered),
            read: cell(counts.read),
            answered: cell(counts.answered),
        }
    };
    let mut whole = row(sum.0, sum.1);
    let counted: Vec<[u32; 4]> =
        rows.iter().map(|(_, in_scope, of)| [*in_scope, of.delivered, of.read, of.answered]).collect();
    let mut by_node: Vec<_> = rows.into_iter().map(|(node, in_scope, counts)| (node, row(in_scope, counts))).collect();
    // What is suppressed alone would be the whole less all others.
    let columns = [
        (|row: &mut Progress| &mut row.in_scope) as fn(&mut Progress) -> &mut Cell,
        |row| &mut row.delivered,
        |row| &mut row.read,
        |row| &mut row.answered,
    ];
    for (place, column) in columns.into_iter().enumerate() {
        let mut cells: Vec<((), Cell)> = by_node.iter_mut().map(|(_, row)| ((), *column(row))).collect();
        let counts: Vec<u32> = counted.iter().map(|counts| counts[place]).collect();
        if !coverage::suppress_another(&mut cells, &counts) {
            let sum = column(&mut whole);
            *sum = Cell { members: None, suppressed: true, ..*sum };
        }
        for ((_, row), ((), cell)) in by_node.iter_mut().zip(cells) {
            *column(row) = cell;
        }
    }
    (whole, by_node)
}
