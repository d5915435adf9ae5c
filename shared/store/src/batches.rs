//! Batches of transfers: each step in one transaction, with the shares that are put in.
//!
//! The file for the bank is bytes to this crate, sealed. It stands here from the release until the
//! bank has answered, and goes in the transaction that takes the answer on.

use aws_sdk_dynamodb::types::AttributeValue;
use pingan_domain::{
    Timestamp,
    error::Error,
    member::MemberId,
    payout::Payout,
    payout_transfer::{Batch, BatchDecided, BatchEvent, BatchId, BatchState},
    territory::NodeId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    item::{Item, encode},
    keys::{self, EVENT_PREFIX, Index, Key, Table},
    pages::Asked,
    reports::{delete, put},
    rewards::{RewardCommitError, RewardDone, done_item, versioned},
};

/// The attributes of a [`BatchSummary`], projected into the index of batches.
pub(crate) const SUMMARY_ATTRIBUTES: [&str; 10] =
    ["type", "schema", "id", "version", "district", "state", "line_count", "amount_fen", "created_at", "updated_at"];

/// What lists show of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSummary {
    /// Its code.
    pub id: BatchId,
    /// Its version.
    pub version: u64,
    /// The district.
    pub district: NodeId,
    /// Where it is.
    pub state: BatchState,
    /// How many lines it has.
    pub line_count: u16,
    /// All of them together, in fen.
    pub amount_fen: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// The file of a batch for the bank, sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchOrder {
    /// The batch.
    pub batch: BatchId,
    /// The sealed bytes, as whoever seals makes them.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
}

impl std::fmt::Debug for BatchOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BatchOrder({})", self.batch)
    }
}

/// What becomes of the file for the bank with a step of its batch.
#[derive(Debug, Clone, Copy)]
pub enum OrderWrite<'a> {
    /// Nothing.
    Nothing,
    /// It is kept.
    Keep(&'a BatchOrder),
    /// It goes.
    Erase,
}

/// What is written with a step of a batch.
#[derive(Debug)]
pub struct BatchCommit<'a> {
    /// The batch that it was decided on; none for a new one.
    pub before: Option<&'a Batch>,
    /// The payouts before, of the shares that are put in, in their order; at version 0 when there is
    /// no record yet.
    pub payouts: &'a [Payout],
    /// What becomes of the file for the bank.
    pub order: OrderWrite<'a>,
    /// The command.
    pub done: &'a RewardDone,
}

impl Store {
    /// Commits a step of a batch, all of it or nothing: the batch with its event, the command, the
    /// shares that are put in with theirs, and the file for the bank.
    pub async fn commit_batch(
        &self,
        decided: &BatchDecided,
        commit: &BatchCommit<'_>,
    ) -> Result<(), RewardCommitError> {
        let table = self.tables.of(Table::Rewards);
        let BatchDecided { batch, event, payouts } = decided;
        if payouts.len() != commit.payouts.len() {
            return Err(Error::Internal("another number of payouts was decided on than was read".to_owned()).into());
        }
        let new = Some("attribute_not_exists(pk)");
        let version = commit.before.map_or(0, |before| before.version);
        let mut items = vec![
            versioned(table, batch_item(batch)?, version)?,
            put(table, done_item(commit.done, event.at)?, new, &[])?,
            put(table, encode(&Key::BatchEvent(batch.id, event.seq), event)?, new, &[])?,
        ];
        for (before, decided) in commit.payouts.iter().zip(payouts) {
            items.extend(self.payout_writes(before, decided)?);
        }
        match commit.order {
            OrderWrite::Nothing => {}
            OrderWrite::Keep(order) => {
                items.push(put(table, encode(&Key::BatchOrder(batch.id), order)?, new, &[])?);
            }
            OrderWrite::Erase => items.push(delete(table, &Key::BatchOrder(batch.id))?),
        }
        self.commit_rewards(items, commit.before.is_none()).await
    }

    /// The first `limit` events of a batch, oldest first.
    pub async fn batch_events(&self, batch: BatchId, limit: u16) -> Result<Vec<BatchEvent>, Error> {
        self.first_of(Table::Rewards, &keys::batch_pk(batch), EVENT_PREFIX, limit).await
    }

    /// A page of the batches of a district in a state, what has waited longest first, for `reader`,
    /// who alone can use its cursor.
    pub async fn batches(
        &self,
        district: &NodeId,
        state: BatchState,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<(Vec<BatchSummary>, Option<String>), Error> {
        let (index, pk) = (Index::BatchesByState, keys::batches_pk(district, state));
        self.page(Asked { before: None, index, pk, backward: false, reader, limit, cursor }).await
    }
}

fn batch_item(batch: &Batch) -> Result<Item, Error> {
    let mut item = encode(&Key::Batch(batch.id), batch)?;
    let (pk, sk) = Index::BatchesByState.attributes();
    item.insert(pk.to_owned(), AttributeValue::S(keys::batches_pk(&batch.district, batch.state)));
    item.insert(sk.to_owned(), AttributeValue::S(keys::created_sk(batch.updated_at, batch.id.as_str())));
    item.insert("line_count".to_owned(), AttributeValue::N(batch.lines.len().to_string()));
    Ok(item)
}
