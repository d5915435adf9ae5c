//! Short codes that can be read out over the phone: of reports and of members' pseudonyms.
//!
//! A code is nine data characters and one check character out of the 32 of Crockford's
//! alphabet (<https://www.crockford.com/base32.html>), which leaves out I, L, O and U; it
//! is written `7KQ4M-2XD9H`. Letters may be typed in either case, `O` counts as `0`, `I`
//! and `L` as `1`, and hyphens and blanks are ignored.
//!
//! The check character is a Reed–Solomon symbol over GF(32): every wrong character and
//! every swap of two different characters, neighbours or not, is found.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::hash::Digest;

pub(crate) const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DATA: usize = 9;
const LENGTH: usize = DATA + 1;

/// A code with its check character, kept as the ten characters without the hyphen.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code([u8; LENGTH]);

/// Why a text is not a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Not ten characters once hyphens and blanks are taken out.
    #[error("a code has 10 characters, like 7KQ4M-2XD9H")]
    Length,
    /// A character outside the alphabet.
    #[error("a code has only digits and the letters A-Z without I, L, O and U")]
    Character,
    /// The check character does not fit: the code was misheard or mistyped.
    #[error("the check character does not fit: a character is wrong or two are swapped")]
    Check,
}

impl Code {
    /// The code made from the first 45 bits of a digest.
    pub fn from_digest(digest: &Digest) -> Self {
        let mut word = [0; 8];
        word.copy_from_slice(&digest.bytes()[..8]);
        let bits = u64::from_be_bytes(word);
        let mut symbols = [0_u8; DATA];
        for (i, symbol) in symbols.iter_mut().enumerate() {
            *symbol = ((bits >> (59 - 5 * i)) & 31) as u8;
        }
        Self::from_symbols(symbols)
    }

    /// Reads a code as a person writes it down.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let mut symbols = [0_u8; LENGTH];
        let mut count = 0;
        for character in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let symbol = symbol_of(character).ok_or(CodeError::Character)?;
            *symbols.get_mut(count).ok_or(CodeError::Length)? = symbol;
            count += 1;
        }
        if count != LENGTH {
            return Err(CodeError::Length);
        }
        let mut data = [0; DATA];
        data.copy_from_slice(&symbols[..DATA]);
        if check_symbol(&data) != symbols[DATA] {
            return Err(CodeError::Check);
        }
        Ok(Self::from_symbols(data))
    }

    fn from_symbols(data: [u8; DATA]) -> Self {
        let mut characters = [0; LENGTH];
        for (character, symbol) in characters.iter_mut().zip(data) {
            *character = ALPHABET[usize::from(symbol)];
        }
        characters[DATA] = ALPHABET[usize::from(check_symbol(&data))];
        Self(characters)
    }

    /// The ten characters without the hyphen, as they stand in keys.
    pub fn as_str(&self) -> &str {
        // The characters come from the alphabet, which is ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The number of a character, forgiving what people mix up when they read aloud.
pub(crate) fn symbol_of(character: char) -> Option<u8> {
    let character = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let position = ALPHABET.iter().position(|&c| char::from(c) == character)?;
    u8::try_from(position).ok()
}

/// Σ αⁱ·dᵢ over GF(32) with the primitive polynomial x⁵+x²+1. The weights α¹…α⁹ and the
/// check's own 1 all differ and are non-zero, which is why single errors and swaps show. So it
/// is with up to 30 symbols, after which the weights begin again.
pub(crate) fn check_symbol(data: &[u8]) -> u8 {
    // Horner's rule: each step multiplies by α (a shift and a reduction).
    data.iter().fold(0, |sum, symbol| times_alpha(sum ^ symbol))
}

fn times_alpha(value: u8) -> u8 {
    let shifted = value << 1;
    if shifted & 0b10_0000 == 0 { shifted } else { shifted ^ 0b10_0101 }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (left, right) = self.as_str().split_at(LENGTH / 2);
        f.pad(&format!("{left}-{right}"))
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Code {
    type Err = CodeError;

    fn from_str(text: &str) -> Result<Self, CodeError> {
        Self::parse(text)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(seed: u64) -> Code {
        Code::from_digest(&Digest::of(&[&seed.to_be_bytes()]))
    }

    #[test]
    fn every_single_error_and_every_swap_is_found() {
        for seed in 0..200 {
            let right = code(seed).0;
            for i in 0..LENGTH {
                for &wrong in ALPHABET {
                    let mut changed = right;
                    changed[i] = wrong;
                    let read = Code::parse(std::str::from_utf8(&changed).unwrap());
                    assert_eq!(read.is_ok(), changed == right, "{changed:?}");
                }
                for j in 0..i {
                    let mut swapped = right;
                    swapped.swap(i, j);
                    let read = Code::parse(std::str::from_utf8(&swapped).unwrap());
                    assert_eq!(read.is_ok(), swapped == right, "{swapped:?}");
                }
            }
        }
    }

    #[test]
    fn what_people_write_is_read() {
        let code = code(7);
        let written = code.to_string();
        assert_eq!(written.len(), 11);
        let sloppy = written.to_lowercase().replace('0', "o").replace('1', "l").replace('-', " ");
        assert_eq!(Code::parse(&sloppy), Ok(code));
        assert_eq!(Code::parse("ABC"), Err(CodeError::Length));
        assert_eq!(Code::parse("AAAAA-AAAAAA"), Err(CodeError::Length));
        assert_eq!(Code::parse("AAAA!-AAAAA"), Err(CodeError::Character));
        assert_eq!(Code::parse("线索线索线-索线索线索"), Err(CodeError::Character));
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_round_trips(text in ".{0,24}", seed: u64) {
            if let Ok(code) = Code::parse(&text) {
                prop_assert_eq!(Code::parse(&code.to_string()), Ok(code));
            }
            prop_assert_eq!(Code::parse(&code(seed).to_string()), Ok(code(seed)));
        }
    }
}
