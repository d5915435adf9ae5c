//! What the functions of members share.
//!
//! | to change … | go to |
//! |---|---|
//! | how identities are sealed, and under which hashes numbers stand | [`registry`] |
//! | what the API shows of a member | [`views`] |

mod registry;
pub mod views;

use pingan_domain::member::Role;

pub use crate::registry::Registry;

/// The roles that manage members.
pub const MANAGERS: [Role; 3] = [Role::Officer, Role::StationManager, Role::DistrictManager];
/// How often a command begins again before it gives up with [`Error::Busy`](pingan_domain::error::Error::Busy).
pub const MAX_TRIES: usize = 20;
