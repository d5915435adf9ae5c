//! Hand-overs: a district passes adopted reports on, and agencies and other districts act on them.
//!
//! | to change … | go to |
//! |---|---|
//! | what the district does: hand over, close, answer, recall | [`sending`] |
//! | what the agency, or the other district, does | [`receiving`] |
//! | what the API shows, to which side | [`views`] |

mod receiving;
mod sending;
mod views;

use axum::response::{IntoResponse as _, Response};
use pingan_domain::{
    Timestamp,
    error::{Error, FieldError},
    handover::{HandoverState, Step},
};
use pingan_http::{Operations, operations, page, routes, schema};
use pingan_store::handovers::HandoverFilter;
use pingan_workflow::Workflow;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// The operations of this function.
pub fn router(workflow: Workflow) -> Operations {
    let operations = Operations::new()
        .routes(routes!(sending::hand_over))
        .routes(routes!(sending::close_report))
        .routes(routes!(sending::list_handovers))
        .routes(routes!(sending::read_handover))
        .routes(routes!(sending::step_handover))
        .routes(routes!(receiving::list_my_handovers))
        .routes(routes!(receiving::read_my_handover))
        .routes(routes!(receiving::step_my_handover))
        .with_state(workflow);
    operations::finish("handover", operations)
}

/// What is wrong with the fields of a step.
#[derive(Debug, Default)]
struct Fields(Vec<FieldError>);

impl Fields {
    /// A field that this step needs, or does not take.
    fn belongs(&mut self, pointer: &str, given: bool, needed: bool) {
        if needed && !given {
            self.0.push(FieldError::new(pointer, "is needed with this step"));
        }
        self.may_belong(pointer, given, needed);
    }

    /// A field that this step takes, or not.
    fn may_belong(&mut self, pointer: &str, given: bool, taken: bool) {
        if given && !taken {
            self.0.push(FieldError::new(pointer, "does not belong to this step"));
        }
    }

    /// The step, if nothing is wrong.
    fn step(self, step: Option<Step>) -> Result<Step, Error> {
        step.filter(|_| self.0.is_empty()).ok_or(Error::Invalid(self.0))
    }
}

/// Which hand-overs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    /// Only those in this state. A page may then hold fewer than `limit` and still go on.
    #[param(schema_with = schema::handover_state, required = false)]
    state: Option<HandoverState>,
    /// Only those whose receiver is late, with what was asked or with erasing what was recalled.
    /// A page may then hold fewer than `limit`, or none, and still go on.
    #[serde(default)]
    #[param(default = false)]
    overdue: bool,
    /// How many, from 1 to 100; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// Where the list goes on: `next` of the page before.
    cursor: Option<String>,
}

impl ListQuery {
    /// What is wanted at this moment.
    fn filter(&self, now: Timestamp) -> HandoverFilter {
        HandoverFilter { state: self.state, overdue_at: self.overdue.then_some(now) }
    }

    /// Answers with a page of this list.
    fn respond<T: Serialize>(&self, limit: u16, page: T, next: Option<&str>) -> Response {
        let state = self.state.map(|state| format!("state={state}&")).unwrap_or_default();
        let overdue = if self.overdue { "overdue=true&" } else { "" };
        page::respond(page, next, &format!("{state}{overdue}limit={limit}")).into_response()
    }
}
