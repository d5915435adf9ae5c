//! Phone numbers, normalised to E.164 by libphonenumber's rules.

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, Region};

/// The longest text that is looked at, in characters.
const MAX_CHARS: usize = 40;
/// China's country calling code.
const CHINA: i32 = 86;

/// A phone number that can be sent a text, in E.164.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

/// Why a text is no phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// Too long to be one.
    #[error("is longer than 40 characters")]
    Length,
    /// Not a number at all, or one with an extension.
    #[error("is no phone number")]
    NotANumber,
    /// A number that nobody can have.
    #[error("is no valid phone number; check the digits")]
    Invalid,
    /// A number in China that takes no texts.
    #[error("is not a mobile number; texts do not reach it")]
    NotMobile,
}

impl Phone {
    /// Reads a number in any usual notation. Without a country it is one of China.
    pub fn parse(text: &str) -> Result<Self, PhoneError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(PhoneError::Empty);
        }
        if text.chars().count() > MAX_CHARS {
            return Err(PhoneError::Length);
        }
        let plain: String = text.chars().map(half_width).collect();
        let written = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')' | '.' | '/');
        if !plain.chars().all(written) || !plain.chars().any(|c| c.is_ascii_digit()) {
            return Err(PhoneError::NotANumber);
        }
        let mut digits: String = plain.chars().filter(char::is_ascii_digit).collect();
        let international = plain.trim_start_matches(['(', ' ']).starts_with('+');
        if international {
            digits.insert(0, '+');
        } else if let Some(rest) = digits.strip_prefix("00") {
            // People also write the country's number after 00, or without a plus.
            digits = format!("+{rest}");
        } else if digits.len() == 13 && digits.starts_with("861") {
            digits.insert(0, '+');
        }
        let number = PHONE_NUMBER_UTIL.parse(&digits, Some(Region::CN)).map_err(|_| PhoneError::NotANumber)?;
        if !number.is_valid() {
            return Err(PhoneError::Invalid);
        }
        if number.country_code == CHINA && number.get_type() != PhoneNumberType::Mobile {
            return Err(PhoneError::NotMobile);
        }
        Ok(Self(number.format_as(PhoneNumberFormat::E164).into_owned()))
    }

    /// The number in E.164: `+8613800138000`.
    pub fn as_e164(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(…)")
    }
}

/// The usual character for one of full width, and for the hyphens and blanks of typists.
fn half_width(c: char) -> char {
    match c {
        '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
        '＋' => '+',
        '（' => '(',
        '）' => ')',
        '－' | '‐' | '‑' | '–' | '—' | '−' => '-',
        c if c.is_whitespace() => ' ',
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_notations_are_understood() {
        let same = "+8613800138000";
        for text in [
            "13800138000",
            " 13800138000 ",
            "138 0013 8000",
            "138-0013-8000",
            "138.0013.8000",
            "138—0013—8000",
            "+8613800138000",
            "+86 138 0013 8000",
            "+86-138-0013-8000",
            "(+86)13800138000",
            "（+86）138 0013 8000",
            "＋８６１３８００１３８０００",
            "１３８００１３８０００",
            "008613800138000",
            "0086 138 0013 8000",
            "8613800138000",
            "86 138 0013 8000",
            "86-13800138000",
            "138\u{3000}0013\u{3000}8000",
            "138\u{a0}0013\u{a0}8000",
        ] {
            assert_eq!(Phone::parse(text).as_ref().map(Phone::as_e164), Ok(same), "{text:?}");
        }
        for (text, e164) in [
            ("+85291234567", "+85291234567"),
            ("00852 9123 4567", "+85291234567"),
            ("+886 912 345 678", "+886912345678"),
            ("+1 (212) 555-2368", "+12125552368"),
            ("+44 20 7946 0958", "+442079460958"),
            ("19912345678", "+8619912345678"),
            // In Italy and the Ivory Coast the zero belongs to the number, in France it does not.
            ("+39 06 6988 2000", "+390669882000"),
            ("+225 07 07 12 34 56", "+2250707123456"),
            ("+33 (0)6 12 34 56 78", "+33612345678"),
        ] {
            assert_eq!(Phone::parse(text).as_ref().map(Phone::as_e164), Ok(e164), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_for_its_reason() {
        for (text, error) in [
            ("", PhoneError::Empty),
            (" \u{3000}", PhoneError::Empty),
            (&*"1".repeat(41), PhoneError::Length),
            ("abc", PhoneError::NotANumber),
            ("138O0138000", PhoneError::NotANumber),
            ("13800138000 x12", PhoneError::NotANumber),
            ("+", PhoneError::NotANumber),
            ("1380013800", PhoneError::Invalid),
            ("138001380000", PhoneError::Invalid),
            ("12000138000", PhoneError::Invalid),
            ("+999 123", PhoneError::NotANumber),
            ("022-23456789", PhoneError::NotMobile),
            ("010 6512 3456", PhoneError::NotMobile),
            ("=1380013800", PhoneError::NotANumber),
        ] {
            assert_eq!(Phone::parse(text), Err(error), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_shows_nothing(text in "[0-9+() \\-０-９＋a-z]{0,45}") {
            if let Ok(phone) = Phone::parse(&text) {
                prop_assert_eq!(format!("{phone:?}"), "Phone(…)");
                prop_assert_eq!(Phone::parse(phone.as_e164()), Ok(phone.clone()));
            }
        }
    }
}
