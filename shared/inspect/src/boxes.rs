//! The boxes of ISO-BMFF, which MP4, `QuickTime` and HEIF are made of, in memory.

use crate::bytes::{array, be32, be64, index};

/// What a box is called.
pub(crate) type Kind = [u8; 4];

/// One box: where it begins, where its body begins, and where both end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) body: usize,
    pub(crate) end: usize,
}

/// The boxes that stand one after the other in a part of the bytes.
pub(crate) struct Parts<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
    broken: bool,
}

impl<'a> Parts<'a> {
    /// The boxes of `bytes` from `at` to `end`.
    pub(crate) fn new(bytes: &'a [u8], at: usize, end: usize) -> Self {
        Self { bytes, at, end: end.min(bytes.len()), broken: false }
    }

    /// Whether the walk ended at a box that is none.
    pub(crate) fn broken(&self) -> bool {
        self.broken
    }

    /// Where the walk stands.
    pub(crate) fn at(&self) -> usize {
        self.at
    }
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let start = self.at;
        let left = self.end.checked_sub(start)?;
        if self.broken || left < 8 {
            // QuickTime ends some lists with four zeros.
            return None;
        }
        let small = be32(self.bytes, start)?;
        let kind = array(self.bytes, start + 4)?;
        let (header, size) = match small {
            0 => (8, Some(left)),
            1 => (16, be64(self.bytes, start + 8).and_then(|size| usize::try_from(size).ok())),
            size => (8, Some(index(size))),
        };
        let Some(size) = size.filter(|size| (header..=left).contains(size)) else {
            self.broken = true;
            return None;
        };
        self.at = start + size;
        Some(Part { kind, start, body: start + header, end: start + size })
    }
}
