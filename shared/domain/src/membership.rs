//! What can be done with a membership, and what it does: one table and one decision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    authority::{self, Position},
    channel::{Channel, Means},
    code::Code,
    command::CommandId,
    deputy::{Absence, Cover},
    district::{District, Label},
    error::{Error, FieldError, Refusal},
    hash::Digest,
    invite::Invite,
    member::{Body, Member, MemberId, MemberState, Role},
    named::named,
    territory::NodeId,
};

/// The most trades, and the most sensitive places, that one member is listed with.
pub const MAX_LABELS: usize = 10;
/// The longest reason, in characters.
pub const MAX_REASON_CHARS: usize = 200;

named! {
    /// 人员类别: what kind of reporter somebody is, by what they do all day.
    pub enum Kind {
        /// 居民.
        Resident = "resident",
        /// 网格员.
        GridWorker = "grid_worker",
        /// 商铺.
        Shop = "shop",
        /// 出租车.
        Taxi = "taxi",
        /// 物业.
        PropertyKeeper = "property_keeper",
        /// 快递、外卖.
        Courier = "courier",
        /// 保安.
        SecurityGuard = "security_guard",
        /// 环卫工人.
        StreetCleaner = "street_cleaner",
        /// 宾馆旅店.
        Lodging = "lodging",
        /// 平安志愿者.
        Volunteer = "volunteer",
        /// 其他.
        Other = "other",
    }
}

impl Kind {
    /// What it is called in Chinese.
    pub fn zh_cn(self) -> &'static str {
        match self {
            Self::Resident => "居民",
            Self::GridWorker => "网格员",
            Self::Shop => "商铺",
            Self::Taxi => "出租车",
            Self::PropertyKeeper => "物业",
            Self::Courier => "快递外卖",
            Self::SecurityGuard => "保安",
            Self::StreetCleaner => "环卫工人",
            Self::Lodging => "宾馆旅店",
            Self::Volunteer => "平安志愿者",
            Self::Other => "其他",
        }
    }
}

/// A member with all that is kept of the membership. Who they are in life is not here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// What every function sees of the member.
    #[serde(flatten)]
    pub member: Member,
    /// How many events there are of the membership.
    #[serde(default)]
    pub version: u64,
    /// What kind of reporter it is; none for staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The trades that the reporter knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trades: Vec<Label>,
    /// The sensitive places that the reporter knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Label>,
    /// The officer who recruited or confirmed the reporter, and knows who it is; the appointing manager for staff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recruiter: Option<MemberId>,
    /// The state to which a restoration leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_from: Option<MemberState>,
    /// Under which name the account of an outside issuer finds the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<MemberId>,
    /// How the member is told beside the inbox; none for the inbox alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// That the member is absent; a reviewer's alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absence: Option<Absence>,
    /// For whom the member stands in. They are in force by [`Profile::acting_at`] alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<Cover>,
    /// The command that made the member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<CommandId>,
    /// When the member was recruited or registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the member could act for the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joined_at: Option<Timestamp>,
    /// The hash of the newest event; zeros before the first.
    #[serde(default = "Digest::zero")]
    pub last_event: Digest,
}

impl Profile {
    /// A member without a history, as the demo district and tests are seeded.
    pub fn seeded(member: Member, now: Timestamp) -> Self {
        Self {
            account: Some(MemberId::of_account(member.id.as_str())),
            kind: (member.role == Role::Reporter).then_some(Kind::Resident),
            joined_at: (member.state == MemberState::Active).then_some(now),
            suspended_from: (member.state == MemberState::Suspended).then_some(MemberState::Active),
            member,
            version: 0,
            trades: Vec::new(),
            places: Vec::new(),
            recruiter: None,
            channel: None,
            absence: None,
            covers: Vec::new(),
            created_by: None,
            created_at: now,
            updated_at: now,
            last_event: Digest::ZERO,
        }
    }
}

named! {
    /// What can be done with a membership.
    pub enum MemberAction {
        /// The operator appoints a district manager.
        Appoint = "appoint",
        /// Somebody above makes the member by name.
        Recruit = "recruit",
        /// A person registers alone with a community's invite.
        Register = "register",
        /// The member signs in for the first time with a personal invitation.
        Accept = "accept",
        /// The officer confirms who registered.
        Confirm = "confirm",
        /// The officer does not confirm who registered.
        Decline = "decline",
        /// Kind, trades and places are changed.
        Describe = "describe",
        /// The member goes to another node; staff also to another role or body.
        Transfer = "transfer",
        /// The member may not act any more.
        Suspend = "suspend",
        /// The member may act again.
        Restore = "restore",
        /// The member chooses how to be told.
        ChooseChannel = "choose_channel",
        /// The member leaves.
        Leave = "leave",
        /// A reviewer is absent, and another stands in.
        SetAbsence = "set_absence",
        /// An absence is ended.
        EndAbsence = "end_absence",
        /// The member stands in for an absent reviewer.
        SetCover = "set_cover",
        /// The member does not stand in any more.
        EndCover = "end_cover",
    }
}

impl MemberAction {
    /// The states in which it can be done to a member that there is.
    pub fn from(self) -> &'static [MemberState] {
        use MemberState::{Active, Applied, Declined, Invited, Left, Suspended};
        match self {
            Self::Appoint | Self::Recruit => &[],
            Self::Register => &[Invited],
            Self::Confirm | Self::Decline => &[Applied],
            Self::Describe | Self::Transfer => &[Invited, Applied, Active, Suspended],
            // Who was confirmed after a registration links the account afterwards.
            Self::Accept | Self::Suspend => &[Invited, Active],
            Self::Restore => &[Suspended],
            Self::ChooseChannel | Self::SetAbsence | Self::SetCover => &[Active],
            Self::EndAbsence | Self::EndCover => &[Invited, Applied, Active, Suspended, Declined, Left],
            Self::Leave => &[Active, Suspended],
        }
    }
}

/// One event of a membership: its history and its audit trail. Each carries the hash of the
/// one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberEvent {
    /// The member.
    pub member: MemberId,
    /// Its place in the history, from 1.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it: the member, or somebody above.
    pub actor: MemberId,
    /// In which role.
    pub actor_role: Role,
    /// What was done.
    pub action: MemberAction,
    /// The state after.
    pub state: MemberState,
    /// The role after.
    pub role: Role,
    /// The node after.
    pub node: NodeId,
    /// The body after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// The agency after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<Label>,
    /// The node before, when it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_node: Option<NodeId>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The community's invite with which the person registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<Code>,
    /// The absence that was written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absence: Option<Absence>,
    /// For whom the member stands in from this event on, where that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<Vec<Cover>>,
    /// Whether the member can act for the first time; not in the events of older bundles.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub joins: bool,
    /// The hash of the event before; zeros for the first.
    pub previous: Digest,
    /// The hash of this event: of all fields above.
    pub hash: Digest,
}

impl MemberEvent {
    fn sealed(mut self) -> Result<Self, Error> {
        self.hash = self.compute_hash()?;
        Ok(self)
    }

    /// The hash that the fields have.
    pub fn compute_hash(&self) -> Result<Digest, Error> {
        let unsealed = Self { hash: Digest::ZERO, ..self.clone() };
        let bytes = serde_json::to_vec(&unsealed).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Digest::of(&[b"member event", &bytes]))
    }
}

/// A member to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMember {
    /// What the member is to be.
    pub role: Role,
    /// Where.
    pub node: NodeId,
    /// For which body; staff alone.
    pub body: Option<Body>,
    /// For which agency; its handlers alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agency: Option<Label>,
    /// What kind of reporter; reporters alone.
    pub kind: Option<Kind>,
    /// The trades that the reporter knows.
    pub trades: Vec<Label>,
    /// The sensitive places that the reporter knows.
    pub places: Vec<Label>,
}

impl NewMember {
    /// Checks all of it against the district's lists.
    pub fn validate(&self, district: &District) -> Result<(), Error> {
        let mut bad = Vec::new();
        if let Err(Error::Invalid(found)) = (Position { role: self.role, node: &self.node, body: self.body }).validate()
        {
            bad.extend(found);
        }
        if !district.has(&self.node) {
            bad.push(unknown_node());
        }
        match (self.role, self.kind) {
            (Role::Reporter, None) => bad.push(FieldError::new("/kind", "is missing: reporters have a kind")),
            (role, Some(_)) if role != Role::Reporter => bad.push(FieldError::new("/kind", "is for reporters alone")),
            _ => {}
        }
        check_agency(district, self.role, self.agency.as_ref(), &mut bad);
        check_labels(district, &self.trades, &self.places, &mut bad);
        if self.role != Role::Reporter && !(self.trades.is_empty() && self.places.is_empty()) {
            bad.push(FieldError::new("/trades", "trades and places are for reporters alone"));
        }
        if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
    }
}

/// Who acts for an agency acts for one of the district's list, and nobody else does.
fn check_agency(district: &District, role: Role, agency: Option<&Label>, bad: &mut Vec<FieldError>) {
    let why = match (role, agency) {
        (Role::AgencyHandler, None) => "is missing: who acts for an agency belongs to one",
        (Role::AgencyHandler, Some(agency)) if district.agency(agency).is_none() => "is not in the district's list",
        (Role::AgencyHandler, Some(_)) | (_, None) => return,
        (_, Some(_)) => "is for those who act for an agency alone",
    };
    bad.push(FieldError::new("/agency", why));
}

fn unknown_node() -> FieldError {
    FieldError::new("/node", "is no node of the district")
}

fn check_labels(district: &District, trades: &[Label], places: &[Label], bad: &mut Vec<FieldError>) {
    for (at, labels) in [("/trades", trades), ("/places", places)] {
        let known = |label| if at == "/trades" { district.has_trade(label) } else { district.has_place(label) };
        if labels.len() > MAX_LABELS {
            bad.push(FieldError::new(at, format!("has more than {MAX_LABELS} entries")));
        }
        for (i, label) in labels.iter().enumerate() {
            if !known(label) {
                bad.push(FieldError::new(format!("{at}/{i}"), "is not in the district's list"));
            } else if labels[..i].contains(label) {
                bad.push(FieldError::new(format!("{at}/{i}"), "is there twice"));
            }
        }
    }
}

/// Checks a reason.
pub fn check_reason(reason: &str) -> Result<(), Error> {
    let length = reason.trim().chars().count();
    if (1..=MAX_REASON_CHARS).contains(&length) {
        Ok(())
    } else {
        Err(Error::field("/reason", format!("must have 1 to {MAX_REASON_CHARS} characters")))
    }
}

/// What is to be done with a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// The person registered with a community's invite, and was recruited by name before.
    Register {
        /// The invite.
        invite: Code,
    },
    /// The member signs in for the first time, by this account when it is a linked one.
    Accept {
        /// The account.
        account: Option<MemberId>,
    },
    /// Who registered is confirmed.
    Confirm,
    /// Who registered is not confirmed.
    Decline {
        /// Why.
        reason: String,
    },
    /// The member is described anew.
    Describe {
        /// What kind of reporter it is.
        kind: Kind,
        /// The trades.
        trades: Vec<Label>,
        /// The sensitive places.
        places: Vec<Label>,
    },
    /// The member goes to another position.
    Transfer {
        /// Where.
        node: NodeId,
        /// Another role, for staff.
        role: Option<Role>,
        /// Another body, for staff.
        body: Option<Body>,
        /// Another agency, for those who act for one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agency: Option<Label>,
        /// Why.
        reason: String,
    },
    /// The member may not act any more.
    Suspend {
        /// Why.
        reason: String,
    },
    /// The member may act again.
    Restore {
        /// Why.
        reason: String,
    },
    /// The member chooses how to be told; nothing for the inbox alone.
    ChooseChannel {
        /// The channel, with what SNS calls it.
        channel: Option<Channel>,
    },
    /// The member leaves.
    Leave,
}

impl Change {
    /// What is done.
    pub fn action(&self) -> MemberAction {
        match self {
            Self::Register { .. } => MemberAction::Register,
            Self::Accept { .. } => MemberAction::Accept,
            Self::Confirm => MemberAction::Confirm,
            Self::Decline { .. } => MemberAction::Decline,
            Self::Describe { .. } => MemberAction::Describe,
            Self::Transfer { .. } => MemberAction::Transfer,
            Self::Suspend { .. } => MemberAction::Suspend,
            Self::Restore { .. } => MemberAction::Restore,
            Self::ChooseChannel { .. } => MemberAction::ChooseChannel,
            Self::Leave => MemberAction::Leave,
        }
    }

    fn reason(&self) -> Option<&String> {
        match self {
            Self::Decline { reason }
            | Self::Transfer { reason, .. }
            | Self::Suspend { reason }
            | Self::Restore { reason } => Some(reason),
            _ => None,
        }
    }

    /// Whether the member does it, and not somebody above.
    fn by_oneself(&self) -> bool {
        matches!(self, Self::Register { .. } | Self::Accept { .. } | Self::ChooseChannel { .. } | Self::Leave)
    }
}

/// What was decided: the member after, and the event that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The member after.
    pub profile: Profile,
    /// What happened.
    pub event: MemberEvent,
}

/// Makes a member by name, in the name of somebody above.
pub fn recruit(
    new: NewMember,
    pseudonym: Code,
    actor: &Member,
    district: &District,
    command: CommandId,
    now: Timestamp,
) -> Result<Decided, Error> {
    new.validate(district)?;
    if !actor.node.contains(&new.node) {
        return Err(Error::field("/node", "lies outside of your territory"));
    }
    authority::over(actor, Position { role: new.role, node: &new.node, body: new.body })?;
    let mut profile = blank(new, pseudonym, MemberState::Invited, command, now);
    profile.recruiter = Some(actor.id.clone());
    record(profile, None, MemberAction::Recruit, Who(&actor.id, actor.role), None, None, now)
}

/// Makes a district manager, in the name of the operator of the deployment.
pub fn appoint(
    node: NodeId,
    body: Body,
    pseudonym: Code,
    district: &District,
    command: CommandId,
    now: Timestamp,
) -> Result<Decided, Error> {
    let role = Role::DistrictManager;
    let (trades, places) = (Vec::new(), Vec::new());
    let new = NewMember { role, node, body: Some(body), agency: None, kind: None, trades, places };
    new.validate(district)?;
    let profile = blank(new, pseudonym, MemberState::Invited, command, now);
    record(profile, None, MemberAction::Appoint, Who(&MemberId::clock(), Role::Clock), None, None, now)
}

/// Registers a person who comes alone with a community's invite.
pub fn register(
    invite: &Invite,
    kind: Kind,
    pseudonym: Code,
    command: CommandId,
    now: Timestamp,
) -> Result<Decided, Error> {
    invite.usable(now)?;
    let node = invite.node.clone();
    let (role, trades, places) = (Role::Reporter, Vec::new(), Vec::new());
    let new = NewMember { role, node, body: None, agency: None, kind: Some(kind), trades, places };
    let profile = blank(new, pseudonym, MemberState::Applied, command, now);
    let id = profile.member.id.clone();
    record(profile, None, MemberAction::Register, Who(&id, Role::Reporter), None, Some(invite.code), now)
}

/// Decides on a change of a member of this district.
pub fn change(
    before: &Profile,
    actor: &Member,
    change: &Change,
    district: &District,
    now: Timestamp,
) -> Result<Decided, Error> {
    decide(before, actor, change, Some(district), now)
}

/// Decides on what members do with their own membership: register, accept, leave.
pub fn change_own(before: &Profile, change: &Change, now: Timestamp) -> Result<Decided, Error> {
    decide(before, &before.member, change, None, now)
}

fn decide(
    before: &Profile,
    actor: &Member,
    change: &Change,
    district: Option<&District>,
    now: Timestamp,
) -> Result<Decided, Error> {
    let district = || district.ok_or_else(|| Error::Internal("the district was not loaded".to_owned()));
    let target = &before.member;
    if change.by_oneself() {
        if actor.id != target.id {
            return Err(Error::NotFound);
        }
    } else {
        authority::over_member(actor, target)?;
    }
    let action = change.action();
    if !action.from().contains(&target.state) {
        return Err(Error::WrongMemberState(target.state));
    }
    if let Some(reason) = change.reason() {
        check_reason(reason)?;
    }
    let mut after = before.clone();
    let mut invite = None;
    match change {
        Change::Register { invite: code } => {
            after.member.state = MemberState::Applied;
            invite = Some(*code);
        }
        Change::Accept { account } => {
            if before.account.is_some() {
                return Err(Refusal::AccountTaken.into());
            }
            after.account.clone_from(account);
            after.member.state = MemberState::Active;
        }
        Change::Confirm => {
            after.member.state = MemberState::Active;
            // Who confirms has the person before them, and knows from then on who it is.
            if actor.role == Role::Officer {
                after.recruiter = Some(actor.id.clone());
            }
        }
        Change::Decline { .. } => after.member.state = MemberState::Declined,
        Change::Describe { kind, trades, places } => {
            if target.role != Role::Reporter {
                return Err(Error::field("/kind", "is for reporters alone"));
            }
            let mut bad = Vec::new();
            check_labels(district()?, trades, places, &mut bad);
            if !bad.is_empty() {
                return Err(Error::Invalid(bad));
            }
            after.kind = Some(*kind);
            after.trades.clone_from(trades);
            after.places.clone_from(places);
        }
        Change::Transfer { node, role, body, agency, .. } => {
            let to = Elsewhere { node, role: *role, body: *body, agency: agency.as_ref() };
            transfer(&mut after, actor, &to, district()?)?;
        }
        Change::Suspend { .. } => {
            after.suspended_from = Some(target.state);
            after.member.state = MemberState::Suspended;
        }
        Change::Restore { .. } => {
            after.member.state = before.suspended_from.unwrap_or(MemberState::Active);
            after.suspended_from = None;
            // The subscription ended with the suspension.
            after.channel = None;
        }
        Change::ChooseChannel { channel } => {
            check_means(channel.as_ref().map(|channel| channel.means), target.role)?;
            if let Some(channel) = channel {
                channel.quiet_hours.validate()?;
            }
            after.channel.clone_from(channel);
        }
        Change::Leave => {
            if target.role == Role::DistrictManager {
                return Err(Refusal::OperatorOnly.into());
            }
            after.member.state = MemberState::Left;
            after.covers.clear();
        }
    }
    // Nobody stands in at a place where the absent one does not review any more. The deputy's cover
    // ends in the same moment: `deputy::ended_by`.
    let place = |member: &Member| (member.node.clone(), member.role, member.state);
    if place(&after.member) != place(target) {
        after.absence = None;
    }
    if after.member.state == MemberState::Active && after.joined_at.is_none() {
        after.joined_at = Some(now);
    }
    record(after, Some(before), action, Who(&actor.id, actor.role), change.reason().cloned(), invite, now)
}

/// Checks that somebody of this role may be told by these means.
pub fn check_means(means: Option<Means>, role: Role) -> Result<(), Error> {
    match means {
        Some(means) if !means.is_for(role) => Err(Error::field("/means", "is for staff: reporters choose a device")),
        _ => Ok(()),
    }
}

/// The position to which a member goes; nothing for what stays.
struct Elsewhere<'a> {
    node: &'a NodeId,
    role: Option<Role>,
    body: Option<Body>,
    agency: Option<&'a Label>,
}

fn transfer(after: &mut Profile, actor: &Member, to: &Elsewhere<'_>, district: &District) -> Result<(), Error> {
    let Elsewhere { node, role, body, agency } = *to;
    let was = after.member.role;
    let role = role.unwrap_or(was);
    if (was == Role::Reporter) != (role == Role::Reporter) {
        return Err(Error::field(
            "/role",
            "a reporter does not become staff, nor staff a reporter: they leave and are made anew",
        ));
    }
    let body = if role.bodies().is_empty() { body } else { body.or(after.member.body) };
    let position = Position { role, node, body };
    position.validate()?;
    let stays = after.member.agency.as_ref().filter(|_| role == Role::AgencyHandler);
    let agency = agency.or(stays).cloned();
    let mut bad = Vec::new();
    check_agency(district, role, agency.as_ref(), &mut bad);
    if !bad.is_empty() {
        return Err(Error::Invalid(bad));
    }
    if !district.has(node) {
        return Err(Error::Invalid(vec![unknown_node()]));
    }
    if !actor.node.contains(node) {
        return Err(Error::field("/node", "lies outside of your territory"));
    }
    authority::over(actor, position)?;
    let moved = after.member.node != *node;
    after.member.role = role;
    after.member.node = node.clone();
    after.member.body = body;
    // Who reviews elsewhere, or something else, does not stand in here any more.
    if moved || role != was {
        after.covers.clear();
    }
    after.member.agency = agency;
    // The officer of another community has not recruited this person, and sees a pseudonym
    // like everybody else. The places that the reporter knows stay behind.
    if moved && role == Role::Reporter {
        after.recruiter = None;
        after.places.clear();
    }
    Ok(())
}

fn blank(new: NewMember, pseudonym: Code, state: MemberState, command: CommandId, now: Timestamp) -> Profile {
    let NewMember { role, node, body, agency, kind, trades, places } = new;
    let id = MemberId::of_pseudonym(pseudonym);
    Profile {
        member: Member { id, pseudonym, role, node, body, agency, state },
        version: 0,
        kind,
        trades,
        places,
        recruiter: None,
        suspended_from: None,
        account: None,
        channel: None,
        absence: None,
        covers: Vec::new(),
        created_by: Some(command),
        created_at: now,
        updated_at: now,
        joined_at: None,
        last_event: Digest::ZERO,
    }
}

/// A membership that was changed in something else than its state.
pub(crate) fn changed(
    after: Profile,
    before: &Profile,
    action: MemberAction,
    actor: &Member,
    now: Timestamp,
) -> Result<Decided, Error> {
    if !action.from().contains(&before.member.state) {
        return Err(Error::WrongMemberState(before.member.state));
    }
    record(after, Some(before), action, Who(&actor.id, actor.role), None, None, now)
}

/// Who does something: their id and role.
struct Who<'a>(&'a MemberId, Role);

fn record(
    mut profile: Profile,
    before: Option<&Profile>,
    action: MemberAction,
    Who(actor, actor_role): Who<'_>,
    reason: Option<String>,
    invite: Option<Code>,
    now: Timestamp,
) -> Result<Decided, Error> {
    let member = &profile.member;
    let event = MemberEvent {
        member: member.id.clone(),
        seq: profile.version + 1,
        at: now,
        actor: actor.clone(),
        actor_role,
        action,
        state: member.state,
        role: member.role,
        node: member.node.clone(),
        body: member.body,
        agency: member.agency.clone(),
        from_node: before.map(|before| before.member.node.clone()).filter(|node| *node != member.node),
        reason: reason.map(|reason| reason.trim().to_owned()),
        invite,
        absence: profile.absence.clone().filter(|_| action == MemberAction::SetAbsence),
        covers: before.filter(|before| before.covers != profile.covers).map(|_| profile.covers.clone()),
        joins: profile.joined_at.is_some() && before.is_none_or(|before| before.joined_at.is_none()),
        previous: profile.last_event,
        hash: Digest::ZERO,
    }
    .sealed()?;
    profile.version = event.seq;
    profile.updated_at = now;
    profile.last_event = event.hash;
    Ok(Decided { profile, event })
}

/// Whether `reader` may see who this member is in life: the member, and the officer who
/// recruited or confirmed them and still holds their community. Staff are known to those
/// who manage them, as colleagues are.
pub fn knows(reader: &Member, profile: &Profile) -> bool {
    let target = &profile.member;
    if reader.id == target.id {
        return true;
    }
    let recruited = profile.recruiter.as_ref() == Some(&reader.id);
    match target.role {
        Role::Reporter => recruited && reader.role == Role::Officer && reader.node.contains(&target.node),
        _ => authority::over_member(reader, target).is_ok(),
    }
}
