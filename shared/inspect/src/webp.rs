//! The chunks of a WebP.

use pingan_domain::media::MediaRefusal;

use crate::{
    bytes::{array, index, le16, le24, le32},
    exif,
};

/// What the chunks say.
#[derive(Debug, Default)]
pub(crate) struct Webp {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// As in EXIF, 1 to 8; 0 where there is none.
    pub(crate) orientation: u8,
    /// Where the picture ends.
    pub(crate) end: Option<usize>,
    pub(crate) flaw: Option<MediaRefusal>,
}

impl Webp {
    /// Walks over the chunks.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut webp = Self::default();
        webp.flaw = webp.walk(bytes).err();
        webp
    }

    fn walk(&mut self, bytes: &[u8]) -> Result<(), MediaRefusal> {
        let size = index(le32(bytes, 4).ok_or(MediaRefusal::Incomplete)?);
        let end = size.saturating_add(8);
        // The last byte of padding is often left out.
        if end > bytes.len() + 1 {
            return Err(MediaRefusal::Incomplete);
        }
        let end = end.min(bytes.len());
        let mut at = 12;
        let mut has_pixels = false;
        while at + 8 <= end {
            let kind: [u8; 4] = array(bytes, at).ok_or(MediaRefusal::Incomplete)?;
            let length = index(le32(bytes, at + 4).ok_or(MediaRefusal::Incomplete)?);
            let body_end = (at + 8).saturating_add(length);
            let body = bytes.get(at + 8..body_end).filter(|_| body_end <= end).ok_or(MediaRefusal::Incomplete)?;
            has_pixels |= matches!(&kind, b"VP8 " | b"VP8L" | b"ANMF");
            match &kind {
                b"VP8X" => self.sized(le24(body, 4).map(|side| side + 1), le24(body, 7).map(|side| side + 1))?,
                b"VP8 " if self.width == 0 => {
                    let side = |at| le16(body, at).map(|side| u32::from(side & 0x3fff));
                    self.sized(side(6), side(8))?;
                }
                b"VP8L" if self.width == 0 => {
                    let bits = le32(body, 1);
                    self.sized(bits.map(|bits| (bits & 0x3fff) + 1), bits.map(|bits| (bits >> 14 & 0x3fff) + 1))?;
                }
                b"EXIF" if self.orientation == 0 => {
                    self.orientation = exif::orientation(body.strip_prefix(b"Exif\0\0").unwrap_or(body));
                }
                _ => {}
            }
            at = body_end + (length & 1);
        }
        self.end = Some(end);
        if has_pixels && self.width > 0 && self.height > 0 { Ok(()) } else { Err(MediaRefusal::Damaged) }
    }

    fn sized(&mut self, width: Option<u32>, height: Option<u32>) -> Result<(), MediaRefusal> {
        self.width = width.ok_or(MediaRefusal::Damaged)?;
        self.height = height.ok_or(MediaRefusal::Damaged)?;
        Ok(())
    }
}
