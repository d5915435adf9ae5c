//! MP3: frames with anything between, before and behind them.

use pingan_domain::media::MediaRefusal;

use super::{Heard, behind_tags};
use crate::bytes::array;

/// How much that is no frame may stand between frames, all together.
const MAX_JUNK_BYTES: usize = 256 * 1024;

/// Kilobits per second, by version and layer.
const RATES_1_1: [u32; 15] = [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
const RATES_1_2: [u32; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
const RATES_1_3: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const RATES_2_1: [u32; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
const RATES_2_23: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

/// Whether frames begin right here.
pub(super) fn begins(bytes: &[u8]) -> bool {
    Frame::read(bytes).is_some_and(|frame| frame.is_followed(bytes))
}

/// Where the first frame begins that another one follows.
pub(super) fn first_frame(bytes: &[u8]) -> Option<usize> {
    let bytes = bytes.get(..MAX_JUNK_BYTES).unwrap_or(bytes);
    (0..bytes.len()).find(|&at| bytes.get(at..).is_some_and(begins))
}

pub(super) fn hear(bytes: &[u8]) -> Heard {
    let mut rate = 0;
    let mut samples = 0;
    let flaw = walk(bytes, |frame, data| {
        rate = frame.rate;
        // The frame that holds the index makes no sound.
        samples += if index_place(frame, data).is_some() { 0 } else { frame.samples };
    });
    Heard::new(samples, u64::from(rate), flaw.err())
}

pub(super) fn clean(bytes: &[u8]) -> Vec<u8> {
    let mut copy = Vec::with_capacity(bytes.len());
    let mut frames = 0_u32;
    let mut index = None;
    // A flaw ends the walk; the caller has looked for flaws before.
    let _ = walk(bytes, |frame, data| {
        let start = copy.len();
        match index_place(frame, data) {
            Some(_) if start > 0 => {}
            Some(place) => {
                // Players need it for the length of recordings of variable rate. It also names
                // the encoder, so that it is made anew, with its two numbers alone.
                copy.extend_from_slice(data.get(..4).unwrap_or_default());
                copy.resize(data.len(), 0);
                index = data
                    .get(place..place + 4)
                    .map(|name| (place, if name == b"VBRI" { *b"Xing" } else { [name[0], name[1], name[2], name[3]] }));
            }
            None => {
                copy.extend_from_slice(data);
                frames = frames.saturating_add(1);
            }
        }
    });
    if let Some((place, name)) = index {
        let total = u32::try_from(copy.len()).unwrap_or(u32::MAX);
        let fields = [name, [0, 0, 0, 3], frames.to_be_bytes(), total.to_be_bytes()].concat();
        if let Some(room) = copy.get_mut(place..place + fields.len()) {
            room.copy_from_slice(&fields);
        }
    }
    copy
}

fn walk(bytes: &[u8], mut each: impl FnMut(&Frame, &[u8])) -> Result<(), MediaRefusal> {
    let mut at = behind_tags(bytes);
    let mut junk = 0;
    let mut stream: Option<Frame> = None;
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= 4) {
        let frame = Frame::read(rest).filter(|frame| match &stream {
            Some(first) => first.is_like(frame),
            None => frame.is_followed(rest),
        });
        let Some(frame) = frame else {
            // Tags that stand behind the sound, and whatever else is none.
            junk += 1;
            if junk > MAX_JUNK_BYTES {
                return Err(MediaRefusal::Damaged);
            }
            at += 1;
            continue;
        };
        match rest.get(..frame.length) {
            Some(data) => each(&frame, data),
            // What looks like a header inside of a tag is none.
            None if behind_sound(bytes, at) => break,
            None => return Err(MediaRefusal::Incomplete),
        }
        at += frame.length;
        stream = stream.or(Some(frame));
    }
    Ok(())
}

/// Whether this lies within the tags that end many files.
fn behind_sound(bytes: &[u8], at: usize) -> bool {
    let last = bytes.len().saturating_sub(128);
    at > last && bytes.get(last..).is_some_and(|tag| tag.starts_with(b"TAG"))
}

/// Where the index is that encoders write into the first frame, if it is there.
fn index_place(frame: &Frame, data: &[u8]) -> Option<usize> {
    let is = |place: usize, names: &[&[u8]]| {
        data.get(place..place + 16).is_some_and(|bytes| names.iter().any(|name| bytes.starts_with(name)))
    };
    let place = 4 + frame.side_bytes;
    if is(place, &[b"Xing", b"Info"]) {
        Some(place)
    } else if is(36, &[b"VBRI"]) {
        Some(place).filter(|place| place + 16 <= data.len())
    } else {
        None
    }
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    length: usize,
    rate: u32,
    samples: u64,
    side_bytes: usize,
    /// What does not change within a stream: version and layer.
    stream: u8,
}

impl Frame {
    fn read(bytes: &[u8]) -> Option<Self> {
        let [sync, second, third, fourth] = array(bytes, 0)?;
        if sync != 0xff || second & 0xe0 != 0xe0 {
            return None;
        }
        let (version, layer) = (second >> 3 & 3, second >> 1 & 3);
        let first_version = version == 3;
        let rates = match (first_version, layer) {
            (true, 3) => RATES_1_1,
            (true, 2) => RATES_1_2,
            (true, 1) => RATES_1_3,
            (false, 3) => RATES_2_1,
            (false, 1 | 2) => RATES_2_23,
            _ => return None,
        };
        let kilobits = *rates.get(usize::from(third >> 4))?;
        let halves = match version {
            3 => 1,
            2 => 2,
            0 => 4,
            _ => return None,
        };
        let rate = [44_100, 48_000, 32_000].get(usize::from(third >> 2 & 3))? / halves;
        // A rate of 0 means one that is not on the list; no phone writes that.
        if kilobits == 0 || fourth & 3 == 2 {
            return None;
        }
        let padding = u32::from(third >> 1 & 1);
        let samples = match (layer, first_version) {
            (3, _) => 384,
            (1, false) => 576,
            _ => 1_152,
        };
        let length = if layer == 3 {
            (12_000 * kilobits / rate + padding) * 4
        } else {
            samples / 8 * 1_000 * kilobits / rate + padding
        };
        let mono = fourth >> 6 == 3;
        let side_bytes = match (first_version, mono) {
            (true, false) => 32,
            (true, true) | (false, false) => 17,
            (false, true) => 9,
        };
        let length = usize::try_from(length).ok().filter(|&length| length > 4)?;
        Some(Self { length, rate, samples: u64::from(samples), side_bytes, stream: second & 0x1e })
    }

    fn is_like(&self, other: &Self) -> bool {
        self.stream == other.stream && self.rate == other.rate
    }

    /// Whether another frame of the same stream, or the end, follows. Chance makes one header.
    fn is_followed(&self, bytes: &[u8]) -> bool {
        match bytes.get(self.length..) {
            Some([]) => true,
            Some(rest) => Self::read(rest).is_some_and(|next| self.is_like(&next)) || rest.starts_with(b"TAG"),
            None => false,
        }
    }
}
