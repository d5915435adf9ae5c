//! Voice recordings outside of MP4: how long they play, and clean copies of them.
//!
//! A copy is put together anew from what makes sound. Nothing else is carried over, so that
//! nothing has to be known of all the places where recorders write what else they know.

mod adts;
mod amr;
mod mp3;
mod opus;
mod wav;

use pingan_domain::media::{MediaRefusal, MediaType};

use crate::bytes::array;

/// The most tags in front of the sound.
const MAX_TAGS: usize = 16;

/// What a recording says.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Heard {
    pub(crate) duration_ms: u64,
    pub(crate) flaw: Option<MediaRefusal>,
}

impl Heard {
    fn new(duration: u64, per_second: u64, flaw: Option<MediaRefusal>) -> Self {
        let duration_ms = duration.saturating_mul(1_000).checked_div(per_second).unwrap_or(0);
        // What makes no sound at all is no recording.
        let silent = (duration_ms == 0).then_some(MediaRefusal::Damaged);
        Self { duration_ms, flaw: flaw.or(silent) }
    }
}

/// Listens to a recording of this type; none where the type is no voice outside of MP4.
pub(crate) fn hear(bytes: &[u8], media_type: MediaType) -> Option<Heard> {
    match media_type {
        MediaType::Aac => Some(adts::hear(bytes)),
        MediaType::Amr => Some(amr::hear(bytes)),
        MediaType::Mp3 => Some(mp3::hear(bytes)),
        MediaType::Ogg => Some(opus::hear(bytes)),
        MediaType::Wav => Some(wav::hear(bytes)),
        _ => None,
    }
}

/// The sound of a recording of this type, and nothing else.
pub(crate) fn clean(bytes: &[u8], media_type: MediaType) -> Result<Vec<u8>, MediaRefusal> {
    match media_type {
        MediaType::Aac => Ok(adts::clean(bytes)),
        MediaType::Amr => Ok(amr::clean(bytes)),
        MediaType::Mp3 => Ok(mp3::clean(bytes)),
        MediaType::Ogg => opus::clean(bytes),
        MediaType::Wav => wav::clean(bytes).ok_or(MediaRefusal::Damaged),
        _ => Err(MediaRefusal::WrongType),
    }
}

/// AAC or MP3, told by their frames.
pub(crate) fn sniff_frames(head: &[u8]) -> Option<MediaType> {
    let from = behind_tags(head);
    let rest = head.get(from..).unwrap_or_default();
    if adts::begins(rest) {
        Some(MediaType::Aac)
    } else if mp3::begins(rest) {
        Some(MediaType::Mp3)
    } else if from >= head.len() && from > 0 {
        // The tag is longer than what is here; nearly always MP3 follows.
        Some(MediaType::Mp3)
    } else if from > 0 && mp3::first_frame(rest).is_some() {
        Some(MediaType::Mp3)
    } else {
        None
    }
}

/// Where the sound begins: behind all `ID3v2` tags in front of it.
fn behind_tags(bytes: &[u8]) -> usize {
    let mut at = 0;
    for _ in 0..MAX_TAGS {
        match tag_length(bytes.get(at..).unwrap_or_default()) {
            Some(length) => at += length,
            None => break,
        }
    }
    at
}

/// The length of the `ID3v2` tag that stands here.
fn tag_length(bytes: &[u8]) -> Option<usize> {
    let header: [u8; 10] = array(bytes, 0)?;
    let [b'I', b'D', b'3', major, minor, flags, size @ ..] = header else { return None };
    if major == 0xff || minor == 0xff || size.iter().any(|&byte| byte >= 0x80) {
        return None;
    }
    let size = size.iter().fold(0_usize, |size, &byte| size << 7 | usize::from(byte));
    let footer = if flags & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
}
