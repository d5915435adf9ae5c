//! Media records.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::{
        put_item::PutItemError,
        transact_write_items::TransactWriteItemsError,
        update_item::{UpdateItemError, UpdateItemOutput},
    },
    types::{AttributeValue, CancellationReason, ReturnValuesOnConditionCheckFailure},
};
use pingan_domain::{
    error::Error,
    media::{Erasure, Media, MediaId, MediaState},
    report::ReportId,
};

use crate::{
    Store, attributes,
    fault::fault,
    item::{EXPIRES_AT, decode, encode, key_attributes},
    keys::{Key, Table},
    reports::{delete, put},
};

/// How long the record of a slot outlives it, in seconds: longer than an intake that began in
/// its last moment works, so that what that has written goes with the record.
const AFTERMATH_SECONDS: i64 = 3_600;

impl Store {
    /// Keeps what a phone has announced. Announcing the same again gives the record that
    /// is there; announcing something else under the same key is [`Error::KeyReused`].
    pub async fn announce_media(&self, media: &Media) -> Result<Media, Error> {
        let key = Key::Media(media.id);
        let mut item = encode(&key, media)?;
        let expires = media.ends_at().as_second() + AFTERMATH_SECONDS;
        item.insert(EXPIRES_AT.to_owned(), AttributeValue::N(expires.to_string()));
        let put = self
            .client
            .put_item()
            .table_name(self.tables.of(Table::Reports))
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else { return Ok(media.clone()) };
        let Some(PutItemError::ConditionalCheckFailedException(taken)) = error.as_service_error() else {
            return Err(fault("PutItem", &error));
        };
        let item =
            taken.item().cloned().ok_or_else(|| Error::Internal("the taken item was not returned".to_owned()))?;
        let existing: Media = decode(&key, &item)?;
        if existing.owner == media.owner && existing.announced == media.announced {
            Ok(existing)
        } else {
            Err(Error::KeyReused)
        }
    }

    /// Keeps the intake's verdict. The first verdict stands: says whether this was it.
    pub async fn judge_media(&self, id: MediaId, verdict: &MediaState) -> Result<bool, Error> {
        let verdict = attributes::to_attribute(verdict).map_err(|error| Error::Internal(error.to_string()))?;
        let update = self
            .client
            .update_item()
            .table_name(self.tables.of(Table::Reports))
            .set_key(Some(key_attributes(&Key::Media(id))))
            .update_expression("SET #state = :verdict")
            .condition_expression("#state.#state = :pending")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":verdict", verdict)
            .expression_attribute_values(":pending", AttributeValue::S("pending".to_owned()))
            .send()
            .await;
        stands(update)
    }

    /// Names another upload in parts in the place of `old`, which is not there any more, for a
    /// medium that still waits for one. Says whether nobody else was faster: neither another
    /// phone nor the intake, whose verdict comes before it clears the upload away.
    pub async fn replace_multipart(&self, id: MediaId, old: &str, new: &str) -> Result<bool, Error> {
        let update = self
            .client
            .update_item()
            .table_name(self.tables.of(Table::Reports))
            .set_key(Some(key_attributes(&Key::Media(id))))
            .update_expression("SET multipart = :new")
            .condition_expression("multipart = :old AND #state.#state = :pending")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":pending", AttributeValue::S("pending".to_owned()))
            .expression_attribute_values(":old", AttributeValue::S(old.to_owned()))
            .expression_attribute_values(":new", AttributeValue::S(new.to_owned()))
            .send()
            .await;
        stands(update)
    }

    /// Writes down that the objects of a medium were deleted with its report, and forgets the
    /// medium. The first time stands.
    pub async fn media_erased(&self, report: ReportId, erasure: &Erasure) -> Result<(), Error> {
        let table = self.tables.of(Table::Reports);
        let item = encode(&Key::Erasure(report, erasure.media), erasure)?;
        let items =
            vec![put(table, item, Some("attribute_not_exists(pk)"), &[])?, delete(table, &Key::Media(erasure.media))?];
        match self.client.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled))
                    if cancelled.cancellation_reasons().first().and_then(CancellationReason::code)
                        == Some("ConditionalCheckFailed") =>
                {
                    Ok(())
                }
                _ => Err(fault("TransactWriteItems", &error)),
            },
        }
    }
}

/// Whether the condition of an update held.
fn stands<R: std::fmt::Debug>(update: Result<UpdateItemOutput, SdkError<UpdateItemError, R>>) -> Result<bool, Error> {
    match update {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.as_service_error(), Some(UpdateItemError::ConditionalCheckFailedException(_))) => {
            Ok(false)
        }
        Err(error) => Err(fault("UpdateItem", &error)),
    }
}
