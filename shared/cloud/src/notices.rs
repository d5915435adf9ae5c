//! Notices over SNS.
//!
//! One topic carries all notices; subscriptions choose by the message attributes:
//!
//! | attribute | values |
//! |---|---|
//! | `audience` | `reviewers`, `staff`, `agency`, `reporters`, `member` |
//! | `stage`, `node` | for reviewers: the stage and the node whose reviewers are told |
//! | `role`, `node` | for other staff |
//! | `agency`, `node` | for those who act for an agency: it, and the district |
//! | `node`, `kind`, `trade` | for the reporters of a node: it, and whom of them a task is for; several, or `any` |
//! | `pseudonym` | for one member |
//! | `urgency`, `action` | as in the API |
//! | `moment` | a number: the hour of the district's day in which it is sent, or 24 for an emergency |
//! | `deduplication_key` | the same for the same notice, however often it is sent |
//!
//! The topic is a standard one, because only those reach phones and mailboxes; a receiver
//! that must not see a notice twice looks at `deduplication_key`.
//!
//! A task has one message for each node of its scope, whatever the number of reporters. The
//! reminder of a task is silent: the device looks into its inbox, which has the reminder for
//! those alone who have not read the task.

use aws_sdk_sns::{Client, operation::publish::PublishError, types::MessageAttributeValue};
use pingan_domain::{
    channel,
    error::Error,
    notice::{About, Attribute, Notice},
};
use serde_json::json;

/// The topic of the notices.
#[derive(Debug, Clone)]
pub struct Notices {
    client: Client,
    topic_arn: String,
    links: Links,
}

/// Where the app opens what a notice tells of: the code is put behind it.
#[derive(Debug, Clone)]
pub struct Links {
    /// Reports.
    pub reports: String,
    /// Tasks; empty for no link.
    pub tasks: String,
    /// Briefings; empty for no link.
    pub briefings: String,
}

impl Notices {
    /// The notices of this topic.
    pub fn new(client: Client, topic_arn: String, links: Links) -> Self {
        Self { client, topic_arn, links }
    }

    /// Sends a notice to the topic, in this hour of the district's day.
    pub async fn send(&self, notice: &Notice, hour: u8) -> Result<(), Error> {
        let internal = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
        let mut request = self.client.publish().topic_arn(&self.topic_arn);
        request = if notice.is_silent() {
            let payload = self.silent(notice).map_err(|error| internal(&error))?;
            request.message_structure("json").message(payload)
        } else {
            request.message(self.message(notice))
        };
        let mut attributes = Vec::new();
        for (name, value) in notice.attributes() {
            attributes.push(match value {
                Attribute::Text(text) => (name, "String", text),
                Attribute::Texts(texts) => {
                    (name, "String.Array", serde_json::to_string(&texts).map_err(|error| internal(&error))?)
                }
            });
        }
        if notice.is_silent() {
            // Apple delivers what shows nothing only when it is said to, and at its own time.
            attributes.push(("AWS.SNS.MOBILE.APNS.PUSH_TYPE", "String", "background".to_owned()));
            attributes.push(("AWS.SNS.MOBILE.APNS.PRIORITY", "String", "5".to_owned()));
        }
        attributes.push(("moment", "Number", channel::moment(notice.urgency, hour).to_string()));
        for (name, data_type, value) in attributes {
            let value = MessageAttributeValue::builder().data_type(data_type).string_value(value).build();
            request = request.message_attributes(name, value.map_err(|error| internal(&error))?);
        }
        // Whatever is wrong with SNS, the stream keeps the notice until it is well again.
        request.send().await.map_err(|_| Error::Busy { retry_after_seconds: 1 })?;
        Ok(())
    }

    /// Sends a notice to one device. Says whether there is such a device: one that has thrown
    /// the app away is no fault, and its owner finds the notice in the inbox.
    pub async fn push(&self, notice: &Notice, endpoint: &str) -> Result<bool, Error> {
        let sent = self.client.publish().target_arn(endpoint).message(self.message(notice)).send().await;
        match sent {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PublishError::EndpointDisabledException(_) | PublishError::NotFoundException(_)) => Ok(false),
                _ => Err(Error::Busy { retry_after_seconds: 1 }),
            },
        }
    }

    fn message(&self, notice: &Notice) -> String {
        let text = &notice.text;
        let link = match notice.what {
            About::Report { report, .. } | About::CameOf { report } => Some((&self.links.reports, report)),
            About::Task { task, .. } => Some((&self.links.tasks, task)),
            About::Briefing { briefing } => Some((&self.links.briefings, briefing)),
            About::Handover { .. }
            | About::Membership { .. }
            | About::Identity { .. }
            | About::Outcome { .. }
            | About::Reward { .. }
            | About::Webhook { .. } => None,
        };
        match link.filter(|(base, _)| !base.is_empty()) {
            Some((base, code)) => format!("{}\n{}\n{base}{code}", text.zh_cn, text.en),
            None => format!("{}\n{}", text.zh_cn, text.en),
        }
    }

    /// The payloads of a message that a device shows nothing of: it wakes the app, which looks
    /// into its inbox. The keys are those that SNS has for the services that reach devices.
    fn silent(&self, notice: &Notice) -> Result<String, serde_json::Error> {
        let look = json!({ "look": "inbox" });
        let apns = serde_json::to_string(&json!({ "aps": { "content-available": 1 }, "look": "inbox" }))?;
        let fcm = serde_json::to_string(&json!({ "data": look }))?;
        let baidu = serde_json::to_string(&json!({ "custom_content": look }))?;
        let all = json!({
            "default": self.message(notice),
            "APNS": apns,
            "APNS_SANDBOX": apns,
            "GCM": fcm,
            "BAIDU": baidu,
        });
        serde_json::to_string(&all)
    }
}
