//! What is true in this trade: its types, its rules, and the life of a report as one table.
//!
//! Nothing here does I/O, reads a clock or draws a random number: time, identifiers and
//! salt are handed in, so that every rule can be tested over its whole range.
//!
//! | to change … | go to |
//! |---|---|
//! | who may do what, in which state, and what follows | [`life`] |
//! | what a command does to a report | [`decide`] |
//! | what the reporter is told | [`feedback`] |
//! | who else is told | [`notice`] |
//! | how a person is told, and when not | [`channel`] |
//! | how long a stage may take | [`calendar`] |
//! | the limits and fields of a report | [`report`] |
//! | who may manage whom | [`authority`] |
//! | what can be done with a membership | [`membership`] |
//! | the lists of a district | [`district`] |
//! | what a district lacks members for | [`coverage`] |
//! | how a person comes to be a member | [`invite`] |
//! | how a sealed identity is opened | [`identity`] |
//! | what a task says, and its limits | [`task`] |
//! | what a task may not say | `wording` |
//! | whom a task is for, and how many that is | [`scope`] |
//! | what can be done with a task, by whom and when | [`tasking`] |
//! | what a reporter does with a task | [`task_receipt`] |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod access;
pub mod authority;
pub mod calendar;
pub mod channel;
pub mod code;
pub mod command;
pub mod content;
pub mod coverage;
pub mod decide;
pub mod district;
pub mod error;
pub mod event;
pub mod feedback;
pub mod hash;
pub mod identity;
pub mod invite;
pub mod life;
pub mod media;
pub mod member;
pub mod membership;
pub mod named;
pub mod notice;
mod protected;
pub mod report;
pub mod scope;
pub mod task;
pub mod task_receipt;
pub mod tasking;
pub mod territory;
pub mod text;
mod wording;

#[cfg(test)]
mod tests;

pub use jiff::Timestamp;
