//! The runs of period awards: listing them, and letting one go on that has failed.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    award_run::{AwardRun, RunId},
    briefing::Period,
    command::{CommandId, Fingerprint},
    error::{Error, Refusal},
    member::{MemberId, Role},
};
use pingan_http::{
    AwardPath, Body, DistrictPath, FromPath, IdempotencyKey, IfMatch, PageQuery, Problem, Query, Subject, ToPath,
    Versioned, page,
};
use pingan_store::{
    Key,
    rewards::{RewardCommitError, RewardDone},
};
use uuid::Uuid;

use crate::{
    MAX_TRIES, Rewards,
    views::{AwardRunView, AwardRunsPage, AwardStepBody},
};

/// Who reads the runs: they are of the whole district.
const RUN_READERS: [Role; 3] = [Role::DistrictManager, Role::Treasurer, Role::Auditor];

/// The runs of the period awards of a district, the newest periods first: how far each has come, by
/// which rule it goes, and who wins, by their pseudonyms alone. A treasurer sees no pseudonyms.
#[utoipa::path(
    get,
    path = "/districts/{district}/awards",
    params(("district" = String, Path, description = "The district"), PageQuery),
    responses(
        (status = 200, description = "A page of runs; `Link: rel=\"next\"` names the next", body = AwardRunsPage),
        (status = 404, description = "This is not your district"),
    ),
)]
pub(crate) async fn list_award_runs(
    State(rewards): State<Rewards>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let (_, reader, _) = rewards.load(&reader, &district, &RUN_READERS, []).await?;
    if reader.node != district {
        return Err(Error::NotFound.into());
    }
    // The two reads do not depend on each other.
    let (runs, versions) = futures::join!(
        rewards.store.award_runs_page(&district, &reader.id, limit, query.cursor.as_deref()),
        rewards.store.rules(&district)
    );
    let ((runs, next), versions) = (runs?, versions?);
    let rules = |run: &AwardRun| versions.iter().find(|rules| rules.version == run.rules);
    let items = runs.iter().map(|run| AwardRunView::new(run, rules(run), &reader));
    let view = AwardRunsPage { items: items.collect(), next: next.clone() };
    Ok(page::respond(view, next.as_deref(), &format!("limit={limit}")))
}

/// A run of a period award, as the list shows it.
#[utoipa::path(
    get,
    path = "/districts/{district}/awards/{award}/{from}/{to}",
    params(
        ("district" = String, Path, description = "The district"),
        ("award" = String, Path, description = "The label of the award"),
        ("from" = String, Path, description = "The first day of the period"),
        ("to" = String, Path, description = "The last day of the period"),
    ),
    responses(
        (status = 200, description = "The run, with its version as `ETag`", body = AwardRunView),
        (status = 404, description = "Your district has no such run"),
    ),
)]
pub(crate) async fn read_award_run(
    State(rewards): State<Rewards>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    AwardPath(award): AwardPath,
    FromPath(from): FromPath,
    ToPath(to): ToPath,
) -> Result<Response, Problem> {
    let id = RunId { district, award, period: Period { from, to } };
    let keys = [Key::AwardRun(id.clone())];
    let (loaded, reader, _) = rewards.load(&reader, &id.district, &RUN_READERS, keys).await?;
    let run = loaded.award_run(&id)?.filter(|_| reader.node == id.district).ok_or(Error::NotFound)?;
    let key = Key::RewardRules(id.district.clone(), run.rules);
    let rules = rewards.store.load([key]).await?.reward_rules(&id.district, run.rules)?;
    Ok(Versioned(run.version, AwardRunView::new(&run, rules.as_ref(), &reader)).into_response())
}

/// Takes a step with a run: `resume` one that has failed, from where it was. It goes on within a
/// quarter of an hour.
#[utoipa::path(
    post,
    path = "/districts/{district}/awards/{award}/{from}/{to}/steps",
    params(
        ("district" = String, Path, description = "The district"),
        ("award" = String, Path, description = "The label of the award"),
        ("from" = String, Path, description = "The first day of the period"),
        ("to" = String, Path, description = "The last day of the period"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this step, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the run"),
    ),
    request_body = AwardStepBody,
    responses(
        (status = 200, description = "The run afterwards", body = AwardRunView),
        (status = 404, description = "Your district has no such run"),
        (status = 409, description = "The run has not failed"),
        (status = 412, description = "The run has changed"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
#[expect(clippy::too_many_arguments, reason = "each is a part of the request, which axum reads by itself")]
pub(crate) async fn take_award_step(
    State(rewards): State<Rewards>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    AwardPath(award): AwardPath,
    FromPath(from): FromPath,
    ToPath(to): ToPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(seen): IfMatch,
    Body(step): Body<AwardStepBody>,
) -> Result<Response, Problem> {
    let id = RunId { district, award, period: Period { from, to } };
    let (version, view) = rewards.award_step(&actor, (key, seen), &id, &step).await?;
    Ok(Versioned(version, view).into_response())
}

impl Rewards {
    async fn award_step(
        &self,
        actor: &MemberId,
        (key, seen): (Uuid, u64),
        id: &RunId,
        step: &AwardStepBody,
    ) -> Result<(u64, AwardRunView), Error> {
        const ROLES: [Role; 2] = [Role::DistrictManager, Role::Treasurer];
        let command = CommandId::new(actor, key);
        let scope = format!("{} {} {} {}", id.district, id.award, id.period.from, id.period.to);
        let done = RewardDone { command, fingerprint: Fingerprint::of(key, "take an award step", &scope, step)? };
        for _ in 0..MAX_TRIES {
            let keys = [Key::AwardRun(id.clone()), Key::RewardDone(command)];
            let (loaded, acting, _) = self.load(actor, &id.district, &ROLES, keys).await?;
            let run = loaded.award_run(id)?.filter(|_| acting.node == id.district).ok_or(Error::NotFound)?;
            if loaded.reward_done(&done)? {
                return Ok((run.version, AwardRunView::new(&run, None, &acting)));
            }
            if run.version != seen {
                return Err(Error::VersionStale(run.version));
            }
            let AwardStepBody::Resume {} = step;
            let after = run.resumed(self.now().0).ok_or(Refusal::WrongRunState)?;
            match self.store.resume_award_run(run.version, &after, &done).await {
                Ok(()) => return Ok((after.version, AwardRunView::new(&after, None, &acting))),
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}
