//! Who is told of an event, by push or SMS: the next reviewers, and the reporter.
//!
//! A notice carries a code and a link, never what the report says: it is shown on locked
//! screens and passes through other people's networks.

use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    event::Event,
    feedback::{self, feedback},
    life::{Action, Stage},
    report::{Urgency, node_of},
    territory::NodeId,
    text::Text,
};

/// Whom a notice is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "audience", rename_all = "snake_case")]
pub enum Audience {
    /// The reviewers of a stage in a node.
    Reviewers {
        /// The stage.
        stage: Stage,
        /// The node.
        node: NodeId,
    },
    /// The reporter, by pseudonym.
    Reporter {
        /// The pseudonym.
        pseudonym: Code,
    },
}

/// A notice to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// For whom.
    pub audience: Audience,
    /// How fast it has to be looked at.
    pub urgency: Urgency,
    /// What happened.
    pub action: Action,
    /// What is said.
    pub text: Text,
    /// The same for the same notice, however often it is sent.
    pub deduplication_key: String,
}

/// The notices of an event: those to reviewers first, lowest stage first.
pub fn notices(event: &Event) -> Vec<Notice> {
    let to_reviewers = event.tells.iter().map(|&stage| Notice {
        audience: Audience::Reviewers { stage, node: node_of(&event.node, stage) },
        urgency: event.urgency,
        action: event.action,
        text: reviewers_text(event),
        deduplication_key: format!("{}-{stage}", event.deduplication_key()),
    });
    let to_reporter = feedback(event).map(|told| Notice {
        audience: Audience::Reporter { pseudonym: event.pseudonym },
        urgency: event.urgency,
        action: event.action,
        // The sentences of the feedback name stages and reasons; on a lock screen even
        // that is too much.
        text: Text::new(
            format!("您的线索 {} 有新进展，请打开应用查看。", event.report),
            format!("There is news on your report {}. Please open the app.", event.report),
        ),
        deduplication_key: format!("{}-reporter-{}", event.deduplication_key(), told.step),
    });
    to_reviewers.chain(to_reporter).collect()
}

fn reviewers_text(event: &Event) -> Text {
    let code = event.report;
    let urgency = match event.urgency {
        Urgency::Emergency => Text::new("【紧急】", "[EMERGENCY] "),
        Urgency::Urgent => Text::new("【加急】", "[URGENT] "),
        Urgency::Routine => Text::new("", ""),
    };
    let stage = feedback::stage(event.stage);
    let what = match event.action {
        Action::Message => Text::new(
            format!("线索 {code} 有信息员新留言。"),
            format!("The reporter has sent a message on report {code}."),
        ),
        Action::Remind => Text::new(
            format!("线索 {code} 已超过{}审核时限。", stage.zh_cn),
            format!("Report {code} is past its deadline. {} holds it.", stage.en),
        ),
        _ => Text::new(
            format!("线索 {code} 待{}审核。", stage.zh_cn),
            format!("Report {code} waits for review. {} holds it.", stage.en),
        ),
    };
    Text::new(format!("{}{}", urgency.zh_cn, what.zh_cn), format!("{}{}", urgency.en, what.en))
}
