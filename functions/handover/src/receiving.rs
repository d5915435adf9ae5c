//! What the agency does to which a report is handed over, or the other district.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    error::Error,
    handover::{HandoverSide, Step},
    territory::NodeId,
};
use pingan_http::{Body, HandoverPath, IdempotencyKey, IfMatch, Problem, Query, Subject, Versioned, page, schema};
use pingan_workflow::{Workflow, handovers::StepCommand};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    Fields, ListQuery,
    views::{ReceivedHandover, ReceivedPage, ReceivedSummary},
};

/// What was handed over to your agency, or to your district, newest first.
#[utoipa::path(
    get,
    path = "/me/handovers",
    params(ListQuery),
    responses(
        (status = 200, description = "A page of hand-overs; `Link: rel=\"next\"` names the next", body = ReceivedPage),
    ),
)]
pub(crate) async fn list_my_handovers(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let now = workflow.world.now();
    let found = workflow.received_handovers(&reader, query.filter(now), limit, query.cursor.as_deref()).await?;
    let next = found.next.clone();
    Ok(query.respond(limit, ReceivedPage::new(found, now), next.as_deref()))
}

/// Opens what was handed over to your agency or district. The first opening is the receipt, which the
/// district sees; that you opened it is written down each time.
#[utoipa::path(
    get,
    path = "/me/handovers/{handover_id}",
    params(("handover_id" = String, Path, description = "The hand-over's code")),
    responses(
        (status = 200, description = "The hand-over, with its version as `ETag`", body = ReceivedHandover),
        (status = 404, description = "No such hand-over is for you"),
    ),
)]
pub(crate) async fn read_my_handover(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    HandoverPath(id): HandoverPath,
) -> Result<Response, Problem> {
    let opened = workflow.open_received(&reader, id).await?;
    let version = opened.handover.version;
    Ok(Versioned(version, ReceivedHandover::new(opened.handover, opened.events, workflow.world.now())).into_response())
}

/// What the receiver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReceivedStep {
    /// Take it on.
    Accept,
    /// Do not take it on.
    Refuse,
    /// Ask back.
    Ask,
    /// Be done.
    Complete,
    /// Confirm that you have erased everything that you had kept of what was recalled.
    ConfirmErasure,
}

/// A step of the receiver. Each takes its own fields and no others.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"step": "complete", "done": "The bottles were removed."}))]
pub(crate) struct ReceivedStepBody {
    /// What is done.
    step: ReceivedStep,
    /// With `accept`, for districts alone, and only if you want it: one of your communities. You get a copy of
    /// your own, which goes through your three reviews, beginning with the officer of this community.
    #[serde(default)]
    #[schema(schema_with = schema::node, required = false)]
    node: Option<NodeId>,
    /// With `refuse`: why; at most 1000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    reason: Option<String>,
    /// With `ask`: what; at most 1000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    text: Option<String>,
    /// With `complete`: what was done; at most 1000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    done: Option<String>,
    /// With `complete`, if you want it: what else is to be said; at most 1000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    note: Option<String>,
}

impl ReceivedStepBody {
    /// The step, or every field that is missing or does not belong.
    fn into_step(self) -> Result<Step, Error> {
        let Self { step, node, reason, text, done, note } = self;
        let mut fields = Fields::default();
        fields.may_belong("/node", node.is_some(), step == ReceivedStep::Accept);
        fields.belongs("/reason", reason.is_some(), step == ReceivedStep::Refuse);
        fields.belongs("/text", text.is_some(), step == ReceivedStep::Ask);
        fields.belongs("/done", done.is_some(), step == ReceivedStep::Complete);
        fields.may_belong("/note", note.is_some(), step == ReceivedStep::Complete);
        let step = match step {
            ReceivedStep::Accept => Some(Step::Accept { node }),
            ReceivedStep::Refuse => reason.map(|reason| Step::Refuse { reason }),
            ReceivedStep::Ask => text.map(|text| Step::Ask { text }),
            ReceivedStep::Complete => done.map(|done| Step::Complete { done, note }),
            ReceivedStep::ConfirmErasure => Some(Step::ConfirmErasure),
        };
        fields.step(step)
    }
}

/// Accepts, refuses, asks back, says what was done, or confirms that what was recalled is erased.
#[utoipa::path(
    post,
    path = "/me/handovers/{handover_id}/steps",
    params(
        ("handover_id" = String, Path, description = "The hand-over's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this step, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you have seen"),
    ),
    request_body = ReceivedStepBody,
    responses(
        (status = 200, description = "Taken; the hand-over as it is after, with its version as `ETag`", body = ReceivedSummary),
        (status = 404, description = "No such hand-over is for you"),
        (status = 409, description = "It is not in a state in which this can be done"),
        (status = 412, description = "It has changed since you read it"),
        (status = 422, description = "The key was used for another request"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn step_my_handover(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    HandoverPath(id): HandoverPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(version): IfMatch,
    Body(body): Body<ReceivedStepBody>,
) -> Result<Response, Problem> {
    let side = HandoverSide::Receiver;
    let command = StepCommand { actor, key, side, district: None, id, version, step: body.into_step()? };
    let handover = workflow.step_handover(command).await?;
    Ok(Versioned(handover.version, ReceivedSummary::of(&handover, workflow.world.now())).into_response())
}
