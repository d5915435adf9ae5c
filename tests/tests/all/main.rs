//! End-to-end tests of the whole bundle, by actors who know only the public HTTP API.
//!
//! | to see … | go to |
//! |---|---|
//! | who acts, and in which words | [`harness`] |
//! | what a report lives through | [`journeys`] |
//! | what is refused, field by field | [`bad_input`] |
//! | who may not do what | [`unauthorised`] |
//! | what lists take when there is much in them | [`crowded`] |
//! | who is told what | [`notices`] |
//! | what becomes of pictures, videos and voice | [`media`] |
//! | how people are told, and by what | [`channels`] |
//! | how people become members, and who knows who they are | [`members`] |
//! | what came of reports, counted once | [`outcomes`] |
//! | what becomes of hand-overs, and that erasure follows them | [`handovers`] |
//! | what follows from an operation, and what that is billed for | [`units`] |
//! | what becomes of tasks and notices, and who gets them | [`tasks`] |
//! | how period awards are counted and proposed | [`awards`] |
//! | a small year, played through the API | [`replay`] |
//! | what the statistics say, and that they are right | [`statistics`] |
//! | how the systems of agencies are told | [`webhooks`] |
//! | that the money is right, and that whoever changes a record is found out | [`ledger`] |
//! | what briefings say, and who reads them | [`briefings`] |
//! | what is told of a fund to whom, and what other rules would have given | [`statements`] |
//! | how shares are paid at the counter, and through the bank | [`payouts`], [`batches`] |
//! | that the description is the code's own | [`openapi`] |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod harness;

mod awards;
mod bad_input;
mod batches;
mod briefings;
mod budget;
mod channels;
mod crash;
mod crowded;
mod deadlines;
mod exports;
mod handovers;
mod journeys;
mod ledger;
mod media;
mod members;
mod notices;
mod openapi;
mod outcomes;
mod payouts;
mod races;
mod replay;
mod rewards;
mod statements;
mod statistics;
mod store;
mod tasks;
mod tidy;
mod unauthorised;
mod units;
mod webhooks;
