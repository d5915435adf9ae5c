//! What every HTTP function of the bundle shares.
//!
//! | to change … | go to |
//! |---|---|
//! | how an error looks over HTTP | [`problem`] |
//! | how the acting member is known | [`actor`] |
//! | how bodies, paths, versions and keys are read | [`extract`] |
//! | how lists are paged | [`page`] |
//! | files that people download | [`file`] |
//! | how operations are put together | [`operations`] |
//! | what every operation of the OpenAPI description has | `openapi` |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod actor;
pub mod extract;
pub mod file;
#[cfg(feature = "describe")]
pub mod openapi;
pub mod operations;
pub mod page;
pub mod problem;
pub mod schema;
pub mod served;

use axum::{Extension, Router};

pub use crate::{
    actor::{MemberClaim, Subject},
    extract::{
        AgencyPath, AwardPath, BatchPath, Body, BriefingPath, DeliveryPath, DistrictPath, ExportPath, FromPath,
        HandoverPath, IdempotencyKey, IfMatch, InvitePath, MediaPath, MemberPath, OpeningPath, OutcomePath, Query,
        ReportPath, RewardPath, SharePath, TaskPath, ToPath, Versioned, YearPath,
    },
    file::csv_file,
    operations::{Operations, routes},
    page::PageQuery,
    problem::Problem,
};

/// The routes of a function as they are served: its members are known by this claim, and a panic costs one answer only.
pub fn function(routes: impl Into<Router>, claim: MemberClaim) -> Router {
    problem::answer_panics(routes.into().layer(Extension(claim)))
}
