//! Tells the systems of agencies of hand-overs, by signed webhooks.
//!
//! From the stream of the hand-overs come three things, each of which leads to the next. A new
//! version of a hand-over becomes the record of a delivery. A delivery that is due is sent. And a
//! delivery that failed is booked with the scheduler for its next try, which starts this function
//! again. In between lies nothing but the stream, which keeps a record until it was dealt with:
//! whatever is killed, a delivery is sent at least once, and its id says to the receiver when it
//! was sent twice.
//!
//! The record alone says what is due. What comes twice, too late, too early, or after somebody
//! had it sent again, does what is due and otherwise nothing.

mod environment;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use aws_lambda_events::event::{
    dynamodb::{Event as StreamEvent, EventRecord},
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::{StreamExt as _, stream};
use jiff::SignedDuration;
use pingan_cloud::{Schedules, Sealer, WebhookClient, webhook_secret::Secret, webhooks::Call};
use pingan_domain::{
    Timestamp,
    error::Error,
    handover::Handover,
    hash::Digest,
    notice::of_delivery,
    webhook::{
        Attempt, Attempted, Delivery, DeliveryId, Failure, PAUSES_SECONDS, Webhook, WebhookId, WebhookNews, gone,
    },
    webhook_target::{Reach, Target},
};
use pingan_runtime::World;
use pingan_store::{
    Key, Store,
    stream::{ToTell, to_tell},
    webhooks::{DeliveryCommit, WebhookCommitError},
};
use serde::{Deserialize, Serialize};

/// How many deliveries of a batch are sent at the same time.
const MAX_AT_ONCE: usize = 16;
/// How often a commit begins again when somebody changes the same delivery at the same time.
const MAX_TRIES: usize = 20;
/// How much too early a retry may come, by a clock that is fast, in seconds, to be taken for
/// itself and not for one that was replaced since.
const EARLY_SECONDS: i64 = 120;
/// How far ahead a start is booked at the least, in seconds: the scheduler goes by the minute.
const BOOKED_AHEAD_SECONDS: i64 = 60;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct WebhookSender {
    /// The records.
    pub store: Store,
    /// The time.
    pub world: World,
    /// What opens the secrets of webhooks.
    pub sealer: Arc<Sealer>,
    /// What calls the receivers.
    pub client: WebhookClient,
    /// The scheduler.
    pub schedules: Schedules,
    /// How far webhooks reach.
    pub reach: Reach,
    /// How long things take.
    pub pace: Pace,
    /// The webhooks whose receivers have kept this process waiting, and until when they rest.
    pub resting: Arc<Mutex<HashMap<WebhookId, Instant>>>,
}

/// How long things take.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The first pause, which is waited for here: the scheduler goes by the minute.
    pub first_pause: Duration,
    /// How long a batch of the stream begins calls. What has no turn by then is put off, so that
    /// receivers that are slow do not hold up the stream for the others.
    pub batch: Duration,
    /// How long a receiver that has kept others waiting is left alone by the stream.
    pub rest: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(PAUSES_SECONDS[0].unsigned_abs()),
            batch: Duration::from_secs(12),
            rest: Duration::from_mins(1),
        }
    }
}

/// A try of a delivery, as it was booked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Due {
    /// By which webhook.
    pub webhook: WebhookId,
    /// The delivery.
    pub delivery: DeliveryId,
}

impl WebhookSender {
    /// Takes a batch of the stream: records what is to be told in its order, and then sends what
    /// is due at the same time.
    pub async fn handle(&self, batch: StreamEvent) -> DynamoDbEventResponse {
        let begun = Instant::now();
        let mut first_failed = None;
        let mut to_send: Vec<(usize, Option<String>, Delivery)> = Vec::new();
        for (place, record) in batch.records.into_iter().enumerate() {
            let number = record.change.sequence_number.clone();
            match self.take(record).await {
                // Each of its changes is a record, and all of them ask the same of it: once.
                Ok(Some(delivery)) if to_send.iter().any(|(.., known)| is_same(known, &delivery)) => {}
                Ok(Some(delivery)) => to_send.push((place, number, delivery)),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(stream.sequence_number = ?number, error.why = %error, "record given back");
                    first_failed = Some((place, number));
                    break;
                }
            }
        }
        let sent = stream::iter(to_send).map(|(place, number, delivery)| async move {
            let sent = self.send_soon(&delivery.webhook, delivery.id, begun).await;
            sent.err().map(|error| (place, number, error))
        });
        let failed: Vec<_> = sent.buffer_unordered(MAX_AT_ONCE).filter_map(std::future::ready).collect().await;
        for (place, number, error) in failed {
            tracing::warn!(stream.sequence_number = ?number, error.why = %error, "record given back");
            if first_failed.as_ref().is_none_or(|(first, _)| place < *first) {
                first_failed = Some((place, number));
            }
        }
        // That one and those after it come again: what was done of them is not done twice.
        let mut response = DynamoDbEventResponse::default();
        if let Some((_, number)) = first_failed {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = number;
            response.batch_item_failures.push(failure);
        }
        response
    }

    /// Takes a try that was booked.
    pub async fn come(&self, due: &Due) -> Result<(), Error> {
        let Some((delivery, webhook)) = self.load(&due.webhook, due.delivery).await? else { return Ok(()) };
        let now = self.world.now();
        match delivery.due_at() {
            Some(at) if at <= now => self.attempt(&delivery, webhook.as_ref()).await.map(drop),
            // A clock that is a little fast must not lose it: what was started comes again.
            Some(at) if at.as_second() - now.as_second() < EARLY_SECONDS => {
                Err(Error::Busy { retry_after_seconds: 60 })
            }
            _ => {
                tracing::info!(delivery.id = %due.delivery, "nothing is due");
                Ok(())
            }
        }
    }

    /// What of a record of the stream is to be sent or booked.
    async fn take(&self, record: EventRecord) -> Result<Option<Delivery>, Error> {
        match to_tell(record)? {
            Some(ToTell::Handover(handover)) => self.tell_of(&handover).await.map(|()| None),
            Some(ToTell::Delivery(delivery)) => Ok(delivery.due_at().is_some().then_some(*delivery)),
            None => Ok(None),
        }
    }

    /// Keeps the delivery of this version of a hand-over, if anybody is to be told of it. Its
    /// record comes out of the stream in its turn.
    async fn tell_of(&self, handover: &Handover) -> Result<(), Error> {
        let Some(delivery) = Delivery::of(handover, self.world.now()) else { return Ok(()) };
        let webhook = self.store.load([Key::Webhook(delivery.webhook.clone())]).await?.webhook(&delivery.webhook)?;
        if webhook.is_some_and(|webhook| webhook.is_ready()) && self.store.add_delivery(&delivery).await? {
            tracing::info!(delivery.id = %delivery.id, "a delivery is to be made");
        }
        Ok(())
    }

    /// Sends a delivery that came out of the stream, or books its next try.
    async fn send_soon(&self, webhook: &WebhookId, id: DeliveryId, begun: Instant) -> Result<(), Error> {
        let Some((delivery, by)) = self.load(webhook, id).await? else { return Ok(()) };
        let Some(at) = delivery.due_at() else { return Ok(()) };
        let now = self.world.now();
        let wait = at.as_second() - now.as_second();
        if wait > PAUSES_SECONDS[0] {
            return self.book(&delivery, at).await;
        }
        if self.is_resting(webhook) || begun.elapsed() >= self.pace.batch {
            return self.put_off(&delivery, now).await;
        }
        if wait > 0 {
            tokio::time::sleep(self.pace.first_pause).await;
        }
        let Some(after) = self.attempt(&delivery, by.as_ref()).await? else { return Ok(()) };
        // What fails at once is tried once more here, as long as the batch has time.
        let first_failed = after.due_at().is_some() && after.tries == 1;
        if first_failed && !self.is_resting(webhook) && begun.elapsed() + self.pace.first_pause < self.pace.batch {
            tokio::time::sleep(self.pace.first_pause).await;
            if let Some((now, by)) = self.load(webhook, id).await?
                && now.version == after.version
            {
                self.attempt(&now, by.as_ref()).await?;
            }
        }
        Ok(())
    }

    async fn load(&self, webhook: &WebhookId, id: DeliveryId) -> Result<Option<(Delivery, Option<Webhook>)>, Error> {
        let keys = [Key::Delivery(webhook.clone(), id), Key::Webhook(webhook.clone())];
        let loaded = self.store.load(keys).await?;
        let Some(delivery) = loaded.delivery(webhook, id)? else { return Ok(None) };
        Ok(Some((delivery, loaded.webhook(webhook)?)))
    }

    /// Makes one attempt and records it; gives the delivery after, if the attempt changed it.
    async fn attempt(&self, delivery: &Delivery, webhook: Option<&Webhook>) -> Result<Option<Delivery>, Error> {
        let now = self.world.now();
        let ready = webhook.filter(|webhook| webhook.is_ready());
        let attempt = match ready {
            None => Attempt::failed(now, Failure::SwitchedOff),
            Some(webhook) => match self.call(delivery, webhook, now).await? {
                Ok(status) => Attempt::answered(now, status),
                Err(failure) => Attempt::failed(now, failure),
            },
        };
        if attempt.failure == Some(Failure::Timeout) {
            self.rest(&delivery.webhook);
        }
        let status = attempt.status;
        tracing::info!(delivery.id = %delivery.id, delivery.status = ?status, delivery.failure = ?attempt.failure, "an attempt");
        self.record(delivery, ready, attempt).await
    }

    async fn call(
        &self,
        delivery: &Delivery,
        webhook: &Webhook,
        now: Timestamp,
    ) -> Result<Result<u16, Failure>, Error> {
        // What was taken once is read again: the rules may have become stricter since.
        let Ok(target) = Target::parse(&webhook.url, self.reach) else { return Ok(Err(Failure::ForbiddenAddress)) };
        let secrets = self.secrets(webhook, now).await?;
        let (id, body) = (delivery.id.to_string(), delivery.payload()?);
        let call = Call { target: &target, id: &id, at: now, body: &body, secrets: &secrets };
        Ok(self.client.call(call).await)
    }

    /// The secrets that are valid now. One that cannot be opened does not hold up the other: what is
    /// broken stays so, while what is only busy may not be left out.
    async fn secrets(&self, webhook: &Webhook, now: Timestamp) -> Result<Vec<Secret>, Error> {
        let (mut secrets, mut broken) = (Vec::new(), None);
        for sealed in webhook.valid_secrets(now).map(|secret| &secret.sealed) {
            match self.open(webhook, sealed).await {
                Ok(secret) => secrets.push(secret),
                Err(busy @ Error::Busy { .. }) => return Err(busy),
                Err(error) => {
                    tracing::error!(webhook.id = %webhook.id, error.why = %error, "a secret cannot be opened");
                    broken = Some(error);
                }
            }
        }
        broken.filter(|_| secrets.is_empty()).map_or(Ok(secrets), Err)
    }

    async fn open(&self, webhook: &Webhook, sealed: &str) -> Result<Secret, Error> {
        let sealed = STANDARD.decode(sealed).map_err(|error| Error::Internal(error.to_string()))?;
        Secret::from_bytes(&self.sealer.open_secret(&webhook.id, &sealed).await?)
    }

    async fn record(
        &self,
        begun: &Delivery,
        called: Option<&Webhook>,
        attempt: Attempt,
    ) -> Result<Option<Delivery>, Error> {
        let mut now = begun.clone();
        let mut webhook = called.cloned();
        for _ in 0..MAX_TRIES {
            let Some(Attempted { delivery, mut news }) = now.after(begun, attempt.clone())? else { return Ok(None) };
            let off = match (news, &webhook, called) {
                (Some(WebhookNews::Gone), Some(webhook), Some(called)) => gone(webhook, &called.url, attempt.at)?,
                _ => None,
            };
            if news == Some(WebhookNews::Gone) && off.is_none() {
                // It points elsewhere by now, where this was not delivered.
                news = Some(WebhookNews::DeliveryFailed);
            }
            let notice = news.map(|news| of_delivery(&delivery, news, attempt.at));
            let committed = self
                .store
                .commit_delivery(DeliveryCommit {
                    old: &now,
                    delivery: &delivery,
                    webhook: webhook.as_ref().zip(off.as_ref()),
                    notice: notice.as_ref(),
                    done: None,
                })
                .await;
            match committed {
                Ok(()) => {
                    if let Some(news) = news {
                        // An alarm counts these lines.
                        tracing::warn!(delivery.id = %delivery.id, webhook.news = %news, "a delivery has failed for good");
                    }
                    return Ok(Some(delivery));
                }
                Err(WebhookCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
            let Some(loaded) = self.load(&begun.webhook, begun.id).await? else { return Ok(None) };
            (now, webhook) = loaded;
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn put_off(&self, delivery: &Delivery, now: Timestamp) -> Result<(), Error> {
        let later = delivery.put_off(now)?;
        let commit = DeliveryCommit { old: delivery, delivery: &later, webhook: None, notice: None, done: None };
        match self.store.commit_delivery(commit).await {
            // Whoever was faster has sent it, or its record comes out of the stream.
            Ok(()) | Err(WebhookCommitError::AlreadyDone | WebhookCommitError::Stale) => Ok(()),
            Err(WebhookCommitError::Failed(error)) => Err(error),
        }
    }

    /// Books the next try. Its name has its moment in it, so that booking it twice books it once.
    async fn book(&self, delivery: &Delivery, at: Timestamp) -> Result<(), Error> {
        let due = Due { webhook: delivery.webhook.clone(), delivery: delivery.id };
        let input = serde_json::to_string(&due).map_err(|error| Error::Internal(error.to_string()))?;
        // A name of the scheduler has 64 characters at most.
        let whose = Digest::of(&[due.webhook.to_string().as_bytes(), due.delivery.to_string().as_bytes()]);
        let name = format!("{}-{}", &whose.to_string()[..32], at.as_millisecond());
        // A moment that passes while it is booked would start nothing. Who comes later than due is in
        // time: the record says what is due.
        let soonest = self.world.now().checked_add(SignedDuration::from_secs(BOOKED_AHEAD_SECONDS)).unwrap_or(at);
        self.schedules.book(&name, at.max(soonest), &input).await?;
        tracing::info!(delivery.id = %delivery.id, delivery.next_attempt_at = %at, "the next try is booked");
        Ok(())
    }

    fn is_resting(&self, webhook: &WebhookId) -> bool {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|_, until| *until > Instant::now());
        resting.contains_key(webhook)
    }

    fn rest(&self, webhook: &WebhookId) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.insert(webhook.clone(), Instant::now() + self.pace.rest);
    }
}

fn is_same(one: &Delivery, other: &Delivery) -> bool {
    (one.id, &one.webhook) == (other.id, &other.webhook)
}
