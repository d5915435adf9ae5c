//! The opening of sealed identities: asked for by a manager, decided by a custodian, looked
//! at for a limited time. Every step is written down before anything is shown.

use std::sync::Arc;

use aws_config::SdkConfig;
use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use pingan_cloud::{Late, Sealer};
use pingan_domain::{
    code::Code,
    command::{CommandId, Fingerprint},
    error::{Error, Refusal},
    identity::{IdentityAction, IdentityEvent, Opening, OpeningId, OpeningState, Person},
    member::{Member, MemberId, Role},
    notice::of_opening,
    territory::{Level, NodeId},
};
use pingan_http::{
    Body, DistrictPath, IdempotencyKey, MemberPath, OpeningPath, Operations, PageQuery, Problem, Query, Subject,
    operations, page, routes, schema,
};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{
    CursorKey, Key, Loaded, Store, TableNames,
    identities::{IdentityChange, IdentityItem, StepResult},
    members::Done,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// How often a command begins again before it gives up with [`Error::Busy`].
const MAX_TRIES: usize = 20;
/// The most events that a trail shows.
const MAX_EVENTS: u16 = 1_000;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Custody {
    /// The records.
    pub store: Store,
    /// The time.
    pub world: World,
    /// What opens identities.
    pub sealer: Arc<Sealer>,
}

impl Custody {
    /// Reads `MEMBERS_TABLE`, `IDENTITIES_TABLE`, `NOTICES_TABLE`, `CURSOR_KEY` (at least 16 characters) and
    /// `IDENTITY_KEY_ID` (the KMS key of identities).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            identities: environment.get("IDENTITIES_TABLE")?,
            members: environment.get("MEMBERS_TABLE")?,
            notices: environment.get("NOTICES_TABLE")?,
            ..TableNames::default()
        };
        let cursor_key = CursorKey::new(environment.get("CURSOR_KEY")?.into_bytes())?;
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, cursor_key),
            world: World::real(),
            sealer: Arc::new(Sealer::kms(Late::of(sdk, aws_sdk_kms::Client::new), environment.get("IDENTITY_KEY_ID")?)),
        })
    }
}

/// The operations of this function.
pub fn router(custody: Custody) -> Operations {
    let operations = Operations::new()
        .routes(routes!(request_opening))
        .routes(routes!(list_openings))
        .routes(routes!(decide_opening))
        .routes(routes!(view_opened_identity))
        .routes(routes!(read_identity_trail))
        .with_state(custody);
    operations::finish("custody", operations)
}

/// A request to open an identity, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
struct OpeningView {
    /// Its id.
    id: Uuid,
    /// The member whose identity it is.
    #[schema(value_type = String, example = "m-7kq4m2xd9h")]
    member: MemberId,
    /// The member's pseudonym.
    #[schema(schema_with = schema::code)]
    pseudonym: Code,
    /// The member's community.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// Where it is in its life.
    #[schema(schema_with = schema::opening_state)]
    state: OpeningState,
    /// Who asked.
    #[schema(value_type = String, example = "station-north")]
    requested_by: MemberId,
    /// In which role.
    #[schema(schema_with = schema::role)]
    role: Role,
    /// Why.
    reason: String,
    /// When.
    #[schema(schema_with = schema::moment)]
    requested_at: Timestamp,
    /// By when a custodian has to decide.
    #[schema(schema_with = schema::moment)]
    decide_by: Timestamp,
    /// The custodian who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    decided_by: Option<MemberId>,
    /// Why so.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision_reason: Option<String>,
    /// Until when who asked may look.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment)]
    open_until: Option<Timestamp>,
}

impl OpeningView {
    fn new(opening: Opening, now: Timestamp) -> Self {
        let state = opening.state(now);
        let Opening { id, member, pseudonym, node, requested_by, role, reason, requested_at, decide_by, decision } =
            opening;
        let (decided_by, decision_reason, open_until) = match decision {
            Some(decision) => (Some(decision.by), Some(decision.reason), decision.open_until),
            None => (None, None, None),
        };
        Self {
            id,
            member,
            pseudonym,
            node,
            state,
            requested_by,
            role,
            reason,
            requested_at,
            decide_by,
            decided_by,
            decision_reason,
            open_until,
        }
    }
}

/// A request to open an identity.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Life in danger: the reporter does not answer after an emergency."}))]
struct RequestBody {
    /// Why you have to know; at most 200 characters. The custodian and the auditor read it.
    #[schema(max_length = 200)]
    reason: String,
}

/// Asks for a sealed identity to be opened. A custodian of the district decides within seven
/// days; without one it stays sealed.
#[utoipa::path(
    post,
    path = "/districts/{district}/members/{member_id}/openings",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "The member's id"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this request, the same with each retry"),
    ),
    request_body = RequestBody,
    responses(
        (status = 201, description = "Asked for", body = OpeningView),
        (status = 404, description = "Nobody in your territory has this id"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
async fn request_opening(
    State(custody): State<Custody>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(member): MemberPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<RequestBody>,
) -> Result<Response, Problem> {
    let opening = custody.request(&actor, key, &district, &member, &body.reason).await?;
    Ok((StatusCode::CREATED, custody.show(opening)).into_response())
}

/// A page of openings.
#[derive(Debug, Serialize, ToSchema)]
struct OpeningsPage {
    /// The openings, newest first.
    items: Vec<OpeningView>,
    /// Where the list goes on: the `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The openings of the district: all of them for its custodians and auditors, your own
/// requests for you as a manager. A page may hold fewer than `limit` and still go on.
#[utoipa::path(
    get,
    path = "/districts/{district}/openings",
    params(("district" = String, Path, description = "The district"), PageQuery),
    responses(
        (status = 200, description = "A page of openings; `Link: rel=\"next\"` names the next", body = OpeningsPage),
        (status = 404, description = "This is not your district"),
    ),
)]
async fn list_openings(
    State(custody): State<Custody>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let reader = custody.reader(&reader, &district).await?;
    let (openings, next) = custody.store.openings(&district, &reader.id, limit, query.cursor.as_deref()).await?;
    let now = custody.world.now();
    let shown = openings.into_iter().filter(|opening| opening.shown_to(&reader));
    let page =
        OpeningsPage { items: shown.map(|opening| OpeningView::new(opening, now)).collect(), next: next.clone() };
    Ok(page::respond(page, next.as_deref(), &format!("limit={limit}")))
}

/// A custodian's decision.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "decision", rename_all = "snake_case", deny_unknown_fields)]
enum DecisionBody {
    /// Who asked may look, for a limited time.
    Consent {
        /// For how long, from 1 to 72 hours; 24 when nothing is said.
        #[serde(default)]
        #[schema(minimum = 1, maximum = 72)]
        hours: Option<u16>,
        /// Why; at most 200 characters.
        #[schema(max_length = 200)]
        reason: String,
    },
    /// It stays sealed.
    Refuse {
        /// Why; at most 200 characters.
        #[schema(max_length = 200)]
        reason: String,
    },
}

/// Decides on a request, as a custodian who neither asked nor was appointed by who asks.
#[utoipa::path(
    post,
    path = "/districts/{district}/members/{member_id}/openings/{opening_id}/decision",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "The member's id"),
        ("opening_id" = String, Path, description = "The opening's id"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this decision, the same with each retry"),
    ),
    request_body(content = DecisionBody, example = json!({"decision": "consent", "hours": 4, "reason": "Confirmed with the duty desk."})),
    responses(
        (status = 200, description = "Decided", body = OpeningView),
        (status = 404, description = "Your district has no such opening"),
        (status = 409, description = "It was decided already, or its time is over"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
async fn decide_opening(
    State(custody): State<Custody>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(member): MemberPath,
    OpeningPath(id): OpeningPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<DecisionBody>,
) -> Result<Response, Problem> {
    let opening = custody.decide(&actor, key, &district, &member, id, &body).await?;
    Ok(custody.show(opening))
}

/// Who the member is in life. Payment details are not part of it.
#[derive(Serialize, ToSchema)]
struct OpenedView {
    /// The name.
    name: String,
    /// The phone number, in E.164.
    phone: String,
    /// When you can look no more.
    #[schema(schema_with = schema::moment)]
    open_until: Option<Timestamp>,
}

/// Looks at an identity that was opened for you. That you looked is written down and told
/// to the member's officer.
#[utoipa::path(
    get,
    path = "/districts/{district}/members/{member_id}/openings/{opening_id}/identity",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "The member's id"),
        ("opening_id" = String, Path, description = "The opening's id"),
    ),
    responses(
        (status = 200, description = "The identity", body = OpenedView),
        (status = 404, description = "You asked for no such opening, or the identity is erased"),
    ),
)]
async fn view_opened_identity(
    State(custody): State<Custody>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(member): MemberPath,
    OpeningPath(id): OpeningPath,
) -> Result<Response, Problem> {
    let view = custody.view(&reader, &district, &member, id).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

/// Something that happened to an identity.
#[derive(Debug, Serialize, ToSchema)]
struct IdentityEventView {
    /// Its place in the trail, from 1.
    seq: u64,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// Who did it.
    #[schema(value_type = String, example = "officer-ferry")]
    actor: MemberId,
    /// In which role.
    #[schema(schema_with = schema::role)]
    role: Role,
    /// What was done.
    #[schema(schema_with = schema::identity_action)]
    action: IdentityAction,
    /// The opening that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    opening: Option<Uuid>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The hash of the event before.
    #[schema(schema_with = schema::sha256)]
    previous: pingan_domain::hash::Digest,
    /// The hash of this one.
    #[schema(schema_with = schema::sha256)]
    hash: pingan_domain::hash::Digest,
}

impl From<IdentityEvent> for IdentityEventView {
    fn from(event: IdentityEvent) -> Self {
        let IdentityEvent { seq, at, actor, role, action, opening, reason, previous, hash, .. } = event;
        Self { seq, at, actor, role, action, opening, reason, previous, hash }
    }
}

/// The audit trail of an identity.
#[derive(Debug, Serialize, ToSchema)]
struct TrailView {
    /// Every step and every look, oldest first; the first 1000.
    events: Vec<IdentityEventView>,
}

/// The audit trail of an identity: who sealed it, who asked, consented and looked. For the
/// custodians and auditors of the district, and the officers of the member's community.
#[utoipa::path(
    get,
    path = "/districts/{district}/members/{member_id}/identity/trail",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "The member's id"),
    ),
    responses(
        (status = 200, description = "The trail", body = TrailView),
        (status = 404, description = "Nobody in your territory has this id"),
    ),
)]
async fn read_identity_trail(
    State(custody): State<Custody>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(id): MemberPath,
) -> Result<Response, Problem> {
    // The two reads do not depend on each other.
    let (loaded, events) = futures::join!(
        custody.store.load([Key::Member(reader.clone()), Key::Member(id.clone())]),
        custody.store.identity_events(&id, MAX_EVENTS),
    );
    let loaded = loaded?;
    let reader = loaded.actor(&reader)?.acting_as_any(&[Role::Custodian, Role::Auditor, Role::Officer])?;
    loaded
        .profile(&id)?
        .filter(|profile| district.contains(&profile.member.node) && reader.node.contains(&profile.member.node))
        .ok_or(Error::NotFound)?;
    let events = events?.into_iter().map(Into::into).collect();
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(TrailView { events })).into_response())
}

impl Custody {
    fn show(&self, opening: Opening) -> Response {
        let view = OpeningView::new(opening, self.world.now());
        ([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response()
    }

    async fn reader(&self, reader: &MemberId, district: &NodeId) -> Result<Member, Error> {
        let roles = [Role::StationManager, Role::DistrictManager, Role::Custodian, Role::Auditor];
        let reader = self.store.load([Key::Member(reader.clone())]).await?.actor(reader)?.acting_as_any(&roles)?;
        if reader.node.at(Level::District).as_ref() == Some(district) { Ok(reader) } else { Err(Error::NotFound) }
    }

    async fn request(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        member: &MemberId,
        reason: &str,
    ) -> Result<Opening, Error> {
        let command = CommandId::new(actor, key);
        let fingerprint = Fingerprint::of(key, "request opening", member.as_str(), &reason)?;
        let id = command.opening_id();
        for _ in 0..MAX_TRIES {
            let keys = [
                Key::Member(actor.clone()),
                Key::Command(command),
                Key::Member(member.clone()),
                Key::IdentityHead(member.clone()),
                Key::Opening(id),
            ];
            let loaded = self.store.load(keys).await?;
            let acting = loaded.actor(actor)?.acting_as_any(&[Role::StationManager, Role::DistrictManager])?;
            if let Some(opening) = repeated(&loaded, command, fingerprint, id)? {
                return Ok(opening);
            }
            let target = loaded.profile(member)?.filter(|profile| district.contains(&profile.member.node));
            let target = target.ok_or(Error::NotFound)?;
            let now = self.world.now();
            let (opening, step) = Opening::request(id, &acting, &target, reason, now)?;
            let done = Done { command, fingerprint, target: id.to_string() };
            let head = loaded.identity_head(member)?;
            let change = IdentityChange::Opening(None, &opening);
            let told = |event: &IdentityEvent| of_opening(event, &opening);
            match self.store.record_step(head, &step, change, Some(&done), now, told).await? {
                StepResult::Done => return Ok(opening),
                StepResult::AlreadyDone | StepResult::Stale => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn decide(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        member: &MemberId,
        id: OpeningId,
        body: &DecisionBody,
    ) -> Result<Opening, Error> {
        let command = CommandId::new(actor, key);
        let fingerprint = Fingerprint::of(key, "decide opening", &id.to_string(), body)?;
        for _ in 0..MAX_TRIES {
            let keys = [
                Key::Member(actor.clone()),
                Key::Command(command),
                Key::Opening(id),
                Key::IdentityHead(member.clone()),
            ];
            let loaded = self.store.load(keys).await?;
            loaded.actor(actor)?.acting_as(Role::Custodian)?;
            if let Some(opening) = repeated(&loaded, command, fingerprint, id)? {
                return Ok(opening);
            }
            let custodian = loaded.profile(actor)?.ok_or(Error::NotFound)?;
            let before = of_member(&loaded, id, district, member)?;
            let now = self.world.now();
            let (consent, hours, reason) = match body {
                DecisionBody::Consent { hours, reason } => (true, *hours, reason),
                DecisionBody::Refuse { reason } => (false, None, reason),
            };
            let (after, step) = before.decide(&custodian, consent, hours, reason, now)?;
            let done = Done { command, fingerprint, target: id.to_string() };
            let head = loaded.identity_head(member)?;
            let change = IdentityChange::Opening(Some(&before), &after);
            let told = |event: &IdentityEvent| of_opening(event, &after);
            match self.store.record_step(head, &step, change, Some(&done), now, told).await? {
                StepResult::Done => return Ok(after),
                StepResult::AlreadyDone | StepResult::Stale => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn view(
        &self,
        reader: &MemberId,
        district: &NodeId,
        member: &MemberId,
        id: OpeningId,
    ) -> Result<OpenedView, Error> {
        let keys = [
            Key::Member(reader.clone()),
            Key::Opening(id),
            Key::Member(member.clone()),
            Key::Identity(member.clone()),
            Key::IdentityHead(member.clone()),
        ];
        let loaded = self.store.load(keys).await?;
        let reader = loaded.actor(reader)?.acting_as_any(&[Role::StationManager, Role::DistrictManager])?;
        let opening = of_member(&loaded, id, district, member)?;
        let target = loaded.profile(member)?.ok_or(Error::NotFound)?;
        let now = self.world.now();
        let step = opening.view(&reader, &target.member, now)?;
        let item = loaded.identity(member, now)?.ok_or(Error::NotFound)?;
        let head = loaded.identity_head(member)?;
        let told = |event: &IdentityEvent| of_opening(event, &opening);
        self.store.record_step(head, &step, IdentityChange::Nothing, None, now, told).await?;
        let Person { name, phone, .. } = self.unseal(&item).await?;
        let open_until = opening.decision.and_then(|decision| decision.open_until);
        Ok(OpenedView { name, phone, open_until })
    }

    async fn unseal(&self, item: &IdentityItem) -> Result<Person, Error> {
        let plain = self.sealer.open(&item.member, &item.sealed).await?;
        // The parser's message could quote what it read.
        serde_json::from_slice(&plain).map_err(|_| Error::Internal("an identity cannot be read".to_owned()))
    }
}

/// An opening of this member, in this district.
fn of_member(loaded: &Loaded, id: OpeningId, district: &NodeId, member: &MemberId) -> Result<Opening, Error> {
    loaded
        .opening(id)?
        .filter(|opening| opening.member == *member && district.contains(&opening.node))
        .ok_or(Error::NotFound)
}

/// The opening that a command led to when it was carried out before.
fn repeated(
    loaded: &Loaded,
    command: CommandId,
    fingerprint: Fingerprint,
    id: OpeningId,
) -> Result<Option<Opening>, Error> {
    let Some(done) = loaded.done(command)? else { return Ok(None) };
    if done.fingerprint != fingerprint {
        return Err(Error::KeyReused);
    }
    loaded.opening(id)?.ok_or(Refusal::NotOpen).map(Some).map_err(Error::from)
}
