//! The AWS services beside DynamoDB: media and documents in S3, notices over SNS, starts by `EventBridge`
//! Scheduler; behind the feature `identity`, what only the functions of identities need: accounts
//! of Cognito, people's channels in SNS; behind `sealing` the keys of KMS; behind `webhooks` the
//! client that calls the systems of agencies. The malware scan of uploads is here
//! too, because in the cloud it is S3 that has its verdict.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

#[cfg(feature = "identity")]
pub mod accounts;
#[cfg(feature = "identity")]
pub mod channels;
pub mod documents;
mod fault;
pub mod late;
pub mod media;
pub mod notices;
pub mod scan;
pub mod schedules;
#[cfg(feature = "sealing")]
pub mod seal;
#[cfg(feature = "sealing")]
pub mod webhook_secret;
#[cfg(feature = "webhooks")]
pub mod webhooks;

#[cfg(feature = "sealing")]
pub use crate::seal::{KeyedHash, Sealer};
#[cfg(feature = "webhooks")]
pub use crate::webhooks::WebhookClient;
#[cfg(feature = "identity")]
pub use crate::{
    accounts::Accounts,
    channels::{Address, Channels},
};
pub use crate::{
    documents::DocumentStore,
    late::Late,
    media::{MediaStore, SignedUrl, Upload},
    notices::{Links, Notices},
    scan::{Scanner, Verdict},
    schedules::Schedules,
};
