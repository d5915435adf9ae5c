//! What people wrote, kept apart from the history so that it can be erased.
//!
//! An event never holds a text. It holds a commitment: the SHA-256 of a random salt and
//! the text. As long as the text is there, anybody can check that it is the one of the
//! event; once text and salt are erased, the event gives nothing away, not even to
//! someone who guesses the text.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{error::Error, hash::Digest, life::Stage, media::MediaRef, named::named, report::Place};

/// Random bytes that keep a short text from being guessed by its digest.
pub type Salt = [u8; 16];

named! {
    /// What a text is.
    pub enum ContentKind {
        /// The report itself.
        Report = "report",
        /// A reviewer's question to the reporter.
        Question = "question",
        /// The reporter's answer.
        Answer = "answer",
        /// A message between the reporter and the current stage.
        Message = "message",
        /// A note among reviewers, never shown to a reporter.
        Note = "note",
    }
}

named! {
    /// Which side wrote a text. Neither side's person is shown to the other.
    pub enum Side {
        /// The reporter.
        Reporter = "reporter",
        /// A reviewer.
        Reviewer = "reviewer",
    }
}

/// A text with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The event it belongs to.
    pub seq: u64,
    /// Its place among the texts of that event, from 0.
    pub part: u8,
    /// What it is.
    pub kind: ContentKind,
    /// Which side wrote it.
    pub side: Side,
    /// The stage of the report when it was written, or of the reviewer who wrote it.
    pub stage: Stage,
    /// When it was written.
    pub at: Timestamp,
    /// The text.
    pub text: String,
    /// Where it was seen; with reports only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// When it was seen; with reports only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_at: Option<Timestamp>,
    /// The media that came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaRef>,
    /// What keeps the commitment from being guessed.
    pub salt: Digest,
}

/// The commitment of an event to a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRef {
    /// What it is.
    pub kind: ContentKind,
    /// The digest of the whole content, salt included.
    pub digest: Digest,
}

impl Content {
    /// The salt of the `part`-th text of a command that drew `salt`.
    pub fn salt(salt: &Salt, part: u8) -> Digest {
        Digest::of(&[b"salt", salt, &[part]])
    }

    /// The commitment to this content.
    pub fn commit(&self) -> Result<ContentRef, Error> {
        let bytes = serde_json::to_vec(self).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(ContentRef { kind: self.kind, digest: Digest::of(&[b"content", &bytes]) })
    }
}
