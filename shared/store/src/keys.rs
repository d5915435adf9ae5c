//! Every key string of every table and index is made here.
//!
//! ```text
//! table     pk                    sk                  what
//! members   MEMBER#<member>       MEMBER              a member
//! reports   REPORT#<code>         REPORT              a report
//! reports   REPORT#<code>         EVENT#<seq:8>       an event of it
//! reports   REPORT#<code>         CONTENT#<seq:8>#<part:2>  a text of it
//! reports   REPORT#<code>         QUEUE#<stage>       its place in a stage's queue
//! reports   ACCESS#<code>         HEAD                the end of its chain of readings
//! reports   ACCESS#<code>         ACCESS#<seq:8>      one reading of it
//! reports   RECEIPT#<command>     RECEIPT             a command that was carried out
//! reports   MEDIA#<uuid>          MEDIA               a medium
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
//! ```
//!
//! Numbers are padded with zeros to the width after the colon, so that they sort as text;
//! moments are milliseconds since 1970. Neither codes, ids, names of nodes nor names of
//! closed lists contain `#`.

use pingan_domain::{
    Timestamp,
    code::Code,
    command::CommandId,
    life::Stage,
    media::MediaId,
    member::MemberId,
    named::Named as _,
    report::{ReportId, Urgency},
    territory::{Level, NodeId},
};

/// What the sort keys of all readings of a report begin with.
pub const ACCESS_PREFIX: &str = "ACCESS#";

/// The primary key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// A member.
    Member(MemberId),
    /// A report.
    Report(ReportId),
    /// An event of a report.
    Event(ReportId, u64),
    /// A text of a report.
    Content(ReportId, u64, u8),
    /// A report's place in the queue of a stage.
    QueueEntry(ReportId, Stage),
    /// The end of a report's chain of readings.
    AccessHead(ReportId),
    /// One reading of a report.
    Access(ReportId, u64),
    /// A command that was carried out.
    Receipt(CommandId),
    /// A medium.
    Media(MediaId),
}

/// The tables there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Members.
    Members,
    /// Reports and what belongs to them.
    Reports,
}

impl Key {
    /// The table in which the item stands.
    pub fn table(&self) -> Table {
        match self {
            Self::Member(_) => Table::Members,
            _ => Table::Reports,
        }
    }

    /// What the item is, as its `type` attribute says.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Member(_) => "member",
            Self::Report(_) => "report",
            Self::Event(..) => "event",
            Self::Content(..) => "content",
            Self::QueueEntry(..) => "queue_entry",
            Self::AccessHead(_) => "access_head",
            Self::Access(..) => "access",
            Self::Receipt(_) => "receipt",
            Self::Media(_) => "media",
        }
    }

    /// The partition key.
    pub fn pk(&self) -> String {
        match self {
            Self::Member(id) => format!("MEMBER#{id}"),
            Self::Report(id) | Self::Event(id, _) | Self::Content(id, ..) | Self::QueueEntry(id, _) => {
                format!("REPORT#{}", id.as_str())
            }
            Self::AccessHead(id) | Self::Access(id, _) => format!("ACCESS#{}", id.as_str()),
            Self::Receipt(command) => format!("RECEIPT#{command}"),
            Self::Media(id) => format!("MEDIA#{id}"),
        }
    }

    /// The sort key.
    pub fn sk(&self) -> String {
        match self {
            Self::Member(_) => "MEMBER".to_owned(),
            Self::Report(_) => "REPORT".to_owned(),
            Self::Event(_, seq) => format!("EVENT#{seq:08}"),
            Self::Content(_, seq, part) => format!("CONTENT#{seq:08}#{part:02}"),
            Self::QueueEntry(_, stage) => format!("QUEUE#{stage}"),
            Self::AccessHead(_) => "HEAD".to_owned(),
            Self::Access(_, seq) => format!("{ACCESS_PREFIX}{seq:08}"),
            Self::Receipt(_) => "RECEIPT".to_owned(),
            Self::Media(_) => "MEDIA".to_owned(),
        }
    }

    /// Reads a key back; none when it is not of the grammar.
    pub fn parse(pk: &str, sk: &str) -> Option<Self> {
        let (kind, id) = pk.split_once('#')?;
        let report = || Code::parse(id).ok();
        let key = match (kind, sk) {
            ("MEMBER", "MEMBER") => Self::Member(MemberId::parse(id).ok()?),
            ("REPORT", "REPORT") => Self::Report(report()?),
            ("REPORT", sk) => match sk.split_once('#')? {
                ("EVENT", seq) => Self::Event(report()?, seq.parse().ok()?),
                ("CONTENT", rest) => {
                    let (seq, part) = rest.split_once('#')?;
                    Self::Content(report()?, seq.parse().ok()?, part.parse().ok()?)
                }
                ("QUEUE", stage) => Self::QueueEntry(report()?, Stage::from_name(stage)?),
                _ => return None,
            },
            ("ACCESS", "HEAD") => Self::AccessHead(report()?),
            ("ACCESS", sk) => Self::Access(report()?, sk.strip_prefix(ACCESS_PREFIX)?.parse().ok()?),
            ("RECEIPT", "RECEIPT") => Self::Receipt(serde_json::from_value(id.into()).ok()?),
            ("MEDIA", "MEDIA") => Self::Media(id.parse().ok()?),
            _ => return None,
        };
        // Only the canonical spelling is a key: `EVENT#1` is not `EVENT#00000001`.
        (key.pk() == pk && key.sk() == sk).then_some(key)
    }
}

/// The indexes of the `reports` table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Index {
    /// What does a stage of a node have to review, most urgent and oldest first?
    QueueByStage,
    /// What has a reporter sent in, newest first?
    ReportsByReporter,
    /// What came from a node of this level, newest first?
    ReportsByNode(Level),
}

impl Index {
    /// Every index.
    pub const ALL: [Self; 5] = [
        Self::QueueByStage,
        Self::ReportsByReporter,
        Self::ReportsByNode(Level::Community),
        Self::ReportsByNode(Level::Station),
        Self::ReportsByNode(Level::District),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::QueueByStage => "queue-by-stage",
            Self::ReportsByReporter => "reports-by-reporter",
            Self::ReportsByNode(Level::Community) => "reports-by-community",
            Self::ReportsByNode(Level::Station) => "reports-by-station",
            Self::ReportsByNode(Level::District) => "reports-by-district",
        }
    }

    /// The names of the attributes that hold its partition and sort key.
    pub fn attributes(self) -> (&'static str, &'static str) {
        match self {
            Self::QueueByStage => ("queue_pk", "queue_sk"),
            Self::ReportsByReporter => ("reporter_pk", "created_sk"),
            Self::ReportsByNode(Level::Community) => ("community_pk", "created_sk"),
            Self::ReportsByNode(Level::Station) => ("station_pk", "created_sk"),
            Self::ReportsByNode(Level::District) => ("district_pk", "created_sk"),
        }
    }
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

/// The partition of a node's reports.
pub fn node_pk(node: &NodeId) -> String {
    format!("NODE#{node}")
}

/// The place in a list by time of creation.
pub fn created_sk(created_at: Timestamp, report: ReportId) -> String {
    format!("{}#{}", moment(created_at), report.as_str())
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
            (Key::Media(MediaId::nil()), "MEDIA#00000000-0000-0000-0000-000000000000", "MEDIA"),
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
