//! Members: reporters and staff, as every function but those of members sees them.
//!
//! Who a member is in life (name, phone, payment details) is not here and never will be:
//! that is the identity, kept in a table of its own.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    code::Code,
    district::Label,
    error::{Error, Refusal},
    hash::Digest,
    life::Stage,
    named::named,
    territory::NodeId,
};

named! {
    /// What a member is.
    pub enum Role {
        /// 信息员: sends in reports.
        Reporter = "reporter",
        /// 社区民警: first review, recruits the reporters of a community.
        Officer = "officer",
        /// 派出所 / 街道管理员: second review.
        StationManager = "station_manager",
        /// 分局 / 区综治办管理员: third review.
        DistrictManager = "district_manager",
        /// 职能部门: acts on what was handed over.
        AgencyHandler = "agency_handler",
        /// 奖励资金: pays approved rewards.
        Treasurer = "treasurer",
        /// 保密员: consents to the opening of a sealed identity.
        Custodian = "custodian",
        /// 督察: reads the audit trail and the statistics.
        Auditor = "auditor",
        /// The platform's own deadline job. No member has this role.
        Clock = "clock",
    }
}

impl Role {
    /// The stage at which this role reviews.
    pub fn stage(self) -> Option<Stage> {
        match self {
            Self::Officer => Some(Stage::Officer),
            Self::StationManager => Some(Stage::Station),
            Self::DistrictManager => Some(Stage::District),
            _ => None,
        }
    }
}

impl Stage {
    /// The role that reviews at this stage.
    pub fn role(self) -> Role {
        match self {
            Self::Officer => Role::Officer,
            Self::Station => Role::StationManager,
            Self::District => Role::DistrictManager,
        }
    }
}

named! {
    /// The two bodies that work side by side in a territory.
    pub enum Body {
        /// The police branch, 公安.
        Police = "police",
        /// The governance office, 综治办.
        Governance = "governance",
    }
}

named! {
    /// Where a member is in their membership. Only who is active may act.
    pub enum MemberState {
        /// Recruited by name; has not signed in yet.
        Invited = "invited",
        /// Registered alone by a community's poster; the officer has not confirmed it yet.
        Applied = "applied",
        /// May act.
        Active = "active",
        /// May not act until restored; in force for the next request.
        Suspended = "suspended",
        /// Was not confirmed.
        Declined = "declined",
        /// Has left; the identity is erased after the retention time.
        Left = "left",
    }
}

impl MemberState {
    /// Refuses who may not act, with what they can do about it.
    pub fn may_act(self) -> Result<(), Error> {
        match self {
            Self::Active => Ok(()),
            Self::Suspended => Err(Refusal::Suspended.into()),
            Self::Invited | Self::Applied => Err(Refusal::NotConfirmed.into()),
            Self::Declined | Self::Left => Err(Refusal::NotAMember.into()),
        }
    }
}

/// The identifier of a member: what the token's configured claim holds. 1 to 64
/// characters out of `A-Z`, `a-z`, `0-9`, `-` and `_`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(String);

/// The text is not a member's identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a member's id has 1 to 64 letters, digits, '-' and '_'")]
pub struct MemberIdError;

/// The identifier of the platform's own deadline job, which no member can have.
const CLOCK: &str = "clock";
/// What the identifiers of linked accounts begin with, and no member's from outside can.
const ACCOUNT: &str = "account_";
/// Stands for the reporter of a report that no member has sent in.
const NO_REPORTER: &str = "no-reporter";

impl MemberId {
    /// Reads an identifier from outside.
    pub fn parse(text: &str) -> Result<Self, MemberIdError> {
        if text.starts_with(ACCOUNT) { Err(MemberIdError) } else { Self::from_key(text) }
    }

    /// Reads an identifier from a key, where a linked account's stands as well.
    pub fn from_key(text: &str) -> Result<Self, MemberIdError> {
        if matches!(text, CLOCK | NO_REPORTER) { Err(MemberIdError) } else { Self::read(text) }
    }

    /// The identifier of a member whose pseudonym is given out for good with it.
    pub fn of_pseudonym(pseudonym: Code) -> Self {
        Self(format!("m-{}", pseudonym.as_str().to_ascii_lowercase()))
    }

    /// The name under which an account of an outside issuer finds its member. The subject
    /// is chosen by that issuer, so it is never taken for a member's id itself.
    pub fn of_account(subject: &str) -> Self {
        Self(format!(
            "{ACCOUNT}{}",
            BASE32_NOPAD.encode(Digest::of(&[b"account", subject.as_bytes()]).bytes()).to_ascii_lowercase()
        ))
    }

    /// Reads an identifier from a record.
    fn read(text: &str) -> Result<Self, MemberIdError> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if fits { Ok(Self(text.to_owned())) } else { Err(MemberIdError) }
    }

    /// The identifier of the platform's deadline job.
    pub fn clock() -> Self {
        Self(CLOCK.to_owned())
    }

    /// The identifier in the place of a reporter where there is none. No member can have it.
    pub fn no_reporter() -> Self {
        Self(NO_REPORTER.to_owned())
    }

    /// Whether this stands for no reporter at all.
    pub fn is_no_reporter(&self) -> bool {
        self.0 == NO_REPORTER
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for MemberId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for MemberId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A member as the functions need one: what they are, where, and whether they may act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who it is, to the platform.
    pub id: MemberId,
    /// What others see in place of a name.
    pub pseudonym: Code,
    /// What the member is.
    pub role: Role,
    /// Where the member belongs; staff act at and below it.
    pub node: NodeId,
    /// The body that staff serve; none for reporters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// The agency that an agency's handler works for; none for everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<Label>,
    /// Whether the member may act.
    pub state: MemberState,
}

impl Member {
    /// This member, if they may act at all and have this role.
    pub fn acting_as(self, role: Role) -> Result<Self, Error> {
        self.acting_as_any(&[role])
    }

    /// This member, if they may act at all and have one of these roles.
    pub fn acting_as_any(self, roles: &[Role]) -> Result<Self, Error> {
        self.state.may_act()?;
        if roles.contains(&self.role) { Ok(self) } else { Err(Error::Refused(Refusal::WrongRole)) }
    }
}
