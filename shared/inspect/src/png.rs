//! The chunks of a PNG.

use pingan_domain::media::MediaRefusal;

use crate::{
    bytes::{array, be32, index},
    exif,
};

/// What the chunks say.
#[derive(Debug, Default)]
pub(crate) struct Png {
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// As in EXIF, 1 to 8; 0 where there is none.
    pub(crate) orientation: u8,
    /// Where the picture ends.
    pub(crate) end: Option<usize>,
    pub(crate) flaw: Option<MediaRefusal>,
}

impl Png {
    /// Walks over the chunks.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut png = Self::default();
        png.flaw = png.walk(bytes).err();
        png
    }

    fn walk(&mut self, bytes: &[u8]) -> Result<(), MediaRefusal> {
        let mut at = 8;
        let mut has_data = false;
        loop {
            let length = be32(bytes, at).ok_or(MediaRefusal::Incomplete)?;
            let kind: [u8; 4] = array(bytes, at + 4).ok_or(MediaRefusal::Incomplete)?;
            if !kind.iter().all(u8::is_ascii_alphabetic) || (at == 8) != (&kind == b"IHDR") {
                return Err(MediaRefusal::Damaged);
            }
            let end = (at + 8).saturating_add(index(length));
            let body = bytes.get(at + 8..end).ok_or(MediaRefusal::Incomplete)?;
            bytes.get(end..end + 4).ok_or(MediaRefusal::Incomplete)?;
            at = end + 4;
            match &kind {
                b"IHDR" => {
                    self.width = be32(body, 0).ok_or(MediaRefusal::Damaged)?;
                    self.height = be32(body, 4).ok_or(MediaRefusal::Damaged)?;
                    if self.width == 0 || self.height == 0 {
                        return Err(MediaRefusal::Damaged);
                    }
                }
                b"eXIf" if self.orientation == 0 => self.orientation = exif::orientation(body),
                b"IDAT" => has_data = true,
                b"IEND" => {
                    self.end = Some(at);
                    return if has_data { Ok(()) } else { Err(MediaRefusal::Damaged) };
                }
                _ => {}
            }
        }
    }
}
