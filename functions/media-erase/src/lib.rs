//! Deletes what hangs on reports and is not erased in their own transaction, from the stream of the
//! reports: the objects of the media of a report whose content an event has erased, those of a slot
//! that ended without a report, and the texts of outcomes of which no report is left.
//!
//! An object lives as long as something in the records names it. The records are what
//! decides; this function carries it out and writes down when it was done. Deleting twice
//! does nothing more, and a record that cannot be carried out now waits in the stream.

use aws_config::SdkConfig;
use aws_lambda_events::event::{
    dynamodb::{Event as StreamEvent, EventRecord},
    streams::DynamoDbEventResponse,
};
use pingan_cloud::{Late, MediaStore};
use pingan_domain::{
    error::Error,
    media::{Erasure, MediaId},
    report::ReportId,
};
use pingan_runtime::{Environment, Failure, World, batch};
use pingan_store::{
    CursorKey, Key, Store, TableNames,
    stream::{self, ToErase},
};

/// What this function needs.
#[derive(Debug, Clone)]
pub struct MediaErase {
    /// The records.
    pub store: Store,
    /// The bucket.
    pub media: MediaStore,
    /// The time.
    pub world: World,
}

impl MediaErase {
    /// Reads `REPORTS_TABLE`, `OUTCOMES_TABLE` and `MEDIA_BUCKET`.
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            outcomes: environment.get("OUTCOMES_TABLE")?,
            reports: environment.get("REPORTS_TABLE")?,
            ..TableNames::default()
        };
        Ok(Self {
            // It pages no list, and has no key to sign cursors with.
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, CursorKey::unused()),
            media: MediaStore::new(Late::of(sdk, aws_sdk_s3::Client::new), environment.get("MEDIA_BUCKET")?),
            world: World::real(),
        })
    }

    /// Carries out every record of a batch.
    pub async fn handle(&self, batch: StreamEvent) -> DynamoDbEventResponse {
        batch::in_order(batch, |record| self.take(record)).await
    }

    async fn take(&self, record: EventRecord) -> Result<(), Error> {
        match stream::to_erase(&record) {
            None => Ok(()),
            Some(ToErase::ContentOf(report)) => {
                self.erase_outcome_texts_of(report).await?;
                self.erase_media_of(report).await
            }
            Some(ToErase::OutcomeTextsOf(report)) => self.erase_outcome_texts_of(report).await,
            Some(ToErase::Slot(media)) => self.erase_slot(media).await,
        }
    }

    async fn erase_slot(&self, media: MediaId) -> Result<(), Error> {
        // The same key makes the same id: a slot that was announced again while the stream
        // was behind is another one, and its objects are not those of the one that ended.
        if self.store.load([Key::Media(media)]).await?.media(media)?.is_some() {
            return Ok(());
        }
        self.media.erase(media).await?;
        tracing::info!(media.id = %media, "the objects of a slot are gone");
        Ok(())
    }

    async fn erase_outcome_texts_of(&self, id: ReportId) -> Result<(), Error> {
        let erased = self.store.erase_outcome_notes(id).await?;
        if erased > 0 {
            tracing::info!(report.id = %id, outcomes.erased = erased, "the texts of outcomes are gone with their reports");
        }
        Ok(())
    }

    async fn erase_media_of(&self, id: ReportId) -> Result<(), Error> {
        let Some(report) = self.store.load([Key::Report(id)]).await?.report(id)? else { return Ok(()) };
        for media in report.erased_media {
            self.media.erase(media).await?;
            self.store.media_erased(id, &Erasure { media, at: self.world.now() }).await?;
            tracing::info!(media.id = %media, "a medium was erased with its report");
        }
        Ok(())
    }
}
