//! Period awards: what can give points, and the runs that count it.
//!
//! What can give points is an item of its own in a partition of its district, written in the
//! transaction that makes it so, under a moment that never moves. A run reads these partitions and
//! nothing else of reports, outcomes and tasks. The points of a member are written on condition of
//! what they were merged with, and a run on condition of its version: whoever is late writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::{operation::put_item::PutItemError, types::AttributeValue};
use futures::future::try_join_all;
use jiff::tz::TimeZone;
use pingan_domain::{
    award::{Entrant, Fact, MAX_PAGE, Points, What},
    award_rules::{AwardRule, Source},
    award_run::{AwardRun, RunId},
    briefing::Period,
    district::Label,
    error::Error,
    member::MemberId,
    outcome::Outcome,
    report::{Category, Report, ReportId},
    reward::{Reward, RewardState},
    reward_rules::is_adopted,
    tally::begins,
    task_receipt::TaskReceipt,
    territory::NodeId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    fault::fault,
    item::{Item, decode, encode, key_of, text},
    keys::{self, Key, POINTS_PREFIX, Table},
    load::MAX_BATCH,
    reports::put,
    rewards::{MatterAdopted, RewardCommitError, RewardDone, done_item, versioned},
};

/// How many points are written at the same time.
const WRITES_AT_ONCE: usize = 25;
/// How often the points of one member are merged anew before somebody else has to.
const MAX_TRIES: usize = 20;
/// How many runs of a district are looked at, the newest first: decades of them.
const MAX_RUNS: usize = 500;
/// How many runs are read at once.
const RUNS_PAGE: u16 = 50;

/// What can give points, as it is written down. What was taken back names nobody any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
enum FactRecord {
    Report {
        reporter: MemberId,
        category: Category,
    },
    Grade {
        reporter: MemberId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grade: Option<Label>,
    },
    Outcome {
        kind: Label,
        #[serde(default)]
        leads: Vec<ReportId>,
    },
    Task {},
}

/// What counts for a member in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct PointsRecord {
    /// Rises with each change.
    version: u64,
    points: Points,
}

/// A page, and where the next begins.
pub type AwardPage<T> = (Vec<T>, Option<String>);

impl Store {
    /// A page of what can give points in a district within a period, and where the next begins.
    pub async fn facts(
        &self,
        (source, district): (Source, &NodeId),
        period: Period,
        time_zone: &TimeZone,
        cursor: Option<&str>,
    ) -> Result<AwardPage<Fact>, Error> {
        let after = period.to.tomorrow().map_err(|error| Error::Internal(error.to_string()))?;
        let (from, to) = keys::facts_range(begins(period.from, time_zone)?, begins(after, time_zone)?);
        let table = match source {
            Source::Reports | Source::Grades => Table::Rewards,
            Source::Outcomes => Table::Outcomes,
            Source::Tasks => Table::Tasks,
        };
        let (items, next) = self.award_page(table, keys::facts_pk(district, source), (from, to), cursor).await?;
        let mut records = Vec::new();
        for item in items {
            let key = key_of(&item)?;
            records.push((decode::<FactRecord>(&key, &item)?, key));
        }
        let reporters = self.reporters_of(&records).await?;
        let facts = records.into_iter().flat_map(|(record, key)| facts_of(record, key, &reporters)).collect();
        Ok((facts, next))
    }

    /// Merges what these facts count for into the points of their members. A second time changes
    /// nothing.
    pub async fn add_points(
        &self,
        run: &RunId,
        facts: &[Fact],
        rule: &AwardRule,
        time_zone: &TimeZone,
    ) -> Result<(), Error> {
        let mut earned: BTreeMap<&MemberId, Points> = BTreeMap::new();
        for fact in facts {
            let points = Points::of(fact, rule, run.period, time_zone);
            if !points.is_empty() {
                let sum = earned.entry(&fact.member).or_default();
                *sum = std::mem::take(sum).merge(&points, rule);
            }
        }
        let earned: Vec<(&MemberId, Points)> = earned.into_iter().collect();
        for batch in earned.chunks(MAX_BATCH) {
            let keys = batch.iter().map(|(member, _)| Key::AwardPoints(run.clone(), (*member).clone()));
            let mut known = BTreeMap::new();
            let loaded = self.load(keys).await?;
            for (member, _) in batch {
                known.insert(*member, loaded.award_points(run, member)?);
            }
            for some in batch.chunks(WRITES_AT_ONCE) {
                let writes = some.iter().map(|(member, points)| {
                    let before = known.get(*member).cloned().flatten();
                    self.merge_points(run, member, points, before, rule)
                });
                try_join_all(writes).await?;
            }
        }
        Ok(())
    }

    /// A page of those who have points in a run and can win, and where the next begins.
    pub async fn entrants(
        &self,
        run: &RunId,
        rule: &AwardRule,
        cursor: Option<&str>,
    ) -> Result<AwardPage<Entrant>, Error> {
        // `$` comes after the `#` of the prefix.
        let range = (POINTS_PREFIX.to_owned(), POINTS_PREFIX.replace('#', "$"));
        let (items, next) = self.award_page(Table::Rewards, keys::points_pk(run), range, cursor).await?;
        let mut counted = Vec::new();
        for item in items {
            let key = key_of(&item)?;
            let record: PointsRecord = decode(&key, &item)?;
            if let Key::AwardPoints(_, member) = key {
                counted.push((member, record.points));
            }
        }
        let batches = counted.chunks(MAX_BATCH).map(|batch| async move {
            let loaded = self.load(batch.iter().map(|(member, _)| Key::Member(member.clone()))).await?;
            let found = batch.iter().map(|(member, points)| {
                let profile = loaded.profile(member)?;
                Ok(profile.and_then(|profile| Entrant::new(&profile.member, points, rule)))
            });
            found.filter_map(Result::transpose).collect::<Result<Vec<_>, Error>>()
        });
        Ok((try_join_all(batches).await?.into_iter().flatten().collect(), next))
    }

    /// A run; none when there is none.
    pub async fn award_run(&self, id: &RunId) -> Result<Option<AwardRun>, Error> {
        self.load([Key::AwardRun(id.clone())]).await?.award_run(id)
    }

    /// The runs of a district, the newest periods first.
    pub async fn award_runs(&self, district: &NodeId) -> Result<Vec<AwardRun>, Error> {
        let (mut runs, mut cursor) = (Vec::new(), None);
        while runs.len() < MAX_RUNS {
            let reader = MemberId::clock();
            let (page, next) = self.award_runs_page(district, &reader, RUNS_PAGE, cursor.as_deref()).await?;
            runs.extend(page);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        Ok(runs)
    }

    /// A page of the runs of a district, the newest periods first, for `reader`, who alone can use
    /// its cursor.
    pub async fn award_runs_page(
        &self,
        district: &NodeId,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<AwardPage<AwardRun>, Error> {
        self.newest_of(Table::Rewards, ("awards", keys::awards_pk(district), ""), reader, limit, cursor).await
    }

    /// Writes a run, on condition that it is as it was: of version 0, not there. Whether it was.
    pub async fn put_award_run(&self, before: u64, run: &AwardRun) -> Result<bool, Error> {
        let item = encode(&Key::AwardRun(run.id.clone()), run)?;
        self.put_versioned(item, before).await
    }

    /// Writes a run that somebody has let go on, with the command.
    pub async fn resume_award_run(
        &self,
        before: u64,
        run: &AwardRun,
        done: &RewardDone,
    ) -> Result<(), RewardCommitError> {
        let table = self.tables.of(Table::Rewards);
        let item = versioned(table, encode(&Key::AwardRun(run.id.clone()), run)?, before)?;
        let done = put(table, done_item(done, run.updated_at)?, Some("attribute_not_exists(pk)"), &[])?;
        self.commit_rewards(vec![item, done], false).await
    }

    /// Merges what a member has earned into what is known, as often as somebody else is faster.
    async fn merge_points(
        &self,
        run: &RunId,
        member: &MemberId,
        earned: &Points,
        mut before: Option<PointsRecord>,
        rule: &AwardRule,
    ) -> Result<(), Error> {
        let key = Key::AwardPoints(run.clone(), member.clone());
        for _ in 0..MAX_TRIES {
            let PointsRecord { version, points } = before.take().unwrap_or_default();
            let merged = points.clone().merge(earned, rule);
            if merged == points {
                return Ok(());
            }
            let after = PointsRecord { version: version + 1, points: merged };
            if self.put_versioned(encode(&key, &after)?, version).await? {
                return Ok(());
            }
            before = self.load([key.clone()]).await?.award_points(run, member)?;
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Puts an item of the rewards on condition of the version before; of none when that is 0.
    async fn put_versioned(&self, item: Item, before: u64) -> Result<bool, Error> {
        let put = self.client.put_item().table_name(self.tables.of(Table::Rewards)).set_item(Some(item));
        let put = if before == 0 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            let old = AttributeValue::N(before.to_string());
            put.condition_expression("version = :old").expression_attribute_values(":old", old)
        };
        match put.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(fault("PutItem", &error)),
            },
        }
    }

    /// Who has sent in the reports that led to these outcomes.
    async fn reporters_of(&self, records: &[(FactRecord, Key)]) -> Result<BTreeMap<ReportId, MemberId>, Error> {
        let leads: BTreeSet<ReportId> = records
            .iter()
            .flat_map(|(record, _)| match record {
                FactRecord::Outcome { leads, .. } => leads.clone(),
                _ => Vec::new(),
            })
            .collect();
        let leads: Vec<ReportId> = leads.into_iter().collect();
        let batches = leads.chunks(MAX_BATCH).map(|batch| async move {
            let loaded = self.load(batch.iter().copied().map(Key::MatterAdopted)).await?;
            let found = batch.iter().map(|id| Ok(loaded.reporter_of(*id)?.map(|reporter| (*id, reporter))));
            found.filter_map(Result::transpose).collect::<Result<Vec<_>, Error>>()
        });
        Ok(try_join_all(batches).await?.into_iter().flatten().collect())
    }

    /// A strongly consistent page of a partition from one sort key to another, and the sort key
    /// after which the next begins.
    async fn award_page(
        &self,
        table: Table,
        pk: String,
        (from, to): (String, String),
        cursor: Option<&str>,
    ) -> Result<AwardPage<Item>, Error> {
        let start = cursor.map(|sk| {
            let sk = AttributeValue::S(sk.to_owned());
            Item::from([("pk".to_owned(), AttributeValue::S(pk.clone())), ("sk".to_owned(), sk)])
        });
        let answer = self
            .client
            .query()
            .table_name(self.tables.of(table))
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(pk.clone()))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .limit(i32::try_from(MAX_PAGE).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start)
            .send()
            .await
            .map_err(|error| fault("Query", &error))?;
        let next = answer.last_evaluated_key.as_ref().and_then(|last| text(last, "sk")).map(str::to_owned);
        Ok((answer.items.unwrap_or_default(), next))
    }
}

impl crate::Loaded {
    /// A run of a period award.
    pub fn award_run(&self, id: &RunId) -> Result<Option<AwardRun>, Error> {
        self.get(&Key::AwardRun(id.clone()))
    }

    fn award_points(&self, run: &RunId, member: &MemberId) -> Result<Option<PointsRecord>, Error> {
        self.get(&Key::AwardPoints(run.clone(), member.clone()))
    }

    /// Who has sent in a report that was adopted.
    fn reporter_of(&self, report: ReportId) -> Result<Option<MemberId>, Error> {
        Ok(self.get::<MatterAdopted>(&Key::MatterAdopted(report))?.and_then(|adopted| adopted.reporter))
    }
}

/// What a record says: of an outcome one fact for each report that led to it.
fn facts_of(record: FactRecord, key: Key, reporters: &BTreeMap<ReportId, MemberId>) -> Vec<Fact> {
    match (record, key) {
        (FactRecord::Report { reporter: member, category }, Key::AdoptedFact(_, at, id)) => {
            vec![Fact { member, id, at, what: What::Report { category } }]
        }
        (FactRecord::Grade { reporter: member, grade: Some(grade) }, Key::GradeFact(_, at, id)) => {
            vec![Fact { member, id, at, what: What::Grade { grade } }]
        }
        (FactRecord::Outcome { kind, leads }, Key::OutcomeFact(_, at, id)) => {
            let members = leads.iter().filter_map(|lead| reporters.get(lead));
            members
                .map(|member| Fact { member: member.clone(), id, at, what: What::Outcome { kind: kind.clone() } })
                .collect()
        }
        (FactRecord::Task {}, Key::TaskFact(_, at, id, member)) => vec![Fact { member, id, at, what: What::Task }],
        _ => Vec::new(),
    }
}

/// What a report gives points for: that it is adopted, as of the first time; nothing for a copy of
/// another district's report.
pub(crate) fn adopted_fact(report: &Report) -> Option<(Key, Result<Item, Error>)> {
    let at = report.adopted_at.filter(|_| is_adopted(report.state) && report.origin.is_none())?;
    let key = Key::AdoptedFact(report.node.district(), at, report.id);
    let record = FactRecord::Report { reporter: report.reporter.clone(), category: report.category };
    let item = encode(&key, &record);
    Some((key, item))
}

/// What the grade of a reward gives points for, as of its proposal, to whoever reported first; none
/// when that is as it was.
pub(crate) fn grade_fact(before: Option<&Reward>, reward: &Reward) -> Result<Option<Item>, Error> {
    let graded = |reward: &Reward| {
        let counts = !matches!(reward.state, RewardState::Declined | RewardState::Reversed);
        reward.merit.as_ref().and_then(|merit| merit.grade.clone()).filter(|_| counts)
    };
    let (grade, old) = (graded(reward), before.and_then(graded));
    let Some(first) = reward.shares.first().filter(|_| grade != old) else { return Ok(None) };
    let key = Key::GradeFact(reward.district(), reward.created_at, reward.matter);
    encode(&key, &FactRecord::Grade { reporter: first.member.clone(), grade }).map(Some)
}

/// What a confirmed outcome gives points for, as of its first confirmation; none when that is as it
/// was. One that is not counted any more led from no report.
pub(crate) fn outcome_fact(before: Option<&Outcome>, outcome: &Outcome) -> Result<Option<Item>, Error> {
    let of = |outcome: &Outcome| {
        let counted = outcome.counted.as_ref();
        let leads = outcome.leads.iter().filter(|_| counted.is_some()).map(|lead| lead.report).collect();
        let kind = counted.map_or(&outcome.claim.kind, |counted| &counted.kind).clone();
        outcome.confirmed_at.map(|at| (at, FactRecord::Outcome { kind, leads }))
    };
    let (after, before) = (of(outcome), before.and_then(of));
    let Some((at, record)) = after.filter(|after| before.as_ref() != Some(after)) else { return Ok(None) };
    encode(&Key::OutcomeFact(outcome.district.clone(), at, outcome.id), &record).map(Some)
}

/// That a task was answered for the first time; none for what is no answer, or a later one. It goes
/// when the answer does.
pub(crate) fn task_fact(
    before: Option<&TaskReceipt>,
    receipt: &TaskReceipt,
    expires: &AttributeValue,
) -> Result<Option<Item>, Error> {
    let answered = before.is_some_and(|before| before.answered_at.is_some());
    let Some(at) = receipt.answered_at.filter(|_| !answered) else { return Ok(None) };
    let key = Key::TaskFact(receipt.node.district(), at, receipt.task, receipt.member.clone());
    let mut item = encode(&key, &FactRecord::Task {})?;
    item.insert(crate::item::EXPIRES_AT.to_owned(), expires.clone());
    Ok(Some(item))
}
