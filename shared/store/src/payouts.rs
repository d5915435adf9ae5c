//! Payouts: how the shares of rewards are paid, each step in one transaction, and the lists.
//!
//! A payout that settles is written with the reward, the fund and the entry of its ledger. So money
//! is paid exactly when the ledger says so, and once.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use pingan_domain::{
    Timestamp,
    error::Error,
    ledger::Fund,
    member::MemberId,
    payout::{Decided, Method, Payout, PayoutEvent, PayoutId, PayoutState},
    reward::{self, Reward, RewardId},
    territory::NodeId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    item::{Item, decode, encode, key_of},
    keys::{self, Index, Key, PAYOUT_PREFIX, Table},
    pages::Asked,
    reports::put,
    rewards::{RewardCommit, RewardCommitError, RewardDone, done_item, is_at, versioned},
};

/// The attributes of a [`PayoutSummary`], projected into the index of payouts.
pub(crate) const SUMMARY_ATTRIBUTES: [&str; 10] =
    ["type", "schema", "reward", "share", "version", "district", "amount_fen", "state", "method", "updated_at"];

/// What lists show of a payout: a code and an amount.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutSummary {
    /// The share.
    #[serde(flatten)]
    pub id: PayoutId,
    /// Its version.
    pub version: u64,
    /// The district.
    pub district: NodeId,
    /// How much, in fen.
    pub amount_fen: u64,
    /// Where its newest event led.
    pub state: PayoutState,
    /// How it is paid.
    pub method: Method,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What is written with a step of a payout.
#[derive(Debug)]
pub struct PayoutCommit<'a> {
    /// The payout that it was decided on; at version 0 when there is no record yet.
    pub before: &'a Payout,
    /// The reward before. Where it is not paid it has to be as it was: what has lapsed or was taken back
    /// meanwhile is not begun to be paid. None where nothing depends on it.
    pub reward: Option<&'a Reward>,
    /// What was decided of the reward, with the fund before, where it was paid.
    pub paid: Option<(&'a reward::Decided, &'a Fund)>,
    /// The command; none where it is to be tried again, as after a wrong code.
    pub done: Option<&'a RewardDone>,
}

impl Store {
    /// Commits a step of a payout, all of it or nothing: the payout with its event, the command, and
    /// where it was paid the reward with the fund and its ledger.
    pub async fn commit_payout(&self, decided: &Decided, commit: &PayoutCommit<'_>) -> Result<(), RewardCommitError> {
        let table = self.tables.of(Table::Rewards);
        let [payout, event] = self.payout_writes(commit.before, decided)?;
        let mut items = vec![payout, event];
        if let Some(done) = commit.done {
            items.insert(1, put(table, done_item(done, decided.event.at)?, Some("attribute_not_exists(pk)"), &[])?);
        }
        if let Some((paid, fund)) = commit.paid {
            let fund = Some(fund).filter(|fund| fund.version > 0);
            let commit = RewardCommit { before: commit.reward, fund, ..RewardCommit::default() };
            items.extend(self.reward_writes(paid, &commit)?);
        } else if let Some(reward) = commit.reward {
            items.push(is_at(table, &Key::Reward(reward.id), reward.version)?);
        }
        self.commit_rewards(items, false).await
    }

    /// The two writes of a step of a payout.
    pub(crate) fn payout_writes(&self, before: &Payout, decided: &Decided) -> Result<[TransactWriteItem; 2], Error> {
        let table = self.tables.of(Table::Rewards);
        let payout = versioned(table, payout_item(&decided.payout)?, before.version)?;
        let key = Key::PayoutEvent(decided.event.payout, decided.event.seq);
        let event = encode(&key, &decided.event)?;
        Ok([payout, put(table, event, Some("attribute_not_exists(pk)"), &[])?])
    }

    /// The events of the payouts of a reward, by share and oldest first.
    pub async fn payout_events(&self, reward: RewardId) -> Result<Vec<PayoutEvent>, Error> {
        let mut events = Vec::new();
        for item in self.partition(Table::Rewards, &keys::reward_pk(reward), PAYOUT_PREFIX).await? {
            let key = key_of(&item)?;
            if matches!(key, Key::PayoutEvent(..)) {
                events.push(decode(&key, &item)?);
            }
        }
        Ok(events)
    }

    /// A page of the payouts of a district in a state, what has waited longest first, for `reader`,
    /// who alone can use its cursor.
    pub async fn payouts(
        &self,
        district: &NodeId,
        state: PayoutState,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<(Vec<PayoutSummary>, Option<String>), Error> {
        let (index, pk) = (Index::PayoutsByState, keys::payouts_pk(district, state));
        self.page(Asked { before: None, index, pk, backward: false, reader, limit, cursor }).await
    }
}

fn payout_item(payout: &Payout) -> Result<Item, Error> {
    let mut item = encode(&Key::Payout(payout.id), payout)?;
    let (pk, sk) = Index::PayoutsByState.attributes();
    let place = format!("{}#{:02}", payout.id.reward.as_str(), payout.id.share);
    item.insert(pk.to_owned(), AttributeValue::S(keys::payouts_pk(&payout.district, payout.state)));
    item.insert(sk.to_owned(), AttributeValue::S(keys::created_sk(payout.updated_at, place)));
    Ok(item)
}
