//! First review: what community police officers decide.

use pingan_domain::life::Stage;
use pingan_http::Operations;
use pingan_workflow::{Workflow, review};

/// The operations of this function, below `/officer-review`.
pub fn router(workflow: Workflow) -> Operations {
    review::router(Stage::Officer, workflow)
}
