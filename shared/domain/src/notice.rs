//! Who is told of what happens: the next reviewers, the reporter, a custodian, an officer.
//!
//! A notice is a record: it is written in the same transaction as what it tells of, stands in
//! the inbox of those whom it is for, and goes out from there by push or SMS. It carries a
//! code and a link, never what a report says or who somebody is: it is shown on locked
//! screens and passes through other people's networks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    event::Event,
    feedback::{self, feedback},
    identity::{IdentityAction, IdentityEvent, Opening, OpeningId},
    life::{Action, Stage},
    member::{MemberId, MemberState, Role},
    membership::{MemberAction, MemberEvent},
    named::Named as _,
    report::{ReportId, Urgency, node_of},
    scope::Selection,
    task::{TaskId, TaskKind},
    tasking::{self, TaskAction},
    territory::{Level, NodeId},
    text::Text,
};

/// How long a notice stays in an inbox, in days.
pub const INBOX_DAYS: i64 = 90;

/// Whom a notice is for: one inbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "audience", rename_all = "snake_case")]
pub enum Audience {
    /// The reviewers of a stage in a node.
    Reviewers {
        /// The stage.
        stage: Stage,
        /// The node.
        node: NodeId,
    },
    /// Those who have another role in a node.
    Staff {
        /// The role.
        role: Role,
        /// The node.
        node: NodeId,
    },
    /// The reporters of a node and of all below it, as far as a task is for them.
    Reporters {
        /// The node.
        node: NodeId,
    },
    /// One member.
    Member {
        /// The member.
        member: MemberId,
    },
}

/// What a notice tells of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum About {
    /// A report.
    Report {
        /// Its code.
        report: ReportId,
        /// What was done.
        action: Action,
    },
    /// A membership.
    Membership {
        /// What was done.
        action: MemberAction,
    },
    /// A task.
    Task {
        /// Its code.
        task: TaskId,
        /// What was done.
        action: TaskAction,
    },
    /// A sealed identity.
    Identity {
        /// What was done.
        action: IdentityAction,
        /// The opening that it belongs to.
        opening: OpeningId,
    },
}

impl About {
    /// What was done, by its name.
    pub fn action(&self) -> &'static str {
        match self {
            Self::Report { action, .. } => action.name(),
            Self::Membership { action } => action.name(),
            Self::Identity { action, .. } => action.name(),
            Self::Task { action, .. } => action.name(),
        }
    }
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// For whom.
    pub to: Audience,
    /// Which of the reporters of a node; all when there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Selection>,
    /// The pseudonym of the one reporter whom it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pseudonym: Option<Code>,
    /// When it happened.
    pub at: Timestamp,
    /// How fast it has to be looked at.
    pub urgency: Urgency,
    /// What happened.
    pub what: About,
    /// What is said.
    pub text: Text,
    /// The same for the same notice, however often it is sent.
    pub deduplication_key: String,
}

/// What an attribute of a message holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// Several; a subscription to one of them lets the message through.
    Texts(Vec<String>),
}

/// Stands in an attribute of a message for every kind, and for every trade.
pub const ANY: &str = "any";

impl Notice {
    /// The attributes by which an audience is known outside of the platform.
    pub fn address(to: &Audience) -> Vec<(&'static str, String)> {
        match to {
            Audience::Reviewers { stage, node } => {
                vec![("audience", "reviewers".to_owned()), ("stage", stage.to_string()), ("node", node.to_string())]
            }
            Audience::Staff { role, node } => {
                vec![("audience", "staff".to_owned()), ("role", role.to_string()), ("node", node.to_string())]
            }
            Audience::Reporters { node } => {
                vec![("audience", "reporters".to_owned()), ("node", node.to_string())]
            }
            Audience::Member { .. } => vec![("audience", "member".to_owned())],
        }
    }

    /// Everything that leaves the platform with the text, but for the moment of sending. A
    /// member is named by the pseudonym alone.
    pub fn attributes(&self) -> Vec<(&'static str, Attribute)> {
        let text = |(name, value)| (name, Attribute::Text(value));
        let mut attributes: Vec<_> = Self::address(&self.to).into_iter().map(text).collect();
        if let Audience::Reporters { .. } = self.to {
            let who = self.only.clone().unwrap_or_default();
            let or_any = |mut names: Vec<String>| {
                if names.is_empty() {
                    names.push(ANY.to_owned());
                }
                Attribute::Texts(names)
            };
            attributes.push(("kind", or_any(who.kinds.iter().map(ToString::to_string).collect())));
            attributes.push(("trade", or_any(who.trades.iter().map(ToString::to_string).collect())));
        }
        attributes.extend(self.pseudonym.map(|pseudonym| text(("pseudonym", pseudonym.to_string()))));
        attributes.push(text(("urgency", self.urgency.to_string())));
        attributes.push(text(("action", self.what.action().to_owned())));
        attributes.push(text(("deduplication_key", self.deduplication_key.clone())));
        attributes
    }

    /// Whether the phone is to look into its inbox without showing anything by itself: who has
    /// read a task is not reminded of it, and only the inbox knows who has.
    pub fn is_silent(&self) -> bool {
        matches!(self.what, About::Task { action: TaskAction::Remind, .. })
    }
}

/// The notices of what happened to a report of this reporter: those to reviewers first,
/// lowest stage first.
pub fn of_report(event: &Event, reporter: &MemberId) -> Vec<Notice> {
    let (urgency, at) = (event.urgency, event.at);
    let what = About::Report { report: event.report, action: event.action };
    let to_reviewers = event.tells.iter().map(|&stage| Notice {
        to: Audience::Reviewers { stage, node: node_of(&event.node, stage) },
        only: None,
        pseudonym: None,
        at,
        urgency,
        what: what.clone(),
        text: reviewers_text(event),
        deduplication_key: format!("{}-{stage}", event.deduplication_key()),
    });
    let to_reporter = feedback(event).map(|told| Notice {
        to: Audience::Member { member: reporter.clone() },
        only: None,
        pseudonym: Some(event.pseudonym),
        at,
        urgency,
        what: what.clone(),
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

/// The notices of what happened to a membership: to the officers of a community that
/// somebody has come to, and to the member whom somebody else has changed.
pub fn of_membership(event: &MemberEvent, pseudonym: Code) -> Vec<Notice> {
    use MemberAction::{Confirm, Register, Restore, Transfer};
    let key = |to: &str| format!("{}-{}-{to}", event.member, event.seq);
    let notice = |to, pseudonym, text, key| Notice {
        to,
        only: None,
        pseudonym,
        at: event.at,
        urgency: Urgency::Routine,
        what: About::Membership { action: event.action },
        text,
        deduplication_key: key,
    };
    let officers = || Audience::Reviewers { stage: Stage::Officer, node: event.node.clone() };
    let mut notices = Vec::new();
    let came = event.role == Role::Reporter && event.from_node.is_some();
    if event.action == Register {
        let text = Text::new(
            format!("{pseudonym} 扫码登记，待您核实确认。"),
            format!("{pseudonym} has registered with a poster and waits to be confirmed."),
        );
        notices.push(notice(officers(), None, text, key("officer")));
    } else if event.action == Transfer && came {
        let text = Text::new(
            format!("信息员 {pseudonym} 已转入您的社区。"),
            format!("The reporter {pseudonym} has come to your community."),
        );
        notices.push(notice(officers(), None, text, key("officer")));
    }
    if matches!(event.action, Confirm | Transfer | Restore) && event.state == MemberState::Active {
        let text =
            Text::new("您的成员信息有变更，请打开应用查看。", "Your membership has changed. Please open the app.");
        let to = Audience::Member { member: event.member.clone() };
        notices.push(notice(to, Some(pseudonym), text, key("member")));
    }
    notices
}

/// The notices of a step or a look of an opening: to the custodians who have to decide, to
/// the officers of the member's community, and to who asked.
pub fn of_opening(event: &IdentityEvent, opening: &Opening) -> Vec<Notice> {
    let name = opening.pseudonym;
    let notice = |to: Audience, text, whom: &str| Notice {
        to,
        only: None,
        pseudonym: None,
        at: event.at,
        urgency: Urgency::Urgent,
        what: About::Identity { action: event.action, opening: opening.id },
        text,
        deduplication_key: format!("{}-{}-{whom}", event.member, event.seq),
    };
    let said = match event.action {
        IdentityAction::Request => Text::new(
            format!("有人申请查看 {name} 的身份信息。"),
            format!("Somebody has asked for the identity of {name} to be opened."),
        ),
        IdentityAction::Consent => Text::new(
            format!("保密员已同意开启 {name} 的身份信息。"),
            format!("A custodian has consented that the identity of {name} is opened."),
        ),
        IdentityAction::Refuse => Text::new(
            format!("保密员未同意开启 {name} 的身份信息。"),
            format!("A custodian has refused to open the identity of {name}."),
        ),
        IdentityAction::View => {
            Text::new(format!("{name} 的身份信息已被查看。"), format!("The identity of {name} was looked at."))
        }
        _ => return Vec::new(),
    };
    let mut notices = Vec::new();
    if event.action == IdentityAction::Request {
        let to = Audience::Staff { role: Role::Custodian, node: opening.district() };
        let text = Text::new(
            format!("有一项查看 {name} 身份信息的申请待您决定。"),
            format!("A request to open the identity of {name} waits for your decision."),
        );
        notices.push(notice(to, text, "custodian"));
    }
    // Those who hold the node of the member: for a reporter the officers of the community.
    let stage = match opening.node.level() {
        Level::Community => Stage::Officer,
        Level::Station => Stage::Station,
        Level::District => Stage::District,
    };
    let to = Audience::Reviewers { stage, node: opening.node.clone() };
    notices.push(notice(to, said.clone(), "officer"));
    if matches!(event.action, IdentityAction::Consent | IdentityAction::Refuse) {
        let to = Audience::Member { member: opening.requested_by.clone() };
        notices.push(notice(to, said, "asker"));
    }
    notices
}

/// The notices of what happened to a task: to those in scope, one for each node whatever the
/// number of reporters; to the district whose consent is asked for; and to the maker of what
/// others or the clock did.
pub fn of_task(decided: &tasking::Decided) -> Vec<Notice> {
    use TaskAction::{Cancel, Consent, Edit, End, Refuse, Remind, RequestConsent};
    let tasking::Decided { task, event, tells_scope } = decided;
    let (code, content) = (task.id, &task.content);
    let notice = |to, only, text, whom: &str| Notice {
        to,
        only,
        pseudonym: None,
        at: event.at,
        urgency: content.priority,
        what: About::Task { task: code, action: event.action },
        text,
        deduplication_key: format!("{}-{}-{whom}", code.as_str(), event.seq),
    };
    let mut notices = Vec::new();
    if *tells_scope {
        let (zh, en) = match content.kind {
            TaskKind::Task => ("任务", "task"),
            TaskKind::SafetyEducation | TaskKind::WorkHint => ("提示", "notice"),
        };
        let text = match event.action {
            Edit => Text::new(
                format!("{zh} {code} 有更新，请打开应用查看。"),
                format!("The {en} {code} has changed. Please open the app."),
            ),
            Cancel => Text::new(format!("{zh} {code} 已取消。"), format!("The {en} {code} was called off.")),
            Remind => Text::new(
                format!("{zh} {code} 您还没有阅读，请打开应用查看。"),
                format!("You have not read the {en} {code} yet. Please open the app."),
            ),
            _ => Text::new(
                format!("您有新的{zh} {code}，请打开应用查看。"),
                format!("There is a new {en} for you: {code}. Please open the app."),
            ),
        };
        for node in &content.scope.nodes {
            let to = Audience::Reporters { node: node.clone() };
            notices.push(notice(to, Some(content.scope.who.clone()), text.clone(), &format!("reporters-{node}")));
        }
    }
    if event.action == RequestConsent
        && let Some(node) = task.node.at(Level::District)
    {
        let text =
            Text::new(format!("任务 {code} 待您同意后发布。"), format!("The task {code} waits for your consent."));
        notices.push(notice(Audience::Reviewers { stage: Stage::District, node }, None, text, "district"));
    }
    let said = match event.action {
        Consent => Some(Text::new(format!("任务 {code} 已获同意。"), format!("The task {code} was consented to."))),
        Refuse => Some(Text::new(format!("任务 {code} 未获同意。"), format!("The task {code} was not consented to."))),
        Cancel if event.actor != task.maker => {
            Some(Text::new(format!("任务 {code} 已被取消。"), format!("The task {code} was called off.")))
        }
        End => Some(Text::new(
            format!("任务 {code} 已结束，请查看结果。"),
            format!("The task {code} is over. See what came of it."),
        )),
        _ => None,
    };
    if let Some(text) = said {
        notices.push(notice(Audience::Member { member: task.maker.clone() }, None, text, "maker"));
    }
    notices
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
