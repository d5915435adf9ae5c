//! Sends notices to the channels of those whom they are for, from the stream of the notices.
//!
//! A notice is written in the same transaction as what it tells of, so that nothing happens
//! unannounced and nothing is announced that did not happen; this function only carries it
//! further. Records are taken in order; when SNS is down, the record and those after it wait
//! in the stream. A notice may go out twice, with the same deduplication key, but never not
//! at all, and it stands in the inbox whatever becomes of it here.

mod environment;

use aws_lambda_events::event::{
    dynamodb::{Event as StreamEvent, EventRecord},
    streams::DynamoDbEventResponse,
};
use jiff::tz::TimeZone;
use pingan_cloud::Notices;
use pingan_domain::{
    error::Error,
    member::{MemberId, MemberState},
    notice::{Audience, Notice},
};
use pingan_runtime::{World, batch};
use pingan_store::{Key, Store, stream};

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Notify {
    /// The records.
    pub store: Store,
    /// The topic, and the devices.
    pub notices: Notices,
    /// The time.
    pub world: World,
    /// The district's time zone, for quiet hours.
    pub time_zone: TimeZone,
}

impl Notify {
    /// Sends every new notice of a batch.
    pub async fn handle(&self, batch: StreamEvent) -> DynamoDbEventResponse {
        batch::in_order(batch, |record| self.take(record)).await
    }

    async fn take(&self, record: EventRecord) -> Result<(), Error> {
        let Some(notice) = stream::inserted_notice(record)? else { return Ok(()) };
        let hour = self.world.now().to_zoned(self.time_zone.clone()).hour().unsigned_abs();
        self.notices.send(&notice, hour).await?;
        if let Audience::Member { member } = &notice.to {
            self.push(&notice, member, hour).await?;
        }
        Ok(())
    }

    /// Sends it to the device of a member who has one and does not sleep.
    async fn push(&self, notice: &Notice, member: &MemberId, hour: u8) -> Result<(), Error> {
        let profile = self.store.load([Key::Member(member.clone())]).await?.profile(member)?;
        let active = profile.filter(|profile| profile.member.state == MemberState::Active);
        let Some(channel) = active.and_then(|profile| profile.channel) else { return Ok(()) };
        let Some(endpoint) = channel.endpoint else { return Ok(()) };
        if channel.quiet_hours.let_through(notice.urgency, hour) && !self.notices.push(notice, &endpoint).await? {
            tracing::info!(notice.key = notice.deduplication_key, "the device is not reachable any more");
        }
        Ok(())
    }
}
