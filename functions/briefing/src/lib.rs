//! Makes the briefings of districts: orders one for each district when the week is over, and
//! makes what was ordered, by the clock or by a district manager, from the stream of the documents.
//!
//! An order is a record; its record in the stream has it made. The documents are written first,
//! under keys that depend on the briefing alone, and then the record says that it can be read and
//! the notices stand in the inboxes, in one transaction. A crash in between makes them once more.
//!
//! | to change … | go to |
//! |---|---|
//! | what a briefing is made from | [`facts`] |
//! | what it says | `shared/domain/src/briefing.rs` |
//! | how it looks | `shared/briefing` |

mod facts;

use aws_config::SdkConfig;
use aws_lambda_events::event::{
    dynamodb::{Event as StreamEvent, EventRecord},
    streams::DynamoDbEventResponse,
};
use jiff::tz::TimeZone;
use pingan_briefing::{json, page};
use pingan_cloud::{DocumentStore, Late};
use pingan_domain::{
    briefing::{
        Audience, BriefingId, BriefingRecord, BriefingState, Document, Language, Origin, Period, compose, document_key,
    },
    error::Error,
    named::Named as _,
    territory::NodeId,
};
use pingan_runtime::{Environment, Failure, World, batch};
use pingan_store::{CursorKey, Key, Store, TableNames, documents::DocumentCommitError, stream};

/// How many codes are tried for the briefing of a week.
const MAX_CODES: u8 = 8;
/// How often a change of a record begins again before the stream brings it back.
const MAX_TRIES: usize = 5;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct BriefingJob {
    /// The records.
    pub store: Store,
    /// The bucket.
    pub documents: DocumentStore,
    /// The time.
    pub world: World,
    /// The time zone of the districts, by which days go.
    pub time_zone: TimeZone,
}

impl BriefingJob {
    /// Reads `DOCUMENTS_TABLE`, `MEMBERS_TABLE`, `NOTICES_TABLE`, `REPORTS_TABLE`, `TALLIES_TABLE`,
    /// `TASKS_TABLE`, `MEDIA_BUCKET` and `TIME_ZONE` (default `Asia/Shanghai`).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            documents: environment.get("DOCUMENTS_TABLE")?,
            members: environment.get("MEMBERS_TABLE")?,
            notices: environment.get("NOTICES_TABLE")?,
            reports: environment.get("REPORTS_TABLE")?,
            tallies: environment.get("TALLIES_TABLE")?,
            tasks: environment.get("TASKS_TABLE")?,
            ..TableNames::default()
        };
        Ok(Self {
            // Its cursors never leave it.
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, CursorKey::unused()),
            documents: DocumentStore::new(Late::of(sdk, aws_sdk_s3::Client::new), environment.get("MEDIA_BUCKET")?),
            world: World::real(),
            time_zone: TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?,
        })
    }

    /// Orders the briefing on the last whole week for every district. A second time orders
    /// nothing more: the code is made from the district and the week.
    pub async fn order_weekly(&self) -> Result<(), Error> {
        let now = self.world.now();
        let period = Period::last_week(now, &self.time_zone)?;
        let mut failed = None;
        for district in self.store.districts().await? {
            // A district whose order fails does not keep the others from theirs.
            match self.order(&district, period).await {
                Ok(id) => tracing::info!(briefing.id = %id, district = %district, "a weekly briefing is ordered"),
                Err(error) => {
                    tracing::warn!(district = %district, error.why = %error, "a weekly briefing is not ordered");
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn order(&self, district: &NodeId, period: Period) -> Result<BriefingId, Error> {
        for attempt in 0..MAX_CODES {
            let record = BriefingRecord::weekly(district.clone(), period, attempt, self.world.now());
            match self.store.add_briefing(&record).await {
                Ok(()) => return Ok(record.id),
                Err(DocumentCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
            let there = self.store.load([Key::Briefing(record.id)]).await?.briefing(record.id)?;
            let same = |there: &BriefingRecord| {
                there.origin == Origin::Weekly && there.district == *district && there.period == period
            };
            if there.is_some_and(|there| same(&there)) {
                return Ok(record.id);
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Makes what a batch of the stream has ordered.
    pub async fn handle(&self, batch: StreamEvent) -> DynamoDbEventResponse {
        batch::in_order(batch, |record| self.take(record)).await
    }

    async fn take(&self, record: EventRecord) -> Result<(), Error> {
        let Some(id) = stream::to_brief(&record) else { return Ok(()) };
        let made = self.make(id).await;
        if made.is_err() {
            // Its readers see that it is not there; the stream brings the order back.
            self.say_failed(id).await;
        }
        made
    }

    async fn make(&self, id: BriefingId) -> Result<(), Error> {
        let Some(record) = self.store.load([Key::Briefing(id)]).await?.briefing(id)? else { return Ok(()) };
        if record.state == BriefingState::Ready {
            return Ok(());
        }
        let district = self.store.load([Key::District(record.district.clone())]).await?.district(&record.district)?;
        let district = district.ok_or_else(|| Error::Internal(format!("{} has no lists", record.district)))?;
        let now = self.world.now();
        let facts = Box::pin(facts::load(self, &record, &district, now)).await?;
        for audience in Audience::ALL {
            let briefing = compose(&facts, *audience)?;
            let key = |document| document_key(id, *audience, document);
            self.documents.put(&key(Document::Json), "application/json", json(&briefing)?).await?;
            for language in Language::ALL {
                let page = page(&briefing, *language)?.into_bytes();
                self.documents.put(&key(Document::Page(*language)), "text/html; charset=utf-8", page).await?;
            }
        }
        let mut before = record;
        for _ in 0..MAX_TRIES {
            let Some(after) = before.made(now) else { return Ok(()) };
            match self.store.announce_briefing(&before, &after, &district, now).await {
                Ok(()) => {
                    tracing::info!(briefing.id = %id, "a briefing can be read");
                    return Ok(());
                }
                Err(DocumentCommitError::Failed(error)) => return Err(error),
                // Somebody else has made it or said that it failed.
                Err(_) => match self.store.load([Key::Briefing(id)]).await?.briefing(id)? {
                    Some(newest) => before = newest,
                    None => return Ok(()),
                },
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Says that a briefing could not be made. Where that cannot be said either, it stays as it
    /// was: what counts is the failure itself.
    async fn say_failed(&self, id: BriefingId) {
        let said = async {
            let before = self.store.load([Key::Briefing(id)]).await?.briefing(id)?;
            let Some((before, after)) = before.and_then(|before| before.failed().map(|after| (before, after))) else {
                return Ok(());
            };
            match self.store.change_briefing(&before, &after).await {
                Ok(()) | Err(DocumentCommitError::Stale) => Ok(()),
                Err(DocumentCommitError::Failed(error)) => Err(error),
            }
        };
        if let Err(error) = said.await {
            tracing::warn!(briefing.id = %id, error.why = %error, "that a briefing failed could not be said");
        }
    }
}
