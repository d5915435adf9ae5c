//! The files of transfers: what the bank is given for a batch, and what it answers.
//!
//! Their formats are published in `docs/bank-files.md`, for whoever writes the bank's side. Both end
//! with control totals and a checksum, and one in which anything is wrong is refused whole. What the
//! bank has to read and write is here as well ([`order::read`], [`answer::write`]): for a stand-in of
//! the bank, and so that both sides are tested against each other.
//!
//! | to change … | go to |
//! |---|---|
//! | what the bank is given | [`order`] |
//! | what it answers | [`answer`] |
//! | the checksum, amounts, the guard against formulas | `form` |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod answer;
mod form;
pub mod order;

#[cfg(test)]
mod tests;

pub use crate::{
    form::MAX_BYTES,
    order::{Order, OrderLine, Payee, PayeeError},
};
