//! What the API shows of the statistics.

use std::collections::BTreeMap;

use pingan_domain::{
    district::Label,
    life::{Action, Stage},
    named::Named,
    report::Category,
    statistics::{By, Figures, Period},
    suppression::Row,
    tally::Counter,
    territory::NodeId,
};
use pingan_http::schema;
use serde::Serialize;
use utoipa::ToSchema;

/// The statistics of nodes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "by": "month",
    "rows": [{
        "node": "demo", "from": "2026-08-01", "to": "2026-08-31",
        "figures": {
            "submitted": {"hazard": 88}, "adopted": {"hazard": 31}, "rejected": {"not_confirmed": 12}, "duplicates": 9,
            "withdrawn": 6, "handed_over": 20, "closed": 18, "reminded": {"officer": 5}, "escalated": {},
            "outcomes": {"hazards_removed": 17},
            "held": {"officer": {"count": 80, "median_minutes": 215, "p90_minutes": 460}},
            "recruited": 120, "registered": 96, "left": null, "rewarded": 0, "paid_fen": 0
        },
        "reports": [{"category": "hazard", "stage": "officer", "action": "approve", "count": 61}],
        "outcomes": [{"category": "hazard", "kind": "hazards_removed", "count": 17}]
    }]
}))]
pub(crate) struct StatisticsView {
    /// Into what they are divided.
    #[schema(schema_with = schema::by)]
    by: By,
    /// A row for each node and period: the node itself, and then those below it.
    rows: Vec<RowView>,
}

/// The statistics of a node over a period.
#[derive(Debug, Serialize, ToSchema)]
struct RowView {
    /// The node.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// The first day.
    #[schema(schema_with = schema::day)]
    from: jiff::civil::Date,
    /// The last day.
    #[schema(schema_with = schema::day)]
    to: jiff::civil::Date,
    /// The figures.
    figures: FiguresView,
    /// What was done with reports: by category, stage, action and reason.
    reports: Vec<ReportsView>,
    /// What came of them: by category and kind.
    outcomes: Vec<OutcomesView>,
}

/// The figures of a node over a period. One that is suppressed is `null`.
#[derive(Debug, Serialize, ToSchema)]
struct FiguresView {
    /// Reports sent in, by category.
    submitted: BTreeMap<String, Option<u64>>,
    /// Reports adopted, by category.
    adopted: BTreeMap<String, Option<u64>>,
    /// Reports that were not adopted, by reason.
    rejected: BTreeMap<String, Option<u64>>,
    /// Reports linked to another of the same matter.
    duplicates: Option<u64>,
    /// Reports taken back by their reporters.
    withdrawn: Option<u64>,
    /// Reports handed over, each once.
    handed_over: Option<u64>,
    /// Reports closed.
    closed: Option<u64>,
    /// Times a stage was reminded because its deadline had passed.
    reminded: BTreeMap<String, Option<u64>>,
    /// Times a report went up because the stage did not act.
    escalated: BTreeMap<String, Option<u64>>,
    /// Outcomes by kind.
    outcomes: BTreeMap<String, Option<u64>>,
    /// How long each stage had its reports.
    held: BTreeMap<String, HeldView>,
    /// Reporters recruited, or registered with a poster without having been recruited.
    recruited: Option<u64>,
    /// Reporters who could act for the first time.
    registered: Option<u64>,
    /// Reporters who left.
    left: Option<u64>,
    /// How often a reporter was rewarded: rewards paid, one for each person who has a share.
    rewarded: Option<u64>,
    /// Rewards paid, in fen.
    paid_fen: Option<u64>,
}

/// How long a stage had its reports, in minutes by the clock; exact to within 5 %.
#[derive(Debug, Serialize, ToSchema)]
struct HeldView {
    /// How many times it had one.
    count: Option<u64>,
    /// The median.
    median_minutes: Option<u64>,
    /// Nine of ten times it was no longer.
    p90_minutes: Option<u64>,
}

/// What a stage did with reports of a category.
#[derive(Debug, Serialize, ToSchema)]
struct ReportsView {
    /// What they are about.
    #[schema(schema_with = schema::category)]
    category: Category,
    /// The stage that did it; of what reporters do, the stage that has the report.
    #[schema(schema_with = schema::stage)]
    stage: Stage,
    /// What was done.
    #[schema(schema_with = schema::action)]
    action: Action,
    /// Why; `again` for what had been handed over before.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// How often.
    count: Option<i64>,
}

/// Outcomes of a kind, of reports of a category.
#[derive(Debug, Serialize, ToSchema)]
struct OutcomesView {
    /// What the reports are about.
    #[schema(schema_with = schema::category)]
    category: Category,
    /// The kind.
    #[schema(value_type = String, example = "hazards_removed")]
    kind: Label,
    /// How many.
    count: Option<i64>,
}

impl StatisticsView {
    /// What is shown of these rows.
    pub(crate) fn new(rows: &[Row], by: By) -> Self {
        Self { by, rows: rows.iter().map(row).collect() }
    }
}

fn row(row: &Row) -> RowView {
    let (mut reports, mut outcomes) = (Vec::new(), Vec::new());
    for (counter, count) in &row.tallies {
        let count = Some(*count).filter(|_| !row.hidden.contains(counter));
        match counter {
            Counter::Report { category, stage, action, detail } => {
                let reason = detail.map(pingan_domain::tally::Detail::name);
                reports.push(ReportsView { category: *category, stage: *stage, action: *action, reason, count });
            }
            Counter::Outcome { category, kind } => {
                outcomes.push(OutcomesView { category: *category, kind: kind.clone(), count });
            }
            Counter::Held { .. } | Counter::Member(_) | Counter::PaidFen => {}
        }
    }
    let figures = FiguresView::new(row.figures(), &row.hidden_figures());
    let Period { from, to } = row.period;
    RowView { node: row.node.clone(), from, to, figures, reports, outcomes }
}

impl FiguresView {
    fn new(figures: Figures, hidden: &Figures) -> Self {
        let one = |count: u64, hidden: u64| Some(count).filter(|_| hidden == 0);
        Self {
            submitted: named(figures.submitted, &hidden.submitted),
            adopted: named(figures.adopted, &hidden.adopted),
            rejected: named(figures.rejected, &hidden.rejected),
            duplicates: one(figures.duplicates, hidden.duplicates),
            withdrawn: one(figures.withdrawn, hidden.withdrawn),
            handed_over: one(figures.handed_over, hidden.handed_over),
            closed: one(figures.closed, hidden.closed),
            reminded: named(figures.reminded, &hidden.reminded),
            escalated: named(figures.escalated, &hidden.escalated),
            outcomes: figures
                .outcomes
                .into_iter()
                .map(|(kind, count)| {
                    let count = Some(count).filter(|_| !hidden.outcomes.contains_key(&kind));
                    (kind.to_string(), count)
                })
                .collect(),
            held: named(figures.held, &hidden.held)
                .into_iter()
                .map(|(stage, held)| {
                    let view = HeldView {
                        count: held.map(|held| held.count),
                        median_minutes: held.map(|held| held.median_minutes),
                        p90_minutes: held.map(|held| held.p90_minutes),
                    };
                    (stage, view)
                })
                .collect(),
            recruited: one(figures.recruited, hidden.recruited),
            registered: one(figures.registered, hidden.registered),
            left: one(figures.left, hidden.left),
            rewarded: one(figures.rewarded, hidden.rewarded),
            paid_fen: one(figures.paid_fen, hidden.paid_fen),
        }
    }
}

fn named<K: Named + Ord, V>(figures: BTreeMap<K, V>, hidden: &BTreeMap<K, V>) -> BTreeMap<String, Option<V>> {
    figures
        .into_iter()
        .map(|(key, value)| (key.name().to_owned(), Some(value).filter(|_| !hidden.contains_key(&key))))
        .collect()
}
