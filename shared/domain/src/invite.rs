//! Invites: how a person comes to be a member.
//!
//! A *community's* invite hangs as a poster in the police room: many people register with
//! it, each alone, and wait for the officer. A *personal* one belongs to one member who was
//! recruited by name, and links the account that they sign in with.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    code::Code,
    error::{Error, FieldError, Refusal},
    member::{MemberId, Role},
    territory::{Level, NodeId},
};

/// How long a community's invite lasts when nothing is said, in days.
pub const DEFAULT_DAYS: u16 = 90;
/// The longest that it can last, in days.
pub const MAX_DAYS: u16 = 366;
/// How many it registers when nothing is said.
pub const DEFAULT_USES: u32 = 500;
/// The most that it can register.
pub const MAX_USES: u32 = 20_000;
/// How long a personal invitation lasts, in days.
pub const PERSONAL_DAYS: i64 = 30;

/// A community's invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// What stands on the poster.
    pub code: Code,
    /// The community.
    pub node: NodeId,
    /// Who made it.
    pub made_by: MemberId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How many it may register.
    pub max_uses: u32,
    /// How many it has registered.
    pub uses: u32,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl Invite {
    /// A new invite of a community. `days` and `max_uses` have defaults.
    pub fn new(
        code: Code,
        node: NodeId,
        made_by: MemberId,
        days: Option<u16>,
        max_uses: Option<u32>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let mut bad = Vec::new();
        let days = days.unwrap_or(DEFAULT_DAYS);
        let max_uses = max_uses.unwrap_or(DEFAULT_USES);
        if !(1..=MAX_DAYS).contains(&days) {
            bad.push(FieldError::new("/days", format!("must be from 1 to {MAX_DAYS}")));
        }
        if !(1..=MAX_USES).contains(&max_uses) {
            bad.push(FieldError::new("/max_uses", format!("must be from 1 to {MAX_USES}")));
        }
        if node.level() != Level::Community {
            bad.push(FieldError::new("/node", "is not a community"));
        }
        if !bad.is_empty() {
            return Err(Error::Invalid(bad));
        }
        let expires_at = after_days(now, i64::from(days))?;
        Ok(Self { code, node, made_by, created_at: now, expires_at, max_uses, uses: 0, revoked_at: None })
    }

    /// Whether somebody may register with it now.
    pub fn usable(&self, now: Timestamp) -> Result<(), Error> {
        if self.revoked_at.is_some() || now >= self.expires_at {
            return Err(Refusal::InviteUnusable.into());
        }
        if self.uses >= self.max_uses { Err(Refusal::InviteExhausted.into()) } else { Ok(()) }
    }
}

/// A personal invitation: which member it is for. It stands under a keyed hash of its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalInvite {
    /// The member.
    pub member: MemberId,
    /// When it ends.
    pub ends_at: Timestamp,
}

/// Whether this role makes the invites of a community.
pub fn may_invite(role: Role) -> bool {
    matches!(role, Role::Officer | Role::StationManager | Role::DistrictManager)
}

/// A moment so many days later.
pub fn after_days(now: Timestamp, days: i64) -> Result<Timestamp, Error> {
    now.checked_add(SignedDuration::from_hours(24 * days)).map_err(|error| Error::Internal(error.to_string()))
}
