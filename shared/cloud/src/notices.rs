//! Notices over SNS.
//!
//! One topic carries all notices; subscriptions choose by the message attributes:
//!
//! | attribute | values |
//! |---|---|
//! | `audience` | `reviewers`, `staff`, `member` |
//! | `stage`, `node` | for reviewers: the stage and the node whose reviewers are told |
//! | `role`, `node` | for other staff |
//! | `pseudonym` | for one member |
//! | `urgency`, `action` | as in the API |
//! | `moment` | `emergency`, or the hour of the district's day in which it is sent: `00` to `23` |
//! | `deduplication_key` | the same for the same notice, however often it is sent |
//!
//! The topic is a standard one, because only those reach phones and mailboxes; a receiver
//! that must not see a notice twice looks at `deduplication_key`.

use aws_sdk_sns::{Client, operation::publish::PublishError, types::MessageAttributeValue};
use pingan_domain::{
    channel,
    error::Error,
    notice::{About, Notice},
};

/// The topic of the notices.
#[derive(Debug, Clone)]
pub struct Notices {
    client: Client,
    topic_arn: String,
    /// Where the app opens a report: the code is put behind it.
    link_base: String,
}

impl Notices {
    /// The notices of this topic.
    pub fn new(client: Client, topic_arn: String, link_base: String) -> Self {
        Self { client, topic_arn, link_base }
    }

    /// Sends a notice to the topic, in this hour of the district's day.
    pub async fn send(&self, notice: &Notice, hour: u8) -> Result<(), Error> {
        let mut request = self.client.publish().topic_arn(&self.topic_arn).message(self.message(notice));
        let moment = ("moment", channel::moment(notice.urgency, hour));
        for (name, value) in notice.attributes().into_iter().chain([moment]) {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|error| Error::Internal(error.to_string()))?;
            request = request.message_attributes(name, value);
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
        match notice.what {
            About::Report { report, .. } => format!("{}\n{}\n{}{report}", text.zh_cn, text.en, self.link_base),
            About::Membership { .. } | About::Identity { .. } => format!("{}\n{}", text.zh_cn, text.en),
        }
    }
}
