//! Listing outcomes, and reading one with its history.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    access::Reading,
    error::{Error, Refusal},
    handover::Receiver,
    life::Relation,
    member::{Member, Role},
    outcome::{OutcomeState, Standing},
    report::Report,
    territory::{Level, NodeId},
};
use pingan_http::{DistrictPath, OutcomePath, PageQuery, Problem, Query, ReportPath, Subject, Versioned, page, schema};
use pingan_store::{Key, outcomes::OutcomeList};
use pingan_workflow::Workflow;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::{
    reader_of, similar,
    views::{OutcomeHistoryView, OutcomeSummaryView, OutcomesPage},
};

/// The roles that read outcomes.
const READERS: [Role; 5] =
    [Role::Officer, Role::StationManager, Role::DistrictManager, Role::AgencyHandler, Role::Auditor];
/// The roles that know which report led to an outcome.
const REVIEWERS: [Role; 4] = [Role::Officer, Role::StationManager, Role::DistrictManager, Role::Auditor];

/// Which outcomes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutcomesQuery {
    /// A node of your territory; all of it when nothing is said.
    #[param(schema_with = schema::node, required = false)]
    node: Option<NodeId>,
    /// Those in this state alone.
    #[param(schema_with = schema::outcome_state, required = false)]
    state: Option<OutcomeState>,
    /// Those alone that wait to be confirmed, corrections among them, oldest first: for a district
    /// manager, and without `node` and `state`.
    #[serde(default)]
    #[param(default = false)]
    waiting: bool,
    /// How many, from 1 to 100; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// Where the list goes on: `next` of the page before.
    cursor: Option<String>,
}

/// The outcomes of the reports of a node, newest first. Who acts on hand-overs is shown what
/// their agency or district has recorded.
///
/// With a state, a page can be shorter than `limit` and still go on.
#[utoipa::path(
    get,
    path = "/districts/{district}/outcomes",
    params(("district" = String, Path, description = "The district"), OutcomesQuery),
    responses(
        (status = 200, description = "A page of outcomes; `Link: rel=\"next\"` names the next", body = OutcomesPage),
        (status = 404, description = "The node lies outside of your territory"),
    ),
)]
pub(crate) async fn list_outcomes(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<OutcomesQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let loaded = workflow.store.load([Key::Member(reader.clone())]).await?;
    let shown_to = reader_of(&workflow, &loaded, &reader, &READERS)?;
    let receiver = receiver(&shown_to.profile.member, &district)?;
    let own = query.node.clone().unwrap_or_else(|| shown_to.profile.member.node.clone());
    // Whoever stands in for an absent reviewer reads what came of the reports there.
    let reader = shown_to.profile.acting_at(&own, shown_to.now);
    let list = match &receiver {
        _ if query.waiting => {
            if reader.role != Role::DistrictManager || receiver.is_some() {
                return Err(Error::from(Refusal::WrongRole).into());
            }
            if query.node.is_some() || query.state.is_some() {
                return Err(Error::field("waiting", "goes without node and state").into());
            }
            OutcomeList::ToConfirm(&district)
        }
        Some(receiver) if query.node.is_none() => OutcomeList::Received(&district, receiver, query.state),
        None if district.contains(&own) && reader.node.contains(&own) => OutcomeList::Territory(&own, query.state),
        _ => return Err(Error::NotFound.into()),
    };
    let found = workflow.store.outcomes(list, &reader.id, limit, query.cursor.as_deref()).await?;
    let items = found.items.iter().map(|outcome| OutcomeSummaryView::new(outcome, &shown_to)).collect();
    let view = OutcomesPage { items, next: found.next.clone() };
    let mut asked = format!("limit={limit}");
    if let Some(node) = &query.node {
        asked = format!("node={node}&{asked}");
    }
    if let Some(state) = query.state {
        asked = format!("state={state}&{asked}");
    }
    if query.waiting {
        asked = format!("waiting=true&{asked}");
    }
    Ok(page::respond(view, found.next.as_deref(), &asked))
}

/// For whom somebody reads what this district counts: none for its own staff.
fn receiver(reader: &Member, district: &NodeId) -> Result<Option<Receiver>, Error> {
    let inside = district.contains(&reader.node);
    match reader.role {
        Role::AgencyHandler => {
            let agency = reader.agency.clone().filter(|_| reader.node.at(Level::District).as_ref() == Some(district));
            Ok(Some(Receiver::Agency { agency: agency.ok_or(Error::NotFound)? }))
        }
        Role::DistrictManager if !inside => Ok(Some(Receiver::District { district: reader.node.clone() })),
        _ if inside => Ok(None),
        _ => Err(Error::NotFound),
    }
}

/// An outcome with everything that happened to it, oldest first.
///
/// Staff are shown by which role and body each step was taken, and what was written with it. Who
/// acts on a hand-over is shown the steps, what they wrote themselves, and why something was
/// refused. That you opened it is written down.
#[utoipa::path(
    get,
    path = "/districts/{district}/outcomes/{outcome_id}",
    params(
        ("district" = String, Path, description = "The district"),
        ("outcome_id" = String, Path, description = "The outcome's code"),
    ),
    responses(
        (status = 200, description = "The outcome, with its version as `ETag`", body = OutcomeHistoryView),
        (status = 404, description = "No outcome that you may know of has this code"),
    ),
)]
pub(crate) async fn read_outcome(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    OutcomePath(id): OutcomePath,
) -> Result<Response, Problem> {
    let keys = [Key::Member(reader.clone()), Key::District(district.clone()), Key::AccessHead(id)];
    // The two reads do not depend on each other.
    let (loaded, history) = futures::join!(workflow.store.load(keys), workflow.store.outcome_history(id));
    let loaded = loaded?;
    let shown_to = reader_of(&workflow, &loaded, &reader, &READERS)?;
    let history = history?.filter(|history| history.outcome.district == district).ok_or(Error::NotFound)?;
    let member = shown_to.on(&history.outcome);
    if history.outcome.standing(&member) == Standing::Stranger {
        return Err(Error::NotFound.into());
    }
    let lists = loaded.district(&district)?.ok_or(Error::NotFound)?;
    let reading = Reading::outcome();
    let recorded = workflow.store.record_access(loaded.access_head(id)?, id, &member, &reading, shown_to.now, None);
    // Nothing is shown unless both are done.
    let ((), similar) = futures::try_join!(recorded, similar(&workflow, &reader, &member, &history.outcome))?;
    let version = history.outcome.version;
    Ok(Versioned(version, OutcomeHistoryView::new(&history, &shown_to, &lists, similar)).into_response())
}

/// The outcomes to which a report led, newest first: for those who may review it, and for the
/// auditor.
#[utoipa::path(
    get,
    path = "/districts/{district}/reports/{report_id}/outcomes",
    params(
        ("district" = String, Path, description = "The district"),
        ("report_id" = String, Path, description = "The report's code"),
        PageQuery,
    ),
    responses(
        (status = 200, description = "A page of outcomes; `Link: rel=\"next\"` names the next", body = OutcomesPage),
        (status = 404, description = "No report that you may review has this code"),
    ),
)]
pub(crate) async fn list_outcomes_of_report(
    State(workflow): State<Workflow>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    ReportPath(id): ReportPath,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let keys = [Key::Member(reader.clone()), Key::Report(id)];
    let found = workflow.store.outcomes_of_report(id, &reader, limit, query.cursor.as_deref());
    // The two reads do not depend on each other.
    let (loaded, found) = futures::join!(workflow.store.load(keys), found);
    let loaded = loaded?;
    let shown_to = reader_of(&workflow, &loaded, &reader, &REVIEWERS)?;
    let report = loaded.report(id)?.filter(|report| district.contains(&report.node)).ok_or(Error::NotFound)?;
    let member = shown_to.profile.acting_at(&report.node, shown_to.now);
    if !may_know(&member, &report) {
        return Err(Error::NotFound.into());
    }
    let found = found?;
    let items = found.items.iter().map(|outcome| OutcomeSummaryView::new(outcome, &shown_to)).collect();
    let view = OutcomesPage { items, next: found.next.clone() };
    Ok(page::respond(view, found.next.as_deref(), &format!("limit={limit}")))
}

fn may_know(member: &Member, report: &Report) -> bool {
    let audits = member.role == Role::Auditor && member.node.contains(&report.node);
    audits || Relation::of(member, report).may_review()
}
