//! Maintenance: every record of the money, for the proof that they say the same.
//!
//! Like the recount this reads whole tables, so that a record whose fund or reward is gone is found as
//! well. It changes nothing. It is for an operator, while no money moves: what moves meanwhile would be
//! taken for a difference, and a second proof does not find it again.

use pingan_domain::{
    error::Error,
    proof::{Of, Proof, Records, prove},
};

use crate::{
    Store,
    item::decode,
    keys::{Key, Table},
    rewards::{MatterRecord, ShareRecord},
};

impl Store {
    /// Reads every record of the money, and of the hand-overs, and proves them.
    pub async fn prove(&self, of: &Of) -> Result<Proof, Error> {
        let mut unreadable = Vec::new();
        let records = self.records_of_money(&mut unreadable).await?;
        Ok(Proof { unreadable, ..prove(&records, of) })
    }

    async fn records_of_money(&self, unreadable: &mut Vec<String>) -> Result<Records, Error> {
        const REWARDS: [&str; 8] =
            ["fund", "fund_entry", "reward", "reward_event", "reward_share", "payout", "payout_event", "matter"];
        let mut records = Records::default();
        self.scan(Table::Rewards, &REWARDS, unreadable, |key, item| {
            match &key {
                Key::Fund(id) => records.funds.entry(id.clone()).or_default().fund = Some(decode(&key, &item)?),
                Key::FundEntry(id, _) => {
                    records.funds.entry(id.clone()).or_default().entries.push(decode(&key, &item)?);
                }
                Key::Reward(id) => records.rewards.entry(*id).or_default().reward = Some(decode(&key, &item)?),
                Key::RewardEvent(id, _) => records.rewards.entry(*id).or_default().events.push(decode(&key, &item)?),
                Key::RewardShare(id, number) => {
                    let record: ShareRecord = decode(&key, &item)?;
                    records.rewards.entry(*id).or_default().shares.insert(*number, record.share);
                }
                Key::Payout(id) => {
                    let payout = decode(&key, &item)?;
                    records.rewards.entry(id.reward).or_default().payouts.insert(id.share, payout);
                }
                Key::PayoutEvent(id, _) => {
                    let events = &mut records.rewards.entry(id.reward).or_default().payout_events;
                    events.entry(id.share).or_default().push(decode(&key, &item)?);
                }
                Key::Matter(report) => {
                    if let Some(reward) = decode::<MatterRecord>(&key, &item)?.reward {
                        records.matters.insert(*report, reward);
                    }
                }
                _ => {}
            }
            Ok(())
        })
        .await?;
        self.scan(Table::Handovers, &["handover", "handover_event"], unreadable, |key, item| {
            match &key {
                Key::Handover(id) => records.handovers.entry(*id).or_default().handover = Some(decode(&key, &item)?),
                Key::HandoverEvent(id, _) => {
                    records.handovers.entry(*id).or_default().events.push(decode(&key, &item)?);
                }
                _ => {}
            }
            Ok(())
        })
        .await?;
        // A scan says nothing of the order; what a chain has in a wrong place its own numbers show.
        records.funds.values_mut().for_each(|found| found.entries.sort_by_key(|entry| entry.seq));
        for found in records.rewards.values_mut() {
            found.events.sort_by_key(|event| event.seq);
            found.payout_events.values_mut().for_each(|events| events.sort_by_key(|event| event.seq));
        }
        records.handovers.values_mut().for_each(|found| found.events.sort_by_key(|event| event.seq));
        Ok(records)
    }
}
