//! Notices over SNS.
//!
//! One topic carries all notices; subscriptions choose by the message attributes:
//!
//! | attribute | values |
//! |---|---|
//! | `audience` | `reviewers`, `reporter` |
//! | `stage`, `node` | for reviewers: the stage and the node whose reviewers are told |
//! | `pseudonym` | for a reporter |
//! | `urgency`, `action` | as in the API |
//! | `deduplication_key` | the same for the same notice, however often it is sent |
//!
//! The topic is a standard one, because only those reach phones and mailboxes; a receiver
//! that must not see a notice twice looks at `deduplication_key`.

use aws_sdk_sns::{Client, types::MessageAttributeValue};
use pingan_domain::{
    error::Error,
    notice::{Audience, Notice},
    report::ReportId,
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

    /// Sends one notice about a report.
    pub async fn send(&self, notice: &Notice, report: ReportId) -> Result<(), Error> {
        let mut request = self
            .client
            .publish()
            .topic_arn(&self.topic_arn)
            .message(format!("{}\n{}\n{}{}", notice.text.zh_cn, notice.text.en, self.link_base, report));
        for (name, value) in attributes(notice) {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build()
                .map_err(|error| Error::Internal(error.to_string()))?;
            request = request.message_attributes(name, value);
        }
        // Whatever is wrong with SNS, the stream keeps the event until it is well again.
        request.send().await.map_err(|_| Error::Busy { retry_after_seconds: 1 })?;
        Ok(())
    }
}

fn attributes(notice: &Notice) -> Vec<(&'static str, String)> {
    let mut attributes = match &notice.audience {
        Audience::Reviewers { stage, node } => {
            vec![("audience", "reviewers".to_owned()), ("stage", stage.to_string()), ("node", node.to_string())]
        }
        Audience::Reporter { pseudonym } => {
            vec![("audience", "reporter".to_owned()), ("pseudonym", pseudonym.to_string())]
        }
    };
    attributes.push(("urgency", notice.urgency.to_string()));
    attributes.push(("action", notice.action.to_string()));
    attributes.push(("deduplication_key", notice.deduplication_key.clone()));
    attributes
}
