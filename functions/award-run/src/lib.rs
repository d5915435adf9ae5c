//! Counts the points of period awards, ranks those who have some, and proposes rewards for the
//! winners. A schedule starts it every quarter of an hour.
//!
//! Each step of a run is written down before the next begins, on condition that nobody else was
//! faster. So it stops after any step when its time is over, and the next start goes on; two at
//! once do each step once, and one that is killed loses no more than the step that it was at.
//!
//! What a run does next is in `shared/domain/src/award_run.rs`, which ones are due in
//! `award_rules.rs`.

use std::time::{Duration, Instant};

use aws_config::SdkConfig;
use jiff::tz::TimeZone;
use pingan_domain::{
    award::{MAX_PAGES, Winner, reaching},
    award_rules::{AwardRule, Due, KnownRun, due},
    award_run::{AwardRun, Failure as Ended, PROPOSED_AT_ONCE, RunId, Todo},
    command::Fingerprint,
    error::Error,
    reward_rules::Rules,
    tally::day,
    territory::NodeId,
};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{
    CursorKey, Key, Store, TableNames,
    rewards::{RewardCommit, RewardCommitError, RewardDone},
};
use serde::Deserialize;

/// After which time a start begins no further step, in seconds: well within the function's timeout.
pub const MAX_SECONDS: u64 = 200;
/// How many steps a run can have: more than all its pages.
const MAX_STEPS: u32 = 6 * MAX_PAGES;
/// How many codes are tried for a reward.
const MAX_CODES: u8 = 8;
/// How often a proposal is written again that another writer was in the way of.
const MAX_TRIES: usize = 20;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Awards {
    /// The records.
    pub store: Store,
    /// The time.
    pub world: World,
    /// The time zone of the districts, by which days go.
    pub time_zone: TimeZone,
    /// After which time it begins no further step; at least one step of each run is taken.
    pub patience: Duration,
}

/// What starts it: it says nothing that it needs.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub struct Start {}

/// What came of a step.
enum Step {
    /// There is more to do.
    Next,
    /// There is not.
    Over,
}

impl Awards {
    /// Reads `REWARDS_TABLE`, `MEMBERS_TABLE`, `OUTCOMES_TABLE`, `TASKS_TABLE`, `NOTICES_TABLE` and
    /// `TIME_ZONE` (default `Asia/Shanghai`).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            rewards: environment.get("REWARDS_TABLE")?,
            members: environment.get("MEMBERS_TABLE")?,
            outcomes: environment.get("OUTCOMES_TABLE")?,
            tasks: environment.get("TASKS_TABLE")?,
            notices: environment.get("NOTICES_TABLE")?,
            ..TableNames::default()
        };
        Ok(Self {
            // Its cursors never leave it.
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, CursorKey::unused()),
            world: World::real(),
            time_zone: TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?,
            patience: Duration::from_secs(MAX_SECONDS),
        })
    }

    /// Starts the runs that are due, and goes on with those that are not over, until all are over
    /// or its time is. A run that fails does not keep the others from going on; the start fails at
    /// its end, so that an alarm tells of it.
    pub async fn handle(&self, _: Start) -> Result<(), Failure> {
        let begun = Instant::now();
        let mut failed = Vec::new();
        for district in self.store.districts().await? {
            let due = match self.due(&district).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(district = %district, error.why = %error, "what awards are due is not known");
                    failed.push(format!("{district}: {error}"));
                    continue;
                }
            };
            for id in due {
                if let Err(error) = self.go_on(&id, begun).await {
                    tracing::error!(
                        district = %id.district, award.label = %id.award, award.to = %id.period.to,
                        error.why = %error, "a step of an award run has failed"
                    );
                    failed.push(format!("{} {}: {error}", id.district, id.award));
                }
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ").into()) }
    }

    /// The runs of a district that are to go on, those that are due started.
    async fn due(&self, district: &NodeId) -> Result<Vec<RunId>, Error> {
        let versions = self.store.rules(district).await?;
        let runs = self.store.award_runs(district).await?;
        let known: Vec<_> = runs.iter().map(|run| KnownRun { id: run.id.clone(), is_over: run.is_over() }).collect();
        let now = self.world.now();
        let today = day(now, &self.time_zone);
        let mut ids = Vec::new();
        for due in due(&versions, &known, today) {
            match due {
                Due::GoOn { id } => ids.push(id),
                Due::Start { id, rules } => {
                    let version = versions.iter().find(|version| version.version == rules);
                    let Some(rule) = version.and_then(|version| rule_of(version, &id)) else { continue };
                    let run = AwardRun::start(id.clone(), (rules, rule), today, now);
                    // Somebody else may have started it just now.
                    if self.store.put_award_run(0, &run).await? {
                        tracing::info!(
                            district = %id.district, award.label = %id.award, award.to = %id.period.to,
                            "an award run is started"
                        );
                    }
                    ids.push(id);
                }
            }
        }
        Ok(ids)
    }

    /// Takes the steps of a run, until it is over or the time is.
    async fn go_on(&self, id: &RunId, begun: Instant) -> Result<(), Error> {
        for step in 0..MAX_STEPS {
            if step > 0 && begun.elapsed() >= self.patience {
                tracing::info!(district = %id.district, award.label = %id.award, award.steps = step, "an award run goes on later");
                return Ok(());
            }
            let Some(run) = self.store.award_run(id).await? else { return Ok(()) };
            match self.step(&run).await {
                Ok(Step::Next) => {}
                Ok(Step::Over) => return Ok(()),
                Err(error) => {
                    let after = run.stumbled(self.world.now());
                    // Who was faster has got further, or has said so already.
                    let said = self.store.put_award_run(run.version, &after).await;
                    if let Err(unsaid) = said {
                        tracing::warn!(error.why = %unsaid, "that a step has failed could not be said");
                    }
                    return Err(error);
                }
            }
        }
        Err(Error::Internal(format!("the award run {} has more than {MAX_STEPS} steps", id.award)))
    }

    /// Takes the step that comes next, and writes down that it was taken.
    async fn step(&self, run: &AwardRun) -> Result<Step, Error> {
        if run.is_over() {
            return Ok(Step::Over);
        }
        let key = Key::RewardRules(run.id.district.clone(), run.rules);
        let rules = self.store.load([key]).await?.reward_rules(&run.id.district, run.rules)?;
        let now = self.world.now();
        let Some(rule) = rules.as_ref().and_then(|rules| rule_of(rules, &run.id)) else {
            self.store.put_award_run(run.version, &run.failed(Ended::NoRule, now)).await?;
            return Err(Error::Internal(format!("version {} of the rules has no award {}", run.rules, run.id.award)));
        };
        let (store, id) = (&self.store, &run.id);
        let after = match run.todo() {
            Todo::Gather { source, page, cursor } => {
                let (facts, next) = store.facts((source, &id.district), id.period, &self.time_zone, cursor).await?;
                store.add_points(id, &facts, rule, &self.time_zone).await?;
                run.gathered((source, page), next, rule, now)?
            }
            Todo::Rank { page, cursor } => {
                let (people, next) = store.entrants(id, rule, cursor).await?;
                run.ranked(page, &people, next, rule, now)?
            }
            Todo::Propose { from, winners } => {
                self.propose(run, winners).await?;
                run.proposed(from, winners.len(), now)?
            }
            Todo::ProposePage { page, cursor } => {
                let (people, next) = store.entrants(id, rule, cursor).await?;
                for winners in reaching(&people, rule).chunks(PROPOSED_AT_ONCE) {
                    self.propose(run, winners).await?;
                }
                run.proposed_page(page, &people, next, rule, now)?
            }
            Todo::Nothing => return Ok(Step::Over),
        };
        let Some(after) = after else { return Ok(Step::Next) };
        // Whoever was faster has done the same.
        if store.put_award_run(run.version, &after).await? && after.is_over() {
            tracing::info!(
                district = %id.district, award.label = %id.award, award.to = %id.period.to,
                award.proposed = after.proposed, "an award run is done"
            );
        }
        Ok(Step::Next)
    }

    async fn propose(&self, run: &AwardRun, winners: &[Winner]) -> Result<(), Error> {
        for winner in winners {
            self.propose_one(run, winner).await?;
        }
        Ok(())
    }

    /// Writes the proposal of a winner, once.
    async fn propose_one(&self, run: &AwardRun, winner: &Winner) -> Result<(), Error> {
        let command = run.id.command(&winner.member);
        // The command alone says what it asks for: nobody else can give it another meaning.
        let fingerprint = Fingerprint::of(uuid::Uuid::nil(), "propose an award", run.id.award.as_str(), &command)?;
        let done = RewardDone { command, fingerprint };
        let mut attempt = 0;
        for _ in 0..MAX_TRIES {
            let decided = run.proposal(winner, attempt)?;
            let commit = RewardCommit { done: Some(done.clone()), ..RewardCommit::default() };
            match self.store.commit_reward(&decided, &commit).await {
                Ok(()) | Err(RewardCommitError::AlreadyDone) => return Ok(()),
                Err(RewardCommitError::Stale) => {}
                Err(RewardCommitError::Failed(error)) => return Err(error),
                Err(RewardCommitError::CodeTaken) => {
                    let id = decided.reward.id;
                    let known = self.store.load([Key::Reward(id)]).await?.reward(id)?;
                    // Commands are remembered for a month. A run that goes on later finds its own.
                    let own = known.is_some_and(|known| known.matter == run.id.code() && known.is_of(&winner.member));
                    if own {
                        return Ok(());
                    }
                    attempt += 1;
                    if attempt >= MAX_CODES {
                        break;
                    }
                }
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}

/// The award that a run is of, in a version of the rules.
fn rule_of<'a>(rules: &'a Rules, id: &RunId) -> Option<&'a AwardRule> {
    rules.content.awards.iter().find(|award| award.label == id.award)
}
