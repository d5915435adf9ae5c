//! What the API shows of exports.

use jiff::civil::Date;
use pingan_domain::{
    Timestamp,
    access::{Access, Opened},
    export::{ExportId, ExportRecord, ExportState, Format},
    member::{Body, Role},
    statistics::By,
    territory::NodeId,
};
use pingan_http::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is asked for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "format": "csv", "node": "demo.river", "from": "2026-01-01", "to": "2026-06-30", "by": "month",
    "reason": "For the half-year meeting with the governance office."
}))]
pub(crate) struct WantedBody {
    /// `csv` for spreadsheets, `geojson` for maps.
    #[schema(schema_with = schema::export_format)]
    pub(crate) format: Format,
    /// A node of your territory; all of it when nothing is said.
    #[serde(default)]
    #[schema(schema_with = schema::node, required = false)]
    pub(crate) node: Option<NodeId>,
    /// The first day, in the district's time zone.
    #[schema(schema_with = schema::day)]
    pub(crate) from: Date,
    /// The last day.
    #[schema(schema_with = schema::day)]
    pub(crate) to: Date,
    /// Into what statistics are divided, always whole; months when nothing is said. A map is not divided.
    #[serde(default)]
    #[schema(schema_with = schema::by, required = false)]
    pub(crate) by: Option<By>,
    /// Why; at most 200 characters.
    #[schema(max_length = 200)]
    pub(crate) reason: String,
}

/// An export.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportEntry {
    /// Its code.
    #[schema(schema_with = schema::code)]
    id: ExportId,
    /// What it is for.
    #[schema(schema_with = schema::export_format)]
    format: Format,
    /// The node, with all that lies in it.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// The first day.
    #[schema(schema_with = schema::day)]
    from: Date,
    /// The last day.
    #[schema(schema_with = schema::day)]
    to: Date,
    /// Into what it is divided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::by)]
    by: Option<By>,
    /// Why it was asked for.
    reason: String,
    /// Who asked for it.
    requested_by: RequesterView,
    /// Where it is.
    #[schema(schema_with = schema::export_state)]
    state: ExportState,
    /// When it was asked for.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// The size of the file, once it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    size_bytes: Option<u64>,
    /// Until when the file is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    file_until: Option<Timestamp>,
}

/// Somebody on duty: a position, and no name.
#[derive(Debug, Serialize, ToSchema)]
struct RequesterView {
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

impl From<&ExportRecord> for ExportEntry {
    fn from(record: &ExportRecord) -> Self {
        let position = record.position.clone();
        Self {
            id: record.id,
            format: record.format,
            node: record.of.clone(),
            from: record.from,
            to: record.to,
            by: record.by,
            reason: record.reason.clone(),
            requested_by: RequesterView { role: position.role, body: position.body, node: position.node },
            state: record.state,
            created_at: record.created_at,
            size_bytes: record.size_bytes,
            file_until: record.file_until(),
        }
    }
}

/// A page of exports.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportsPage {
    /// The exports, newest first.
    pub(crate) items: Vec<ExportEntry>,
    /// Where the list goes on, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

/// An export with the times that its file was fetched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ExportView {
    /// The export.
    #[serde(flatten)]
    export: ExportEntry,
    /// When a link to the file was given, the first 99 times.
    #[schema(value_type = Vec<String>)]
    fetched_at: Vec<Timestamp>,
}

impl ExportView {
    pub(crate) fn new(record: &ExportRecord, readings: &[Access]) -> Self {
        let fetched = readings.iter().filter(|reading| reading.opened == Opened::File);
        Self { export: record.into(), fetched_at: fetched.map(|reading| reading.at).collect() }
    }
}

/// A link to the file of an export.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FileLinkView {
    /// The address. It answers with the file.
    pub(crate) url: String,
    /// Its type.
    pub(crate) content_type: &'static str,
    /// When it stops being valid.
    #[schema(schema_with = schema::moment)]
    pub(crate) expires_at: Timestamp,
}
