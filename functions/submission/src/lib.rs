//! What a reporter does with reports: send in, follow, answer, talk, withdraw.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use pingan_domain::{
    decide::Request,
    member::Role,
    report::{Category, Concerns, NewReport, Urgency},
    task::TaskId,
};
use pingan_http::{
    Body, IdempotencyKey, IfMatch, Operations, PageQuery, Problem, Query, ReportPath, Subject, Versioned, operations,
    page, routes, schema,
};
use pingan_store::List;
use pingan_workflow::{
    Workflow,
    commands::Command,
    review::{MessageBody, answer},
    views::{OwnReport, PlaceView, ReportPage, ReportSummary},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The operations of this function, below `/reports`.
pub fn router(workflow: Workflow) -> Operations {
    let operations = Operations::new()
        .routes(routes!(create_report, list_my_reports))
        .routes(routes!(read_my_report))
        .routes(routes!(answer_question))
        .routes(routes!(message_stage))
        .routes(routes!(withdraw_report))
        .with_state(workflow);
    operations::finish("submission", operations)
}

/// A new report.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "category": "crime",
    "text": "A workshop behind the old boiler house makes pistols at night.",
    "place": {"address": "3 Riverside Lane, the yard behind the gate"},
    "media": []
}))]
struct NewReportBody {
    /// What it is about.
    #[schema(schema_with = schema::category)]
    category: Category,
    /// How fast it has to be dealt with; `routine` when nothing is said. With `emergency`,
    /// the phone says to call 110 first.
    #[serde(default = "routine")]
    #[schema(schema_with = schema::urgency, required = false)]
    urgency: Urgency,
    /// Whether it names the conduct of an officer or of the management of your station,
    /// who then never see it; `nobody` when nothing is said.
    #[serde(default = "nobody")]
    #[schema(schema_with = schema::concerns, required = false)]
    concerns: Concerns,
    /// What was seen or found; at most 4000 characters.
    #[schema(max_length = 4000)]
    text: String,
    /// Where.
    #[serde(default)]
    place: Option<PlaceView>,
    /// When it was seen, if not just now.
    #[serde(default)]
    #[schema(schema_with = schema::moment, required = false)]
    observed_at: Option<Timestamp>,
    /// The ids of at most 20 media that were announced, uploaded and found to be what they
    /// claim to be: of each kind as many as the deployment says, 10 pictures, 1 video and 3
    /// voice recordings unless it says otherwise.
    #[serde(default)]
    #[schema(max_items = 20)]
    media: Vec<Uuid>,
    /// The task that it answers, by its code: one of your list that has not ended, or ended within
    /// the last three days while `observed_at` lies in its window. A report that names the conduct of those who would review it is counted for no task.
    #[serde(default)]
    #[schema(schema_with = schema::code, required = false)]
    task: Option<TaskId>,
}

fn routine() -> Urgency {
    Urgency::Routine
}

fn nobody() -> Concerns {
    Concerns::Nobody
}

impl From<NewReportBody> for NewReport {
    fn from(body: NewReportBody) -> Self {
        Self {
            category: body.category,
            urgency: body.urgency,
            concerns: body.concerns,
            text: body.text,
            place: body.place.map(Into::into),
            observed_at: body.observed_at,
            media: body.media,
            task: body.task,
        }
    }
}

/// Sends in a report.
///
/// Make the `Idempotency-Key` when the report is written, also offline, and send it with
/// each retry: the report is taken in exactly once.
#[utoipa::path(
    post,
    path = "/reports",
    params(("Idempotency-Key" = String, Header, description = "A UUID for this report, the same with each retry")),
    request_body = NewReportBody,
    responses(
        (status = 201, description = "Taken in; `Location` names it and `ETag` is its version", body = ReportSummary),
        (status = 409, description = "A medium is still being checked: send the same again in a moment; or the task that it names has ended or was called off: send it without"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
async fn create_report(
    State(workflow): State<Workflow>,
    Subject(author): Subject,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<NewReportBody>,
) -> Result<Response, Problem> {
    let report = workflow.submit(&author, key, body.into()).await?;
    let location = [("location", format!("/reports/{}", report.id))];
    Ok((StatusCode::CREATED, location, answer(&report)).into_response())
}

/// Your reports, newest first.
#[utoipa::path(
    get,
    path = "/reports",
    params(PageQuery),
    responses((status = 200, description = "A page of your reports; `Link: rel=\"next\"` names the next", body = ReportPage)),
)]
async fn list_my_reports(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let reader = workflow.member(&reader, Role::Reporter).await?;
    let page = ReportPage::from(workflow.page(List::Mine(&reader.id), &reader, limit, query.cursor.as_deref()).await?);
    let next = page.next.clone();
    Ok(page::respond(page, next.as_deref(), &format!("limit={limit}")))
}

/// One of your reports, with every step so far and what was said.
#[utoipa::path(
    get,
    path = "/reports/{report_id}",
    params(("report_id" = String, Path, description = "The report's code")),
    responses(
        (status = 200, description = "The report, with its version as `ETag`", body = OwnReport),
        (status = 404, description = "None of yours has this code"),
    ),
)]
async fn read_my_report(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    ReportPath(id): ReportPath,
) -> Result<Response, Problem> {
    let (reader, history) = workflow.open_own(&reader, id).await?;
    Ok(Versioned(history.report.version, OwnReport::new(&reader, history)).into_response())
}

/// An answer to a reviewer's question.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "The vans use the gate on the river side."}))]
struct AnswerBody {
    /// The answer; at most 1000 characters.
    #[schema(max_length = 1000)]
    text: String,
    /// The ids of at most 20 further media, limited as with the report.
    #[serde(default)]
    #[schema(max_items = 20)]
    media: Vec<Uuid>,
}

/// Answers the question of the stage that asked. The report goes back to that stage.
#[utoipa::path(
    post,
    path = "/reports/{report_id}/answer",
    params(
        ("report_id" = String, Path, description = "The report's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this answer, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you answer"),
    ),
    request_body = AnswerBody,
    responses(
        (status = 200, description = "Answered; the report as it is after, with its version as `ETag`", body = ReportSummary),
        (status = 404, description = "None of yours has this code"),
        (status = 409, description = "Nothing is asked, or a medium is still being checked"),
        (status = 412, description = "It has changed since you read it"),
        (status = 422, description = "The key was used for another request"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
async fn answer_question(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    ReportPath(report): ReportPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(version): IfMatch,
    Body(AnswerBody { text, media }): Body<AnswerBody>,
) -> Result<Response, Problem> {
    let request = Request::Answer { text, media: Vec::new() };
    let command =
        Command { actor, role: Role::Reporter, key, report, version: Some(version), request, media, within: None };
    Ok(answer(&workflow.act(command).await?))
}

/// Writes to the stage that has your report now. They see your pseudonym, not you.
#[utoipa::path(
    post,
    path = "/reports/{report_id}/messages",
    params(
        ("report_id" = String, Path, description = "The report's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this message, the same with each retry"),
    ),
    request_body = MessageBody,
    responses(
        (status = 200, description = "Sent; the report as it is after, with its version as `ETag`", body = ReportSummary),
        (status = 404, description = "None of yours has this code"),
        (status = 409, description = "Nobody has it any more, or it has taken as many messages as it can hold"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
async fn message_stage(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    ReportPath(report): ReportPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(MessageBody { text }): Body<MessageBody>,
) -> Result<Response, Problem> {
    let request = Request::Message { text };
    let command =
        Command { actor, role: Role::Reporter, key, report, version: None, request, media: Vec::new(), within: None };
    Ok(answer(&workflow.act(command).await?))
}

/// Takes your report back. Once it is adopted, it cannot be taken back.
#[utoipa::path(
    post,
    path = "/reports/{report_id}/withdraw",
    params(
        ("report_id" = String, Path, description = "The report's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this withdrawal, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you have seen"),
    ),
    responses(
        (status = 200, description = "Withdrawn; the report as it is after, with its version as `ETag`", body = ReportSummary),
        (status = 404, description = "None of yours has this code"),
        (status = 409, description = "It is adopted or ended already"),
        (status = 412, description = "It has changed since you read it"),
        (status = 422, description = "The key was used for another request"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
async fn withdraw_report(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    ReportPath(report): ReportPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(version): IfMatch,
) -> Result<Response, Problem> {
    let request = Request::Withdraw;
    let media = Vec::new();
    let command =
        Command { actor, role: Role::Reporter, key, report, version: Some(version), request, media, within: None };
    Ok(answer(&workflow.act(command).await?))
}
