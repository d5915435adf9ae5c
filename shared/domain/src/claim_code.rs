//! The one-time code with which a reporter claims a share at the counter.
//!
//! A claim code is one character for the share, thirteen that nobody can guess (65 bits) and a check
//! character, in the alphabet of [`crate::code`], and is read as forgivingly: `07KQ4-M2XD9-H3WAT`. The
//! check character finds a slip of the tongue before it counts as a wrong code.
//!
//! The code is shown once. Records hold a keyed hash of it, of which the key is elsewhere.

use std::fmt;

use crate::{
    code::{ALPHABET, check_symbol, symbol_of},
    hash::Digest,
};

/// How many characters nobody can guess: five bits each.
const SECRET: usize = 13;
const DATA: usize = 1 + SECRET;
const LENGTH: usize = DATA + 1;
/// How many characters stand together.
const GROUP: usize = 5;

/// A claim code with its check character, kept as the characters without the hyphens. `Debug` does
/// not show it, so that it stands in no log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ClaimCode([u8; LENGTH]);

/// Why a text is not a claim code. It repeats nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimCodeError {
    /// Not fifteen characters once hyphens and blanks are taken out.
    #[error("a claim code has 15 characters, in three groups of five")]
    Length,
    /// A character outside the alphabet.
    #[error("a claim code has only digits and the letters A-Z without I, L, O and U")]
    Character,
    /// The check character does not fit: the code was misheard or mistyped.
    #[error("the check character does not fit: a character is wrong or two are swapped")]
    Check,
}

impl ClaimCode {
    /// The code of a share, made from the first 65 bits of a digest that nobody can guess: a keyed
    /// hash of the command that asks for the code, so that a retry is shown the same one.
    pub fn new(share: u8, secret: &Digest) -> Self {
        let mut word = [0; 16];
        word.copy_from_slice(&secret.bytes()[..16]);
        let bits = u128::from_be_bytes(word);
        let mut data = [0; DATA];
        data[0] = share & 31;
        for (i, symbol) in data.iter_mut().skip(1).enumerate() {
            *symbol = ((bits >> (123 - 5 * i)) & 31) as u8;
        }
        Self::from_symbols(data)
    }

    /// Reads a code as a person writes it down.
    pub fn parse(text: &str) -> Result<Self, ClaimCodeError> {
        let mut symbols = [0; LENGTH];
        let mut count = 0;
        for character in text.chars().filter(|c| !matches!(c, '-' | ' ')) {
            let symbol = symbol_of(character).ok_or(ClaimCodeError::Character)?;
            *symbols.get_mut(count).ok_or(ClaimCodeError::Length)? = symbol;
            count += 1;
        }
        if count != LENGTH {
            return Err(ClaimCodeError::Length);
        }
        let mut data = [0; DATA];
        data.copy_from_slice(&symbols[..DATA]);
        if check_symbol(&data) == symbols[DATA] { Ok(Self::from_symbols(data)) } else { Err(ClaimCodeError::Check) }
    }

    fn from_symbols(data: [u8; DATA]) -> Self {
        let mut characters = [0; LENGTH];
        for (character, symbol) in characters.iter_mut().zip(data) {
            *character = ALPHABET[usize::from(symbol)];
        }
        characters[DATA] = ALPHABET[usize::from(check_symbol(&data))];
        Self(characters)
    }

    /// Which share of the reward it is for, from 0.
    pub fn share(&self) -> u8 {
        symbol_of(char::from(self.0[0])).unwrap_or_default()
    }

    /// The characters without the hyphens, as they are hashed.
    pub fn as_str(&self) -> &str {
        // The characters come from the alphabet, which is ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = self.as_str().split_at(GROUP);
        let (second, third) = rest.split_at(GROUP);
        f.pad(&format!("{first}-{second}-{third}"))
    }
}

impl fmt::Debug for ClaimCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClaimCode(…)")
    }
}

impl std::str::FromStr for ClaimCode {
    type Err = ClaimCodeError;

    fn from_str(text: &str) -> Result<Self, ClaimCodeError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(share: u8, seed: u64) -> ClaimCode {
        ClaimCode::new(share, &Digest::of(&[&seed.to_be_bytes()]))
    }

    #[test]
    fn every_single_error_and_every_swap_is_found() {
        for seed in 0..30 {
            let right = code(3, seed).0;
            for i in 0..LENGTH {
                for &wrong in ALPHABET {
                    let mut changed = right;
                    changed[i] = wrong;
                    let read = ClaimCode::parse(std::str::from_utf8(&changed).unwrap());
                    assert_eq!(read.is_ok(), changed == right, "{seed}: {i}");
                }
                for j in 0..i {
                    let mut swapped = right;
                    swapped.swap(i, j);
                    let read = ClaimCode::parse(std::str::from_utf8(&swapped).unwrap());
                    assert_eq!(read.is_ok(), swapped == right, "{seed}: {i}, {j}");
                }
            }
        }
    }

    #[test]
    fn what_people_write_is_read_and_what_is_logged_shows_nothing() {
        let code = code(9, 7);
        let written = code.to_string();
        assert_eq!((written.len(), written.matches('-').count(), code.share()), (17, 2, 9));
        let sloppy = written.to_lowercase().replace('0', "o").replace('1', "l").replace('-', " ");
        assert_eq!(ClaimCode::parse(&sloppy), Ok(code));
        assert_eq!(format!("{code:?}"), "ClaimCode(…)");
        assert_eq!(ClaimCode::parse("7KQ4M-2XD9H"), Err(ClaimCodeError::Length));
        assert_eq!(ClaimCode::parse(&format!("{written}0")), Err(ClaimCodeError::Length));
        assert_eq!(ClaimCode::parse("线索线索线-索线索线索"), Err(ClaimCodeError::Character));
    }

    #[test]
    fn each_of_the_65_bits_matters() {
        let ones = [0xFF; 32];
        let whole = ClaimCode::new(0, &Digest::from_bytes(ones));
        for bit in 0..128 {
            let mut bytes = ones;
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            let other = ClaimCode::new(0, &Digest::from_bytes(bytes));
            assert_eq!(other != whole, bit < 5 * SECRET, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_round_trips(text in ".{0,24}", share in 0_u8..32, seed: u64) {
            if let Ok(code) = ClaimCode::parse(&text) {
                prop_assert_eq!(ClaimCode::parse(&code.to_string()), Ok(code));
            }
            let code = code(share, seed);
            prop_assert_eq!(ClaimCode::parse(&code.to_string()), Ok(code));
            prop_assert_eq!(code.share(), share);
        }
    }
}
