//! What a program must be to run in Lambda.

use std::fmt;

use crate::{Error, Result, build::Architecture};

/// A version of glibc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glibc(pub u32, pub u32);

impl Glibc {
    /// What `provided.al2023` has.
    pub const AMAZON_LINUX_2023: Self = Self(2, 34);
}

impl fmt::Display for Glibc {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.0, self.1)
    }
}

/// Refuses a program of another architecture.
pub fn check_machine(function: &str, program: &[u8], wanted: Architecture) -> Result<()> {
    if machine(program) == Some(wanted) {
        return Ok(());
    }
    Err(Error::WrongMachine { function: function.to_owned(), wanted })
}

/// Refuses a program that asks for a newer glibc than Amazon Linux 2023 has.
pub fn check_glibc(function: &str, program: &[u8]) -> Result<()> {
    match newest_glibc(program) {
        Some(needs) if needs > Glibc::AMAZON_LINUX_2023 => {
            Err(Error::NewerGlibc { function: function.to_owned(), needs })
        }
        _ => Ok(()),
    }
}

/// The architecture of a 64-bit Linux program, by the head of its file.
fn machine(program: &[u8]) -> Option<Architecture> {
    const ELF_64_LITTLE_ENDIAN: &[u8] = b"\x7fELF\x02\x01";
    if !program.starts_with(ELF_64_LITTLE_ENDIAN) {
        return None;
    }
    match program.get(18..20)? {
        [0x3e, 0] => Some(Architecture::X86_64),
        [0xb7, 0] => Some(Architecture::Arm64),
        _ => None,
    }
}

/// The newest glibc that a program asks for, by the versions of its dynamic symbols. They
/// stand in it as text, `GLIBC_2.34`, which is looked for without reading its tables.
fn newest_glibc(program: &[u8]) -> Option<Glibc> {
    const MARK: &[u8] = b"GLIBC_";
    let mut newest = None;
    let mut rest = program;
    while let Some(at) = rest.iter().position(|byte| *byte == MARK[0]) {
        rest = &rest[at..];
        if let Some(version) = rest.strip_prefix(MARK) {
            newest = newest.max(version_at(version));
        }
        rest = &rest[1..];
    }
    newest
}

fn version_at(text: &[u8]) -> Option<Glibc> {
    // Relative relocations, which came with 2.36 and have a mark instead of a version.
    if text.starts_with(b"ABI_DT_RELR") {
        return Some(Glibc(2, 36));
    }
    let (major, rest) = number(text)?;
    let (minor, _) = number(rest.strip_prefix(b".")?)?;
    Some(Glibc(major, minor))
}

fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_glibc_is_found() {
        let table: &[(&[u8], Option<Glibc>)] = &[
            (b"", None),
            (b"G", None),
            (b"GLIBC_", None),
            (b"GLIBC_PRIVATE\0GLIBC_2\0GLIBC_2.\0GLIBCXX_3.4.30", None),
            (b"\0GLIBC_2.17\0", Some(Glibc(2, 17))),
            (b"GLIBC_2.2.5", Some(Glibc(2, 2))),
            // A number, not a text: 2.4 is older than 2.34.
            (b"\0GLIBC_2.34\0GLIBC_2.4\0", Some(Glibc(2, 34))),
            (b"memcpy@GLIBC_2.14\0GGLIBC_2.35", Some(Glibc(2, 35))),
            (b"GLIBC_2.3\0GLIBC_ABI_DT_RELR\0", Some(Glibc(2, 36))),
            (b"GLIBC_99999999999999999999.1 GLIBC_2.17", Some(Glibc(2, 17))),
        ];
        for (program, newest) in table {
            assert_eq!(newest_glibc(program), *newest, "{}", program.escape_ascii());
        }
    }

    #[test]
    fn a_program_may_ask_for_what_amazon_linux_has() {
        for (program, allowed) in [
            (&b"static"[..], true),
            (b"GLIBC_2.33", true),
            (b"GLIBC_2.34", true),
            (b"GLIBC_2.35", false),
            (b"GLIBC_3.0", false),
        ] {
            assert_eq!(check_glibc("media", program).is_ok(), allowed, "{}", program.escape_ascii());
        }
        let refused = check_glibc("media", b"GLIBC_2.39").unwrap_err().to_string();
        assert!(
            refused.starts_with("media: the program needs glibc 2.39, and Amazon Linux 2023 has 2.34."),
            "{refused}"
        );
    }

    #[test]
    fn the_architecture_is_the_one_that_the_head_tells() {
        let head = |machine: u8| [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 11], &[machine, 0, 1, 0]].concat();
        assert_eq!(machine(&head(0x3e)), Some(Architecture::X86_64));
        assert_eq!(machine(&head(0xb7)), Some(Architecture::Arm64));
        assert_eq!(machine(&head(0xf3)), None);
        assert_eq!(machine(b"#!/bin/sh"), None);
        assert_eq!(machine(b"\x7fELF\x02\x01"), None);
        assert!(check_machine("media", &head(0xb7), Architecture::X86_64).is_err());
    }
}
