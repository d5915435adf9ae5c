//! Absent reviewers, and who stands in for them.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use pingan_domain::{
    authority,
    deputy::{self, Absence},
    error::Error,
    member::{Member, MemberId},
    membership::{Decided, Profile},
    territory::NodeId,
};
use pingan_http::{Body, DistrictPath, IfMatch, MemberPath, Problem, Subject, Versioned, schema};
use pingan_membership::{MANAGERS, MAX_TRIES, views::MemberView};
use pingan_store::{
    Key, Loaded,
    members::{MemberCommit, MemberCommitError},
};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Members;

/// When a reviewer is absent, and who stands in.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "from": "2026-10-12T00:00:00Z", "until": "2026-10-19T00:00:00Z", "deputy": "m-7kq4m2xd9h",
}))]
pub(crate) struct AbsenceBody {
    /// From when.
    #[schema(schema_with = schema::moment)]
    from: Timestamp,
    /// Until when; at this moment it is over. At most 60 days after `from`.
    #[schema(schema_with = schema::moment)]
    until: Timestamp,
    /// Who stands in: an active reviewer of the same role and body, at the same node or at one
    /// of the same node above.
    #[schema(value_type = String)]
    deputy: MemberId,
}

/// Says that a reviewer is absent, and who stands in: the reviewer, or whoever manages them.
/// The same again changes nothing.
///
/// Within its time the deputy reviews at the absent one's node as the absent one could, under
/// the own name, and finds its notices in the own inbox. Afterwards it is over by itself. To
/// have somebody else stand in, end the absence first.
#[utoipa::path(
    put,
    path = "/districts/{district}/members/{member_id}/absence",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "The id of the reviewer who is absent"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you have seen"),
    ),
    request_body = AbsenceBody,
    responses(
        (status = 200, description = "Written down; the member as they are after, with the version as `ETag`", body = MemberView),
        (status = 404, description = "Nobody in your territory has this id"),
        (status = 409, description = "The membership is in a state in which this cannot be done"),
        (status = 412, description = "It has changed since you read it"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn put_absence(
    State(members): State<Members>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(id): MemberPath,
    IfMatch(version): IfMatch,
    Body(AbsenceBody { from, until, deputy }): Body<AbsenceBody>,
) -> Result<Response, Problem> {
    let profile = members.begin_absence(&actor, &district, &id, version, &Absence { from, until, deputy }).await?;
    Ok(Versioned(profile.version, MemberView::from(profile)).into_response())
}

/// Ends an absence at once, for the deputy as well. The same again changes nothing.
#[utoipa::path(
    delete,
    path = "/districts/{district}/members/{member_id}/absence",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "The id of the reviewer who was absent"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you have seen"),
    ),
    responses(
        (status = 200, description = "Ended; the member as they are after, with the version as `ETag`", body = MemberView),
        (status = 404, description = "Nobody in your territory has this id"),
        (status = 412, description = "It has changed since you read it"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn end_absence(
    State(members): State<Members>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(id): MemberPath,
    IfMatch(version): IfMatch,
) -> Result<Response, Problem> {
    let profile = members.end_absence(&actor, &district, &id, version).await?;
    Ok(Versioned(profile.version, MemberView::from(profile)).into_response())
}

impl Members {
    async fn begin_absence(
        &self,
        actor: &MemberId,
        district: &NodeId,
        id: &MemberId,
        version: u64,
        wanted: &Absence,
    ) -> Result<Profile, Error> {
        for _ in 0..MAX_TRIES {
            let keys = [actor, id, &wanted.deputy].map(|id| Key::Member(id.clone()));
            let loaded = self.registry.store.load(keys).await?;
            let (acting, absent) = parties(&loaded, actor, district, id)?;
            let deputy = loaded.profile(&wanted.deputy)?;
            // Who repeats it has seen the version before.
            if absent.absence.as_ref() == Some(wanted) {
                return Ok(absent);
            }
            if absent.version != version {
                return Err(Error::VersionStale(absent.version));
            }
            let decided = deputy::begin(&absent, deputy.as_ref(), wanted.clone(), &acting, self.registry.world.now())?;
            let (Some((of_absent, of_deputy)), Some(deputy)) = (decided, deputy) else { return Ok(absent) };
            let changes = [(&absent, &of_absent), (&deputy, &of_deputy)];
            if self.commit_both(&changes).await? {
                return Ok(of_absent.profile);
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn end_absence(
        &self,
        actor: &MemberId,
        district: &NodeId,
        id: &MemberId,
        version: u64,
    ) -> Result<Profile, Error> {
        for _ in 0..MAX_TRIES {
            let loaded = self.registry.store.load([actor, id].map(|id| Key::Member(id.clone()))).await?;
            let (acting, absent) = parties(&loaded, actor, district, id)?;
            let Some(absence) = &absent.absence else { return Ok(absent) };
            if absent.version != version {
                return Err(Error::VersionStale(absent.version));
            }
            // Who stands in only the membership says.
            let deputy =
                self.registry.store.load([Key::Member(absence.deputy.clone())]).await?.profile(&absence.deputy)?;
            let ended = deputy::end(&absent, deputy.as_ref(), &acting, self.registry.world.now())?;
            let Some((of_absent, of_deputy)) = ended else { return Ok(absent) };
            let mut changes = vec![(&absent, &of_absent)];
            changes.extend(deputy.as_ref().zip(of_deputy.as_ref()));
            if self.commit_both(&changes).await? {
                return Ok(of_absent.profile);
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Commits the memberships of an absence as one; says whether nobody was faster.
    async fn commit_both(&self, changes: &[(&Profile, &Decided)]) -> Result<bool, Error> {
        let commits: Vec<_> = changes.iter().map(|&(before, decided)| MemberCommit::change(before, decided)).collect();
        match self.registry.store.commit_members(&commits).await {
            Ok(()) => Ok(true),
            Err(MemberCommitError::Failed(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }
}

/// Who acts, and the member whom it is about, as far as the actor may know of them: the member,
/// or one who manages them.
fn parties(loaded: &Loaded, actor: &MemberId, district: &NodeId, id: &MemberId) -> Result<(Member, Profile), Error> {
    let acting = loaded.actor(actor)?.acting_as_any(&MANAGERS)?;
    let absent = loaded.profile(id)?.filter(|profile| district.contains(&profile.member.node));
    let absent = absent.ok_or(Error::NotFound)?;
    if acting.id != absent.member.id {
        authority::over_member(&acting, &absent.member)?;
    }
    Ok((acting, absent))
}
