//! Deadlines in working hours of the district.

use std::collections::BTreeSet;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};

use crate::{life::Stage, report::Urgency};

/// The district's working time.
#[derive(Debug, Clone)]
pub struct Calendar {
    /// The district's time zone, which decides what a day is.
    pub time_zone: TimeZone,
    /// When work begins.
    pub opens: Time,
    /// When work ends; later than `opens`.
    pub closes: Time,
    /// Days off that would be working days.
    pub holidays: BTreeSet<Date>,
    /// Weekend days that are worked to make up for a holiday (调休).
    pub make_up_days: BTreeSet<Date>,
}

impl Calendar {
    /// Monday to Friday from 9 to 17 o'clock in this time zone, no holidays.
    pub fn weekdays(time_zone: TimeZone) -> Self {
        Self {
            time_zone,
            opens: Time::constant(9, 0, 0, 0),
            closes: Time::constant(17, 0, 0, 0),
            holidays: BTreeSet::new(),
            make_up_days: BTreeSet::new(),
        }
    }

    /// Whether people work on this day.
    pub fn is_working_day(&self, date: Date) -> bool {
        if self.make_up_days.contains(&date) {
            return true;
        }
        !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.holidays.contains(&date)
    }

    /// The moment when `hours` of working time have passed since `start`.
    ///
    /// Looks at most ten years ahead; a calendar without any working day in that time
    /// gives `start` itself.
    pub fn after_working_hours(&self, start: Timestamp, hours: i64) -> Timestamp {
        let mut left = SignedDuration::from_hours(hours);
        let mut date = start.to_zoned(self.time_zone.clone()).date();
        for _ in 0..3_660 {
            if self.is_working_day(date)
                && let (Some(opens), Some(closes)) = (self.moment(date, self.opens), self.moment(date, self.closes))
            {
                let from = opens.max(start);
                if from < closes {
                    let available = closes.duration_since(from);
                    if left <= available {
                        return from.checked_add(left).unwrap_or(from);
                    }
                    left -= available;
                }
            }
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        start
    }

    fn moment(&self, date: Date, time: Time) -> Option<Timestamp> {
        Some(date.to_datetime(time).to_zoned(self.time_zone.clone()).ok()?.timestamp())
    }
}

/// How long each stage may take.
#[derive(Debug, Clone)]
pub struct Deadlines {
    /// Working hours for a routine report: officer, station, district.
    pub routine_hours: [i64; 3],
    /// Working hours for an urgent report: officer, station, district.
    pub urgent_hours: [i64; 3],
    /// Hours by the clock, night and holiday included, for an emergency at any stage.
    pub emergency_hours: i64,
    /// Working hours that a reporter is given to answer a question.
    pub answer_hours: i64,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { routine_hours: [8, 16, 24], urgent_hours: [2, 4, 8], emergency_hours: 1, answer_hours: 24 }
    }
}

/// What a district has decided about time.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Its working time.
    pub calendar: Calendar,
    /// How long things may take.
    pub deadlines: Deadlines,
}

impl Policy {
    /// By when a stage that gets a report at `since` is expected to act.
    pub fn stage_due(&self, stage: Stage, urgency: Urgency, since: Timestamp) -> Timestamp {
        let hours = match urgency {
            Urgency::Routine => self.deadlines.routine_hours[stage as usize],
            Urgency::Urgent => self.deadlines.urgent_hours[stage as usize],
            Urgency::Emergency => return self.emergency_due(since),
        };
        self.calendar.after_working_hours(since, hours)
    }

    /// By when a reporter is expected to answer a question asked at `since`.
    pub fn answer_due(&self, urgency: Urgency, since: Timestamp) -> Timestamp {
        match urgency {
            Urgency::Emergency => self.emergency_due(since),
            Urgency::Routine | Urgency::Urgent => self.calendar.after_working_hours(since, self.deadlines.answer_hours),
        }
    }

    fn emergency_due(&self, since: Timestamp) -> Timestamp {
        let hours = SignedDuration::from_hours(self.deadlines.emergency_hours);
        since.checked_add(hours).unwrap_or(since)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn calendar() -> Calendar {
        Calendar::weekdays(TimeZone::get("Asia/Shanghai").unwrap())
    }

    fn due(start: &str, hours: i64) -> String {
        calendar()
            .after_working_hours(start.parse().unwrap(), hours)
            .to_zoned(calendar().time_zone)
            .datetime()
            .to_string()
    }

    #[test]
    fn only_working_hours_count() {
        // A Wednesday, 10:00 in Shanghai.
        assert_eq!(due("2026-08-12T02:00:00Z", 4), "2026-08-12T14:00:00");
        assert_eq!(due("2026-08-12T02:00:00Z", 8), "2026-08-13T10:00:00");
        // Friday 16:00: one hour is left, the rest is on Monday.
        assert_eq!(due("2026-08-14T08:00:00Z", 2), "2026-08-17T10:00:00");
        // Saturday night counts from Monday's opening.
        assert_eq!(due("2026-08-15T15:00:00Z", 1), "2026-08-17T10:00:00");
    }

    #[test]
    fn holidays_are_skipped_and_make_up_days_worked() {
        let mut calendar = calendar();
        calendar.holidays.insert("2026-10-01".parse().unwrap());
        calendar.make_up_days.insert("2026-10-03".parse().unwrap());
        // Wednesday 30 September 16:00; Thursday is off, Friday has 8 hours, Saturday is worked.
        let due = calendar.after_working_hours("2026-09-30T08:00:00Z".parse().unwrap(), 10);
        assert_eq!(due.to_string(), "2026-10-03T02:00:00Z");
    }

    proptest! {
        #[test]
        fn more_hours_are_never_due_earlier(start in 1_700_000_000_i64..1_900_000_000, hours in 0_i64..200) {
            let start = Timestamp::from_second(start).unwrap();
            let calendar = calendar();
            let due = calendar.after_working_hours(start, hours);
            prop_assert!(due >= start);
            prop_assert!(calendar.after_working_hours(start, hours + 1) > due);
        }
    }
}
