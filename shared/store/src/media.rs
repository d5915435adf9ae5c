//! Media records.

use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use pingan_domain::{
    error::Error,
    media::{Media, MediaId, MediaState},
};

use crate::{
    Store,
    fault::fault,
    item::{EXPIRES_AT, decode, encode, key_attributes},
    keys::{Key, Table},
};

/// How long a medium that no report takes is kept, in hours.
const UNATTACHED_HOURS: i64 = 24;

impl Store {
    /// Keeps what a phone has announced. Announcing the same again gives the record that
    /// is there; announcing something else under the same key is [`Error::KeyReused`].
    pub async fn announce_media(&self, media: &Media) -> Result<Media, Error> {
        let key = Key::Media(media.id);
        let mut item = encode(&key, media)?;
        let expires = media.created_at.as_second() + UNATTACHED_HOURS * 3_600;
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
        let existing: Media = decode(&key, item)?;
        if existing.owner == media.owner && existing.announced == media.announced {
            Ok(existing)
        } else {
            Err(Error::KeyReused)
        }
    }

    /// Keeps the intake's verdict. The first verdict stands: says whether this was it.
    pub async fn judge_media(&self, id: MediaId, verdict: &MediaState) -> Result<bool, Error> {
        let verdict = serde_dynamo::to_attribute_value(verdict).map_err(|error| Error::Internal(error.to_string()))?;
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
        match update {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(error.as_service_error(), Some(UpdateItemError::ConditionalCheckFailedException(_))) =>
            {
                Ok(false)
            }
            Err(error) => Err(fault("UpdateItem", &error)),
        }
    }
}
