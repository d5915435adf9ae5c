//! The figures as tables, and whether the goal holds.

use std::{fmt::Write as _, time::Duration};

use pingan_local::meter::Row;

use super::{
    Measured,
    bare::BARE,
    people::{Cast, Problems},
};

/// How many times its p95 an operation may take with the most records, of what it takes with the fewest.
const MOST_GROWTH: f64 = 1.2;

/// All tables, as Markdown.
pub(super) fn tables(cast: &Cast, measured: &[Measured], problems: &Problems) -> String {
    let mut text = String::new();
    if let Some(last) = measured.last() {
        text.push_str(&load(cast, last));
    }
    let _ = match problems.counts().as_slice() {
        [] => writeln!(text, "Errors: 0."),
        counts => counts
            .iter()
            .try_for_each(|(operation, status, count)| writeln!(text, "Errors: {operation}, {status}: {count}.")),
    };
    if measured.len() > 1 {
        text.push_str(&growth(measured));
    }
    text
}

fn load(cast: &Cast, measured: &Measured) -> String {
    let mut text = format!(
        "### Load: {} phones and {} reviewers, {} reports when each turn began\n\n\
         | operation | count | per s | p50 ms | p95 ms | p99 ms |\n|---|--:|--:|--:|--:|--:|\n",
        cast.phones.len(),
        cast.reviewers.len(),
        measured.reports
    );
    let (bare, used): (Vec<_>, Vec<_>) = measured.meter.rows().into_iter().partition(is_bare);
    let seconds = measured.time.as_secs_f64();
    for row in used.iter().chain(&bare) {
        let times = [row.p50, row.p95, row.p99].map(milliseconds);
        let _ = writeln!(
            text,
            "| {} | {} | {:.1} | {} |",
            row.operation,
            row.count,
            per_second(row.count, seconds),
            times.join(" | ")
        );
    }
    let all: usize = used.iter().map(|row| row.count).sum();
    let _ = writeln!(
        text,
        "| **all of the API** | {all} | {:.1} | | | |\n\nPeak memory of the bundle's process: {} MB.\n",
        per_second(all, seconds),
        megabytes(measured.peak_bytes)
    );
    text
}

fn growth(measured: &[Measured]) -> String {
    let mut text = "\n### Growth: p95 in ms by the number of reports\n\n| operation |".to_owned();
    for measured in measured {
        let _ = write!(text, " {} |", measured.reports);
    }
    text.push_str(" ratio | of its bare calls | goal |\n|---|");
    text.push_str(&"--:|".repeat(measured.len() + 2));
    text.push_str("---|\n");
    let rows: Vec<Vec<Row>> = measured.iter().map(|measured| measured.meter.rows()).collect();
    for line in lines(&rows) {
        let times: Vec<_> = line.p95.iter().map(|time| time.map_or_else(|| "–".to_owned(), milliseconds)).collect();
        let shown = |ratio: Option<f64>| ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}"));
        let cells = [times.join(" | "), shown(line.ratio()), shown(line.emulator), line.verdict().to_owned()];
        let _ = writeln!(text, "| {} | {} |", line.operation, cells.join(" | "));
    }
    let peaks: Vec<_> = measured.iter().map(|measured| megabytes(measured.peak_bytes)).collect();
    let _ = writeln!(text, "| peak memory, MB | {} | | | |", peaks.join(" | "));
    let _ = writeln!(
        text,
        "\nGoal: a ratio of at most {MOST_GROWTH}; *but for the emulator*: of at most {MOST_GROWTH} beyond that of its own bare calls, \
         sent beside it in the same turns."
    );
    text
}

/// What an operation took at each scale.
struct Line {
    operation: String,
    p95: Vec<Option<Duration>>,
    /// How many times as long the bare calls take that it makes; none for these themselves.
    emulator: Option<f64>,
}

impl Line {
    fn ratio(&self) -> Option<f64> {
        Some(self.p95.last().copied()??.div_duration_f64(self.p95.first().copied()??))
    }

    fn verdict(&self) -> &'static str {
        match (self.ratio(), self.emulator) {
            _ if self.operation.starts_with(BARE) => "",
            (None, _) => "not measured",
            (Some(ratio), _) if ratio <= MOST_GROWTH => "holds",
            (Some(ratio), Some(emulator)) if ratio / emulator <= MOST_GROWTH => "holds but for the emulator",
            _ => "missed",
        }
    }
}

/// The lines of the table: what people do, and then the bare calls.
fn lines(scales: &[Vec<Row>]) -> Vec<Line> {
    let p95 = |operation: &str| -> Vec<Option<Duration>> {
        let of = |rows: &Vec<Row>| rows.iter().find(|row| row.operation == operation).map(|row| row.p95);
        scales.iter().map(of).collect()
    };
    let (bare, used): (Vec<_>, Vec<_>) = scales.iter().flatten().partition(|row| is_bare(row));
    let mut operations: Vec<&str> = Vec::new();
    for row in used.into_iter().chain(bare) {
        if !operations.contains(&row.operation.as_str()) {
            operations.push(&row.operation);
        }
    }
    let lines = operations.into_iter().map(|operation| {
        let calls: Vec<_> = bare_calls(operation).iter().map(|name| p95(&format!("{BARE} {name}"))).collect();
        let sum = |of: fn(&[Option<Duration>]) -> Option<&Option<Duration>>| -> Option<Duration> {
            calls.iter().map(|times| *of(times)?).sum()
        };
        let emulator = sum(<[_]>::last).zip(sum(<[_]>::first));
        let emulator = emulator.filter(|_| !calls.is_empty()).map(|(last, first)| last.div_duration_f64(first));
        Line { operation: operation.to_owned(), p95: p95(operation), emulator }
    });
    lines.collect()
}

/// What an operation asks of DynamoDB, as the test of the budget of round trips has it.
fn bare_calls(operation: &str) -> &'static [&'static str] {
    match operation.split_once(' ') {
        Some((BARE, _)) | None => &[],
        Some(("POST", _)) => &["BatchGetItem", "TransactWriteItems"],
        // That a reviewer opens a report is written down.
        Some((_, path)) if path.contains("-review/reports/") => &["BatchGetItem", "Query", "TransactWriteItems"],
        Some(_) => &["BatchGetItem", "Query"],
    }
}

fn is_bare(row: &Row) -> bool {
    row.operation.starts_with(BARE)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1_000.0)
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown to a tenth")]
fn per_second(count: usize, seconds: f64) -> f64 {
    count as f64 / seconds
}

fn megabytes(bytes: u64) -> String {
    format!("{}", bytes.div_ceil(1_000_000))
}

#[cfg(test)]
mod tests {
    use pingan_local::meter::Meter;

    use super::*;

    fn measured(reports: u32, times_ms: &[(&str, &str, u64)]) -> Measured {
        let meter = Meter::default();
        for &(method, path, ms) in times_ms {
            meter.took(method, path, Duration::from_millis(ms));
        }
        let time = Duration::from_secs(2);
        Measured { reports, meter, time, peak_bytes: 1_500_000 }
    }

    #[test]
    fn growth_is_held_against_that_of_the_bare_calls() {
        let with = |list: u64, queue: u64, send: u64, query: u64| {
            [
                ("GET", "/reports", list),
                ("GET", "/officer-review/queue", queue),
                ("POST", "/reports", send),
                (BARE, "BatchGetItem", 10),
                (BARE, "Query", query),
                (BARE, "TransactWriteItems", 10),
            ]
        };
        let all = [measured(150, &with(10, 10, 10, 10)), measured(15_000, &with(12, 18, 30, 22))];
        let rows: Vec<_> = all.iter().map(|measured| measured.meter.rows()).collect();
        let lines = lines(&rows);
        let verdict = |operation: &str| {
            let line = lines.iter().find(|line| line.operation == operation).unwrap();
            (line.ratio(), line.emulator, line.verdict())
        };
        assert_eq!(verdict("GET /reports"), (Some(1.2), Some(1.6), "holds"));
        assert_eq!(verdict("GET /officer-review/queue"), (Some(1.8), Some(1.6), "holds but for the emulator"));
        assert_eq!(verdict("POST /reports"), (Some(3.0), Some(1.0), "missed"));
        assert_eq!(verdict("bare Query"), (Some(2.2), None, ""));
        let text = tables(&Cast::of(1, 1).unwrap(), &all, &Problems::default());
        assert!(text.contains("| operation | 150 | 15000 | ratio |"), "{text}");
        assert!(text.contains("| POST /reports | 10.0 | 30.0 | 3.00 | 1.00 | missed |"), "{text}");
        assert!(text.contains("| POST /reports | 1 | 0.5 | 30.0 | 30.0 | 30.0 |"), "{text}");
        assert!(text.contains("Errors: 0."), "{text}");
    }

    #[test]
    fn what_was_not_measured_at_a_scale_has_no_ratio() {
        let rows = [measured(1, &[]).meter.rows(), measured(10, &[("GET", "/reports", 1)]).meter.rows()];
        let lines = lines(&rows);
        assert_eq!((lines[0].ratio(), lines[0].emulator, lines[0].verdict()), (None, None, "not measured"));
    }

    #[test]
    fn errors_are_shown() {
        let problems = Problems::default();
        problems.note("GET queue", "503", "down".to_owned());
        let text = tables(&Cast::of(1, 1).unwrap(), &[measured(1, &[("GET", "/reports", 1)])], &problems);
        assert!(text.contains("Errors: GET queue, 503: 1."), "{text}");
        assert!(!text.contains("Growth"), "{text}");
    }
}
