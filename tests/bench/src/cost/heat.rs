//! Which key gets hot first: a partition takes so many units in a second, however large the table is.

use std::collections::BTreeMap;

use pingan_local::requests::{Counted, Units};
use pingan_runtime::Failure;

use super::data::{Data, Scale, chosen};

/// Seconds of a month of thirty days.
const MONTH_SECONDS: u128 = 30 * 24 * 3_600;
/// How many times a rate is taken, so that whole numbers suffice.
const MILLI: u128 = 1_000;

/// The hottest key of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hot {
    /// The operation, or the function with what it follows from.
    pub name: String,
    /// What one call takes of the key.
    pub units: Units,
    /// At how many calls a second on one such key it is throttled.
    pub throttled_at: u128,
    /// How many calls a second, in thousandths, come to the busiest such key at a peak, for each scale.
    pub peaks_milli: Vec<u128>,
}

impl Hot {
    /// What part of what the key takes, in thousandths, is taken at the peak of a scale.
    pub fn used_milli(&self, scale: usize) -> u128 {
        self.peaks_milli.get(scale).copied().unwrap_or_default() / self.throttled_at.max(1)
    }
}

/// How many keys of a kind share the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Each call has a key of its own, or that of one person: no load comes together on it.
    Own,
    /// So many in each district.
    OfDistrict(u128),
    /// So many in the whole deployment.
    OfAll(u128),
}

/// How the keys of a kind share the load.
///
/// # Errors
///
/// How many communities there are is not said.
pub fn spread(key: &str, data: &Data) -> Result<Spread, Failure> {
    let heat = &data.mix.heat;
    Ok(if key.contains("<shard>") {
        Spread::OfAll(chosen(heat, "shards")?)
    } else if key.contains("<community>") {
        Spread::OfDistrict(chosen(heat, "communities")?)
    } else if key.contains("<station>") {
        Spread::OfDistrict(chosen(heat, "stations")?)
    } else if key.contains("<code>") || key.contains("<member>") {
        Spread::Own
    } else if key.contains("<district>") {
        Spread::OfDistrict(1)
    } else {
        Spread::OfAll(1)
    })
}

/// At how many calls a second on one key a partition is full.
///
/// # Errors
///
/// What a partition takes is not said.
pub fn throttled_at(units: &Units, data: &Data) -> Result<u128, Failure> {
    let heat = &data.mix.heat;
    let full = |most: u128, each: u64| most.checked_div(u128::from(each)).unwrap_or(u128::MAX);
    let writes = full(chosen(heat, "write_units")?, units.write_units);
    let reads = full(2 * chosen(heat, "read_units")?, units.read_half_units);
    Ok(writes.min(reads))
}

/// How many calls a second, in thousandths, come to the busiest of these keys at a peak.
///
/// # Errors
///
/// A number is not said.
pub fn peak_milli(spread: Spread, calls_a_month: u128, districts: u128, data: &Data) -> Result<u128, Failure> {
    let heat = &data.mix.heat;
    let (calls, keys) = match spread {
        Spread::Own => return Ok(0),
        Spread::OfDistrict(keys) => (calls_a_month, keys),
        // Days of districts come at the same time: they lie in one time zone.
        Spread::OfAll(keys) => (calls_a_month * districts, keys),
    };
    // Of a single key there is no busiest, and shards are even: they are taken from a hash.
    let skew = if matches!(spread, Spread::OfAll(_)) || keys <= 1 { 1 } else { chosen(heat, "skew_times")? };
    Ok((calls * MILLI * chosen(heat, "peak_times")? * skew).div_ceil(MONTH_SECONDS * keys.max(1)))
}

/// The keys of each thing that happens in a month with so many reports in each district.
fn keys(data: &Data, reports: u128) -> Result<Vec<Vec<Hot>>, Failure> {
    let mut calls: BTreeMap<String, (&Counted, u128)> = BTreeMap::new();
    let mix = &data.mix;
    for (list, thousands_of) in
        [(&mix.per_1000_reports, reports), (&mix.per_1000_reporters_and_month, mix.reporters.count)]
    {
        for call in list {
            let name = [call.operation.as_str(), call.case.as_str()].join(" ").trim().to_owned();
            let row = calls.entry(name).or_insert((data.operation(&call.operation, &call.case)?, 0));
            row.1 += (call.count * thousands_of).div_ceil(1_000);
        }
    }
    for happening in &mix.following_1000_reports {
        for row in data.followers_of(&happening.case)? {
            let name = format!("{}: {}", row.operation, happening.case);
            calls.insert(name, (row, (happening.count * reports).div_ceil(1_000)));
        }
    }
    let of_call = |(name, (row, count)): (String, (&Counted, u128))| {
        let of_key = |units: &Units| {
            let spread = spread(&units.key, data)?;
            let peak = |scale: &Scale| peak_milli(spread, count, scale.districts, data);
            let peaks_milli = mix.scales.iter().map(peak).collect::<Result<_, _>>()?;
            let throttled_at = throttled_at(units, data)?;
            Ok::<_, Failure>(Hot { name: name.clone(), units: units.clone(), throttled_at, peaks_milli })
        };
        row.units.iter().map(of_key).collect()
    };
    calls.into_iter().map(of_call).collect()
}

/// The hottest key of each thing that happens in a month with so many reports in each district, hottest first.
///
/// # Errors
///
/// An operation was not counted, or a number is not said.
pub fn hottest(data: &Data, reports: u128) -> Result<Vec<Hot>, Failure> {
    let largest = data.mix.scales.len().saturating_sub(1);
    let order = |key: &Hot| (by_use(key, largest), std::cmp::Reverse(key.throttled_at));
    let mut hot: Vec<_> =
        keys(data, reports)?.into_iter().filter_map(|keys| keys.into_iter().max_by_key(order)).collect();
    hot.sort_by_key(|key| std::cmp::Reverse(by_use(key, largest)));
    Ok(hot)
}

/// What of a kind of key everything takes together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Together {
    /// The table or the index, and the kind of key.
    pub place: String,
    /// The kind of key.
    pub key: String,
    /// Write units a second at a peak on the busiest one, in thousandths, for each scale.
    pub writes_milli: Vec<u128>,
    /// Read units likewise.
    pub reads_milli: Vec<u128>,
}

impl Together {
    /// What part of a partition is taken at the peak of a scale, in thousandths.
    ///
    /// # Errors
    ///
    /// What a partition takes is not said.
    pub fn used_milli(&self, scale: usize, data: &Data) -> Result<u128, Failure> {
        let heat = &data.mix.heat;
        let of = |units: &[u128], most: u128| units.get(scale).copied().unwrap_or_default() / most.max(1);
        let writes = of(&self.writes_milli, chosen(heat, "write_units")?);
        Ok(writes.max(of(&self.reads_milli, chosen(heat, "read_units")?)))
    }
}

/// What everything takes together of each kind of key on which load comes together, hottest first.
///
/// # Errors
///
/// As [`hottest`].
pub fn together(data: &Data, reports: u128) -> Result<Vec<Together>, Failure> {
    let scales = data.mix.scales.len();
    let mut all: BTreeMap<(String, String), Together> = BTreeMap::new();
    for key in keys(data, reports)?.into_iter().flatten() {
        let Units { place, key: kind, read_half_units, write_units } = key.units;
        let sum = all.entry((place.clone(), kind.clone())).or_insert_with(|| Together {
            place,
            key: kind,
            writes_milli: vec![0; scales],
            reads_milli: vec![0; scales],
        });
        for (scale, peak) in key.peaks_milli.iter().enumerate() {
            if let (Some(writes), Some(reads)) = (sum.writes_milli.get_mut(scale), sum.reads_milli.get_mut(scale)) {
                *writes += peak * u128::from(write_units);
                *reads += peak * u128::from(read_half_units) / 2;
            }
        }
    }
    let mut kinds = Vec::new();
    for kind in all.into_values() {
        kinds.push((kind.used_milli(scales.saturating_sub(1), data)?, kind));
    }
    kinds.sort_by_key(|(used, _)| std::cmp::Reverse(*used));
    Ok(kinds.into_iter().map(|(_, kind)| kind).collect())
}

/// In billionths: what part of a key is in use. Thousandths would make most of them equal.
fn by_use(key: &Hot, scale: usize) -> u128 {
    key.peaks_milli.get(scale).copied().unwrap_or_default() * 1_000_000 / key.throttled_at.max(1)
}

/// What to do when a kind of key gets too hot.
pub fn remedy(key: &str) -> &'static str {
    if key.starts_with("DUE") {
        "more shards (`DUE_SHARDS`): only the clock reads them, and it reads all"
    } else if key.starts_with("TALLY") {
        "count batches: the tally adds up all events of a batch before it writes; then shards of a counter"
    } else if key.starts_with("INBOX") {
        "phones ask less often; a cache of the newest notice of an inbox"
    } else if key.contains("<district>") {
        "shard the district's key, and merge the shards as inboxes are merged"
    } else if key.contains("<community>") || key.contains("<station>") {
        "split the node: a community of that size has more than one officer"
    } else {
        "nothing: the load of one person or one thing"
    }
}
