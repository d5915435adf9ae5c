//! What the deployed function needs, from its environment.

use aws_config::SdkConfig;
use jiff::tz::TimeZone;
use pingan_cloud::{Links, Notices};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Store, TableNames};

use crate::Notify;

impl Notify {
    /// Reads `MEMBERS_TABLE`, `NOTICES_TOPIC_ARN`, `LINK_BASE`, `TASK_LINK_BASE` and
    /// `BRIEFING_LINK_BASE` (none: no link) and `TIME_ZONE` (default `Asia/Shanghai`).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames { members: environment.get("MEMBERS_TABLE")?, ..TableNames::default() };
        let topic = environment.get("NOTICES_TOPIC_ARN")?;
        let links = Links {
            reports: environment.get("LINK_BASE")?,
            tasks: environment.get_or("TASK_LINK_BASE", ""),
            briefings: environment.get_or("BRIEFING_LINK_BASE", ""),
        };
        Ok(Self {
            // It pages no list, and has no key to sign cursors with.
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, CursorKey::unused()),
            notices: Notices::new(aws_sdk_sns::Client::new(sdk), topic, links),
            world: World::real(),
            time_zone: TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?,
        })
    }
}
