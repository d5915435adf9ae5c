//! Second review: what station and subdistrict managers decide.

use pingan_domain::life::Stage;
use pingan_http::Operations;
use pingan_workflow::{Workflow, review};

/// The operations of this function, below `/station-review`.
pub fn router(workflow: Workflow) -> Operations {
    review::router(Stage::Station, workflow)
}
