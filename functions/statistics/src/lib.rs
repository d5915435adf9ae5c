//! The statistics of a node, by day, month or year.
//!
//! | to change … | go to |
//! |---|---|
//! | how they are read | [`reading`] |
//! | what the API shows | [`views`] |
//! | what is counted, and what is suppressed | `pingan_domain::tally`, `pingan_domain::statistics` |

mod reading;
mod views;

use aws_config::SdkConfig;
use jiff::tz::TimeZone;
use pingan_domain::member::Role;
use pingan_http::{Operations, operations, routes};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Store, TableNames};

/// The roles that read statistics in their territory.
const READERS: [Role; 4] = [Role::Officer, Role::StationManager, Role::DistrictManager, Role::Auditor];

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// The records.
    pub store: Store,
    /// The time.
    pub world: World,
    /// The district's time zone, which decides what today is.
    pub time_zone: TimeZone,
}

impl Statistics {
    /// Reads `MEMBERS_TABLE`, `TALLIES_TABLE` and `TIME_ZONE` (default `Asia/Shanghai`).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            members: environment.get("MEMBERS_TABLE")?,
            tallies: environment.get("TALLIES_TABLE")?,
            ..TableNames::default()
        };
        Ok(Self {
            // It pages no list, and has no key to sign cursors with.
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, CursorKey::unused()),
            world: World::real(),
            time_zone: TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?,
        })
    }
}

/// The operations of this function.
pub fn router(statistics: Statistics) -> Operations {
    let operations = Operations::new().routes(routes!(reading::read_statistics)).with_state(statistics);
    operations::finish("statistics", operations)
}
