//! Media: what a phone announces, what the intake finds, and when a report may have it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, FieldError},
    hash::Digest,
    member::MemberId,
    named::named,
    report::ReportId,
};

/// The identifier of a medium.
pub type MediaId = uuid::Uuid;

/// The largest image, in bytes.
pub const MAX_IMAGE_BYTES: u64 = 20 * 1024 * 1024;
/// The widest and tallest image, in pixels. Phones make up to 200 megapixels; what claims
/// more is a decompression bomb.
pub const MAX_IMAGE_SIDE_PIXELS: u32 = 20_000;

named! {
    /// The types of media that a report can carry.
    pub enum MediaType {
        /// A JPEG image.
        Jpeg = "image/jpeg",
        /// A PNG image.
        Png = "image/png",
        /// A WebP image.
        Webp = "image/webp",
    }
}

/// What a phone announces before it uploads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The type that the bytes will be checked against.
    pub content_type: MediaType,
    /// The exact size in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the bytes.
    pub sha256: Digest,
}

impl Announced {
    /// Checks the limits.
    pub fn validate(&self) -> Result<(), Error> {
        if (1..=MAX_IMAGE_BYTES).contains(&self.size_bytes) {
            Ok(())
        } else {
            Err(Error::field("/size_bytes", format!("must be from 1 to {MAX_IMAGE_BYTES}")))
        }
    }
}

named! {
    /// Why an uploaded object was refused.
    pub enum MediaRefusal {
        /// Its bytes are of another type than announced, or of none that is taken.
        WrongType = "wrong_type",
        /// It has another size than announced.
        WrongSize = "wrong_size",
        /// Its SHA-256 is another than announced.
        WrongHash = "wrong_hash",
        /// Its header cannot be read.
        Damaged = "damaged",
        /// It is wider or taller than any camera's picture.
        TooManyPixels = "too_many_pixels",
    }
}

/// What has become of a medium.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MediaState {
    /// Announced; not yet uploaded, or not yet checked.
    Pending,
    /// Checked: it is what it claims to be.
    Ready {
        /// Pixels from left to right.
        width_pixels: u32,
        /// Pixels from top to bottom.
        height_pixels: u32,
        /// When it was checked.
        checked_at: Timestamp,
    },
    /// Checked and refused; it will never be attached.
    Refused {
        /// Why.
        reason: MediaRefusal,
    },
}

/// The record of a medium.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Its identifier, also the last part of its object's key.
    pub id: MediaId,
    /// Whose it is. Only its owner can attach it.
    pub owner: MemberId,
    /// What was announced, and is enforced by the upload's signature.
    pub announced: Announced,
    /// What has become of it.
    pub state: MediaState,
    /// When it was announced.
    pub created_at: Timestamp,
    /// The report it belongs to, once attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportId>,
}

/// A medium as a report refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRef {
    /// Its identifier.
    pub id: MediaId,
    /// Its checked type.
    pub content_type: MediaType,
    /// Its checked size in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the original.
    pub sha256: Digest,
}

impl Media {
    /// The key of the object in the media bucket. It names nobody.
    pub fn object_key(id: MediaId) -> String {
        format!("uploads/{id}")
    }

    /// The medium that an object's key belongs to.
    pub fn id_of_object_key(key: &str) -> Option<MediaId> {
        key.strip_prefix("uploads/")?.parse().ok()
    }
}

/// What the intake read out of an uploaded object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The type its bytes have, if it is one that is taken.
    pub content_type: Option<MediaType>,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// Width and height from its header, if that could be read.
    pub pixels: Option<(u32, u32)>,
}

/// Judges an uploaded object by what was announced. The first mismatch names the reason.
pub fn judge(announced: &Announced, found: &Found, checked_at: Timestamp) -> MediaState {
    let refused = |reason| MediaState::Refused { reason };
    if found.size_bytes != announced.size_bytes {
        return refused(MediaRefusal::WrongSize);
    }
    if found.sha256 != announced.sha256 {
        return refused(MediaRefusal::WrongHash);
    }
    if found.content_type != Some(announced.content_type) {
        return refused(MediaRefusal::WrongType);
    }
    match found.pixels {
        None => refused(MediaRefusal::Damaged),
        Some((width, height)) if width.max(height) > MAX_IMAGE_SIDE_PIXELS => refused(MediaRefusal::TooManyPixels),
        Some((width_pixels, height_pixels)) => MediaState::Ready { width_pixels, height_pixels, checked_at },
    }
}

/// The media that a reporter wants to attach, as references, or every reason why not.
///
/// `found` has the record of each id of `wanted`, in the same order, where there is one.
/// A medium that someone else announced is answered as if it did not exist.
pub fn attach(wanted: &[MediaId], found: &[Option<Media>], owner: &MemberId) -> Result<Vec<MediaRef>, Error> {
    let mut refs = Vec::with_capacity(wanted.len());
    let mut bad = Vec::new();
    let mut pending = None;
    for (index, id) in wanted.iter().enumerate() {
        let mut refuse = |detail: String| bad.push(FieldError::new(format!("/media/{index}"), detail));
        let media = found.get(index).and_then(Option::as_ref).filter(|media| &media.owner == owner);
        let Some(media) = media else {
            refuse("is no medium of yours".to_owned());
            continue;
        };
        if wanted.iter().take(index).any(|earlier| earlier == id) {
            refuse("is named twice".to_owned());
            continue;
        }
        if media.report.is_some() {
            refuse("is already attached to a report".to_owned());
            continue;
        }
        match &media.state {
            MediaState::Ready { .. } => refs.push(MediaRef {
                id: *id,
                content_type: media.announced.content_type,
                size_bytes: media.announced.size_bytes,
                sha256: media.announced.sha256,
            }),
            MediaState::Refused { reason } => refuse(format!("was refused: {reason}")),
            MediaState::Pending => pending = pending.or(Some(*id)),
        }
    }
    // What can never succeed is said before what only needs patience.
    if !bad.is_empty() {
        return Err(Error::Invalid(bad));
    }
    match pending {
        Some(id) => Err(Error::MediaPending(id)),
        None => Ok(refs),
    }
}
