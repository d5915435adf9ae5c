//! The AWS services beside DynamoDB: media in S3, notices over SNS, starts by `EventBridge`
//! Scheduler; behind the feature `identity`, what only the functions of identities need: keys
//! of KMS, accounts of Cognito, people's channels in SNS. The malware scan of uploads is here
//! too, because in the cloud it is S3 that has its verdict.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "identity")]
pub mod accounts;
#[cfg(feature = "identity")]
pub mod channels;
mod fault;
pub mod media;
pub mod notices;
pub mod scan;
pub mod schedules;
#[cfg(feature = "identity")]
pub mod seal;

#[cfg(feature = "identity")]
pub use crate::{
    accounts::Accounts,
    channels::{Address, Channels},
    seal::{KeyedHash, Sealer},
};
pub use crate::{
    media::{MediaStore, SignedUrl, Upload},
    notices::{Links, Notices},
    scan::{Scanner, Verdict},
    schedules::Schedules,
};
