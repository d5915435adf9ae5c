//! Events: the immutable history of a report, its outbox and its audit trail in one.
//!
//! Each event carries the hash of the one before, so that one that was removed, altered
//! or put in another order can be seen by anybody who holds the newest hash.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    command::CommandId,
    content::ContentRef,
    error::Error,
    handover::HandoverId,
    hash::Digest,
    life::{Action, RejectionReason, Stage, State},
    media::MediaId,
    member::{MemberId, Role},
    report::{Category, Concerns, ReportId, Urgency},
    territory::NodeId,
};

/// Something that happened to a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The report.
    pub report: ReportId,
    /// Its place in the report's history, from 1; the report's version once it happened.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// What was done.
    pub action: Action,
    /// The state before; none for the first event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<State>,
    /// The state after.
    pub to: State,
    /// The stage that holds the report after, or held it last.
    pub stage: Stage,
    /// The stages whose reviewers are told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tells: Vec<Stage>,
    /// The community of the report.
    pub node: NodeId,
    /// What the report is about; not in the events of older bundles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// Whether the report names those who would review it: for nodes below the one that may
    /// see it, it is not counted.
    #[serde(default = "nobody", skip_serializing_if = "is_nobody")]
    pub concerns: Concerns,
    /// How fast the report has to be dealt with.
    pub urgency: Urgency,
    /// The reporter's pseudonym.
    pub pseudonym: Code,
    /// By when the next step is expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// The stage that held it before, and since when, if this event took it from there; not in
    /// the events of older bundles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<RejectionReason>,
    /// The report that tells of the same matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<ReportId>,
    /// The agencies it was handed to, by their codes; in events of older bundles alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agencies: Vec<String>,
    /// The hand-overs that were made of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handovers: Vec<HandoverId>,
    /// The hand-over from which another district has made this report as its own copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<HandoverId>,
    /// The media that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaId>,
    /// Commitments to the texts that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<ContentRef>,
    /// Whether the texts of the report were erased with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erases: bool,
    /// The command that caused it.
    pub command: CommandId,
    /// The hash of the event before; zeros for the first.
    pub previous: Digest,
    /// The hash of this event: of all fields above.
    pub hash: Digest,
}

/// How long a stage, or the reporter whom it asked, had a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The stage.
    pub stage: Stage,
    /// Since when.
    pub since: Timestamp,
}

fn nobody() -> Concerns {
    Concerns::Nobody
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_nobody(concerns: &Concerns) -> bool {
    *concerns == Concerns::Nobody
}

impl Event {
    /// This event with its hash filled in.
    pub fn sealed(mut self) -> Result<Self, Error> {
        self.hash = self.compute_hash()?;
        Ok(self)
    }

    fn compute_hash(&self) -> Result<Digest, Error> {
        let unsealed = Self { hash: Digest::ZERO, ..self.clone() };
        let bytes = serde_json::to_vec(&unsealed).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Digest::of(&[b"event", &bytes]))
    }

    /// The key by which a receiver knows a notification that was sent twice.
    pub fn deduplication_key(&self) -> String {
        format!("{}-{}", self.report.as_str(), self.seq)
    }
}

/// Where a history is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// An event is missing or out of order.
    #[error("event {expected} is missing: {found} stands in its place")]
    Gap {
        /// The number expected.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// An event was altered.
    #[error("event {0} was altered: its hash does not fit its content")]
    Altered(u64),
    /// An event does not follow from the one before.
    #[error("event {0} does not follow from the event before it")]
    Unlinked(u64),
    /// The newest events are missing: the history does not end in the report's head.
    #[error("the history ends before the newest event")]
    Truncated,
}

/// Checks the whole history of a report against the hash of its newest event.
pub fn verify_chain(events: &[Event], head: Digest) -> Result<(), BrokenChain> {
    let mut previous = Digest::ZERO;
    for (expected, event) in (1..).zip(events) {
        if event.seq != expected {
            return Err(BrokenChain::Gap { expected, found: event.seq });
        }
        if event.previous != previous {
            return Err(BrokenChain::Unlinked(event.seq));
        }
        if event.compute_hash().ok() != Some(event.hash) {
            return Err(BrokenChain::Altered(event.seq));
        }
        previous = event.hash;
    }
    if previous == head { Ok(()) } else { Err(BrokenChain::Truncated) }
}
