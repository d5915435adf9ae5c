//! What the API shows of hand-overs: to the district that hands over, and to the receiver.
//!
//! Two views, made from the same records and kept apart by type: the receiver's has no field for
//! the report, its community, its reporter, or who in the district has done what.

use pingan_domain::{
    Timestamp,
    code::Code,
    handover::{
        Extract, Handover, HandoverAction, HandoverEvent, HandoverSide, HandoverState, RecallReason, Receiver, Words,
        WordsKind,
    },
    hash::Digest,
    media::{CopyOf, MediaKind, MediaRef, MediaType},
    member::{MemberId, Role},
    report::{Category, Urgency},
    territory::NodeId,
};
use pingan_http::schema;
use pingan_store::handovers::{HandoverPage, HandoverSummary};
use pingan_workflow::views::{PlaceView, ReportSummary};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// To whom a report was handed over.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "to", rename_all = "snake_case")]
pub(crate) enum ReceiverView {
    /// An agency of the district's list.
    Agency {
        /// Its label.
        #[schema(example = "fire")]
        agency: String,
    },
    /// Another district.
    District {
        /// Its node.
        #[schema(schema_with = schema::node)]
        district: NodeId,
    },
}

impl From<&Receiver> for ReceiverView {
    fn from(receiver: &Receiver) -> Self {
        match receiver {
            Receiver::Agency { agency } => Self::Agency { agency: agency.to_string() },
            Receiver::District { district } => Self::District { district: district.clone() },
        }
    }
}

/// What both sides see of a hand-over in lists: nothing of what was given or written.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommonView {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: Code,
    /// Its version: the `ETag`.
    version: u64,
    /// The district that hands over.
    #[schema(schema_with = schema::node)]
    district: NodeId,
    /// To whom.
    receiver: ReceiverView,
    /// What it is about.
    #[schema(schema_with = schema::category)]
    category: Category,
    /// How fast it has to be dealt with.
    #[schema(schema_with = schema::urgency)]
    urgency: Urgency,
    /// Where it is in its life.
    #[schema(schema_with = schema::handover_state)]
    state: HandoverState,
    /// By when the receiver is expected to be done.
    #[schema(schema_with = schema::moment)]
    due_at: Timestamp,
    /// Whether the deadline, or that of the erasure, has passed.
    overdue: bool,
    /// The receipt: when the receiver first opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    received_at: Option<Timestamp>,
    /// By when the receiver has to have erased what was recalled. Not there when it was never opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    erase_by: Option<Timestamp>,
    /// When the receiver confirmed that it is erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    erased_at: Option<Timestamp>,
    /// When it was handed over.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
}

impl CommonView {
    fn of(handover: &Handover, now: Timestamp) -> Self {
        Self {
            id: handover.id,
            version: handover.version,
            district: handover.district.clone(),
            receiver: (&handover.receiver).into(),
            category: handover.category,
            urgency: handover.urgency,
            state: handover.state,
            due_at: handover.due_at,
            overdue: handover.is_overdue(now),
            received_at: handover.received_at,
            erase_by: handover.erase_by,
            erased_at: handover.erased_at,
            created_at: handover.created_at,
            updated_at: handover.updated_at,
        }
    }

    fn listed(summary: &HandoverSummary, now: Timestamp) -> Self {
        Self {
            id: summary.id,
            version: summary.version,
            district: summary.district.clone(),
            receiver: (&summary.receiver).into(),
            category: summary.category,
            urgency: summary.urgency,
            state: summary.state,
            due_at: summary.due_at,
            overdue: summary.is_overdue(now),
            received_at: summary.received_at,
            erase_by: summary.erase_by,
            erased_at: summary.erased_at,
            created_at: summary.created_at,
            updated_at: summary.updated_at,
        }
    }
}

/// A hand-over as lists of the district show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentSummary {
    #[serde(flatten)]
    common: CommonView,
    /// The report.
    #[schema(schema_with = schema::code)]
    report: Code,
}

impl SentSummary {
    pub(crate) fn of(handover: &Handover, now: Timestamp) -> Self {
        Self { common: CommonView::of(handover, now), report: handover.report }
    }
}

/// A page of hand-overs that a district has made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentPage {
    /// The hand-overs, newest first.
    items: Vec<SentSummary>,
    /// Where the list goes on: the `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl SentPage {
    pub(crate) fn new(page: HandoverPage, now: Timestamp) -> Self {
        let items = page.items.iter();
        let items = items.map(|item| SentSummary { common: CommonView::listed(item, now), report: item.report });
        Self { items: items.collect(), next: page.next }
    }
}

/// A hand-over as lists of the receiver show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceivedSummary {
    #[serde(flatten)]
    common: CommonView,
}

impl ReceivedSummary {
    pub(crate) fn of(handover: &Handover, now: Timestamp) -> Self {
        Self { common: CommonView::of(handover, now) }
    }
}

/// A page of hand-overs to an agency or a district.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceivedPage {
    /// The hand-overs, newest first.
    items: Vec<ReceivedSummary>,
    /// Where the list goes on: the `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl ReceivedPage {
    pub(crate) fn new(page: HandoverPage, now: Timestamp) -> Self {
        let items = page.items.iter().map(|item| ReceivedSummary { common: CommonView::listed(item, now) });
        Self { items: items.collect(), next: page.next }
    }
}

/// A report that was handed over.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HandedOver {
    /// The report after.
    pub(crate) report: ReportSummary,
    /// The hand-overs that were made, in the order of the receivers.
    pub(crate) handovers: Vec<SentSummary>,
}

/// What the receiver is given of the report.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExtractView {
    /// What was seen or found, in the words of the district.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<PlaceView>,
    /// When it was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    observed_at: Option<Timestamp>,
    /// The media, each to be opened by `GET /handovers/{handover_id}/media/{media_id}/link`.
    media: Vec<GivenMedia>,
}

/// A medium that was handed over: its clean copy, and nothing of the original.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GivenMedia {
    /// Its id.
    id: Uuid,
    /// What it is.
    #[schema(schema_with = schema::media_kind)]
    kind: MediaKind,
    /// The type of the clean copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::media_type)]
    content_type: Option<MediaType>,
    /// The size of the clean copy, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
}

impl From<MediaRef> for GivenMedia {
    fn from(media: MediaRef) -> Self {
        let copy: Option<CopyOf> = media.checked.as_ref().and_then(|checked| checked.working);
        Self {
            id: media.id,
            kind: media.content_type.kind(),
            content_type: copy.map(|copy| copy.content_type),
            size_bytes: copy.map(|copy| copy.size_bytes),
        }
    }
}

impl From<Extract> for ExtractView {
    fn from(Extract { text, place, observed_at, media }: Extract) -> Self {
        let media = media.into_iter().map(GivenMedia::from).collect();
        Self { text, place: place.map(PlaceView::from), observed_at, media }
    }
}

/// Something that one side wrote.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WordsView {
    /// The event that it belongs to.
    seq: u64,
    /// What it is.
    #[schema(schema_with = schema::words_kind)]
    kind: WordsKind,
    /// Which side wrote it.
    #[schema(schema_with = schema::handover_side)]
    side: HandoverSide,
    /// The text.
    text: String,
}

impl From<Words> for WordsView {
    fn from(Words { seq, kind, side, text, .. }: Words) -> Self {
        Self { seq, kind, side, text }
    }
}

/// Something that happened to a hand-over.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HandoverEventView {
    /// Its number; the version of the hand-over after it.
    seq: u64,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// What was done.
    #[schema(schema_with = schema::handover_action)]
    action: HandoverAction,
    /// On which side.
    #[schema(schema_with = schema::handover_side)]
    side: HandoverSide,
    /// In which role; of the other side, for the district alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::role)]
    role: Option<Role>,
    /// Who did it: for the district, and for the receiver of its own side.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    actor: Option<MemberId>,
    /// The state after.
    #[schema(schema_with = schema::handover_state)]
    to: HandoverState,
    /// The hash that binds it to all before it; for the district alone, because it is made from
    /// what the receiver is not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::sha256, required = false)]
    hash: Option<Digest>,
}

impl HandoverEventView {
    fn new(event: HandoverEvent, reader: HandoverSide) -> Self {
        let HandoverEvent { seq, at, action, side, role, actor, to, hash, .. } = event;
        let known = reader == HandoverSide::Sender || side == reader;
        let hash = (reader == HandoverSide::Sender).then_some(hash);
        Self { seq, at, action, side, role: known.then_some(role), actor: known.then_some(actor), to, hash }
    }
}

/// What both sides see of a hand-over that they open.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenView {
    /// The time that the receiver was given, in working hours, or of an emergency by the clock.
    deadline_hours: u16,
    /// What the receiver is asked to do; gone once it was refused, for the receiver, or recalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    asks: Option<String>,
    /// What the receiver is given; gone once it was refused, for the receiver, or recalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    extract: Option<ExtractView>,
    /// What both sides wrote, oldest first; gone once it was recalled.
    words: Vec<WordsView>,
    /// Why it was recalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::recall_reason)]
    recall_reason: Option<RecallReason>,
    /// When it was recalled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    recalled_at: Option<Timestamp>,
    /// When the receiving district's own copy was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    copy_erased_at: Option<Timestamp>,
    /// What happened, oldest first.
    history: Vec<HandoverEventView>,
    /// What you can do with it now.
    #[schema(schema_with = actions)]
    can: Vec<HandoverAction>,
}

fn actions() -> utoipa::openapi::schema::Array {
    utoipa::openapi::schema::ArrayBuilder::new().items(schema::handover_action()).build()
}

impl OpenView {
    fn new(handover: Handover, events: Vec<HandoverEvent>, reader: HandoverSide) -> Self {
        let shown = reader == HandoverSide::Sender || handover.is_open_to_receiver();
        Self {
            can: handover.offered(reader),
            deadline_hours: handover.deadline_hours,
            asks: Some(handover.asks).filter(|asks| shown && !asks.is_empty()),
            extract: handover.extract.filter(|_| shown).map(Into::into),
            words: handover.words.into_iter().map(Into::into).collect(),
            recall_reason: handover.recall_reason,
            recalled_at: handover.recalled_at,
            copy_erased_at: handover.copy_erased_at,
            history: events.into_iter().map(|event| HandoverEventView::new(event, reader)).collect(),
        }
    }
}

/// A hand-over as the district sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SentHandover {
    #[serde(flatten)]
    summary: SentSummary,
    /// The community of the report.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// Who of the receiver opened it first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    received_by: Option<MemberId>,
    /// Who of the receiver confirmed that it is erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    erased_by: Option<MemberId>,
    #[serde(flatten)]
    open: OpenView,
}

impl SentHandover {
    pub(crate) fn new(handover: Handover, events: Vec<HandoverEvent>, now: Timestamp) -> Self {
        Self {
            summary: SentSummary::of(&handover, now),
            node: handover.node.clone(),
            received_by: handover.received_by.clone(),
            erased_by: handover.erased_by.clone(),
            open: OpenView::new(handover, events, HandoverSide::Sender),
        }
    }
}

/// A hand-over as its receiver sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReceivedHandover {
    #[serde(flatten)]
    summary: ReceivedSummary,
    /// Your district's own copy of the report, if you made one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    copy: Option<Code>,
    #[serde(flatten)]
    open: OpenView,
}

impl ReceivedHandover {
    pub(crate) fn new(handover: Handover, events: Vec<HandoverEvent>, now: Timestamp) -> Self {
        Self {
            summary: ReceivedSummary::of(&handover, now),
            copy: handover.copy,
            open: OpenView::new(handover, events, HandoverSide::Receiver),
        }
    }
}
