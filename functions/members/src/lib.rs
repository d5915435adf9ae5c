//! Members: managing them, who they are in life, how they are told, and the lists of their district.
//!
//! | to change … | go to |
//! |---|---|
//! | how memberships are listed, read and changed | [`managing`] |
//! | who is absent, and who stands in | [`absences`] |
//! | who sees an identity | [`identities`] |
//! | how people are told, and their inboxes | [`channels`] |
//! | a district's lists and its coverage | [`districts`] |
//! | what the API shows | [`views`] and `shared/membership` |
//!
//! How people become members is for the function `recruiting`.

mod absences;
mod channels;
mod districts;
mod identities;
mod managing;
mod views;

use aws_config::SdkConfig;
use pingan_cloud::{Channels, Late};
use pingan_domain::error::Error;
use pingan_http::{Operations, operations, routes};
use pingan_membership::Registry;
use pingan_runtime::{Environment, Failure};
use pingan_store::TableNames;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Members {
    /// The register of members.
    pub registry: Registry,
    /// The channels by which people are told.
    pub channels: Channels,
    /// How long an identity is kept after its member has left, in days.
    pub retention_days: u16,
}

/// The operations of this function.
pub fn router(members: Members) -> Operations {
    let operations = Operations::new()
        .routes(routes!(districts::read_district, districts::put_district))
        .routes(routes!(districts::read_coverage))
        .routes(routes!(managing::list_members))
        .routes(routes!(managing::read_me))
        .routes(routes!(managing::read_member))
        .routes(routes!(managing::read_member_history))
        .routes(routes!(managing::change_member))
        .routes(routes!(absences::put_absence, absences::end_absence))
        .routes(routes!(identities::read_identity))
        .routes(routes!(identities::put_payment))
        .routes(routes!(channels::read_channel, channels::choose_channel))
        .routes(routes!(channels::read_inbox))
        .with_state(members);
    operations::finish("members", operations)
}

impl Members {
    /// Reads what [`Registry::from_environment`] reads, `TASKS_TABLE`, `NOTICES_TOPIC_ARN`, `PLATFORM_APPLICATIONS` (none:
    /// no devices) and `RETENTION_DAYS` (default 180).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames { tasks: environment.get("TASKS_TABLE")?, ..TableNames::default() };
        let retention_days = environment.get_or("RETENTION_DAYS", "180");
        let retention_days =
            retention_days.parse().map_err(|_| Error::Internal("RETENTION_DAYS is not a number of days".to_owned()))?;
        let topic = environment.get("NOTICES_TOPIC_ARN")?;
        let applications = environment.get_or("PLATFORM_APPLICATIONS", "");
        Ok(Self {
            registry: Registry::from_environment(environment, sdk, tables)?,
            channels: Channels::new(Late::of(sdk, aws_sdk_sns::Client::new), topic, &applications)?,
            retention_days,
        })
    }
}
