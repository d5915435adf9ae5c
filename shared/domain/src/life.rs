//! The life of a report, as one table.
//!
//! [`TABLE`] says for every action from which states it leads where, and who may take it.
//! [`step`] is the only reader of the table. A new action is a new row; a new stage is a
//! new variant of [`Stage`] with its states in [`State`].

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, Refusal},
    member::{Member, Role},
    named::{Named as _, named},
    report::{Concerns, Report, Urgency},
    text::Text,
};

named! {
    /// A stage of the review, 审核环节, from the lowest to the highest.
    pub enum Stage {
        /// The community police officer.
        Officer = "officer",
        /// The police station or subdistrict office.
        Station = "station",
        /// The district.
        District = "district",
    }
}

impl Stage {
    /// The next higher stage.
    pub fn above(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }

    /// The next lower stage.
    pub fn below(self) -> Option<Self> {
        (self as usize).checked_sub(1).and_then(|i| Self::ALL.get(i)).copied()
    }

    /// The state of a report that this stage reviews.
    pub fn review(self) -> State {
        match self {
            Self::Officer => State::OfficerReview,
            Self::Station => State::StationReview,
            Self::District => State::DistrictReview,
        }
    }

    /// The state of a report about which this stage has asked the reporter.
    pub fn returned(self) -> State {
        match self {
            Self::Officer => State::ReturnedByOfficer,
            Self::Station => State::ReturnedByStation,
            Self::District => State::ReturnedByDistrict,
        }
    }
}

named! {
    /// Where a report is in its life.
    pub enum State {
        /// The officer reviews it.
        OfficerReview = "officer_review",
        /// The station reviews it.
        StationReview = "station_review",
        /// The district reviews it.
        DistrictReview = "district_review",
        /// The officer has asked the reporter something.
        ReturnedByOfficer = "returned_by_officer",
        /// The station has asked the reporter something.
        ReturnedByStation = "returned_by_station",
        /// The district has asked the reporter something.
        ReturnedByDistrict = "returned_by_district",
        /// Not adopted, with a reason.
        Rejected = "rejected",
        /// Another report tells of the same matter.
        Duplicate = "duplicate",
        /// Taken back by the reporter.
        Withdrawn = "withdrawn",
        /// 采用: approved by the third review.
        Adopted = "adopted",
        /// 流转: passed to those who must act.
        HandedOver = "handed_over",
        /// Done, with its outcomes.
        Closed = "closed",
    }
}

impl State {
    /// Whether a stage reviews it.
    pub fn is_review(self) -> bool {
        REVIEW.contains(&self)
    }

    /// Whether somebody is expected to act: a stage that reviews it, or the reporter whom one
    /// has asked.
    pub fn has_deadline(self) -> bool {
        OPEN.contains(&self)
    }

    /// Whether it has not come to an end: a stage, the reporter, or those to whom it was handed
    /// still have it.
    pub fn is_open(self) -> bool {
        TALKING.contains(&self)
    }
}

named! {
    /// What can be done with a report.
    pub enum Action {
        /// Send it in.
        Submit = "submit",
        /// 同意: pass it up; at the third review, adopt it.
        Approve = "approve",
        /// 退回: ask the reporter for more.
        Return = "return",
        /// Answer the question.
        Answer = "answer",
        /// 不采用: end it with a reason.
        Reject = "reject",
        /// Link it to a report of the same matter.
        MarkDuplicate = "mark_duplicate",
        /// Take it back.
        Withdraw = "withdraw",
        /// Take up again what had ended.
        Reopen = "reopen",
        /// Give it back to the stage below.
        SendDown = "send_down",
        /// 移交: pass it to agencies.
        HandOver = "hand_over",
        /// End it with its outcomes.
        Close = "close",
        /// Talk: the reporter with the current stage, or the stage with the reporter.
        Message = "message",
        /// Remind the stage that its deadline has passed.
        Remind = "remind",
        /// Pass it up because the stage did not act.
        Escalate = "escalate",
        /// Erase what was unfounded, when its time is over.
        Erase = "erase",
        /// Erase it: it is another district's, which has called it back.
        Recall = "recall",
    }
}

named! {
    /// Why a report is rejected. The texts for the reporter are in [`RejectionReason::text`].
    pub enum RejectionReason {
        /// What was asked for did not come, or the report says too little to go on.
        InsufficientInformation = "insufficient_information",
        /// It was looked into and could not be confirmed.
        NotConfirmed = "not_confirmed",
        /// The matter was known already.
        AlreadyKnown = "already_known",
        /// It is for another service (a fault of the water supply, say).
        AnotherService = "another_service",
        /// It was looked into and is not so.
        Unfounded = "unfounded",
        /// It is about lawful activity: belief, opinion, petitioning. Its content is erased at once.
        OutOfScopeLawfulActivity = "out_of_scope_lawful_activity",
        /// It was sent as a test or by mistake.
        SentByMistake = "sent_by_mistake",
    }
}

/// For how many days what was unfounded is kept: as long as a reporter may need to ask for it
/// to be looked at again.
const UNFOUNDED_DAYS: i64 = 30;

impl RejectionReason {
    /// Whether the content of the report is erased in the same moment.
    pub fn erases(self) -> bool {
        self == Self::OutOfScopeLawfulActivity
    }

    /// After how many days the content of the report is erased by the clock, unless it is
    /// reopened before; none when it stays.
    pub fn erased_after_days(self) -> Option<i64> {
        (self == Self::Unfounded).then_some(UNFOUNDED_DAYS)
    }

    /// What the reporter is told.
    pub fn text(self) -> Text {
        match self {
            Self::InsufficientInformation => Text::new("现有信息不足以开展工作。", "There is too little to go on."),
            Self::NotConfirmed => Text::new("经核查，暂未能证实。", "We looked into it and could not confirm it."),
            Self::AlreadyKnown => Text::new("该情况此前已掌握。", "The matter was already known."),
            Self::AnotherService => {
                Text::new("该事项由其他部门受理，请拨打12345。", "Another service deals with this; please call 12345.")
            }
            Self::Unfounded => Text::new("经核查，情况不属实。", "We looked into it and it is not so."),
            Self::OutOfScopeLawfulActivity => Text::new(
                "所述属于合法行为，平台不受理；文字已删除，图片和录音录像正在删除，不再向任何人开放。",
                "It is about lawful activity, which this platform does not deal with. Its text was erased, and its \
                 pictures and recordings are closed to everyone and being erased.",
            ),
            Self::SentByMistake => Text::new("该线索为误报或测试。", "It was sent by mistake or as a test."),
        }
    }
}

named! {
    /// How an actor stands to a report.
    pub enum Relation {
        /// Sent it in.
        Author = "author",
        /// Reviews at the stage that holds it, or held it last.
        Holder = "holder",
        /// Reviews at a higher stage of the same territory.
        Above = "above",
        /// Reviews at a lower stage of the same territory.
        Below = "below",
        /// Would review it, but the report names the conduct of their stage. It does not
        /// exist for them.
        Named = "named",
        /// Has no part in it: it does not exist for them.
        Stranger = "stranger",
        /// The platform's own deadline job.
        Clock = "clock",
    }
}

impl Relation {
    /// How `actor` stands to `report`.
    pub fn of(actor: &Member, report: &Report) -> Self {
        if actor.id == report.reporter {
            return Self::Author;
        }
        Self::between(actor.role, actor.node.contains(&report.node), report.stage, report.concerns)
    }

    /// How someone else than the author stands to a report.
    pub fn between(role: Role, in_territory: bool, holding: Stage, concerns: Concerns) -> Self {
        if role == Role::Clock {
            return Self::Clock;
        }
        match role.stage() {
            Some(stage) if in_territory => {
                if stage < concerns.first_stage() {
                    Self::Named
                } else {
                    match stage.cmp(&holding) {
                        std::cmp::Ordering::Equal => Self::Holder,
                        std::cmp::Ordering::Greater => Self::Above,
                        std::cmp::Ordering::Less => Self::Below,
                    }
                }
            }
            _ => Self::Stranger,
        }
    }

    /// Whether a reviewer with this relation may read the report.
    pub fn may_review(self) -> bool {
        matches!(self, Self::Holder | Self::Above | Self::Below)
    }
}

/// Who may take an action, among the roles that ever do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// A member who has no report yet.
    Sender,
    /// The author.
    Author,
    /// The stage that holds it.
    Holder,
    /// The stage that holds it; in an emergency also those above, without waiting.
    HolderOrHigherInEmergency,
    /// A stage above the one that held it last; the highest for itself.
    Higher,
    /// The author and the stage that holds it; in an emergency also those above.
    EitherSide,
    /// The deadline job.
    Clock,
}

/// Where an action leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    /// To the review of the first stage that may see it.
    FirstReview,
    /// To the review of the stage above the actor's; from the highest, to `Adopted`.
    Up,
    /// To the review of the stage below the actor's.
    Down,
    /// To the review of the stage that asked.
    BackToReview,
    /// To the review of the actor's own stage.
    OwnReview,
    /// To the reporter, with a question of the actor's stage.
    Reporter,
    /// To this state, at the actor's stage.
    End(State),
    /// Nowhere: it stays as it is.
    Same,
}

/// One row of the table.
struct Row {
    action: Action,
    from: &'static [State],
    roles: &'static [Role],
    who: Who,
    to: To,
}

const REVIEW: &[State] = &[State::OfficerReview, State::StationReview, State::DistrictReview];
const ABOVE_OFFICER: &[State] = &[State::StationReview, State::DistrictReview];
const RETURNED: &[State] = &[State::ReturnedByOfficer, State::ReturnedByStation, State::ReturnedByDistrict];
// A reviewer need not wait for an answer that never comes: an open question does not keep
// its stage from deciding, nor the reporter from withdrawing.
const OPEN: &[State] = &[
    State::OfficerReview,
    State::StationReview,
    State::DistrictReview,
    State::ReturnedByOfficer,
    State::ReturnedByStation,
    State::ReturnedByDistrict,
];
const TALKING: &[State] = &[
    State::OfficerReview,
    State::StationReview,
    State::DistrictReview,
    State::ReturnedByOfficer,
    State::ReturnedByStation,
    State::ReturnedByDistrict,
    State::Adopted,
    State::HandedOver,
];
const ENDED: &[State] = &[State::Rejected, State::Duplicate, State::Closed];
const REJECTED: &[State] = &[State::Rejected];
// What was withdrawn is over, for a copy of another district's as well: it was called back.
const NOT_WITHDRAWN: &[State] = &[
    State::OfficerReview,
    State::StationReview,
    State::DistrictReview,
    State::ReturnedByOfficer,
    State::ReturnedByStation,
    State::ReturnedByDistrict,
    State::Rejected,
    State::Duplicate,
    State::Adopted,
    State::HandedOver,
    State::Closed,
];
const WITH_DISTRICT: &[State] = &[State::Adopted, State::HandedOver];

const REPORTER: &[Role] = &[Role::Reporter];
const REVIEWERS: &[Role] = &[Role::Officer, Role::StationManager, Role::DistrictManager];
const MANAGERS: &[Role] = &[Role::StationManager, Role::DistrictManager];
const DISTRICT: &[Role] = &[Role::DistrictManager];
const BOTH_SIDES: &[Role] = &[Role::Reporter, Role::Officer, Role::StationManager, Role::DistrictManager];
const CLOCK: &[Role] = &[Role::Clock];

/// The life of a report. One row for each action.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { action: Action::Submit,        from: &[],          roles: REPORTER,   who: Who::Sender,                    to: To::FirstReview },
    Row { action: Action::Approve,       from: OPEN,         roles: REVIEWERS,  who: Who::HolderOrHigherInEmergency, to: To::Up },
    Row { action: Action::Return,        from: REVIEW,       roles: REVIEWERS,  who: Who::HolderOrHigherInEmergency, to: To::Reporter },
    Row { action: Action::Answer,        from: RETURNED,     roles: REPORTER,   who: Who::Author,                    to: To::BackToReview },
    Row { action: Action::Reject,        from: OPEN,         roles: REVIEWERS,  who: Who::HolderOrHigherInEmergency, to: To::End(State::Rejected) },
    Row { action: Action::MarkDuplicate, from: OPEN,         roles: REVIEWERS,  who: Who::HolderOrHigherInEmergency, to: To::End(State::Duplicate) },
    Row { action: Action::Withdraw,      from: OPEN,         roles: REPORTER,   who: Who::Author,                    to: To::End(State::Withdrawn) },
    Row { action: Action::Reopen,        from: ENDED,        roles: MANAGERS,   who: Who::Higher,                    to: To::OwnReview },
    Row { action: Action::SendDown,      from: ABOVE_OFFICER, roles: MANAGERS,  who: Who::Holder,                    to: To::Down },
    Row { action: Action::HandOver,      from: WITH_DISTRICT, roles: DISTRICT,  who: Who::Holder,                    to: To::End(State::HandedOver) },
    Row { action: Action::Close,         from: WITH_DISTRICT, roles: DISTRICT,  who: Who::Holder,                    to: To::End(State::Closed) },
    Row { action: Action::Message,       from: TALKING,      roles: BOTH_SIDES, who: Who::EitherSide,                to: To::Same },
    Row { action: Action::Remind,        from: OPEN,         roles: CLOCK,      who: Who::Clock,                     to: To::Same },
    Row { action: Action::Escalate,      from: OPEN,         roles: CLOCK,      who: Who::Clock,                     to: To::Up },
    Row { action: Action::Erase,         from: REJECTED,     roles: CLOCK,      who: Who::Clock,                     to: To::Same },
    Row { action: Action::Recall,        from: NOT_WITHDRAWN, roles: CLOCK,      who: Who::Clock,                     to: To::End(State::Withdrawn) },
];

/// Everything on which the table decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// What is to be done.
    pub action: Action,
    /// Where the report is in its life; none before it is sent in.
    pub state: Option<State>,
    /// The stage that holds it, or held it last.
    pub stage: Stage,
    /// How fast it has to be dealt with.
    pub urgency: Urgency,
    /// Whether it names those who would review it.
    pub concerns: Concerns,
    /// The actor's role.
    pub role: Role,
    /// How the actor stands to the report.
    pub relation: Relation,
}

impl Case {
    /// The case of `actor` taking `action` on `report`.
    pub fn of(action: Action, report: &Report, actor: &Member) -> Self {
        Self {
            action,
            state: Some(report.state),
            stage: report.stage,
            urgency: report.urgency,
            concerns: report.concerns,
            role: actor.role,
            relation: Relation::of(actor, report),
        }
    }

    /// The case of a member of this role sending in a report.
    pub fn submission(role: Role, urgency: Urgency, concerns: Concerns) -> Self {
        Self {
            action: Action::Submit,
            state: None,
            stage: concerns.first_stage(),
            urgency,
            concerns,
            role,
            relation: Relation::Author,
        }
    }
}

/// Where a step leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The state after it.
    pub state: State,
    /// The stage that holds the report after it, or held it last.
    pub stage: Stage,
}

/// Decides one case by the table.
///
/// The order of the refusals matters: what must not be known to exist is
/// [`Error::NotFound`] whatever else is wrong.
pub fn step(case: Case) -> Result<Step, Error> {
    if matches!(case.relation, Relation::Stranger | Relation::Named) {
        return Err(Error::NotFound);
    }
    let row = TABLE
        .iter()
        .find(|row| row.action == case.action)
        .ok_or_else(|| Error::Internal(format!("no row for {}", case.action)))?;
    if !row.roles.contains(&case.role) {
        return Err(Refusal::WrongRole.into());
    }
    match case.state {
        Some(state) if !row.from.contains(&state) => return Err(Error::WrongState(state)),
        None if row.who != Who::Sender => return Err(Error::NotFound),
        _ => {}
    }
    permitted(row.who, case)?;
    lead(row.to, case)
}

fn permitted(who: Who, case: Case) -> Result<(), Error> {
    let highest = case.stage.above().is_none();
    let holds_or_may_take =
        case.relation == Relation::Holder || (case.relation == Relation::Above && case.urgency == Urgency::Emergency);
    let allowed = match who {
        Who::Sender => case.state.is_none(),
        Who::Author => case.relation == Relation::Author,
        Who::Holder => case.relation == Relation::Holder,
        Who::HolderOrHigherInEmergency => holds_or_may_take,
        Who::Higher => case.relation == Relation::Above || (case.relation == Relation::Holder && highest),
        Who::EitherSide => match case.role {
            Role::Reporter => case.relation == Relation::Author,
            _ => holds_or_may_take,
        },
        Who::Clock => case.relation == Relation::Clock,
    };
    if allowed {
        return Ok(());
    }
    Err(match case.relation {
        Relation::Author => Refusal::OwnReport,
        Relation::Below => Refusal::MovedOn,
        Relation::Above | Relation::Holder => Refusal::NotYourStage,
        Relation::Named | Relation::Stranger | Relation::Clock => Refusal::WrongRole,
    }
    .into())
}

fn lead(to: To, case: Case) -> Result<Step, Error> {
    // The reporter and the deadline job act on the stage that holds the report.
    let acting = case.role.stage().unwrap_or(case.stage);
    Ok(match to {
        To::FirstReview => {
            let stage = case.concerns.first_stage();
            Step { state: stage.review(), stage }
        }
        To::Up => match acting.above() {
            Some(stage) => Step { state: stage.review(), stage },
            None if case.role == Role::Clock => return Err(Refusal::NoSuchStage.into()),
            None => Step { state: State::Adopted, stage: acting },
        },
        To::Down => {
            let stage = acting.below().ok_or(Refusal::NoSuchStage)?;
            if stage < case.concerns.first_stage() {
                return Err(Refusal::ConflictOfInterest.into());
            }
            Step { state: stage.review(), stage }
        }
        To::BackToReview => Step { state: case.stage.review(), stage: case.stage },
        To::OwnReview => Step { state: acting.review(), stage: acting },
        To::Reporter => Step { state: acting.returned(), stage: acting },
        To::End(state) => Step { state, stage: acting },
        To::Same => Step { state: case.state.ok_or(Error::NotFound)?, stage: case.stage },
    })
}
