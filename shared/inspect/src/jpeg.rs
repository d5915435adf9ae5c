//! The segments of a JPEG.

use pingan_domain::media::MediaRefusal;

use crate::{bytes::be16, exif};

/// The most scans. Progressive pictures have about ten; each one is a walk over all pixels.
const MAX_SCANS: u32 = 100;
/// The most pixels that all scans together walk over: those of a large photograph, ten times.
const MAX_SCANNED_PIXELS: u64 = 1_500_000_000;

/// What the segments say.
#[derive(Debug, Default)]
pub(crate) struct Jpeg {
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// As in EXIF, 1 to 8; 0 where there is none.
    pub(crate) orientation: u8,
    /// What a progressive picture takes while it is decoded, in bytes.
    pub(crate) coefficient_bytes: u64,
    /// Where the picture ends.
    pub(crate) end: Option<usize>,
    pub(crate) flaw: Option<MediaRefusal>,
    scans: u32,
}

impl Jpeg {
    /// Walks over the segments of the first picture.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut jpeg = Self::default();
        jpeg.flaw = jpeg.walk(bytes).err();
        jpeg
    }

    fn walk(&mut self, bytes: &[u8]) -> Result<(), MediaRefusal> {
        let mut at = 2;
        loop {
            // Decoders skip what is no marker, and some cameras leave such bytes.
            let marker = next_marker(bytes, &mut at).ok_or(MediaRefusal::Incomplete)?;
            match marker {
                0x00 | 0x01 | 0xd0..=0xd8 => {}
                0xd9 => {
                    self.end = Some(at);
                    let scanned = u64::from(self.scans) * u64::from(self.width) * u64::from(self.height);
                    let usable = self.width > 0 && self.height > 0 && (1..=MAX_SCANS).contains(&self.scans);
                    // A bomb is told by its size first, whatever its scans are.
                    let many = self.scans > 1 && scanned > MAX_SCANNED_PIXELS;
                    return if usable && !many { Ok(()) } else { Err(MediaRefusal::Damaged) };
                }
                _ => {
                    let length = be16(bytes, at).ok_or(MediaRefusal::Incomplete)?;
                    let end = at + usize::from(length);
                    if length < 2 {
                        return Err(MediaRefusal::Damaged);
                    }
                    let segment = bytes.get(at + 2..end).ok_or(MediaRefusal::Incomplete)?;
                    self.segment(marker, segment)?;
                    at = end;
                    if marker == 0xda {
                        at = end_of_scan(bytes, at).ok_or(MediaRefusal::Incomplete)?;
                    }
                }
            }
        }
    }

    fn segment(&mut self, marker: u8, segment: &[u8]) -> Result<(), MediaRefusal> {
        match marker {
            0xda => {
                self.scans += 1;
                if self.scans > MAX_SCANS {
                    return Err(MediaRefusal::Damaged);
                }
            }
            0xe1 => {
                if let Some(tiff) = segment.strip_prefix(b"Exif\0\0").or_else(|| segment.strip_prefix(b"Exif\0\xff"))
                    && self.orientation == 0
                {
                    self.orientation = exif::orientation(tiff);
                }
            }
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let (Some(height), Some(width), Some(&components)) =
                    (be16(segment, 1), be16(segment, 3), segment.get(5))
                else {
                    return Err(MediaRefusal::Damaged);
                };
                if self.width > 0 || components == 0 || components > 4 {
                    return Err(MediaRefusal::Damaged);
                }
                (self.width, self.height) = (width, height);
                let whole_in_memory = matches!(marker, 0xc2 | 0xc6 | 0xca | 0xce);
                if whole_in_memory {
                    self.coefficient_bytes = coefficient_bytes(width, height, segment.get(6..).unwrap_or_default());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Two bytes for each sample, with each side rounded up to whole blocks.
fn coefficient_bytes(width: u16, height: u16, components: &[u8]) -> u64 {
    let factors: Vec<(u64, u64)> =
        components.chunks_exact(3).map(|part| (u64::from(part[1] >> 4), u64::from(part[1] & 15))).collect();
    let across = factors.iter().map(|factor| factor.0).max().unwrap_or(1).max(1);
    let down = factors.iter().map(|factor| factor.1).max().unwrap_or(1).max(1);
    let units = u64::from(width).div_ceil(8 * across) * u64::from(height).div_ceil(8 * down);
    factors.iter().map(|factor| units * factor.0 * factor.1 * 128).sum()
}

/// The next marker, and behind it.
fn next_marker(bytes: &[u8], at: &mut usize) -> Option<u8> {
    *at += bytes.get(*at..)?.iter().position(|&byte| byte == 0xff)?;
    *at += bytes.get(*at..)?.iter().position(|&byte| byte != 0xff)?;
    let marker = bytes.get(*at).copied()?;
    *at += 1;
    Some(marker)
}

/// Where the coded data of a scan ends: at a marker that is no restart.
fn end_of_scan(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == 0xff)?;
        match bytes.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            0xff => at += 1,
            _ => return Some(at),
        }
    }
}
