//! What the clock does with what nobody has done in time, so that no report is forgotten.
//!
//! When the deadline of a stage has passed, the stage is reminded. It is then given half of
//! its hours again; when those are over as well, the report goes up. At the district nothing
//! is above: it is reminded again and again, up to a limit, and then the report stays in the
//! list of what is overdue. What was rejected as unfounded is erased when its time is over.
//!
//! [`crate::life`] says in which states these actions can be taken; here it is said when.

use jiff::{SignedDuration, Timestamp};

use crate::{
    calendar::Policy,
    decide::Request,
    life::{RejectionReason, State},
    report::{Report, Urgency},
};

/// The least that a stage is given after a reminder, in working hours.
pub const MIN_GRACE_HOURS: i64 = 2;
/// After how many working hours the district is reminded again.
pub const REMINDED_AGAIN_HOURS: i64 = 8;
/// How often the district is reminded of a report.
pub const MAX_REMINDERS: u8 = 10;

/// What the clock does with a report at this moment; nothing when it is not time, or when
/// there is nothing to do.
pub fn due(report: &Report, now: Timestamp) -> Option<Request> {
    if report.clock_at.is_none_or(|at| at > now) || report.erased_at.is_some() {
        return None;
    }
    if report.state == State::Rejected {
        return report.reason.and_then(RejectionReason::erased_after_days).map(|_| Request::Erase);
    }
    if !report.state.has_deadline() {
        return None;
    }
    Some(if report.reminders > 0 && report.stage.above().is_some() { Request::Escalate } else { Request::Remind })
}

/// When the clock acts next on a report whose stage was reminded just now.
///
/// It goes by the moment of the reminder and not by the deadline: who is told late, because
/// the clock stood still, has as much time as everybody else.
pub fn after_reminder(report: &Report, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    if report.stage.above().is_none() {
        let again = match report.urgency {
            Urgency::Emergency => policy.after_emergency_time(now, 1),
            Urgency::Urgent | Urgency::Routine => policy.calendar.after_working_hours(now, REMINDED_AGAIN_HOURS),
        };
        return (report.reminders < MAX_REMINDERS).then_some(again);
    }
    Some(match policy.stage_hours(report.stage, report.urgency) {
        Some(hours) => {
            let half = SignedDuration::from_mins(hours * 30).max(SignedDuration::from_hours(MIN_GRACE_HOURS));
            policy.calendar.after_working_time(now, half)
        }
        None => policy.after_emergency_time(now, 2),
    })
}

/// When what is rejected for this reason now is erased.
pub fn erased_at(reason: RejectionReason, now: Timestamp) -> Option<Timestamp> {
    let days = reason.erased_after_days()?;
    Some(now.checked_add(SignedDuration::from_hours(24 * days)).unwrap_or(now))
}

/// When the clock would have acted next on a report of an older bundle, which did not say so:
/// at its deadline, or when what was unfounded is to be erased. For maintenance alone.
pub fn clock_of_older(report: &Report) -> Option<Timestamp> {
    if report.erased_at.is_some() || report.reminders > 0 {
        return None;
    }
    match report.state {
        State::Rejected => erased_at(report.reason?, report.stage_since),
        state if state.has_deadline() => report.due_at,
        _ => None,
    }
}
