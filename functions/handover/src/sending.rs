//! What the district does that hands over.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    Timestamp,
    decide::Request,
    district::Label,
    error::Error,
    handover::{Chosen, HandOver, HandoverSide, RecallReason, Receiver, Step},
    member::Role,
    territory::NodeId,
};
use pingan_http::{
    Body, DistrictPath, HandoverPath, IdempotencyKey, IfMatch, Problem, Query, ReportPath, Subject, Versioned, page,
    schema,
};
use pingan_workflow::{
    Workflow,
    commands::Command,
    handovers::{HandOverCommand, StepCommand},
    review,
    views::ReportSummary,
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Fields, ListQuery,
    views::{HandedOver, SentHandover, SentPage, SentSummary},
};

/// To whom a report is handed over.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(tag = "to", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ReceiverBody {
    /// An agency of the district's list.
    Agency {
        /// Its label.
        #[schema(value_type = String, example = "fire")]
        agency: Label,
    },
    /// Another district.
    District {
        /// Its node.
        #[schema(schema_with = schema::node)]
        district: NodeId,
    },
}

impl From<ReceiverBody> for Receiver {
    fn from(body: ReceiverBody) -> Self {
        match body {
            ReceiverBody::Agency { agency } => Self::Agency { agency },
            ReceiverBody::District { district } => Self::District { district },
        }
    }
}

/// What the receivers are given of the report. What is not chosen they do not get.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExtractBody {
    /// What was seen or found, in your words; at most 4000 characters. What the reporter wrote is never
    /// passed on: it may say who they are.
    #[serde(default)]
    #[schema(max_length = 4000)]
    text: Option<String>,
    /// Whether they are given the place.
    #[serde(default)]
    #[schema(required = false)]
    place: bool,
    /// Whether they are told when it was seen.
    #[serde(default)]
    #[schema(required = false)]
    observed_at: bool,
    /// The report's media whose clean copies they may open.
    #[serde(default)]
    #[schema(max_items = 30, required = false)]
    media: Vec<Uuid>,
}

/// A report to be handed over.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "receivers": [{ "to": "agency", "agency": "fire" }],
    "asks": "Please check the storage of gas bottles in the yard.",
    "deadline_hours": 24,
    "extract": { "text": "Gas bottles are stored in the open beside a kitchen.", "place": true, "media": [] }
}))]
pub(crate) struct HandOverBody {
    /// To whom: 1 to 10, each once.
    #[schema(min_items = 1, max_items = 10)]
    receivers: Vec<ReceiverBody>,
    /// What they are asked to do; at most 1000 characters.
    #[schema(max_length = 1000)]
    asks: String,
    /// How long they are given, in working hours, or for an emergency by the clock.
    #[schema(minimum = 1, maximum = 400)]
    deadline_hours: u16,
    /// What they are given of the report.
    #[serde(default)]
    #[schema(required = false)]
    extract: ExtractBody,
    /// A note for the reviewers of the report; at most 1000 characters. The receivers do not see it.
    #[serde(default)]
    #[schema(max_length = 1000)]
    note: Option<String>,
}

impl From<HandOverBody> for HandOver {
    fn from(body: HandOverBody) -> Self {
        let HandOverBody { receivers, asks, deadline_hours, extract, note } = body;
        let ExtractBody { text, place, observed_at, media } = extract;
        Self {
            receivers: receivers.into_iter().map(Into::into).collect(),
            asks,
            deadline_hours,
            extract: Chosen { text, place, observed_at, media },
            note,
            ..Self::default()
        }
    }
}

/// Hands an adopted report over to agencies and to other districts: one hand-over for each receiver.
///
/// They get what you choose and word, and never the reporter, the pseudonym, the code of the report,
/// or who has reviewed it. The reporter is told that the report was passed on, and not to whom.
#[utoipa::path(
    post,
    path = "/districts/{district}/reports/{report_id}/handovers",
    params(
        ("district" = String, Path, description = "The district"),
        ("report_id" = String, Path, description = "The report's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this command, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the version of the report that you have seen"),
    ),
    request_body = HandOverBody,
    responses(
        (status = 201, description = "Handed over; the `ETag` is the report's new version", body = HandedOver),
        (status = 404, description = "There is no such report in your district"),
        (status = 409, description = "It is not adopted, or was handed over as often as it can be"),
        (status = 412, description = "The report has changed since you read it"),
        (status = 422, description = "The key was used for another request"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn hand_over(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    ReportPath(report): ReportPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(version): IfMatch,
    Body(body): Body<HandOverBody>,
) -> Result<Response, Problem> {
    let now = workflow.world.now();
    let command = HandOverCommand { actor, key, district, report, version, new: body.into() };
    let (report, handovers) = workflow.hand_over(command).await?;
    let view = HandedOver {
        report: ReportSummary::from(&report),
        handovers: handovers.iter().map(|handover| SentSummary::of(handover, now)).collect(),
    };
    Ok((StatusCode::CREATED, Versioned(report.version, view)).into_response())
}

/// How a report is closed.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "note": "The bottles were removed." }))]
pub(crate) struct CloseBody {
    /// A note for reviewers, never shown to the reporter; at most 1000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    note: Option<String>,
}

/// Closes a report that was adopted or handed over: nothing more is to be done. The reporter is told.
/// It can be taken up again by `reopen`, in the district's review.
#[utoipa::path(
    post,
    path = "/districts/{district}/reports/{report_id}/close",
    params(
        ("district" = String, Path, description = "The district"),
        ("report_id" = String, Path, description = "The report's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this command, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the version of the report that you have seen"),
    ),
    request_body = CloseBody,
    responses(
        (status = 200, description = "Closed; the report as it is after, with its version as `ETag`", body = ReportSummary),
        (status = 404, description = "There is no such report in your district"),
        (status = 409, description = "It is neither adopted nor handed over"),
        (status = 412, description = "It has changed since you read it"),
        (status = 422, description = "The key was used for another request"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn close_report(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    ReportPath(report): ReportPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(version): IfMatch,
    Body(CloseBody { note }): Body<CloseBody>,
) -> Result<Response, Problem> {
    let role = Role::DistrictManager;
    let request = Request::Close { note };
    let within = Some(district);
    let command = Command { actor, role, key, report, version: Some(version), request, media: Vec::new(), within };
    Ok(review::answer(&workflow.act(command).await?))
}

/// What your district has handed over, newest first.
#[utoipa::path(
    get,
    path = "/districts/{district}/handovers",
    params(("district" = String, Path, description = "The district"), ListQuery),
    responses(
        (status = 200, description = "A page of hand-overs; `Link: rel=\"next\"` names the next", body = SentPage),
        (status = 404, description = "This is not your district"),
    ),
)]
pub(crate) async fn list_handovers(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<ListQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let now = workflow.world.now();
    let found = workflow.sent_handovers(&reader, &district, query.filter(now), limit, query.cursor.as_deref()).await?;
    let next = found.next.clone();
    Ok(query.respond(limit, SentPage::new(found, now), next.as_deref()))
}

/// A hand-over of your district with its history: who has received it and when, what was asked and
/// answered, what was done. That you opened it is written down.
#[utoipa::path(
    get,
    path = "/districts/{district}/handovers/{handover_id}",
    params(
        ("district" = String, Path, description = "The district"),
        ("handover_id" = String, Path, description = "The hand-over's code"),
    ),
    responses(
        (status = 200, description = "The hand-over, with its version as `ETag`", body = SentHandover),
        (status = 404, description = "Your district has made no such hand-over"),
    ),
)]
pub(crate) async fn read_handover(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    HandoverPath(id): HandoverPath,
) -> Result<Response, Problem> {
    let opened = workflow.open_sent(&reader, &district, id).await?;
    let version = opened.handover.version;
    Ok(Versioned(version, SentHandover::new(opened.handover, opened.events, workflow.world.now())).into_response())
}

/// What the district that handed over does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SentStep {
    /// Answer what the receiver has asked back.
    Answer,
    /// Call it back: what is given and everything that was written in it is erased, and the receiver, if
    /// it has opened it, has to erase what it kept.
    Recall,
}

/// A step of the district that handed over. Each takes its own fields and no others.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"step": "answer", "text": "The gate on the river side."}))]
pub(crate) struct SentStepBody {
    /// What is done.
    step: SentStep,
    /// With `answer`: what is answered; at most 1000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    text: Option<String>,
    /// With `recall`: why: `wrong_receiver`, `not_needed` or `unfounded`. It is a word of a list, because a
    /// recall erases every text.
    #[serde(default)]
    #[schema(schema_with = schema::recall_reason, required = false)]
    reason: Option<RecallReason>,
}

impl SentStepBody {
    /// The step, or every field that is missing or does not belong.
    fn into_step(self) -> Result<Step, Error> {
        let Self { step, text, reason } = self;
        let mut fields = Fields::default();
        fields.belongs("/text", text.is_some(), step == SentStep::Answer);
        fields.belongs("/reason", reason.is_some(), step == SentStep::Recall);
        let step = match step {
            SentStep::Answer => text.map(|text| Step::Answer { text }),
            SentStep::Recall => reason.map(|reason| Step::Recall { reason }),
        };
        fields.step(step)
    }
}

/// Answers what a receiver has asked back, or calls a hand-over back.
#[utoipa::path(
    post,
    path = "/districts/{district}/handovers/{handover_id}/steps",
    params(
        ("district" = String, Path, description = "The district"),
        ("handover_id" = String, Path, description = "The hand-over's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this step, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you have seen"),
    ),
    request_body = SentStepBody,
    responses(
        (status = 200, description = "Taken; the hand-over as it is after, with its version as `ETag`", body = SentSummary),
        (status = 404, description = "Your district has made no such hand-over"),
        (status = 409, description = "It is not in a state in which this can be done"),
        (status = 412, description = "It has changed since you read it"),
        (status = 422, description = "The key was used for another request"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn step_handover(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    HandoverPath(id): HandoverPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(version): IfMatch,
    Body(body): Body<SentStepBody>,
) -> Result<Response, Problem> {
    let side = HandoverSide::Sender;
    let command = StepCommand { actor, key, side, district: Some(district), id, version, step: body.into_step()? };
    let handover = workflow.step_handover(command).await?;
    let now: Timestamp = workflow.world.now();
    Ok(Versioned(handover.version, SentSummary::of(&handover, now)).into_response())
}
