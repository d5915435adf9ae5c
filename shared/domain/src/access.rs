//! The audit of reads: who opened what of a report, of the answers to a task, of a hand-over or of
//! an outcome, and who exported what or fetched the ledger of a fund, as a hash chain of its own.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::Error,
    hash::Digest,
    media::{MediaId, Rendition},
    member::{MemberId, Role},
    named::named,
    report::ReportId,
};

named! {
    /// What was read.
    pub enum Opened {
        /// The report with its texts and history.
        Report = "report",
        /// A link to the clean copy of one of its media.
        Media = "media",
        /// A link to the thumbnail of one of its media.
        Thumbnail = "thumbnail",
        /// A link to the sealed original of one of its media.
        Original = "original",
        /// A page of the answers to a task.
        Answers = "answers",
        /// A hand-over with what is given in it.
        Handover = "handover",
        /// An export of statistics was asked for.
        Export = "export",
        /// A link to the file of an export.
        File = "file",
        /// A part of the ledger of a fund, as a file.
        Ledger = "ledger",
        /// An outcome with what was written with its steps.
        Outcome = "outcome",
    }
}

/// What somebody reads of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What.
    pub opened: Opened,
    /// Which medium.
    pub media: Option<MediaId>,
    /// Why, where a reason has to be given.
    pub reason: Option<String>,
}

impl Reading {
    /// The report with its texts and history.
    pub fn report() -> Self {
        Self { opened: Opened::Report, media: None, reason: None }
    }

    /// A page of the answers to a task.
    pub fn answers() -> Self {
        Self { opened: Opened::Answers, media: None, reason: None }
    }

    /// A hand-over with what is given in it.
    pub fn handover() -> Self {
        Self { opened: Opened::Handover, media: None, reason: None }
    }

    /// An export that is asked for, and why.
    pub fn export(reason: String) -> Self {
        Self { opened: Opened::Export, media: None, reason: Some(reason) }
    }

    /// A link to the file of an export.
    pub fn file() -> Self {
        Self { opened: Opened::File, media: None, reason: None }
    }

    /// A part of the ledger of a fund, as a file.
    pub fn ledger() -> Self {
        Self { opened: Opened::Ledger, media: None, reason: None }
    }

    /// An outcome with what was written with its steps.
    pub fn outcome() -> Self {
        Self { opened: Opened::Outcome, media: None, reason: None }
    }

    /// One rendition of a medium.
    pub fn media(media: MediaId, rendition: Rendition, reason: Option<String>) -> Self {
        let opened = match rendition {
            Rendition::Working => Opened::Media,
            Rendition::Thumbnail => Opened::Thumbnail,
            Rendition::Original => Opened::Original,
        };
        Self { opened, media: Some(media), reason }
    }
}

/// One reading of a report, or of answers to a task, by someone other than its reporter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The report, the task, the hand-over, the outcome or the export, by its code; of a fund a code
    /// that is made of its name.
    pub report: ReportId,
    /// Its place in the chain, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who read.
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// What was read.
    pub opened: Opened,
    /// Which medium.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<MediaId>,
    /// Why, where a reason had to be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The hash of the access before; zeros for the first.
    pub previous: Digest,
    /// The hash of this access: of all fields above.
    pub hash: Digest,
}

/// The end of a report's chain of accesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessHead {
    /// How many accesses there are.
    pub seq: u64,
    /// The hash of the newest.
    pub hash: Digest,
}

impl Default for AccessHead {
    fn default() -> Self {
        Self { seq: 0, hash: Digest::ZERO }
    }
}

impl Access {
    /// The access that follows `head`, and the head that follows it.
    pub fn after(
        head: AccessHead,
        report: ReportId,
        actor: (&MemberId, Role),
        reading: &Reading,
        at: Timestamp,
    ) -> Result<(Self, AccessHead), Error> {
        let mut access = Self {
            report,
            seq: head.seq + 1,
            at,
            actor: actor.0.clone(),
            role: actor.1,
            opened: reading.opened,
            media: reading.media,
            reason: reading.reason.clone(),
            previous: head.hash,
            hash: Digest::ZERO,
        };
        let bytes = serde_json::to_vec(&access).map_err(|error| Error::Internal(error.to_string()))?;
        access.hash = Digest::of(&[b"access", &bytes]);
        let head = AccessHead { seq: access.seq, hash: access.hash };
        Ok((access, head))
    }
}
