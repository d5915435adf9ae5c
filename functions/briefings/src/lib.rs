//! Briefings as people get them: asked for, listed, read, commented on, acknowledged.
//!
//! | to change … | go to |
//! |---|---|
//! | how one is asked for, commented on and acknowledged | [`responding`] |
//! | how they are listed and read | [`reading`] |
//! | what the API shows | [`views`] |

mod reading;
mod responding;
mod views;

use aws_config::SdkConfig;
use jiff::tz::TimeZone;
use pingan_cloud::{DocumentStore, Late};
use pingan_domain::{
    briefing::{BriefingId, BriefingRecord},
    error::Error,
    member::{Member, MemberId, Role},
    territory::NodeId,
};
use pingan_http::{Operations, operations, routes};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Key, Loaded, Store, TableNames};

/// How often a command begins again before it gives up with [`Error::Busy`].
const MAX_TRIES: usize = 20;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Briefings {
    /// The records.
    pub store: Store,
    /// The bucket.
    pub documents: DocumentStore,
    /// The time.
    pub world: World,
    /// The time zone of the districts, by which days go.
    pub time_zone: TimeZone,
}

impl Briefings {
    /// Reads `MEMBERS_TABLE`, `DOCUMENTS_TABLE`, `MEDIA_BUCKET`, `CURSOR_KEY` (at least 16 characters)
    /// and `TIME_ZONE` (default `Asia/Shanghai`).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            documents: environment.get("DOCUMENTS_TABLE")?,
            members: environment.get("MEMBERS_TABLE")?,
            ..TableNames::default()
        };
        let cursor_key = CursorKey::new(environment.get("CURSOR_KEY")?.into_bytes())?;
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, cursor_key),
            documents: DocumentStore::new(Late::of(sdk, aws_sdk_s3::Client::new), environment.get("MEDIA_BUCKET")?),
            world: World::real(),
            time_zone: TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?,
        })
    }

    /// Loads who acts and a briefing of this district, with these further items.
    async fn load(
        &self,
        actor: &MemberId,
        district: &NodeId,
        id: BriefingId,
        roles: &[Role],
        others: impl IntoIterator<Item = Key>,
    ) -> Result<(Loaded, Member, BriefingRecord), Error> {
        let keys = [Key::Member(actor.clone()), Key::Briefing(id)].into_iter().chain(others);
        let loaded = self.store.load(keys).await?;
        let actor = loaded.actor(actor)?.acting_as_any(roles)?;
        let record = loaded
            .briefing(id)?
            .filter(|record| record.district == *district && district.contains(&actor.node))
            .ok_or(Error::NotFound)?;
        Ok((loaded, actor, record))
    }
}

/// The operations of this function.
pub fn router(briefings: Briefings) -> Operations {
    let operations = Operations::new()
        .routes(routes!(responding::request_briefing, reading::list_briefings))
        .routes(routes!(reading::read_briefing))
        .routes(routes!(reading::read_briefing_document))
        .routes(routes!(responding::comment_on_briefing))
        .routes(routes!(responding::acknowledge_briefing))
        .with_state(briefings);
    operations::finish("briefings", operations)
}
