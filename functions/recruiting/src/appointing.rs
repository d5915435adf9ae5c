//! How a district begins: the operator of the deployment appoints its managers. Nobody in the
//! platform stands above them, so that this is no operation of the API but a command for
//! whoever holds the deployment itself.

use jiff::Timestamp;
use pingan_domain::{
    code::Code,
    command::{CommandId, Fingerprint},
    district::{District, StationTasks},
    error::{Error, Refusal},
    identity::Person,
    invite::{PERSONAL_DAYS, PersonalInvite, after_days},
    member::{Body, MemberId, MemberState},
    membership::{self, Profile},
    territory::NodeId,
    text::Text,
};
use pingan_membership::MAX_TRIES;
use pingan_store::{
    Key,
    members::{Done, IdentityWrite, MemberCommit, MemberCommitError},
};
use uuid::Uuid;

use crate::{Recruiting, by_name::person};

/// A district manager to be appointed.
#[derive(Debug)]
pub struct Appointment {
    /// The district.
    pub district: NodeId,
    /// What the district is called, when it is not there yet.
    pub named: Option<Text>,
    /// For which body.
    pub body: Body,
    /// The name of the person.
    pub name: String,
    /// The phone number, in any usual notation.
    pub phone: String,
}

/// A district manager who was appointed.
#[derive(Debug, PartialEq, Eq)]
pub struct Appointed {
    /// The member.
    pub member: MemberId,
    /// The code of the invitation; none when the member has signed in already.
    pub invitation: Option<Code>,
    /// When the invitation ends.
    pub expires_at: Timestamp,
}

impl Recruiting {
    /// Appoints a district manager, and makes the district when it is not there. The same
    /// again renews the invitation as long as the person has not signed in, and changes
    /// nothing else.
    pub async fn appoint(&self, appointment: &Appointment) -> Result<Appointed, Error> {
        let Appointment { district, named, body, name, phone } = appointment;
        let person = person(name, phone)?;
        let phone = self.registry.phone_hash(&person.phone);
        // One person is appointed once for a district: the number stands for the key of the command.
        let key = self.registry.hashes.of("appointment", &format!("{district} {body} {}", person.phone));
        let key = Uuid::from_slice(&key.bytes()[..16]).map_err(|error| Error::Internal(error.to_string()))?;
        let command = CommandId::new(&MemberId::clock(), key);
        let fingerprint = Fingerprint::of(key, "appoint", district.as_str(), &body)?;
        let code = self.invitation_code(&command.to_string());
        let mut attempt = 0;
        for _ in 0..MAX_TRIES {
            let pseudonym = command.pseudonym(attempt);
            let id = MemberId::of_pseudonym(pseudonym);
            let keys =
                [Key::Command(command), Key::District(district.clone()), Key::Phone(phone), Key::Member(id.clone())];
            let loaded = self.registry.store.load(keys).await?;
            let now = self.registry.world.now();
            let ends_at = after_days(now, PERSONAL_DAYS)?;
            let known = loaded.profile(&id)?.filter(|profile| profile.created_by == Some(command));
            if let Some(profile) = known {
                return self.appoint_again(profile, &person, code, ends_at).await;
            }
            let lists = match loaded.district(district)? {
                Some(lists) => lists,
                None => self.begin_district(district, named.as_ref()).await?,
            };
            let decided = membership::appoint(district.clone(), *body, pseudonym, &lists, command, now)?;
            if loaded.phone(phone)?.is_some() {
                return Err(Refusal::PhoneTaken.into());
            }
            let item = self.registry.seal(&id, &person).await?;
            let invitation = PersonalInvite { member: id.clone(), ends_at };
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
                Ok(()) => {
                    self.registry.accounts.create(&id, &person.phone, true).await?;
                    return Ok(Appointed { member: id, invitation: Some(code), expires_at: ends_at });
                }
                Err(MemberCommitError::CodeTaken) => attempt += 1,
                Err(MemberCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// The command stands for the person's number, so that this is who was appointed.
    async fn appoint_again(
        &self,
        profile: Profile,
        person: &Person,
        code: Code,
        ends_at: Timestamp,
    ) -> Result<Appointed, Error> {
        let id = profile.member.id;
        if profile.member.state != MemberState::Invited {
            return Ok(Appointed { member: id, invitation: None, expires_at: ends_at });
        }
        self.registry.accounts.create(&id, &person.phone, true).await?;
        let invitation = PersonalInvite { member: id.clone(), ends_at };
        self.registry.store.put_invitation(self.invitation_hash(&id, code), &invitation).await?;
        Ok(Appointed { member: id, invitation: Some(code), expires_at: ends_at })
    }

    /// A new district, as yet without stations: its manager writes them down.
    async fn begin_district(&self, node: &NodeId, named: Option<&Text>) -> Result<District, Error> {
        let name = named.cloned().ok_or_else(|| Error::field("/named", "is missing: the district is new"))?;
        let lists = District {
            node: node.clone(),
            version: 1,
            name,
            nodes: Vec::new(),
            trades: Vec::new(),
            places: Vec::new(),
            station_tasks: StationTasks::Consent,
            agencies: Vec::new(),
            outcome_kinds: Vec::new(),
        };
        lists.validate(None)?;
        // Whoever was faster has made it as well as this would.
        self.registry.store.put_district(&lists, 0).await?;
        Ok(lists)
    }
}
