//! What the API shows of a report: to its reporter, and to reviewers.
//!
//! Two views, made from the same records and kept apart by type: a reporter's has no
//! field for a reviewer's note or name, and a reviewer's none for the reporter's id.

use pingan_domain::{
    Timestamp,
    code::Code,
    content::{Content, ContentKind, Side},
    decide::offered,
    event::Event,
    feedback::{self, feedback},
    hash::Digest,
    life::{Action, RejectionReason, Stage, State},
    media::{Checked, CopyOf, Erasure, MediaKind, MediaRef, MediaType},
    member::{Member, Role},
    report::{Category, Concerns, Place, Point, Report, ReportId, Urgency},
    territory::NodeId,
    text::Text,
};
use pingan_http::schema;
use pingan_store::{Page, Summary, reports::History};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A sentence in both languages.
#[derive(Debug, Serialize, ToSchema)]
pub struct TextView {
    /// Simplified Chinese.
    #[schema(example = "线索已收到，社区民警正在审核。")]
    pub zh_cn: String,
    /// English.
    #[schema(example = "Your report has arrived. The community police officer reviews it now.")]
    pub en: String,
}

impl From<Text> for TextView {
    fn from(text: Text) -> Self {
        Self { zh_cn: text.zh_cn, en: text.en }
    }
}

/// What lists show of a report.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportSummary {
    /// Its code, which can be read out over the phone.
    #[schema(schema_with = schema::code)]
    pub id: ReportId,
    /// Its version: the `ETag` of the report.
    pub version: u64,
    /// The community it was sent from.
    #[schema(schema_with = schema::node)]
    pub node: NodeId,
    /// What it is about.
    #[schema(schema_with = schema::category)]
    pub category: Category,
    /// How fast it has to be dealt with.
    #[schema(schema_with = schema::urgency)]
    pub urgency: Urgency,
    /// Where it is in its life.
    #[schema(schema_with = schema::state)]
    pub state: State,
    /// The stage that holds it, or held it last.
    #[schema(schema_with = schema::stage)]
    pub stage: Stage,
    /// When it came to that stage.
    #[schema(schema_with = schema::moment)]
    pub stage_since: Timestamp,
    /// When the next step is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    pub due_at: Option<Timestamp>,
    /// When it was sent in.
    #[schema(schema_with = schema::moment)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    pub updated_at: Timestamp,
    /// Why it was not adopted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::rejection_reason)]
    pub reason: Option<RejectionReason>,
}

impl From<Summary> for ReportSummary {
    fn from(summary: Summary) -> Self {
        Self {
            id: summary.id,
            version: summary.version,
            node: summary.node,
            category: summary.category,
            urgency: summary.urgency,
            state: summary.state,
            stage: summary.stage,
            stage_since: summary.stage_since,
            due_at: summary.due_at,
            created_at: summary.created_at,
            updated_at: summary.updated_at,
            reason: summary.reason,
        }
    }
}

impl From<&Report> for ReportSummary {
    fn from(report: &Report) -> Self {
        Summary::from(report).into()
    }
}

/// A page of reports.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportPage {
    /// The reports.
    pub items: Vec<ReportSummary>,
    /// The cursor of the next page, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl From<Page> for ReportPage {
    fn from(page: Page) -> Self {
        Self { items: page.items.into_iter().map(ReportSummary::from).collect(), next: page.next }
    }
}

/// Where it was seen: an address, a point, or both.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceView {
    /// In words; at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200, example = "3 Riverside Lane, the yard behind the gate")]
    pub address: Option<String>,
    /// On the map (WGS 84).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point: Option<PointView>,
}

/// A point on the map (WGS 84).
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PointView {
    /// Degrees east.
    #[schema(minimum = -180, maximum = 180, example = 117.22)]
    pub longitude: f64,
    /// Degrees north.
    #[schema(minimum = -90, maximum = 90, example = 39.1)]
    pub latitude: f64,
}

impl From<PlaceView> for Place {
    fn from(place: PlaceView) -> Self {
        let point = place.point.map(|point| Point {
            longitude_microdegrees: microdegrees(point.longitude),
            latitude_microdegrees: microdegrees(point.latitude),
        });
        Self { address: place.address, point }
    }
}

impl From<Place> for PlaceView {
    fn from(place: Place) -> Self {
        let point = place.point.map(|point| PointView {
            longitude: f64::from(point.longitude_microdegrees) / MICRO,
            latitude: f64::from(point.latitude_microdegrees) / MICRO,
        });
        Self { address: place.address, point }
    }
}

const MICRO: f64 = 1_000_000.0;

/// What lies outside the whole numbers is brought to their end, which lies far outside the
/// map and is refused there.
#[expect(clippy::cast_possible_truncation, reason = "the cast keeps to the ends of the whole numbers")]
fn microdegrees(degrees: f64) -> i32 {
    (degrees * MICRO).round() as i32
}

/// A medium of a report.
#[derive(Debug, Serialize, ToSchema)]
pub struct MediaView {
    /// Its id.
    pub id: Uuid,
    /// What it is.
    #[schema(schema_with = schema::media_kind)]
    pub kind: MediaKind,
    /// Its checked type; in a copy of another district's report that of the clean copy.
    #[schema(schema_with = schema::media_type)]
    pub content_type: MediaType,
    /// Its checked size, in bytes; in a copy of another district's report that of the clean copy.
    pub size_bytes: u64,
    /// The SHA-256 of the original; not in a copy of another district's report.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::sha256, required = false)]
    pub sha256: Option<Digest>,
    /// What the intake found out and made.
    #[serde(flatten)]
    pub checked: CheckedView,
}

impl From<MediaRef> for MediaView {
    fn from(media: MediaRef) -> Self {
        Self {
            id: media.id,
            kind: media.content_type.kind(),
            content_type: media.content_type,
            size_bytes: media.size_bytes,
            sha256: Some(media.sha256),
            checked: media.checked.as_ref().map(CheckedView::from).unwrap_or_default(),
        }
    }
}

impl MediaView {
    /// The media of a report. Where it is the copy of another district's, nothing of the originals
    /// is shown: by that the two could be linked, and with what others hold.
    fn all_of(media: Vec<MediaRef>, is_copy: bool) -> Vec<Self> {
        media.into_iter().map(Self::from).map(|view| if is_copy { view.without_original() } else { view }).collect()
    }

    fn without_original(self) -> Self {
        let (content_type, size_bytes) = match &self.checked.working {
            Some(working) => (working.content_type, working.size_bytes),
            None => (self.content_type, self.size_bytes),
        };
        Self { content_type, size_bytes, sha256: None, ..self }
    }
}

/// What the intake found out about a medium, and which copies it made.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct CheckedView {
    /// Pixels from left to right, as it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width_pixels: Option<u32>,
    /// Pixels from top to bottom, as it is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height_pixels: Option<u32>,
    /// How long it plays, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The clean copy that reviewers open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working: Option<CopyView>,
    /// The small picture of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<CopyView>,
}

impl From<&Checked> for CheckedView {
    fn from(checked: &Checked) -> Self {
        let copy = |copy: CopyOf| CopyView { content_type: copy.content_type, size_bytes: copy.size_bytes };
        Self {
            width_pixels: checked.width_pixels,
            height_pixels: checked.height_pixels,
            duration_ms: checked.duration_ms,
            working: checked.working.map(copy),
            thumbnail: checked.thumbnail.map(copy),
        }
    }
}

/// A copy of a medium.
#[derive(Debug, Serialize, ToSchema)]
pub struct CopyView {
    /// Its type.
    #[schema(schema_with = schema::media_type)]
    pub content_type: MediaType,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// A medium that was erased with its report.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasedMediaView {
    /// Its id.
    pub id: Uuid,
    /// When its original and every copy were gone; nothing while that is still being done.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    pub erased_at: Option<Timestamp>,
}

fn erased(report: &Report, erasures: &[Erasure]) -> Vec<ErasedMediaView> {
    let done = |id| erasures.iter().find(|erasure| erasure.media == id).map(|erasure| erasure.at);
    report.erased_media.iter().map(|&id| ErasedMediaView { id, erased_at: done(id) }).collect()
}

/// What was sent in; gone when the content was erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContentView {
    /// What was seen or found.
    pub text: String,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceView>,
    /// When it was seen, if not when it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    pub observed_at: Option<Timestamp>,
}

/// One text between the reporter and the stages. Who wrote it is said by the side and the
/// stage, never by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct MessageView {
    /// When.
    #[schema(schema_with = schema::moment)]
    pub at: Timestamp,
    /// What it is.
    #[schema(schema_with = schema::content_kind)]
    pub kind: ContentKind,
    /// Which side wrote it.
    #[schema(schema_with = schema::side)]
    pub side: Side,
    /// The stage that wrote it, or that it was written to.
    #[schema(schema_with = schema::stage)]
    pub stage: Stage,
    /// The text.
    pub text: String,
    /// The media that came with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Uuid>,
}

impl From<Content> for MessageView {
    fn from(content: Content) -> Self {
        Self {
            at: content.at,
            kind: content.kind,
            side: content.side,
            stage: content.stage,
            text: content.text,
            media: content.media.into_iter().map(|media| media.id).collect(),
        }
    }
}

/// One step that the reporter was told of.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeedbackView {
    /// When.
    #[schema(schema_with = schema::moment)]
    pub at: Timestamp,
    /// Which step.
    #[schema(schema_with = schema::step)]
    pub step: feedback::Step,
    /// What was said.
    pub text: TextView,
    /// When the next step is expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    pub due_at: Option<Timestamp>,
}

/// A report as its reporter sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnReport {
    /// Where it is in its life.
    #[serde(flatten)]
    pub summary: ReportSummary,
    /// The task that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code, required = false)]
    pub task: Option<Code>,
    /// What was sent in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentView>,
    /// Its media.
    pub media: Vec<MediaView>,
    /// The media that were erased with its content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased_media: Vec<ErasedMediaView>,
    /// Every step so far, oldest first.
    pub feedback: Vec<FeedbackView>,
    /// What was said to and fro, oldest first.
    pub messages: Vec<MessageView>,
    /// What can be done with it now.
    #[schema(schema_with = actions)]
    pub can: Vec<Action>,
}

/// One event of a report's history.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// Its number; the version of the report after it.
    pub seq: u64,
    /// When.
    #[schema(schema_with = schema::moment)]
    pub at: Timestamp,
    /// What was done.
    #[schema(schema_with = schema::action)]
    pub action: Action,
    /// In which role.
    #[schema(schema_with = schema::role)]
    pub role: Role,
    /// The state before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::state)]
    pub from: Option<State>,
    /// The state after.
    #[schema(schema_with = schema::state)]
    pub to: State,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::rejection_reason)]
    pub reason: Option<RejectionReason>,
    /// The report of the same matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    pub duplicate_of: Option<ReportId>,
    /// The hash that binds it to all before it.
    #[schema(schema_with = schema::sha256)]
    pub hash: Digest,
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> Self {
        Self {
            seq: event.seq,
            at: event.at,
            action: event.action,
            role: event.role,
            from: event.from,
            to: event.to,
            reason: event.reason,
            duplicate_of: event.duplicate_of,
            hash: event.hash,
        }
    }
}

/// A report as a reviewer sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewedReport {
    /// Where it is in its life.
    #[serde(flatten)]
    pub summary: ReportSummary,
    /// The task that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code, required = false)]
    pub task: Option<Code>,
    /// The reporter's pseudonym.
    #[schema(schema_with = schema::code)]
    pub pseudonym: Code,
    /// Whether it names those who would review it.
    #[schema(schema_with = schema::concerns)]
    pub concerns: Concerns,
    /// The hand-over of another district from which this district has made it, as its own copy: it has no reporter here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    pub origin: Option<Code>,
    /// Its hand-overs, oldest first; shown to the district.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>, required = false)]
    pub handovers: Vec<Code>,
    /// What was sent in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<ContentView>,
    /// Its media. Each can be opened by `GET /reports/{report_id}/media/{media_id}/link`.
    pub media: Vec<MediaView>,
    /// The media that were erased with its content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub erased_media: Vec<ErasedMediaView>,
    /// What was said to and fro, and the reviewers' notes, oldest first.
    pub messages: Vec<MessageView>,
    /// What happened, oldest first.
    pub history: Vec<EventView>,
    /// The report of the same matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    pub duplicate_of: Option<ReportId>,
    /// What you can do with it now.
    #[schema(schema_with = actions)]
    pub can: Vec<Action>,
}

fn actions() -> utoipa::openapi::schema::Array {
    utoipa::openapi::schema::ArrayBuilder::new().items(schema::action()).build()
}

impl OwnReport {
    /// The reporter's view.
    pub fn new(reader: &Member, history: History) -> Self {
        let History { report, events, contents, erasures } = history;
        let (content, messages) = split(contents, |content| content.kind != ContentKind::Note);
        let feedback = events
            .iter()
            .filter_map(|event| {
                let told = feedback(event)?;
                Some(FeedbackView { at: event.at, step: told.step, text: told.text.into(), due_at: told.due_at })
            })
            .collect();
        Self {
            summary: (&report).into(),
            task: report.task,
            can: offered(&report, reader),
            content,
            erased_media: erased(&report, &erasures),
            media: MediaView::all_of(report.media, report.origin.is_some()),
            feedback,
            messages,
        }
    }
}

/// What the review functions take. The table knows more: handing over, closing and the
/// deadline job's actions have no place in a review.
const TAKEN_IN_REVIEW: [Action; 7] = [
    Action::Approve,
    Action::Return,
    Action::Reject,
    Action::MarkDuplicate,
    Action::Reopen,
    Action::SendDown,
    Action::Message,
];

impl ReviewedReport {
    /// The reviewer's view.
    pub fn new(reader: &Member, history: History) -> Self {
        let History { report, events, contents, erasures } = history;
        let (content, messages) = split(contents, |_| true);
        Self {
            summary: (&report).into(),
            task: report.task,
            can: offered(&report, reader).into_iter().filter(|action| TAKEN_IN_REVIEW.contains(action)).collect(),
            pseudonym: report.pseudonym,
            concerns: report.concerns,
            origin: report.origin,
            handovers: if reader.role == Role::DistrictManager { report.handovers.clone() } else { Vec::new() },
            content,
            erased_media: erased(&report, &erasures),
            media: MediaView::all_of(report.media, report.origin.is_some()),
            messages,
            history: events.iter().map(EventView::from).collect(),
            duplicate_of: report.duplicate_of,
        }
    }
}

/// What was sent in, and what was said since.
fn split(contents: Vec<Content>, shown: impl Fn(&Content) -> bool) -> (Option<ContentView>, Vec<MessageView>) {
    let mut sent = None;
    let mut messages = Vec::new();
    for content in contents.into_iter().filter(shown) {
        if content.kind == ContentKind::Report {
            sent = Some(ContentView {
                text: content.text,
                place: content.place.map(PlaceView::from),
                observed_at: content.observed_at,
            });
        } else {
            messages.push(content.into());
        }
    }
    (sent, messages)
}
