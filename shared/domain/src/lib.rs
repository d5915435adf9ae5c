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
//! | what the clock does with what nobody has done | [`overdue`] |
//! | the limits and fields of a report | [`report`] |
//! | who may manage whom | [`authority`] |
//! | what can be done with a membership | [`membership`] |
//! | who reviews while a reviewer is absent | [`deputy`] |
//! | the lists of a district | [`district`] |
//! | what a district lacks members for | [`coverage`] |
//! | how a person comes to be a member | [`invite`] |
//! | how a sealed identity is opened | [`identity`] |
//! | what a task says, and its limits | [`task`] |
//! | what a task may not say | `wording` |
//! | what can be done with a hand-over, by which side, and what follows | [`handover`] |
//! | whom a task is for, and how many that is | [`scope`] |
//! | what can be done with a task, by whom and when | [`tasking`] |
//! | what a reporter does with a task | [`task_receipt`] |
//! | what an outcome is, and its limits | [`outcome`] |
//! | what can be done with an outcome, by whom and when | [`outcome_life`] |
//! | what an event adds to which counter | [`tally`] |
//! | what the statistics sum and divide | [`statistics`] |
//! | what of the statistics is suppressed | [`suppression`] |
//! | exports of statistics, and the cells of their maps | [`export`], [`grid`] |
//! | how an agency's own system is told | [`webhook`] |
//! | where a webhook may point | [`webhook_target`] |
//! | what a briefing says, and who reads it | [`briefing`] |
//! | what can be done with the payout of a share, by whom and when | [`payout`] |
//! | how a share is paid at the counter, and its one-time codes | [`payout_counter`], [`claim_code`] |
//! | how shares are paid through the bank, and what of its answer is taken | [`payout_transfer`], [`payout_answer`] |
//! | what is proved of the money, and how | [`proof`] |
//! | what everybody is told of a fund, and when | [`fund_summary`] |
//! | what other rules would have given for past rewards | [`dry_run`] |
//! | how amounts and texts stand in files for spreadsheets | [`sheet`] |
//! | over which days period awards count, and who wins how much | [`award_rules`] |
//! | points, ranking, and the winners of a period award | [`award`] |
//! | how a run of a period award goes on, and what it proposes | [`award_run`] |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod access;
pub mod authority;
pub mod award;
pub mod award_rules;
pub mod award_run;
pub mod briefing;
pub mod calendar;
mod chain;
pub mod channel;
pub mod claim_code;
pub mod code;
pub mod command;
pub mod content;
pub mod coverage;
pub mod decide;
pub mod deputy;
pub mod district;
pub mod dry_run;
pub mod error;
pub mod event;
pub mod export;
pub mod feedback;
pub mod fund_summary;
pub mod grid;
pub mod handover;
pub mod hash;
pub mod identity;
pub mod invite;
pub mod ledger;
pub mod life;
pub mod media;
pub mod member;
pub mod membership;
pub mod named;
pub mod notice;
pub mod outcome;
pub mod outcome_life;
pub mod overdue;
pub mod payout;
pub mod payout_answer;
pub mod payout_counter;
pub mod payout_transfer;
pub mod proof;
mod protected;
pub mod report;
pub mod reward;
pub mod reward_clock;
pub mod reward_rules;
pub mod rewarded;
pub mod scope;
pub mod sheet;
pub mod statistics;
pub mod suppression;
pub mod tally;
pub mod task;
pub mod task_receipt;
pub mod tasking;
pub mod territory;
pub mod text;
pub mod webhook;
pub mod webhook_target;
mod wording;

#[cfg(test)]
mod tests;

pub use jiff::{Timestamp, civil::Date};
