//! The files from which the costs are counted: what was counted by tests, what is assumed, and what is paid for it.

use std::{collections::BTreeMap, fs, path::Path};

use pingan_local::requests::Counted;
use pingan_runtime::Failure;
use serde::{Deserialize, de::DeserializeOwned};

use super::money::{Money, Price};

/// A number that was chosen, and why.
#[derive(Debug, Clone, Deserialize)]
pub struct Chosen {
    /// The number.
    pub count: u128,
    /// A sentence that says where it is from.
    pub why: String,
}

/// How often an operation is called.
#[derive(Debug, Clone, Deserialize)]
pub struct Calls {
    /// Its name in the description of the API.
    pub operation: String,
    /// Which of the cases that were counted; the usual one when nothing is said.
    #[serde(default)]
    pub case: String,
    /// The function that answers.
    pub function: String,
    /// Read units, in halves, that a list takes beyond what was counted with few entries.
    #[serde(default)]
    pub more_read_half_units: u128,
    /// How often.
    pub count: u128,
    /// A sentence that says where the number is from.
    pub why: String,
}

/// How often something happens that functions follow up.
#[derive(Debug, Clone, Deserialize)]
pub struct Happens {
    /// As it was counted.
    pub case: String,
    /// Whether it is for each district, and not for the deployment.
    #[serde(default)]
    pub each_district: bool,
    /// How often.
    pub count: u128,
    /// A sentence that says where the number is from.
    pub why: String,
}

/// What is paid for whether anybody reports or not.
#[derive(Debug, Clone, Deserialize)]
pub struct Fixed {
    /// The name of the price.
    pub price: String,
    /// How many.
    pub count: u128,
    /// A sentence that says where the number is from.
    pub why: String,
}

/// How many reports there are in a district in a month.
#[derive(Debug, Clone, Deserialize)]
pub struct Activity {
    /// In words.
    pub name: String,
    /// How many.
    pub count: u128,
    /// A sentence that says where the number is from.
    pub why: String,
}

/// How large a deployment is.
#[derive(Debug, Clone, Deserialize)]
pub struct Scale {
    /// In words.
    pub name: String,
    /// How many districts it has.
    pub districts: u128,
}

/// What happens, and what is assumed.
#[derive(Debug, Clone, Deserialize)]
pub struct Mix {
    /// The reporters of a district.
    pub reporters: Chosen,
    /// How much is reported.
    pub reports_a_month: Vec<Activity>,
    /// For how many districts it is counted.
    pub scales: Vec<Scale>,
    /// How long a function runs.
    pub durations: BTreeMap<String, Chosen>,
    /// How large things are.
    pub sizes: BTreeMap<String, Chosen>,
    /// The memory of the functions.
    pub functions_mb: BTreeMap<String, u128>,
    /// Calls for 1,000 reports.
    pub per_1000_reports: Vec<Calls>,
    /// What is followed up for 1,000 reports.
    pub following_1000_reports: Vec<Happens>,
    /// What phones ask of S3 themselves for 1,000 reports.
    pub phones_1000_reports: Vec<Fixed>,
    /// Calls that come whether anything is reported or not.
    pub per_1000_reporters_and_month: Vec<Calls>,
    /// What the clocks of a deployment start.
    pub clocks_a_month: Vec<Happens>,
    /// What a deployment costs for being there.
    pub fixed_a_month: Vec<Fixed>,
    /// How load comes together.
    pub heat: BTreeMap<String, Chosen>,
}

/// What things cost.
#[derive(Debug, Clone, Deserialize)]
pub struct Prices {
    /// The region.
    pub region: String,
    /// When the list was read.
    pub read_on: String,
    /// By name.
    pub prices: BTreeMap<String, Price>,
}

impl Prices {
    /// What so many of a thing cost.
    ///
    /// # Errors
    ///
    /// The list has no such price, or one that is none.
    pub fn of(&self, name: &str, quantity: u128) -> Result<Money, Failure> {
        self.of_parts(name, quantity, 1)
    }

    /// The same, where so many parts are one of what is paid for.
    ///
    /// # Errors
    ///
    /// As [`Prices::of`].
    pub fn of_parts(&self, name: &str, quantity: u128, parts: u128) -> Result<Money, Failure> {
        let price = self.prices.get(name).ok_or_else(|| format!("the list of prices has no {name}"))?;
        Ok(price.of_parts(quantity, parts)?)
    }
}

/// All of it.
#[derive(Debug, Clone)]
pub struct Data {
    /// What operations take.
    pub operations: Vec<Counted>,
    /// What functions take that follow from them.
    pub followers: Vec<Counted>,
    /// What happens.
    pub mix: Mix,
    /// What things cost.
    pub prices: Prices,
}

impl Data {
    /// Reads the files of this crate, with these prices where others are wanted.
    ///
    /// # Errors
    ///
    /// A file cannot be read, or is not as it should be.
    pub fn read(prices: Option<&Path>) -> Result<Self, Failure> {
        let folder = crate::report::root().join("tests/bench/data");
        Ok(Self {
            operations: read(&folder.join("operations.json"))?,
            followers: read(&folder.join("followers.json"))?,
            mix: read(&folder.join("mix.json"))?,
            prices: read(prices.unwrap_or(&folder.join("prices.json")))?,
        })
    }

    /// What one call of an operation takes.
    ///
    /// # Errors
    ///
    /// It was not counted.
    pub fn operation(&self, name: &str, case: &str) -> Result<&Counted, Failure> {
        let found = self.operations.iter().find(|row| row.operation == name && row.case == case);
        found.ok_or_else(|| format!("{name} {case:?} was not counted").into())
    }

    /// What every function does that follows from something.
    ///
    /// # Errors
    ///
    /// It was not counted.
    pub fn followers_of(&self, case: &str) -> Result<Vec<&Counted>, Failure> {
        let found: Vec<_> = self.followers.iter().filter(|row| row.case == case).collect();
        if found.is_empty() { Err(format!("what follows from {case:?} was not counted").into()) } else { Ok(found) }
    }
}

/// A number that was chosen.
///
/// # Errors
///
/// There is none of this name.
pub fn chosen(of: &BTreeMap<String, Chosen>, name: &str) -> Result<u128, Failure> {
    of.get(name).map(|chosen| chosen.count).ok_or_else(|| format!("{name} is not said").into())
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let of_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| of_file(&error))?;
    Ok(serde_json::from_str(&text).map_err(|error| of_file(&error))?)
}
