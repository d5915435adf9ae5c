//! Third review: what district managers decide.

use pingan_domain::life::Stage;
use pingan_workflow::{Workflow, review};
use utoipa_axum::router::OpenApiRouter;

/// The operations of this function, below `/district-review`.
pub fn router(workflow: Workflow) -> OpenApiRouter {
    review::router(Stage::District, workflow)
}
