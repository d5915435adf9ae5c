//! Who a member is in life, and how a sealed identity is opened.
//!
//! Everyone but the member and the recruiting officer sees a pseudonym. A manager who must
//! know asks with a reason; a custodian, who is another person, consents or refuses; who
//! asked may then look for a limited time. Every step and every look is an event of the
//! identity, chained like those of a report, and is told to the member's officer. Without a
//! custodian nothing is ever opened.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    authority,
    code::Code,
    error::{Error, Refusal},
    hash::Digest,
    invite::after_days,
    member::{Member, MemberId, Role},
    membership::{Profile, check_reason},
    named::named,
    territory::NodeId,
};

/// How long a request waits for a custodian, in days.
pub const DECIDE_DAYS: i64 = 7;
/// How long an opening lasts when the custodian says nothing, in hours.
pub const DEFAULT_OPEN_HOURS: u16 = 24;
/// The longest that it can last, in hours.
pub const MAX_OPEN_HOURS: u16 = 72;
/// The longest bank account, in characters.
pub const MAX_ACCOUNT_CHARS: usize = 40;
/// The longest name of a bank or of an account's holder, in characters.
pub const MAX_BANK_CHARS: usize = 60;

/// Who somebody is in life: what is sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The phone number, in E.164.
    pub phone: String,
    /// Where rewards are paid to, when the member has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
}

/// A bank account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Whose account it is.
    pub holder: String,
    /// The bank.
    pub bank: String,
    /// The number.
    pub account: String,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(…)")
    }
}

impl fmt::Debug for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Payment(…)")
    }
}

impl Payment {
    /// Checks the fields.
    pub fn validate(&self) -> Result<(), Error> {
        let mut bad = Vec::new();
        for (at, text, most) in [
            ("/payment/holder", &self.holder, MAX_BANK_CHARS),
            ("/payment/bank", &self.bank, MAX_BANK_CHARS),
            ("/payment/account", &self.account, MAX_ACCOUNT_CHARS),
        ] {
            let length = text.trim().chars().count();
            if length == 0 || length > most || text.chars().any(char::is_control) {
                bad.push(crate::error::FieldError::new(at, format!("must have 1 to {most} characters")));
            }
        }
        if !self.account.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-')) {
            bad.push(crate::error::FieldError::new("/payment/account", "has only digits, letters, blanks and hyphens"));
        }
        if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
    }
}

named! {
    /// What happens to an identity.
    pub enum IdentityAction {
        /// It was sealed when the member was made.
        Seal = "seal",
        /// The member changed it, and it was sealed anew.
        Change = "change",
        /// The member read it.
        ReadOwn = "read_own",
        /// The recruiting officer, or a manager of staff, read it.
        Read = "read",
        /// A manager asks for it to be opened.
        Request = "request",
        /// A custodian consents.
        Consent = "consent",
        /// A custodian refuses.
        Refuse = "refuse",
        /// Who asked looks at it.
        View = "view",
        /// The member left: it is erased at the end of the retention time.
        Expire = "expire",
    }
}

/// The identifier of an opening.
pub type OpeningId = uuid::Uuid;

/// One event of an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityEvent {
    /// Whose identity.
    pub member: MemberId,
    /// Its place in the chain, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// What was done.
    pub action: IdentityAction,
    /// The opening that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<OpeningId>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The hash of the event before; zeros for the first.
    pub previous: Digest,
    /// The hash of this event: of all fields above.
    pub hash: Digest,
}

/// The end of an identity's chain of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityHead {
    /// How many events there are.
    pub seq: u64,
    /// The hash of the newest.
    pub hash: Digest,
}

impl Default for IdentityHead {
    fn default() -> Self {
        Self { seq: 0, hash: Digest::ZERO }
    }
}

/// What happens to an identity, before it has its place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Whose identity.
    pub member: MemberId,
    /// Who does it.
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// What is done.
    pub action: IdentityAction,
    /// The opening that it belongs to.
    pub opening: Option<OpeningId>,
    /// Why.
    pub reason: Option<String>,
}

impl Step {
    /// A step that belongs to no opening.
    pub fn new(member: &MemberId, actor: &MemberId, role: Role, action: IdentityAction) -> Self {
        Self { member: member.clone(), actor: actor.clone(), role, action, opening: None, reason: None }
    }

    /// The event that follows `head`, and the head that follows it.
    pub fn after(&self, head: IdentityHead, at: Timestamp) -> Result<(IdentityEvent, IdentityHead), Error> {
        let mut event = IdentityEvent {
            member: self.member.clone(),
            seq: head.seq + 1,
            at,
            actor: self.actor.clone(),
            role: self.role,
            action: self.action,
            opening: self.opening,
            reason: self.reason.clone(),
            previous: head.hash,
            hash: Digest::ZERO,
        };
        let bytes = serde_json::to_vec(&event).map_err(|error| Error::Internal(error.to_string()))?;
        event.hash = Digest::of(&[b"identity event", &bytes]);
        let head = IdentityHead { seq: event.seq, hash: event.hash };
        Ok((event, head))
    }
}

named! {
    /// Where an opening is in its life, at a moment.
    pub enum OpeningState {
        /// It waits for a custodian.
        Waiting = "waiting",
        /// No custodian decided in time.
        Lapsed = "lapsed",
        /// Refused.
        Refused = "refused",
        /// Who asked may look.
        Open = "open",
        /// The time to look is over.
        Over = "over",
    }
}

/// A custodian's decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpeningDecision {
    /// The custodian.
    pub by: MemberId,
    /// When.
    pub at: Timestamp,
    /// Until when who asked may look; none when it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_until: Option<Timestamp>,
    /// Why.
    pub reason: String,
}

/// A request to open an identity, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Its identifier.
    pub id: OpeningId,
    /// Whose identity.
    pub member: MemberId,
    /// The member's pseudonym.
    pub pseudonym: Code,
    /// The member's node, whose officers are told.
    pub node: NodeId,
    /// Who asks.
    pub requested_by: MemberId,
    /// In which role.
    pub role: Role,
    /// Why.
    pub reason: String,
    /// When.
    pub requested_at: Timestamp,
    /// By when a custodian has to decide.
    pub decide_by: Timestamp,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<OpeningDecision>,
}

impl Opening {
    /// Asks for a member's identity to be opened. Nobody needs to ask for what they know.
    pub fn request(
        id: OpeningId,
        actor: &Member,
        target: &Profile,
        reason: &str,
        now: Timestamp,
    ) -> Result<(Self, Step), Error> {
        let member = &target.member;
        if !matches!(actor.role, Role::StationManager | Role::DistrictManager) {
            return Err(Refusal::WrongRole.into());
        }
        authority::over_member(actor, member)?;
        check_reason(reason)?;
        let reason = reason.trim().to_owned();
        let opening = Self {
            id,
            member: member.id.clone(),
            pseudonym: member.pseudonym,
            node: member.node.clone(),
            requested_by: actor.id.clone(),
            role: actor.role,
            reason: reason.clone(),
            requested_at: now,
            decide_by: after_days(now, DECIDE_DAYS)?,
            decision: None,
        };
        let step = opening.step(actor, IdentityAction::Request, Some(reason));
        Ok((opening, step))
    }

    /// Decides on it, as a custodian of the same district. `custodian` is the custodian's
    /// own profile, because one whom the asker has appointed does not decide.
    pub fn decide(
        &self,
        custodian: &Profile,
        consent: bool,
        hours: Option<u16>,
        reason: &str,
        now: Timestamp,
    ) -> Result<(Self, Step), Error> {
        let actor = &custodian.member;
        if actor.role != Role::Custodian {
            return Err(Refusal::WrongRole.into());
        }
        if !actor.node.contains(&self.node) {
            return Err(Error::NotFound);
        }
        if actor.id == self.requested_by || actor.id == self.member {
            return Err(Refusal::OwnRequest.into());
        }
        if custodian.recruiter.as_ref() == Some(&self.requested_by) {
            return Err(Refusal::OwnCustodian.into());
        }
        let hours = hours.unwrap_or(DEFAULT_OPEN_HOURS);
        if !(1..=MAX_OPEN_HOURS).contains(&hours) {
            return Err(Error::field("/hours", format!("must be from 1 to {MAX_OPEN_HOURS}")));
        }
        check_reason(reason)?;
        if self.state(now) != OpeningState::Waiting {
            return Err(Refusal::OpeningDecided.into());
        }
        let open_until = now.checked_add(SignedDuration::from_hours(i64::from(hours)));
        let open_until = open_until.map_err(|error| Error::Internal(error.to_string()))?;
        let reason = reason.trim().to_owned();
        let decision = OpeningDecision {
            by: actor.id.clone(),
            at: now,
            open_until: consent.then_some(open_until),
            reason: reason.clone(),
        };
        let action = if consent { IdentityAction::Consent } else { IdentityAction::Refuse };
        let step = self.step(actor, action, Some(reason));
        Ok((Self { decision: Some(decision), ..self.clone() }, step))
    }

    /// Looks, as who asked, while it is open and the member still stands below them.
    pub fn view(&self, actor: &Member, target: &Member, now: Timestamp) -> Result<Step, Error> {
        if actor.id != self.requested_by {
            return Err(Error::NotFound);
        }
        authority::over_member(actor, target)?;
        if self.state(now) != OpeningState::Open {
            return Err(Refusal::NotOpen.into());
        }
        Ok(self.step(actor, IdentityAction::View, None))
    }

    /// Where it is in its life.
    pub fn state(&self, now: Timestamp) -> OpeningState {
        match &self.decision {
            None if now >= self.decide_by => OpeningState::Lapsed,
            None => OpeningState::Waiting,
            Some(OpeningDecision { open_until: None, .. }) => OpeningState::Refused,
            Some(OpeningDecision { open_until: Some(until), .. }) if now >= *until => OpeningState::Over,
            Some(_) => OpeningState::Open,
        }
    }

    /// Whether `reader` may see that there is this request: who asked, and the custodians
    /// and auditors of the district.
    pub fn shown_to(&self, reader: &Member) -> bool {
        let watches = matches!(reader.role, Role::Custodian | Role::Auditor) && reader.node.contains(&self.node);
        watches || reader.id == self.requested_by
    }

    /// The district in whose list it stands.
    pub fn district(&self) -> NodeId {
        self.node.district()
    }

    fn step(&self, actor: &Member, action: IdentityAction, reason: Option<String>) -> Step {
        Step {
            member: self.member.clone(),
            actor: actor.id.clone(),
            role: actor.role,
            action,
            opening: Some(self.id),
            reason,
        }
    }
}
