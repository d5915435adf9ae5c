//! Deadlines in working hours of the district.

use std::collections::BTreeSet;

use jiff::{
    SignedDuration, Span, Timestamp,
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use serde::Deserialize;

use crate::{
    error::{Error, FieldError},
    life::Stage,
    report::Urgency,
};

/// The most festivals of one file: more than ten years of them.
pub const MAX_FESTIVALS: usize = 100;
/// The longest festival, in days.
pub const MAX_FESTIVAL_DAYS: i32 = 30;
/// The most days that are worked to make up for one festival.
pub const MAX_MAKE_UP_DAYS: usize = 10;
/// The longest name of a festival, in characters.
pub const MAX_NAME_CHARS: usize = 40;
/// The most hours that anything may be given. With [`MIN_WORKING_MINUTES`] a day and as many
/// holidays as one file can hold, they still end within [`MAX_DAYS_AHEAD`].
pub const MAX_HOURS: i64 = 400;
/// The shortest working day, in minutes.
pub const MIN_WORKING_MINUTES: i64 = 60;
/// How far ahead working time is looked for, in days: ten years.
const MAX_DAYS_AHEAD: usize = 3_660;

/// The district's working time.
#[derive(Debug, Clone, PartialEq, Eq)]
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

    /// The moment when `hours` of working time have passed since `start`. See
    /// [`Calendar::after_working_time`].
    pub fn after_working_hours(&self, start: Timestamp, hours: i64) -> Timestamp {
        self.after_working_time(start, SignedDuration::from_hours(hours))
    }

    /// The moment when this much working time has passed since `start`: a moment of a working
    /// day, from its opening to its closing, both included.
    ///
    /// Looks at most ten years ahead; a calendar without enough working time in them gives
    /// `start` itself. No calendar that [`Policy::parse`] takes is one.
    pub fn after_working_time(&self, start: Timestamp, time: SignedDuration) -> Timestamp {
        let mut left = time;
        let mut date = start.to_zoned(self.time_zone.clone()).date();
        for _ in 0..MAX_DAYS_AHEAD {
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its working time.
    pub calendar: Calendar,
    /// How long things may take.
    pub deadlines: Deadlines,
}

impl Policy {
    /// Reads the policy of a deployment from the JSON of its file; what the file does not say
    /// is weekdays from 9 to 17 o'clock and the default hours. Whatever is wrong is named by
    /// its pointer, all of it at once.
    pub fn parse(json: &str, time_zone: TimeZone) -> Result<Self, Error> {
        let file: PolicyFile = serde_json::from_str(json).map_err(|error| Error::field("/", error.to_string()))?;
        let mut bad = Vec::new();
        let mut calendar = Calendar::weekdays(time_zone);
        if let Some((opens, closes)) = file.working_hours(&mut bad) {
            (calendar.opens, calendar.closes) = (opens, closes);
        }
        file.hours.check(&mut bad);
        for festival in file.festivals(&mut bad) {
            calendar.holidays.extend(festival.days());
            calendar.make_up_days.extend(festival.make_up_days.iter().map(|&(_, day)| day));
        }
        if bad.is_empty() { Ok(Self { calendar, deadlines: file.hours.into() }) } else { Err(Error::Invalid(bad)) }
    }

    /// Weekdays from 9 to 17 o'clock in this time zone, and the default hours.
    pub fn weekdays(time_zone: TimeZone) -> Self {
        Self { calendar: Calendar::weekdays(time_zone), deadlines: Deadlines::default() }
    }

    /// By when a stage that gets a report at `since` is expected to act.
    pub fn stage_due(&self, stage: Stage, urgency: Urgency, since: Timestamp) -> Timestamp {
        match self.stage_hours(stage, urgency) {
            Some(hours) => self.calendar.after_working_hours(since, hours),
            None => self.after_emergency_time(since, 1),
        }
    }

    /// By when a reporter is expected to answer a question asked at `since`.
    pub fn answer_due(&self, urgency: Urgency, since: Timestamp) -> Timestamp {
        match urgency {
            Urgency::Emergency => self.after_emergency_time(since, 1),
            Urgency::Routine | Urgency::Urgent => self.calendar.after_working_hours(since, self.deadlines.answer_hours),
        }
    }

    /// The working hours of a stage; none for an emergency, which goes by the clock.
    pub(crate) fn stage_hours(&self, stage: Stage, urgency: Urgency) -> Option<i64> {
        match urgency {
            Urgency::Routine => Some(self.deadlines.routine_hours[stage as usize]),
            Urgency::Urgent => Some(self.deadlines.urgent_hours[stage as usize]),
            Urgency::Emergency => None,
        }
    }

    /// The time of an emergency, or a part of it, after `since`: by the clock.
    pub(crate) fn after_emergency_time(&self, since: Timestamp, divided_by: i32) -> Timestamp {
        let time = SignedDuration::from_hours(self.deadlines.emergency_hours);
        since.checked_add(time.checked_div(divided_by).unwrap_or(time)).unwrap_or(since)
    }
}

/// The file of a deployment's policy, as it is written: days and times are read one by one, so
/// that the one that is none can be named.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PolicyFile {
    /// When work begins.
    opens: String,
    /// When work ends.
    closes: String,
    /// The festivals, as the State Council's notices name them, in the order of the year.
    festivals: Vec<WrittenFestival>,
    /// How long things may take.
    hours: Hours,
}

impl Default for PolicyFile {
    fn default() -> Self {
        let (opens, closes) = ("09:00".to_owned(), "17:00".to_owned());
        Self { opens, closes, festivals: Vec::new(), hours: Hours::default() }
    }
}

/// A festival as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFestival {
    name: String,
    from: String,
    to: String,
    #[serde(default)]
    make_up_days: Vec<String>,
}

/// A festival: the days that are off, and those that are worked to make up for it, each with its
/// place in the file.
#[derive(Debug, Clone)]
struct Festival {
    place: usize,
    from: Date,
    to: Date,
    make_up_days: Vec<(usize, Date)>,
}

impl Festival {
    /// Its days off, no more than a file may name.
    fn days(&self) -> impl Iterator<Item = Date> + '_ {
        let most = usize::try_from(MAX_FESTIVAL_DAYS).unwrap_or(0);
        self.from.series(Span::new().days(1)).take_while(|&day| day <= self.to).take(most)
    }

    fn contains(&self, day: Date) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

impl PolicyFile {
    fn working_hours(&self, bad: &mut Vec<FieldError>) -> Option<(Time, Time)> {
        let mut read = |pointer: &str, text: &str| {
            let time = minute_of_day(text);
            if time.is_none() {
                bad.push(FieldError::new(pointer, "must be a time of day like 09:00"));
            }
            time
        };
        let (opens, closes) = (read("/opens", &self.opens), read("/closes", &self.closes));
        let (opens, closes) = opens.zip(closes)?;
        if closes.duration_since(opens) < SignedDuration::from_mins(MIN_WORKING_MINUTES) {
            let detail = format!("must be at least {MIN_WORKING_MINUTES} minutes later than opens");
            bad.push(FieldError::new("/closes", detail));
        }
        Some((opens, closes))
    }

    /// The festivals. Those that cannot be read are left out, and named among what is wrong.
    fn festivals(&self, bad: &mut Vec<FieldError>) -> Vec<Festival> {
        if self.festivals.len() > MAX_FESTIVALS {
            bad.push(FieldError::new("/festivals", format!("has more than {MAX_FESTIVALS} entries")));
            return Vec::new();
        }
        let mut read = |pointer: String, text: &str| {
            let day = day_of_year(text);
            if day.is_none() {
                bad.push(FieldError::new(pointer, "must be a day like 2026-10-01"));
            }
            day
        };
        let mut festivals = Vec::new();
        for (i, written) in self.festivals.iter().enumerate() {
            let (from, to) =
                (read(format!("/festivals/{i}/from"), &written.from), read(format!("/festivals/{i}/to"), &written.to));
            let make_up_days = written.make_up_days.iter().take(MAX_MAKE_UP_DAYS + 1).enumerate();
            let make_up_days: Vec<_> = make_up_days
                .map(|(j, day)| (j, read(format!("/festivals/{i}/make_up_days/{j}"), day)))
                .filter_map(|(j, day)| Some((j, day?)))
                .collect();
            if let Some((from, to)) = from.zip(to) {
                festivals.push(Festival { place: i, from, to, make_up_days });
            }
        }
        check_festivals(&self.festivals, &festivals, bad);
        festivals
    }
}

/// Checks what is written, and the festivals that could be read.
fn check_festivals(written: &[WrittenFestival], festivals: &[Festival], bad: &mut Vec<FieldError>) {
    for (i, WrittenFestival { name, make_up_days, .. }) in written.iter().enumerate() {
        if !(1..=MAX_NAME_CHARS).contains(&name.trim().chars().count()) {
            bad.push(FieldError::new(
                format!("/festivals/{i}/name"),
                format!("must have 1 to {MAX_NAME_CHARS} characters"),
            ));
        }
        if make_up_days.len() > MAX_MAKE_UP_DAYS {
            let detail = format!("has more than {MAX_MAKE_UP_DAYS} entries");
            bad.push(FieldError::new(format!("/festivals/{i}/make_up_days"), detail));
        }
    }
    let mut before: Option<&Festival> = None;
    let mut made_up = BTreeSet::new();
    for festival in festivals {
        let at = |field: &str| format!("/festivals/{}/{field}", festival.place);
        let length_days = (festival.to - festival.from).get_days().saturating_add(1);
        if festival.to < festival.from {
            bad.push(FieldError::new(at("to"), "is before from"));
        } else if length_days > MAX_FESTIVAL_DAYS {
            bad.push(FieldError::new(at("to"), format!("makes it longer than {MAX_FESTIVAL_DAYS} days")));
        }
        // In the order of the year a slip of the pen is seen: a festival that overlaps the one
        // before it, or has the year of another.
        if before.is_some_and(|before| festival.from <= before.to) {
            bad.push(FieldError::new(at("from"), "is not after the end of the festival before it"));
        }
        before = Some(festival);
        for &(j, day) in &festival.make_up_days {
            let at = at(&format!("make_up_days/{j}"));
            if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
                bad.push(FieldError::new(at, "is no Saturday or Sunday, and worked anyway"));
            } else if festivals.iter().any(|other| other.contains(day)) {
                bad.push(FieldError::new(at, "is a day off of a festival"));
            } else if !made_up.insert(day) {
                bad.push(FieldError::new(at, "is there twice"));
            }
        }
    }
}

/// Reads `HH:MM`, and nothing else.
fn minute_of_day(text: &str) -> Option<Time> {
    let number =
        |part: &str| (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())).then(|| part.parse().ok())?;
    let (hour, minute) = text.split_once(':')?;
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

/// Reads `YYYY-MM-DD`, and nothing else.
fn day_of_year(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|day| day.to_string() == text)
}

/// How long things may take, by urgency and stage.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Hours {
    /// Working hours for a routine report.
    routine: StageHours,
    /// Working hours for an urgent report.
    urgent: StageHours,
    /// Hours by the clock for an emergency.
    emergency: i64,
    /// Working hours for an answer.
    answer: i64,
}

/// Working hours of each stage.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct StageHours {
    officer: i64,
    station: i64,
    district: i64,
}

impl Default for Hours {
    fn default() -> Self {
        let stages = |[officer, station, district]: [i64; 3]| StageHours { officer, station, district };
        let Deadlines { routine_hours, urgent_hours, emergency_hours, answer_hours } = Deadlines::default();
        Self {
            routine: stages(routine_hours),
            urgent: stages(urgent_hours),
            emergency: emergency_hours,
            answer: answer_hours,
        }
    }
}

impl From<Hours> for Deadlines {
    fn from(hours: Hours) -> Self {
        let stages = |hours: StageHours| [hours.officer, hours.station, hours.district];
        Self {
            routine_hours: stages(hours.routine),
            urgent_hours: stages(hours.urgent),
            emergency_hours: hours.emergency,
            answer_hours: hours.answer,
        }
    }
}

impl Hours {
    fn check(&self, bad: &mut Vec<FieldError>) {
        for (pointer, hours) in [
            ("/hours/routine/officer", self.routine.officer),
            ("/hours/routine/station", self.routine.station),
            ("/hours/routine/district", self.routine.district),
            ("/hours/urgent/officer", self.urgent.officer),
            ("/hours/urgent/station", self.urgent.station),
            ("/hours/urgent/district", self.urgent.district),
            ("/hours/emergency", self.emergency),
            ("/hours/answer", self.answer),
        ] {
            if !(1..=MAX_HOURS).contains(&hours) {
                bad.push(FieldError::new(pointer, format!("must be from 1 to {MAX_HOURS}")));
            }
        }
    }
}

#[cfg(test)]
mod tests {
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
}
