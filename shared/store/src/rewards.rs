//! Rewards: the one write of a command on one with the money that it moves, the ledgers of the
//! funds, the rules, and the lists.
//!
//! Where money moves, the fund as it stands, the entry of its ledger and the reward are written in
//! one transaction, each on condition of the version before. So no two movements are made from the
//! same balance, and none without its entry.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, ConditionCheck, TransactWriteItem},
};
use futures::future::try_join_all;
use pingan_domain::{
    Timestamp,
    command::{CommandId, Fingerprint},
    error::Error,
    invite::after_days,
    ledger::{Entry, Fund, FundId, MAX_ENTRIES},
    life::Action,
    member::MemberId,
    notice::of_reward,
    payout::Payout,
    report::{Concerns, Report, ReportId},
    reward::{Decided, Reward, RewardAction, RewardEvent, RewardId, RewardState, Share},
    reward_rules::{Merit, Rules, is_adopted},
    rewarded::Rewarded,
    territory::NodeId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store, awards,
    fault::fault,
    item::{EXPIRES_AT, Item, decode, encode, key_attributes, key_of},
    keys::{self, ENTRY_PREFIX, Index, Key, Table},
    load::MAX_BATCH,
    members::seconds,
    notices,
    pages::Asked,
    reports::{delete, put},
    tasks::{conditions_failed, failed},
};

/// How long a command on rewards is remembered, in days.
const DONE_DAYS: i64 = 30;

/// The attributes of a [`RewardSummary`], projected into the indexes of rewards.
pub(crate) const SUMMARY_ATTRIBUTES: [&str; 15] = [
    "type",
    "schema",
    "id",
    "version",
    "node",
    "concerns",
    "matter",
    "merit",
    "amount_fen",
    "state",
    "waits_for_fund",
    "appealed",
    "claim_until",
    "created_at",
    "updated_at",
];

/// What lists show of a reward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardSummary {
    /// Its code.
    pub id: RewardId,
    /// Its version.
    pub version: u64,
    /// The community of the report that came first.
    pub node: NodeId,
    /// Whether a report of the matter names those who would review it.
    pub concerns: Concerns,
    /// The report that came first.
    pub matter: ReportId,
    /// What it is for; none for an award of a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merit: Option<Merit>,
    /// All shares together, in fen.
    pub amount_fen: u64,
    /// Where it is.
    pub state: RewardState,
    /// Whether everybody agrees and the fund has not enough.
    #[serde(default)]
    pub waits_for_fund: bool,
    /// Whether somebody has appealed.
    #[serde(default)]
    pub appealed: bool,
    /// Until when it can be claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_until: Option<Timestamp>,
    /// When it was proposed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The share of one person, as statements show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareRecord {
    /// The reward.
    pub reward: RewardId,
    /// Its place among the shares, from 0.
    pub number: u8,
    /// The share.
    #[serde(flatten)]
    pub share: Share,
    /// Where the reward is.
    pub reward_state: RewardState,
    /// Whether somebody has appealed.
    #[serde(default)]
    pub appealed: bool,
    /// Until when it can be claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim_until: Option<Timestamp>,
    /// When it was proposed.
    pub created_at: Timestamp,
}

/// That a matter has a reward, or is to have one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatterRecord {
    /// The reward, once it was proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reward: Option<RewardId>,
}

/// What is known of a matter beside its report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MatterFound {
    /// The reward, once it was proposed.
    pub reward: Option<RewardId>,
    /// The other reports of the same matter.
    pub also: Vec<ReportId>,
}

/// A command on rewards or on a fund that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardDone {
    /// The command.
    pub command: CommandId,
    /// What it asked for.
    pub fingerprint: Fingerprint,
}

/// What is written with a decision on a reward.
#[derive(Debug, Default)]
pub struct RewardCommit<'a> {
    /// The reward that it was decided on; none for a new one.
    pub before: Option<&'a Reward>,
    /// The fund that money was moved from.
    pub fund: Option<&'a Fund>,
    /// What people were rewarded with, before and after.
    pub rewarded: Vec<(Rewarded, Rewarded)>,
    /// The command, where it was one of a person.
    pub done: Option<RewardDone>,
    /// The payouts that have to be as they were; of version 0, not begun.
    pub untouched: Vec<Payout>,
}

/// Why nothing was committed.
#[derive(Debug, PartialEq, Eq)]
pub enum RewardCommitError {
    /// The same command was carried out before.
    AlreadyDone,
    /// Somebody else was faster: load again and decide again.
    Stale,
    /// Another reward has this code: try the next candidate.
    CodeTaken,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for RewardCommitError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A reward with its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RewardHistory {
    /// The reward.
    pub reward: Reward,
    /// Its events, oldest first.
    pub events: Vec<RewardEvent>,
}

/// Which rewards a list shows.
#[derive(Debug, Clone, Copy)]
pub enum RewardList<'a> {
    /// Those of a district, newest first.
    District(&'a NodeId),
    /// Those in a state, oldest first.
    InState(&'a NodeId, RewardState),
}

impl Store {
    /// Commits what was decided on a reward, all of it or nothing: the reward, its event and its
    /// shares; the fund with the entry of its ledger, where money moves; what people were rewarded
    /// with; and who is told.
    pub async fn commit_reward(&self, decided: &Decided, commit: &RewardCommit<'_>) -> Result<(), RewardCommitError> {
        let table = self.tables.of(Table::Rewards);
        let done = if let Some(done) = &commit.done {
            put(table, done_item(done, decided.event.at)?, Some("attribute_not_exists(pk)"), &[])?
        } else {
            // The platform itself has done it: one matter, one reward.
            let reward = &decided.reward;
            let item = encode(&Key::Matter(reward.matter), &MatterRecord { reward: Some(reward.id) })?;
            let mine = [(":reward", AttributeValue::S(reward.id.to_string()))];
            put(table, item, Some("attribute_not_exists(reward) OR reward = :reward"), &mine)?
        };
        let mut items = self.reward_writes(decided, commit)?;
        items.insert(1, done);
        self.commit_rewards(items, commit.before.is_none()).await
    }

    /// Everything that a decision on a reward writes but its command, the reward first.
    pub(crate) fn reward_writes(
        &self,
        decided: &Decided,
        commit: &RewardCommit<'_>,
    ) -> Result<Vec<TransactWriteItem>, Error> {
        let table = self.tables.of(Table::Rewards);
        let Decided { reward, event, fund } = decided;
        let new = Some("attribute_not_exists(pk)");
        let mut items = vec![match commit.before {
            None => put(table, reward_item(reward)?, new, &[])?,
            Some(before) => versioned(table, reward_item(reward)?, before.version)?,
        }];
        items.push(put(table, encode(&Key::RewardEvent(reward.id, event.seq), event)?, new, &[])?);
        for (number, share) in (0_u8..).zip(&reward.shares) {
            items.push(put(table, share_item(reward, number, share)?, None, &[])?);
        }
        if let Some((after, entry)) = fund {
            items.extend(self.movement(commit.fund, after, entry)?);
        }
        for (before, after) in &commit.rewarded {
            let item = encode(&Key::RewardedYear(after.member.clone(), after.year), after)?;
            items.push(versioned(table, item, before.version)?);
        }
        match event.action {
            RewardAction::Approve => {
                items.push(adopted_still(table, reward)?);
                items.extend(rewarded_reports(table, reward, Some(reward.id))?);
            }
            RewardAction::Reverse => items.extend(rewarded_reports(table, reward, None)?),
            _ => {}
        }
        for payout in &commit.untouched {
            items.push(unchanged(table, payout)?);
        }
        if let Some(fact) = awards::grade_fact(commit.before, reward)? {
            items.push(put(table, fact, None, &[])?);
        }
        items.extend(notices::puts(self, &of_reward(decided))?);
        Ok(items)
    }

    /// Moves money of a fund that is about no reward, with the command.
    pub async fn commit_fund(
        &self,
        before: Option<&Fund>,
        after: &Fund,
        entry: &Entry,
        done: &RewardDone,
    ) -> Result<(), RewardCommitError> {
        let table = self.tables.of(Table::Rewards);
        let [fund, entry_put] = self.movement(before, after, entry)?;
        let done = put(table, done_item(done, entry.at)?, Some("attribute_not_exists(pk)"), &[])?;
        self.commit_rewards(vec![fund, done, entry_put], false).await
    }

    /// Writes down a version of the rules, which nobody has written before.
    pub async fn add_rules(&self, rules: &Rules) -> Result<(), RewardCommitError> {
        let table = self.tables.of(Table::Rewards);
        let item = encode(&Key::RewardRules(rules.district.clone(), rules.version), rules)?;
        let done = RewardDone { command: rules.command, fingerprint: rules.fingerprint };
        let new = Some("attribute_not_exists(pk)");
        let items = vec![put(table, item, new, &[])?, put(table, done_item(&done, rules.made_at)?, new, &[])?];
        self.commit_rewards(items, false).await
    }

    /// The versions of the rules of a district, newest first.
    pub async fn rules(&self, district: &NodeId) -> Result<Vec<Rules>, Error> {
        let items = self.partition(Table::Rewards, &keys::rules_pk(district), "RULES#").await?;
        items.into_iter().rev().map(|item| decode(&key_of(&item)?, &item)).collect()
    }

    /// What is known of a matter beside its report.
    pub async fn matter(&self, report: ReportId) -> Result<MatterFound, Error> {
        let mut found = MatterFound::default();
        for item in self.partition(Table::Rewards, &keys::matter_pk(report), "").await? {
            match key_of(&item)? {
                key @ Key::Matter(_) => found.reward = decode::<MatterRecord>(&key, &item)?.reward,
                Key::MatterAlso(_, other) => found.also.push(other),
                _ => {}
            }
        }
        Ok(found)
    }

    /// Who has approved a report, each once.
    pub async fn approvers_of(&self, report: ReportId) -> Result<Vec<MemberId>, Error> {
        let events = self.report_events(report).await?;
        let approvals = events.into_iter().filter(|event| event.action == Action::Approve);
        let approvers: BTreeSet<MemberId> = approvals.map(|event| event.actor).collect();
        Ok(approvers.into_iter().collect())
    }

    /// Whether a reward has moved on since it was read. Its fund is read after it, and may know already of what was
    /// done in between: deciding on the two together would then look like a fault.
    pub async fn has_moved_on(&self, before: &Reward) -> Result<bool, Error> {
        let found = self.load([Key::Reward(before.id)]).await?.reward(before.id)?;
        Ok(found.is_none_or(|reward| reward.version != before.version))
    }

    /// A reward with its events; none when there is none.
    pub async fn reward_history(&self, id: RewardId) -> Result<Option<RewardHistory>, Error> {
        let (mut reward, mut events) = (None, Vec::new());
        for item in self.partition(Table::Rewards, &keys::reward_pk(id), "").await? {
            match key_of(&item)? {
                key @ Key::Reward(_) => reward = Some(decode(&key, &item)?),
                key @ Key::RewardEvent(..) => events.push(decode(&key, &item)?),
                _ => {}
            }
        }
        Ok(reward.map(|reward| RewardHistory { reward, events }))
    }

    /// A page of a list of rewards, for `reader`, who alone can use its cursor.
    pub async fn rewards(
        &self,
        list: RewardList<'_>,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<(Vec<RewardSummary>, Option<String>), Error> {
        let (index, pk, backward) = match list {
            RewardList::District(district) => (Index::RewardsByDistrict, keys::node_pk(district), true),
            RewardList::InState(district, state) => (Index::RewardsByState, keys::state_pk(district, state), false),
        };
        self.page(Asked { before: None, index, pk, backward, reader, limit, cursor }).await
    }

    /// A page of what a reporter was rewarded with, newest first.
    pub async fn shares_of(
        &self,
        reporter: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<(Vec<ShareRecord>, Option<String>), Error> {
        let (index, pk) = (Index::RewardsByReporter, keys::reporter_pk(reporter));
        self.page(Asked { before: None, index, pk, backward: true, reader: reporter, limit, cursor }).await
    }

    /// A page of the ledger of a fund, newest first, for `reader`, who alone can use its cursor.
    pub async fn entries(
        &self,
        fund: &FundId,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<(Vec<Entry>, Option<String>), Error> {
        let list = ("ledger", keys::fund_pk(fund), ENTRY_PREFIX);
        self.newest_of(Table::Rewards, list, reader, limit, cursor).await
    }

    /// A part of the ledger of a fund, oldest first: at most `limit` entries after this one, and
    /// whether there are more.
    pub async fn entries_after(&self, fund: &FundId, after: u64, limit: usize) -> Result<(Vec<Entry>, bool), Error> {
        let (pk, start) = (keys::fund_pk(fund), Key::FundEntry(fund.clone(), after.min(MAX_ENTRIES)));
        let (items, more) = self.partition_after(Table::Rewards, (&pk, ENTRY_PREFIX), &start, limit).await?;
        Ok((items.into_iter().map(|item| decode(&key_of(&item)?, &item)).collect::<Result<_, _>>()?, more))
    }

    /// The rewards of a district that were proposed from one moment until before another, oldest
    /// first: at most `limit`, and whether there are more.
    pub async fn rewards_between(
        &self,
        district: &NodeId,
        (from, until): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<(Vec<Reward>, bool), Error> {
        let between = (keys::created_sk(from, ""), keys::created_sk(until, ""));
        let list = (Index::RewardsByDistrict, keys::node_pk(district));
        let (found, more): (Vec<RewardSummary>, bool) = self.between(list, between, limit).await?;
        // The index holds what lists show; who has a share in a reward only the reward says.
        let keys: Vec<Key> = found.iter().map(|reward| Key::Reward(reward.id)).collect();
        let loaded = try_join_all(keys.chunks(MAX_BATCH).map(|keys| self.load(keys.iter().cloned()))).await?;
        let mut rewards = Vec::new();
        for (loaded, found) in loaded.iter().zip(found.chunks(MAX_BATCH)) {
            for reward in found {
                rewards.extend(loaded.reward(reward.id)?);
            }
        }
        Ok((rewards, more))
    }

    /// The whole ledger of a fund, oldest first.
    pub async fn ledger(&self, fund: &FundId) -> Result<Vec<Entry>, Error> {
        let items = self.partition(Table::Rewards, &keys::fund_pk(fund), ENTRY_PREFIX).await?;
        items.into_iter().map(|item| decode(&key_of(&item)?, &item)).collect()
    }

    /// The two writes of a movement.
    fn movement(&self, before: Option<&Fund>, after: &Fund, entry: &Entry) -> Result<[TransactWriteItem; 2], Error> {
        let table = self.tables.of(Table::Rewards);
        let version = before.map_or(0, |before| before.version);
        let fund = versioned(table, encode(&Key::Fund(after.id.clone()), after)?, version)?;
        let item = encode(&Key::FundEntry(after.id.clone(), entry.seq), entry)?;
        Ok([fund, put(table, item, Some("attribute_not_exists(pk)"), &[])?])
    }

    /// Sends a transaction whose second item is the command.
    pub(crate) async fn commit_rewards(
        &self,
        items: Vec<TransactWriteItem>,
        is_new: bool,
    ) -> Result<(), RewardCommitError> {
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(RewardCommitError::Failed(fault("TransactWriteItems", &error)));
        };
        let reasons = canceled.cancellation_reasons();
        Err(match conditions_failed(reasons)?.first() {
            _ if failed(reasons, 1) => RewardCommitError::AlreadyDone,
            Some(0) if is_new => RewardCommitError::CodeTaken,
            _ => RewardCommitError::Stale,
        })
    }
}

/// What a decision on a report tells the rewards, in its transaction: that it was adopted, and
/// that it tells of the same matter as another or does not any more.
pub(crate) fn writes_of(store: &Store, old: Option<&Report>, report: &Report) -> Result<Vec<TransactWriteItem>, Error> {
    let table = store.tables.of(Table::Rewards);
    let mut items = Vec::new();
    let was_adopted = old.is_some_and(|old| is_adopted(old.state));
    let reopened = was_adopted && !is_adopted(report.state);
    if is_adopted(report.state) != was_adopted && report.origin.is_none() {
        let key = Key::MatterAdopted(report.id);
        let record = MatterAdopted { version: report.version, reopened, reporter: Some(report.reporter.clone()) };
        items.push(put(table, encode(&key, &record)?, None, &[])?);
    }
    match awards::adopted_fact(report) {
        Some((_, item)) if !was_adopted => items.push(put(table, item?, None, &[])?),
        // What was reopened gives no points for as long as it is not adopted again.
        None => {
            if let Some((key, _)) = old.and_then(awards::adopted_fact) {
                items.push(delete(table, &key)?);
            }
        }
        Some(_) => {}
    }
    let (before, after) = (old.and_then(|old| old.duplicate_of), report.duplicate_of);
    if before != after {
        if let Some(original) = before {
            items.push(delete(table, &Key::MatterAlso(original, report.id))?);
        }
        if let Some(original) = after {
            let item = encode(&Key::MatterAlso(original, report.id), &MatterAlso { version: report.version })?;
            items.push(put(table, item, None, &[])?);
        }
    }
    Ok(items)
}

/// That a report was adopted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MatterAdopted {
    /// By which of its versions.
    version: u64,
    /// Who has sent it in: whoever an outcome gives points to that it led to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reporter: Option<MemberId>,
    /// Whether it was reopened since, and is not adopted any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) reopened: bool,
}

/// By which version of a report it tells of the same matter as another.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct MatterAlso {
    version: u64,
}

/// By which reward a report was rewarded: with no other can it be again. None sets it free.
fn rewarded_reports(table: &str, reward: &Reward, by: Option<RewardId>) -> Result<Vec<TransactWriteItem>, Error> {
    // What a period award is for is no report.
    let shares = reward.shares.iter().filter(|share| share.amount_fen > 0 && reward.award.is_none());
    let mine = AttributeValue::S(reward.id.to_string());
    let write = |share: &Share| {
        let item = encode(&Key::ReportRewarded(share.report), &MatterRecord { reward: by })?;
        let free = Some("attribute_not_exists(reward) OR reward = :reward");
        put(table, item, free, &[(":reward", mine.clone())])
    };
    shares.map(write).collect()
}

/// That the report of a reward was not reopened. Of a period award there is none.
fn adopted_still(table: &str, reward: &Reward) -> Result<TransactWriteItem, Error> {
    let key = key_attributes(&Key::MatterAdopted(reward.matter));
    let check = ConditionCheck::builder().table_name(table).set_key(Some(key));
    let check = check.condition_expression("attribute_not_exists(reopened)").build();
    let check = check.map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// That a payout is as it was.
fn unchanged(table: &str, payout: &Payout) -> Result<TransactWriteItem, Error> {
    is_at(table, &Key::Payout(payout.id), payout.version)
}

/// That a record is at this version; that there is none, when that is 0.
pub(crate) fn is_at(table: &str, key: &Key, version: u64) -> Result<TransactWriteItem, Error> {
    let check = ConditionCheck::builder().table_name(table).set_key(Some(key_attributes(key)));
    let check = if version == 0 {
        check.condition_expression("attribute_not_exists(pk)")
    } else {
        let old = AttributeValue::N(version.to_string());
        check.condition_expression("version = :old").expression_attribute_values(":old", old)
    };
    let check = check.build().map_err(|error| Error::Internal(error.to_string()))?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// A write on condition of the version before; of none when that is 0.
pub(crate) fn versioned(table: &str, item: Item, before: u64) -> Result<TransactWriteItem, Error> {
    if before == 0 {
        return put(table, item, Some("attribute_not_exists(pk)"), &[]);
    }
    put(table, item, Some("version = :old"), &[(":old", AttributeValue::N(before.to_string()))])
}

pub(crate) fn done_item(done: &RewardDone, at: Timestamp) -> Result<Item, Error> {
    let mut item = encode(&Key::RewardDone(done.command), done)?;
    item.insert(EXPIRES_AT.to_owned(), seconds(after_days(at, DONE_DAYS)?));
    Ok(item)
}

fn reward_item(reward: &Reward) -> Result<Item, Error> {
    let mut item = encode(&Key::Reward(reward.id), reward)?;
    let created = keys::created_sk(reward.created_at, reward.id.as_str());
    let district = reward.district();
    if let Some(at) = reward.clock_at() {
        let (pk, sk) = Index::RewardsByDue.attributes();
        item.insert(pk.to_owned(), AttributeValue::S(keys::due_pk(keys::due_shard(reward.id))));
        item.insert(sk.to_owned(), AttributeValue::S(keys::created_sk(at, reward.id.as_str())));
    }
    for (index, partition) in [
        (Index::RewardsByDistrict, keys::node_pk(&district)),
        (Index::RewardsByState, keys::state_pk(&district, reward.state)),
    ] {
        let (pk, sk) = index.attributes();
        item.insert(pk.to_owned(), AttributeValue::S(partition));
        item.insert(sk.to_owned(), AttributeValue::S(created.clone()));
    }
    Ok(item)
}

fn share_item(reward: &Reward, number: u8, share: &Share) -> Result<Item, Error> {
    let record = ShareRecord {
        reward: reward.id,
        number,
        share: share.clone(),
        reward_state: reward.state,
        appealed: reward.appealed,
        claim_until: reward.claim_until,
        created_at: reward.created_at,
    };
    let mut item = encode(&Key::RewardShare(reward.id, number), &record)?;
    let (pk, sk) = Index::RewardsByReporter.attributes();
    item.insert(pk.to_owned(), AttributeValue::S(keys::reporter_pk(&share.member)));
    item.insert(sk.to_owned(), AttributeValue::S(keys::created_sk(reward.created_at, reward.id.as_str())));
    Ok(item)
}
