//! End-to-end tests of the whole bundle, by actors who know only the public HTTP API.
//!
//! | to see … | go to |
//! |---|---|
//! | who acts, and in which words | [`harness`] |
//! | what a report lives through | [`journeys`] |
//! | what is refused, field by field | [`bad_input`] |
//! | who may not do what | [`unauthorised`] |
//! | who is told what | [`notices`] |
//! | what becomes of pictures, videos and voice | [`media`] |
//! | how people are told, and by what | [`channels`] |
//! | how people become members, and who knows who they are | [`members`] |
//! | what becomes of tasks and notices, and who gets them | [`tasks`] |
//! | that the description is the code's own | [`openapi`] |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod harness;

mod bad_input;
mod budget;
mod channels;
mod crash;
mod journeys;
mod media;
mod members;
mod notices;
mod openapi;
mod races;
mod store;
mod tasks;
mod tidy;
mod unauthorised;
