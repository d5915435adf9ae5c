//! How charts are drawn: in shares of the width, so that the same drawing fits a desk, a phone and a sheet of paper
//! while its letters keep their size.

use pingan_domain::briefing::{Course, Step};

/// Where the columns begin and end, in hundredths of a percent of the width.
const LEFT: u64 = 800;
const RIGHT: u64 = 9_700;
/// Where columns stand, and how high the highest can be, in pixels.
const BASE: u64 = 184;
const HEIGHT: u64 = 160;
/// The most labels below the columns, so that they do not touch on a phone.
const MAX_LABELS: usize = 7;
/// Up to so many steps, the columns bear their counts.
const MAX_COUNTED: usize = 7;

/// A share of the width in percent, as SVG writes it.
fn percent(hundredths: u64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// How wide a bar is, in percent of the widest. What is not nought can be seen.
pub(crate) fn width(count: u64, most: u64) -> String {
    if count == 0 || most == 0 {
        return "0".to_owned();
    }
    let share = u64::try_from(u128::from(count) * 10_000 / u128::from(most)).unwrap_or(10_000);
    percent(share.clamp(60, 10_000))
}

/// The smallest even number of one digit and noughts that is at least this: half of it is whole as well.
pub(crate) fn top(most: u64) -> u64 {
    let mut unit: u64 = 1;
    // Twenty digits are the most that a number has.
    for _ in 0..20 {
        for step in [2, 4, 6, 8, 10] {
            let top = unit.saturating_mul(step);
            if top >= most {
                return top;
            }
        }
        unit = unit.saturating_mul(10);
    }
    u64::MAX
}

/// A line across the columns.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// How far down it is.
    pub(crate) y: u64,
    /// What it stands for.
    pub(crate) value: String,
}

/// The columns of one step.
#[derive(Debug)]
pub(crate) struct Columns {
    pub(crate) width: String,
    pub(crate) first_x: String,
    pub(crate) second_x: String,
    pub(crate) first_middle: String,
    pub(crate) second_middle: String,
    pub(crate) middle: String,
    pub(crate) submitted_y: u64,
    pub(crate) submitted_height: u64,
    pub(crate) adopted_y: u64,
    pub(crate) adopted_height: u64,
    /// The counts, where there is room for them.
    pub(crate) submitted: Option<String>,
    pub(crate) adopted: Option<String>,
    /// The day or the month, at every so many steps.
    pub(crate) label: Option<String>,
}

/// A number that fits at the left of the columns.
pub(crate) fn short(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..10_000_000 => format!("{}k", count / 1_000),
        10_000_000..10_000_000_000 => format!("{}M", count / 1_000_000),
        _ => format!("{}G", count / 1_000_000_000),
    }
}

/// The course of a period as columns, and the lines behind them.
pub(crate) fn columns(course: &Course) -> (Vec<Line>, Vec<Columns>) {
    let most = course.steps.iter().map(|step| step.submitted.max(step.adopted)).max().unwrap_or_default();
    let top = top(most);
    let height = |count: u64| {
        let height = u64::try_from(u128::from(count) * u128::from(HEIGHT) / u128::from(top)).unwrap_or(HEIGHT);
        if count > 0 { height.clamp(2, HEIGHT) } else { 0 }
    };
    let lines = [(top, 0), (top / 2, HEIGHT / 2), (0, HEIGHT)]
        .map(|(value, down)| Line { y: BASE - HEIGHT + down, value: short(value) });
    let count = course.steps.len().max(1);
    let slot = (RIGHT - LEFT) / u64::try_from(count).unwrap_or(u64::MAX);
    // Two columns and a gap, and no column wider than a thumb.
    let column = (slot * 2 / 5).min(350);
    let every = count.div_ceil(MAX_LABELS);
    let mut steps = Vec::new();
    for (i, step) in course.steps.iter().enumerate() {
        let middle = LEFT + slot * u64::try_from(i).unwrap_or_default() + slot / 2;
        let (submitted_height, adopted_height) = (height(step.submitted), height(step.adopted));
        let label = match course.by {
            Step::Day => format!("{:02}-{:02}", step.days.from.month(), step.days.from.day()),
            Step::Month => format!("{}-{:02}", step.days.from.year(), step.days.from.month()),
        };
        let counted = |count: u64| (course.steps.len() <= MAX_COUNTED && count > 0).then(|| short(count));
        steps.push(Columns {
            width: percent(column),
            first_x: percent(middle - column),
            second_x: percent(middle),
            first_middle: percent(middle - column / 2),
            second_middle: percent(middle + column / 2),
            middle: percent(middle),
            submitted_y: BASE - submitted_height,
            submitted_height,
            adopted_y: BASE - adopted_height,
            adopted_height,
            submitted: counted(step.submitted),
            adopted: counted(step.adopted),
            label: i.is_multiple_of(every).then_some(label),
        });
    }
    (lines.into(), steps)
}
