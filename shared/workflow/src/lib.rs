//! How a report is changed and read: once, for the reporter's function and the three
//! review functions.
//!
//! | to change … | go to |
//! |---|---|
//! | how a command is loaded, decided and committed | [`commands`] |
//! | how the clock acts on what is due | [`clock`] |
//! | how a report is opened, and that reviewers' readings are audited | [`reading`] |
//! | how reports are handed over, and what becomes of hand-overs | [`handovers`] |
//! | the operations of the three review functions | [`review`] |
//! | what the API shows of a report | [`views`] |

pub mod clock;
pub mod commands;
mod environment;
pub mod handovers;
pub mod reading;
pub mod review;
pub mod views;

use std::sync::Arc;

use pingan_domain::{calendar::Policy, media::MediaLimits};
use pingan_runtime::World;
use pingan_store::Store;

/// What is needed to change and read reports.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// The records.
    pub store: Store,
    /// The time and random bytes.
    pub world: World,
    /// What the district has decided about time.
    pub policy: Arc<Policy>,
    /// What reports may carry.
    pub media_limits: MediaLimits,
}
