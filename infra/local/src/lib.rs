//! The whole bundle in one process on one machine: small stand-ins for the AWS services,
//! reached through the ordinary AWS SDK by endpoint, so that the code that runs here is
//! the code that runs in the cloud.
//!
//! | to change … | go to |
//! |---|---|
//! | which functions run, and how they are wired | [`bundle`], [`api`] |
//! | the demo district | [`seed`] |
//! | the demo | [`demo`] |
//! | the whole district of reporters | [`crowd`] |
//! | the source's year | [`replay`] |
//! | what tasks cost, by the number of reporters | [`reach`] |
//! | the video to try uploads with | [`video`] |
//! | the commands | [`cli`] |
//! | a stand-in: DynamoDB, S3, SNS, sign-in, the stream, the scheduler | `dynamodb`, `objects`, `sns`, `issuer`, `pump`, `scheduler` |
//! | what requests are billed for, and on which key that falls | [`requests`], [`key_shape`] |
//! | the schedule that comes each week | `weekly` |
//! | a function as a process of its own | `lambda` |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod api;
pub mod bundle;
pub mod cli;
pub mod client;
pub mod clock;
pub mod crowd;
pub mod demo;
mod dynamodb;
mod files;
mod issuer;
pub mod key_shape;
pub mod lambda;
pub mod meter;
mod objects;
mod pace;
mod pump;
pub mod reach;
pub mod replay;
pub mod requests;
mod scheduler;
mod secrets;
pub mod seed;
mod sns;
mod subscriptions;
#[cfg(test)]
mod testing;
pub mod video;
mod weekly;
