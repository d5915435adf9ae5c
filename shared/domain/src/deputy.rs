//! 代理: who reviews while a reviewer is absent.
//!
//! An absence stands on two memberships: the absent one's says who stands in, the deputy's says
//! for which node and for how long. It ends with the position of either: in the absent one's place
//! nobody reviews who could not be there themselves. A cover changes nothing by being there: neither [`Member`]
//! nor [`crate::life::Relation`] knows of covers. Only [`Profile::acting_at`] asks them, with the
//! time, so that one that has not begun or is over cannot be in force.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    authority,
    error::{Error, FieldError, Refusal},
    member::{Member, MemberId, MemberState},
    membership::{Decided, MemberAction, Profile, changed},
    notice::Audience,
    territory::{Level, NodeId},
};

/// The longest absence, in days.
pub const MAX_ABSENCE_DAYS: i64 = 60;
/// How far ahead an absence can begin, in days.
pub const MAX_AHEAD_DAYS: i64 = 365;
/// For how many absent reviewers one can stand in at the same time.
pub const MAX_COVERS: usize = 3;

/// That a reviewer is absent, and who stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// From when.
    pub from: Timestamp,
    /// Until when; at this moment it is over.
    pub until: Timestamp,
    /// Who stands in.
    pub deputy: MemberId,
}

/// That somebody stands in for an absent reviewer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cover {
    /// Who is absent.
    pub absent: MemberId,
    /// The node at which the absent one reviews.
    pub node: NodeId,
    /// From when.
    pub from: Timestamp,
    /// Until when; at this moment it is over.
    pub until: Timestamp,
}

impl Cover {
    /// Whether it is in force at this moment.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

impl Absence {
    /// Checks its time.
    fn check(&self, now: Timestamp, bad: &mut Vec<FieldError>) {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        if self.until <= self.from {
            bad.push(FieldError::new("/until", "is not after from"));
        } else if self.until <= now {
            bad.push(FieldError::new("/until", "is over already"));
        } else if self.until.duration_since(self.from) > days(MAX_ABSENCE_DAYS) {
            bad.push(FieldError::new("/until", format!("makes it longer than {MAX_ABSENCE_DAYS} days")));
        }
        if self.from.duration_since(now) > days(MAX_AHEAD_DAYS) {
            bad.push(FieldError::new("/from", format!("is more than {MAX_AHEAD_DAYS} days ahead")));
        }
    }
}

impl Profile {
    /// This member as they act on what belongs to a node at this moment: at their own node, or
    /// at that of an absent reviewer for whom they stand in. All else about them stays, who they
    /// are first of all.
    pub fn acting_at(&self, node: &NodeId, now: Timestamp) -> Member {
        let member = self.member.clone();
        if member.node.contains(node) {
            return member;
        }
        let covered = self.covered(now).find(|covered| covered.contains(node)).cloned();
        match covered {
            Some(node) => Member { node, ..member },
            None => member,
        }
    }

    /// The nodes at which this member stands in at this moment.
    pub fn covered(&self, now: Timestamp) -> impl Iterator<Item = &NodeId> {
        let level = self.member.role.level();
        let reviews = self.member.role.stage().is_some() && self.member.state == MemberState::Active;
        let covers = self.covers.iter().filter(move |cover| reviews && cover.is_in_force(now));
        covers.map(|cover| &cover.node).filter(move |node| node.level() == level)
    }

    /// The inboxes that this member reads at this moment: beside their own those of the
    /// reviewers for whom they stand in.
    pub fn inboxes(&self, now: Timestamp) -> Vec<Audience> {
        let mut inboxes = crate::channel::inboxes(&self.member);
        if let Some(stage) = self.member.role.stage() {
            for node in self.covered(now) {
                let covered = Audience::Reviewers { stage, node: node.clone() };
                if !inboxes.contains(&covered) {
                    inboxes.push(covered);
                }
            }
        }
        inboxes
    }
}

/// Writes down that a reviewer is absent and who stands in: the absent one's membership, and
/// the deputy's. Nothing when it stands so already.
pub fn begin(
    absent: &Profile,
    deputy: Option<&Profile>,
    wanted: Absence,
    actor: &Member,
    now: Timestamp,
) -> Result<Option<(Decided, Decided)>, Error> {
    may_decide(absent, actor)?;
    if absent.member.state != MemberState::Active {
        return Err(Error::WrongMemberState(absent.member.state));
    }
    if absent.member.role.stage().is_none() {
        return Err(Refusal::WrongRole.into());
    }
    let deputy = deputy.filter(|deputy| can_stand_in(&absent.member, &deputy.member));
    let mut bad = Vec::new();
    wanted.check(now, &mut bad);
    let Some(deputy) = deputy else {
        let detail = "is no active reviewer of the same role and body at this node or beside it";
        bad.push(FieldError::new("/deputy", detail));
        return Err(Error::Invalid(bad));
    };
    // Whoever stands in is there.
    let overlaps = |other: &Absence| other.from < wanted.until && wanted.from < other.until;
    if deputy.absence.as_ref().is_some_and(overlaps) {
        bad.push(FieldError::new("/deputy", "is absent at that time"));
    }
    let running = absent.absence.as_ref().filter(|running| running.until > now);
    if running.is_some_and(|running| running.deputy != wanted.deputy) {
        bad.push(FieldError::new("/deputy", "is not who stands in now: end that absence first"));
    }
    let others = covers_of_others(deputy, &absent.member.id, now);
    if others.len() >= MAX_COVERS {
        bad.push(FieldError::new("/deputy", format!("stands in for {MAX_COVERS} others already")));
    }
    if !bad.is_empty() {
        return Err(Error::Invalid(bad));
    }
    if absent.absence.as_ref() == Some(&wanted) {
        return Ok(None);
    }
    let cover = Cover {
        absent: absent.member.id.clone(),
        node: absent.member.node.clone(),
        from: wanted.from,
        until: wanted.until,
    };
    let covers = others.into_iter().chain([cover]).collect();
    let absent_after = Profile { absence: Some(wanted), ..absent.clone() };
    let deputy_after = Profile { covers, ..deputy.clone() };
    Ok(Some((
        changed(absent_after, absent, MemberAction::SetAbsence, actor, now)?,
        changed(deputy_after, deputy, MemberAction::SetCover, actor, now)?,
    )))
}

/// Ends an absence at once. The deputy is given where there still is one. Nothing when nobody
/// is absent.
pub fn end(
    absent: &Profile,
    deputy: Option<&Profile>,
    actor: &Member,
    now: Timestamp,
) -> Result<Option<(Decided, Option<Decided>)>, Error> {
    may_decide(absent, actor)?;
    if absent.absence.is_none() {
        return Ok(None);
    }
    let after = Profile { absence: None, ..absent.clone() };
    let after = changed(after, absent, MemberAction::EndAbsence, actor, now)?;
    let deputy = deputy.map(|deputy| uncover(&absent.member.id, deputy, actor, now)).transpose()?;
    Ok(Some((after, deputy.flatten())))
}

/// Whose cover has to end with this change of a membership, because it ends the absence: the
/// deputy's. None where none is in force or still to come.
pub fn ended_by<'a>(before: &'a Profile, after: &Profile, now: Timestamp) -> Option<&'a MemberId> {
    let ended = before.absence.as_ref().filter(|absence| after.absence.is_none() && absence.until > now);
    ended.map(|absence| &absence.deputy)
}

/// Ends what a deputy covers for this absent reviewer. Nothing when they cover nothing for them.
pub fn uncover(absent: &MemberId, deputy: &Profile, actor: &Member, now: Timestamp) -> Result<Option<Decided>, Error> {
    if !deputy.covers.iter().any(|cover| cover.absent == *absent) {
        return Ok(None);
    }
    let covers = covers_of_others(deputy, absent, now);
    changed(Profile { covers, ..deputy.clone() }, deputy, MemberAction::EndCover, actor, now).map(Some)
}

/// The reviewer, or whoever manages them.
fn may_decide(absent: &Profile, actor: &Member) -> Result<(), Error> {
    if actor.id == absent.member.id { Ok(()) } else { authority::over_member(actor, &absent.member) }
}

/// The same role and body, at the same node or one beside it: of the same station for a
/// community, of the same district for a station.
fn can_stand_in(absent: &Member, deputy: &Member) -> bool {
    let parent = |node: &NodeId| match node.level() {
        Level::Community => node.at(Level::Station),
        Level::Station => node.at(Level::District),
        Level::District => None,
    };
    let beside = parent(&absent.node).is_some() && parent(&absent.node) == parent(&deputy.node);
    absent.id != deputy.id
        && deputy.state == MemberState::Active
        && (absent.role, absent.body) == (deputy.role, deputy.body)
        && absent.node.level() == deputy.node.level()
        && (beside || absent.node == deputy.node)
}

/// What a deputy covers beside this absent reviewer. What is over goes.
fn covers_of_others(deputy: &Profile, absent: &MemberId, now: Timestamp) -> Vec<Cover> {
    deputy.covers.iter().filter(|cover| cover.absent != *absent && cover.until > now).cloned().collect()
}
