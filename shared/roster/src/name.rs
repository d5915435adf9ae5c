//! Names of people.

use std::fmt;

/// The longest name, in characters.
pub const MAX_NAME_CHARS: usize = 40;

/// A name, without blanks around it and with single ones inside.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(String);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing but blanks.
    #[error("is empty")]
    Empty,
    /// Too long.
    #[error("is longer than 40 characters")]
    Length,
    /// A control character, or one that only turns the direction of the text.
    #[error("has a control character")]
    Control,
    /// A spreadsheet would take it for a formula.
    #[error("begins with =, +, - or @, as formulas do")]
    Formula,
    /// Not one letter.
    #[error("has no letter")]
    NoLetter,
}

impl Name {
    /// Reads a name.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let turns = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if name.is_empty() {
            Err(NameError::Empty)
        } else if name.chars().count() > MAX_NAME_CHARS {
            Err(NameError::Length)
        } else if name.chars().any(|c| c.is_control() || turns(c)) {
            Err(NameError::Control)
        } else if name.starts_with(['=', '+', '-', '@']) {
            Err(NameError::Formula)
        } else if !name.chars().any(char::is_alphabetic) {
            Err(NameError::NoLetter)
        } else {
            Ok(Self(name))
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_and_others_are_not() {
        for (text, name) in
            [(" 王秀兰 ", "王秀兰"), ("阿卜杜拉·买买提", "阿卜杜拉·买买提"), ("Mary  Ann\u{3000}Lee", "Mary Ann Lee")]
        {
            assert_eq!(Name::parse(text).unwrap().as_str(), name);
        }
        for (text, error) in [
            ("", NameError::Empty),
            ("\u{3000}\t", NameError::Empty),
            (&*"王".repeat(41), NameError::Length),
            ("王\u{0}", NameError::Control),
            ("王\u{202e}", NameError::Control),
            ("=1+1", NameError::Formula),
            ("@王", NameError::Formula),
            ("123", NameError::NoLetter),
            ("...", NameError::NoLetter),
        ] {
            assert_eq!(Name::parse(text), Err(error), "{text:?}");
        }
        assert_eq!(format!("{:?}", Name::parse("王").unwrap()), "Name(…)");
    }
}
