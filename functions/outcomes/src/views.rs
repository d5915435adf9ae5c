//! What the API takes and shows of outcomes.

use jiff::{Timestamp, civil::Date};
use pingan_domain::{
    code::Code,
    district::{District, Label},
    handover::{HandoverId, Receiver},
    hash::Digest,
    member::{Body, Member, MemberId, Role},
    membership::Profile,
    outcome::{
        Claim, Note, NoteKind, Outcome, OutcomeAction, OutcomeEvent, OutcomeId, OutcomeState, Standing, may_review,
    },
    outcome_life::{NewOutcome, Step},
    report::{Category, Concerns, ReportId},
    territory::NodeId,
};
use pingan_http::schema;
use pingan_store::outcomes::{OutcomeHistory, OutcomeSummary};
use pingan_workflow::views::TextView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What came about.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "kind": "suspects_arrested", "count": 1, "on": "2026-08-23", "reports": ["7KQ4M-2XD9H"],
    "evidence": "Arrested at the workshop behind the boiler house; custody record 2026-114."
}))]
pub(crate) struct NewOutcomeBody {
    /// Its kind: `suspects_arrested`, `cases_solved`, `early_warnings`, `disputes_settled`,
    /// `hazards_removed`, or one of the district's `outcome_kinds`.
    #[schema(schema_with = schema::outcome_kind)]
    kind: Label,
    /// How many.
    #[schema(minimum = 1, maximum = 10_000)]
    count: u32,
    /// The day on which it came about.
    #[schema(schema_with = schema::day)]
    on: Date,
    /// The adopted reports that led to it. It counts in the community of the first.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 20, required = false)]
    reports: Vec<ReportId>,
    /// For who acts on a hand-over, in place of the reports: its code.
    #[serde(default)]
    #[schema(schema_with = schema::code, required = false)]
    handover: Option<HandoverId>,
    /// By what it is known. At most 1,000 characters.
    #[schema(max_length = 1_000)]
    evidence: String,
}

impl From<NewOutcomeBody> for NewOutcome {
    fn from(body: NewOutcomeBody) -> Self {
        let NewOutcomeBody { kind, count, on, reports, handover, evidence } = body;
        Self { claim: Claim { kind, count, on }, reports, handover, evidence }
    }
}

/// A step of an outcome.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum OutcomeStepBody {
    /// Confirm what waits: it counts from now on.
    Confirm {},
    /// Refuse what waits. Of a correction, what was confirmed before stays.
    Refuse {
        /// Why; at most 1,000 characters. Who recorded it reads it.
        #[schema(max_length = 1_000)]
        reason: String,
    },
    /// Another report has led to it as well; it counts once all the same.
    Link {
        /// The report.
        #[serde(default)]
        #[schema(schema_with = schema::code, required = false)]
        report: Option<ReportId>,
        /// Or a hand-over.
        #[serde(default)]
        #[schema(schema_with = schema::code, required = false)]
        handover: Option<HandoverId>,
    },
    /// It came about otherwise; waits to be confirmed by somebody else.
    Correct {
        /// Its kind.
        #[schema(schema_with = schema::outcome_kind)]
        kind: Label,
        /// How many; 0 when it did not come about at all.
        #[schema(minimum = 0, maximum = 10_000)]
        count: u32,
        /// The day on which it came about.
        #[schema(schema_with = schema::day)]
        on: Date,
        /// By what it is known. At most 1,000 characters.
        #[schema(max_length = 1_000)]
        evidence: String,
    },
}

impl From<OutcomeStepBody> for Step {
    fn from(body: OutcomeStepBody) -> Self {
        match body {
            OutcomeStepBody::Confirm {} => Self::Confirm,
            OutcomeStepBody::Refuse { reason } => Self::Refuse { reason },
            OutcomeStepBody::Link { report, handover } => Self::Link { report, handover },
            OutcomeStepBody::Correct { kind, count, on, evidence } => {
                Self::Correct { claim: Claim { kind, count, on }, evidence }
            }
        }
    }
}

/// What is said to have come about.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClaimView {
    /// Its kind.
    #[schema(schema_with = schema::outcome_kind)]
    kind: Label,
    /// How many.
    count: u32,
    /// The day on which it came about.
    #[schema(schema_with = schema::day)]
    on: Date,
}

impl From<&Claim> for ClaimView {
    fn from(claim: &Claim) -> Self {
        Self { kind: claim.kind.clone(), count: claim.count, on: claim.on }
    }
}

/// An outcome that may be the same.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SimilarView {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: OutcomeId,
    /// What it says.
    #[serde(flatten)]
    claim: ClaimView,
    /// Where it is in its life.
    #[schema(schema_with = schema::outcome_state)]
    state: OutcomeState,
    /// Whether the same report led to it.
    same_report: bool,
}

impl SimilarView {
    pub(crate) fn new(outcome: &OutcomeSummary, same_report: bool) -> Self {
        Self { id: outcome.id, claim: (&outcome.claim).into(), state: outcome.state, same_report }
    }

    pub(crate) fn is(&self, outcome: &OutcomeSummary) -> bool {
        self.id == outcome.id
    }
}

/// An outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutcomeView {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: OutcomeId,
    /// Where it is in its life.
    #[schema(schema_with = schema::outcome_state)]
    state: OutcomeState,
    /// What it says: what was confirmed last, or what was recorded.
    #[serde(flatten)]
    claim: ClaimView,
    /// What its kind is called; missing when the district has taken it off its list.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind_name: Option<TextView>,
    /// Whether it counts at the moment.
    counts: bool,
    /// What waits to be confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<ClaimView>,
    /// The community where it counts, for those who may review the first report.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::node)]
    node: Option<NodeId>,
    /// What the first report is about, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::category)]
    category: Option<Category>,
    /// The reports that led to it, those that you may review.
    #[schema(value_type = Vec<String>)]
    reports: Vec<ReportId>,
    /// The hand-overs by which it was recorded or linked, those that concern you.
    #[schema(value_type = Vec<String>)]
    handovers: Vec<Code>,
    /// The agency that recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "fire")]
    agency: Option<Label>,
    /// The other district that recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::node)]
    from_district: Option<NodeId>,
    /// When it was recorded.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
    /// While something waits: outcomes that may be the same, those of its kind within seven days
    /// and those of its first report. Only when it was just recorded or is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    possible_duplicates: Option<Vec<SimilarView>>,
}

impl OutcomeView {
    pub(crate) fn new(
        outcome: &Outcome,
        reader: &Reader,
        lists: &District,
        possible_duplicates: Option<Vec<SimilarView>>,
    ) -> Self {
        let sees = reader.sees(&outcome.node, outcome.concerns);
        let (agency, from_district) = match &outcome.receiver {
            Some(Receiver::Agency { agency }) => (Some(agency.clone()), None),
            Some(Receiver::District { district }) => (None, Some(district.clone())),
            None => (None, None),
        };
        let visible = |lead: &&pingan_domain::outcome::Lead| reader.sees(&lead.node, lead.concerns);
        let handovers = outcome.leads.iter().filter_map(|lead| {
            let (id, receiver) = lead.handover.as_ref()?;
            let theirs = pingan_domain::outcome::acts_for(receiver, &outcome.district, &reader.profile.member);
            (theirs || visible(&lead)).then_some(*id)
        });
        Self {
            id: outcome.id,
            state: outcome.state,
            claim: (&outcome.claim).into(),
            kind_name: lists.outcome_kind(&outcome.claim.kind).map(Into::into),
            counts: outcome.counted.is_some(),
            waits: outcome.proposal.as_ref().map(|proposal| (&proposal.claim).into()),
            node: sees.then(|| outcome.node.clone()),
            category: sees.then_some(outcome.category),
            reports: outcome.leads.iter().filter(visible).map(|lead| lead.report).collect(),
            handovers: handovers.collect(),
            agency,
            from_district,
            created_at: outcome.created_at,
            updated_at: outcome.updated_at,
            possible_duplicates,
        }
    }
}

/// Who reads, at this moment: as themselves, and where they stand in for somebody absent.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) profile: Profile,
    pub(crate) now: Timestamp,
}

impl Reader {
    /// The reader as they act on an outcome.
    pub(crate) fn on(&self, outcome: &Outcome) -> Member {
        outcome.acting(&self.profile, self.now)
    }

    /// Whether they may know that a report of this community led to something.
    fn sees(&self, node: &NodeId, concerns: Concerns) -> bool {
        let reader = self.profile.acting_at(node, self.now);
        may_review(&reader, node, concerns) || (reader.role == Role::Auditor && reader.node.contains(node))
    }
}

/// Something that happened to an outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutcomeEventView {
    /// Its number; the version of the outcome after it.
    seq: u64,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// What was done.
    #[schema(schema_with = schema::outcome_action)]
    action: OutcomeAction,
    /// In which role; for the district's staff, and of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::role)]
    role: Option<Role>,
    /// For which body of the district; for its staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::body)]
    body: Option<Body>,
    /// For which agency.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "fire")]
    agency: Option<Label>,
    /// Who; for the auditor.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "district-police")]
    actor: Option<MemberId>,
    /// The state after.
    #[schema(schema_with = schema::outcome_state)]
    state: OutcomeState,
    /// What was said to have come about.
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<ClaimView>,
    /// The reports that were said to have led to it, those that you may review.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    reports: Vec<ReportId>,
    /// How many were counted until then, if that has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted_before: Option<u32>,
    /// How many are counted from then on, if that has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    counted_after: Option<u32>,
    /// What was written with it; gone once every report that led to it was erased or found to be
    /// unfounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<OutcomeNoteView>,
    /// The hash of the event before; for staff of the district alone, because it is made from what
    /// others are not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::sha256, required = false)]
    previous: Option<Digest>,
    /// The hash of this event, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::sha256, required = false)]
    hash: Option<Digest>,
}

/// A text of an outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutcomeNoteView {
    /// What it is.
    #[schema(schema_with = schema::note_kind)]
    kind: NoteKind,
    /// The text.
    text: String,
}

impl OutcomeEventView {
    fn new(event: &OutcomeEvent, note: Option<&Note>, outcome: &Outcome, reader: &Reader) -> Self {
        let inside = outcome.standing(&reader.on(outcome)) != Standing::Received;
        let own = event.receiver.is_some() && event.receiver == outcome.receiver;
        // What staff of the district note among themselves is not for those outside.
        let readable = inside || own || event.action == OutcomeAction::Refuse;
        let agency = match &event.receiver {
            Some(Receiver::Agency { agency }) => Some(agency.clone()),
            _ => None,
        };
        let changed = event.before.is_some() || event.after.is_some();
        let count = |counted: &Option<pingan_domain::outcome::Counted>| {
            changed.then(|| counted.as_ref().map_or(0, |counted| counted.count))
        };
        Self {
            seq: event.seq,
            at: event.at,
            action: event.action,
            role: Some(event.role).filter(|_| inside || own),
            body: event.body.filter(|_| inside),
            agency,
            actor: (reader.profile.member.role == Role::Auditor).then(|| event.actor.clone()),
            state: event.state,
            claim: event.claim.as_ref().map(Into::into),
            reports: event
                .leads
                .iter()
                .filter(|lead| reader.sees(&lead.node, lead.concerns))
                .map(|lead| lead.report)
                .collect(),
            counted_before: count(&event.before),
            counted_after: count(&event.after),
            note: note.filter(|_| readable).map(|note| OutcomeNoteView { kind: note.kind, text: note.text.clone() }),
            previous: inside.then_some(event.previous),
            hash: inside.then_some(event.hash),
        }
    }
}

/// An outcome with its history.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutcomeHistoryView {
    /// The outcome.
    #[serde(flatten)]
    outcome: OutcomeView,
    /// Everything that happened to it, oldest first.
    history: Vec<OutcomeEventView>,
}

impl OutcomeHistoryView {
    pub(crate) fn new(
        found: &OutcomeHistory,
        reader: &Reader,
        lists: &District,
        similar: Option<Vec<SimilarView>>,
    ) -> Self {
        let OutcomeHistory { outcome, events, notes } = found;
        let note = |seq| notes.iter().find(|note| note.seq == seq);
        let history = events.iter().map(|event| OutcomeEventView::new(event, note(event.seq), outcome, reader));
        Self { outcome: OutcomeView::new(outcome, reader, lists, similar), history: history.collect() }
    }
}

/// What lists show of an outcome.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutcomeSummaryView {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: OutcomeId,
    /// Its version, for `If-Match`.
    version: u64,
    /// Where it is in its life.
    #[schema(schema_with = schema::outcome_state)]
    state: OutcomeState,
    /// What it says.
    #[serde(flatten)]
    claim: ClaimView,
    /// Whether something waits to be confirmed.
    waits: bool,
    /// The community where it counts, for those who may review the first report.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::node)]
    node: Option<NodeId>,
    /// What the first report is about, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::category)]
    category: Option<Category>,
    /// When it was recorded.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
}

impl OutcomeSummaryView {
    pub(crate) fn new(outcome: &OutcomeSummary, reader: &Reader) -> Self {
        let sees = reader.sees(&outcome.node, outcome.concerns);
        Self {
            id: outcome.id,
            version: outcome.version,
            state: outcome.state,
            claim: (&outcome.claim).into(),
            waits: outcome.waits,
            node: sees.then(|| outcome.node.clone()),
            category: sees.then_some(outcome.category),
            created_at: outcome.created_at,
            updated_at: outcome.updated_at,
        }
    }
}

/// A page of outcomes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OutcomesPage {
    /// The outcomes.
    pub(crate) items: Vec<OutcomeSummaryView>,
    /// The cursor of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}
