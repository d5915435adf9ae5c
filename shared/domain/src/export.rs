//! Exports, 导出: statistics as a file that leaves the platform, made by a job and kept for a week.
//!
//! Who asks says why. That it was asked for, and each time that the file is fetched, is written
//! down in the audit of reads. The file shows no more than the reader would be shown, and only
//! who asked for it can fetch it.

use jiff::{SignedDuration, Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    briefing::Position,
    code::Code,
    command::{CommandId, Fingerprint},
    district::District,
    error::{Error, FieldError, Refusal},
    member::{Member, MemberId, Role},
    named::named,
    report::check_text,
    statistics::{By, Period},
    suppression::check_days,
    territory::NodeId,
};

/// The identifier of an export is a code.
pub type ExportId = Code;

/// Who asks for exports of their territory. An officer reads the statistics of one community.
pub const EXPORTERS: [Role; 3] = [Role::StationManager, Role::DistrictManager, Role::Auditor];
/// How long the file is kept, in days. The record of it stays.
pub const FILE_DAYS: i64 = 7;
/// The most rows of statistics in one file: nodes by periods.
pub const MAX_ROWS: usize = 8_000;
/// The longest time that a map is made of, in days.
pub const MAX_MAP_DAYS: i32 = 366;
/// The longest reason, in characters.
pub const MAX_REASON_CHARS: usize = 200;

named! {
    /// What a file holds, and in which form.
    pub enum Format {
        /// Statistics of nodes by period, for spreadsheets.
        Csv = "csv",
        /// Adopted reports by the cell of a coarse grid, for maps (RFC 7946).
        GeoJson = "geojson",
    }
}

impl Format {
    /// Its media type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::GeoJson => "application/geo+json",
        }
    }
}

named! {
    /// Where an export is.
    pub enum ExportState {
        /// Is being made.
        Pending = "pending",
        /// Can be fetched for a week.
        Ready = "ready",
        /// Could not be made; it is tried again for a while.
        Failed = "failed",
    }
}

/// What somebody asks for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The form.
    pub format: Format,
    /// The node; with all that lies in it.
    pub node: NodeId,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Into what statistics are divided; months when nothing is said. A map is not divided.
    pub by: Option<By>,
    /// Why.
    pub reason: String,
}

/// What is kept of an export beside its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRecord {
    /// Its code.
    pub id: ExportId,
    /// Rises by one with each change; what the API shows as the `ETag`.
    pub version: u64,
    /// The district.
    pub district: NodeId,
    /// The form.
    pub format: Format,
    /// What it is of, with all that lies in it.
    pub of: NodeId,
    /// The first day.
    pub from: Date,
    /// The last day.
    pub to: Date,
    /// Into what it is divided; a map is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// Why it was asked for.
    pub reason: String,
    /// Where it is.
    pub state: ExportState,
    /// Who asked for it.
    pub requested_by: MemberId,
    /// In which position.
    pub position: Position,
    /// The command that asked for it.
    pub created_by: CommandId,
    /// What that command asked for.
    pub fingerprint: Fingerprint,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it could be fetched for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    /// The size of the file, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
}

impl ExportRecord {
    /// An export that a member asks for on `today`.
    pub fn new(
        (actor, district): (&Member, &District),
        wanted: Wanted,
        (command, fingerprint, attempt): (CommandId, Fingerprint, u8),
        (today, now): (Date, Timestamp),
    ) -> Result<Self, Error> {
        if !actor.node.contains(&wanted.node) || !district.has(&wanted.node) {
            return Err(Error::field("/node", "is no node of your territory"));
        }
        let mut bad = Vec::new();
        check_text("/reason", &wanted.reason, MAX_REASON_CHARS, &mut bad);
        let (period, by) = match wanted.format {
            Format::Csv => {
                let by = wanted.by.unwrap_or(By::Month);
                (statistics_of(actor, district, &wanted, by, &mut bad), Some(by))
            }
            Format::GeoJson => (map_of(&wanted, today, &mut bad), None),
        };
        let period = match period {
            Some(period) if bad.is_empty() => period,
            _ => return Err(Error::Invalid(bad)),
        };
        Ok(Self {
            id: command.export_id(attempt),
            version: 1,
            district: district.node.clone(),
            format: wanted.format,
            of: wanted.node,
            from: period.from,
            to: period.to,
            by,
            reason: wanted.reason,
            state: ExportState::Pending,
            requested_by: actor.id.clone(),
            position: Position::of(actor),
            created_by: command,
            fingerprint,
            created_at: now,
            made_at: None,
            size_bytes: None,
        })
    }

    /// The days that it is of.
    pub fn period(&self) -> Period {
        Period { from: self.from, to: self.to }
    }

    /// This export once its file stands in the bucket; none when it did before.
    #[must_use]
    pub fn made(&self, size_bytes: u64, now: Timestamp) -> Option<Self> {
        let made = || Self {
            version: self.version + 1,
            state: ExportState::Ready,
            made_at: Some(now),
            size_bytes: Some(size_bytes),
            ..self.clone()
        };
        (self.state != ExportState::Ready).then(made)
    }

    /// This export once it could not be made; none when that is known, or it was made after all.
    #[must_use]
    pub fn failed(&self) -> Option<Self> {
        let failed = || Self { version: self.version + 1, state: ExportState::Failed, ..self.clone() };
        (self.state == ExportState::Pending).then(failed)
    }

    /// Until when the file is there; none as long as it is not.
    pub fn file_until(&self) -> Option<Timestamp> {
        let days = SignedDuration::from_hours(24 * FILE_DAYS);
        self.made_at.map(|made_at| made_at.checked_add(days).unwrap_or(Timestamp::MAX))
    }

    /// Refuses to show the file to anybody else, before it is there, and when it is gone.
    pub fn check_file(&self, reader: &Member, now: Timestamp) -> Result<(), Error> {
        if self.requested_by != reader.id {
            return Err(Refusal::NotYourExport.into());
        }
        match self.file_until() {
            Some(until) if now < until => Ok(()),
            Some(_) => Err(Refusal::ExportExpired.into()),
            None => Err(Refusal::ExportNotReady.into()),
        }
    }
}

/// The nodes of an export: one with all that lies in it, each before what lies in it.
pub fn nodes_of(district: &District, node: &NodeId) -> Vec<NodeId> {
    let inside = district.nodes.iter().map(|place| &place.node).filter(|other| node.contains(other) && *other != node);
    let mut nodes: Vec<NodeId> = std::iter::once(node).chain(inside).cloned().collect();
    nodes.sort();
    nodes
}

fn statistics_of(
    actor: &Member,
    district: &District,
    wanted: &Wanted,
    by: By,
    bad: &mut Vec<FieldError>,
) -> Option<Period> {
    let nodes = nodes_of(district, &wanted.node);
    if check_days(&nodes, actor, by).is_err() {
        bad.push(FieldError::new("/by", "the days of a community are for those who review there; ask by month"));
    }
    let Ok(period) = Period::asked(wanted.from, wanted.to, by) else {
        bad.push(FieldError::new("/to", "comes before from, or makes the period too long"));
        return None;
    };
    if nodes.len() * period.parts(by).len() > MAX_ROWS {
        bad.push(FieldError::new("/to", format!("makes more than {MAX_ROWS} rows; ask for fewer at once")));
    }
    Some(period)
}

/// A map is made of whole months that are over: of two others, one less the other could be a
/// single report.
fn map_of(wanted: &Wanted, today: Date, bad: &mut Vec<FieldError>) -> Option<Period> {
    if wanted.by.is_some() {
        bad.push(FieldError::new("/by", "a map is not divided"));
    }
    let Ok(period) = Period::asked(wanted.from, wanted.to, By::Month) else {
        bad.push(FieldError::new("/to", "comes before from, or makes the period too long"));
        return None;
    };
    if period.to >= today {
        bad.push(FieldError::new("/to", "lies in a month that is not over"));
    }
    if (period.to - period.from).get_days() >= MAX_MAP_DAYS {
        bad.push(FieldError::new("/to", format!("makes it more than {MAX_MAP_DAYS} days")));
    }
    Some(period)
}

/// The key of the file in the bucket. It names nobody.
pub fn file_key(id: ExportId, format: Format) -> String {
    format!("exports/{}/{}", id.as_str(), file_name(id, format))
}

/// What the file is called when it is fetched.
pub fn file_name(id: ExportId, format: Format) -> String {
    format!("{}.{format}", id.as_str())
}
