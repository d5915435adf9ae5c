//! What the bytes of an upload are, and the clean copies of them.
//!
//! Pure: bytes go in, findings and bytes come out. Everything here reads what strangers sent,
//! so that every length is checked against the bytes that are there, every walk has a bound,
//! and nothing is allocated because a header says so.
//!
//! | to change … | go to |
//! |---|---|
//! | how a type is told | `kind` |
//! | what makes a file dangerous whatever its type | `danger` |
//! | how pictures are read | `jpeg`, `png`, `webp`, `heif`, `exif` |
//! | the copies of pictures: sizes, quality, limits of decoding | `picture` |
//! | what of a video survives | the lists at the top of `movie` |
//! | how a video is read while it flows by | `video` |
//! | what of a recording survives | `voice` |
//!
//! A copy is what is known to be needed, put together anew or kept in its place. What else a
//! file holds is not looked for: there would be no end to it.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

// Under this name the fuzzer knows it, which shares code with the tests.
#[cfg(test)]
extern crate self as pingan_inspect;

mod boxes;
mod bytes;
mod danger;
mod edits;
mod exif;
mod heif;
mod jpeg;
mod kind;
mod movie;
mod picture;
mod png;
#[cfg(test)]
mod tests;
mod video;
mod voice;
mod webp;

use std::panic::{AssertUnwindSafe, catch_unwind};

use pingan_domain::media::{MediaRefusal, MediaType, Seen, check_pixels};

pub use crate::{edits::Edits, video::VideoLook};
use crate::{heif::Heif, jpeg::Jpeg, kind::Sniffed, png::Png, webp::Webp};

/// The clean copies of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    /// What reviewers open.
    pub working: Option<CopyFile>,
    /// A small picture of it.
    pub thumbnail: Option<CopyFile>,
}

/// One clean copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFile {
    /// Its type.
    pub content_type: MediaType,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What a whole file says of itself: pictures and voice. Cheap: headers and frames only, no
/// pixel is decoded.
pub fn look(bytes: &[u8]) -> Seen {
    let sniffed = kind::sniff(bytes);
    let media_type = match sniffed {
        Some(Sniffed::Boxes { .. }) if sniffed.and_then(Sniffed::media_type).is_none() => {
            return video(bytes).0;
        }
        sniffed => sniffed.and_then(Sniffed::media_type),
    };
    let Some(content_type) = media_type else { return Seen::default() };
    let mut seen = Seen { content_type: Some(content_type), ..Seen::default() };
    let mut end = None;
    if let Some(heard) = voice::hear(bytes, content_type) {
        (seen.duration_ms, seen.flaw) = (Some(heard.duration_ms), heard.flaw);
    } else {
        let (size, turned, flaw);
        (size, turned, end, flaw) = match content_type {
            MediaType::Jpeg => {
                let it = Jpeg::read(bytes);
                ((u32::from(it.width), u32::from(it.height)), it.orientation > 4, it.end, it.flaw)
            }
            MediaType::Png => {
                let it = Png::read(bytes);
                ((it.width, it.height), it.orientation > 4, it.end, it.flaw)
            }
            MediaType::Webp => {
                let it = Webp::read(bytes);
                ((it.width, it.height), it.orientation > 4, it.end, it.flaw)
            }
            _ => {
                let it = Heif::read(bytes);
                (it.shown(), false, it.end, it.flaw)
            }
        };
        let (width, height) = if turned { (size.1, size.0) } else { size };
        let known = |side: u32| (side > 0).then_some(side);
        (seen.width_pixels, seen.height_pixels, seen.flaw) = (known(width), known(height), flaw);
    }
    if is_polyglot(bytes, end) {
        seen.flaw = Some(MediaRefusal::Polyglot);
    }
    seen
}

/// The clean copies of a picture or voice file that [`look`] took for `content_type`. Decodes.
pub fn clean(bytes: &[u8], content_type: MediaType) -> Result<Copies, MediaRefusal> {
    let seen = look(bytes);
    let Some(real) = seen.content_type.filter(|real| real.is(content_type)) else {
        return Err(MediaRefusal::WrongType);
    };
    if let (Some(width), Some(height)) = (seen.width_pixels, seen.height_pixels) {
        check_pixels(width, height)?;
    }
    if let Some(flaw) = seen.flaw {
        return Err(flaw);
    }
    // The decoders are not ours. One that panics has met a file that it cannot read.
    let made = catch_unwind(AssertUnwindSafe(|| make(bytes, real)));
    let copies = made.unwrap_or(Err(MediaRefusal::Damaged))?;
    // What was taken apart and put together can have become something that it was not before.
    for copy in [&copies.working, &copies.thumbnail].into_iter().flatten() {
        let seen = look(&copy.bytes);
        if let Some(flaw) = seen.flaw {
            return Err(flaw);
        }
        if seen.content_type != Some(copy.content_type) {
            return Err(MediaRefusal::Damaged);
        }
    }
    Ok(copies)
}

fn make(bytes: &[u8], content_type: MediaType) -> Result<Copies, MediaRefusal> {
    match content_type {
        MediaType::Jpeg => {
            let jpeg = Jpeg::read(bytes);
            picture::copies(picture::decode_jpeg(bytes, &jpeg)?, jpeg.orientation)
        }
        MediaType::Png => {
            picture::copies(picture::decode(bytes, image::ImageFormat::Png)?, Png::read(bytes).orientation)
        }
        MediaType::Webp => {
            picture::copies(picture::decode(bytes, image::ImageFormat::WebP)?, Webp::read(bytes).orientation)
        }
        MediaType::Heic | MediaType::Heif => heif::copies(bytes, content_type),
        MediaType::M4a => {
            let (_, edits) = video(bytes);
            let mut copy = bytes.to_vec();
            edits.apply(0, &mut copy);
            Ok(only(content_type, copy))
        }
        MediaType::Aac | MediaType::Amr | MediaType::Mp3 | MediaType::Ogg | MediaType::Wav => {
            Ok(only(content_type, voice::clean(bytes, content_type)?))
        }
        // Videos are too large to be held; their copies are made while they flow by.
        MediaType::Mp4 | MediaType::Mov => Err(MediaRefusal::WrongType),
    }
}

fn only(content_type: MediaType, bytes: Vec<u8>) -> Copies {
    Copies { working: Some(CopyFile { content_type, bytes }), thumbnail: None }
}

fn video(bytes: &[u8]) -> (Seen, Edits) {
    let mut look = VideoLook::new();
    look.push(bytes);
    look.finish()
}

/// Whether a file is something else as well. `end` is where its picture ends.
fn is_polyglot(bytes: &[u8], end: Option<usize>) -> bool {
    let tail = bytes.len().saturating_sub(danger::TAIL_BYTES);
    danger::in_head(bytes)
        || danger::in_tail(bytes.get(tail..).unwrap_or_default(), bytes::long(tail))
        || end.and_then(|end| bytes.get(end..)).is_some_and(danger::in_trailer)
}
