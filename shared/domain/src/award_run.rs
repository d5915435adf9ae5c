//! A run of a period award: from the first fact to the last proposal.
//!
//! The points of everybody are gathered by pages, people are ranked by pages, and a reward is
//! proposed for each winner. The run says what comes next by [`AwardRun::todo`]; whoever does it
//! writes the run that follows, under the condition that nobody else did. A step that was done
//! before changes nothing, so that a run can be killed between any two steps, and go on from what
//! was written down. The proposals of a period are the same, whoever makes them: their codes and
//! commands follow from the run and the member.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{
    award::{Entrant, MAX_PAGES, Ranking, Shared, Shown, Winner, reaching},
    award_rules::{AwardRule, Source},
    briefing::Period,
    code::Code,
    command::CommandId,
    district::Label,
    error::Error,
    hash::Digest,
    member::MemberId,
    named::named,
    reward::{Context, Decided, RewardId, propose_award},
    territory::NodeId,
};

/// How many proposals are made in one step.
pub const PROPOSED_AT_ONCE: usize = 20;
/// After so many failures of one step nobody tries it again by itself.
pub const MAX_STUMBLES: u8 = 10;

/// A run: the award of a district for a period. There is one of each.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunId {
    /// The district.
    pub district: NodeId,
    /// The label of the award.
    pub award: Label,
    /// The period.
    pub period: Period,
}

impl RunId {
    /// What the codes and commands of its proposals are made from.
    fn digest(&self) -> Digest {
        let days = format!("{} {}", self.period.from, self.period.to);
        let parts = [self.district.as_str().as_bytes(), self.award.as_str().as_bytes(), days.as_bytes()];
        Digest::of(&[b"award run", parts[0], parts[1], parts[2]])
    }

    /// The code of the run, which stands in its rewards where others have the report.
    pub fn code(&self) -> Code {
        Code::from_digest(&self.digest())
    }

    /// The code of the reward of a member; `attempt` gives the next candidate when another reward
    /// has it.
    pub fn reward_id(&self, member: &MemberId, attempt: u8) -> RewardId {
        let digest = self.digest();
        Code::from_digest(&Digest::of(&[b"award", digest.bytes(), member.as_str().as_bytes(), &[attempt]]))
    }

    /// The command that proposes the reward of a member.
    pub fn command(&self, member: &MemberId) -> CommandId {
        CommandId::of_award(&self.digest(), member)
    }
}

/// What a reward of a period award is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awarded {
    /// The label of the award.
    pub award: Label,
    /// The period.
    pub period: Period,
    /// The rank; none where everybody wins who has reached so many points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// The points.
    pub points: u32,
    /// Of what and with how many it is shared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<Shared>,
    /// The amount, in fen.
    pub amount_fen: u64,
}

named! {
    /// Why a run has ended without its proposals.
    pub enum Failure {
        /// The rules that it goes by do not have the award.
        NoRule = "no_rule",
        /// One of its steps has failed again and again.
        Stumbled = "stumbled",
    }
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum RunState {
    /// The points are gathered.
    Gathering {
        /// From where.
        source: Source,
        /// Which page comes next, from 0.
        page: u32,
        /// Where it begins, to the store.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// The people are ranked.
    Ranking {
        /// The best so far.
        ranking: Ranking,
        /// Where the next page begins, to the store.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// Rewards are proposed for those who were ranked.
    Proposing {
        /// They.
        winners: Vec<Winner>,
        /// Whose comes next, from 0.
        next: u32,
    },
    /// Rewards are proposed for everybody who has reached the threshold.
    Reaching {
        /// Which page comes next, from 0.
        page: u32,
        /// Where it begins, to the store.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cursor: Option<String>,
    },
    /// All are proposed.
    Done {
        /// Those who were ranked, as people are shown them.
        winners: Vec<Shown>,
    },
    /// It has ended without them.
    Failed {
        /// Why.
        failure: Failure,
        /// Where it was, and goes on when somebody says so.
        at: Box<RunState>,
    },
}

named! {
    /// How far a run has come, as people are told it.
    pub enum RunStage {
        /// The points are gathered.
        Gathering = "gathering",
        /// The people are ranked.
        Ranking = "ranking",
        /// Rewards are proposed.
        Proposing = "proposing",
        /// All are proposed.
        Done = "done",
        /// It has ended without them.
        Failed = "failed",
    }
}

/// A run as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwardRun {
    /// Which.
    #[serde(flatten)]
    pub id: RunId,
    /// Rises by one with each step.
    pub version: u64,
    /// The version of the rules that decides.
    pub rules: u32,
    /// Where it is.
    pub at: RunState,
    /// How many rewards were proposed.
    pub proposed: u32,
    /// How much they come to, in fen.
    pub proposed_fen: u64,
    /// How often the step that comes next has failed.
    #[serde(default)]
    pub stumbles: u8,
    /// The day of the district on which it was started.
    pub started_on: Date,
    /// When it was started. Its proposals are of this moment.
    pub started_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What comes next in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Todo<'a> {
    /// Read this page of facts, merge what each counts for into the points of its member, and then
    /// say [`AwardRun::gathered`].
    Gather {
        /// From where.
        source: Source,
        /// Which page.
        page: u32,
        /// Where it begins.
        cursor: Option<&'a str>,
    },
    /// Read this page of people with points, and say [`AwardRun::ranked`].
    Rank {
        /// Which page.
        page: u32,
        /// Where it begins.
        cursor: Option<&'a str>,
    },
    /// Write the proposals of these, and then say [`AwardRun::proposed`].
    Propose {
        /// The place of the first of them.
        from: u32,
        /// They.
        winners: &'a [Winner],
    },
    /// Read this page of people with points, write the proposals of those who are
    /// [`reaching`] the threshold, and then say [`AwardRun::proposed_page`].
    ProposePage {
        /// Which page.
        page: u32,
        /// Where it begins.
        cursor: Option<&'a str>,
    },
    /// It is over.
    Nothing,
}

impl AwardRun {
    /// Starts a run, which goes by this rule of this version.
    pub fn start(id: RunId, (version, rule): (u32, &AwardRule), today: Date, now: Timestamp) -> Self {
        let source = rule.sources().first().copied();
        let state = source.map_or_else(|| after_gathering(rule), |source| gathering(source, 0, None));
        Self {
            id,
            version: 1,
            rules: version,
            at: state,
            proposed: 0,
            proposed_fen: 0,
            stumbles: 0,
            started_on: today,
            started_at: now,
            updated_at: now,
        }
    }

    /// Whether nothing comes of it any more by itself.
    pub fn is_over(&self) -> bool {
        matches!(self.at, RunState::Done { .. } | RunState::Failed { .. })
    }

    /// How far it has come.
    pub fn stage(&self) -> RunStage {
        match self.at {
            RunState::Gathering { .. } => RunStage::Gathering,
            RunState::Ranking { .. } => RunStage::Ranking,
            RunState::Proposing { .. } | RunState::Reaching { .. } => RunStage::Proposing,
            RunState::Done { .. } => RunStage::Done,
            RunState::Failed { .. } => RunStage::Failed,
        }
    }

    /// Why it has ended without its proposals; none when it has not.
    pub fn failure(&self) -> Option<Failure> {
        match self.at {
            RunState::Failed { failure, .. } => Some(failure),
            _ => None,
        }
    }

    /// What comes next.
    pub fn todo(&self) -> Todo<'_> {
        match &self.at {
            RunState::Gathering { source, page, cursor } => {
                Todo::Gather { source: *source, page: *page, cursor: cursor.as_deref() }
            }
            RunState::Ranking { ranking, cursor } => Todo::Rank { page: ranking.next(), cursor: cursor.as_deref() },
            RunState::Proposing { winners, next } => {
                let rest = winners.get(index(*next)..).unwrap_or_default();
                Todo::Propose { from: *next, winners: &rest[..rest.len().min(PROPOSED_AT_ONCE)] }
            }
            RunState::Reaching { page, cursor } => Todo::ProposePage { page: *page, cursor: cursor.as_deref() },
            RunState::Done { .. } | RunState::Failed { .. } => Todo::Nothing,
        }
    }

    /// A page of facts was gathered, and the next begins at `cursor`; none for the last page. None
    /// when that is known already.
    pub fn gathered(
        &self,
        (source, page): (Source, u32),
        cursor: Option<String>,
        rule: &AwardRule,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let sources = rule.sources();
        let place = |of: Source| sources.iter().position(|known| *known == of);
        let at = match &self.at {
            RunState::Gathering { source, page, .. } => (place(*source), *page),
            _ => return Ok(None),
        };
        if !follows(&(place(source), page), &at)? {
            return Ok(None);
        }
        let next = match cursor {
            Some(cursor) => gathering(source, next_page(page)?, Some(cursor)),
            None => place(source)
                .and_then(|place| sources.get(place + 1))
                .map_or_else(|| after_gathering(rule), |source| gathering(*source, 0, None)),
        };
        Ok(Some(self.then(next, now)))
    }

    /// A page of people was read, and the next begins at `cursor`; none for the last page. None
    /// when that is known already.
    pub fn ranked(
        &self,
        page: u32,
        people: &[Entrant],
        cursor: Option<String>,
        rule: &AwardRule,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let RunState::Ranking { ranking, .. } = &self.at else {
            return if self.has_ranked() { Ok(None) } else { Err(early()) };
        };
        let mut ranking = ranking.clone();
        if !ranking.take(page, people)? {
            return Ok(None);
        }
        let next = match cursor {
            Some(cursor) => RunState::Ranking { ranking, cursor: Some(cursor) },
            None => proposing(ranking.winners(rule), 0),
        };
        Ok(Some(self.then(next, now)))
    }

    /// The proposals from this place on were written, so many of them. None when that is known
    /// already.
    pub fn proposed(&self, from: u32, count: usize, now: Timestamp) -> Result<Option<Self>, Error> {
        let RunState::Proposing { winners, next } = &self.at else {
            return if self.is_over() { Ok(None) } else { Err(early()) };
        };
        if !follows(&from, next)? {
            return Ok(None);
        }
        let written = winners.get(index(from)..index(from) + count).ok_or_else(early)?;
        let fen = written.iter().map(|winner| winner.amount_fen).fold(0, u64::saturating_add);
        let count = u32::try_from(count).map_err(|_| early())?;
        let mut after = self.then(proposing(winners.clone(), from + count), now);
        after.counts(count, fen);
        Ok(Some(after))
    }

    /// The proposals of those who are reaching the threshold on a page were written, and the next
    /// page begins at `cursor`; none for the last page. None when that is known already.
    pub fn proposed_page(
        &self,
        page: u32,
        people: &[Entrant],
        cursor: Option<String>,
        rule: &AwardRule,
        now: Timestamp,
    ) -> Result<Option<Self>, Error> {
        let RunState::Reaching { page: next, .. } = &self.at else {
            return if self.is_over() { Ok(None) } else { Err(early()) };
        };
        if !follows(&page, next)? {
            return Ok(None);
        }
        let written = reaching(people, rule);
        let fen = written.iter().map(|winner| winner.amount_fen).fold(0, u64::saturating_add);
        let next = match cursor {
            Some(cursor) => RunState::Reaching { page: next_page(page)?, cursor: Some(cursor) },
            None => RunState::Done { winners: Vec::new() },
        };
        let mut after = self.then(next, now);
        after.counts(u32::try_from(written.len()).map_err(|_| early())?, fen);
        Ok(Some(after))
    }

    /// The step that comes next has failed. After [`MAX_STUMBLES`] the run has.
    #[must_use]
    pub fn stumbled(&self, now: Timestamp) -> Self {
        let mut after = self.clone();
        (after.version, after.updated_at) = (self.version + 1, now);
        after.stumbles = self.stumbles.saturating_add(1);
        if after.stumbles >= MAX_STUMBLES { after.failed(Failure::Stumbled, now) } else { after }
    }

    /// The run cannot go on. One that is over stays as it is.
    #[must_use]
    pub fn failed(&self, failure: Failure, now: Timestamp) -> Self {
        if self.is_over() {
            return self.clone();
        }
        self.then(RunState::Failed { failure, at: Box::new(self.at.clone()) }, now)
    }

    /// Somebody says that a run that has failed goes on, from where it was. None when it has not.
    pub fn resumed(&self, now: Timestamp) -> Option<Self> {
        let RunState::Failed { at, .. } = &self.at else { return None };
        Some(self.then((**at).clone(), now))
    }

    /// Those who were ranked, as people are shown them: by their pseudonyms alone.
    pub fn shown(&self) -> Vec<Shown> {
        let of = |state: &RunState| match state {
            RunState::Proposing { winners, .. } => winners.iter().map(Winner::shown).collect(),
            RunState::Done { winners } => winners.clone(),
            _ => Vec::new(),
        };
        match &self.at {
            RunState::Failed { at, .. } => of(at),
            state => of(state),
        }
    }

    /// The proposal of a reward for a winner. The same run makes the same proposal of the same
    /// winner, byte for byte, whenever it does.
    pub fn proposal(&self, winner: &Winner, attempt: u8) -> Result<Decided, Error> {
        let Winner { rank, points, shared, amount_fen, .. } = *winner;
        let (award, period) = (self.id.award.clone(), self.id.period);
        let awarded = Awarded { award, period, rank, points, shared, amount_fen };
        let context =
            Context { command: self.id.command(&winner.member), now: self.started_at, today: self.started_on };
        let reward = self.id.reward_id(&winner.member, attempt);
        propose_award(reward, self.id.code(), winner, awarded, self.rules, context)
    }

    fn then(&self, state: RunState, now: Timestamp) -> Self {
        Self { version: self.version + 1, at: state, stumbles: 0, updated_at: now, ..self.clone() }
    }

    fn counts(&mut self, count: u32, fen: u64) {
        self.proposed = self.proposed.saturating_add(count);
        self.proposed_fen = self.proposed_fen.saturating_add(fen);
    }

    /// Whether everybody was ranked.
    fn has_ranked(&self) -> bool {
        self.is_over() || matches!(self.at, RunState::Proposing { .. })
    }
}

fn gathering(source: Source, page: u32, cursor: Option<String>) -> RunState {
    RunState::Gathering { source, page, cursor }
}

/// What comes once all points are gathered.
fn after_gathering(rule: &AwardRule) -> RunState {
    match rule.keeps() {
        Some(keeps) => RunState::Ranking { ranking: Ranking::new(keeps), cursor: None },
        None => RunState::Reaching { page: 0, cursor: None },
    }
}

/// The proposals from this place on; done when there are none.
fn proposing(winners: Vec<Winner>, next: u32) -> RunState {
    if index(next) < winners.len() {
        RunState::Proposing { winners, next }
    } else {
        RunState::Done { winners: winners.iter().map(Winner::shown).collect() }
    }
}

/// Whether a step is the one that comes next; not, when it was done before.
fn follows<T: Ord>(step: &T, next: &T) -> Result<bool, Error> {
    if step > next { Err(early()) } else { Ok(step == next) }
}

fn next_page(page: u32) -> Result<u32, Error> {
    if page + 1 < MAX_PAGES { Ok(page + 1) } else { Err(Error::Internal("an award run has too many pages".to_owned())) }
}

fn early() -> Error {
    Error::Internal("a step of an award run comes before its turn".to_owned())
}

fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}
