//! Members.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use pingan_domain::{error::Error, member::Member};

use crate::{Store, fault::fault, item::encode, keys::Key};

impl Store {
    /// Adds a member; one that is there already is left as it is. Says whether it is new.
    pub async fn add_member(&self, member: &Member) -> Result<bool, Error> {
        let key = Key::Member(member.id.clone());
        let put = self
            .client
            .put_item()
            .table_name(self.tables.of(key.table()))
            .set_item(Some(encode(&key, member)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match put {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(error.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_))) =>
            {
                Ok(false)
            }
            Err(error) => Err(fault("PutItem", &error)),
        }
    }

    /// Replaces a member's record.
    pub async fn replace_member(&self, member: &Member) -> Result<(), Error> {
        let key = Key::Member(member.id.clone());
        self.client
            .put_item()
            .table_name(self.tables.of(key.table()))
            .set_item(Some(encode(&key, member)?))
            .condition_expression("attribute_exists(pk)")
            .send()
            .await
            .map_err(|error| fault("PutItem", &error))?;
        Ok(())
    }
}
