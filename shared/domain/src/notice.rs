//! Who is told of what happens: the next reviewers, the reporter, a custodian, an officer.
//!
//! A notice is a record: it is written in the same transaction as what it tells of, stands in
//! the inbox of those whom it is for, and goes out from there by push or SMS. It carries a
//! code and a link, never what a report says or who somebody is: it is shown on locked
//! screens and passes through other people's networks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    briefing::{self, BriefingId, BriefingRecord},
    code::Code,
    district::{District, Label},
    event::Event,
    feedback::{self, feedback},
    handover::{self, HandoverAction, HandoverId, HandoverState},
    identity::{IdentityAction, IdentityEvent, Opening, OpeningId},
    life::{Action, Stage},
    member::{MemberId, MemberState, Role},
    membership::{MemberAction, MemberEvent},
    named::Named as _,
    outcome::{OutcomeAction, OutcomeId},
    outcome_life,
    report::{Report, ReportId, Urgency, node_of},
    reward::{self, RewardAction, RewardId, Share, ShareState},
    scope::Selection,
    task::{TaskId, TaskKind},
    tasking::{self, TaskAction},
    territory::{Level, NodeId},
    text::Text,
    webhook::{Delivery, WebhookNews},
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
    /// Those who act for an agency on what a district hands over to it.
    Agency {
        /// The district.
        district: NodeId,
        /// The agency, by the district's label.
        agency: Label,
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
    /// An outcome.
    Outcome {
        /// Its code.
        outcome: OutcomeId,
        /// What was done.
        action: OutcomeAction,
    },
    /// That something came of a report. Its reporter is not told what.
    CameOf {
        /// The report's code.
        report: ReportId,
    },
    /// A hand-over.
    Handover {
        /// Its code.
        handover: HandoverId,
        /// What was done.
        action: HandoverAction,
    },
    /// A reward. Nobody is told of how much.
    Reward {
        /// Its code.
        reward: RewardId,
        /// What was done.
        action: RewardAction,
    },
    /// A briefing.
    Briefing {
        /// Its code.
        briefing: BriefingId,
    },
    /// A sealed identity.
    Identity {
        /// What was done.
        action: IdentityAction,
        /// The opening that it belongs to.
        opening: OpeningId,
    },
    /// The webhook of an agency.
    Webhook {
        /// The agency.
        agency: Label,
        /// What happened.
        action: WebhookNews,
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
            Self::Outcome { action, .. } => action.name(),
            Self::CameOf { .. } => "outcome",
            Self::Handover { action, .. } => action.name(),
            Self::Webhook { action, .. } => action.name(),
            Self::Reward { action, .. } => action.name(),
            Self::Briefing { .. } => "brief",
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
            Audience::Agency { district, agency } => {
                vec![("audience", "agency".to_owned()), ("agency", agency.to_string()), ("node", district.to_string())]
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
    let told = feedback(event).filter(|_| !reporter.is_no_reporter());
    let to_reporter = told.map(|told| Notice {
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
    use MemberAction::{Confirm, EndAbsence, EndCover, Register, Restore, SetAbsence, SetCover, Transfer};
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
    let of_deputies = match event.action {
        SetCover => Some(Text::new(
            "您被指定在他人缺勤期间代为审核，请打开应用查看。",
            "You are to stand in for an absent reviewer. Please open the app.",
        )),
        EndCover => Some(Text::new(
            "您的代为审核已提前结束，请打开应用查看。",
            "You do not stand in for an absent reviewer any more. Please open the app.",
        )),
        SetAbsence | EndAbsence if event.actor != event.member => {
            Some(Text::new("您的缺勤安排有变更，请打开应用查看。", "Your absence was changed. Please open the app."))
        }
        _ => None,
    };
    if let Some(text) = of_deputies {
        let to = Audience::Member { member: event.member.clone() };
        notices.push(notice(to, Some(pseudonym), text, key("member")));
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

/// The notices of what happened to an outcome: to the district that has to confirm something, to
/// who said so of what became of it, and to the reporters of these reports that something came of
/// them. Nobody is told by a notice what it is.
pub fn of_outcome(decided: &outcome_life::Decided, reports: &[Report]) -> Vec<Notice> {
    let outcome_life::Decided { outcome, event, tells_district, tells_proposer, tells_reporters, .. } = decided;
    let code = outcome.id;
    let notice = |to, pseudonym, what, text, key| Notice {
        to,
        only: None,
        pseudonym,
        at: event.at,
        urgency: Urgency::Routine,
        what,
        text,
        deduplication_key: key,
    };
    let staff = |to, text, whom: &str| {
        let what = About::Outcome { outcome: code, action: event.action };
        notice(to, None, what, text, format!("{}-{}-{whom}", code.as_str(), event.seq))
    };
    let mut notices = Vec::new();
    if *tells_district {
        let to = Audience::Reviewers { stage: Stage::District, node: outcome.district.clone() };
        let text = Text::new(format!("成效 {code} 待您确认。"), format!("The outcome {code} waits to be confirmed."));
        notices.push(staff(to, text, "district"));
    }
    if let Some(member) = tells_proposer {
        let text = match event.action {
            OutcomeAction::Refuse => {
                Text::new(format!("成效 {code} 未获确认。"), format!("The outcome {code} was not confirmed."))
            }
            _ => Text::new(format!("成效 {code} 已确认。"), format!("The outcome {code} was confirmed.")),
        };
        notices.push(staff(Audience::Member { member: member.clone() }, text, "proposer"));
    }
    // A copy of another district's report has no reporter, and of what was erased nothing came.
    let told = |report: &&Report| {
        tells_reporters.contains(&report.id) && !report.reporter.is_no_reporter() && report.erased_at.is_none()
    };
    for report in reports.iter().filter(told) {
        let of = report.id;
        let text = Text::new(
            format!("您的线索 {of} 已取得成效，感谢您。"),
            format!("Something came of your report {of}. Thank you."),
        );
        let to = Audience::Member { member: report.reporter.clone() };
        let key = format!("{}-outcome-{}-{}", of.as_str(), code.as_str(), event.seq);
        notices.push(notice(to, Some(report.pseudonym), About::CameOf { report: of }, text, key));
    }
    notices
}

/// The notices of what happened to a reward: to those who have to agree, to the treasurer once it is
/// to be paid, and to whom it is for. They say neither how much nor for what.
pub fn of_reward(decided: &reward::Decided) -> Vec<Notice> {
    let reward::Decided { reward, event, .. } = decided;
    let code = reward.id;
    let notice = |to, pseudonym: Option<Code>, zh: &str, en: &str, whom: &str| Notice {
        to,
        only: None,
        pseudonym,
        at: event.at,
        urgency: Urgency::Routine,
        what: About::Reward { reward: code, action: event.action },
        text: Text::new(format!("奖励 {code} {zh}。"), format!("The reward {code} {en}.")),
        deduplication_key: format!("{}-{}-{whom}", code.as_str(), event.seq),
    };
    let agreeing = || {
        let to = Audience::Reviewers { stage: Stage::District, node: reward.district() };
        notice(to, None, "待同意", "waits for agreement", "district")
    };
    let treasurer = || {
        let to = Audience::Staff { role: Role::Treasurer, node: reward.district() };
        notice(to, None, "已批准", "is approved", "treasurer")
    };
    let told = |share: &Share, zh, en| {
        let to = Audience::Member { member: share.member.clone() };
        notice(to, Some(share.pseudonym), zh, en, &format!("reporter-{}", share.report.as_str()))
    };
    let all = |zh, en| reward.shares.iter().map(|share| told(share, zh, en)).collect();
    let one = |zh, en| {
        let share = event.share.and_then(|number| reward.shares.get(usize::from(number)));
        share.map(|share| told(share, zh, en)).into_iter().collect()
    };
    match event.action {
        RewardAction::Propose | RewardAction::Reassess | RewardAction::Agree | RewardAction::Appeal => vec![agreeing()],
        RewardAction::Approve => {
            let reserved = reward.shares.iter().filter(|share| share.state == ShareState::Reserved);
            let to_claim = reserved.map(|share| told(share, "待您领取", "waits for you: please open it"));
            std::iter::once(treasurer()).chain(to_claim).collect()
        }
        RewardAction::Gather | RewardAction::Adjust | RewardAction::Recover => Vec::new(),
        RewardAction::Decline => all("已有结果", "was decided on: please open it"),
        RewardAction::Reverse => all("有变动", "has changed: please open it"),
        RewardAction::Pay => one("已发放", "was paid"),
        RewardAction::Remind => {
            let open = reward.shares.iter().filter(|share| share.state == ShareState::Reserved);
            open.map(|share| {
                told(
                    share,
                    "尚未领取，请在到期前打开查看",
                    "was not claimed yet: please open it before its time is over",
                )
            })
            .collect()
        }
        RewardAction::Lapse => one("未在期限内领取，已失效", "was not claimed in time"),
    }
}

/// The notices of what happened to a hand-over: to the receiver of what the district or the clock
/// did, to the district of what the receiver did, and to both when it is long overdue.
pub fn of_handover(decided: &handover::Decided) -> Vec<Notice> {
    use HandoverAction::{
        Accept, Answer, Ask, Complete, ConfirmErasure, EraseCopy, Escalate, Offer, Recall, Receive, Refuse, Remind,
    };
    let handover::Decided { handover, event } = decided;
    let code = handover.id;
    let notice = |to: Audience, text: Text, whom: &str| Notice {
        to,
        only: None,
        pseudonym: None,
        at: event.at,
        urgency: event.urgency,
        what: About::Handover { handover: code, action: event.action },
        text,
        deduplication_key: format!("{}-{}-{whom}", code.as_str(), event.seq),
    };
    let to_receiver = |zh: &str, en: &str| {
        notice(
            handover.receivers(),
            Text::new(format!("移交 {code} {zh}"), format!("The hand-over {code} {en}")),
            "receiver",
        )
    };
    let to_sender = |zh: &str, en: &str| {
        notice(
            handover.senders(),
            Text::new(format!("移交 {code} {zh}"), format!("The hand-over {code} {en}")),
            "sender",
        )
    };
    let recalled = event.to == HandoverState::Recalled;
    match event.action {
        Receive => Vec::new(),
        Offer => vec![to_receiver("待您签收办理。", "waits for you.")],
        Accept => vec![to_sender("已接收办理。", "was accepted.")],
        Refuse => vec![to_sender("未被接收，请查看理由。", "was refused. See why.")],
        Ask => vec![to_sender("有疑问待您答复。", "has a question for you.")],
        Answer => vec![to_receiver("的疑问已答复。", "has an answer to your question.")],
        Complete => vec![to_sender("已办结，请查看结果。", "was completed. See what was done.")],
        Recall if handover.erase_by.is_some() => vec![to_receiver(
            "已撤回，请删除所有留存内容并确认。",
            "was recalled. Erase everything that you have kept of it, and confirm it.",
        )],
        Recall => vec![to_receiver("已撤回。", "was recalled.")],
        ConfirmErasure => vec![to_sender("的删除已确认执行。", "was erased by the receiver, who has confirmed it.")],
        EraseCopy => vec![to_receiver("的本区副本已删除。", "was recalled, and your district's copy was erased.")],
        Remind if recalled => {
            vec![to_receiver("的删除尚未确认。", "was recalled, and its erasure is not confirmed yet.")]
        }
        Remind if event.to == HandoverState::Asked => {
            vec![to_sender("的疑问逾期未答复。", "is past its deadline. Its question waits for your answer.")]
        }
        Remind => vec![to_receiver("已超过办理时限。", "is past its deadline.")],
        Escalate if recalled => vec![
            to_receiver("的删除逾期未确认。", "was recalled, and its erasure is long overdue."),
            to_sender("的删除逾期未确认。", "was recalled, and the receiver has not confirmed its erasure."),
        ],
        Escalate => {
            let sender = to_sender("办理逾期，请督办。", "is long past its deadline. Please look into it.");
            // An open question is the district's own to answer.
            let receiver = (event.to != HandoverState::Asked).then(|| {
                to_receiver("办理逾期，已通知移交单位。", "is long past its deadline. The district was told.")
            });
            receiver.into_iter().chain([sender]).collect()
        }
    }
}

/// The notice of what became of a delivery, to the managers of the district, who can do
/// something about it.
pub fn of_delivery(delivery: &Delivery, news: WebhookNews, at: Timestamp) -> Notice {
    let (code, agency) = (delivery.handover, &delivery.webhook.agency);
    let text = match news {
        WebhookNews::Gone => Text::new(
            format!("部门 {agency} 的推送地址已停用，请核实。"),
            format!("The webhook of the agency {agency} was switched off: its receiver is gone."),
        ),
        WebhookNews::DeliveryFailed => Text::new(
            format!("移交 {code} 的推送未能送达部门 {agency}，请联系该部门。"),
            format!("The agency {agency} could not be told of the hand-over {code}. Please speak with it."),
        ),
    };
    Notice {
        to: Audience::Reviewers { stage: Stage::District, node: delivery.webhook.district.clone() },
        only: None,
        pseudonym: None,
        at,
        urgency: Urgency::Routine,
        what: About::Webhook { agency: agency.clone(), action: news },
        text,
        // A delivery that is sent again can fail again.
        deduplication_key: format!("{}-{}-{news}", delivery.id, delivery.version),
    }
}

/// The notices that a briefing can be read: to the managers of the district, of both bodies, and
/// to those of each station.
pub fn of_briefing(record: &BriefingRecord, district: &District, now: Timestamp) -> Vec<Notice> {
    let code = record.id;
    let stations = briefing::stations(district).map(|node| (Stage::Station, node));
    std::iter::once((Stage::District, &record.district))
        .chain(stations)
        .map(|(stage, node)| Notice {
            to: Audience::Reviewers { stage, node: node.clone() },
            only: None,
            pseudonym: None,
            at: now,
            urgency: Urgency::Routine,
            what: About::Briefing { briefing: code },
            text: Text::new(
                format!("情况通报 {code} 已生成，请打开查看。"),
                format!("The briefing {code} is ready. Please open it."),
            ),
            deduplication_key: format!("{}-ready-{node}", code.as_str()),
        })
        .collect()
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
