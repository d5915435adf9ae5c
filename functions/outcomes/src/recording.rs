//! Recording an outcome, and taking its steps.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    command::{CommandId, Fingerprint},
    district::District,
    error::Error,
    member::MemberId,
    outcome::{MAX_REPORTS, Outcome, OutcomeId, Standing},
    outcome_life::{self, Context, Decided, Found, NewOutcome, RECORDERS, Step},
    report::{Report, ReportId},
    territory::NodeId,
};
use pingan_http::{Body, DistrictPath, IdempotencyKey, IfMatch, OutcomePath, Problem, Subject, Versioned};
use pingan_store::{Key, Loaded, members::Done, outcomes::OutcomeCommitError};
use pingan_workflow::Workflow;
use uuid::Uuid;

use crate::{
    MAX_TRIES, reader_of, similar, today,
    views::{NewOutcomeBody, OutcomeStepBody, OutcomeView, Reader},
};

/// Records what came of adopted reports. It counts once a district manager has confirmed it.
///
/// It counts once, in the community of the first report, however many reports led to it. Who
/// acts on a hand-over names that, and never learns the report. The answer names outcomes that may
/// be the same: link this report to one of those instead.
#[utoipa::path(
    post,
    path = "/districts/{district}/outcomes",
    params(
        ("district" = String, Path, description = "The district"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this outcome, the same with each retry"),
    ),
    request_body = NewOutcomeBody,
    responses(
        (status = 201, description = "Recorded; `Location` names it and `ETag` is its version", body = OutcomeView),
        (status = 404, description = "This is not your district, and nothing of it was handed over to you"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn record_outcome(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<NewOutcomeBody>,
) -> Result<Response, Problem> {
    let acted = record(&workflow, &actor, key, &district, body.into()).await?;
    let location = [("location", format!("/districts/{district}/outcomes/{}", acted.outcome.id))];
    Ok((StatusCode::CREATED, location, answer(&workflow, &actor, &acted).await?).into_response())
}

/// Takes a step: confirms or refuses what waits, says that another report led to it as well, or
/// corrects it.
///
/// Nobody confirms what they recorded or corrected. A correction counts once it is confirmed;
/// until then what was confirmed before does. Nothing is edited: each step stays in the history.
#[utoipa::path(
    post,
    path = "/districts/{district}/outcomes/{outcome_id}/steps",
    params(
        ("district" = String, Path, description = "The district"),
        ("outcome_id" = String, Path, description = "The outcome's code"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this step, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you have seen"),
    ),
    request_body(content = OutcomeStepBody, example = json!({"step": "confirm"})),
    responses(
        (status = 200, description = "Taken; the outcome as it is after, with its version as `ETag`", body = OutcomeView),
        (status = 403, description = "You recorded or corrected it, or your role does not do this"),
        (status = 404, description = "No outcome that you may know of has this code"),
        (status = 409, description = "It is not in a state in which this can be done"),
        (status = 412, description = "It has changed since you read it"),
        (status = 422, description = "The key was used for another request"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn take_outcome_step(
    State(workflow): State<Workflow>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    OutcomePath(id): OutcomePath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(version): IfMatch,
    Body(body): Body<OutcomeStepBody>,
) -> Result<Response, Problem> {
    let acted = step(&workflow, &actor, key, &district, id, version, &body.into()).await?;
    Ok(Versioned(acted.outcome.version, acted.view(None)).into_response())
}

/// Who acted, and what the outcome is after.
struct Acted {
    actor: Reader,
    lists: District,
    outcome: Outcome,
}

impl Acted {
    fn view(&self, similar: Option<Vec<crate::views::SimilarView>>) -> OutcomeView {
        OutcomeView::new(&self.outcome, &self.actor, &self.lists, similar)
    }
}

async fn answer(workflow: &Workflow, actor: &MemberId, acted: &Acted) -> Result<Response, Error> {
    let similar = similar(workflow, actor, &acted.actor.on(&acted.outcome), &acted.outcome).await?;
    Ok(Versioned(acted.outcome.version, acted.view(similar)).into_response())
}

async fn record(
    workflow: &Workflow,
    actor: &MemberId,
    key: Uuid,
    district: &NodeId,
    new: NewOutcome,
) -> Result<Acted, Error> {
    let command = CommandId::new(actor, key);
    let fingerprint = Fingerprint::of(key, "record outcome", district.as_str(), &new)?;
    let mut attempt = 0;
    for _ in 0..MAX_TRIES {
        let id = command.outcome_id(attempt);
        let own =
            [Key::Member(actor.clone()), Key::OutcomeDone(command), Key::District(district.clone()), Key::Outcome(id)];
        // What is more than can be named is refused, and not looked at.
        let named = new.reports.iter().take(MAX_REPORTS).copied().map(Key::Report);
        let keys = own.into_iter().chain(named).chain(new.handover.map(Key::Handover));
        let loaded = workflow.store.load(keys).await?;
        let by = reader_of(workflow, &loaded, actor, &RECORDERS)?;
        let lists = loaded.district(district)?;
        if let Some(done) = loaded.outcome_done(command)? {
            let outcome = repeated(workflow, &loaded, &done, fingerprint).await?;
            return known(by, lists, outcome);
        }
        // What was done is remembered for a month; the outcome knows the command that made it.
        if let Some(outcome) = loaded.outcome(id)?.filter(|outcome| outcome.created_by == command) {
            return known(by, lists, outcome);
        }
        let lists = lists.ok_or(Error::NotFound)?;
        let found = found(&loaded, &new.reports, new.handover)?;
        let decided = outcome_life::record(&new, &found, id, &by.profile, &lists, context(workflow, command)?)?;
        let done = Done { command, fingerprint, target: id.to_string() };
        match workflow.store.commit_outcome(None, &decided, &[], &done).await {
            Ok(()) => return Ok(Acted { actor: by, lists, outcome: decided.outcome }),
            Err(OutcomeCommitError::AlreadyDone | OutcomeCommitError::Stale) => {}
            Err(OutcomeCommitError::CodeTaken) => attempt += 1,
            Err(OutcomeCommitError::Failed(error)) => return Err(error),
        }
    }
    Err(Error::Busy { retry_after_seconds: 1 })
}

async fn step(
    workflow: &Workflow,
    actor: &MemberId,
    key: Uuid,
    district: &NodeId,
    id: OutcomeId,
    version: u64,
    step: &Step,
) -> Result<Acted, Error> {
    let command = CommandId::new(actor, key);
    let fingerprint = Fingerprint::of(key, "step of outcome", &id.to_string(), step)?;
    let (report, handover) = match step {
        Step::Link { report, handover } => (*report, *handover),
        _ => (None, None),
    };
    let reports: Vec<ReportId> = report.into_iter().collect();
    for _ in 0..MAX_TRIES {
        let own =
            [Key::Member(actor.clone()), Key::OutcomeDone(command), Key::District(district.clone()), Key::Outcome(id)];
        let named = reports.iter().copied().map(Key::Report).chain(handover.map(Key::Handover));
        let loaded = workflow.store.load(own.into_iter().chain(named)).await?;
        let by = reader_of(workflow, &loaded, actor, &RECORDERS)?;
        let found = found(&loaded, &reports, handover)?;
        let before = loaded.outcome(id)?.filter(|outcome| outcome.district == *district);
        let (profile, now) = (&by.profile, by.now);
        let before = before.filter(|outcome| outcome_life::is_there(outcome, step, &found, profile, now));
        let before = before.ok_or(Error::NotFound)?;
        let lists = loaded.district(district)?;
        if let Some(done) = loaded.outcome_done(command)? {
            let outcome = repeated(workflow, &loaded, &done, fingerprint).await?;
            return known(by, lists, outcome);
        }
        if before.version != version {
            return Err(Error::VersionStale(before.version));
        }
        let lists = lists.ok_or(Error::NotFound)?;
        let decided = outcome_life::step(&before, step, &found, &by.profile, &lists, context(workflow, command)?)?;
        let told = told(workflow, &loaded, &decided).await?;
        let done = Done { command, fingerprint, target: id.to_string() };
        match workflow.store.commit_outcome(Some(&before), &decided, &told, &done).await {
            Ok(()) => return Ok(Acted { actor: by, lists, outcome: decided.outcome }),
            Err(OutcomeCommitError::Failed(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Err(Error::Busy { retry_after_seconds: 1 })
}

fn context(workflow: &Workflow, command: CommandId) -> Result<Context, Error> {
    let salt = workflow.world.random().map_err(|error| Error::Internal(error.to_string()))?;
    let now = workflow.world.now();
    Ok(Context { command, salt, now, today: today(workflow, now) })
}

fn found(
    loaded: &Loaded,
    reports: &[ReportId],
    handover: Option<pingan_domain::handover::HandoverId>,
) -> Result<Found, Error> {
    let reports = reports.iter().take(MAX_REPORTS).map(|id| loaded.report(*id)).collect::<Result<_, _>>()?;
    let handover = handover.map(|id| loaded.handover(id)).transpose()?.flatten();
    Ok(Found { reports, handover })
}

/// The reports whose reporters are told. A second read, because only the outcome says which they
/// are, and it does not hold who sent them in.
async fn told(workflow: &Workflow, loaded: &Loaded, decided: &Decided) -> Result<Vec<Report>, Error> {
    let mut told = Vec::new();
    let mut missing = Vec::new();
    for id in &decided.tells_reporters {
        match loaded.report(*id)? {
            Some(report) => told.push(report),
            None => missing.push(*id),
        }
    }
    if !missing.is_empty() {
        let loaded = workflow.store.load(missing.iter().copied().map(Key::Report)).await?;
        for id in missing {
            told.extend(loaded.report(id)?);
        }
    }
    Ok(told)
}

/// The outcome for who still may know of it: whoever was transferred since does not learn what
/// has become of it.
fn known(actor: Reader, lists: Option<District>, outcome: Outcome) -> Result<Acted, Error> {
    let stranger = outcome.standing(&actor.on(&outcome)) == Standing::Stranger;
    let lists = lists.filter(|_| !stranger).ok_or(Error::NotFound)?;
    Ok(Acted { actor, lists, outcome })
}

/// The outcome that a command acted on when it was carried out before, as it is now.
async fn repeated(
    workflow: &Workflow,
    loaded: &Loaded,
    done: &Done,
    fingerprint: Fingerprint,
) -> Result<Outcome, Error> {
    if done.fingerprint != fingerprint {
        return Err(Error::KeyReused);
    }
    let id = OutcomeId::parse(&done.target).map_err(|error| Error::Internal(error.to_string()))?;
    let outcome = match loaded.outcome(id)? {
        Some(outcome) => Some(outcome),
        None => workflow.store.load([Key::Outcome(id)]).await?.outcome(id)?,
    };
    outcome.ok_or(Error::NotFound)
}
