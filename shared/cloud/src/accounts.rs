//! The accounts with which members sign in: users of the deployment's own Cognito pool, or
//! accounts of an issuer outside, which this platform neither makes nor ends.

use aws_sdk_cognitoidentityprovider::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeType, DeliveryMediumType, MessageActionType},
};
use pingan_domain::{
    error::{Error, Refusal},
    member::MemberId,
};

use crate::{fault::fault, late::Late};

/// Codes of Cognito after which the same request may well succeed a moment later.
const PASSING: [&str; 4] =
    ["TooManyRequestsException", "LimitExceededException", "InternalErrorException", "ThrottlingException"];

/// The sign-in accounts. Everything can be repeated: once more changes nothing.
#[derive(Debug, Clone)]
pub enum Accounts {
    /// Users of a Cognito pool; a user's name is the member's id.
    Cognito {
        /// Cognito.
        client: Late<Client>,
        /// The pool.
        pool: String,
    },
    /// Accounts of an issuer outside: invitations link them, and nothing is done here.
    Outside,
}

impl Accounts {
    /// The users of this pool.
    pub fn cognito(client: impl Into<Late<Client>>, pool: String) -> Self {
        Self::Cognito { client: client.into(), pool }
    }

    /// Whether members' accounts are made here.
    pub fn are_ours(&self) -> bool {
        matches!(self, Self::Cognito { .. })
    }

    /// Makes the user of a member who signs in by this number; `tell` has Cognito send the
    /// first password there. One that is there already gets the number and is not told again.
    pub async fn create(&self, member: &MemberId, phone_e164: &str, tell: bool) -> Result<(), Error> {
        let Self::Cognito { client, pool } = self else { return Ok(()) };
        let attributes = [attribute("phone_number", phone_e164)?, attribute("phone_number_verified", "true")?];
        let mut request = client
            .admin_create_user()
            .user_pool_id(pool)
            .username(member.as_str())
            .set_user_attributes(Some(attributes.to_vec()));
        request = if tell {
            request.desired_delivery_mediums(DeliveryMediumType::Sms)
        } else {
            request.message_action(MessageActionType::Suppress)
        };
        let Err(error) = request.send().await else { return Ok(()) };
        match error.code() {
            Some("UsernameExistsException") => {}
            Some("AliasExistsException") => return Err(Refusal::PhoneTaken.into()),
            _ => return Err(fault("AdminCreateUser", &error, &PASSING)),
        }
        client
            .admin_update_user_attributes()
            .user_pool_id(pool)
            .username(member.as_str())
            .set_user_attributes(Some(attributes.to_vec()))
            .send()
            .await
            .map_err(|error| fault("AdminUpdateUserAttributes", &error, &PASSING))?;
        Ok(())
    }

    /// Ends the sign-in of a member and all sessions under way. One without a user is fine.
    pub async fn disable(&self, member: &MemberId) -> Result<(), Error> {
        let Self::Cognito { client, pool } = self else { return Ok(()) };
        let disabled = client.admin_disable_user().user_pool_id(pool).username(member.as_str()).send().await;
        if !found("AdminDisableUser", disabled)? {
            return Ok(());
        }
        let signed_out = client.admin_user_global_sign_out().user_pool_id(pool).username(member.as_str()).send().await;
        found("AdminUserGlobalSignOut", signed_out).map(drop)
    }

    /// Lets a member sign in again. Says whether there is a user, or none is needed.
    pub async fn enable(&self, member: &MemberId) -> Result<bool, Error> {
        let Self::Cognito { client, pool } = self else { return Ok(true) };
        let enabled = client.admin_enable_user().user_pool_id(pool).username(member.as_str()).send().await;
        found("AdminEnableUser", enabled)
    }

    /// Removes the user of a member. One without a user is fine.
    pub async fn delete(&self, member: &MemberId) -> Result<(), Error> {
        let Self::Cognito { client, pool } = self else { return Ok(()) };
        let deleted = client.admin_delete_user().user_pool_id(pool).username(member.as_str()).send().await;
        found("AdminDeleteUser", deleted).map(drop)
    }
}

fn attribute(name: &str, value: &str) -> Result<AttributeType, Error> {
    let attribute = AttributeType::builder().name(name).value(value).build();
    attribute.map_err(|error| Error::Internal(error.to_string()))
}

/// Whether there was a user to do it to.
fn found<T, E, R>(operation: &str, sent: Result<T, SdkError<E, R>>) -> Result<bool, Error>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match sent {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("UserNotFoundException") => Ok(false),
        Err(error) => Err(fault(operation, &error, &PASSING)),
    }
}
