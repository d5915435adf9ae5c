//! The operations of a function: its routes, and what OpenAPI says of them.
//!
//! A function in the cloud describes nothing, and would carry its description and build it at every start. So it
//! stands behind the feature `describe`, which the local runner asks for: without it [`Operations`] are the
//! routes alone, made by the same lines.

#[cfg(feature = "describe")]
pub use utoipa_axum::{router::OpenApiRouter as Operations, routes};

#[cfg(not(feature = "describe"))]
pub use crate::{routes_alone as routes, served::Operations};

#[cfg(feature = "describe")]
pub use crate::openapi::{finish, prefix_ids};

/// The operations, as they are.
#[cfg(not(feature = "describe"))]
pub fn finish<S>(_function: &str, operations: Operations<S>) -> Operations<S> {
    operations
}

/// The operations, as they are.
#[cfg(not(feature = "describe"))]
pub fn prefix_ids<S>(_prefix: &str, operations: Operations<S>) -> Operations<S> {
    operations
}
