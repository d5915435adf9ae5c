//! Every key string of every table and index is made here.
//!
//! ```text
//! table     pk                    sk                  what
//! members   MEMBER#<member>       MEMBER              a member, or an account that is one
//! members   MEMBER#<member>       EVENT#<seq:8>       an event of the membership
//! members   COMMAND#<command>     COMMAND             a command on members that was carried out
//! members   DISTRICT#<node>       DISTRICT            the lists of a district
//! members   INVITE#<code>         INVITE              a community's invite
//! members   INVITATION#<hash>     INVITATION          a member's personal invitation
//! members   TRIES#<hash>          TRIES               how often somebody tried in vain
//! members   CENSUS#<node>         CENSUS              how many reporters a community has, by their traits
//! documents BRIEFING#<code>       BRIEFING            a briefing
//! documents BRIEFING#<code>       COMMENT#<command>   a comment on it, under the command that wrote it
//! documents BRIEFING#<code>       READER#<member>     that a member has read it, or acknowledged it as well
//! documents EXPORT#<code>         EXPORT              an export
//! handovers HANDOVER#<code>       HANDOVER            a hand-over, with what was written in it
//! handovers HANDOVER#<code>       EVENT#<seq:8>       an event of it
//! handovers WEBHOOK#<node>#<agency>     WEBHOOK       the webhook of an agency
//! handovers WEBHOOK#<node>#<agency>     EVENT#<seq:8> an event of it
//! handovers DELIVERIES#<node>#<agency>  <at:15>-<code>-<version>  a delivery by it, under its id
//! handovers WEBHOOK_DONE#<command>      DONE          a command on webhooks that was carried out
//! outcomes  OUTCOME#<code>        OUTCOME             an outcome
//! outcomes  OUTCOME#<code>        EVENT#<seq:8>       an event of it
//! outcomes  OUTCOME#<code>        NOTE#<seq:8>        the text that came with an event
//! outcomes  LED#<report>          <created:15>#<code>  that a report led to an outcome
//! outcomes  RECORDED#<command>    RECORDED            a command on outcomes that was carried out
//! identities  IDENTITY#<member>   IDENTITY            who the member is in life, sealed
//! identities  IDENTITY#<member>   HEAD                the end of its chain of events
//! identities  IDENTITY#<member>   EVENT#<seq:8>       an event of it
//! identities  PHONE#<hash>        PHONE               whose phone number it is
//! identities  OPENING#<uuid>      OPENING             a request to open an identity
//! notices   INBOX#<audience>      NOTICE#<at:15>#<key>  a notice in the inbox of its audience
//! reports   REPORT#<code>         REPORT              a report
//! reports   REPORT#<code>         EVENT#<seq:8>       an event of it
//! reports   REPORT#<code>         CONTENT#<seq:8>#<part:2>  a text of it
//! reports   REPORT#<code>         QUEUE#<stage>       its place in a stage's queue
//! reports   REPORT#<code>         OPEN#<stage>        its place in a stage's lists of what is open and of what is late
//! reports   REPORT#<code>         ERASED#<uuid>       that a medium of it was erased
//! reports   ACCESS#<code>         HEAD                the end of its chain of readings, or that of a task, a
//!                                                     hand-over, an outcome, an export
//! reports   ACCESS#<code>         ACCESS#<seq:8>      one reading of it
//! reports   RECEIPT#<command>     RECEIPT             a command that was carried out
//! reports   MEDIA#<uuid>          MEDIA               a medium
//! rewards   FUND#<district>#<year>  FUND              a fund as it stands
//! rewards   FUND#<district>#<year>  ENTRY#<seq:8>     an entry of its ledger
//! rewards   FUND#<district>#<year>  HEAD              the end of the chain of who fetched its ledger as a file
//! rewards   FUND#<district>#<year>  ACCESS#<seq:8>    one fetching
//! rewards   RULES#<district>      RULES#<version:6>   a version of the rules of rewards
//! rewards   REWARD#<code>         REWARD              a reward
//! rewards   REWARD#<code>         EVENT#<seq:8>       an event of it
//! rewards   REWARD#<code>         SHARE#<number:2>    the share of one person, as statements show it
//! rewards   REWARD#<code>         PAYOUT#<number:2>   how a share is paid
//! rewards   REWARD#<code>         PAYOUT#<number:2>#<seq:8>  an event of that
//! rewards   BATCH#<code>          BATCH               a batch of transfers
//! rewards   BATCH#<code>          EVENT#<seq:8>       an event of it
//! rewards   BATCH#<code>          ORDER               its file for the bank, sealed, until the bank has answered
//! rewards   MATTER#<report>       MATTER              that a matter has a reward, or is to have one
//! rewards   MATTER#<report>       ADOPTED             that the report was adopted: a reward is to be proposed
//! rewards   MATTER#<report>       ALSO#<report>       that another report tells of the same matter
//! rewards   REWARDED#<member>     YEAR#<year>         what a person was rewarded with in a year
//! rewards   MATTER#<report>       REWARDED            with which reward a report was rewarded
//! rewards   REWARD_DONE#<command> DONE                a command on rewards that was carried out
//! rewards   AWARDS#<district>     <to:10>#<from:10>#<award>  the run of a period award, by the days of its period
//! rewards   AWARD#<district>#<award>#<from>#<to>  POINTS#<member>  what counts for a member in that run
//! rewards   FACTS#<district>#reports   <at:15>#<report>  that a report was adopted, for the period awards
//! rewards   FACTS#<district>#grades    <at:15>#<report>  that it has a grade, likewise
//! outcomes  FACTS#<district>#outcomes  <at:15>#<outcome>  that an outcome was confirmed, likewise
//! tasks     FACTS#<district>#tasks     <at:15>#<task>#<member>  that a task was answered, likewise
//! tallies   TALLY#<node>          DAY#<date>          the counters of a node on a day
//! tallies   TALLY#<node>          MONTH#<year>-<month>  the same of a month
//! tallies   TALLIED#<of>#<id>     TALLIED             which events of a report, a member or an outcome were counted
//! tasks     TASK#<code>           TASK                a task
//! tasks     TASK#<code>           EVENT#<seq:8>       an event of it
//! tasks     COUNT#<code>#<node>   COUNT               how many of a community have got, read, answered it
//! tasks     PLACE#<node>          <ends:15>#<code>    that a task runs in a node
//! tasks     RECEIPTS#<member>     <code>              what a reporter has done with a task; the member is named
//!                                                     as in sign-in, so that one read finds all of it
//! tasks     ANSWER#<member>#<code>  ANSWER            what a reporter has answered to a task; named likewise
//! tasks     DONE#<command>        DONE                a command on tasks that was carried out
//! ```
//!
//! The keys of the indexes, each named after the question that it answers:
//!
//! ```text
//! queue-by-stage        QUEUE#<node>#<stage>    <urgency>#<since:15>#<code>
//! open-reports-by-node  OPEN#<node>             <created:15>#<code>
//! deadlines-by-node     OPEN#<node>             <due:15>#<code>
//! reports-by-due        DUE#<shard>             <clock:15>#<code>
//! reports-by-reporter   REPORTER#<member>       <created:15>#<code>
//! reports-by-community  NODE#<node>             <created:15>#<code>
//! reports-by-station    NODE#<node>             <created:15>#<code>
//! reports-by-district   NODE#<node>             <created:15>#<code>
//! members-by-community  NODE#<node>             <created:15>#<member>
//! members-by-station    NODE#<node>             <created:15>#<member>
//! members-by-district   NODE#<node>             <created:15>#<member>
//! invites-by-community  NODE#<node>             <created:15>#<code>
//! openings-by-district  NODE#<node>             <created:15>#<uuid>
//! reports-by-task       TASK#<code>             <created:15>#<code>
//! tasks-by-community    NODE#<node>             <created:15>#<code>
//! tasks-by-station      NODE#<node>             <created:15>#<code>
//! tasks-by-district     NODE#<node>             <created:15>#<code>
//! answers-by-task       TASK#<code>             <answered:15>#<code>
//! outcomes-by-community NODE#<node>             <created:15>#<code>
//! outcomes-by-station   NODE#<node>             <created:15>#<code>
//! outcomes-by-district  NODE#<node>             <created:15>#<code>
//! outcomes-by-receiver  RECEIVER#<district>#agency#<agency>      <created:15>#<code>
//! outcomes-by-receiver  RECEIVER#<district>#district#<district>  <created:15>#<code>
//! outcomes-by-kind      KIND#<district>#<kind>  <on:10>#<code>
//! outcomes-to-confirm   NODE#<node>             <proposed:15>#<code>
//! handovers-by-district  NODE#<node>            <created:15>#<code>
//! handovers-by-receiver  RECEIVER#<receiver>    <created:15>#<code>
//! handovers-by-due      DUE#<shard>             <call:15>#<code>
//! rewards-by-district   NODE#<node>             <created:15>#<code>
//! rewards-by-state      STATE#<node>#<state>    <created:15>#<code>
//! payouts-by-state      PAYOUTS#<node>#<state>  <updated:15>#<code>#<number:2>
//! batches-by-state      BATCHES#<node>#<state>  <updated:15>#<code>
//! rewards-by-reporter   REPORTER#<member>       <created:15>#<code>
//! rewards-by-due        DUE#<shard>             <clock:15>#<code>
//! briefings-by-district NODE#<node>             <created:15>#<code>
//! exports-by-district   NODE#<node>             <created:15>#<code>
//! districts             DISTRICTS               <node>
//! ```
//!
//! Numbers are padded with zeros to the width after the colon, so that they sort as text;
//! moments are milliseconds since 1970. A receiver is `agency#<label>#<node>`, with the district
//! that hands over, or `district#<node>`. Neither codes, ids, names of nodes nor names of
//! closed lists contain `#`.

use jiff::civil::Date;
use pingan_domain::{
    Timestamp,
    award_rules::Source,
    award_run::RunId,
    briefing::{BriefingId, Period},
    code::Code,
    command::CommandId,
    district::Label,
    export::ExportId,
    handover::{HandoverId, Receiver},
    hash::Digest,
    identity::OpeningId,
    ledger::FundId,
    life::Stage,
    media::MediaId,
    member::{MemberId, Role},
    named::Named as _,
    notice::Audience,
    outcome::OutcomeId,
    payout::{PayoutId, PayoutState},
    payout_transfer::{BatchId, BatchState},
    report::{ReportId, Urgency},
    reward::{RewardId, RewardState},
    tally::Aggregate,
    task::TaskId,
    territory::{Level, NodeId},
    webhook::{DeliveryId, WebhookId},
};

/// What the sort keys of all readings of a report begin with.
pub const ACCESS_PREFIX: &str = "ACCESS#";

/// What the sort keys of all events begin with.
pub const EVENT_PREFIX: &str = "EVENT#";

/// What the sort keys of how shares are paid begin with.
pub const PAYOUT_PREFIX: &str = "PAYOUT#";

/// What the sort keys of what counts in the run of a period award begin with.
pub const POINTS_PREFIX: &str = "POINTS#";

/// What the sort keys of the entries of a ledger begin with.
pub const ENTRY_PREFIX: &str = "ENTRY#";

/// What the sort keys of the texts of an outcome begin with.
const NOTE_PREFIX: &str = "NOTE#";

/// What the sort keys of all notices begin with.
const NOTICE_PREFIX: &str = "NOTICE#";

/// What the sort keys of all comments begin with.
const COMMENT_PREFIX: &str = "COMMENT#";

/// What the sort keys of all readers begin with.
const READER_PREFIX: &str = "READER#";

/// The one partition in which all districts stand.
pub const DISTRICTS_PK: &str = "DISTRICTS";

/// The primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// A member, or an account under which one is found.
    Member(MemberId),
    /// An event of a membership.
    MemberEvent(MemberId, u64),
    /// A command on members that was carried out.
    Command(CommandId),
    /// The lists of a district.
    District(NodeId),
    /// A community's invite.
    Invite(Code),
    /// A member's personal invitation, under the keyed hash of its code.
    Invitation(Digest),
    /// Tries in vain of who is behind a keyed hash.
    Tries(Digest),
    /// How many reporters a community has, by their traits.
    Census(NodeId),
    /// A briefing.
    Briefing(BriefingId),
    /// A comment on a briefing, by the command that wrote it.
    BriefingComment(BriefingId, CommandId),
    /// That a member has read a briefing.
    BriefingReader(BriefingId, MemberId),
    /// An export.
    Export(ExportId),
    /// A hand-over.
    Handover(HandoverId),
    /// An outcome.
    Outcome(OutcomeId),
    /// An event of an outcome.
    OutcomeEvent(OutcomeId, u64),
    /// The text that came with an event of an outcome.
    OutcomeNote(OutcomeId, u64),
    /// That a report led to an outcome that was recorded at this moment.
    OutcomeLead(ReportId, Timestamp, OutcomeId),
    /// A command on outcomes that was carried out.
    OutcomeDone(CommandId),
    /// An event of a hand-over.
    HandoverEvent(HandoverId, u64),
    /// A fund.
    Fund(FundId),
    /// An entry of the ledger of a fund.
    FundEntry(FundId, u64),
    /// The end of the chain of who fetched the ledger of a fund as a file.
    FundAccessHead(FundId),
    /// One fetching of it.
    FundAccess(FundId, u64),
    /// A version of the rules of rewards of a district.
    RewardRules(NodeId, u32),
    /// A reward.
    Reward(RewardId),
    /// An event of a reward.
    RewardEvent(RewardId, u64),
    /// The share of one person in a reward.
    RewardShare(RewardId, u8),
    /// How a share is paid.
    Payout(PayoutId),
    /// An event of how a share is paid.
    PayoutEvent(PayoutId, u64),
    /// A batch of transfers.
    Batch(BatchId),
    /// An event of a batch.
    BatchEvent(BatchId, u64),
    /// The file of a batch for the bank, sealed.
    BatchOrder(BatchId),
    /// That a matter has a reward, or is to have one.
    Matter(ReportId),
    /// That a report was adopted.
    MatterAdopted(ReportId),
    /// With which reward a report was rewarded.
    ReportRewarded(ReportId),
    /// That another report tells of the same matter.
    MatterAlso(ReportId, ReportId),
    /// What a person was rewarded with in a year.
    RewardedYear(MemberId, i16),
    /// A command on rewards that was carried out.
    RewardDone(CommandId),
    /// A run of a period award.
    AwardRun(RunId),
    /// What counts for a member in a run.
    AwardPoints(RunId, MemberId),
    /// That a report was adopted in a district at this moment.
    AdoptedFact(NodeId, Timestamp, ReportId),
    /// That a report has a grade whose reward was proposed at this moment.
    GradeFact(NodeId, Timestamp, ReportId),
    /// That an outcome was confirmed at this moment.
    OutcomeFact(NodeId, Timestamp, OutcomeId),
    /// That a member answered a task at this moment.
    TaskFact(NodeId, Timestamp, TaskId, MemberId),
    /// The counters of a node.
    Tally(NodeId, Span),
    /// Which events were counted.
    Tallied(Aggregate),
    /// The webhook of an agency.
    Webhook(WebhookId),
    /// An event of a webhook.
    WebhookEvent(WebhookId, u64),
    /// A delivery by a webhook.
    Delivery(WebhookId, DeliveryId),
    /// A command on webhooks that was carried out.
    WebhookDone(CommandId),
    /// Who a member is in life.
    Identity(MemberId),
    /// The end of an identity's chain of events.
    IdentityHead(MemberId),
    /// An event of an identity.
    IdentityEvent(MemberId, u64),
    /// Whose phone number it is, under the number's keyed hash.
    Phone(Digest),
    /// A request to open an identity.
    Opening(OpeningId),
    /// A notice in the inbox of those whom it is for.
    Notice(Audience, Timestamp, String),
    /// A report.
    Report(ReportId),
    /// An event of a report.
    Event(ReportId, u64),
    /// A text of a report.
    Content(ReportId, u64, u8),
    /// A report's place in the queue of a stage.
    QueueEntry(ReportId, Stage),
    /// A report's place in the lists of the node of a stage: of what is open, and of deadlines.
    OpenEntry(ReportId, Stage),
    /// That a medium of a report was erased.
    Erasure(ReportId, MediaId),
    /// The end of a report's chain of readings.
    AccessHead(ReportId),
    /// One reading of a report.
    Access(ReportId, u64),
    /// A command that was carried out.
    Receipt(CommandId),
    /// A medium.
    Media(MediaId),
    /// A task.
    Task(TaskId),
    /// An event of a task.
    TaskEvent(TaskId, u64),
    /// How many of a community have got, read and answered a task.
    TaskCount(TaskId, NodeId),
    /// That a task runs in a node, until this moment.
    TaskPlace(NodeId, Timestamp, TaskId),
    /// What a reporter has done with a task, under the id with which they sign in. A membership
    /// has one for good.
    TaskReceipt(MemberId, TaskId),
    /// What a reporter has answered to a task, likewise.
    TaskAnswer(MemberId, TaskId),
    /// A command on tasks that was carried out.
    TaskDone(CommandId),
}

/// A time of which counters are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Span {
    /// A day.
    Day(Date),
    /// The month that begins on this day.
    Month(Date),
}

impl Span {
    /// The month of a day.
    pub fn month_of(day: Date) -> Self {
        Self::Month(day.first_of_month())
    }
}

/// As the sort keys of counters have it.
impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Day(day) => write!(f, "DAY#{day}"),
            Self::Month(month) => write!(f, "MONTH#{:04}-{:02}", month.year(), month.month()),
        }
    }
}

/// The tables there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Briefings and exports.
    Documents,
    /// Hand-overs.
    Handovers,
    /// Who members are in life.
    Identities,
    /// Members.
    Members,
    /// What people are told.
    Notices,
    /// Outcomes.
    Outcomes,
    /// Reports and what belongs to them.
    Reports,
    /// Rewards, their rules, and the ledgers of the funds.
    Rewards,
    /// The counters of the statistics.
    Tallies,
    /// Tasks and what reporters do with them.
    Tasks,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 10] = [
        Self::Documents,
        Self::Handovers,
        Self::Identities,
        Self::Members,
        Self::Notices,
        Self::Outcomes,
        Self::Reports,
        Self::Rewards,
        Self::Tallies,
        Self::Tasks,
    ];
}

impl Key {
    /// The table in which the item stands.
    pub fn table(&self) -> Table {
        match self {
            Self::Member(_)
            | Self::MemberEvent(..)
            | Self::Command(_)
            | Self::District(_)
            | Self::Invite(_)
            | Self::Invitation(_)
            | Self::Tries(_)
            | Self::Census(_) => Table::Members,
            Self::Identity(_) | Self::IdentityHead(_) | Self::IdentityEvent(..) | Self::Phone(_) | Self::Opening(_) => {
                Table::Identities
            }
            Self::Briefing(_) | Self::BriefingComment(..) | Self::BriefingReader(..) | Self::Export(_) => {
                Table::Documents
            }
            Self::Handover(_)
            | Self::HandoverEvent(..)
            | Self::Webhook(_)
            | Self::WebhookEvent(..)
            | Self::Delivery(..)
            | Self::WebhookDone(_) => Table::Handovers,
            Self::Outcome(_)
            | Self::OutcomeEvent(..)
            | Self::OutcomeNote(..)
            | Self::OutcomeLead(..)
            | Self::OutcomeFact(..)
            | Self::OutcomeDone(_) => Table::Outcomes,
            Self::Fund(_)
            | Self::FundEntry(..)
            | Self::FundAccessHead(_)
            | Self::FundAccess(..)
            | Self::RewardRules(..)
            | Self::Reward(_)
            | Self::RewardEvent(..)
            | Self::RewardShare(..)
            | Self::Payout(_)
            | Self::PayoutEvent(..)
            | Self::Batch(_)
            | Self::BatchEvent(..)
            | Self::BatchOrder(_)
            | Self::Matter(_)
            | Self::MatterAdopted(_)
            | Self::ReportRewarded(_)
            | Self::MatterAlso(..)
            | Self::RewardedYear(..)
            | Self::AwardRun(_)
            | Self::AwardPoints(..)
            | Self::AdoptedFact(..)
            | Self::GradeFact(..)
            | Self::RewardDone(_) => Table::Rewards,
            Self::Tally(..) | Self::Tallied(_) => Table::Tallies,
            Self::Notice(..) => Table::Notices,
            Self::Task(_)
            | Self::TaskEvent(..)
            | Self::TaskCount(..)
            | Self::TaskPlace(..)
            | Self::TaskReceipt(..)
            | Self::TaskAnswer(..)
            | Self::TaskFact(..)
            | Self::TaskDone(_) => Table::Tasks,
            _ => Table::Reports,
        }
    }

    /// What the item is, as its `type` attribute says.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Member(_) => "member",
            Self::MemberEvent(..) => "member_event",
            Self::Command(_) => "command",
            Self::District(_) => "district",
            Self::Invite(_) => "invite",
            Self::Invitation(_) => "invitation",
            Self::Tries(_) => "tries",
            Self::Census(_) => "census",
            Self::Briefing(_) => "briefing",
            Self::BriefingComment(..) => "briefing_comment",
            Self::BriefingReader(..) => "briefing_reader",
            Self::Export(_) => "export",
            Self::Handover(_) => "handover",
            Self::Outcome(_) => "outcome",
            Self::OutcomeEvent(..) => "outcome_event",
            Self::OutcomeNote(..) => "outcome_note",
            Self::OutcomeLead(..) => "outcome_lead",
            Self::OutcomeDone(_) => "outcome_done",
            Self::HandoverEvent(..) => "handover_event",
            Self::Fund(_) => "fund",
            Self::FundEntry(..) => "fund_entry",
            Self::FundAccessHead(_) => "fund_access_head",
            Self::FundAccess(..) => "fund_access",
            Self::RewardRules(..) => "reward_rules",
            Self::Reward(_) => "reward",
            Self::RewardEvent(..) => "reward_event",
            Self::RewardShare(..) => "reward_share",
            Self::Payout(_) => "payout",
            Self::PayoutEvent(..) => "payout_event",
            Self::Batch(_) => "batch",
            Self::BatchEvent(..) => "batch_event",
            Self::BatchOrder(_) => "batch_order",
            Self::Matter(_) => "matter",
            Self::MatterAdopted(_) => "matter_adopted",
            Self::ReportRewarded(_) => "report_rewarded",
            Self::MatterAlso(..) => "matter_also",
            Self::RewardedYear(..) => "rewarded_year",
            Self::RewardDone(_) => "reward_done",
            Self::AwardRun(_) => "award_run",
            Self::AwardPoints(..) => "award_points",
            Self::AdoptedFact(..) => "adopted_fact",
            Self::GradeFact(..) => "grade_fact",
            Self::OutcomeFact(..) => "outcome_fact",
            Self::TaskFact(..) => "task_fact",
            Self::Tally(..) => "tally",
            Self::Tallied(_) => "tallied",
            Self::Webhook(_) => "webhook",
            Self::WebhookEvent(..) => "webhook_event",
            Self::Delivery(..) => "delivery",
            Self::WebhookDone(_) => "webhook_done",
            Self::Identity(_) => "identity",
            Self::IdentityHead(_) => "identity_head",
            Self::IdentityEvent(..) => "identity_event",
            Self::Phone(_) => "phone",
            Self::Opening(_) => "opening",
            Self::Notice(..) => "notice",
            Self::Report(_) => "report",
            Self::Event(..) => "event",
            Self::Content(..) => "content",
            Self::QueueEntry(..) => "queue_entry",
            Self::OpenEntry(..) => "open_entry",
            Self::Erasure(..) => "erasure",
            Self::AccessHead(_) => "access_head",
            Self::Access(..) => "access",
            Self::Receipt(_) => "receipt",
            Self::Media(_) => "media",
            Self::Task(_) => "task",
            Self::TaskEvent(..) => "task_event",
            Self::TaskCount(..) => "task_count",
            Self::TaskPlace(..) => "task_place",
            Self::TaskReceipt(..) => "task_receipt",
            Self::TaskAnswer(..) => "task_answer",
            Self::TaskDone(_) => "task_done",
        }
    }

    /// The partition key.
    pub fn pk(&self) -> String {
        match self {
            Self::Member(id) | Self::MemberEvent(id, _) => format!("MEMBER#{id}"),
            Self::Command(command) => format!("COMMAND#{command}"),
            Self::District(node) => format!("DISTRICT#{node}"),
            Self::Invite(code) => format!("INVITE#{}", code.as_str()),
            Self::Invitation(hash) => format!("INVITATION#{hash}"),
            Self::Tries(hash) => format!("TRIES#{hash}"),
            Self::Census(node) => format!("CENSUS#{node}"),
            Self::Handover(id) | Self::HandoverEvent(id, _) => handover_pk(*id),
            Self::Outcome(id) | Self::OutcomeEvent(id, _) | Self::OutcomeNote(id, _) => outcome_pk(*id),
            Self::OutcomeLead(report, ..) => led_pk(*report),
            Self::OutcomeDone(command) => format!("RECORDED#{command}"),
            Self::Fund(id) | Self::FundEntry(id, _) | Self::FundAccessHead(id) | Self::FundAccess(id, _) => fund_pk(id),
            Self::RewardRules(district, _) => rules_pk(district),
            Self::Reward(id) | Self::RewardEvent(id, _) | Self::RewardShare(id, _) => reward_pk(*id),
            Self::Payout(id) | Self::PayoutEvent(id, _) => reward_pk(id.reward),
            Self::Batch(id) | Self::BatchEvent(id, _) | Self::BatchOrder(id) => batch_pk(*id),
            Self::Matter(report)
            | Self::MatterAdopted(report)
            | Self::MatterAlso(report, _)
            | Self::ReportRewarded(report) => matter_pk(*report),
            Self::RewardedYear(member, _) => format!("REWARDED#{member}"),
            Self::RewardDone(command) => format!("REWARD_DONE#{command}"),
            Self::AwardRun(id) => awards_pk(&id.district),
            Self::AwardPoints(id, _) => points_pk(id),
            Self::AdoptedFact(district, ..) => facts_pk(district, Source::Reports),
            Self::GradeFact(district, ..) => facts_pk(district, Source::Grades),
            Self::OutcomeFact(district, ..) => facts_pk(district, Source::Outcomes),
            Self::TaskFact(district, ..) => facts_pk(district, Source::Tasks),
            Self::Tally(node, _) => tally_pk(node),
            Self::Tallied(Aggregate::Report(id)) => format!("TALLIED#report#{}", id.as_str()),
            Self::Tallied(Aggregate::Member(id)) => format!("TALLIED#member#{id}"),
            Self::Tallied(Aggregate::Outcome(id)) => format!("TALLIED#outcome#{}", id.as_str()),
            Self::Tallied(Aggregate::Reward(id)) => format!("TALLIED#reward#{}", id.as_str()),
            Self::Webhook(id) | Self::WebhookEvent(id, _) => webhook_pk(id),
            Self::Delivery(id, _) => deliveries_pk(id),
            Self::WebhookDone(command) => format!("WEBHOOK_DONE#{command}"),
            Self::Briefing(id) | Self::BriefingComment(id, _) | Self::BriefingReader(id, _) => {
                format!("BRIEFING#{}", id.as_str())
            }
            Self::Export(id) => format!("EXPORT#{}", id.as_str()),
            Self::Identity(id) | Self::IdentityHead(id) | Self::IdentityEvent(id, _) => format!("IDENTITY#{id}"),
            Self::Phone(hash) => format!("PHONE#{hash}"),
            Self::Opening(id) => format!("OPENING#{id}"),
            Self::Notice(to, ..) => inbox_pk(to),
            Self::Report(id)
            | Self::Event(id, _)
            | Self::Content(id, ..)
            | Self::QueueEntry(id, _)
            | Self::OpenEntry(id, _)
            | Self::Erasure(id, _) => format!("REPORT#{}", id.as_str()),
            Self::AccessHead(id) | Self::Access(id, _) => format!("ACCESS#{}", id.as_str()),
            Self::Receipt(command) => format!("RECEIPT#{command}"),
            Self::Media(id) => format!("MEDIA#{id}"),
            Self::Task(id) | Self::TaskEvent(id, _) => task_pk(*id),
            Self::TaskCount(id, node) => format!("COUNT#{}#{node}", id.as_str()),
            Self::TaskAnswer(member, id) => format!("ANSWER#{member}#{}", id.as_str()),
            Self::TaskPlace(node, ..) => place_pk(node),
            Self::TaskReceipt(member, _) => receipts_pk(member),
            Self::TaskDone(command) => format!("DONE#{command}"),
        }
    }

    /// The sort key.
    pub fn sk(&self) -> String {
        match self {
            Self::Member(_) => "MEMBER".to_owned(),
            Self::Command(_) => "COMMAND".to_owned(),
            Self::District(_) => "DISTRICT".to_owned(),
            Self::Invite(_) => "INVITE".to_owned(),
            Self::Invitation(_) => "INVITATION".to_owned(),
            Self::Tries(_) => "TRIES".to_owned(),
            Self::Census(_) => "CENSUS".to_owned(),
            Self::Briefing(_) => "BRIEFING".to_owned(),
            Self::BriefingComment(_, command) => format!("{COMMENT_PREFIX}{command}"),
            Self::BriefingReader(_, member) => format!("{READER_PREFIX}{member}"),
            Self::Export(_) => "EXPORT".to_owned(),
            Self::Handover(_) => "HANDOVER".to_owned(),
            Self::Outcome(_) => "OUTCOME".to_owned(),
            Self::OutcomeNote(_, seq) => format!("{NOTE_PREFIX}{seq:08}"),
            Self::OutcomeLead(_, created_at, id) => created_sk(*created_at, id.as_str()),
            Self::OutcomeDone(_) => "RECORDED".to_owned(),
            Self::Fund(_) => "FUND".to_owned(),
            Self::FundEntry(_, seq) => format!("{ENTRY_PREFIX}{seq:08}"),
            Self::RewardRules(_, version) => format!("RULES#{version:06}"),
            Self::Reward(_) => "REWARD".to_owned(),
            Self::RewardShare(_, share) => format!("SHARE#{share:02}"),
            Self::Payout(id) => format!("{PAYOUT_PREFIX}{:02}", id.share),
            Self::PayoutEvent(id, seq) => format!("{PAYOUT_PREFIX}{:02}#{seq:08}", id.share),
            Self::Batch(_) => "BATCH".to_owned(),
            Self::BatchOrder(_) => "ORDER".to_owned(),
            Self::Matter(_) => "MATTER".to_owned(),
            Self::MatterAdopted(_) => "ADOPTED".to_owned(),
            Self::ReportRewarded(_) => "REWARDED".to_owned(),
            Self::MatterAlso(_, report) => format!("ALSO#{}", report.as_str()),
            Self::RewardedYear(_, year) => format!("YEAR#{year:04}"),
            Self::AwardRun(RunId { award, period, .. }) => format!("{}#{}#{award}", period.to, period.from),
            Self::AwardPoints(_, member) => format!("{POINTS_PREFIX}{member}"),
            Self::AdoptedFact(_, at, id) | Self::GradeFact(_, at, id) | Self::OutcomeFact(_, at, id) => {
                created_sk(*at, id.as_str())
            }
            Self::TaskFact(_, at, id, member) => format!("{}#{member}", created_sk(*at, id.as_str())),
            Self::Tally(_, span) => span.to_string(),
            Self::Tallied(_) => "TALLIED".to_owned(),
            Self::Webhook(_) => "WEBHOOK".to_owned(),
            Self::Delivery(_, id) => id.to_string(),
            Self::Identity(_) => "IDENTITY".to_owned(),
            Self::Phone(_) => "PHONE".to_owned(),
            Self::Opening(_) => "OPENING".to_owned(),
            Self::Notice(_, at, key) => format!("{}#{key}", inbox_sk(*at)),
            Self::Report(_) => "REPORT".to_owned(),
            Self::Event(_, seq)
            | Self::MemberEvent(_, seq)
            | Self::HandoverEvent(_, seq)
            | Self::IdentityEvent(_, seq)
            | Self::OutcomeEvent(_, seq)
            | Self::RewardEvent(_, seq)
            | Self::BatchEvent(_, seq)
            | Self::TaskEvent(_, seq)
            | Self::WebhookEvent(_, seq) => format!("{EVENT_PREFIX}{seq:08}"),
            Self::Content(_, seq, part) => format!("CONTENT#{seq:08}#{part:02}"),
            Self::QueueEntry(_, stage) => format!("QUEUE#{stage}"),
            Self::OpenEntry(_, stage) => format!("OPEN#{stage}"),
            Self::Erasure(_, media) => format!("ERASED#{media}"),
            Self::AccessHead(_) | Self::FundAccessHead(_) | Self::IdentityHead(_) => "HEAD".to_owned(),
            Self::Access(_, seq) | Self::FundAccess(_, seq) => format!("{ACCESS_PREFIX}{seq:08}"),
            Self::Receipt(_) => "RECEIPT".to_owned(),
            Self::Media(_) => "MEDIA".to_owned(),
            Self::Task(_) => "TASK".to_owned(),
            Self::TaskCount(..) => "COUNT".to_owned(),
            Self::TaskAnswer(..) => "ANSWER".to_owned(),
            Self::TaskPlace(_, ends_at, id) => created_sk(*ends_at, id.as_str()),
            Self::TaskReceipt(_, id) => id.as_str().to_owned(),
            Self::RewardDone(_) | Self::TaskDone(_) | Self::WebhookDone(_) => "DONE".to_owned(),
        }
    }

    /// Reads a key back; none when it is not of the grammar.
    pub fn parse(pk: &str, sk: &str) -> Option<Self> {
        let (kind, id) = pk.split_once('#')?;
        let report = || Code::parse(id).ok();
        let member = || MemberId::parse(id).ok();
        let number = |sk: &str| sk.strip_prefix(EVENT_PREFIX)?.parse().ok();
        let key = match (kind, sk) {
            ("MEMBER", "MEMBER") => Self::Member(MemberId::from_key(id).ok()?),
            ("MEMBER", sk) => Self::MemberEvent(member()?, number(sk)?),
            ("COMMAND", "COMMAND") => Self::Command(serde_json::from_value(id.into()).ok()?),
            ("DISTRICT", "DISTRICT") => Self::District(NodeId::parse(id).ok()?),
            ("INVITE", "INVITE") => Self::Invite(report()?),
            ("INVITATION", "INVITATION") => Self::Invitation(Digest::parse(id)?),
            ("TRIES", "TRIES") => Self::Tries(Digest::parse(id)?),
            ("CENSUS", "CENSUS") => Self::Census(NodeId::parse(id).ok()?),
            ("BRIEFING", "BRIEFING") => Self::Briefing(report()?),
            ("EXPORT", "EXPORT") => Self::Export(report()?),
            ("BRIEFING", sk) => match sk.split_once('#')? {
                ("COMMENT", command) => Self::BriefingComment(report()?, serde_json::from_value(command.into()).ok()?),
                ("READER", member) => Self::BriefingReader(report()?, MemberId::parse(member).ok()?),
                _ => return None,
            },
            ("HANDOVER", "HANDOVER") => Self::Handover(report()?),
            ("OUTCOME", "OUTCOME") => Self::Outcome(report()?),
            ("OUTCOME", sk) => match sk.split_once('#')? {
                ("EVENT", seq) => Self::OutcomeEvent(report()?, seq.parse().ok()?),
                ("NOTE", seq) => Self::OutcomeNote(report()?, seq.parse().ok()?),
                _ => return None,
            },
            ("LED", sk) => {
                let (created_at, id) = sk.split_once('#')?;
                let created_at = Timestamp::from_millisecond(created_at.parse().ok()?).ok()?;
                Self::OutcomeLead(report()?, created_at, Code::parse(id).ok()?)
            }
            ("RECORDED", "RECORDED") => Self::OutcomeDone(serde_json::from_value(id.into()).ok()?),
            ("HANDOVER", sk) => Self::HandoverEvent(report()?, number(sk)?),
            (
                "FUND" | "RULES" | "REWARD" | "BATCH" | "MATTER" | "REWARDED" | "REWARD_DONE" | "AWARDS" | "AWARD",
                sk,
            ) => Self::of_rewards(kind, id, sk)?,
            ("FACTS", sk) => Self::of_facts(id, sk)?,
            ("TALLY", sk) => Self::Tally(NodeId::parse(id).ok()?, span(sk)?),
            ("TALLIED", "TALLIED") => {
                let (of, id) = id.split_once('#')?;
                Self::Tallied(match of {
                    "report" => Aggregate::Report(Code::parse(id).ok()?),
                    "member" => Aggregate::Member(MemberId::parse(id).ok()?),
                    "outcome" => Aggregate::Outcome(Code::parse(id).ok()?),
                    "reward" => Aggregate::Reward(Code::parse(id).ok()?),
                    _ => return None,
                })
            }
            ("IDENTITY", "IDENTITY") => Self::Identity(member()?),
            ("IDENTITY", "HEAD") => Self::IdentityHead(member()?),
            ("IDENTITY", sk) => Self::IdentityEvent(member()?, number(sk)?),
            ("PHONE", "PHONE") => Self::Phone(Digest::parse(id)?),
            ("OPENING", "OPENING") => Self::Opening(id.parse().ok()?),
            ("INBOX", sk) => {
                let (at, key) = sk.strip_prefix(NOTICE_PREFIX)?.split_once('#')?;
                let at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
                Self::Notice(audience(id)?, at, key.to_owned())
            }
            ("REPORT", "REPORT") => Self::Report(report()?),
            ("REPORT", sk) => match sk.split_once('#')? {
                ("EVENT", seq) => Self::Event(report()?, seq.parse().ok()?),
                ("CONTENT", rest) => {
                    let (seq, part) = rest.split_once('#')?;
                    Self::Content(report()?, seq.parse().ok()?, part.parse().ok()?)
                }
                ("QUEUE", stage) => Self::QueueEntry(report()?, Stage::from_name(stage)?),
                ("OPEN", stage) => Self::OpenEntry(report()?, Stage::from_name(stage)?),
                ("ERASED", media) => Self::Erasure(report()?, media.parse().ok()?),
                _ => return None,
            },
            ("ACCESS", "HEAD") => Self::AccessHead(report()?),
            ("ACCESS", sk) => Self::Access(report()?, sk.strip_prefix(ACCESS_PREFIX)?.parse().ok()?),
            ("RECEIPT", "RECEIPT") => Self::Receipt(serde_json::from_value(id.into()).ok()?),
            ("MEDIA", "MEDIA") => Self::Media(id.parse().ok()?),
            ("WEBHOOK", "WEBHOOK") => Self::Webhook(webhook(id)?),
            ("WEBHOOK", sk) => Self::WebhookEvent(webhook(id)?, number(sk)?),
            ("DELIVERIES", sk) => Self::Delivery(webhook(id)?, sk.parse().ok()?),
            ("WEBHOOK_DONE", "DONE") => Self::WebhookDone(serde_json::from_value(id.into()).ok()?),
            ("TASK", "TASK") => Self::Task(report()?),
            ("TASK", sk) => Self::TaskEvent(report()?, number(sk)?),
            ("COUNT", "COUNT") => {
                let (task, node) = id.split_once('#')?;
                Self::TaskCount(Code::parse(task).ok()?, NodeId::parse(node).ok()?)
            }
            ("ANSWER", "ANSWER") => {
                let (member, task) = id.split_once('#')?;
                Self::TaskAnswer(MemberId::from_key(member).ok()?, Code::parse(task).ok()?)
            }
            ("PLACE", sk) => {
                let (ends_at, task) = sk.split_once('#')?;
                let ends_at = Timestamp::from_millisecond(ends_at.parse().ok()?).ok()?;
                Self::TaskPlace(NodeId::parse(id).ok()?, ends_at, Code::parse(task).ok()?)
            }
            ("RECEIPTS", sk) => Self::TaskReceipt(MemberId::from_key(id).ok()?, Code::parse(sk).ok()?),
            ("DONE", "DONE") => Self::TaskDone(serde_json::from_value(id.into()).ok()?),
            _ => return None,
        };
        // Only the canonical spelling is a key: `EVENT#1` is not `EVENT#00000001`.
        (key.pk() == pk && key.sk() == sk).then_some(key)
    }

    /// The key of an item of the rewards.
    fn of_rewards(kind: &str, id: &str, sk: &str) -> Option<Self> {
        Some(match (kind, sk) {
            ("FUND", "FUND") => Self::Fund(fund(id)?),
            ("FUND", "HEAD") => Self::FundAccessHead(fund(id)?),
            ("FUND", sk) => match sk.strip_prefix(ACCESS_PREFIX) {
                Some(seq) => Self::FundAccess(fund(id)?, seq.parse().ok()?),
                None => Self::FundEntry(fund(id)?, sk.strip_prefix(ENTRY_PREFIX)?.parse().ok()?),
            },
            ("RULES", sk) => Self::RewardRules(NodeId::parse(id).ok()?, sk.strip_prefix("RULES#")?.parse().ok()?),
            ("REWARD", "REWARD") => Self::Reward(Code::parse(id).ok()?),
            ("REWARD", sk) => match sk.split_once('#')? {
                ("EVENT", seq) => Self::RewardEvent(Code::parse(id).ok()?, seq.parse().ok()?),
                ("SHARE", share) => Self::RewardShare(Code::parse(id).ok()?, share.parse().ok()?),
                ("PAYOUT", rest) => {
                    let of = |share: &str| Some(PayoutId { reward: Code::parse(id).ok()?, share: share.parse().ok()? });
                    match rest.split_once('#') {
                        None => Self::Payout(of(rest)?),
                        Some((share, seq)) => Self::PayoutEvent(of(share)?, seq.parse().ok()?),
                    }
                }
                _ => return None,
            },
            ("BATCH", "BATCH") => Self::Batch(Code::parse(id).ok()?),
            ("BATCH", "ORDER") => Self::BatchOrder(Code::parse(id).ok()?),
            ("BATCH", sk) => Self::BatchEvent(Code::parse(id).ok()?, sk.strip_prefix(EVENT_PREFIX)?.parse().ok()?),
            ("MATTER", "MATTER") => Self::Matter(Code::parse(id).ok()?),
            ("MATTER", "ADOPTED") => Self::MatterAdopted(Code::parse(id).ok()?),
            ("MATTER", "REWARDED") => Self::ReportRewarded(Code::parse(id).ok()?),
            ("MATTER", sk) => Self::MatterAlso(Code::parse(id).ok()?, Code::parse(sk.strip_prefix("ALSO#")?).ok()?),
            ("REWARDED", sk) => Self::RewardedYear(MemberId::parse(id).ok()?, sk.strip_prefix("YEAR#")?.parse().ok()?),
            ("REWARD_DONE", "DONE") => Self::RewardDone(serde_json::from_value(id.into()).ok()?),
            ("AWARDS", sk) => {
                let (to, rest) = sk.split_once('#')?;
                let (from, award) = rest.split_once('#')?;
                Self::AwardRun(run(id, award, from, to)?)
            }
            ("AWARD", sk) => {
                let (district, rest) = id.split_once('#')?;
                let (award, days) = rest.split_once('#')?;
                let (from, to) = days.split_once('#')?;
                let member = MemberId::parse(sk.strip_prefix(POINTS_PREFIX)?).ok()?;
                Self::AwardPoints(run(district, award, from, to)?, member)
            }
            _ => return None,
        })
    }

    /// The key of what can give points.
    fn of_facts(id: &str, sk: &str) -> Option<Self> {
        let (district, source) = id.split_once('#')?;
        let (at, rest) = sk.split_once('#')?;
        let (district, at) = (NodeId::parse(district).ok()?, Timestamp::from_millisecond(at.parse().ok()?).ok()?);
        Some(match Source::from_name(source)? {
            Source::Reports => Self::AdoptedFact(district, at, Code::parse(rest).ok()?),
            Source::Grades => Self::GradeFact(district, at, Code::parse(rest).ok()?),
            Source::Outcomes => Self::OutcomeFact(district, at, Code::parse(rest).ok()?),
            Source::Tasks => {
                let (task, member) = rest.split_once('#')?;
                Self::TaskFact(district, at, Code::parse(task).ok()?, MemberId::parse(member).ok()?)
            }
        })
    }
}

/// The indexes of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Index {
    /// What does a stage of a node have to review, most urgent and oldest first?
    QueueByStage,
    /// What is open in a node, oldest first?
    OpenReportsByNode,
    /// What has a deadline in a node, earliest first?
    DeadlinesByNode,
    /// On which reports must the clock act, earliest first? Over all districts, in shards.
    ReportsByDue,
    /// What has a reporter sent in, newest first?
    ReportsByReporter,
    /// What came from a node of this level, newest first?
    ReportsByNode(Level),
    /// Who belongs to a node of this level or below it, in the order in which they came?
    MembersByNode(Level),
    /// Which invites has a community, newest first?
    InvitesByCommunity,
    /// Which openings of identities were asked for in a district, newest first?
    OpeningsByDistrict,
    /// Which reports answer a task, newest first?
    ReportsByTask,
    /// Which tasks were made in a node of this level or below it, newest first?
    TasksByNode(Level),
    /// Which answers has a task, in the order in which they came?
    AnswersByTask,
    /// Which outcomes came of reports of a node of this level, newest first?
    OutcomesByNode(Level),
    /// Which outcomes has an agency or another district recorded, newest first?
    OutcomesByReceiver,
    /// Which outcomes of a kind came about in a district around a day?
    OutcomesByKind,
    /// Which outcomes wait to be confirmed in a district, oldest first?
    OutcomesToConfirm,
    /// What has a district handed over, newest first?
    HandoversByDistrict,
    /// What was handed over to an agency or a district, newest first?
    HandoversByReceiver,
    /// On which hand-overs has the clock to look, and when? Only what is open stands in it.
    HandoversByDue,
    /// Which rewards has a district, newest first?
    RewardsByDistrict,
    /// Which rewards of a district are in a state, oldest first?
    RewardsByState,
    /// What was a reporter rewarded with, newest first?
    RewardsByReporter,
    /// On which rewards has the clock to look, and when? Only what waits to be claimed stands in it.
    RewardsByDue,
    /// Which payouts of a district are in a state, what has waited longest first?
    PayoutsByState,
    /// Which batches of a district are in a state, what has waited longest first?
    BatchesByState,
    /// Which briefings has a district, newest first?
    BriefingsByDistrict,
    /// Which exports were asked for in a district, newest first?
    ExportsByDistrict,
    /// Which districts are there?
    Districts,
}

impl Index {
    /// Every index.
    pub const ALL: [Self; 36] = [
        Self::QueueByStage,
        Self::OpenReportsByNode,
        Self::DeadlinesByNode,
        Self::ReportsByDue,
        Self::ReportsByReporter,
        Self::ReportsByNode(Level::Community),
        Self::ReportsByNode(Level::Station),
        Self::ReportsByNode(Level::District),
        Self::MembersByNode(Level::Community),
        Self::MembersByNode(Level::Station),
        Self::MembersByNode(Level::District),
        Self::InvitesByCommunity,
        Self::OpeningsByDistrict,
        Self::ReportsByTask,
        Self::TasksByNode(Level::Community),
        Self::TasksByNode(Level::Station),
        Self::TasksByNode(Level::District),
        Self::AnswersByTask,
        Self::OutcomesByNode(Level::Community),
        Self::OutcomesByNode(Level::Station),
        Self::OutcomesByNode(Level::District),
        Self::OutcomesByReceiver,
        Self::OutcomesByKind,
        Self::OutcomesToConfirm,
        Self::HandoversByDistrict,
        Self::HandoversByReceiver,
        Self::HandoversByDue,
        Self::RewardsByDistrict,
        Self::RewardsByState,
        Self::RewardsByReporter,
        Self::RewardsByDue,
        Self::PayoutsByState,
        Self::BatchesByState,
        Self::BriefingsByDistrict,
        Self::ExportsByDistrict,
        Self::Districts,
    ];

    /// The table that it belongs to.
    pub fn table(self) -> Table {
        match self {
            Self::QueueByStage
            | Self::OpenReportsByNode
            | Self::DeadlinesByNode
            | Self::ReportsByDue
            | Self::ReportsByReporter
            | Self::ReportsByNode(_)
            | Self::ReportsByTask => Table::Reports,
            Self::MembersByNode(_) | Self::InvitesByCommunity | Self::Districts => Table::Members,
            Self::BriefingsByDistrict | Self::ExportsByDistrict => Table::Documents,
            Self::OpeningsByDistrict => Table::Identities,
            Self::TasksByNode(_) | Self::AnswersByTask => Table::Tasks,
            Self::OutcomesByNode(_) | Self::OutcomesByReceiver | Self::OutcomesByKind | Self::OutcomesToConfirm => {
                Table::Outcomes
            }
            Self::HandoversByDistrict | Self::HandoversByReceiver | Self::HandoversByDue => Table::Handovers,
            Self::RewardsByDistrict
            | Self::RewardsByState
            | Self::RewardsByReporter
            | Self::RewardsByDue
            | Self::PayoutsByState
            | Self::BatchesByState => Table::Rewards,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::QueueByStage => "queue-by-stage",
            Self::OpenReportsByNode => "open-reports-by-node",
            Self::DeadlinesByNode => "deadlines-by-node",
            Self::ReportsByDue => "reports-by-due",
            Self::ReportsByReporter => "reports-by-reporter",
            Self::ReportsByNode(Level::Community) => "reports-by-community",
            Self::ReportsByNode(Level::Station) => "reports-by-station",
            Self::ReportsByNode(Level::District) => "reports-by-district",
            Self::MembersByNode(Level::Community) => "members-by-community",
            Self::MembersByNode(Level::Station) => "members-by-station",
            Self::MembersByNode(Level::District) => "members-by-district",
            Self::InvitesByCommunity => "invites-by-community",
            Self::OpeningsByDistrict => "openings-by-district",
            Self::ReportsByTask => "reports-by-task",
            Self::TasksByNode(Level::Community) => "tasks-by-community",
            Self::TasksByNode(Level::Station) => "tasks-by-station",
            Self::TasksByNode(Level::District) => "tasks-by-district",
            Self::AnswersByTask => "answers-by-task",
            Self::OutcomesByNode(Level::Community) => "outcomes-by-community",
            Self::OutcomesByNode(Level::Station) => "outcomes-by-station",
            Self::OutcomesByNode(Level::District) => "outcomes-by-district",
            Self::OutcomesByReceiver => "outcomes-by-receiver",
            Self::OutcomesByKind => "outcomes-by-kind",
            Self::OutcomesToConfirm => "outcomes-to-confirm",
            Self::HandoversByDistrict => "handovers-by-district",
            Self::HandoversByReceiver => "handovers-by-receiver",
            Self::HandoversByDue => "handovers-by-due",
            Self::RewardsByDistrict => "rewards-by-district",
            Self::RewardsByState => "rewards-by-state",
            Self::RewardsByReporter => "rewards-by-reporter",
            Self::RewardsByDue => "rewards-by-due",
            Self::PayoutsByState => "payouts-by-state",
            Self::BatchesByState => "batches-by-state",
            Self::BriefingsByDistrict => "briefings-by-district",
            Self::ExportsByDistrict => "exports-by-district",
            Self::Districts => "districts",
        }
    }

    /// The names of the attributes that hold its partition and sort key.
    pub fn attributes(self) -> (&'static str, &'static str) {
        match self {
            Self::QueueByStage => ("queue_pk", "queue_sk"),
            Self::OpenReportsByNode => ("open_pk", "created_sk"),
            Self::DeadlinesByNode => ("open_pk", "deadline_sk"),
            Self::ReportsByDue | Self::HandoversByDue | Self::RewardsByDue => ("due_pk", "due_sk"),
            Self::ReportsByReporter | Self::RewardsByReporter => ("reporter_pk", "created_sk"),
            Self::RewardsByState => ("state_pk", "created_sk"),
            Self::PayoutsByState => ("payouts_pk", "updated_sk"),
            Self::BatchesByState => ("batches_pk", "updated_sk"),
            Self::ReportsByNode(level)
            | Self::MembersByNode(level)
            | Self::TasksByNode(level)
            | Self::OutcomesByNode(level) => match level {
                Level::Community => ("community_pk", "created_sk"),
                Level::Station => ("station_pk", "created_sk"),
                Level::District => ("district_pk", "created_sk"),
            },
            Self::InvitesByCommunity => ("invites_pk", "created_sk"),
            Self::OpeningsByDistrict
            | Self::HandoversByDistrict
            | Self::BriefingsByDistrict
            | Self::RewardsByDistrict => ("district_pk", "created_sk"),
            Self::HandoversByReceiver | Self::OutcomesByReceiver => ("receiver_pk", "created_sk"),
            // Beside the briefings, in the same table.
            Self::ExportsByDistrict => ("exports_pk", "created_sk"),
            Self::Districts => ("districts_pk", "districts_sk"),
            Self::ReportsByTask => ("task_pk", "created_sk"),
            Self::AnswersByTask => ("answers_pk", "answered_sk"),
            Self::OutcomesByKind => ("kind_pk", "on_sk"),
            Self::OutcomesToConfirm => ("confirm_pk", "proposed_sk"),
        }
    }
}

/// The partition of an inbox.
pub fn inbox_pk(to: &Audience) -> String {
    match to {
        Audience::Reviewers { stage, node } => format!("INBOX#reviewers#{stage}#{node}"),
        Audience::Staff { role, node } => format!("INBOX#staff#{role}#{node}"),
        Audience::Agency { district, agency } => format!("INBOX#agency#{agency}#{district}"),
        Audience::Reporters { node } => format!("INBOX#reporters#{node}"),
        Audience::Member { member } => format!("INBOX#member#{member}"),
    }
}

/// The place in an inbox of what happened at a moment.
pub fn inbox_sk(at: Timestamp) -> String {
    format!("{NOTICE_PREFIX}{}", moment(at))
}

fn audience(text: &str) -> Option<Audience> {
    let (kind, rest) = text.split_once('#')?;
    if kind == "member" {
        return Some(Audience::Member { member: MemberId::parse(rest).ok()? });
    }
    if kind == "reporters" {
        return Some(Audience::Reporters { node: NodeId::parse(rest).ok()? });
    }
    let (of, node) = rest.split_once('#')?;
    let node = NodeId::parse(node).ok()?;
    match kind {
        "reviewers" => Some(Audience::Reviewers { stage: Stage::from_name(of)?, node }),
        "staff" => Some(Audience::Staff { role: Role::from_name(of)?, node }),
        "agency" => Some(Audience::Agency { district: node, agency: Label::parse(of).ok()? }),
        _ => None,
    }
}

/// The partition of the counters of a node.
pub fn tally_pk(node: &NodeId) -> String {
    format!("TALLY#{node}")
}

fn span(sk: &str) -> Option<Span> {
    match sk.split_once('#')? {
        ("DAY", day) => Some(Span::Day(day.parse().ok()?)),
        ("MONTH", month) => Some(Span::Month(format!("{month}-01").parse().ok()?)),
        _ => None,
    }
}

/// The partition of a webhook and its events.
pub fn webhook_pk(id: &WebhookId) -> String {
    format!("WEBHOOK#{}#{}", id.district, id.agency)
}

/// The partition of the deliveries by a webhook.
pub fn deliveries_pk(id: &WebhookId) -> String {
    format!("DELIVERIES#{}#{}", id.district, id.agency)
}

fn webhook(text: &str) -> Option<WebhookId> {
    let (district, agency) = text.split_once('#')?;
    Some(WebhookId { district: NodeId::parse(district).ok()?, agency: Label::parse(agency).ok()? })
}

/// The partition of a task, of the reports that answer it, and of its answers.
pub fn task_pk(task: TaskId) -> String {
    format!("TASK#{}", task.as_str())
}

/// The partition of an outcome.
pub fn outcome_pk(outcome: OutcomeId) -> String {
    format!("OUTCOME#{}", outcome.as_str())
}

/// The partition of a fund with its ledger.
pub fn fund_pk(fund: &FundId) -> String {
    format!("FUND#{}#{:04}", fund.district, fund.year)
}

fn fund(id: &str) -> Option<FundId> {
    let (district, year) = id.split_once('#')?;
    Some(FundId { district: NodeId::parse(district).ok()?, year: year.parse().ok()? })
}

/// The partition of the runs of the period awards of a district.
pub fn awards_pk(district: &NodeId) -> String {
    format!("AWARDS#{district}")
}

/// The partition of what counts for everybody in a run.
pub fn points_pk(run: &RunId) -> String {
    let RunId { district, award, period } = run;
    format!("AWARD#{district}#{award}#{}#{}", period.from, period.to)
}

fn run(district: &str, award: &str, from: &str, to: &str) -> Option<RunId> {
    let period = Period { from: from.parse().ok()?, to: to.parse().ok()? };
    Some(RunId { district: NodeId::parse(district).ok()?, award: Label::parse(award).ok()?, period })
}

/// The partition of what can give points in a district, by where it comes from.
pub fn facts_pk(district: &NodeId, source: Source) -> String {
    format!("FACTS#{district}#{source}")
}

/// The places of facts from one moment on and before another.
pub fn facts_range(from: Timestamp, before: Timestamp) -> (String, String) {
    // What stands at a moment comes after the moment alone.
    (moment(from), moment(before))
}

/// The partition of the rules of rewards of a district.
pub fn rules_pk(district: &NodeId) -> String {
    format!("RULES#{district}")
}

/// The partition of a matter: of the report that came first.
pub fn matter_pk(report: ReportId) -> String {
    format!("MATTER#{}", report.as_str())
}

/// The partition of a reward with all that belongs to it.
pub fn reward_pk(reward: RewardId) -> String {
    format!("REWARD#{}", reward.as_str())
}

/// The payouts of a district in a state.
pub fn payouts_pk(district: &NodeId, state: PayoutState) -> String {
    format!("PAYOUTS#{district}#{state}")
}

/// The partition of a batch with all that belongs to it.
pub fn batch_pk(batch: BatchId) -> String {
    format!("BATCH#{}", batch.as_str())
}

/// The batches of a district in a state.
pub fn batches_pk(district: &NodeId, state: BatchState) -> String {
    format!("BATCHES#{district}#{state}")
}

/// The rewards of a district in a state.
pub fn state_pk(district: &NodeId, state: RewardState) -> String {
    format!("STATE#{district}#{state}")
}

/// The partition of the outcomes to which a report led.
pub fn led_pk(report: ReportId) -> String {
    format!("LED#{}", report.as_str())
}

/// The partition of what those have recorded to whom a district handed something over.
pub fn receiver_pk(district: &NodeId, receiver: &Receiver) -> String {
    match receiver {
        Receiver::Agency { agency } => format!("RECEIVER#{district}#agency#{agency}"),
        Receiver::District { district: other } => format!("RECEIVER#{district}#district#{other}"),
    }
}

/// The partition of the outcomes of a kind in a district.
pub fn kind_pk(district: &NodeId, kind: &Label) -> String {
    format!("KIND#{district}#{kind}")
}

/// The place among the outcomes of a kind of one that came about on a day.
pub fn on_sk(on: Date, outcome: OutcomeId) -> String {
    format!("{on}#{}", outcome.as_str())
}

/// The places among the outcomes of a kind from one day to another.
pub fn on_range(from: Date, to: Date) -> (String, String) {
    // `$` comes after the `#` of a place.
    (from.to_string(), format!("{to}$"))
}

/// The partition of a hand-over.
pub fn handover_pk(handover: HandoverId) -> String {
    format!("HANDOVER#{}", handover.as_str())
}

/// The partition of what was handed over to a receiver by a district, or to a district by anyone.
pub fn handed_to_pk(receiver: &Receiver, from: &NodeId) -> String {
    match receiver {
        Receiver::Agency { agency } => format!("RECEIVER#agency#{agency}#{from}"),
        Receiver::District { district } => format!("RECEIVER#district#{district}"),
    }
}

/// The place of what the clock looks at from a moment on, without what stands at the moment itself.
pub fn due_sk(at: Timestamp) -> String {
    moment(at)
}

/// The partition of the tasks that run in a node.
pub fn place_pk(node: &NodeId) -> String {
    format!("PLACE#{node}")
}

/// The place in a node's partition of what ends at a moment.
pub fn place_sk(ends_at: Timestamp) -> String {
    moment(ends_at)
}

/// The partition of what a reporter has done with tasks.
pub fn receipts_pk(member: &MemberId) -> String {
    format!("RECEIPTS#{member}")
}

/// The partition of a stage's queue.
pub fn queue_pk(node: &NodeId, stage: Stage) -> String {
    format!("QUEUE#{node}#{stage}")
}

/// The place in a queue: emergencies first, then urgent ones, each oldest first.
pub fn queue_sk(urgency: Urgency, since: Timestamp, report: ReportId) -> String {
    let rank = match urgency {
        Urgency::Emergency => 0,
        Urgency::Urgent => 1,
        Urgency::Routine => 2,
    };
    format!("{rank}#{}#{}", moment(since), report.as_str())
}

/// The partition of what is open in a node.
pub fn open_pk(node: &NodeId) -> String {
    format!("OPEN#{node}")
}

/// Into how many partitions the clock's reports are spread. What is due in all districts at
/// nine o'clock is then not written and read in one place.
pub const DUE_SHARDS: u8 = 8;

/// The partition of the clock in which a report stands, by the hash of its code.
pub fn due_shard(report: ReportId) -> u8 {
    Digest::of(&[b"due", report.as_str().as_bytes()]).bytes()[0] % DUE_SHARDS
}

/// A partition of the clock.
pub fn due_pk(shard: u8) -> String {
    format!("DUE#{shard}")
}

/// What comes behind everything that stands at this moment or before it, in a list by time.
pub fn after_moment(at: Timestamp) -> String {
    // `$` is the character after `#`.
    format!("{}$", moment(at))
}

/// The partition of a reporter's own reports.
pub fn reporter_pk(member: &MemberId) -> String {
    format!("REPORTER#{member}")
}

/// The partition of what belongs to a node.
pub fn node_pk(node: &NodeId) -> String {
    format!("NODE#{node}")
}

/// The place in a list by time of creation.
pub fn created_sk(created_at: Timestamp, id: impl std::fmt::Display) -> String {
    format!("{}#{id}", moment(created_at))
}

fn moment(at: Timestamp) -> String {
    format!("{:015}", at.as_millisecond().max(0))
}

#[cfg(test)]
mod tests {
    use pingan_domain::hash::Digest;

    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a line for each key, read as one table")]
    fn every_key_reads_back() {
        let report = Code::from_digest(&Digest::of(&[b"x"]));
        let member = MemberId::parse("officer-1").unwrap();
        let command = CommandId::new(&member, MediaId::nil());
        let webhook = WebhookId { district: "demo".parse().unwrap(), agency: Label::parse("fire").unwrap() };
        let fund = FundId { district: "demo".parse().unwrap(), year: 2026 };
        let delivery = format!("001800000000123-{}-12", report.as_str());
        let at = Timestamp::from_millisecond(1_800_000_000_123).unwrap();
        let period = Period { from: jiff::civil::date(2026, 7, 1), to: jiff::civil::date(2026, 9, 30) };
        let run = RunId { district: "demo".parse().unwrap(), award: Label::parse("quarter").unwrap(), period };
        let keys = [
            (Key::Member(member.clone()), "MEMBER#officer-1", "MEMBER"),
            (Key::Report(report), "REPORT#", "REPORT"),
            (Key::Event(report, 7), "REPORT#", "EVENT#00000007"),
            (Key::Content(report, 7, 1), "REPORT#", "CONTENT#00000007#01"),
            (Key::QueueEntry(report, Stage::Station), "REPORT#", "QUEUE#station"),
            (Key::OpenEntry(report, Stage::District), "REPORT#", "OPEN#district"),
            (Key::AccessHead(report), "ACCESS#", "HEAD"),
            (Key::Access(report, 12), "ACCESS#", "ACCESS#00000012"),
            (Key::Receipt(command), "RECEIPT#", "RECEIPT"),
            (Key::MemberEvent(member.clone(), 3), "MEMBER#officer-1", "EVENT#00000003"),
            (Key::Member(MemberId::of_account("auth0|x")), "MEMBER#account_", "MEMBER"),
            (Key::Command(command), "COMMAND#", "COMMAND"),
            (Key::District("demo".parse().unwrap()), "DISTRICT#demo", "DISTRICT"),
            (Key::Invite(report), "INVITE#", "INVITE"),
            (Key::Invitation(Digest::ZERO), "INVITATION#0000", "INVITATION"),
            (Key::Tries(Digest::ZERO), "TRIES#0000", "TRIES"),
            (Key::Briefing(report), "BRIEFING#", "BRIEFING"),
            (Key::BriefingComment(report, command), "BRIEFING#", &format!("COMMENT#{command}")),
            (Key::BriefingReader(report, member.clone()), "BRIEFING#", "READER#officer-1"),
            (Key::Export(report), "EXPORT#", "EXPORT"),
            (Key::Fund(fund.clone()), "FUND#demo#2026", "FUND"),
            (Key::FundEntry(fund.clone(), 12), "FUND#demo#2026", "ENTRY#00000012"),
            (Key::FundAccessHead(fund.clone()), "FUND#demo#2026", "HEAD"),
            (Key::FundAccess(fund, 12), "FUND#demo#2026", "ACCESS#00000012"),
            (Key::RewardRules("demo".parse().unwrap(), 3), "RULES#demo", "RULES#000003"),
            (Key::Reward(report), "REWARD#", "REWARD"),
            (Key::RewardEvent(report, 4), "REWARD#", "EVENT#00000004"),
            (Key::RewardShare(report, 9), "REWARD#", "SHARE#09"),
            (Key::Payout(PayoutId { reward: report, share: 9 }), "REWARD#", "PAYOUT#09"),
            (Key::PayoutEvent(PayoutId { reward: report, share: 9 }, 3), "REWARD#", "PAYOUT#09#00000003"),
            (Key::Batch(report), "BATCH#", "BATCH"),
            (Key::BatchEvent(report, 2), "BATCH#", "EVENT#00000002"),
            (Key::BatchOrder(report), "BATCH#", "ORDER"),
            (Key::Matter(report), "MATTER#", "MATTER"),
            (Key::MatterAdopted(report), "MATTER#", "ADOPTED"),
            (Key::ReportRewarded(report), "MATTER#", "REWARDED"),
            (Key::MatterAlso(report, report), "MATTER#", &format!("ALSO#{}", report.as_str())),
            (Key::RewardedYear(member.clone(), 2026), "REWARDED#officer-1", "YEAR#2026"),
            (Key::RewardDone(command), "REWARD_DONE#", "DONE"),
            (Key::AwardRun(run.clone()), "AWARDS#demo", "2026-09-30#2026-07-01#quarter"),
            (Key::AwardPoints(run, member.clone()), "AWARD#demo#quarter#2026-07-01#2026-09-30", "POINTS#officer-1"),
            (
                Key::AdoptedFact("demo".parse().unwrap(), at, report),
                "FACTS#demo#reports",
                &format!("001800000000123#{}", report.as_str()),
            ),
            (
                Key::GradeFact("demo".parse().unwrap(), at, report),
                "FACTS#demo#grades",
                &format!("001800000000123#{}", report.as_str()),
            ),
            (
                Key::OutcomeFact("demo".parse().unwrap(), at, report),
                "FACTS#demo#outcomes",
                &format!("001800000000123#{}", report.as_str()),
            ),
            (
                Key::TaskFact("demo".parse().unwrap(), at, report, member.clone()),
                "FACTS#demo#tasks",
                &format!("001800000000123#{}#officer-1", report.as_str()),
            ),
            (Key::Handover(report), "HANDOVER#", "HANDOVER"),
            (Key::Outcome(report), "OUTCOME#", "OUTCOME"),
            (Key::OutcomeEvent(report, 7), "OUTCOME#", "EVENT#00000007"),
            (Key::OutcomeNote(report, 7), "OUTCOME#", "NOTE#00000007"),
            (
                Key::OutcomeLead(report, Timestamp::from_millisecond(1_800_000_000_123).unwrap(), report),
                "LED#",
                &format!("001800000000123#{}", report.as_str()),
            ),
            (Key::OutcomeDone(command), "RECORDED#", "RECORDED"),
            (Key::HandoverEvent(report, 7), "HANDOVER#", "EVENT#00000007"),
            (
                Key::Notice(
                    Audience::Agency { district: "demo".parse().unwrap(), agency: Label::parse("fire").unwrap() },
                    Timestamp::UNIX_EPOCH,
                    "k".to_owned(),
                ),
                "INBOX#agency#fire#demo",
                "NOTICE#000000000000000#k",
            ),
            (Key::Webhook(webhook.clone()), "WEBHOOK#demo#fire", "WEBHOOK"),
            (Key::WebhookEvent(webhook.clone(), 2), "WEBHOOK#demo#fire", "EVENT#00000002"),
            (Key::Delivery(webhook, delivery.parse().unwrap()), "DELIVERIES#demo#fire", &delivery),
            (Key::WebhookDone(command), "WEBHOOK_DONE#", "DONE"),
            (Key::Identity(member.clone()), "IDENTITY#officer-1", "IDENTITY"),
            (Key::IdentityHead(member.clone()), "IDENTITY#officer-1", "HEAD"),
            (Key::IdentityEvent(member.clone(), 9), "IDENTITY#officer-1", "EVENT#00000009"),
            (Key::Phone(Digest::ZERO), "PHONE#0000", "PHONE"),
            (Key::Opening(OpeningId::nil()), "OPENING#00000000-0000-0000-0000-000000000000", "OPENING"),
            (
                Key::Notice(
                    Audience::Reviewers { stage: Stage::Station, node: "demo.river".parse().unwrap() },
                    Timestamp::from_millisecond(1_800_000_000_123).unwrap(),
                    "k-1-station".to_owned(),
                ),
                "INBOX#reviewers#station#demo.river",
                "NOTICE#001800000000123#k-1-station",
            ),
            (
                Key::Notice(
                    Audience::Staff { role: Role::Custodian, node: "demo".parse().unwrap() },
                    Timestamp::UNIX_EPOCH,
                    "k".to_owned(),
                ),
                "INBOX#staff#custodian#demo",
                "NOTICE#000000000000000#k",
            ),
            (
                Key::Notice(Audience::Member { member: member.clone() }, Timestamp::UNIX_EPOCH, "k".to_owned()),
                "INBOX#member#officer-1",
                "NOTICE#000000000000000#k",
            ),
            (Key::Media(MediaId::nil()), "MEDIA#00000000-0000-0000-0000-000000000000", "MEDIA"),
            (
                Key::Notice(
                    Audience::Reporters { node: "demo".parse().unwrap() },
                    Timestamp::UNIX_EPOCH,
                    "k".to_owned(),
                ),
                "INBOX#reporters#demo",
                "NOTICE#000000000000000#k",
            ),
            (Key::Census("demo.river.boatyard".parse().unwrap()), "CENSUS#demo.river.boatyard", "CENSUS"),
            (Key::Task(report), "TASK#", "TASK"),
            (Key::TaskEvent(report, 7), "TASK#", "EVENT#00000007"),
            (Key::TaskCount(report, "demo.river.boatyard".parse().unwrap()), "COUNT#", "COUNT"),
            (Key::TaskAnswer(member.clone(), report), "ANSWER#officer-1#", "ANSWER"),
            (
                Key::TaskPlace(
                    "demo.river".parse().unwrap(),
                    Timestamp::from_millisecond(1_800_000_000_123).unwrap(),
                    report,
                ),
                "PLACE#demo.river",
                &format!("001800000000123#{}", report.as_str()),
            ),
            (Key::TaskReceipt(member.clone(), report), "RECEIPTS#officer-1", report.as_str()),
            (Key::TaskReceipt(MemberId::of_account("auth0|x"), report), "RECEIPTS#account_", report.as_str()),
            (Key::TaskDone(command), "DONE#", "DONE"),
            (
                Key::Tally("demo.river".parse().unwrap(), Span::Day(jiff::civil::date(2026, 8, 2))),
                "TALLY#demo.river",
                "DAY#2026-08-02",
            ),
            (
                Key::Tally("demo".parse().unwrap(), Span::month_of(jiff::civil::date(2026, 8, 31))),
                "TALLY#demo",
                "MONTH#2026-08",
            ),
            (Key::Tallied(Aggregate::Report(report)), "TALLIED#report#", "TALLIED"),
            (Key::Tallied(Aggregate::Member(member.clone())), "TALLIED#member#officer-1", "TALLIED"),
            (Key::Tallied(Aggregate::Outcome(report)), "TALLIED#outcome#", "TALLIED"),
            (Key::Tallied(Aggregate::Reward(report)), "TALLIED#reward#", "TALLIED"),
        ];
        for (key, pk, sk) in keys {
            assert!(key.pk().starts_with(pk), "{}", key.pk());
            assert_eq!(key.sk(), sk);
            assert_eq!(Key::parse(&key.pk(), &key.sk()), Some(key));
        }
    }

    #[test]
    fn what_is_not_of_the_grammar_is_no_key() {
        let report = Code::from_digest(&Digest::of(&[b"x"]));
        let pk = format!("REPORT#{}", report.as_str());
        for (pk, sk) in [
            ("", ""),
            ("REPORT#", "REPORT"),
            (pk.as_str(), "EVENT#7"),
            (pk.as_str(), "EVENT#0000000x"),
            (pk.as_str(), "QUEUE#nowhere"),
            (pk.as_str(), "MEMBER"),
            ("MEMBER#a#b", "MEMBER"),
            ("DELIVERIES#demo#fire", "1-2-3"),
            ("WEBHOOK#demo", "WEBHOOK"),
        ] {
            assert_eq!(Key::parse(pk, sk), None, "{pk} {sk}");
        }
    }

    #[test]
    fn queues_sort_by_urgency_then_age() {
        let report = Code::from_digest(&Digest::of(&[b"x"]));
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut keys = [
            queue_sk(Urgency::Routine, at(1), report),
            queue_sk(Urgency::Emergency, at(1_800_000_000), report),
            queue_sk(Urgency::Urgent, at(5), report),
            queue_sk(Urgency::Emergency, at(99), report),
        ];
        keys.sort();
        let ranks: Vec<_> = keys.iter().map(|key| &key[..17]).collect();
        assert_eq!(ranks, ["0#000000000099000", "0#001800000000000", "1#000000000005000", "2#000000000001000"]);
    }
}
