//! Damage, done to files by chance that can be repeated.

/// Chance, by xorshift.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        // Zero would stay zero; and neighbouring seeds must not begin alike.
        Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// Less than `end`; zero where there is nothing to choose from.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next().checked_rem(end as u64).unwrap_or(0)).unwrap_or(0)
    }
}

/// Numbers that lengths are confused by.
const NUMBERS: [u32; 16] =
    [0, 1, 2, 7, 8, 9, 16, 255, 2_048, 20_000, 65_535, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff];

/// One of the files, with a few things wrong with it.
pub(crate) fn mutated(chance: &mut Chance, files: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = files.get(chance.below(files.len())).cloned().unwrap_or_default();
    for _ in 0..=chance.below(4) {
        mutate(chance, &mut bytes, files);
    }
    bytes
}

fn mutate(chance: &mut Chance, bytes: &mut Vec<u8>, files: &[Vec<u8>]) {
    let length = bytes.len();
    let at = chance.below(length);
    match chance.below(10) {
        0 | 1 => {
            for _ in 0..=chance.below(8) {
                let at = chance.below(length);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << chance.below(8);
                }
            }
        }
        2 => bytes.truncate(at),
        3 => {
            let other = files.get(chance.below(files.len())).map(Vec::as_slice).unwrap_or_default();
            let from = chance.below(other.len());
            let piece = other.get(from..(from + chance.below(2_000)).min(other.len())).unwrap_or_default().to_vec();
            let until = if chance.below(2) == 0 { at } else { (at + piece.len()).min(length) };
            drop(bytes.splice(at..until, piece));
        }
        4 | 5 => {
            // The length in front of a name, as boxes and chunks have it, or behind it.
            let named = |at: &usize| {
                bytes
                    .get(*at..at + 4)
                    .is_some_and(|name| name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b' '))
            };
            let names: Vec<usize> = (0..length).filter(named).collect();
            let name = names.get(chance.below(names.len())).copied().unwrap_or(at);
            let place = if chance.below(4) == 0 { name + 4 } else { name.saturating_sub(4) };
            overwrite(chance, bytes, place, 4);
        }
        6 => {
            let width = if chance.below(2) == 0 { 2 } else { 4 };
            overwrite(chance, bytes, at, width);
        }
        7 => {
            // The headers are where things are said.
            let place = chance.below(length.min(700));
            let width = if chance.below(2) == 0 { 2 } else { 4 };
            overwrite(chance, bytes, place, width);
        }
        8 => {
            let end = (at + chance.below(600)).min(length);
            let piece = bytes.get(at..end).unwrap_or_default().to_vec();
            let to = chance.below(length);
            drop(bytes.splice(to..to, piece));
        }
        _ => {
            let end = (at + chance.below(600)).min(length);
            drop(bytes.drain(at..end));
        }
    }
}

fn overwrite(chance: &mut Chance, bytes: &mut [u8], at: usize, width: usize) {
    let number = match chance.below(3) {
        0 => u32::try_from(chance.below(70_000)).unwrap_or(0),
        _ => NUMBERS.get(chance.below(NUMBERS.len())).copied().unwrap_or(0),
    };
    let number = if chance.below(4) == 0 { number.to_le_bytes() } else { number.to_be_bytes() };
    if let Some(place) = bytes.get_mut(at..at + width) {
        place.copy_from_slice(number.get(4 - width..).unwrap_or_default());
    }
}
