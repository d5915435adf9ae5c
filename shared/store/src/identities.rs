//! Identities: who members are in life, sealed; every step and every look at one; and the
//! requests to open one.
//!
//! What is sealed is bytes to this crate. The table stands under a key of its own, and only
//! the functions that must can touch it.

use std::time::Duration;

use aws_sdk_dynamodb::{operation::transact_write_items::TransactWriteItemsError, types::AttributeValue};
use pingan_domain::{
    Timestamp,
    error::Error,
    hash::Digest,
    identity::{IdentityEvent, IdentityHead, Opening, Step},
    invite::after_days,
    member::MemberId,
    notice::Notice,
    territory::NodeId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Store,
    fault::fault,
    item::{EXPIRES_AT, Item, encode},
    keys::{self, EVENT_PREFIX, Index, Key, Table},
    members::{Done, seconds},
    notices,
    pages::Asked,
    reports::put,
};

/// How many may look at one identity in the same moment and all be served.
const MAX_TRIES: u32 = 24;
/// How long a command is remembered, in days.
const COMMAND_DAYS: i64 = 30;

/// A sealed identity.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityItem {
    /// Whose it is.
    pub member: MemberId,
    /// The sealed bytes, as whoever seals makes them.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
    /// The keyed hash of the phone number, so that a change or an end finds the claim on it.
    pub phone_hash: Digest,
}

impl std::fmt::Debug for IdentityItem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "IdentityItem({})", self.member)
    }
}

/// Whose phone number it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneItem {
    /// The member.
    pub member: MemberId,
}

/// The attributes of an [`Opening`], projected into its index.
pub(crate) const OPENING_ATTRIBUTES: [&str; 12] = [
    "type",
    "schema",
    "id",
    "member",
    "pseudonym",
    "node",
    "requested_by",
    "role",
    "reason",
    "requested_at",
    "decide_by",
    "decision",
];

/// What is written of an identity with one of its events.
#[derive(Debug, Clone, Copy)]
pub enum IdentityChange<'a> {
    /// Nothing: it was only looked at.
    Nothing,
    /// It was sealed anew.
    Sealed(&'a IdentityItem),
    /// A request to open it: the request before, none for a new one, and after.
    Opening(Option<&'a Opening>, &'a Opening),
}

impl Store {
    /// Writes down what happens to an identity, at the end of its chain of events, together
    /// with what it changes. `head` is the end as it was last seen; when something else
    /// happens in the same moment, it is read again. Says whether the change was made: it is
    /// not when the request was decided on by somebody else.
    ///
    /// Nothing may be shown before this has succeeded. `told` makes the notices of the event,
    /// which are written with it.
    pub async fn record_step(
        &self,
        mut head: IdentityHead,
        step: &Step,
        change: IdentityChange<'_>,
        done: Option<&Done>,
        at: Timestamp,
        told: impl Fn(&IdentityEvent) -> Vec<Notice>,
    ) -> Result<StepResult, Error> {
        for attempt in 0..MAX_TRIES {
            let (event, next) = step.after(head, at)?;
            match self.append_step(head, &event, next, change, done, &told(&event)).await? {
                Appended::Yes => return Ok(StepResult::Done),
                Appended::AlreadyDone => return Ok(StepResult::AlreadyDone),
                Appended::ChangeRefused => return Ok(StepResult::Stale),
                Appended::HeadMoved => {}
            }
            tokio::time::sleep(Duration::from_millis(u64::from(attempt % 8) * 3)).await;
            head = self.load([Key::IdentityHead(step.member.clone())]).await?.identity_head(&step.member)?;
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn append_step(
        &self,
        head: IdentityHead,
        event: &IdentityEvent,
        next: IdentityHead,
        change: IdentityChange<'_>,
        done: Option<&Done>,
        told: &[Notice],
    ) -> Result<Appended, Error> {
        let table = self.tables.of(Table::Identities);
        let new = Some("attribute_not_exists(pk)");
        let member = &event.member;
        let event_item = encode(&Key::IdentityEvent(member.clone(), event.seq), event)?;
        let head_item = encode(&Key::IdentityHead(member.clone()), &next)?;
        let old = AttributeValue::N(head.seq.to_string());
        let mut items = vec![
            put(table, event_item, new, &[])?,
            put(table, head_item, Some("attribute_not_exists(pk) OR seq = :old"), &[(":old", old)])?,
        ];
        match change {
            IdentityChange::Nothing => {}
            IdentityChange::Sealed(item) => {
                let item = encode(&Key::Identity(member.clone()), item)?;
                items.push(put(table, item, Some("attribute_exists(pk) AND attribute_not_exists(expires_at)"), &[])?);
            }
            IdentityChange::Opening(before, after) => {
                let condition =
                    if before.is_none() { "attribute_not_exists(pk)" } else { "attribute_not_exists(decision)" };
                items.push(put(table, opening_item(after)?, Some(condition), &[])?);
            }
        }
        let changed = items.len() > 2;
        let done_at = items.len();
        if let Some(done) = done {
            let mut item = encode(&Key::Command(done.command), done)?;
            item.insert(EXPIRES_AT.to_owned(), seconds(after_days(event.at, COMMAND_DAYS)?));
            items.push(put(self.tables.of(Table::Members), item, new, &[])?);
        }
        items.extend(notices::puts(self, told)?);
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(Appended::Yes) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(fault("TransactWriteItems", &error));
        };
        let failed = |i: usize| {
            canceled.cancellation_reasons().get(i).and_then(|reason| reason.code()) == Some("ConditionalCheckFailed")
        };
        if done.is_some() && failed(done_at) {
            return Ok(Appended::AlreadyDone);
        }
        if changed && failed(2) { Ok(Appended::ChangeRefused) } else { Ok(Appended::HeadMoved) }
    }

    /// The events of an identity, oldest first; at most the first `limit`.
    pub async fn identity_events(&self, id: &MemberId, limit: u16) -> Result<Vec<IdentityEvent>, Error> {
        self.first_of(Table::Identities, &Key::Identity(id.clone()).pk(), EVENT_PREFIX, limit).await
    }

    /// A page of the openings that were asked for in a district, newest first.
    pub async fn openings(
        &self,
        district: &NodeId,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<(Vec<Opening>, Option<String>), Error> {
        let (index, pk) = (Index::OpeningsByDistrict, keys::node_pk(district));
        self.page(Asked { index, pk, before: None, backward: true, reader, limit, cursor }).await
    }
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepResult {
    /// It is written down, and what it changes is changed.
    Done,
    /// The same command was carried out before.
    AlreadyDone,
    /// What it was decided on has changed.
    Stale,
}

enum Appended {
    Yes,
    AlreadyDone,
    ChangeRefused,
    HeadMoved,
}

fn opening_item(opening: &Opening) -> Result<Item, Error> {
    let mut item = encode(&Key::Opening(opening.id), opening)?;
    let (pk, sk) = Index::OpeningsByDistrict.attributes();
    item.insert(pk.to_owned(), AttributeValue::S(keys::node_pk(&opening.district())));
    item.insert(sk.to_owned(), AttributeValue::S(keys::created_sk(opening.requested_at, opening.id)));
    Ok(item)
}
