//! The workflow of a deployed function, from its environment.

use std::sync::Arc;

use aws_config::SdkConfig;
use jiff::tz::TimeZone;
use pingan_domain::{calendar::Policy, media::MediaLimits};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Store, TableNames};

use crate::Workflow;

impl Workflow {
    /// Reads `MEMBERS_TABLE`, `REPORTS_TABLE`, `NOTICES_TABLE` (none for a function that tells
    /// nobody anything), `TASKS_TABLE` (none for a function that has nothing to do with tasks), likewise
    /// `HANDOVERS_TABLE`, `OUTCOMES_TABLE` and `REWARDS_TABLE`, `CURSOR_KEY` (at least 16 characters), `TIME_ZONE` (default
    /// `Asia/Shanghai`), `POLICY` (the file of the calendar and the hours, as JSON) and
    /// `MEDIA_LIMITS` (JSON); what the last two do not say keeps its default.
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        // These functions touch no identity, and are not told where identities are.
        let tables = TableNames {
            handovers: environment.get_or("HANDOVERS_TABLE", ""),
            members: environment.get("MEMBERS_TABLE")?,
            notices: environment.get_or("NOTICES_TABLE", ""),
            outcomes: environment.get_or("OUTCOMES_TABLE", ""),
            reports: environment.get("REPORTS_TABLE")?,
            rewards: environment.get_or("REWARDS_TABLE", ""),
            tasks: environment.get_or("TASKS_TABLE", ""),
            ..TableNames::default()
        };
        let cursor_key = CursorKey::new(environment.get("CURSOR_KEY")?.into_bytes())?;
        let time_zone = TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?;
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, cursor_key),
            world: World::real(),
            policy: Arc::new(Policy::parse(&environment.get_or("POLICY", "{}"), time_zone)?),
            media_limits: MediaLimits::parse(&environment.get_or("MEDIA_LIMITS", "{}"))?,
        })
    }
}
