//! The file for spreadsheets: one line for each figure of a node over a period.

use pingan_domain::{
    error::Error,
    named::Named as _,
    sheet::{BYTE_ORDER_MARK, guarded},
    suppression::Row,
    tally::{Counter, Detail},
    territory::NodeId,
};

/// The heading: which figure, of what, and how much. `value` is empty where `suppressed` says `yes`.
const COLUMNS: [&str; 13] = [
    "node",
    "name",
    "from",
    "to",
    "figure",
    "category",
    "stage",
    "action",
    "reason",
    "outcome",
    "unit",
    "value",
    "suppressed",
];

const REPORTS: &str = "reports";
const REPORTERS: &str = "reporters";

/// One figure.
#[derive(Debug, Clone, Default)]
struct Line {
    figure: &'static str,
    category: &'static str,
    stage: &'static str,
    action: &'static str,
    reason: &'static str,
    outcome: String,
    unit: &'static str,
    /// None when it is suppressed.
    value: Option<i64>,
}

/// The file. `name` is that of a node.
pub(crate) fn csv(rows: &[Row], name: impl Fn(&NodeId) -> String) -> Result<Vec<u8>, Error> {
    let mut writer = csv::Writer::from_writer(BYTE_ORDER_MARK.as_bytes().to_vec());
    let fault = |error: csv::Error| Error::Internal(error.to_string());
    writer.write_record(COLUMNS).map_err(fault)?;
    for row in rows {
        let (name, from, to) = (guarded(&name(&row.node)), row.period.from.to_string(), row.period.to.to_string());
        for line in figures_of(row).into_iter().chain(counters_of(row)) {
            let value = line.value.map(|value| value.to_string()).unwrap_or_default();
            let suppressed = if line.value.is_none() { "yes" } else { "no" };
            let first = [row.node.as_str(), &name, &from, &to, line.figure, line.category, line.stage, line.action];
            let last = [line.reason, &line.outcome, line.unit, &value, suppressed];
            writer.write_record(first.into_iter().chain(last)).map_err(fault)?;
        }
    }
    writer.into_inner().map_err(|error| Error::Internal(error.to_string()))
}

impl Line {
    fn new(figure: &'static str, unit: &'static str, value: u64, hidden: bool) -> Self {
        let value = Some(i64::try_from(value).unwrap_or(i64::MAX)).filter(|_| !hidden);
        Self { figure, unit, value, ..Self::default() }
    }
}

/// The figures, by the names that they have in the API.
fn figures_of(row: &Row) -> Vec<Line> {
    let (figures, hidden) = (row.figures(), row.hidden_figures());
    let mut lines = vec![
        Line::new("duplicates", REPORTS, figures.duplicates, hidden.duplicates > 0),
        Line::new("withdrawn", REPORTS, figures.withdrawn, hidden.withdrawn > 0),
        Line::new("handed_over", REPORTS, figures.handed_over, hidden.handed_over > 0),
        Line::new("closed", REPORTS, figures.closed, hidden.closed > 0),
        Line::new("recruited", REPORTERS, figures.recruited, hidden.recruited > 0),
        Line::new("registered", REPORTERS, figures.registered, hidden.registered > 0),
        Line::new("left", REPORTERS, figures.left, hidden.left > 0),
        Line::new("rewarded", REPORTERS, figures.rewarded, hidden.rewarded > 0),
        Line::new("paid", "fen", figures.paid_fen, hidden.paid_fen > 0),
    ];
    for (figure, of, hidden) in
        [("submitted", figures.submitted, &hidden.submitted), ("adopted", figures.adopted, &hidden.adopted)]
    {
        lines.extend(of.into_iter().map(|(category, count)| Line {
            category: category.name(),
            ..Line::new(figure, REPORTS, count, hidden.contains_key(&category))
        }));
    }
    lines.extend(figures.rejected.into_iter().map(|(reason, count)| Line {
        reason: reason.name(),
        ..Line::new("rejected", REPORTS, count, hidden.rejected.contains_key(&reason))
    }));
    for (figure, of, hidden) in
        [("reminded", figures.reminded, &hidden.reminded), ("escalated", figures.escalated, &hidden.escalated)]
    {
        lines.extend(of.into_iter().map(|(stage, count)| Line {
            stage: stage.name(),
            ..Line::new(figure, REPORTS, count, hidden.contains_key(&stage))
        }));
    }
    lines.extend(figures.outcomes.into_iter().map(|(kind, count)| Line {
        outcome: kind.to_string(),
        ..Line::new("outcomes", "outcomes", count, hidden.outcomes.contains_key(&kind))
    }));
    for (stage, held) in figures.held {
        let hidden = hidden.held.contains_key(&stage);
        let times = [
            ("held_count", "times", held.count),
            ("held_median", "minutes", held.median_minutes),
            ("held_p90", "minutes", held.p90_minutes),
        ];
        lines.extend(
            times.map(|(figure, unit, value)| Line { stage: stage.name(), ..Line::new(figure, unit, value, hidden) }),
        );
    }
    lines
}

/// What was done with reports and what came of them, by all that is known of it.
fn counters_of(row: &Row) -> impl Iterator<Item = Line> {
    row.tallies.iter().filter_map(|(counter, count)| {
        let value = Some(*count).filter(|_| !row.hidden.contains(counter));
        match counter {
            Counter::Report { category, stage, action, detail } => Some(Line {
                figure: "reports_by_action",
                category: category.name(),
                stage: stage.name(),
                action: action.name(),
                reason: detail.map(Detail::name).unwrap_or_default(),
                unit: REPORTS,
                value,
                ..Line::default()
            }),
            Counter::Outcome { category, kind } => Some(Line {
                figure: "outcomes_by_category",
                category: category.name(),
                outcome: kind.to_string(),
                unit: "outcomes",
                value,
                ..Line::default()
            }),
            Counter::Held { .. } | Counter::Member(_) | Counter::PaidFen => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::civil::date;
    use pingan_domain::{
        district::Label,
        life::{Action, Stage},
        report::Category,
        statistics::Period,
        tally::{MemberStep, Tallies, bucket},
    };

    use super::*;

    #[test]
    fn every_figure_has_a_line_and_what_is_suppressed_has_no_value() {
        let report =
            |action| Counter::Report { category: Category::Hazard, stage: Stage::District, action, detail: None };
        let tallies = Tallies::from([
            (report(Action::Submit), 12),
            (report(Action::Approve), 3),
            (Counter::Held { stage: Stage::District, bucket: bucket(30) }, 3),
            (Counter::Outcome { category: Category::Hazard, kind: Label::parse("hazards_removed").unwrap() }, 7),
            (Counter::Member(MemberStep::Registered), 2),
        ]);
        let hidden = BTreeSet::from([
            report(Action::Approve),
            Counter::Held { stage: Stage::District, bucket: 0 },
            Counter::Member(MemberStep::Registered),
        ]);
        let period = Period { from: date(2026, 7, 1), to: date(2026, 7, 31) };
        let row = Row { node: "demo.river".parse().unwrap(), period, tallies, hidden };
        let file = csv(&[row], |_| "=1+1,\"东\"".to_owned()).unwrap();
        insta::assert_snapshot!(String::from_utf8(file).unwrap().trim_start_matches(BYTE_ORDER_MARK));
    }
}
