//! Tells the next reviewers and the reporter, from the stream of the reports table.
//!
//! Only inserted events drive it: an event is written in the same transaction as what it
//! tells of, so that nothing happens unannounced and nothing is announced that did not
//! happen. Records are taken in order; when SNS is down, the record and those after it
//! wait in the stream. A notice may go out twice, with the same deduplication key, but
//! never not at all.

use aws_lambda_events::event::{
    dynamodb::{Event as StreamEvent, EventRecord},
    streams::DynamoDbEventResponse,
};
use pingan_cloud::Notices;
use pingan_domain::{error::Error, notice::notices};
use pingan_runtime::batch;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Notify {
    /// The topic.
    pub notices: Notices,
}

impl Notify {
    /// Sends the notices of every event in a batch.
    pub async fn handle(&self, batch: StreamEvent) -> DynamoDbEventResponse {
        batch::in_order(batch, |record| self.take(record)).await
    }

    async fn take(&self, record: EventRecord) -> Result<(), Error> {
        let Some(event) = pingan_store::stream::inserted_event(record)? else { return Ok(()) };
        for notice in notices(&event) {
            self.notices.send(&notice, event.report).await?;
        }
        Ok(())
    }
}
