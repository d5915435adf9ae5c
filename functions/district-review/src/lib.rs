//! Third review: what district managers decide.

use pingan_domain::life::Stage;
use pingan_http::Operations;
use pingan_workflow::{Workflow, review};

/// The operations of this function, below `/district-review`.
pub fn router(workflow: Workflow) -> Operations {
    review::router(Stage::District, workflow)
}
