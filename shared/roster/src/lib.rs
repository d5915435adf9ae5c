//! Who is to be recruited, as people write it down: a phone number in any usual notation, a
//! name, and whole files of them.
//!
//! | to change … | go to |
//! |---|---|
//! | which notations of phone numbers are understood | [`phone`] |
//! | what a name may be | [`name`] |
//! | the columns, encodings and limits of a file | [`file`] |
//!
//! Neither names nor numbers are shown by `Debug` or in any reason, because reasons end in
//! the logs of consoles.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod file;
pub mod name;
pub mod phone;

pub use crate::{
    file::{
        BadLine, Column, Encoding, Entry, Lists, MAX_BAD_LISTED, MAX_BYTES, MAX_ROWS, Roster, RosterError, Row, read,
    },
    name::{Name, NameError},
    phone::{Phone, PhoneError},
};
