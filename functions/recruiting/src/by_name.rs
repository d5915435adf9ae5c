//! Recruiting one member by name.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    command::{CommandId, Fingerprint},
    district::Label,
    error::{Error, FieldError, Refusal},
    identity::Person,
    invite::{PERSONAL_DAYS, PersonalInvite, after_days},
    member::{Body as StaffBody, MemberId, MemberState, Role},
    membership::{self, Kind, NewMember, Profile},
    territory::NodeId,
};
use pingan_http::{Body, DistrictPath, IdempotencyKey, MemberPath, Problem, Subject, schema};
use pingan_membership::{MANAGERS, MAX_TRIES};
use pingan_roster::{Name, Phone};
use pingan_store::{
    Key,
    members::{Done, IdentityWrite, MemberCommit, MemberCommitError},
};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    Recruiting,
    views::{InvitationView, RecruitedView},
};

/// A member to be recruited.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "role": "reporter", "node": "demo.north.plum-garden", "kind": "shop", "trades": ["scrap"], "places": [],
    "name": "王秀兰", "phone": "138 0013 8000"
}))]
pub(crate) struct RecruitBody {
    /// What the member is to be: a role below your own; `reporter` when nothing is said.
    #[serde(default = "reporter")]
    #[schema(schema_with = schema::role, required = false)]
    role: Role,
    /// Where: a community for reporters and officers, a station for its managers, else the district.
    #[schema(schema_with = schema::node)]
    node: NodeId,
    /// The body that staff serve.
    #[serde(default)]
    #[schema(schema_with = schema::body, required = false)]
    body: Option<StaffBody>,
    /// The agency, by the district's label: for who acts for one, and for nobody else.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false)]
    agency: Option<Label>,
    /// What kind of reporter.
    #[serde(default)]
    #[schema(schema_with = schema::kind, required = false)]
    kind: Option<Kind>,
    /// The trades that the reporter knows: at most 10 labels of the district's list.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 10, required = false)]
    trades: Vec<Label>,
    /// The sensitive places that the reporter knows: at most 10 labels of the district's list.
    #[serde(default)]
    #[schema(value_type = Vec<String>, max_items = 10, required = false)]
    places: Vec<Label>,
    /// The name. It is sealed: you see it again, and nobody else but the member.
    #[schema(max_length = 40)]
    name: String,
    /// The phone number, in any usual notation. It is sealed as the name is.
    #[schema(max_length = 40)]
    phone: String,
}

fn reporter() -> Role {
    Role::Reporter
}

/// Reads a name and a phone number from a body, naming each that is bad.
pub(crate) fn person(name: &str, phone: &str) -> Result<Person, Error> {
    let mut bad = Vec::new();
    let name = Name::parse(name).map_err(|error| bad.push(FieldError::new("/name", error.to_string())));
    let phone = Phone::parse(phone).map_err(|error| bad.push(FieldError::new("/phone", error.to_string())));
    match (name, phone) {
        (Ok(name), Ok(phone)) => {
            Ok(Person { name: name.as_str().to_owned(), phone: phone.as_e164().to_owned(), payment: None })
        }
        _ => Err(Error::Invalid(bad)),
    }
}

/// Recruits a member by name: a reporter of your community, or staff below you.
///
/// The member is `invited` until they sign in with the invitation in the answer.
#[utoipa::path(
    post,
    path = "/districts/{district}/members",
    params(
        ("district" = String, Path, description = "The district"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this member, the same with each retry"),
    ),
    request_body = RecruitBody,
    responses(
        (status = 201, description = "Recruited; `Location` names the member and `ETag` is the version", body = RecruitedView),
        (status = 409, description = "The phone number belongs to a member already"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn recruit_member(
    State(recruiting): State<Recruiting>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body<RecruitBody>,
) -> Result<Response, Problem> {
    let person = person(&body.name, &body.phone)?;
    let RecruitBody { role, node, body, agency, kind, trades, places, .. } = body;
    let new = NewMember { role, node, body, agency, kind, trades, places };
    let (profile, invitation) = recruiting.recruit(&actor, key, &district, new, person).await?;
    let location = format!("/districts/{district}/members/{}", profile.member.id);
    let version = profile.version;
    let view = RecruitedView { member: profile.into(), invitation };
    let headers = [
        (header::LOCATION, location),
        (header::ETAG, format!("\"{version}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::CREATED, headers, axum::Json(view)).into_response())
}

/// Gives an invited member a new invitation; the one before ends by itself.
#[utoipa::path(
    post,
    path = "/districts/{district}/members/{member_id}/invitation",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "The member's id"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this invitation, the same with each retry"),
    ),
    responses(
        (status = 201, description = "The invitation, to be handed over", body = InvitationView),
        (status = 404, description = "Nobody in your territory has this id"),
        (status = 409, description = "The member has signed in already, or is not a member any more"),
    ),
)]
pub(crate) async fn renew_invitation(
    State(recruiting): State<Recruiting>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(id): MemberPath,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Problem> {
    let invitation = recruiting.renew(&actor, key, &district, &id).await?;
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, axum::Json(invitation)).into_response())
}

impl Recruiting {
    async fn recruit(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        new: NewMember,
        person: Person,
    ) -> Result<(Profile, InvitationView), Error> {
        let command = CommandId::new(actor, key);
        let fingerprint = Fingerprint::of(key, "recruit", district.as_str(), &(&new, &person.name, &person.phone))?;
        let phone = self.registry.phone_hash(&person.phone);
        let mut attempt = 0;
        for _ in 0..MAX_TRIES {
            let pseudonym = command.pseudonym(attempt);
            let id = MemberId::of_pseudonym(pseudonym);
            let keys = [
                Key::Member(actor.clone()),
                Key::Command(command),
                Key::District(district.clone()),
                Key::Phone(phone),
                Key::Member(id.clone()),
            ];
            let loaded = self.registry.store.load(keys).await?;
            let actor = loaded.actor(actor)?.acting_as_any(&MANAGERS)?;
            if let Some(done) = loaded.done(command)? {
                let profile = self.registry.repeat(&loaded, &done, fingerprint).await?;
                return self.tell_recruited(profile, command, &person).await;
            }
            let lists = loaded.district(district)?.ok_or(Error::NotFound)?;
            let now = self.registry.world.now();
            let decided = membership::recruit(new.clone(), pseudonym, &actor, &lists, command, now)?;
            if loaded.phone(phone)?.is_some() {
                return Err(Refusal::PhoneTaken.into());
            }
            let item = self.registry.seal(&id, &person).await?;
            let code = self.invitation_code(&command.to_string());
            let invitation = PersonalInvite { member: id.clone(), ends_at: after_days(now, PERSONAL_DAYS)? };
            let done = Done { command, fingerprint, target: id.to_string() };
            let commit = MemberCommit {
                before: None,
                decided: &decided,
                done: Some(&done),
                identity: IdentityWrite::Seal { item: &item, phone },
                invite: None,
                invitation: Some((self.invitation_hash(&id, code), &invitation)),
            };
            match self.registry.store.commit_member(&commit).await {
                Ok(()) => return self.tell_recruited(decided.profile, command, &person).await,
                Err(MemberCommitError::AlreadyDone | MemberCommitError::Stale | MemberCommitError::PhoneTaken) => {}
                Err(MemberCommitError::CodeTaken) => attempt += 1,
                Err(MemberCommitError::Failed(error)) => return Err(error),
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Makes the account that the member signs in with, where the deployment has accounts of
    /// its own, and shows the invitation. Repeating the command repeats this.
    async fn tell_recruited(
        &self,
        profile: Profile,
        command: CommandId,
        person: &Person,
    ) -> Result<(Profile, InvitationView), Error> {
        if profile.member.state == MemberState::Invited {
            self.registry.accounts.create(&profile.member.id, &person.phone, true).await?;
        }
        let invitation = InvitationView {
            code: self.invitation_code(&command.to_string()),
            expires_at: after_days(profile.created_at, PERSONAL_DAYS)?,
        };
        Ok((profile, invitation))
    }

    async fn renew(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        id: &MemberId,
    ) -> Result<InvitationView, Error> {
        let command = CommandId::new(actor, key);
        let loaded = self.registry.store.load([Key::Member(actor.clone()), Key::Member(id.clone())]).await?;
        let actor = loaded.actor(actor)?.acting_as_any(&MANAGERS)?;
        let target = loaded.profile(id)?.ok_or(Error::NotFound)?;
        if !district.contains(&target.member.node) {
            return Err(Error::NotFound);
        }
        pingan_domain::authority::over_member(&actor, &target.member)?;
        if !matches!(target.member.state, MemberState::Invited | MemberState::Applied) {
            return Err(Error::WrongMemberState(target.member.state));
        }
        let now = self.registry.world.now();
        let code = self.invitation_code(&command.to_string());
        let invitation = PersonalInvite { member: id.clone(), ends_at: after_days(now, PERSONAL_DAYS)? };
        self.registry.store.put_invitation(self.invitation_hash(id, code), &invitation).await?;
        Ok(InvitationView { code, expires_at: invitation.ends_at })
    }
}
