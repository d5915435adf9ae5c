//! Batches of stream records, taken in order.

use aws_lambda_events::event::{
    dynamodb::{Event, EventRecord},
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};

/// Hands the records of a batch to `handle` one by one, in order. At the first that
/// fails, that record and those after it are given back: Lambda sends them again, so that
/// nothing is dropped and nothing overtakes.
pub async fn in_order<F, Fut, E>(event: Event, handle: F) -> DynamoDbEventResponse
where
    F: Fn(EventRecord) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let mut response = DynamoDbEventResponse::default();
    for record in event.records {
        let sequence_number = record.change.sequence_number.clone();
        if let Err(error) = handle(record).await {
            tracing::warn!(stream.sequence_number = ?sequence_number, error.why = %error, "record given back");
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = sequence_number;
            response.batch_item_failures.push(failure);
            break;
        }
    }
    response
}
