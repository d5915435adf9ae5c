//! Listing memberships and changing them.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    authority,
    command::{CommandId, Fingerprint},
    deputy,
    district::Label,
    error::{Error, Refusal},
    invite::after_days,
    member::{Body as StaffBody, MemberId, MemberState, Role},
    membership::{self, Change, Kind, Profile},
    named::Named as _,
    territory::NodeId,
};
use pingan_http::{
    Body, DistrictPath, IdempotencyKey, IfMatch, MemberPath, Problem, Query, Subject, Versioned, page, schema,
};
use pingan_membership::{MANAGERS, MAX_TRIES, views::MemberView};
use pingan_store::{
    Key,
    members::{Done, Filter, IdentityWrite, MemberCommit, MemberCommitError},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    Members,
    views::{HistoryView, MembersPage},
};

/// The roles that read memberships.
pub(crate) const READERS: [Role; 4] = [Role::Officer, Role::StationManager, Role::DistrictManager, Role::Auditor];
/// The most events that a history shows.
const MAX_EVENTS: u16 = 1_000;

/// Which members to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct MembersQuery {
    /// A node of your territory; all of it when nothing is said.
    #[param(schema_with = schema::node, required = false)]
    node: Option<NodeId>,
    /// Of this role.
    #[param(schema_with = schema::role, required = false)]
    role: Option<Role>,
    /// Of this kind.
    #[param(schema_with = schema::kind, required = false)]
    kind: Option<Kind>,
    /// Who know this trade, by the district's label.
    #[param(value_type = Option<String>)]
    trade: Option<Label>,
    /// In this state.
    #[param(schema_with = schema::member_state, required = false)]
    state: Option<MemberState>,
    /// How many, from 1 to 100; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// Where the list goes on: `next` of the page before.
    cursor: Option<String>,
}

/// The members of a node and of all below it, in the order in which they came.
///
/// With a filter, a page may hold fewer than `limit` and still go on.
#[utoipa::path(
    get,
    path = "/districts/{district}/members",
    params(("district" = String, Path, description = "The district"), MembersQuery),
    responses(
        (status = 200, description = "A page of members; `Link: rel=\"next\"` names the next", body = MembersPage),
        (status = 404, description = "The node lies outside of your territory"),
    ),
)]
pub(crate) async fn list_members(
    State(members): State<Members>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<MembersQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let loaded = members.registry.store.load([Key::Member(reader.clone())]).await?;
    let reader = loaded.actor(&reader)?.acting_as_any(&READERS)?;
    let node = query.node.clone().unwrap_or_else(|| reader.node.clone());
    if !district.contains(&node) || !reader.node.contains(&node) {
        return Err(Error::NotFound.into());
    }
    let filter = Filter { role: query.role, kind: query.kind, trade: query.trade.clone(), state: query.state };
    let found = members.registry.store.members(&node, &filter, &reader.id, limit, query.cursor.as_deref()).await?;
    let mut parameters = format!("node={node}&limit={limit}");
    for (name, value) in [
        ("role", query.role.map(|role| role.name().to_owned())),
        ("kind", query.kind.map(|kind| kind.name().to_owned())),
        ("trade", query.trade.map(|trade| trade.to_string())),
        ("state", query.state.map(|state| state.name().to_owned())),
    ] {
        if let Some(value) = value {
            parameters.push('&');
            parameters.push_str(name);
            parameters.push('=');
            parameters.push_str(&value);
        }
    }
    let next = found.next.clone();
    let page = MembersPage { items: found.items.into_iter().map(Into::into).collect(), next: found.next };
    Ok(page::respond(page, next.as_deref(), &parameters))
}

/// A member, under the pseudonym.
#[utoipa::path(
    get,
    path = "/districts/{district}/members/{member_id}",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "The member's id"),
    ),
    responses(
        (status = 200, description = "The member, with the version as `ETag`", body = MemberView),
        (status = 404, description = "Nobody in your territory has this id"),
    ),
)]
pub(crate) async fn read_member(
    State(members): State<Members>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(id): MemberPath,
) -> Result<Response, Problem> {
    let profile = members.member_for(&reader, &district, &id).await?;
    Ok(Versioned(profile.version, MemberView::from(profile)).into_response())
}

/// What happened to a membership, and who did it.
#[utoipa::path(
    get,
    path = "/districts/{district}/members/{member_id}/history",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "The member's id"),
    ),
    responses(
        (status = 200, description = "The history", body = HistoryView),
        (status = 404, description = "Nobody in your territory has this id"),
    ),
)]
pub(crate) async fn read_member_history(
    State(members): State<Members>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(id): MemberPath,
) -> Result<Response, Problem> {
    // The two reads do not depend on each other.
    let (profile, events) = futures::join!(
        members.member_for(&reader, &district, &id),
        members.registry.store.member_events(&id, MAX_EVENTS),
    );
    profile?;
    let events = events?.into_iter().map(Into::into).collect();
    Ok(([("cache-control", "no-store")], axum::Json(HistoryView { events })).into_response())
}

/// What is to be done with a member.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum ChangeBody {
    /// The officer confirms who registered with the community's poster.
    Confirm {},
    /// The officer does not confirm who registered. The identity is erased.
    Decline {
        /// Why; at most 200 characters.
        #[schema(max_length = 200)]
        reason: String,
    },
    /// A reporter is described anew.
    Describe {
        /// What kind of reporter.
        #[schema(schema_with = schema::kind)]
        kind: Kind,
        /// The trades, by the district's labels; at most 10.
        #[schema(value_type = Vec<String>, max_items = 10)]
        trades: Vec<Label>,
        /// The sensitive places, by the district's labels; at most 10.
        #[schema(value_type = Vec<String>, max_items = 10)]
        places: Vec<Label>,
    },
    /// The member goes to another node; staff also to another role or body.
    Transfer {
        /// Where.
        #[schema(schema_with = schema::node)]
        node: NodeId,
        /// Another role, for staff.
        #[serde(default)]
        #[schema(schema_with = schema::role, required = false)]
        role: Option<Role>,
        /// Another body, for staff.
        #[serde(default)]
        #[schema(schema_with = schema::body, required = false)]
        body: Option<StaffBody>,
        /// Another agency, by the district's label, for who acts for one.
        #[serde(default)]
        #[schema(value_type = Option<String>, required = false)]
        agency: Option<Label>,
        /// Why; at most 200 characters.
        #[schema(max_length = 200)]
        reason: String,
    },
    /// The member may not act any more, from the next request on.
    Suspend {
        /// Why; at most 200 characters.
        #[schema(max_length = 200)]
        reason: String,
    },
    /// The member may act again.
    Restore {
        /// Why; at most 200 characters.
        #[schema(max_length = 200)]
        reason: String,
    },
    /// You leave: for your own membership alone. Your identity is erased after the retention time.
    Leave {},
}

impl From<ChangeBody> for Change {
    fn from(body: ChangeBody) -> Self {
        match body {
            ChangeBody::Confirm {} => Self::Confirm,
            ChangeBody::Decline { reason } => Self::Decline { reason },
            ChangeBody::Describe { kind, trades, places } => Self::Describe { kind, trades, places },
            ChangeBody::Transfer { node, role, body, agency, reason } => {
                Self::Transfer { node, role, body, agency, reason }
            }
            ChangeBody::Suspend { reason } => Self::Suspend { reason },
            ChangeBody::Restore { reason } => Self::Restore { reason },
            ChangeBody::Leave {} => Self::Leave,
        }
    }
}

/// Changes a membership: confirms, declines, describes, transfers, suspends or restores
/// somebody below you, or leaves, which only the member does.
#[utoipa::path(
    post,
    path = "/districts/{district}/members/{member_id}/changes",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "The member's id"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this change, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you have seen"),
    ),
    request_body(content = ChangeBody, example = json!({"change": "suspend", "reason": "Sold his phone with the app on it."})),
    responses(
        (status = 200, description = "Changed; the member as it is after, with the version as `ETag`", body = MemberView),
        (status = 404, description = "Nobody in your territory has this id"),
        (status = 409, description = "The membership is in a state in which this cannot be done"),
        (status = 412, description = "It has changed since you read it"),
        (status = 422, description = "The key was used for another request"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn change_member(
    State(members): State<Members>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(id): MemberPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(version): IfMatch,
    Body(body): Body<ChangeBody>,
) -> Result<Response, Problem> {
    let profile = members.change(&actor, key, &district, &id, version, &body.into()).await?;
    Ok(Versioned(profile.version, MemberView::from(profile)).into_response())
}

/// Who you are to the platform.
#[utoipa::path(
    get,
    path = "/me",
    responses((status = 200, description = "You, with your version as `ETag`", body = MemberView)),
)]
pub(crate) async fn read_me(State(members): State<Members>, Subject(reader): Subject) -> Result<Response, Problem> {
    // Who waits for confirmation or is suspended may know that.
    let loaded = members.registry.store.load([Key::Member(reader.clone())]).await?;
    let profile = loaded.profile(&reader)?.ok_or(Refusal::NotAMember).map_err(Error::from)?;
    Ok(Versioned(profile.version, MemberView::from(profile)).into_response())
}

impl Members {
    /// A member of this district, for a reader who may know of them.
    pub(crate) async fn member_for(
        &self,
        reader: &MemberId,
        district: &NodeId,
        id: &MemberId,
    ) -> Result<Profile, Error> {
        let loaded = self.registry.store.load([Key::Member(reader.clone()), Key::Member(id.clone())]).await?;
        let reader = loaded.actor(reader)?;
        reader.state.may_act()?;
        let reader = if reader.id == *id { reader } else { reader.acting_as_any(&READERS)? };
        loaded
            .profile(id)?
            .filter(|profile| district.contains(&profile.member.node) && authority::sees(&reader, &profile.member))
            .ok_or(Error::NotFound)
    }

    async fn change(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        id: &MemberId,
        version: u64,
        change: &Change,
    ) -> Result<Profile, Error> {
        let command = CommandId::new(actor, key);
        let fingerprint = Fingerprint::of(key, "change", id.as_str(), change)?;
        for _ in 0..MAX_TRIES {
            let keys = [
                Key::Member(actor.clone()),
                Key::Command(command),
                Key::District(district.clone()),
                Key::Member(id.clone()),
                Key::Identity(id.clone()),
            ];
            let loaded = self.registry.store.load(keys).await?;
            let acting = loaded.actor(actor)?;
            if let Some(done) = loaded.done(command)? {
                let profile = self.registry.repeat(&loaded, &done, fingerprint).await?;
                self.align(&profile, loaded.identity(id, self.registry.world.now())?.as_ref()).await?;
                return Ok(profile);
            }
            let before = loaded.profile(id)?.filter(|profile| district.contains(&profile.member.node));
            let before = before.ok_or(Error::NotFound)?;
            let now = self.registry.world.now();
            let decided = if matches!(change, Change::Leave) {
                if acting.id != *id {
                    return Err(Error::NotFound);
                }
                membership::change_own(&before, change, now)?
            } else {
                let acting = acting.clone().acting_as_any(&MANAGERS)?;
                authority::over_member(&acting, &before.member)?;
                let lists = loaded.district(district)?.ok_or(Error::NotFound)?;
                if before.version != version {
                    return Err(Error::VersionStale(before.version));
                }
                membership::change(&before, &acting, change, &lists, now)?
            };
            if before.version != version {
                return Err(Error::VersionStale(before.version));
            }
            let identity = loaded.identity(id, now)?;
            let ends = match decided.profile.member.state {
                MemberState::Left => Some(after_days(now, i64::from(self.retention_days))?),
                MemberState::Declined => Some(now),
                _ => None,
            };
            let write = match (ends, &identity) {
                (Some(at), Some(item)) => IdentityWrite::Expire { phone: item.phone_hash, at },
                _ => IdentityWrite::Keep,
            };
            let done = Done { command, fingerprint, target: id.to_string() };
            // Who stands in only the membership says.
            let deputy = match deputy::ended_by(&before, &decided.profile, now) {
                Some(deputy) => self.registry.store.load([Key::Member(deputy.clone())]).await?.profile(deputy)?,
                None => None,
            };
            let uncovered = deputy.as_ref().map(|deputy| deputy::uncover(id, deputy, &acting, now));
            let uncovered = uncovered.transpose()?.flatten();
            let mut commits =
                vec![MemberCommit { done: Some(&done), identity: write, ..MemberCommit::change(&before, &decided) }];
            let uncovered = deputy.as_ref().zip(uncovered.as_ref());
            commits.extend(uncovered.map(|(deputy, decided)| MemberCommit::change(deputy, decided)));
            match self.registry.store.commit_members(&commits).await {
                Ok(()) => {
                    self.align(&decided.profile, identity.as_ref()).await?;
                    return Ok(decided.profile);
                }
                Err(MemberCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Makes the sign-in account and the channel what the membership says. It is done after each change and
    /// again when the change is repeated, so that a stop in between is made good by a retry.
    async fn align(
        &self,
        profile: &Profile,
        identity: Option<&pingan_store::identities::IdentityItem>,
    ) -> Result<(), Error> {
        self.align_channel(profile).await?;
        let id = &profile.member.id;
        match profile.member.state {
            MemberState::Applied => Ok(()),
            MemberState::Suspended => self.registry.accounts.disable(id).await,
            MemberState::Declined | MemberState::Left => self.registry.accounts.delete(id).await,
            MemberState::Invited | MemberState::Active => {
                if self.registry.accounts.enable(id).await? {
                    return Ok(());
                }
                // Who registered with a poster gets an account once they are confirmed.
                match identity {
                    Some(item) if self.registry.accounts.are_ours() => {
                        let person = self.registry.unseal(item).await?;
                        self.registry.accounts.create(id, &person.phone, true).await
                    }
                    _ => Ok(()),
                }
            }
        }
    }
}
