//! What the bundle costs, from what tests counted, what is assumed, and published prices: a pure model.
//!
//! | to change … | go to |
//! |---|---|
//! | money and prices | [`money`] |
//! | the files, and what stands in them | [`data`] |
//! | what a load takes and costs | [`model`] |
//! | which key gets hot first | [`heat`] |

use std::{fmt::Write as _, path::PathBuf};

use pingan_runtime::Failure;

use crate::report;

pub mod data;
pub mod heat;
pub mod model;
pub mod money;

use data::Data;
use model::{Cost, Line, Taken};

/// How many rows the table of hot keys has: what comes after them is cold.
const MOST_HOT: usize = 20;
/// How many kinds of key are shown with all that comes together on them.
const MOST_TOGETHER: usize = 10;

/// What to show.
#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// Other prices than those of tests/bench/data/prices.json.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

/// Shows it.
///
/// # Errors
///
/// A file cannot be read, lacks something, or cannot be written.
pub fn run(options: &Options, write: bool) -> Result<(), Failure> {
    let data = Data::read(options.prices.as_deref())?;
    report::section("cost", "cargo bench-bundle cost", &body(&data)?, write)
}

/// The whole section.
fn body(data: &Data) -> Result<String, Failure> {
    let region = &data.prices.region;
    let read_on = &data.prices.read_on;
    let mut text = format!(
        "What DynamoDB bills for each operation, and for what functions do after it, is counted by tests \
         (`tests/bench/data/operations.json`, `followers.json`); how often each happens and how long a function runs is \
         assumed, each number with its reason (`mix.json`); prices are those of {region}, on arm64, as looked up on \
         {read_on} (`prices.json`, `--prices` for others), without free allowances. Not in it: Cognito, the scan of \
         uploads, data to the internet, X-Ray, metrics per route, SMS and push, which hang on choices of a deployment \
         and stand in `infra/README.md`.\n\n### 1,000 reports\n\n"
    );
    reports_table(&mut text, data)?;
    months_table(&mut text, data)?;
    heat_table(&mut text, data)?;
    Ok(text)
}

fn reports_table(text: &mut String, data: &Data) -> Result<(), Failure> {
    text.push_str(
        "| | times | write units each | read units each | API | Lambda | DynamoDB | others | dollars |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    let lines = model::per_reports(data)?;
    for line in &lines {
        let cost = Cost::of(&line.taken(), data)?;
        let Line { name, count, each } = line;
        let (writes, reads) = (each.write_units, halves(each.read_half_units));
        let others = cost.s3 + cost.sns + cost.logs;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {name} | {count} | {writes} | {reads} | {} | {} | {} | {others} | {} |",
            cost.api,
            cost.lambda,
            cost.dynamodb,
            cost.total()
        );
    }
    let all: Taken = lines.iter().map(Line::taken).sum();
    let cost = Cost::of(&all, data)?;
    let _ = writeln!(
        text,
        "| **all** | | {} in all | {} in all | {} | {} | {} | {} | **{}** |\n",
        all.write_units,
        halves(all.read_half_units),
        cost.api,
        cost.lambda,
        cost.dynamodb,
        cost.s3 + cost.sns + cost.logs,
        cost.total()
    );
    Ok(())
}

fn months_table(text: &mut String, data: &Data) -> Result<(), Failure> {
    text.push_str(
        "### A month\n\nIn dollars. Running is all requests and what follows them, lists that 13,000 phones and their staff \
         look at included; kept is what has gathered after twelve months (records with recovery, media, logs); fixed \
         are keys, alarms, the dashboard and the clocks, once for a deployment.\n\n\
         | | reports in a district | API | Lambda | DynamoDB | S3, SNS, logs | running | kept | fixed | all | for a district |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for activity in &data.mix.reports_a_month {
        for scale in &data.mix.scales {
            let month = model::month(data, scale.districts, activity.count)?;
            let Cost { api, lambda, dynamodb, s3, sns, logs } = month.running;
            let _ = writeln!(
                text,
                "| {}, {} | {} | {api} | {lambda} | {dynamodb} | {} | {} | {} | {} | **{}** | {} |",
                scale.name,
                activity.name,
                activity.count,
                s3 + sns + logs,
                month.running.total(),
                month.kept,
                month.fixed,
                month.total(),
                month.total().over(scale.districts)
            );
        }
    }
    text.push('\n');
    Ok(())
}

fn heat_table(text: &mut String, data: &Data) -> Result<(), Failure> {
    let busiest = data.mix.reports_a_month.iter().max_by_key(|activity| activity.count);
    let reports = busiest.map_or(0, |activity| activity.count);
    let scales: Vec<_> = data.mix.scales.iter().map(|scale| format!("peak, {}", scale.name)).collect();
    let _ = write!(
        text,
        "### Partition heat\n\nThe hottest key of each operation with {reports} reports a month in each district: what one call \
         takes of it, at how many calls a second on one such key a partition is full (1,000 write or 3,000 read units, \
         [AWS](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html)), and how \
         many come to the busiest one at a peak of fifty times the mean. Keys that name a district or less are as hot in a \
         country as in a district. An index that is \
         sorted by time cannot be split where it is written. Lists were counted with few entries: full pages read up to four \
         times as much.\n\n\
         | | where | key | writes | reads | full at, a second | {} | used, country | then |\n\
         |---|---|---|--:|--:|--:|{}--:|---|\n",
        scales.join(" | "),
        "--:|".repeat(scales.len())
    );
    let hot = heat::hottest(data, reports)?;
    let last = data.mix.scales.len().saturating_sub(1);
    for key in hot.iter().filter(|key| key.peaks_milli.iter().any(|peak| *peak > 0)).take(MOST_HOT) {
        let peaks: Vec<_> = key.peaks_milli.iter().map(|milli| thousandths(*milli)).collect();
        let used = percent(key.used_milli(last));
        let _ = writeln!(
            text,
            "| {} | `{}` | `{}` | {} | {} | {} | {} | {used} | {} |",
            key.name,
            key.units.place,
            key.units.key,
            key.units.write_units,
            halves(u128::from(key.units.read_half_units)),
            key.throttled_at,
            peaks.join(" | "),
            heat::remedy(&key.units.key)
        );
    }
    let _ = write!(
        text,
        "\nAll operations together, on the busiest key of each kind, as a part of what its partition takes at a peak:\n\n\
         | where | key | {} |\n|---|---|{}\n",
        scales.join(" | "),
        "--:|".repeat(scales.len())
    );
    for kind in heat::together(data, reports)?.iter().take(MOST_TOGETHER) {
        let used = (0..scales.len()).map(|scale| Ok(percent(kind.used_milli(scale, data)?)));
        let used = used.collect::<Result<Vec<_>, Failure>>()?.join(" | ");
        let _ = writeln!(text, "| `{}` | `{}` | {used} |", kind.place, kind.key);
    }
    Ok(())
}

/// Thousandths as a percentage.
fn percent(milli: u128) -> String {
    format!("{}.{} %", milli / 10, milli % 10)
}

fn halves(half_units: u128) -> String {
    if half_units.is_multiple_of(2) { (half_units / 2).to_string() } else { format!("{}.5", half_units / 2) }
}

fn thousandths(milli: u128) -> String {
    format!("{}.{:03}", milli / 1_000, milli % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pingan_local::requests::Units;

    fn data() -> Data {
        Data::read(None).unwrap()
    }

    #[test]
    fn twice_the_reports_cost_twice() {
        let data = data();
        let lines = model::per_reports(&data).unwrap();
        let once: Taken = lines.iter().map(Line::taken).sum();
        let twice: Taken = lines.iter().map(|line| line.taken().times(2)).sum();
        assert_eq!(twice, once.times(2));
        // A month's lists are there without reports: what reports add, they add twice.
        let month = |reports| model::month(&data, 1, reports).unwrap().running;
        let (none, some, more) = (month(0), month(1_000), month(2_000));
        assert_eq!(more.dynamodb + none.dynamodb, some.dynamodb + some.dynamodb);
        assert_eq!(more.api + none.api, some.api + some.api);
    }

    #[test]
    fn the_rows_add_up_to_the_whole() {
        let data = data();
        let lines = model::per_reports(&data).unwrap();
        let all: Taken = lines.iter().map(Line::taken).sum();
        let by_row: money::Money = lines.iter().map(|line| Cost::of(&line.taken(), &data).unwrap().dynamodb).sum();
        assert_eq!(by_row, Cost::of(&all, &data).unwrap().dynamodb);
        assert!(all.write_units > 0 && all.read_half_units > 0 && all.published > 0 && all.s3_puts > 0, "{all:?}");
    }

    #[test]
    fn sixteen_districts_cost_sixteen_times_what_is_not_fixed() {
        let data = data();
        let (one, sixteen) = (model::month(&data, 1, 1_000).unwrap(), model::month(&data, 16, 1_000).unwrap());
        assert_eq!(sixteen.running.dynamodb, one.running.dynamodb.times(16));
        assert_eq!(sixteen.fixed, one.fixed);
    }

    #[test]
    fn the_memory_of_functions_is_what_terraform_gives_them() {
        let terraform = std::fs::read_to_string(report::root().join("infra/functions.tf")).unwrap();
        for (function, mb) in &data().mix.functions_mb {
            let block = terraform.split(&format!("\n    {function} = {{\n")).nth(1).unwrap_or_default();
            let line = block.lines().find(|line| line.trim_start().starts_with("memory_mb")).unwrap_or_default();
            let given = line.rsplit('=').next().unwrap_or_default().trim();
            assert_eq!(given, mb.to_string(), "{function}");
        }
    }

    #[test]
    fn the_shards_are_those_of_the_code() {
        let shards = data::chosen(&data().mix.heat, "shards").unwrap();
        assert_eq!(shards, u128::from(pingan_store::keys::DUE_SHARDS));
    }

    #[test]
    fn a_partition_is_full_at_its_writes_or_its_reads() {
        let data = data();
        for (write_units, read_half_units, full) in
            [(1, 0, 1_000), (4, 0, 250), (0, 1, 6_000), (0, 4, 1_500), (2, 60, 100)]
        {
            let units = Units { place: String::new(), key: String::new(), read_half_units, write_units };
            assert_eq!(heat::throttled_at(&units, &data).unwrap(), full, "{write_units} and {read_half_units}");
        }
    }

    #[test]
    fn what_comes_together_is_at_least_what_one_operation_brings() {
        let data = data();
        let (hottest, together) = (heat::hottest(&data, 1_000).unwrap(), heat::together(&data, 1_000).unwrap());
        for one in hottest.iter().filter(|one| one.used_milli(2) > 0) {
            let of_key = |all: &&heat::Together| (&all.place, &all.key) == (&one.units.place, &one.units.key);
            let all = together.iter().find(of_key).unwrap().used_milli(2, &data).unwrap();
            assert!(all + 1 >= one.used_milli(2), "{one:?}");
        }
    }

    #[test]
    fn only_what_all_districts_share_gets_hotter_with_them() {
        let data = data();
        for (key, times) in [("DUE#<shard>", 16), ("QUEUE#<community>#officer", 1), ("TALLY#<district>", 1)] {
            let spread = heat::spread(key, &data).unwrap();
            let peak = |districts| heat::peak_milli(spread, 2_592_000, districts, &data).unwrap();
            assert!(peak(1) > 0, "{key}");
            assert_eq!(peak(16), peak(1) * times, "{key}");
        }
        assert_eq!(heat::spread("REPORT#<code>", &data).unwrap(), heat::Spread::Own);
    }
}
