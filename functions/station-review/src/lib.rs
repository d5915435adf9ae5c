//! Second review: what station and subdistrict managers decide.

use pingan_domain::life::Stage;
use pingan_workflow::{Workflow, review};
use utoipa_axum::router::OpenApiRouter;

/// The operations of this function, below `/station-review`.
pub fn router(workflow: Workflow) -> OpenApiRouter {
    review::router(Stage::Station, workflow)
}
