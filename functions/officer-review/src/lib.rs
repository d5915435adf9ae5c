//! First review: what community police officers decide.

use pingan_domain::life::Stage;
use pingan_workflow::{Workflow, review};
use utoipa_axum::router::OpenApiRouter;

/// The operations of this function, below `/officer-review`.
pub fn router(workflow: Workflow) -> OpenApiRouter {
    review::router(Stage::Officer, workflow)
}
