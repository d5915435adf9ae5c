//! AAC as a bare stream of ADTS frames.

use pingan_domain::media::MediaRefusal;

use super::{Heard, behind_tags, tag_length};
use crate::bytes::array;

const SAMPLES_PER_BLOCK: u64 = 1_024;
/// The length of an `ID3v1` tag.
const OLD_TAG_BYTES: usize = 128;

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

pub(super) fn begins(bytes: &[u8]) -> bool {
    let Some(first) = Frame::read(bytes) else { return false };
    // Chance makes one header; a second one behind it, or the end, makes it a stream.
    let rest = bytes.get(first.length..).unwrap_or_default();
    rest.len() < 7 || Frame::read(rest).is_some() || tag_length(rest).is_some() || rest.starts_with(b"TAG")
}

pub(super) fn hear(bytes: &[u8]) -> Heard {
    let mut rate = 0;
    let mut samples = 0;
    let flaw = walk(bytes, |frame, _| {
        rate = frame.rate;
        samples += frame.samples;
    });
    Heard::new(samples, u64::from(rate), flaw.err())
}

pub(super) fn clean(bytes: &[u8]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(bytes.len());
    // A flaw ends the walk; the caller has looked for flaws before.
    let _ = walk(bytes, |_, frame| copy.extend_from_slice(frame));
    copy
}

fn walk(bytes: &[u8], mut each: impl FnMut(&Frame, &[u8])) -> Result<(), MediaRefusal> {
    let mut at = behind_tags(bytes);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.len() == OLD_TAG_BYTES && rest.starts_with(b"TAG") {
            break;
        }
        // Streams that were cut into pieces have a tag before each piece.
        if let Some(length) = tag_length(rest) {
            at += length;
            continue;
        }
        let Some(frame) = Frame::read(rest) else {
            let cut_off = rest.len() < 7 && rest.first() == Some(&0xff);
            return Err(if cut_off { MediaRefusal::Incomplete } else { MediaRefusal::Damaged });
        };
        let data = rest.get(..frame.length).ok_or(MediaRefusal::Incomplete)?;
        each(&frame, data);
        at += frame.length;
    }
    Ok(())
}

struct Frame {
    length: usize,
    rate: u32,
    samples: u64,
}

impl Frame {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [sync, second, third, fourth, fifth, sixth, seventh] = array(bytes, 0)?;
        // The two bits of the layer are always zero. They are not in MP3.
        if sync != 0xff || second & 0xf6 != 0xf0 {
            return None;
        }
        let rate = *RATES.get(usize::from(third >> 2 & 15))?;
        let length = usize::from(fourth & 3) << 11 | usize::from(fifth) << 3 | usize::from(sixth >> 5);
        let header = if second & 1 == 0 { 9 } else { 7 };
        (length > header).then(|| Self { length, rate, samples: SAMPLES_PER_BLOCK * u64::from((seventh & 3) + 1) })
    }
}
