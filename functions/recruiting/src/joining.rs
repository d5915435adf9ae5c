//! How a person joins: alone with a community's poster, or with a personal invitation.
//!
//! The answer to a registration never tells whether the phone number is a member's: a
//! poster's code is known to everybody, and must not become a way to find out who reports.

use axum::{
    extract::{FromRequestParts, State},
    http::{StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use jiff::Timestamp;
use lambda_http::request::RequestContext;
use pingan_domain::{
    code::Code,
    command::CommandId,
    error::{Error, Refusal},
    hash::Digest,
    identity::Person,
    invite::{Invite, PERSONAL_DAYS, PersonalInvite, after_days},
    member::{MemberId, MemberState},
    membership::{self, Change, Decided, Kind, Profile},
    territory::{Level, NodeId},
};
use pingan_http::{Body, IdempotencyKey, InvitePath, Problem, Subject, Versioned, schema};
use pingan_membership::{
    MAX_TRIES,
    views::{MemberView, TextView},
};
use pingan_store::{
    Key, Loaded,
    members::{IdentityWrite, MemberCommit, MemberCommitError},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{Recruiting, by_name::person, views::InvitationView};

/// How many tries in vain one address, or one account, has in a quarter of an hour.
const MAX_VAIN_TRIES: u32 = 20;

/// Where a request came from, as API Gateway saw it. It is used as a keyed hash alone.
pub(crate) struct Source(String);

impl<S: Sync> FromRequestParts<S> for Source {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let address = match parts.extensions.get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.clone(),
            _ => None,
        };
        // Who has no address shares one count with all others who have none.
        Ok(Self(address.unwrap_or_default()))
    }
}

/// What a person sees before registering.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JoinView {
    /// The community.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// What the community is called.
    community: TextView,
    /// What the district is called.
    district: TextView,
    /// When the invite ends.
    #[schema(schema_with = schema::moment)]
    expires_at: Timestamp,
}

/// What a poster invites to. Anybody may ask.
#[utoipa::path(
    get,
    path = "/join/{code}",
    security(()),
    params(("code" = String, Path, description = "The code of the poster")),
    responses(
        (status = 200, description = "The community", body = JoinView),
        (status = 404, description = "There is no such invite, or it has expired or was revoked"),
        (status = 409, description = "The invite has registered as many people as it may"),
        (status = 429, description = "Too many tries in vain; wait for as long as `Retry-After` says"),
    ),
)]
pub(crate) async fn read_invite(
    State(recruiting): State<Recruiting>,
    source: Source,
    InvitePath(code): InvitePath,
) -> Result<Response, Problem> {
    let who = recruiting.source_hash(&source);
    let loaded = recruiting.registry.store.load([Key::Invite(code), Key::Tries(who)]).await?;
    let invite = recruiting.usable_invite(&loaded, code, who).await?;
    let district = invite.node.at(Level::District).ok_or(Error::NotFound)?;
    let lists = recruiting.registry.store.load([Key::District(district.clone())]).await?.district(&district)?;
    let lists = lists.ok_or(Error::NotFound)?;
    let community = lists.name_of(&invite.node).cloned().ok_or(Error::NotFound)?;
    let view = JoinView {
        community: community.into(),
        district: lists.name.into(),
        node: invite.node,
        expires_at: invite.expires_at,
    };
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

/// A person who registers alone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "李建国", "phone": "139 0013 9000", "kind": "resident"}))]
pub(crate) struct RegisterBody {
    /// Your name. It is sealed: the officer who confirms you sees it, and nobody else.
    #[schema(max_length = 40)]
    name: String,
    /// Your phone number, in any usual notation. It is sealed as your name is.
    #[schema(max_length = 40)]
    phone: String,
    /// What kind of reporter you are; `resident` when nothing is said.
    #[serde(default = "resident")]
    #[schema(schema_with = schema::kind, required = false)]
    kind: Kind,
}

fn resident() -> Kind {
    Kind::Resident
}

/// A registration that was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RegisteredView {
    /// With this and the invitation the account is linked, where the issuer is outside.
    #[schema(value_type = String, example = "m-7kq4m2xd9h")]
    member: MemberId,
    /// The invitation: keep it until the officer has confirmed you.
    invitation: InvitationView,
}

/// Registers alone with a poster's code. The officer of the community confirms you.
///
/// The answer is the same whether the number is new or a member's already: what a poster
/// invites to must not tell who is a member. A number that is a member's changes nothing,
/// but that one who was recruited by name in this community now waits for confirmation.
#[utoipa::path(
    post,
    path = "/join/{code}",
    security(()),
    params(
        ("code" = String, Path, description = "The code of the poster"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this registration, the same with each retry"),
    ),
    request_body = RegisterBody,
    responses(
        (status = 202, description = "Taken; the officer of the community confirms it", body = RegisteredView),
        (status = 404, description = "There is no such invite, or it has expired or was revoked"),
        (status = 409, description = "The invite has registered as many people as it may"),
        (status = 429, description = "Too many tries in vain; wait for as long as `Retry-After` says"),
    ),
)]
pub(crate) async fn register(
    State(recruiting): State<Recruiting>,
    source: Source,
    InvitePath(code): InvitePath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<RegisterBody>,
) -> Result<Response, Problem> {
    let person = person(&body.name, &body.phone)?;
    let view = recruiting.register(&source, code, key, person, body.kind).await?;
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::ACCEPTED, headers, axum::Json(view)).into_response())
}

/// An invitation that is taken.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"member": "m-7kq4m2xd9h", "code": "7KQ4M-2XD9H"}))]
pub(crate) struct LinkBody {
    /// The member's id, as the invitation names it.
    #[schema(value_type = String)]
    member: MemberId,
    /// The invitation's code.
    #[schema(schema_with = schema::code)]
    code: Code,
}

/// Takes a personal invitation: links the account that you are signed in with to the member
/// that it names, who may act from then on. The same again changes nothing.
#[utoipa::path(
    put,
    path = "/me/account",
    request_body = LinkBody,
    responses(
        (status = 200, description = "Linked; you, with your version as `ETag`", body = MemberView),
        (status = 404, description = "There is no such invitation, or it has ended"),
        (status = 409, description = "The account or the member is linked already, or the officer has not confirmed yet"),
        (status = 429, description = "Too many tries in vain; wait for as long as `Retry-After` says"),
    ),
)]
pub(crate) async fn link_account(
    State(recruiting): State<Recruiting>,
    Subject(account): Subject,
    Body(body): Body<LinkBody>,
) -> Result<Response, Problem> {
    let profile = recruiting.link(&account, &body.member, body.code).await?;
    Ok(Versioned(profile.version, MemberView::from(profile)).into_response())
}

impl Recruiting {
    fn source_hash(&self, source: &Source) -> Digest {
        self.registry.hashes.of("source", &source.0)
    }

    /// The invite, when it can be used now. A code in vain is counted.
    async fn usable_invite(&self, loaded: &Loaded, code: Code, who: Digest) -> Result<Invite, Error> {
        let now = self.registry.world.now();
        let first = check_tries(loaded, who, now)?;
        if let Some(invite) = loaded.invite(code)? {
            return invite.usable(now).map(|()| invite);
        }
        self.registry.store.count_try(who, first, now).await?;
        Err(Refusal::InviteUnusable.into())
    }

    async fn register(
        &self,
        source: &Source,
        code: Code,
        key: Uuid,
        person: Person,
        kind: Kind,
    ) -> Result<RegisteredView, Error> {
        let who = self.source_hash(source);
        let phone = self.registry.phone_hash(&person.phone);
        // Nobody is signed in here. The number stands for who sends it, so that another's
        // key is never mistaken for one's own.
        let command = CommandId::new(&MemberId::of_account(&phone.to_string()), key);
        let mut attempt = 0;
        for _ in 0..MAX_TRIES {
            let pseudonym = command.pseudonym(attempt);
            let id = MemberId::of_pseudonym(pseudonym);
            let keys = [Key::Invite(code), Key::Tries(who), Key::Phone(phone), Key::Member(id.clone())];
            let loaded = self.registry.store.load(keys).await?;
            let now = self.registry.world.now();
            let answer = |member: &MemberId, invitation: Code| -> Result<RegisteredView, Error> {
                let expires_at = after_days(now, PERSONAL_DAYS)?;
                Ok(RegisteredView {
                    member: member.clone(),
                    invitation: InvitationView { code: invitation, expires_at },
                })
            };
            let invitation = self.invitation_code(&command.to_string());
            if loaded.profile(&id)?.is_some_and(|profile| profile.created_by == Some(command)) {
                return answer(&id, invitation);
            }
            let invite = self.usable_invite(&loaded, code, who).await?;
            let known = loaded.phone(phone)?;
            let ends = PersonalInvite { member: id.clone(), ends_at: after_days(now, PERSONAL_DAYS)? };
            let before = match &known {
                None => None,
                // The number is a member's: whether it was recruited by name here has to be looked up.
                Some(member) => self.registry.store.load([Key::Member(member.clone())]).await?.profile(member)?,
            };
            let (decided, identity): (Decided, _) = match &before {
                None => {
                    let decided = membership::register(&invite, kind, pseudonym, command, now)?;
                    (decided, Some(self.registry.seal(&id, &person).await?))
                }
                Some(before) if before.member.state == MemberState::Invited && before.member.node == invite.node => {
                    (membership::change_own(before, &Change::Register { invite: code }, now)?, None)
                }
                // Nothing is to be done, and nobody is to see it.
                Some(_) => return answer(&id, invitation),
            };
            let commit = MemberCommit {
                before: before.as_ref(),
                decided: &decided,
                done: None,
                identity: match &identity {
                    Some(item) => IdentityWrite::Seal { item, phone },
                    None => IdentityWrite::Keep,
                },
                invite: Some(code),
                // Who was recruited by name has an invitation from the officer. Another one
                // for whoever knows the number would be a way into their membership.
                invitation: identity.is_some().then(|| (self.invitation_hash(&id, invitation), &ends)),
            };
            match self.registry.store.commit_member(&commit).await {
                Ok(()) => return answer(&id, invitation),
                Err(MemberCommitError::CodeTaken) => attempt += 1,
                Err(MemberCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn link(&self, account: &MemberId, id: &MemberId, code: Code) -> Result<Profile, Error> {
        let who = self.registry.hashes.of("account", account.as_str());
        let hash = self.invitation_hash(id, code);
        for _ in 0..MAX_TRIES {
            let keys = [Key::Member(account.clone()), Key::Member(id.clone()), Key::Invitation(hash), Key::Tries(who)];
            let loaded = self.registry.store.load(keys).await?;
            let now = self.registry.world.now();
            let first = check_tries(&loaded, who, now)?;
            let invitation = loaded.invitation(hash)?.filter(|invitation| now < invitation.ends_at);
            let (Some(_), Some(before)) = (invitation, loaded.profile(id)?) else {
                self.registry.store.count_try(who, first, now).await?;
                return Err(Refusal::InviteUnusable.into());
            };
            let wanted = self.linked.then(|| account.clone());
            // With accounts of the deployment's own, the account is the member.
            if !self.linked && account != id {
                return Err(Refusal::InviteUnusable.into());
            }
            if before.member.state == MemberState::Active && before.account == wanted {
                return Ok(before);
            }
            if self.linked && loaded.profile(account)?.is_some() {
                return Err(Refusal::AccountTaken.into());
            }
            let decided = membership::change_own(&before, &Change::Accept { account: wanted }, now)?;
            match self.registry.store.commit_member(&MemberCommit::change(&before, &decided)).await {
                Ok(()) => return Ok(decided.profile),
                Err(MemberCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}

/// Refuses who has tried too often in vain. Says whether a next one would be the first of
/// its window.
fn check_tries(loaded: &Loaded, who: Digest, now: Timestamp) -> Result<bool, Error> {
    let tries = loaded.tries(who)?;
    let left = tries.expires_at - now.as_second();
    if left <= 0 {
        return Ok(true);
    }
    if tries.count >= MAX_VAIN_TRIES {
        return Err(Error::TooManyTries { retry_after_seconds: u32::try_from(left).unwrap_or(u32::MAX) });
    }
    Ok(false)
}
