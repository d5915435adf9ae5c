//! WAV: chunks, of which two or three make the sound.

use pingan_domain::media::MediaRefusal;

use super::Heard;
use crate::bytes::{array, index, le16, le32, long};

/// The most chunks.
const MAX_CHUNKS: usize = 4_096;
/// What recorders write that do not know the length yet, and never come back to it.
const UNKNOWN: u32 = u32::MAX;

/// The formats that recorders write: PCM, floating point, A-law, µ-law, two kinds of ADPCM, and
/// the extensible form of them.
const FORMATS: [u16; 7] = [0x0001, 0x0003, 0x0006, 0x0007, 0x0002, 0x0011, EXTENSIBLE];
const EXTENSIBLE: u16 = 0xfffe;

#[derive(Default)]
struct Wav<'a> {
    format: Option<&'a [u8]>,
    fact: Option<&'a [u8]>,
    data: Option<&'a [u8]>,
    flaw: Option<MediaRefusal>,
}

pub(super) fn hear(bytes: &[u8]) -> Heard {
    let wav = Wav::read(bytes);
    let rate = wav.format.and_then(bytes_per_second).unwrap_or(0);
    let data = wav.data.map_or(0, |data| long(data.len()));
    Heard::new(data, rate, wav.flaw)
}

pub(super) fn clean(bytes: &[u8]) -> Option<Vec<u8>> {
    let wav = Wav::read(bytes);
    let (format, data) = (wav.format?, wav.data?);
    let fact = wav.fact.and_then(|fact| fact.get(..4));
    let mut copy = Vec::with_capacity(data.len() + 128);
    copy.extend_from_slice(b"RIFF\0\0\0\0WAVE");
    for (name, body) in [(b"fmt ", Some(format)), (b"fact", fact), (b"data", Some(data))] {
        let Some(body) = body else { continue };
        copy.extend_from_slice(name);
        copy.extend_from_slice(&u32::try_from(body.len()).ok()?.to_le_bytes());
        copy.extend_from_slice(body);
        if body.len() % 2 == 1 {
            copy.push(0);
        }
    }
    let size = u32::try_from(copy.len().checked_sub(8)?).ok()?;
    copy.get_mut(4..8)?.copy_from_slice(&size.to_le_bytes());
    Some(copy)
}

impl<'a> Wav<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        let mut wav = Self::default();
        wav.flaw = wav.walk(bytes).err();
        wav
    }

    fn walk(&mut self, bytes: &'a [u8]) -> Result<(), MediaRefusal> {
        let mut at = 12;
        for _ in 0..MAX_CHUNKS {
            let (Some(name), Some(size)) = (array::<4>(bytes, at), le32(bytes, at + 4)) else { break };
            let rest = bytes.get(at + 8..).unwrap_or_default();
            let length = index(size);
            if &name == b"data" && self.data.is_none() {
                let open = size == UNKNOWN || (size == 0 && !is_list(rest));
                let data = if open { Some(rest) } else { rest.get(..length) };
                // Where it is cut off, the recorder was too.
                self.data = Some(data.ok_or(MediaRefusal::Incomplete)?);
                if open {
                    break;
                }
            } else {
                // The last chunks are often cut short, and nothing of them is needed.
                let Some(body) = rest.get(..length) else { break };
                match &name {
                    b"fmt " if self.format.is_none() => self.format = Some(format(body)?),
                    b"fact" => self.fact = Some(body),
                    _ => {}
                }
            }
            at = at.saturating_add(8).saturating_add(length).saturating_add(length & 1);
        }
        match (self.format, self.data) {
            (Some(_), Some(_)) => Ok(()),
            (None, Some(_)) => Err(MediaRefusal::Damaged),
            (_, None) => Err(MediaRefusal::Incomplete),
        }
    }
}

/// Whether the rest of a file is nothing but chunks.
fn is_list(bytes: &[u8]) -> bool {
    let mut at = 0;
    for _ in 0..MAX_CHUNKS {
        if at == bytes.len() {
            return true;
        }
        let (Some(name), Some(size)) = (array::<4>(bytes, at), le32(bytes, at + 4)) else { return false };
        let printable = name.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        at = at.saturating_add(8).saturating_add(index(size)).saturating_add(index(size & 1));
        if !printable || at > bytes.len() + 1 {
            return false;
        }
        at = at.min(bytes.len());
    }
    false
}

/// The description of the sound, as far as its format has one.
fn format(body: &[u8]) -> Result<&[u8], MediaRefusal> {
    let tag = le16(body, 0).filter(|tag| FORMATS.contains(tag)).ok_or(MediaRefusal::Damaged)?;
    let most = match tag {
        0x0002 => 50,
        0x0011 => 20,
        EXTENSIBLE => 40,
        _ => 16,
    };
    if body.len() < 16 || bytes_per_second(body).is_none() {
        return Err(MediaRefusal::Damaged);
    }
    Ok(body.get(..most).unwrap_or(body))
}

fn bytes_per_second(format: &[u8]) -> Option<u64> {
    let tag = le16(format, 0)?;
    let stated = u64::from(le32(format, 8)?);
    let by_frames = u64::from(le32(format, 4)?) * u64::from(le16(format, 12)?);
    // In ADPCM a block is many samples.
    let rate = if matches!(tag, 0x0002 | 0x0011) { stated } else { by_frames };
    Some(rate).filter(|&rate| rate > 0)
}
