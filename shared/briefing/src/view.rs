//! What the page shows: a briefing in the words of one language.

use std::{cmp::Ordering, collections::BTreeMap};

use askama::Template;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use pingan_domain::{
    briefing::{
        Account, Audience, Briefing, Gap, Language, Listed, NotableReport, Origin, OverdueReport, Period, Step,
        TaskUnderWay, category_name, reason_name, stage_name, state_name, sum, task_kind_name, urgency_name,
    },
    error::Error,
    life::{RejectionReason, Stage},
    named::Named as _,
    report::Category,
    task::{TaskKind, TaskState},
    text::Text,
};

use crate::{
    chart::{self, Columns, Line},
    own_policy, style,
    words::Words,
};

/// One page.
#[derive(Template)]
#[template(path = "briefing.html")]
pub(crate) struct Page {
    language: &'static str,
    words: &'static Words,
    policy: String,
    style: String,
    title: String,
    kind: &'static str,
    heading: String,
    when: String,
    against: String,
    lead: String,
    keys: Vec<KeyFigure>,
    categories: Bars,
    stations: Option<Stations>,
    course: CourseChart,
    held: Table,
    outcomes: Table,
    decisions: Table,
    overdue: Table,
    notable: Table,
    gaps: Table,
    tasks: Table,
    footer: Vec<String>,
}

/// One number that is read first.
struct KeyFigure {
    name: &'static str,
    value: String,
    /// Whether the value is words in the place of a number.
    words: bool,
    change: String,
}

/// Bars of two periods.
struct Bars {
    caption: &'static str,
    of: &'static str,
    now: &'static str,
    before: &'static str,
    change: &'static str,
    chart: &'static str,
    scale: &'static str,
    rows: Vec<BarRow>,
}

struct BarRow {
    name: String,
    now: String,
    before: String,
    now_width: String,
    before_width: String,
    change: String,
    /// The same in a sentence, for who does not see it.
    said: String,
}

struct Stations {
    bars: Bars,
    table: Table,
}

/// The course of the period.
struct CourseChart {
    title: &'static str,
    said: String,
    lines: Vec<Line>,
    steps: Vec<Columns>,
}

/// A table.
struct Table {
    caption: &'static str,
    /// Whether the caption only repeats the heading above.
    quiet: bool,
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    /// What is said when there is nothing.
    empty: &'static str,
    /// What is said below it.
    more: Vec<String>,
}

struct Column {
    name: &'static str,
    class: &'static str,
}

fn words_column(name: &'static str) -> Column {
    Column { name, class: "words" }
}

fn number_column(name: &'static str) -> Column {
    Column { name, class: "number" }
}

fn name_column(name: &'static str) -> Column {
    Column { name, class: "name" }
}

fn date_column(name: &'static str) -> Column {
    Column { name, class: "date" }
}

fn code_column(name: &'static str) -> Column {
    Column { name, class: "code" }
}

impl Page {
    /// The page of a briefing in a language.
    pub(crate) fn new(briefing: &Briefing, language: Language) -> Result<Self, Error> {
        let zone = TimeZone::get(&briefing.time_zone).map_err(|error| Error::Internal(error.to_string()))?;
        let say = Say { language, words: Words::of(language), zone };
        let words = say.words;
        let style = style(briefing);
        let name = say.text(&briefing.name);
        let heading = match language {
            Language::Chinese => format!("{name}情况通报"),
            Language::English => format!("Briefing for {name}"),
        };
        Ok(Self {
            language: language.name(),
            words,
            policy: own_policy(&style),
            title: format!("{heading} · {}", say.period(briefing.period)),
            kind: if briefing.origin == Origin::Weekly { words.weekly } else { words.kind },
            when: say.when(briefing.period),
            against: say.against(briefing.before),
            lead: say.lead(briefing),
            keys: say.keys(briefing),
            categories: say.categories(briefing),
            stations: (!briefing.stations.is_empty()).then(|| say.stations(briefing)),
            course: say.course(briefing),
            held: say.held(briefing),
            outcomes: say.outcomes(briefing),
            decisions: say.decisions(briefing),
            overdue: say.overdue(&briefing.overdue),
            notable: say.notable(&briefing.notable),
            gaps: say.gaps(briefing),
            tasks: say.tasks(&briefing.tasks),
            footer: say.footer(briefing),
            heading,
            style,
        })
    }
}

/// How things are said in a language.
struct Say {
    language: Language,
    words: &'static Words,
    zone: TimeZone,
}

impl Say {
    fn text(&self, text: &Text) -> String {
        self.language.of(text).to_owned()
    }

    /// One of two sentences.
    fn either(&self, chinese: impl Into<String>, english: impl Into<String>) -> String {
        match self.language {
            Language::Chinese => chinese.into(),
            Language::English => english.into(),
        }
    }

    fn date(&self, date: Date) -> String {
        self.either(
            format!("{}年{}月{}日", date.year(), date.month(), date.day()),
            date.strftime("%-d %B %Y").to_string(),
        )
    }

    fn moment(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    fn period(&self, period: Period) -> String {
        if period.from == period.to {
            return self.date(period.from);
        }
        self.either(
            format!("{}至{}", self.date(period.from), self.date(period.to)),
            format!("{} to {}", self.date(period.from), self.date(period.to)),
        )
    }

    fn when(&self, period: Period) -> String {
        let (days, span) = (period.days(), self.period(period));
        let plural = if days == 1 { "day" } else { "days" };
        self.either(format!("{span}（共{days}天）"), format!("{span} ({days} {plural})"))
    }

    fn against(&self, before: Period) -> String {
        let span = self.when(before);
        self.either(format!("上期：{span}"), format!("Compared with {span}"))
    }

    /// The period in a sentence.
    fn lead(&self, briefing: &Briefing) -> String {
        let now = &briefing.figures;
        let (submitted, adopted) = (sum(&now.submitted), sum(&now.adopted));
        let outcomes: u64 = briefing.outcomes.iter().fold(0, |sum, row| sum.saturating_add(row.count));
        let (handed_over, overdue) = (now.handed_over, count_of(&briefing.overdue));
        let open = match (overdue, briefing.overdue.complete) {
            (0, _) => self.either("目前没有超时未办的线索。", "No report is overdue now."),
            (1, true) => self.either("目前有1条线索超时未办。", "One report is overdue now."),
            (count, complete) => {
                let count = grouped(count);
                let (zh, en) = if complete { ("", "") } else { ("至少", "At least ") };
                self.either(
                    format!("目前{zh}有{count}条线索超时未办。"),
                    format!("{en}{count} reports are overdue now."),
                )
            }
        };
        if submitted == 0 && adopted == 0 && handed_over == 0 && outcomes == 0 {
            let nothing = self.either(
                "本期没有收到线索，也没有取得成效。",
                "No report was sent in during this period, and there were no outcomes. ",
            );
            return format!("{nothing}{open}");
        }
        let numbers = [submitted, adopted, handed_over, outcomes];
        let [submitted, adopted, handed_over, outcomes] = numbers.map(grouped);
        self.either(
            format!("本期收到线索{submitted}条，采用{adopted}条，移交{handed_over}条，取得成效{outcomes}项。{open}"),
            format!(
                "{submitted} sent in, {adopted} adopted, {handed_over} handed over; {outcomes} counted. {open}",
                submitted = plural(numbers[0], "report", "reports"),
                adopted = grouped(numbers[1]),
                handed_over = grouped(numbers[2]),
                outcomes = plural(numbers[3], "outcome", "outcomes"),
            ),
        )
    }

    /// A change in an arrow and in words.
    fn change(&self, now: u64, before: u64) -> String {
        let by = grouped(now.abs_diff(before));
        match now.cmp(&before) {
            Ordering::Greater => self.either(format!("↑ 增加{by}"), format!("↑ {by} more")),
            Ordering::Less => self.either(format!("↓ 减少{by}"), format!("↓ {by} fewer")),
            Ordering::Equal => self.either("→ 持平", "→ no change"),
        }
    }

    fn key(&self, name: &'static str, now: u64, before: u64) -> KeyFigure {
        let change = self.change(now, before);
        let was = grouped(before);
        let change = self.either(format!("{change}（上期{was}）"), format!("{change} ({was} before)"));
        KeyFigure { name, value: grouped(now), words: false, change }
    }

    /// A count of reporters, which may be suppressed.
    fn key_of_reporters(&self, name: &'static str, whole: bool, now: Option<u64>, before: Option<u64>) -> KeyFigure {
        match (now, before) {
            // What is of any other period could be taken off one that is a day longer.
            _ if !whole => {
                let value = self.either("只按整周、整月显示", "For whole weeks and months");
                KeyFigure { name, value, words: true, change: self.either("–", "–") }
            }
            (Some(now), Some(before)) => self.key(name, now, before),
            (now, before) => {
                let value = now.map_or_else(|| self.words.suppressed.to_owned(), grouped);
                let was = before.map_or_else(|| self.words.few.to_owned(), grouped);
                let change = self.either(format!("上期{was}"), format!("Before: {was}"));
                KeyFigure { name, value, words: now.is_none(), change }
            }
        }
    }

    fn keys(&self, briefing: &Briefing) -> Vec<KeyFigure> {
        let (now, before, words) = (&briefing.figures, &briefing.figures_before, self.words);
        let whole = briefing.period.is_whole();
        let outcomes = briefing.outcomes.iter().fold((0_u64, 0_u64), |(now, before), row| {
            (now.saturating_add(row.count), before.saturating_add(row.before))
        });
        let overdue = KeyFigure {
            name: words.overdue_now,
            value: self.at_least(&briefing.overdue),
            words: false,
            change: self.moment(briefing.made_at),
        };
        let paid = match (now.paid_fen, before.paid_fen) {
            (Some(now), Some(before)) => KeyFigure {
                name: words.paid,
                value: yuan(now),
                words: false,
                change: self.either(format!("上期{}", yuan(before)), format!("Before: {}", yuan(before))),
            },
            (now, before) => {
                let or_not = |fen: Option<u64>| fen.map_or_else(|| self.either("不显示", "Not shown"), yuan);
                let was = or_not(before);
                KeyFigure {
                    name: words.paid,
                    value: or_not(now),
                    words: now.is_none(),
                    change: self.either(format!("上期{was}"), format!("Before: {was}")),
                }
            }
        };
        vec![
            self.key(words.submitted, sum(&now.submitted), sum(&before.submitted)),
            self.key(words.adopted, sum(&now.adopted), sum(&before.adopted)),
            self.key(words.handed_over, now.handed_over, before.handed_over),
            self.key(words.closed, now.closed, before.closed),
            self.key(words.outcomes_in_all, outcomes.0, outcomes.1),
            overdue,
            self.key_of_reporters(words.recruited, whole, now.recruited, before.recruited),
            self.key_of_reporters(words.registered, whole, now.registered, before.registered),
            self.key(words.reminders, sum(&now.reminded), sum(&before.reminded)),
            self.key_of_reporters(words.left, whole, now.left, before.left),
            self.key_of_reporters(words.rewarded, whole, now.rewarded, before.rewarded),
            paid,
        ]
    }

    fn bars(
        &self,
        caption: &'static str,
        of: &'static str,
        rows: impl Iterator<Item = (String, u64, u64)> + Clone,
    ) -> Bars {
        let words = self.words;
        let most = rows.clone().map(|(_, now, before)| now.max(before)).max().unwrap_or_default();
        let row = |(name, now, before): (String, u64, u64)| {
            let said = self.either(
                format!("{name}：本期{}，上期{}", grouped(now), grouped(before)),
                format!("{name}: {} in this period, {} before", grouped(now), grouped(before)),
            );
            BarRow {
                now: grouped(now),
                before: grouped(before),
                now_width: chart::width(now, most),
                before_width: chart::width(before, most),
                change: self.change(now, before),
                said,
                name,
            }
        };
        Bars {
            caption,
            of,
            now: words.this_period,
            before: words.before,
            change: words.change,
            chart: words.chart,
            scale: words.to_scale,
            rows: rows.map(row).collect(),
        }
    }

    fn categories(&self, briefing: &Briefing) -> Bars {
        let count = |counts: &BTreeMap<Category, u64>, of| counts.get(of).copied().unwrap_or_default();
        let rows = Category::ALL.iter().map(|category| {
            let name = self.text(&category_name(*category));
            let (now, before) = (&briefing.figures.submitted, &briefing.figures_before.submitted);
            (name, count(now, category), count(before, category))
        });
        self.bars(self.words.by_category, self.words.category, rows)
    }

    fn stations(&self, briefing: &Briefing) -> Stations {
        let words = self.words;
        let rows = briefing.stations.iter().map(|row| (self.text(&row.name), row.submitted, row.submitted_before));
        let bars = self.bars(words.by_station, words.station, rows);
        let rows = briefing.stations.iter().map(|row| {
            let counts = [row.submitted, row.adopted, row.handed_over, row.overdue].map(grouped);
            std::iter::once(self.text(&row.name)).chain(counts).collect()
        });
        let columns = vec![
            name_column(words.station),
            number_column(words.submitted),
            number_column(words.adopted),
            number_column(words.handed_over),
            number_column(words.overdue_now),
        ];
        let table = Table {
            caption: words.station_figures,
            quiet: true,
            columns,
            rows: rows.collect(),
            empty: "",
            more: Vec::new(),
        };
        Stations { bars, table }
    }

    fn course(&self, briefing: &Briefing) -> CourseChart {
        let title = match briefing.course.by {
            Step::Day => self.words.by_day,
            Step::Month => self.words.by_month,
        };
        let most = briefing.course.steps.iter().max_by_key(|step| step.submitted);
        let said = most.filter(|step| step.submitted > 0).map_or_else(
            || self.either("本期没有收到线索。", "No report was sent in."),
            |step| {
                let (when, count) = (self.period(step.days), grouped(step.submitted));
                self.either(format!("最多的是{when}，收到{count}条。"), format!("The most came on {when}: {count}."))
            },
        );
        let (lines, steps) = chart::columns(&briefing.course);
        CourseChart { title, said, lines, steps }
    }

    fn held(&self, briefing: &Briefing) -> Table {
        let words = self.words;
        let row = |stage: &Stage| {
            let (now, before) = (briefing.figures.held.get(stage), briefing.figures_before.held.get(stage));
            let time = |minutes: Option<u64>| minutes.map_or_else(|| "–".to_owned(), |minutes| self.minutes(minutes));
            let times = |counts: &BTreeMap<Stage, u64>| grouped(counts.get(stage).copied().unwrap_or_default());
            vec![
                self.text(&stage_name(*stage)),
                grouped(now.map_or(0, |held| held.count)),
                time(now.map(|held| held.median_minutes)),
                time(before.map(|held| held.median_minutes)),
                time(now.map(|held| held.p90_minutes)),
                time(before.map(|held| held.p90_minutes)),
                times(&briefing.figures.reminded),
                times(&briefing.figures.escalated),
            ]
        };
        let columns = vec![
            words_column(words.stage),
            number_column(words.reports),
            number_column(words.median),
            number_column(words.median_before),
            number_column(words.p90),
            number_column(words.p90_before),
            number_column(words.reminded),
            number_column(words.escalated),
        ];
        let rows = Stage::ALL.iter().map(row).collect();
        Table { caption: words.stages, quiet: true, columns, rows, empty: "", more: Vec::new() }
    }

    /// Rows of a name and two counts.
    fn compared(&self, name: &'static str, rows: Vec<(String, u64, u64)>) -> (Vec<Column>, Vec<Vec<String>>) {
        let words = self.words;
        let columns = vec![
            name_column(name),
            number_column(words.this_period),
            number_column(words.before),
            words_column(words.change),
        ];
        let rows = rows
            .into_iter()
            .map(|(name, now, before)| vec![name, grouped(now), grouped(before), self.change(now, before)])
            .collect();
        (columns, rows)
    }

    fn outcomes(&self, briefing: &Briefing) -> Table {
        let rows = briefing.outcomes.iter().map(|row| (self.text(&row.name), row.count, row.before)).collect();
        let (columns, rows) = self.compared(self.words.outcome, rows);
        Table { caption: self.words.outcomes, quiet: true, columns, rows, empty: "", more: Vec::new() }
    }

    fn decisions(&self, briefing: &Briefing) -> Table {
        let (now, before, words) = (&briefing.figures, &briefing.figures_before, self.words);
        let reasons = RejectionReason::ALL.iter().map(|reason| {
            let count = |account: &Account| account.rejected.get(reason).copied().unwrap_or_default();
            (self.text(&reason_name(*reason)), count(now), count(before))
        });
        let others = [
            (words.duplicates.to_owned(), now.duplicates, before.duplicates),
            (words.withdrawn.to_owned(), now.withdrawn, before.withdrawn),
        ];
        let rows = reasons.chain(others).filter(|(_, now, before)| *now > 0 || *before > 0).collect();
        let (columns, rows) = self.compared(words.decision, rows);
        Table { caption: words.decisions, quiet: true, columns, rows, empty: words.no_decisions, more: Vec::new() }
    }

    fn overdue(&self, overdue: &Listed<OverdueReport>) -> Table {
        let words = self.words;
        let row = |report: &OverdueReport| {
            vec![
                report.report.to_string(),
                self.text(&category_name(report.category)),
                self.text(&urgency_name(report.urgency)),
                self.text(&report.community),
                self.text(&state_name(report.state)),
                self.moment(report.due_at),
                self.hours(report.late_hours),
            ]
        };
        let columns = vec![
            code_column(words.report),
            words_column(words.category),
            words_column(words.urgency),
            name_column(words.community),
            words_column(words.state),
            date_column(words.due),
            Column { name: words.late, class: "words late" },
        ];
        let rows = overdue.items.iter().map(row).collect();
        Table { caption: words.overdue, quiet: true, columns, rows, empty: words.no_overdue, more: self.more(overdue) }
    }

    fn notable(&self, notable: &Listed<NotableReport>) -> Table {
        let words = self.words;
        let row = |report: &NotableReport| {
            vec![
                report.report.to_string(),
                self.text(&category_name(report.category)),
                self.text(&urgency_name(report.urgency)),
                self.text(&report.community),
                report.submitted_on.to_string(),
                report.adopted_on.to_string(),
                self.came_of(report),
            ]
        };
        let columns = vec![
            code_column(words.report),
            words_column(words.category),
            words_column(words.urgency),
            name_column(words.community),
            date_column(words.submitted_on),
            date_column(words.adopted_on),
            words_column(words.came_of_it),
        ];
        let rows = notable.items.iter().map(row).collect();
        Table { caption: words.notable, quiet: true, columns, rows, empty: words.no_notable, more: self.more(notable) }
    }

    fn came_of(&self, report: &NotableReport) -> String {
        let handed_over = report.handed_over_on.map(|on| {
            let (on, times) = (self.date(on), report.hand_overs);
            match times {
                0 | 1 => self.either(format!("{on}移交"), format!("handed over on {on}")),
                _ => self
                    .either(format!("{on}首次移交，共{times}次"), format!("handed over {times} times, first on {on}")),
            }
        });
        let closed = report.closed_on.map(|on| {
            let on = self.date(on);
            self.either(format!("{on}办结"), format!("closed on {on}"))
        });
        let parts: Vec<String> = handed_over.into_iter().chain(closed).collect();
        if parts.is_empty() {
            return self.either("已采用，尚未移交", "adopted, not handed over yet");
        }
        self.either(parts.join("；"), parts.join("; "))
    }

    fn gaps(&self, briefing: &Briefing) -> Table {
        let words = self.words;
        let row = |kind: &'static str, gap: &Gap| {
            let reporters = gap.reporters.map_or_else(|| words.few.to_owned(), |count| count.to_string());
            let target = if gap.target == 0 { "–".to_owned() } else { gap.target.to_string() };
            vec![self.text(&gap.name), kind.to_owned(), reporters, target]
        };
        let gaps = &briefing.gaps;
        let rows = gaps.communities.iter().map(|gap| row(words.gap_community, gap));
        let rows = rows.chain(gaps.trades.iter().map(|gap| row(words.gap_trade, gap)));
        let rows = rows.chain(gaps.places.iter().map(|gap| row(words.gap_place, gap)));
        let columns = vec![
            name_column(words.gap),
            words_column(words.gap_kind),
            number_column(words.reporters),
            number_column(words.target),
        ];
        Table {
            caption: words.gaps,
            quiet: true,
            columns,
            rows: rows.collect(),
            empty: words.no_gaps,
            more: Vec::new(),
        }
    }

    fn tasks(&self, tasks: &Listed<TaskUnderWay>) -> Table {
        let words = self.words;
        let row = |task: &TaskUnderWay| {
            let places: Vec<String> = task.places.iter().map(|place| self.text(place)).collect();
            vec![
                task.title.clone(),
                task.task.to_string(),
                format!("{} · {}", self.text(&task_kind_name(task.kind)), self.text(&category_name(task.category))),
                places.join(if self.language == Language::Chinese { "、" } else { ", " }),
                format!("{} – {}", self.moment(task.starts_at), self.moment(task.ends_at)),
                self.progress(task),
            ]
        };
        let columns = vec![
            name_column(words.task),
            code_column(words.code),
            words_column(words.category),
            name_column(words.scope),
            words_column(words.window),
            words_column(words.progress),
        ];
        let rows = tasks.items.iter().map(row).collect();
        Table { caption: words.tasks, quiet: true, columns, rows, empty: words.no_tasks, more: self.more(tasks) }
    }

    fn progress(&self, task: &TaskUnderWay) -> String {
        let count = |count: Option<u32>| count.map_or_else(|| self.words.few.to_owned(), |count| grouped(count.into()));
        let (in_scope, read, answered) = (count(task.in_scope), count(task.read), count(task.answered));
        if task.state == TaskState::Scheduled {
            return self.either(format!("未开始；范围内{in_scope}人"), format!("not begun; {in_scope} in scope"));
        }
        if task.kind == TaskKind::Task {
            return self.either(
                format!("范围内{in_scope}，已读{read}，已答复{answered}"),
                format!("{in_scope} in scope, {read} read it, {answered} answered"),
            );
        }
        self.either(format!("范围内{in_scope}，已读{read}"), format!("{in_scope} in scope, {read} read it"))
    }

    /// What is said below a list that was cut.
    fn more<T>(&self, listed: &Listed<T>) -> Vec<String> {
        let mut said = Vec::new();
        if listed.more > 0 {
            let more = grouped(listed.more);
            said.push(self.either(format!("另有{more}条未列出。"), format!("{more} more are not listed.")));
        }
        if !listed.complete {
            said.push(self.either(
                "线索较多，只查看了较新的部分，可能还有未列出的。",
                "There are many reports, and only the newer ones were looked at: there may be more.",
            ));
        }
        said
    }

    fn at_least<T>(&self, listed: &Listed<T>) -> String {
        let count = grouped(count_of(listed));
        if listed.complete { count } else { self.either(format!("至少{count}"), format!("{count} or more")) }
    }

    fn minutes(&self, minutes: u64) -> String {
        let (days, hours, rest) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
        match (minutes / 60, days) {
            (0, _) => self.either(format!("{rest}分钟"), format!("{rest} min")),
            (whole @ 1..48, _) => self.either(format!("{whole}小时{rest}分"), format!("{whole} h {rest} min")),
            _ => self.either(format!("{}天{hours}小时", grouped(days)), format!("{} d {hours} h", grouped(days))),
        }
    }

    fn hours(&self, hours: i64) -> String {
        let hours = hours.unsigned_abs();
        let (days, rest) = (grouped(hours / 24), hours % 24);
        match hours {
            0 => self.either("不足1小时", "less than 1 h"),
            1..48 => self.either(format!("{hours}小时"), format!("{hours} h")),
            _ => self.either(format!("{days}天{rest}小时"), format!("{days} d {rest} h")),
        }
    }

    fn footer(&self, briefing: &Briefing) -> Vec<String> {
        let (made, zone) = (self.moment(briefing.made_at), &briefing.time_zone);
        let id = briefing.id;
        let readers = match briefing.audience {
            Audience::District => self.either(
                "阅读范围：分局与区综治办管理员、督察。每次阅读均有记录。请勿转发。",
                "For the district managers of both bodies, and the auditor. Each reading is on record. Do not pass it on.",
            ),
            Audience::Stations => self.either(
                "阅读范围：派出所（街道）管理员。每次阅读均有记录。请勿转发。",
                "For the managers of stations. Each reading is on record. Do not pass it on.",
            ),
        };
        vec![
            self.either(
                format!("通报编号 {id}，生成于 {made}（时区 {zone}）。"),
                format!("Briefing {id}, made on {made} ({zone})."),
            ),
            self.either(
                "数据来源：平台统计计数（按本期内的日期）；超时线索、覆盖缺口和任务为生成时的记录。",
                "Made from: the statistics, by the days of the period; overdue reports, gaps and tasks from the records as they were when it was made.",
            ),
            self.either(
                "不含线索内容、信息员身份或代号。信息员人数为1至4人时不显示。",
                "It holds nothing of what a report says, nor who a reporter is. Counts of reporters from 1 to 4 are not shown.",
            ),
            readers,
        ]
    }
}

fn count_of<T>(listed: &Listed<T>) -> u64 {
    (listed.items.len() as u64).saturating_add(listed.more)
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// A number in groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount in yuan; without its cents when there are none.
fn yuan(fen: u64) -> String {
    let (yuan, cents) = (grouped(fen / 100), fen % 100);
    if cents == 0 { format!("¥{yuan}") } else { format!("¥{yuan}.{cents:02}") }
}
