//! What the API shows of briefings.

use jiff::civil::Date;
use pingan_domain::{
    Timestamp,
    briefing::{BriefingId, BriefingRecord, BriefingState, Comment, Language, Origin, Position, Reader},
    member::{Body, Role},
    territory::NodeId,
};
use pingan_http::schema;
use pingan_store::documents::Responses;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// The period of a briefing that is asked for.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"from": "2026-11-01", "to": "2026-11-22"}))]
pub(crate) struct PeriodBody {
    /// The first day, in the district's time zone.
    #[schema(schema_with = schema::day)]
    pub(crate) from: Date,
    /// The last day; today at the latest, and at most 366 days in all.
    #[schema(schema_with = schema::day)]
    pub(crate) to: Date,
}

/// What is said to a briefing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "Boatyard has a new officer since Monday; the overdue ones are with her."}))]
pub(crate) struct CommentBody {
    /// At most 1000 characters. All who read the briefing read it.
    #[schema(max_length = 1_000)]
    pub(crate) text: String,
}

/// In which language.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LanguageQuery {
    /// `zh-CN` or `en`; `zh-CN` when nothing is said.
    #[param(schema_with = schema::language, required = false)]
    pub(crate) language: Option<Language>,
}

/// A briefing as lists show it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BriefingEntry {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: BriefingId,
    /// The first day of its period.
    #[schema(schema_with = schema::day)]
    from: Date,
    /// The last day of its period.
    #[schema(schema_with = schema::day)]
    to: Date,
    /// How it came about.
    #[schema(schema_with = schema::briefing_origin)]
    origin: Origin,
    /// Where it is.
    #[schema(schema_with = schema::briefing_state)]
    state: BriefingState,
    /// When it was ordered.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// Since when it can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    made_at: Option<Timestamp>,
    /// How many comments there are.
    comments: u32,
}

impl From<&BriefingRecord> for BriefingEntry {
    fn from(record: &BriefingRecord) -> Self {
        Self {
            id: record.id,
            from: record.period.from,
            to: record.period.to,
            origin: record.origin,
            state: record.state,
            created_at: record.created_at,
            made_at: record.made_at,
            comments: record.comments,
        }
    }
}

/// A page of briefings.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BriefingsPage {
    /// The briefings, newest first.
    pub(crate) items: Vec<BriefingEntry>,
    /// Where the list goes on, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// Somebody on duty: a position, and no name.
#[derive(Debug, Serialize, ToSchema)]
struct PositionView {
    /// The role.
    #[schema(schema_with = schema::role)]
    role: Role,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::body)]
    body: Option<Body>,
    /// The node.
    #[schema(schema_with = schema::node)]
    node: NodeId,
}

impl From<Position> for PositionView {
    fn from(Position { role, body, node }: Position) -> Self {
        Self { role, body, node }
    }
}

/// A comment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommentView {
    /// Its number, from 1.
    number: u32,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// Who wrote it.
    #[serde(flatten)]
    by: PositionView,
    /// What it says.
    text: String,
}

impl From<Comment> for CommentView {
    fn from(Comment { seq, at, by, text, .. }: Comment) -> Self {
        Self { number: seq, at, by: by.into(), text }
    }
}

/// Somebody who has read a briefing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReaderView {
    /// Who.
    #[serde(flatten)]
    position: PositionView,
    /// When for the first time.
    #[schema(schema_with = schema::moment)]
    first_read_at: Timestamp,
    /// When for the last time.
    #[schema(schema_with = schema::moment)]
    last_read_at: Timestamp,
    /// How often.
    readings: u64,
    /// When it was acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    acknowledged_at: Option<Timestamp>,
}

impl From<Reader> for ReaderView {
    fn from(reader: Reader) -> Self {
        let Reader { position, first_read_at, last_read_at, readings, acknowledged_at, .. } = reader;
        Self { position: position.into(), first_read_at, last_read_at, readings, acknowledged_at }
    }
}

/// A briefing with what it says, what was said to it, and who has read it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BriefingView {
    /// The briefing.
    #[serde(flatten)]
    briefing: BriefingEntry,
    /// What it says, as long as it can be read: the version for your role. `format` is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object)]
    content: Option<Value>,
    /// The comments, oldest first.
    said: Vec<CommentView>,
    /// Who has read it, the first before the others.
    readers: Vec<ReaderView>,
}

impl BriefingView {
    pub(crate) fn new(record: &BriefingRecord, content: Option<Value>, responses: Responses) -> Self {
        Self {
            briefing: record.into(),
            content,
            said: responses.comments.into_iter().map(Into::into).collect(),
            readers: responses.readers.into_iter().map(Into::into).collect(),
        }
    }
}
