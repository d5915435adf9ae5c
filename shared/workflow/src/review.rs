//! The operations of the three review functions. They differ in the stage alone.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    decide::Request,
    error::{Error, FieldError},
    life::{RejectionReason, Stage},
    member::{MemberId, Role},
    named::Named as _,
    report::{Report, ReportId},
    territory::NodeId,
};
use pingan_http::{
    Body, IdempotencyKey, IfMatch, Operations, Problem, Query, ReportPath, Subject, Versioned, operations, page,
    routes, schema,
};
use pingan_store::List;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Workflow,
    commands::Command,
    views::{ReportPage, ReportSummary, ReviewedReport},
};

/// What a review function needs: the workflow, and its stage.
#[derive(Debug, Clone)]
struct Review {
    workflow: Workflow,
    stage: Stage,
}

impl Review {
    /// Who sees to it that nothing is forgotten: the reviewers of the stage, and beside the
    /// district's the auditor.
    fn watchers(&self) -> &'static [Role] {
        match self.stage {
            Stage::Officer => &[Role::Officer],
            Stage::Station => &[Role::StationManager],
            Stage::District => &[Role::DistrictManager, Role::Auditor],
        }
    }
}

/// The operations of a stage's review function, below `/<stage>-review`.
pub fn router(stage: Stage, workflow: Workflow) -> Operations {
    let operations = Operations::new()
        .routes(routes!(list_queue))
        .routes(routes!(list_reports))
        .routes(routes!(list_open))
        .routes(routes!(list_overdue))
        .routes(routes!(read_report))
        .routes(routes!(decide_report))
        .routes(routes!(message_reporter))
        .with_state(Review { workflow, stage });
    let function = format!("{stage}-review");
    let nested = Operations::new().nest(&format!("/{function}"), operations);
    operations::finish(&function, operations::prefix_ids(stage.name(), nested))
}

/// What waits for your review: emergencies first, then urgent reports, each oldest first.
///
/// With `node`, what waits for an absent reviewer for whom you stand in.
#[utoipa::path(
    get,
    path = "/queue",
    params(QueueQuery),
    responses(
        (status = 200, description = "A page of the queue; `Link: rel=\"next\"` names the next", body = ReportPage),
        (status = 404, description = "You do not review at this node"),
    ),
)]
async fn list_queue(
    State(review): State<Review>,
    Subject(subject): Subject,
    Query(query): Query<QueueQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let asked = query.node.clone();
    let (reader, node) = review.workflow.reviewer_at(&subject, &[review.stage.role()], query.node).await?;
    // A queue is that of one node: what lies below has queues of its own.
    if reader.node != node {
        return Err(Error::NotFound.into());
    }
    let list = List::Queue(&node, review.stage);
    let page: ReportPage = review.workflow.page(list, &reader, limit, query.cursor.as_deref()).await?.into();
    let next = page.next.clone();
    let node = asked.map_or_else(String::new, |node| format!("node={node}&"));
    Ok(page::respond(page, next.as_deref(), &format!("{node}limit={limit}")))
}

/// Which queue to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct QueueQuery {
    /// The node of an absent reviewer for whom you stand in; your own when nothing is said.
    #[param(schema_with = schema::node, required = false)]
    node: Option<NodeId>,
    /// How many, from 1 to 100; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// Where the list goes on: `next` of the page before.
    cursor: Option<String>,
}

/// Which reports to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct TerritoryQuery {
    /// A node of your territory; all of it when nothing is said.
    #[param(schema_with = schema::node, required = false)]
    node: Option<NodeId>,
    /// How many, from 1 to 100; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// Where the list goes on: `next` of the page before.
    cursor: Option<String>,
}

/// All reports of your territory, in whatever state, newest first.
///
/// The list of a node leaves out what names the conduct of those who review there; it is in
/// the list of the node above.
#[utoipa::path(
    get,
    path = "/reports",
    params(TerritoryQuery),
    responses(
        (status = 200, description = "A page of reports; `Link: rel=\"next\"` names the next", body = ReportPage),
        (status = 404, description = "The node lies outside your territory"),
    ),
)]
async fn list_reports(
    State(review): State<Review>,
    Subject(subject): Subject,
    Query(query): Query<TerritoryQuery>,
) -> Result<Response, Problem> {
    respond_with(&review, &subject, query, &[review.stage.role()], |node| List::Territory(node)).await
}

/// Everything that has not come to an end in your territory, oldest first: what is reviewed, what
/// waits for its reporter, what is adopted and what was handed over. Nothing is forgotten here.
///
/// The auditor of a district reads the list of the district review. What names the conduct of
/// those who review in a node is in the list of the node above.
#[utoipa::path(
    get,
    path = "/open",
    params(TerritoryQuery),
    responses(
        (status = 200, description = "A page of reports; `Link: rel=\"next\"` names the next", body = ReportPage),
        (status = 404, description = "The node lies outside your territory"),
    ),
)]
async fn list_open(
    State(review): State<Review>,
    Subject(subject): Subject,
    Query(query): Query<TerritoryQuery>,
) -> Result<Response, Problem> {
    respond_with(&review, &subject, query, review.watchers(), |node| List::Open(node)).await
}

/// Everything in your territory whose deadline has passed, what is longest late first.
///
/// The auditor of a district reads the list of the district review. What names the conduct of
/// those who review in a node is in the list of the node above.
#[utoipa::path(
    get,
    path = "/overdue",
    params(TerritoryQuery),
    responses(
        (status = 200, description = "A page of reports; `Link: rel=\"next\"` names the next", body = ReportPage),
        (status = 404, description = "The node lies outside your territory"),
    ),
)]
async fn list_overdue(
    State(review): State<Review>,
    Subject(subject): Subject,
    Query(query): Query<TerritoryQuery>,
) -> Result<Response, Problem> {
    let now = review.workflow.world.now();
    respond_with(&review, &subject, query, review.watchers(), |node| List::Overdue(node, now)).await
}

/// A page of a list of a node, for those who may see the node.
async fn respond_with(
    review: &Review,
    subject: &MemberId,
    query: TerritoryQuery,
    roles: &[Role],
    list: impl Fn(&NodeId) -> List<'_>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let (reader, node) = review.workflow.reviewer_at(subject, roles, query.node).await?;
    let page: ReportPage = review.workflow.page(list(&node), &reader, limit, query.cursor.as_deref()).await?.into();
    let next = page.next.clone();
    Ok(page::respond(page, next.as_deref(), &format!("node={node}&limit={limit}")))
}

/// Opens a report. That you opened it is written down in its audit trail.
#[utoipa::path(
    get,
    path = "/reports/{report_id}",
    params(("report_id" = String, Path, description = "The report's code")),
    responses(
        (status = 200, description = "The report, with its version as `ETag`", body = ReviewedReport),
        (status = 404, description = "There is none in your territory"),
    ),
)]
async fn read_report(
    State(review): State<Review>,
    Subject(subject): Subject,
    ReportPath(id): ReportPath,
) -> Result<Response, Problem> {
    let (reader, history) = review.workflow.open_for_review(&subject, review.stage.role(), id).await?;
    Ok(Versioned(history.report.version, ReviewedReport::new(&reader, history)).into_response())
}

/// What a reviewer decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Decision {
    /// Pass it up; at the district, adopt it.
    Approve,
    /// Ask the reporter.
    Return,
    /// End it with a reason.
    Reject,
    /// Link it to a report of the same matter.
    MarkDuplicate,
    /// Take up again what a lower stage has ended.
    Reopen,
    /// Give it back to the stage below.
    SendDown,
}

/// A decision. Each takes its own fields and no others.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"decision": "return", "question": "Which gate do the vans use?"}))]
struct DecisionBody {
    /// What is decided.
    decision: Decision,
    /// With `return`: what is asked; at most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    question: Option<String>,
    /// With `reject`: why. The reporter is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::rejection_reason)]
    reason: Option<RejectionReason>,
    /// With `mark_duplicate`: the code of the report of the same matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::code)]
    original: Option<ReportId>,
    /// A note for reviewers, never shown to the reporter; at most 1000 characters.
    /// `reopen` and `send_down` need one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    note: Option<String>,
}

impl DecisionBody {
    /// The request, or every field that is missing or does not belong.
    fn into_request(self) -> Result<Request, Error> {
        let Self { decision, question, reason, original, note } = self;
        let mut bad = Vec::new();
        let mut belongs = |given: bool, pointer: &str, to: Decision| {
            if given && decision != to {
                bad.push(FieldError::new(pointer, "does not belong to this decision"));
            } else if !given && decision == to {
                bad.push(FieldError::new(pointer, "is needed with this decision"));
            }
        };
        belongs(question.is_some(), "/question", Decision::Return);
        belongs(reason.is_some(), "/reason", Decision::Reject);
        belongs(original.is_some(), "/original", Decision::MarkDuplicate);
        if matches!(decision, Decision::Reopen | Decision::SendDown) && note.is_none() {
            bad.push(FieldError::new("/note", "is needed with this decision"));
        }
        let request = match (decision, question, reason, original) {
            (Decision::Approve, ..) => Some(Request::Approve { note }),
            (Decision::Return, Some(question), ..) => Some(Request::Return { question, note }),
            (Decision::Reject, _, Some(reason), _) => Some(Request::Reject { reason, note }),
            (Decision::MarkDuplicate, _, _, Some(original)) => Some(Request::MarkDuplicate { original, note }),
            (Decision::Reopen, ..) => note.map(|note| Request::Reopen { note }),
            (Decision::SendDown, ..) => note.map(|note| Request::SendDown { note }),
            _ => None,
        };
        request.filter(|_| bad.is_empty()).ok_or(Error::Invalid(bad))
    }
}

/// Decides on a report.
#[utoipa::path(
    post,
    path = "/reports/{report_id}/decisions",
    params(
        ("report_id" = String, Path, description = "The report's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this decision, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you decide on"),
    ),
    request_body = DecisionBody,
    responses(
        (status = 200, description = "Decided; the report as it is after, with its version as `ETag`", body = ReportSummary),
        (status = 404, description = "There is none in your territory"),
        (status = 409, description = "Not in this state, or not at your stage any more"),
        (status = 412, description = "It has changed since you read it"),
        (status = 422, description = "The key was used for another request"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
async fn decide_report(
    State(review): State<Review>,
    Subject(actor): Subject,
    ReportPath(report): ReportPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(version): IfMatch,
    Body(body): Body<DecisionBody>,
) -> Result<Response, Problem> {
    let request = body.into_request()?;
    let role = review.stage.role();
    let command =
        Command { actor, role, key, report, version: Some(version), request, media: Vec::new(), within: None };
    Ok(answer(&review.workflow.act(command).await?))
}

/// A message to the other side.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageBody {
    /// What is said; at most 1000 characters.
    #[schema(max_length = 1000, example = "Thank you. Please keep away from the yard.")]
    pub text: String,
}

/// Writes to the reporter. They see the stage, not you.
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
        (status = 404, description = "There is none in your territory"),
        (status = 409, description = "Not in this state, or not at your stage any more"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
async fn message_reporter(
    State(review): State<Review>,
    Subject(actor): Subject,
    ReportPath(report): ReportPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(MessageBody { text }): Body<MessageBody>,
) -> Result<Response, Problem> {
    let role = review.stage.role();
    let request = Request::Message { text };
    let command = Command { actor, role, key, report, version: None, request, media: Vec::new(), within: None };
    Ok(answer(&review.workflow.act(command).await?))
}

/// A report after a command, with its version as `ETag`.
pub fn answer(report: &Report) -> Response {
    Versioned(report.version, ReportSummary::from(report)).into_response()
}
