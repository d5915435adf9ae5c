//! Makes the files of exports, from the stream of the documents.
//!
//! An export that is asked for is a record; its record in the stream has the file made. The file
//! is written first, under a key that depends on the export alone, and then the record says that
//! it can be fetched. A crash in between makes it once more.
//!
//! | to change … | go to |
//! |---|---|
//! | what can be asked for, and by whom | `shared/domain/src/export.rs` |
//! | what is shown to whom | `shared/domain/src/suppression.rs`, `shared/domain/src/grid.rs` |
//! | the file for spreadsheets | [`table`] |
//! | the file for maps | [`map`] |

mod map;
mod table;

use aws_config::SdkConfig;
use aws_lambda_events::event::{
    dynamodb::{Event as StreamEvent, EventRecord},
    streams::DynamoDbEventResponse,
};
use jiff::tz::TimeZone;
use pingan_cloud::{DocumentStore, Late};
use pingan_domain::{
    district::District,
    error::Error,
    export::{EXPORTERS, ExportId, ExportRecord, ExportState, Format, file_key, nodes_of},
    life::Stage,
    member::Member,
    statistics::By,
    tally::begins,
};
use pingan_runtime::{Environment, Failure, World, batch};
use pingan_store::{CursorKey, Key, Store, TableNames, documents::DocumentCommitError, stream};

/// How often a change of a record begins again before the stream brings it back.
const MAX_TRIES: usize = 5;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct ExportJob {
    /// The records.
    pub store: Store,
    /// The bucket.
    pub documents: DocumentStore,
    /// The time.
    pub world: World,
    /// The time zone of the districts, by which days go.
    pub time_zone: TimeZone,
}

impl ExportJob {
    /// Reads `DOCUMENTS_TABLE`, `MEMBERS_TABLE`, `REPORTS_TABLE`, `TALLIES_TABLE`, `MEDIA_BUCKET`
    /// and `TIME_ZONE` (default `Asia/Shanghai`).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            documents: environment.get("DOCUMENTS_TABLE")?,
            members: environment.get("MEMBERS_TABLE")?,
            reports: environment.get("REPORTS_TABLE")?,
            tallies: environment.get("TALLIES_TABLE")?,
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

    /// Makes what a batch of the stream asks for.
    pub async fn handle(&self, batch: StreamEvent) -> DynamoDbEventResponse {
        batch::in_order(batch, |record| self.take(record)).await
    }

    async fn take(&self, record: EventRecord) -> Result<(), Error> {
        let Some(id) = stream::to_export(&record) else { return Ok(()) };
        let Err(error) = self.make(id).await else { return Ok(()) };
        // Who asked sees that it is not there; the stream brings what may pass back.
        if let Err(unsaid) = self.change(id, ExportRecord::failed).await {
            tracing::warn!(export.id = %id, error.why = %unsaid, "that an export failed could not be said");
        }
        match error {
            // Who asked may not act any more, or not there.
            Error::Refused(_) | Error::NotFound => {
                tracing::info!(export.id = %id, error.why = %error, "an export is not made");
                Ok(())
            }
            error => Err(error),
        }
    }

    async fn make(&self, id: ExportId) -> Result<(), Error> {
        let Some(record) = self.store.load([Key::Export(id)]).await?.export(id)? else { return Ok(()) };
        if record.state == ExportState::Ready {
            return Ok(());
        }
        // What the reader may see by now decides, and not what it was when it was asked for.
        let keys = [Key::Member(record.requested_by.clone()), Key::District(record.district.clone())];
        let loaded = self.store.load(keys).await?;
        let reader = loaded.actor(&record.requested_by)?.acting_as_any(&EXPORTERS)?;
        let district = loaded.district(&record.district)?.ok_or(Error::NotFound)?;
        if !reader.node.contains(&record.of) {
            return Err(Error::NotFound);
        }
        let file = match record.format {
            Format::Csv => self.table(&record, &reader, &district).await?,
            Format::GeoJson => self.map(&record, &reader).await?,
        };
        let size_bytes = file.len() as u64;
        self.documents.put(&file_key(id, record.format), record.format.content_type(), file).await?;
        let now = self.world.now();
        self.change(id, |before| before.made(size_bytes, now)).await?;
        tracing::info!(export.id = %id, "an export can be fetched");
        Ok(())
    }

    async fn table(&self, record: &ExportRecord, reader: &Member, district: &District) -> Result<Vec<u8>, Error> {
        let nodes = nodes_of(district, &record.of);
        let by = record.by.unwrap_or(By::Month);
        let rows = self.store.statistics(district, &nodes, (record.period(), by), reader).await?;
        table::csv(&rows, |node| district.name_of(node).map(|name| name.zh_cn.clone()).unwrap_or_default())
    }

    async fn map(&self, record: &ExportRecord, reader: &Member) -> Result<Vec<u8>, Error> {
        let tomorrow = record.to.tomorrow().map_err(|error| Error::Internal(error.to_string()))?;
        let times = (begins(record.from, &self.time_zone)?, begins(tomorrow, &self.time_zone)?);
        // An auditor sees what the district does.
        let stage = reader.role.stage().unwrap_or(Stage::District);
        let spots = self.store.spots(&record.of, times, stage).await?;
        map::geojson(record, &spots)
    }

    /// Changes the record of an export as it stands; nothing when there is nothing to change.
    async fn change(&self, id: ExportId, changed: impl Fn(&ExportRecord) -> Option<ExportRecord>) -> Result<(), Error> {
        for _ in 0..MAX_TRIES {
            let before = self.store.load([Key::Export(id)]).await?.export(id)?;
            let Some((before, after)) = before.and_then(|before| changed(&before).map(|after| (before, after))) else {
                return Ok(());
            };
            match self.store.change_export(&before, &after).await {
                Ok(()) => return Ok(()),
                Err(DocumentCommitError::Failed(error)) => return Err(error),
                Err(DocumentCommitError::Stale) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}
