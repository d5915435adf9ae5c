//! Changes to a file that leave every byte where it is.

use crate::boxes::Kind;

/// A file with more to change than this was not made by a camera.
const MAX_EDITS: usize = 200_000;

/// What has to be changed in the bytes of a file so that a copy of the same length tells
/// nothing of its owner.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Edits {
    /// From and to, in order and apart from each other.
    zeros: Vec<(u64, u64)>,
    /// Four bytes each, in order. They are written over the zeros.
    words: Vec<(u64, Kind)>,
}

impl Edits {
    /// Applies to the piece of the file that begins at `offset`.
    pub fn apply(&self, offset: u64, piece: &mut [u8]) {
        let end = offset.saturating_add(crate::bytes::long(piece.len()));
        let first = self.zeros.partition_point(|zeros| zeros.1 <= offset);
        for &(from, to) in self.zeros.iter().skip(first).take_while(|zeros| zeros.0 < end) {
            let inside = |at: u64| usize::try_from(at.clamp(offset, end) - offset).unwrap_or(usize::MAX);
            if let Some(bytes) = piece.get_mut(inside(from)..inside(to)) {
                bytes.fill(0);
            }
        }
        let first = self.words.partition_point(|word| word.0.saturating_add(4) <= offset);
        for &(at, word) in self.words.iter().skip(first).take_while(|word| word.0 < end) {
            for (at, byte) in (at..).zip(word) {
                let place = at.checked_sub(offset).and_then(|place| usize::try_from(place).ok());
                if let Some(place) = place.and_then(|place| piece.get_mut(place)) {
                    *place = byte;
                }
            }
        }
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.zeros.is_empty() && self.words.is_empty()
    }

    /// Fills with zeros what lies between.
    pub(crate) fn zero(&mut self, from: u64, to: u64) {
        if let Some(last) = self.zeros.last_mut()
            && last.1 == from
        {
            last.1 = last.1.max(to);
        } else if from < to {
            self.zeros.push((from, to));
        }
    }

    /// Writes four bytes.
    pub(crate) fn write(&mut self, at: u64, word: Kind) {
        self.words.push((at, word));
    }

    /// Takes a box out: what lies between its header's two numbers becomes `free`, its body zeros.
    pub(crate) fn blank(&mut self, start: u64, body: u64, end: u64) {
        self.write(start + 4, *b"free");
        self.zero(body, end);
    }

    /// Whether this is more than any camera's file needs.
    pub(crate) fn too_many(&self) -> bool {
        self.zeros.len().max(self.words.len()) > MAX_EDITS
    }

    /// Brings everything into its order.
    pub(crate) fn settle(&mut self) {
        self.zeros = merged(std::mem::take(&mut self.zeros));
        self.words.sort_unstable();
        self.words.dedup();
    }
}

/// The same ranges in order, joined where they touch.
pub(crate) fn merged(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.retain(|range| range.0 < range.1);
    ranges.sort_unstable();
    ranges.dedup_by(|next, last| {
        let touches = next.0 <= last.1;
        if touches {
            last.1 = last.1.max(next.1);
        }
        touches
    });
    ranges
}

/// What of `from..to` lies in none of the ranges, which are in order and apart.
pub(crate) fn gaps(ranges: &[(u64, u64)], from: u64, to: u64) -> Vec<(u64, u64)> {
    let mut at = from;
    let mut gaps = Vec::new();
    let first = ranges.partition_point(|range| range.1 <= from);
    for &(start, end) in ranges.iter().skip(first).take_while(|range| range.0 < to) {
        if at < start {
            gaps.push((at, start));
        }
        at = at.max(end);
    }
    if at < to {
        gaps.push((at, to));
    }
    gaps
}
