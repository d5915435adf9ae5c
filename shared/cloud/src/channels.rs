//! The channels of people in SNS: subscriptions of staff to the notices of their position, and
//! of reporters to those of the tasks of their places; and the devices of the app.
//!
//! SNS takes up to a quarter of an hour until it goes by a changed filter; until then somebody
//! who was transferred is told of their former position: a code, and nothing of a report.

use std::collections::BTreeMap;

use aws_sdk_sns::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
};
use pingan_domain::{
    channel::{Channel, Means, Platform, QuietHours, Wanted, filter},
    error::{Error, Refusal},
    hash::Digest,
    membership::Profile,
    named::Named as _,
};
use serde_json::{Value, json};

use crate::{fault::fault, late::Late};

/// Codes of SNS after which the same request may well succeed a moment later.
const PASSING: [&str; 5] = ["ServiceUnavailable", "InternalError", "Throttled", "ThrottledException", "KMSThrottling"];

/// Codes of SNS that say that a quota is used up. There is one on filter policies, which each
/// subscription has, of a topic and of an account; it is raised by a request to AWS.
const USED_UP: [&str; 2] = ["FilterPolicyLimitExceeded", "SubscriptionLimitExceeded"];

/// Where a person wants to be told.
#[derive(Clone, Copy)]
pub enum Address<'a> {
    /// A phone number, in E.164.
    Phone(&'a str),
    /// A mailbox.
    Mailbox(&'a str),
    /// A device, by the token that its platform has given to the app.
    Device(Platform, &'a str),
}

/// The channels of people.
#[derive(Debug, Clone)]
pub struct Channels {
    client: Late<Client>,
    topic_arn: String,
    applications: BTreeMap<Platform, String>,
}

impl Channels {
    /// The subscriptions to this topic. `applications` names the SNS platform applications, as
    /// `fcm=<arn>,apns=<arn>`; empty for none.
    pub fn new(client: impl Into<Late<Client>>, topic_arn: String, applications: &str) -> Result<Self, Error> {
        let mut known = BTreeMap::new();
        for entry in applications.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let found = entry.split_once('=').and_then(|(name, arn)| Some((Platform::from_name(name)?, arn)));
            let (platform, arn) = found.ok_or_else(|| {
                Error::Internal(format!("{entry:?} is not a platform application: apns, fcm or baidu, = and its ARN"))
            })?;
            known.insert(platform, arn.to_owned());
        }
        Ok(Self { client: client.into(), topic_arn, applications: known })
    }

    /// Opens a channel to this address, of which `hash` is the keyed hash: for what concerns this
    /// member. The same again gives the same channel.
    pub async fn open(
        &self,
        address: Address<'_>,
        hash: Digest,
        member: &Profile,
        quiet_hours: QuietHours,
    ) -> Result<Channel, Error> {
        let (means, protocol) = match address {
            Address::Phone(_) => (Means::Sms, "sms"),
            Address::Mailbox(_) => (Means::Email, "email"),
            Address::Device(..) => (Means::Device, "application"),
        };
        let endpoint = match address {
            Address::Device(platform, token) => Some(self.endpoint(platform, token).await?),
            _ => None,
        };
        let target = match (&endpoint, address) {
            (Some(endpoint), _) => endpoint.as_str(),
            (None, Address::Phone(address) | Address::Mailbox(address)) => address,
            (None, Address::Device(..)) => return Err(Error::Internal("the device has no endpoint".to_owned())),
        };
        let subscription = match policy(member, quiet_hours)? {
            None => None,
            Some(policy) => Some(self.subscribe(protocol, target, &policy).await?),
        };
        Ok(Channel { means, address: hash, quiet_hours, subscription, endpoint })
    }

    /// Makes a channel let through what concerns this member, outside of its quiet hours. Says
    /// whether the subscription is still there: a person can end it at the address itself.
    pub async fn align(&self, channel: &Channel, member: &Profile) -> Result<bool, Error> {
        if let Some(endpoint) = &channel.endpoint
            && !self.enable(endpoint).await?
        {
            return Ok(false);
        }
        let policy = policy(member, channel.quiet_hours)?;
        let (Some(subscription), Some(policy)) = (&channel.subscription, &policy) else {
            return Ok(channel.subscription.is_none() && policy.is_none());
        };
        let set = self
            .client
            .set_subscription_attributes()
            .subscription_arn(subscription)
            .attribute_name("FilterPolicy")
            .attribute_value(policy)
            .send()
            .await;
        there(set).map_err(|error| fault("SetSubscriptionAttributes", &error, &PASSING))
    }

    /// Ends a channel. One that is not there any more has ended.
    pub async fn close(&self, channel: &Channel) -> Result<(), Error> {
        if let Some(subscription) = &channel.subscription {
            let ended = self.client.unsubscribe().subscription_arn(subscription).send().await;
            there(ended).map_err(|error| fault("Unsubscribe", &error, &PASSING))?;
        }
        if let Some(endpoint) = &channel.endpoint {
            let ended = self.client.delete_endpoint().endpoint_arn(endpoint).send().await;
            there(ended).map_err(|error| fault("DeleteEndpoint", &error, &PASSING))?;
        }
        Ok(())
    }

    async fn endpoint(&self, platform: Platform, token: &str) -> Result<String, Error> {
        let application = self
            .applications
            .get(&platform)
            .ok_or_else(|| Error::field("/platform", "is not set up in this deployment"))?;
        let made =
            self.client.create_platform_endpoint().platform_application_arn(application).token(token).send().await;
        let endpoint = match made {
            Ok(made) => made.endpoint_arn,
            Err(error) if error.code() == Some("InvalidParameter") => {
                return Err(Error::field("/token", "is not taken by the platform"));
            }
            Err(error) => return Err(fault("CreatePlatformEndpoint", &error, &PASSING)),
        };
        let endpoint = endpoint.ok_or_else(|| Error::Internal("SNS named no endpoint".to_owned()))?;
        self.enable(&endpoint).await?;
        Ok(endpoint)
    }

    /// A device that could not be reached once is disabled until somebody says otherwise. Says
    /// whether there is such a device.
    async fn enable(&self, endpoint: &str) -> Result<bool, Error> {
        let request = self.client.set_endpoint_attributes().endpoint_arn(endpoint).attributes("Enabled", "true");
        there(request.send().await).map_err(|error| fault("SetEndpointAttributes", &error, &PASSING))
    }

    async fn subscribe(&self, protocol: &str, target: &str, policy: &str) -> Result<String, Error> {
        let subscribed = self
            .client
            .subscribe()
            .topic_arn(&self.topic_arn)
            .protocol(protocol)
            .endpoint(target)
            .attributes("FilterPolicy", policy)
            .return_subscription_arn(true)
            .send()
            .await;
        match subscribed {
            Ok(subscribed) => {
                subscribed.subscription_arn.ok_or_else(|| Error::Internal("SNS named no subscription".to_owned()))
            }
            Err(error) if error.code().is_some_and(|code| USED_UP.contains(&code)) => {
                tracing::error!(sns.code = error.code(), "a quota of SNS is used up: nobody new can be told");
                Err(Refusal::ChannelsFull.into())
            }
            Err(error) if error.code() == Some("InvalidParameter") => Err(match protocol {
                "email" => Error::field("/address", "is not taken: it is not a mailbox, or somebody else's channel"),
                _ => Error::field("/means", "is not taken: the address is somebody else's channel"),
            }),
            Err(error) => Err(fault("Subscribe", &error, &PASSING)),
        }
    }
}

/// A filter policy as SNS has it; none for who has no part in the topic.
fn policy(member: &Profile, quiet_hours: QuietHours) -> Result<Option<String>, Error> {
    let Some(filter) = filter(member, quiet_hours) else { return Ok(None) };
    let values = |wanted| match wanted {
        Wanted::Texts(texts) => json!(texts),
        Wanted::Ranges(ranges) => {
            let ranges = ranges.into_iter().map(|(from, below)| json!({ "numeric": [">=", from, "<", below] }));
            Value::Array(ranges.collect())
        }
    };
    let policy: BTreeMap<_, _> = filter.into_iter().map(|(name, wanted)| (name, values(wanted))).collect();
    serde_json::to_string(&policy).map(Some).map_err(|error| Error::Internal(error.to_string()))
}

/// Whether there was something to do it to.
fn there<T, E: ProvideErrorMetadata, R>(answer: Result<T, SdkError<E, R>>) -> Result<bool, SdkError<E, R>> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some("NotFound") => Ok(false),
        Err(error) => Err(error),
    }
}
