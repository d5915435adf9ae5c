//! Webhooks of agencies: their settings with their events, and their deliveries.
//!
//! They stand in the table of the hand-overs, whose stream they share: a hand-over that comes out
//! of it becomes a delivery, and a delivery that comes out of it is sent. So nothing lies between
//! a record and what is done for it but the stream, which keeps it until it was done.

use aws_sdk_dynamodb::{
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError},
    types::{AttributeValue, TransactWriteItem},
};
use pingan_domain::{
    error::Error,
    invite::after_days,
    member::MemberId,
    notice::Notice,
    webhook::{Decided, Delivery, KEPT_DAYS, Webhook, WebhookEvent, WebhookId},
};

use crate::{
    Store,
    fault::fault,
    item::{EXPIRES_AT, Item, encode},
    keys::{self, EVENT_PREFIX, Key, Table},
    members::{Done, seconds},
    notices,
    reports::put,
    tasks::{conditions_failed, failed},
};

/// How long a command on webhooks is remembered, in days.
const DONE_DAYS: i64 = 30;
/// The most events of a webhook that are read: the oldest.
const MAX_EVENTS: u16 = 1_000;

/// A page of deliveries.
#[derive(Debug)]
pub struct DeliveryPage {
    /// Its items, newest first.
    pub items: Vec<Delivery>,
    /// Where the list goes on, if it does.
    pub next: Option<String>,
}

/// Why nothing was committed.
#[derive(Debug, PartialEq, Eq)]
pub enum WebhookCommitError {
    /// The same command was carried out before: load its record and answer from there.
    AlreadyDone,
    /// Somebody else was faster: load again and decide again.
    Stale,
    /// Anything else.
    Failed(Error),
}

impl From<Error> for WebhookCommitError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// One commit of what became of a delivery.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryCommit<'a> {
    /// The delivery that it was decided on.
    pub old: &'a Delivery,
    /// The delivery after.
    pub delivery: &'a Delivery,
    /// What became of its webhook with it: the one that it was decided on, and what was decided.
    pub webhook: Option<(&'a Webhook, &'a Decided)>,
    /// What the district is told.
    pub notice: Option<&'a Notice>,
    /// The command, if it was one.
    pub done: Option<&'a Done>,
}

impl Store {
    /// Commits what was decided on a webhook: it and its event. `old` is the webhook that it was
    /// decided on; none for a new one.
    pub async fn commit_webhook(
        &self,
        old: Option<&Webhook>,
        decided: &Decided,
        done: Option<&Done>,
    ) -> Result<(), WebhookCommitError> {
        let mut items = self.webhook_items(old, decided)?;
        let remembered = items.len();
        if let Some(done) = done {
            items.push(self.done_item(done, decided.event.at)?);
        }
        self.write(items, done.map(|_| remembered)).await
    }

    /// Keeps a new delivery, and says whether it is new: the same version of a hand-over is told
    /// of once.
    pub async fn add_delivery(&self, delivery: &Delivery) -> Result<bool, Error> {
        let added = self
            .client
            .put_item()
            .table_name(self.tables.of(Table::Handovers))
            .set_item(Some(delivery_item(delivery)?))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match added {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(error.as_service_error(), Some(PutItemError::ConditionalCheckFailedException(_))) =>
            {
                Ok(false)
            }
            Err(error) => Err(fault("PutItem", &error)),
        }
    }

    /// Commits what became of a delivery, all of it or nothing.
    pub async fn commit_delivery(&self, commit: DeliveryCommit<'_>) -> Result<(), WebhookCommitError> {
        let DeliveryCommit { old, delivery, webhook, notice, done } = commit;
        let version = AttributeValue::N(old.version.to_string());
        let table = self.tables.of(Table::Handovers);
        let mut items = vec![put(table, delivery_item(delivery)?, Some("version = :old"), &[(":old", version)])?];
        if let Some((old, decided)) = webhook {
            items.extend(self.webhook_items(Some(old), decided)?);
        }
        if let Some(notice) = notice {
            items.extend(notices::puts(self, std::slice::from_ref(notice))?);
        }
        let remembered = items.len();
        if let Some(done) = done {
            let at = delivery.replays.last().map_or(delivery.created_at, |replay| replay.at);
            items.push(self.done_item(done, at)?);
        }
        self.write(items, done.map(|_| remembered)).await
    }

    /// A page of the deliveries by a webhook, newest first, for `reader`, who alone can use its
    /// cursor.
    pub async fn deliveries(
        &self,
        webhook: &WebhookId,
        reader: &MemberId,
        limit: u16,
        cursor: Option<&str>,
    ) -> Result<DeliveryPage, Error> {
        let list = ("deliveries", keys::deliveries_pk(webhook), "");
        let (items, next) = self.newest_of(Table::Handovers, list, reader, limit, cursor).await?;
        Ok(DeliveryPage { items, next })
    }

    /// The history of a webhook, oldest first.
    pub async fn webhook_events(&self, webhook: &WebhookId) -> Result<Vec<WebhookEvent>, Error> {
        self.first_of(Table::Handovers, &keys::webhook_pk(webhook), EVENT_PREFIX, MAX_EVENTS).await
    }

    fn webhook_items(&self, old: Option<&Webhook>, decided: &Decided) -> Result<Vec<TransactWriteItem>, Error> {
        let table = self.tables.of(Table::Handovers);
        let Decided { webhook, event } = decided;
        let new = Some("attribute_not_exists(pk)");
        let item = encode(&Key::Webhook(webhook.id.clone()), webhook)?;
        let put_webhook = match old {
            None => put(table, item, new, &[])?,
            Some(old) => {
                let version = AttributeValue::N(old.version.to_string());
                put(table, item, Some("version = :old"), &[(":old", version)])?
            }
        };
        let event_key = Key::WebhookEvent(webhook.id.clone(), event.seq);
        Ok(vec![put_webhook, put(table, encode(&event_key, event)?, new, &[])?])
    }

    fn done_item(&self, done: &Done, at: pingan_domain::Timestamp) -> Result<TransactWriteItem, Error> {
        let mut item = encode(&Key::WebhookDone(done.command), done)?;
        item.insert(EXPIRES_AT.to_owned(), seconds(after_days(at, DONE_DAYS)?));
        put(self.tables.of(Table::Handovers), item, Some("attribute_not_exists(pk)"), &[])
    }

    /// Writes all of it or nothing; `done` is the place of the command's record.
    async fn write(&self, items: Vec<TransactWriteItem>, done: Option<usize>) -> Result<(), WebhookCommitError> {
        let sent = self.client.transact_write_items().set_transact_items(Some(items)).send().await;
        let Err(error) = sent else { return Ok(()) };
        let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
            return Err(WebhookCommitError::Failed(fault("TransactWriteItems", &error)));
        };
        let reasons = canceled.cancellation_reasons();
        conditions_failed(reasons)?;
        // A command that was carried out has changed the record as well.
        Err(match done {
            Some(done) if failed(reasons, done) => WebhookCommitError::AlreadyDone,
            _ => WebhookCommitError::Stale,
        })
    }
}

fn delivery_item(delivery: &Delivery) -> Result<Item, Error> {
    let mut item = encode(&Key::Delivery(delivery.webhook.clone(), delivery.id), delivery)?;
    let last = delivery.replays.last().map_or(delivery.created_at, |replay| replay.at);
    item.insert(EXPIRES_AT.to_owned(), seconds(after_days(last, KEPT_DAYS)?));
    Ok(item)
}
