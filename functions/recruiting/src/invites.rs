//! The invites of a community, and the posters that carry them.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    code::Code,
    command::{CommandId, Fingerprint},
    error::Error,
    invite::Invite,
    member::{Member, MemberId},
    territory::{Level, NodeId},
};
use pingan_http::{Body, DistrictPath, IdempotencyKey, InvitePath, Problem, Query, Subject, page, schema};
use pingan_membership::{MANAGERS, MAX_TRIES};
use pingan_poster::{Name, Poster};
use pingan_store::{
    Key,
    members::{Done, MemberCommitError},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::{
    Recruiting,
    views::{InviteView, InvitesPage},
};

/// An invite to be made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"node": "demo.north.plum-garden", "days": 90, "max_uses": 500}))]
pub(crate) struct InviteBody {
    /// The community.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// How long it lasts, from 1 to 366 days; 90 when nothing is said.
    #[schema(minimum = 1, maximum = 366)]
    days: Option<u16>,
    /// How many it registers, from 1 to 20000; 500 when nothing is said.
    #[schema(minimum = 1, maximum = 20_000)]
    max_uses: Option<u32>,
}

/// Makes an invite for a community: a code and a poster to hang in the police room.
#[utoipa::path(
    post,
    path = "/districts/{district}/invites",
    params(
        ("district" = String, Path, description = "The district"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this invite, the same with each retry"),
    ),
    request_body = InviteBody,
    responses(
        (status = 201, description = "The invite", body = InviteView),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn make_invite(
    State(recruiting): State<Recruiting>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<InviteBody>,
) -> Result<Response, Problem> {
    let invite = recruiting.make_invite(&actor, key, &district, &body).await?;
    let view = InviteView::new(invite, &recruiting.join_base);
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

/// Which invites to list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitesQuery {
    /// A community of your territory; your own when nothing is said.
    #[param(schema_with = schema::node, required = false)]
    node: Option<NodeId>,
    /// How many, from 1 to 100; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u16>,
    /// Where the list goes on: `next` of the page before.
    cursor: Option<String>,
}

/// The invites of a community, newest first.
#[utoipa::path(
    get,
    path = "/districts/{district}/invites",
    params(("district" = String, Path, description = "The district"), InvitesQuery),
    responses(
        (status = 200, description = "A page of invites; `Link: rel=\"next\"` names the next", body = InvitesPage),
        (status = 404, description = "The community lies outside of your territory"),
    ),
)]
pub(crate) async fn list_invites(
    State(recruiting): State<Recruiting>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<InvitesQuery>,
) -> Result<Response, Problem> {
    let limit = page::limit(query.limit)?;
    let loaded = recruiting.registry.store.load([Key::Member(reader.clone())]).await?;
    let reader = loaded.actor(&reader)?.acting_as_any(&MANAGERS)?;
    let node = query.node.unwrap_or_else(|| reader.node.clone());
    if !district.contains(&node) || !reader.node.contains(&node) {
        return Err(Error::NotFound.into());
    }
    if node.level() != Level::Community {
        return Err(Error::field("node", "is not a community; invites belong to communities").into());
    }
    let (invites, next) = recruiting.registry.store.invites(&node, &reader.id, limit, query.cursor.as_deref()).await?;
    let items = invites.into_iter().map(|invite| InviteView::new(invite, &recruiting.join_base)).collect();
    let page = InvitesPage { items, next: next.clone() };
    Ok(page::respond(page, next.as_deref(), &format!("node={node}&limit={limit}")))
}

/// Revokes an invite: nobody registers with it any more. Once more changes nothing.
#[utoipa::path(
    delete,
    path = "/districts/{district}/invites/{code}",
    params(
        ("district" = String, Path, description = "The district"),
        ("code" = String, Path, description = "The invite's code"),
    ),
    responses(
        (status = 204, description = "Revoked"),
        (status = 404, description = "No community in your territory has this invite"),
    ),
)]
pub(crate) async fn revoke_invite(
    State(recruiting): State<Recruiting>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    InvitePath(code): InvitePath,
) -> Result<StatusCode, Problem> {
    let loaded = recruiting.registry.store.load([Key::Member(actor.clone()), Key::Invite(code)]).await?;
    let actor = loaded.actor(&actor)?.acting_as_any(&MANAGERS)?;
    let _ = in_territory(loaded.invite(code)?, &actor, &district)?;
    recruiting.registry.store.revoke_invite(code, recruiting.registry.world.now()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a poster can be had as.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PosterFormat {
    /// For the screen, and for any printer that takes it.
    Svg,
    /// For the print shop.
    Pdf,
}

/// How a poster is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct PosterQuery {
    /// `pdf` or `svg`; `pdf` when nothing is said.
    #[param(inline)]
    format: Option<PosterFormat>,
}

/// The poster of an invite, for a sheet of A4.
#[utoipa::path(
    get,
    path = "/districts/{district}/invites/{code}/poster",
    params(
        ("district" = String, Path, description = "The district"),
        ("code" = String, Path, description = "The invite's code"),
        PosterQuery,
    ),
    responses(
        (status = 200, description = "The poster", content_type = "application/pdf", body = Vec<u8>),
        (status = 404, description = "No community in your territory has this invite"),
    ),
)]
pub(crate) async fn read_poster(
    State(recruiting): State<Recruiting>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    InvitePath(code): InvitePath,
    Query(query): Query<PosterQuery>,
) -> Result<Response, Problem> {
    let keys = [Key::Member(reader.clone()), Key::Invite(code), Key::District(district.clone())];
    let loaded = recruiting.registry.store.load(keys).await?;
    let reader = loaded.actor(&reader)?.acting_as_any(&MANAGERS)?;
    let invite = in_territory(loaded.invite(code)?, &reader, &district)?;
    let lists = loaded.district(&district)?.ok_or(Error::NotFound)?;
    let community = lists.name_of(&invite.node).ok_or(Error::NotFound)?;
    let url = format!("{}{code}", recruiting.join_base);
    let last_day = invite.expires_at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let code = code.to_string();
    let poster = Poster {
        district: Name { zh: &lists.name.zh_cn, en: &lists.name.en },
        community: Name { zh: &community.zh_cn, en: &community.en },
        url: &url,
        code: &code,
        valid_until: &last_day,
    };
    let internal = |error: pingan_poster::PosterError| Error::Internal(error.to_string());
    let format = query.format.unwrap_or(PosterFormat::Pdf);
    let (ending, kind, bytes) = match format {
        PosterFormat::Svg => ("svg", "image/svg+xml", pingan_poster::svg(&poster).map_err(internal)?.into_bytes()),
        PosterFormat::Pdf => ("pdf", "application/pdf", pingan_poster::pdf(&poster).map_err(internal)?),
    };
    let headers = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"poster-{code}.{ending}\"")),
        // An SVG is a document: nothing in it may run, and nothing may be fetched.
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

fn in_territory(invite: Option<Invite>, actor: &Member, district: &NodeId) -> Result<Invite, Error> {
    invite.filter(|invite| district.contains(&invite.node) && actor.node.contains(&invite.node)).ok_or(Error::NotFound)
}

impl Recruiting {
    async fn make_invite(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        body: &InviteBody,
    ) -> Result<Invite, Error> {
        let command = CommandId::new(actor, key);
        let fingerprint = Fingerprint::of(key, "invite", district.as_str(), body)?;
        let mut attempt = 0;
        for _ in 0..MAX_TRIES {
            let code = command.invite_code(attempt);
            let keys =
                [Key::Member(actor.clone()), Key::Command(command), Key::District(district.clone()), Key::Invite(code)];
            let loaded = self.registry.store.load(keys).await?;
            let actor = loaded.actor(actor)?.acting_as_any(&MANAGERS)?;
            if let Some(done) = loaded.done(command)? {
                if done.fingerprint != fingerprint {
                    return Err(Error::KeyReused);
                }
                let code = Code::parse(&done.target).map_err(|error| Error::Internal(error.to_string()))?;
                let invite = match loaded.invite(code)? {
                    Some(invite) => Some(invite),
                    None => self.registry.store.load([Key::Invite(code)]).await?.invite(code)?,
                };
                return invite.ok_or(Error::NotFound);
            }
            let lists = loaded.district(district)?.ok_or(Error::NotFound)?;
            let node = body.node.clone();
            if !actor.node.contains(&node) {
                return Err(Error::field("/node", "lies outside of your territory"));
            }
            if !lists.has(&node) {
                return Err(Error::field("/node", "is no node of the district"));
            }
            let invite =
                Invite::new(code, node, actor.id.clone(), body.days, body.max_uses, self.registry.world.now())?;
            let done = Done { command, fingerprint, target: code.to_string() };
            match self.registry.store.add_invite(&invite, &done).await {
                Ok(()) => return Ok(invite),
                Err(MemberCommitError::CodeTaken) => attempt += 1,
                Err(MemberCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}
