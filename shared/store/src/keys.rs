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
//! reports   REPORT#<code>         ERASED#<uuid>       that a medium of it was erased
//! reports   ACCESS#<code>         HEAD                the end of its chain of readings, or that of a task's answers
//! reports   ACCESS#<code>         ACCESS#<seq:8>      one reading of it
//! reports   RECEIPT#<command>     RECEIPT             a command that was carried out
//! reports   MEDIA#<uuid>          MEDIA               a medium
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
//! ```
//!
//! Numbers are padded with zeros to the width after the colon, so that they sort as text;
//! moments are milliseconds since 1970. Neither codes, ids, names of nodes nor names of
//! closed lists contain `#`.

use pingan_domain::{
    Timestamp,
    code::Code,
    command::CommandId,
    hash::Digest,
    identity::OpeningId,
    life::Stage,
    media::MediaId,
    member::{MemberId, Role},
    named::Named as _,
    notice::Audience,
    report::{ReportId, Urgency},
    task::TaskId,
    territory::{Level, NodeId},
};

/// What the sort keys of all readings of a report begin with.
pub const ACCESS_PREFIX: &str = "ACCESS#";

/// What the sort keys of all events begin with.
pub const EVENT_PREFIX: &str = "EVENT#";

/// What the sort keys of all notices begin with.
const NOTICE_PREFIX: &str = "NOTICE#";

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

/// The tables there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Who members are in life.
    Identities,
    /// Members.
    Members,
    /// What people are told.
    Notices,
    /// Reports and what belongs to them.
    Reports,
    /// Tasks and what reporters do with them.
    Tasks,
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
            Self::Notice(..) => Table::Notices,
            Self::Task(_)
            | Self::TaskEvent(..)
            | Self::TaskCount(..)
            | Self::TaskPlace(..)
            | Self::TaskReceipt(..)
            | Self::TaskAnswer(..)
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
            Self::Identity(id) | Self::IdentityHead(id) | Self::IdentityEvent(id, _) => format!("IDENTITY#{id}"),
            Self::Phone(hash) => format!("PHONE#{hash}"),
            Self::Opening(id) => format!("OPENING#{id}"),
            Self::Notice(to, ..) => inbox_pk(to),
            Self::Report(id)
            | Self::Event(id, _)
            | Self::Content(id, ..)
            | Self::QueueEntry(id, _)
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
            Self::Identity(_) => "IDENTITY".to_owned(),
            Self::Phone(_) => "PHONE".to_owned(),
            Self::Opening(_) => "OPENING".to_owned(),
            Self::Notice(_, at, key) => format!("{}#{key}", inbox_sk(*at)),
            Self::Report(_) => "REPORT".to_owned(),
            Self::Event(_, seq) | Self::MemberEvent(_, seq) | Self::IdentityEvent(_, seq) | Self::TaskEvent(_, seq) => {
                format!("{EVENT_PREFIX}{seq:08}")
            }
            Self::Content(_, seq, part) => format!("CONTENT#{seq:08}#{part:02}"),
            Self::QueueEntry(_, stage) => format!("QUEUE#{stage}"),
            Self::Erasure(_, media) => format!("ERASED#{media}"),
            Self::AccessHead(_) | Self::IdentityHead(_) => "HEAD".to_owned(),
            Self::Access(_, seq) => format!("{ACCESS_PREFIX}{seq:08}"),
            Self::Receipt(_) => "RECEIPT".to_owned(),
            Self::Media(_) => "MEDIA".to_owned(),
            Self::Task(_) => "TASK".to_owned(),
            Self::TaskCount(..) => "COUNT".to_owned(),
            Self::TaskAnswer(..) => "ANSWER".to_owned(),
            Self::TaskPlace(_, ends_at, id) => created_sk(*ends_at, id.as_str()),
            Self::TaskReceipt(_, id) => id.as_str().to_owned(),
            Self::TaskDone(_) => "DONE".to_owned(),
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
                ("ERASED", media) => Self::Erasure(report()?, media.parse().ok()?),
                _ => return None,
            },
            ("ACCESS", "HEAD") => Self::AccessHead(report()?),
            ("ACCESS", sk) => Self::Access(report()?, sk.strip_prefix(ACCESS_PREFIX)?.parse().ok()?),
            ("RECEIPT", "RECEIPT") => Self::Receipt(serde_json::from_value(id.into()).ok()?),
            ("MEDIA", "MEDIA") => Self::Media(id.parse().ok()?),
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
}

/// The indexes of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Index {
    /// What does a stage of a node have to review, most urgent and oldest first?
    QueueByStage,
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
}

impl Index {
    /// Every index.
    pub const ALL: [Self; 15] = [
        Self::QueueByStage,
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
    ];

    /// The table that it belongs to.
    pub fn table(self) -> Table {
        match self {
            Self::QueueByStage | Self::ReportsByReporter | Self::ReportsByNode(_) | Self::ReportsByTask => {
                Table::Reports
            }
            Self::MembersByNode(_) | Self::InvitesByCommunity => Table::Members,
            Self::OpeningsByDistrict => Table::Identities,
            Self::TasksByNode(_) | Self::AnswersByTask => Table::Tasks,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::QueueByStage => "queue-by-stage",
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
        }
    }

    /// The names of the attributes that hold its partition and sort key.
    pub fn attributes(self) -> (&'static str, &'static str) {
        match self {
            Self::QueueByStage => ("queue_pk", "queue_sk"),
            Self::ReportsByReporter => ("reporter_pk", "created_sk"),
            Self::ReportsByNode(level) | Self::MembersByNode(level) | Self::TasksByNode(level) => match level {
                Level::Community => ("community_pk", "created_sk"),
                Level::Station => ("station_pk", "created_sk"),
                Level::District => ("district_pk", "created_sk"),
            },
            Self::InvitesByCommunity => ("invites_pk", "created_sk"),
            Self::OpeningsByDistrict => ("district_pk", "created_sk"),
            Self::ReportsByTask => ("task_pk", "created_sk"),
            Self::AnswersByTask => ("answers_pk", "answered_sk"),
        }
    }
}

/// The partition of an inbox.
pub fn inbox_pk(to: &Audience) -> String {
    match to {
        Audience::Reviewers { stage, node } => format!("INBOX#reviewers#{stage}#{node}"),
        Audience::Staff { role, node } => format!("INBOX#staff#{role}#{node}"),
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
        _ => None,
    }
}

/// The partition of a task, of the reports that answer it, and of its answers.
pub fn task_pk(task: TaskId) -> String {
    format!("TASK#{}", task.as_str())
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
    fn every_key_reads_back() {
        let report = Code::from_digest(&Digest::of(&[b"x"]));
        let member = MemberId::parse("officer-1").unwrap();
        let command = CommandId::new(&member, MediaId::nil());
        let keys = [
            (Key::Member(member.clone()), "MEMBER#officer-1", "MEMBER"),
            (Key::Report(report), "REPORT#", "REPORT"),
            (Key::Event(report, 7), "REPORT#", "EVENT#00000007"),
            (Key::Content(report, 7, 1), "REPORT#", "CONTENT#00000007#01"),
            (Key::QueueEntry(report, Stage::Station), "REPORT#", "QUEUE#station"),
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
