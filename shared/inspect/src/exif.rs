//! The one thing of EXIF that a picture cannot be shown without: which way is up.

use crate::bytes::array;

/// No camera writes so many entries into one directory.
const MAX_ENTRIES: u16 = 1_024;
const ORIENTATION: u16 = 0x0112;
const SHORT: u16 = 3;

/// The orientation, 1 to 8, from the TIFF structure that EXIF is. What cannot be read is upright.
pub(crate) fn orientation(tiff: &[u8]) -> u8 {
    read(tiff).unwrap_or(1)
}

fn read(tiff: &[u8]) -> Option<u8> {
    let little = match tiff.first_chunk::<4>()? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        array(tiff, at).map(|bytes| if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let offset =
        array(tiff, 4).map(|bytes| if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })?;
    let directory = usize::try_from(offset).ok()?;
    let count = short(directory)?.min(MAX_ENTRIES);
    (0..usize::from(count))
        .map(|number| directory.saturating_add(2 + number * 12))
        .find(|&at| short(at) == Some(ORIENTATION) && short(at + 2) == Some(SHORT))
        .and_then(|at| short(at + 8))
        .and_then(|value| u8::try_from(value).ok())
        .filter(|value| (1..=8).contains(value))
}
