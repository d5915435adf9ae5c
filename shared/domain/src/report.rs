//! The report: what a reporter sends in, and what the platform keeps of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    command::CommandId,
    error::{Error, FieldError},
    handover::HandoverId,
    hash::Digest,
    life::{Stage, State},
    media::{MediaId, MediaRef},
    member::MemberId,
    named::named,
    task::TaskId,
    territory::{Level, NodeId},
};

/// The identifier of a report is its code: what is in the address bar is what is read out
/// over the phone.
pub type ReportId = Code;

/// The longest text of a report, in characters.
pub const MAX_TEXT_CHARS: usize = 4_000;
/// The longest message, question, answer or note, in characters.
pub const MAX_MESSAGE_CHARS: usize = 1_000;
/// The longest description of a place, in characters.
pub const MAX_ADDRESS_CHARS: usize = 200;
/// The most media that one report, or one answer, can carry; how many of each kind, the
/// deployment says.
pub const MAX_MEDIA: usize = 20;
/// The most media that one report holds over its whole life, answers included.
pub const MAX_MEDIA_IN_ALL: usize = 30;
/// The most texts that one report holds over its whole life: its own, questions, answers,
/// messages and notes. It keeps a report readable in one page of a query and erasable in
/// one transaction.
pub const MAX_CONTENTS: usize = 80;

named! {
    /// What a report is about. The list is closed: it names conduct, places and hazards,
    /// never people for what they are or think.
    pub enum Category {
        /// 违法犯罪.
        Crime = "crime",
        /// 暴恐威胁.
        ViolentThreat = "violent_threat",
        /// 安全隐患.
        Hazard = "hazard",
        /// 矛盾纠纷.
        Dispute = "dispute",
        /// 社情民意: a concern that residents themselves raise.
        CommunityConcern = "community_concern",
    }
}

named! {
    /// How fast a report has to be dealt with.
    pub enum Urgency {
        /// Shown to and told at all three stages at once. The phone says to call 110 first.
        Emergency = "emergency",
        /// Before all that is routine.
        Urgent = "urgent",
        /// In its turn.
        Routine = "routine",
    }
}

named! {
    /// Whether the report names the conduct of those who would review it.
    pub enum Concerns {
        /// It does not.
        Nobody = "nobody",
        /// It names an officer of the reporter's station: the review starts at the station.
        StationOfficer = "station_officer",
        /// It names the management of the reporter's station: the review starts at the district.
        StationManagement = "station_management",
    }
}

impl Concerns {
    /// The stage at which the review starts: the one above those who are named.
    pub fn first_stage(self) -> Stage {
        match self {
            Self::Nobody => Stage::Officer,
            Self::StationOfficer => Stage::Station,
            Self::StationManagement => Stage::District,
        }
    }
}

/// Where it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// In words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// On the map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<Point>,
}

/// A point on the map (WGS 84), in millionths of a degree: about a hand's breadth. Whole
/// numbers read back as they were written, which the commitment to a text relies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// East of Greenwich, from -180 to 180 degrees.
    pub longitude_microdegrees: i32,
    /// North of the equator, from -90 to 90 degrees.
    pub latitude_microdegrees: i32,
}

/// What a reporter sends in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewReport {
    /// What it is about.
    pub category: Category,
    /// How fast it has to be dealt with.
    pub urgency: Urgency,
    /// Whether it names those who would review it.
    pub concerns: Concerns,
    /// What was seen or found.
    pub text: String,
    /// Where.
    pub place: Option<Place>,
    /// When it was seen, if not just now.
    pub observed_at: Option<Timestamp>,
    /// The media to attach.
    pub media: Vec<MediaId>,
    /// The task that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
}

impl NewReport {
    /// Checks every limit and names every bad field.
    pub fn validate(&self, now: Timestamp) -> Result<(), Error> {
        let mut bad = Vec::new();
        check_text("/text", &self.text, MAX_TEXT_CHARS, &mut bad);
        check_media(&self.media, &mut bad);
        if let Some(place) = &self.place {
            if let Some(address) = &place.address {
                check_text("/place/address", address, MAX_ADDRESS_CHARS, &mut bad);
            }
            if place.address.is_none() && place.point.is_none() {
                bad.push(FieldError::new("/place", "needs an address, a point, or both"));
            }
            if let Some(point) = place.point {
                if !(-180_000_000..=180_000_000).contains(&point.longitude_microdegrees) {
                    bad.push(FieldError::new("/place/point/longitude", "must be from -180 to 180 degrees"));
                }
                if !(-90_000_000..=90_000_000).contains(&point.latitude_microdegrees) {
                    bad.push(FieldError::new("/place/point/latitude", "must be from -90 to 90 degrees"));
                }
            }
        }
        // Phones' clocks are off by minutes; more than that is a mistake.
        let latest = now.checked_add(jiff::SignedDuration::from_mins(10)).unwrap_or(now);
        if self.observed_at.is_some_and(|at| at > latest) {
            bad.push(FieldError::new("/observed_at", "lies in the future"));
        }
        if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
    }
}

/// Checks the number of media of a report or an answer.
pub fn check_media(media: &[MediaId], bad: &mut Vec<FieldError>) {
    if media.len() > MAX_MEDIA {
        bad.push(FieldError::new("/media", format!("has more than {MAX_MEDIA} entries")));
    }
}

/// Checks that a text says something, fits, and holds no control characters but tabs and
/// line ends: none that end a line early, hide text or turn its direction round.
pub fn check_text(pointer: &str, text: &str, max_chars: usize, bad: &mut Vec<FieldError>) {
    let invisible = |c: char| matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}');
    let turns = |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    if text.chars().all(|c| c.is_whitespace() || invisible(c)) {
        bad.push(FieldError::new(pointer, "is empty"));
    } else if text.chars().count() > max_chars {
        bad.push(FieldError::new(pointer, format!("is longer than {max_chars} characters")));
    } else if text.chars().any(|c| turns(c) || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))) {
        bad.push(FieldError::new(pointer, "holds control characters"));
    }
}

/// A report as it stands: where it is in its life. What people wrote is kept beside it as
/// [`crate::content::Content`], so that it can be erased without touching the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its code.
    pub id: ReportId,
    /// Rises by one with each event; what the API shows as the `ETag`.
    pub version: u64,
    /// The hash of its newest event.
    pub head: Digest,
    /// Who sent it in. Reviewers are shown the pseudonym alone.
    pub reporter: MemberId,
    /// The reporter's pseudonym.
    pub pseudonym: Code,
    /// The community it was sent from.
    pub node: NodeId,
    /// What it is about.
    pub category: Category,
    /// How fast it has to be dealt with.
    pub urgency: Urgency,
    /// Whether it names those who would review it.
    pub concerns: Concerns,
    /// Where it is in its life.
    pub state: State,
    /// The stage that holds it, or held it last.
    pub stage: Stage,
    /// When it came to that stage.
    pub stage_since: Timestamp,
    /// When the stage, or the reporter where a question is open, is expected to act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// When the clock acts on it next; nothing when it has nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_at: Option<Timestamp>,
    /// How often the stage that holds it was reminded.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reminders: u8,
    /// When it was sent in.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Its media.
    #[serde(default)]
    pub media: Vec<MediaRef>,
    /// The texts it holds: the event and the part of each. Kept here so that all of them
    /// can be erased in the transaction that decides it.
    pub contents: Vec<(u64, u8)>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<crate::life::RejectionReason>,
    /// The report that tells of the same matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<ReportId>,
    /// When its content was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
    /// When it was adopted for the first time. It stays when the report is reopened and adopted
    /// again, so that it counts in one period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted_at: Option<Timestamp>,
    /// The media that were erased with it. Kept so that their objects can be found and
    /// deleted, and so that it can be said of each when that was done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub erased_media: Vec<MediaId>,
    /// The task that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// Its hand-overs, oldest first. Kept here so that all of them can be recalled in the
    /// transaction that decides it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handovers: Vec<HandoverId>,
    /// The hand-over of another district from which this report was made, as a copy. Nobody in
    /// this district has sent it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<HandoverId>,
    /// The command that made it; with the same key the phone finds it again.
    pub created_by: CommandId,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(count: &u8) -> bool {
    *count == 0
}

impl Report {
    /// The lowest stage that may ever see it.
    pub fn first_stage(&self) -> Stage {
        self.concerns.first_stage()
    }

    /// The node whose reviewers form a stage for this report.
    pub fn node_of(&self, stage: Stage) -> NodeId {
        node_of(&self.node, stage)
    }

    /// The queues in which it stands: that of the stage that reviews it, and for an
    /// emergency those of the stages above as well, also while the reporter is asked.
    pub fn queues(&self) -> Vec<Stage> {
        queues(self.state, self.stage, self.urgency)
    }
}

/// The node whose reviewers form a stage for a report of this community.
pub fn node_of(community: &NodeId, stage: Stage) -> NodeId {
    let level = match stage {
        Stage::Officer => Level::Community,
        Stage::Station => Level::Station,
        Stage::District => Level::District,
    };
    community.at(level).unwrap_or_else(|| community.clone())
}

/// The queues in which a report of this state, stage and urgency stands.
pub fn queues(state: State, stage: Stage, urgency: Urgency) -> Vec<Stage> {
    use crate::named::Named as _;

    let asked = state == stage.returned();
    let emergency = urgency == Urgency::Emergency && (state.is_review() || asked);
    Stage::ALL
        .iter()
        .copied()
        .filter(|&queue| (queue == stage && state.is_review()) || (queue > stage && emergency))
        .collect()
}
