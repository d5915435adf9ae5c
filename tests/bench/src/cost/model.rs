//! What a load takes, and what that costs. Everything is a whole number, and everything adds up.

use std::{iter::Sum, ops::Add};

use pingan_local::requests::Counted;
use pingan_runtime::Failure;

use super::data::{Calls, Data, Happens, chosen};
use super::money::Money;

/// Bytes of a GB, as storage and logs are billed.
const GB_BYTES: u128 = 1_000_000_000;
/// Milliseconds and MB of a GB-second.
const GB_SECOND_MB_MS: u128 = 1_024_000;
/// How many round trips a call waits for, at most: a test holds every operation to two. A function that is started by an
/// event waits for each of its requests.
const MOST_ROUNDS: u128 = 2;

/// What something takes that is paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Requests to the API.
    pub api_requests: u128,
    /// Starts of functions.
    pub starts: u128,
    /// Their billed time times their memory.
    pub mb_ms: u128,
    /// Write request units.
    pub write_units: u128,
    /// Read request units, in halves.
    pub read_half_units: u128,
    /// Requests to S3 that are billed as writes.
    pub s3_puts: u128,
    /// All others.
    pub s3_gets: u128,
    /// Messages published.
    pub published: u128,
}

impl Taken {
    /// The same, so many times.
    #[must_use]
    pub const fn times(self, count: u128) -> Self {
        Self {
            api_requests: self.api_requests * count,
            starts: self.starts * count,
            mb_ms: self.mb_ms * count,
            write_units: self.write_units * count,
            read_half_units: self.read_half_units * count,
            s3_puts: self.s3_puts * count,
            s3_gets: self.s3_gets * count,
            published: self.published * count,
        }
    }
}

impl Add for Taken {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            api_requests: self.api_requests + other.api_requests,
            starts: self.starts + other.starts,
            mb_ms: self.mb_ms + other.mb_ms,
            write_units: self.write_units + other.write_units,
            read_half_units: self.read_half_units + other.read_half_units,
            s3_puts: self.s3_puts + other.s3_puts,
            s3_gets: self.s3_gets + other.s3_gets,
            published: self.published + other.published,
        }
    }
}

impl Sum for Taken {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// What something costs, by service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// API Gateway.
    pub api: Money,
    /// Lambda, requests and time.
    pub lambda: Money,
    /// `DynamoDB`, writes and reads.
    pub dynamodb: Money,
    /// S3, requests alone.
    pub s3: Money,
    /// SNS, publishing alone.
    pub sns: Money,
    /// Logs, as they are written.
    pub logs: Money,
}

impl Cost {
    /// What this takes, at these prices, on arm64.
    ///
    /// # Errors
    ///
    /// The list lacks a price.
    pub fn of(taken: &Taken, data: &Data) -> Result<Self, Failure> {
        let prices = &data.prices;
        let log_bytes = taken.starts * chosen(&data.mix.sizes, "log_bytes")?;
        Ok(Self {
            api: prices.of("api_gateway_http", taken.api_requests)?,
            lambda: prices.of("lambda_request", taken.starts)?
                + prices.of_parts("lambda_arm64", taken.mb_ms, GB_SECOND_MB_MS)?,
            dynamodb: prices.of("dynamodb_write", taken.write_units)?
                + prices.of_parts("dynamodb_read", taken.read_half_units, 2)?,
            s3: prices.of("s3_put", taken.s3_puts)? + prices.of("s3_get", taken.s3_gets)?,
            sns: prices.of("sns_publish", taken.published)?,
            logs: prices.of_parts("logs_ingested", log_bytes, GB_BYTES)?,
        })
    }

    /// All of it.
    pub fn total(&self) -> Money {
        self.api + self.lambda + self.dynamodb + self.s3 + self.sns + self.logs
    }
}

/// A line of the load: what, how often, and what one of it takes.
#[derive(Debug, Clone)]
pub struct Line {
    /// In words.
    pub name: String,
    /// How often.
    pub count: u128,
    /// What one takes.
    pub each: Taken,
}

impl Line {
    /// What all of it takes.
    pub fn taken(&self) -> Taken {
        self.each.times(self.count)
    }
}

/// The lines of calls.
///
/// # Errors
///
/// An operation was not counted, or a number is not said.
pub fn calls(data: &Data, calls: &[Calls]) -> Result<Vec<Line>, Failure> {
    let line = |call: &Calls| {
        let counted = data.operation(&call.operation, &call.case)?;
        let rounds = u128::try_from(counted.requests.len())?.min(MOST_ROUNDS);
        let more = Taken { api_requests: 1, read_half_units: call.more_read_half_units, ..Taken::default() };
        let each = of_function(data, counted, &call.function, rounds)? + more;
        let name = [call.operation.as_str(), call.case.as_str()].join(" ").trim().to_owned();
        Ok(Line { name, count: call.count, each })
    };
    calls.iter().map(line).collect()
}

/// The lines of what is followed up, one for each function.
///
/// # Errors
///
/// As [`calls`].
pub fn following(data: &Data, happens: &[Happens]) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    for happening in happens {
        let rows = data.followers_of(&happening.case)?;
        let named = |operation: &str| rows.iter().copied().find(|row| row.operation == operation);
        let s3 = named("s3").map(to_s3).unwrap_or_default();
        let published = u128::from(named("sns").map_or(0, |row| row.published));
        let is_function = |row: &&&Counted| !matches!(row.operation.as_str(), "s3" | "sns" | "notify");
        for row in rows.iter().filter(is_function) {
            let rounds = u128::try_from(row.requests.len())?;
            let mut each = of_function(data, row, &row.operation, rounds)?;
            if row.operation == "media-intake" {
                each = each + s3;
            }
            lines.push(Line { name: format!("{}: {}", row.operation, happening.case), count: happening.count, each });
        }
        if published > 0 {
            // It is started once for each message when they come apart; together they cost less.
            let reads = Counted { operation: "notify".to_owned(), ..named("notify").cloned().unwrap_or_else(nothing) };
            let start = of_function(data, &Counted { units: Vec::new(), ..reads.clone() }, "notify", MOST_ROUNDS)?;
            let units = Taken {
                write_units: u128::from(reads.write_units()),
                read_half_units: u128::from(reads.read_half_units()),
                published,
                ..Taken::default()
            };
            let each = start.times(published) + units;
            lines.push(Line { name: format!("notify: {}", happening.case), count: happening.count, each });
        }
    }
    Ok(lines)
}

fn nothing() -> Counted {
    Counted { operation: String::new(), case: String::new(), requests: Vec::new(), published: 0, units: Vec::new() }
}

fn to_s3(row: &Counted) -> Taken {
    let mut taken = Taken::default();
    for method in &row.requests {
        match method.as_str() {
            "PUT" | "POST" => taken.s3_puts += 1,
            // To delete costs nothing.
            "DELETE" => {}
            _ => taken.s3_gets += 1,
        }
    }
    taken
}

/// What one start of a function takes.
fn of_function(data: &Data, counted: &Counted, function: &str, rounds: u128) -> Result<Taken, Failure> {
    let durations = &data.mix.durations;
    let mb = *data.mix.functions_mb.get(function).ok_or_else(|| format!("the memory of {function} is not said"))?;
    let cpu = if function == "media-intake" { "intake_cpu_us" } else { "cpu_us" };
    let whole_core_mb = chosen(durations, "whole_core_mb")?;
    // With less memory a function has that part of a core; with more, one program still has one.
    let cpu_us = chosen(durations, cpu)? * whole_core_mb / mb.clamp(1, whole_core_mb);
    let billed_ms = (cpu_us + rounds * chosen(durations, "network_us")?).div_ceil(1_000);
    Ok(Taken {
        starts: 1,
        mb_ms: billed_ms * mb,
        write_units: u128::from(counted.write_units()),
        read_half_units: u128::from(counted.read_half_units()),
        ..Taken::default()
    })
}

/// What a month costs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Month {
    /// Requests and all that follows.
    pub running: Cost,
    /// What is kept: records with their recovery, media, logs.
    pub kept: Money,
    /// Keys, alarms, the dashboard, and what the clocks start.
    pub fixed: Money,
}

impl Month {
    /// All of it.
    pub fn total(&self) -> Money {
        self.running.total() + self.kept + self.fixed
    }
}

/// What a month costs in so many districts with so many reports in each.
///
/// # Errors
///
/// As [`calls`].
pub fn month(data: &Data, districts: u128, reports: u128) -> Result<Month, Failure> {
    let mix = &data.mix;
    let for_reports: Taken = per_reports(data)?.iter().map(Line::taken).sum();
    let for_people: Taken = calls(data, &mix.per_1000_reporters_and_month)?.iter().map(Line::taken).sum();
    let reports = districts * reports;
    let (of_districts, of_all): (Vec<_>, Vec<_>) =
        mix.clocks_a_month.iter().cloned().partition(|clock| clock.each_district);
    let in_districts: Taken = following(data, &of_districts)?.iter().map(Line::taken).sum();
    let clocks: Taken = following(data, &of_all)?.iter().map(Line::taken).sum();
    let all =
        part(for_reports, reports) + part(for_people, districts * mix.reporters.count) + in_districts.times(districts);

    let of_size = |name| chosen(&mix.sizes, name);
    let kept_reports = reports * of_size("months_kept")?;
    let records = kept_reports * of_size("report_bytes")?;
    let media = kept_reports * of_size("media_bytes")?;
    let logs = all.starts * of_size("log_bytes")? * of_size("months_kept")?;
    let gb = |price: &str, bytes| data.prices.of_parts(price, bytes, GB_BYTES);
    let mut fixed = Cost::of(&clocks, data)?.total();
    for thing in &mix.fixed_a_month {
        fixed = fixed + data.prices.of(&thing.price, thing.count)?;
    }
    Ok(Month {
        running: Cost::of(&all, data)?,
        kept: gb("dynamodb_storage", records)?
            + gb("dynamodb_recovery", records)?
            + gb("s3_storage", media)?
            + gb("logs_stored", logs)?,
        fixed,
    })
}

/// The lines of 1,000 reports.
///
/// # Errors
///
/// As [`calls`].
pub fn per_reports(data: &Data) -> Result<Vec<Line>, Failure> {
    let mut lines = calls(data, &data.mix.per_1000_reports)?;
    lines.extend(following(data, &data.mix.following_1000_reports)?);
    for phones in &data.mix.phones_1000_reports {
        let one = match phones.price.as_str() {
            "s3_put" => Taken { s3_puts: 1, ..Taken::default() },
            "s3_get" => Taken { s3_gets: 1, ..Taken::default() },
            other => return Err(format!("phones do not pay for {other}").into()),
        };
        lines.push(Line { name: format!("phones: {}", phones.price), count: phones.count, each: one });
    }
    Ok(lines)
}

/// What is for a thousand, for so many; a part of a unit counts as a whole one.
fn part(of_1000: Taken, count: u128) -> Taken {
    let scaled = |units: u128| (units * count).div_ceil(1_000);
    Taken {
        api_requests: scaled(of_1000.api_requests),
        starts: scaled(of_1000.starts),
        mb_ms: scaled(of_1000.mb_ms),
        write_units: scaled(of_1000.write_units),
        read_half_units: scaled(of_1000.read_half_units),
        s3_puts: scaled(of_1000.s3_puts),
        s3_gets: scaled(of_1000.s3_gets),
        published: scaled(of_1000.published),
    }
}
