//! What every HTTP function of the bundle shares.
//!
//! | to change … | go to |
//! |---|---|
//! | how an error looks over HTTP | [`problem`] |
//! | how the acting member is known | [`actor`] |
//! | how bodies, paths, versions and keys are read | [`extract`] |
//! | how lists are paged | [`page`] |
//! | what every operation of the OpenAPI description has | [`openapi`] |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod actor;
pub mod extract;
pub mod openapi;
pub mod page;
pub mod problem;
pub mod schema;

pub use crate::{
    actor::{MemberClaim, Subject},
    extract::{Body, IdempotencyKey, IfMatch, MediaPath, Query, ReportPath, Versioned},
    page::PageQuery,
    problem::Problem,
};
