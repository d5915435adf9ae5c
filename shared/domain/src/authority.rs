//! Who may manage whom: the one rule from which every right over members follows.
//!
//! An actor acts only at or below their own node, only on roles that rank below their own,
//! and on staff only of their own body. Nobody acts on themselves. A district manager ranks
//! highest, so that only the operator appoints one.

use crate::{
    error::{Error, FieldError, Refusal},
    member::{Body, Member, Role},
    territory::{Level, NodeId},
};

impl Role {
    /// How high a role stands. Reviewers rank by their stage; who else serves the district
    /// ranks below its managers, who appoint them.
    pub fn rank(self) -> u8 {
        match self {
            Self::Reporter => 0,
            Self::Officer => 1,
            Self::StationManager | Self::AgencyHandler | Self::Treasurer | Self::Custodian | Self::Auditor => 2,
            Self::DistrictManager => 3,
            Self::Clock => 4,
        }
    }

    /// The level of the node that a member of this role belongs to.
    pub fn level(self) -> Level {
        match self {
            Self::Reporter | Self::Officer => Level::Community,
            Self::StationManager => Level::Station,
            _ => Level::District,
        }
    }

    /// Whether this role manages others.
    pub fn manages(self) -> bool {
        matches!(self, Self::Officer | Self::StationManager | Self::DistrictManager)
    }

    /// The bodies that a member of this role can serve; none when the role serves no body.
    pub fn bodies(self) -> &'static [Body] {
        match self {
            Self::Officer => &[Body::Police],
            Self::StationManager | Self::DistrictManager | Self::Custodian => &[Body::Police, Body::Governance],
            _ => &[],
        }
    }
}

/// A position: what a member is, where, and for which body.
#[derive(Debug, Clone, Copy)]
pub struct Position<'a> {
    /// The role.
    pub role: Role,
    /// The node.
    pub node: &'a NodeId,
    /// The body.
    pub body: Option<Body>,
}

impl<'a> Position<'a> {
    /// The position of a member.
    pub fn of(member: &'a Member) -> Self {
        Self { role: member.role, node: &member.node, body: member.body }
    }

    /// Whether the position is one that there can be: the role's level, and its body.
    pub fn validate(self) -> Result<(), Error> {
        let mut bad = Vec::new();
        if self.role == Role::Clock {
            bad.push(FieldError::new("/role", "is no role of a member"));
        }
        if self.node.level() != self.role.level() {
            let detail = format!("is not a {}, where a {} belongs", self.role.level(), self.role);
            bad.push(FieldError::new("/node", detail));
        }
        let bodies = self.role.bodies();
        match self.body {
            None if !bodies.is_empty() => {
                bad.push(FieldError::new("/body", "is missing: staff of this role serve a body"));
            }
            Some(_) if bodies.is_empty() => bad.push(FieldError::new("/body", "is not for this role")),
            Some(body) if !bodies.contains(&body) => {
                bad.push(FieldError::new("/body", format!("has no members of the role {}", self.role)));
            }
            _ => {}
        }
        if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
    }
}

/// Whether `actor` may fill, change or clear this position.
pub fn over(actor: &Member, position: Position<'_>) -> Result<(), Refusal> {
    if position.role == Role::DistrictManager {
        return Err(Refusal::OperatorOnly);
    }
    let above = actor.role.manages() && actor.role.rank() > position.role.rank();
    let same_body = position.body.is_none() || position.body == actor.body;
    if above && same_body && actor.node.contains(position.node) { Ok(()) } else { Err(Refusal::NotBelowYou) }
}

/// Whether `actor` may manage `target`. Who lies outside the actor's territory is not there
/// for them, whoever they are.
pub fn over_member(actor: &Member, target: &Member) -> Result<(), Error> {
    if actor.id == target.id {
        return Err(Refusal::OwnRights.into());
    }
    if !sees(actor, target) {
        return Err(Error::NotFound);
    }
    over(actor, Position::of(target)).map_err(Error::from)
}

/// Whether `reader` may know that `target` is a member, and what they are: their managers
/// in the same territory, and the auditor of the district.
pub fn sees(reader: &Member, target: &Member) -> bool {
    let reads = reader.role.manages() || matches!(reader.role, Role::Auditor);
    reader.id == target.id || (reads && reader.node.contains(&target.node))
}
