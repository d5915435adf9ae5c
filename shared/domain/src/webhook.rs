//! Webhooks: how an agency with a system of its own is told of hand-overs.
//!
//! A webhook tells that there is news and nothing of what it says: the agency reads the rest
//! through the API, with its own sign-in. Each new version of a hand-over is one delivery, which
//! is tried until the receiver has taken it or the last try was in vain.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{
    code::Code,
    command::CommandId,
    district::{District, Label},
    error::{Error, Refusal},
    handover::{Handover, HandoverId, HandoverState, Receiver},
    hash::Digest,
    member::{Member, MemberId, Role},
    named::named,
    territory::NodeId,
    webhook_target::{Reach, Target},
};

/// How long a secret is still signed with after another has taken its place, in hours.
pub const OVERLAP_HOURS: i64 = 24;
/// The most secrets that are signed with at the same time.
pub const MAX_SECRETS: usize = 4;
/// How long a delivery is kept, in days.
pub const KEPT_DAYS: i64 = 90;
/// The pauses after each try that failed, in seconds; after the try that follows the last of
/// them, the delivery has failed for good.
pub const PAUSES_SECONDS: [i64; 6] = [5, 5 * 60, 30 * 60, 2 * 3_600, 5 * 3_600, 10 * 3_600];
/// The pause of a delivery whose receiver has just kept others waiting, in seconds.
pub const PUT_OFF_SECONDS: i64 = 60;
/// The most attempts that are kept of a delivery: the newest.
pub const MAX_ATTEMPTS: usize = 30;
/// How often a delivery can be sent again by hand.
pub const MAX_REPLAYS: usize = 20;
/// The roles that read webhooks.
pub const READERS: [Role; 3] = [Role::DistrictManager, Role::AgencyHandler, Role::Auditor];

named! {
    /// What can happen to a webhook.
    pub enum WebhookAction {
        /// Its target was written, or it was switched on or off.
        Set = "set",
        /// It has a new secret.
        RotateSecret = "rotate_secret",
        /// Its receiver has said that it is gone, and it was switched off.
        Gone = "gone",
    }
}

named! {
    /// What the district is told of a webhook.
    pub enum WebhookNews {
        /// Its receiver is gone, and it was switched off.
        Gone = "webhook_gone",
        /// A delivery has failed for good.
        DeliveryFailed = "webhook_delivery_failed",
    }
}

named! {
    /// Where a delivery is.
    pub enum DeliveryState {
        /// It is still to be sent.
        Pending = "pending",
        /// The receiver has taken it.
        Delivered = "delivered",
        /// It was tried in vain, and is not tried any more by itself.
        Failed = "failed",
    }
}

named! {
    /// Why an attempt failed.
    pub enum Failure {
        /// The receiver did not answer in time.
        Timeout = "timeout",
        /// No connection could be made, or it broke.
        Unreachable = "unreachable",
        /// The host's name is not known.
        UnknownName = "unknown_name",
        /// The host's name stands for an address that is not public.
        ForbiddenAddress = "forbidden_address",
        /// The host's certificate is not good.
        Tls = "tls",
        /// What came back was no answer of HTTP.
        Protocol = "protocol",
        /// The receiver answered with another status than 2xx.
        Status = "status",
        /// The receiver answered that it is gone, 410.
        Gone = "gone",
        /// The webhook was switched off, or had no secret.
        SwitchedOff = "switched_off",
    }
}

/// Whose webhook: that of an agency of a district.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WebhookId {
    /// The district.
    pub district: NodeId,
    /// The agency.
    pub agency: Label,
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither nodes nor labels have a slash.
        write!(f, "{}/{}", self.district, self.agency)
    }
}

/// A secret that deliveries are signed with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSecret {
    /// The secret, sealed, as base64.
    pub sealed: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The command that made it, which is answered with it again.
    pub made_by: CommandId,
    /// Until when it is signed with; none for the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookSecret(made at {})", self.made_at)
    }
}

/// A webhook as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Whose it is.
    #[serde(flatten)]
    pub id: WebhookId,
    /// The number of its events; what the API shows as the `ETag`.
    pub version: u64,
    /// The hash of its newest event.
    pub head: Digest,
    /// Its target.
    pub url: String,
    /// Whether it is switched on.
    pub active: bool,
    /// When its receiver said that it is gone; none since it was set again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gone_at: Option<Timestamp>,
    /// Its secrets, newest first.
    pub secrets: Vec<WebhookSecret>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Webhook {
    /// The secrets that are signed with now, newest first.
    pub fn valid_secrets(&self, now: Timestamp) -> impl Iterator<Item = &WebhookSecret> {
        self.secrets.iter().filter(move |secret| secret.until.is_none_or(|until| until > now))
    }

    /// Whether anything is sent: it is switched on, and has a secret to sign with.
    pub fn is_ready(&self) -> bool {
        self.active && !self.secrets.is_empty()
    }
}

/// An event of a webhook: its history and its audit trail. Each carries the hash of the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookEvent {
    /// Whose webhook.
    #[serde(flatten)]
    pub webhook: WebhookId,
    /// Its place in the history, from 1; the webhook's version once it happened.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Who did it.
    pub actor: MemberId,
    /// In which role.
    pub role: Role,
    /// What was done.
    pub action: WebhookAction,
    /// The target after.
    pub url: String,
    /// Whether it is switched on after.
    pub active: bool,
    /// The hash of the event before; zeros for the first.
    pub previous: Digest,
    /// The hash of this event: of all fields above.
    pub hash: Digest,
}

impl WebhookEvent {
    /// The hash that the fields have.
    pub fn compute_hash(&self) -> Result<Digest, Error> {
        let unsealed = Self { hash: Digest::ZERO, ..self.clone() };
        let bytes = serde_json::to_vec(&unsealed).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Digest::of(&[b"webhook event", &bytes]))
    }
}

/// What was decided of a webhook: as it is after, and the event that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The webhook after.
    pub webhook: Webhook,
    /// What happened.
    pub event: WebhookEvent,
}

/// Whether this member may read a webhook and its deliveries: the district's managers and its
/// auditor, and the agency's own handlers. For everybody else there is none.
pub fn check_reads(reader: &Member, id: &WebhookId, lists: Option<&District>, is_set: bool) -> Result<(), Error> {
    let known = is_set || lists.is_some_and(|lists| lists.agency(&id.agency).is_some());
    let own = reader.role != Role::AgencyHandler || reader.agency.as_ref() == Some(&id.agency);
    if known && own && reader.node == id.district { Ok(()) } else { Err(Error::NotFound) }
}

/// Writes a webhook's target, and switches it on or off. None when nothing changes.
pub fn set(
    before: Option<&Webhook>,
    id: &WebhookId,
    (url, active): (&str, bool),
    reach: Reach,
    actor: &Member,
    now: Timestamp,
) -> Result<Option<Decided>, Error> {
    Target::parse(url, reach).map_err(|why| Error::field("/url", why))?;
    if before.is_some_and(|before| before.url == url && before.active == active) {
        return Ok(None);
    }
    let webhook = match before {
        Some(before) => Webhook { url: url.to_owned(), active, gone_at: None, ..before.clone() },
        None => Webhook {
            id: id.clone(),
            version: 0,
            head: Digest::ZERO,
            url: url.to_owned(),
            active,
            gone_at: None,
            secrets: Vec::new(),
            created_at: now,
            updated_at: now,
        },
    };
    record(webhook, WebhookAction::Set, (&actor.id, actor.role), now).map(Some)
}

/// Gives a webhook a new secret, which was sealed already. The one before is signed with for a
/// day more, so that the receiver can be told without missing anything.
pub fn rotate(
    before: &Webhook,
    sealed: String,
    command: CommandId,
    actor: &Member,
    now: Timestamp,
) -> Result<Decided, Error> {
    let mut webhook = before.clone();
    webhook.secrets.retain(|secret| secret.until.is_none_or(|until| until > now));
    if webhook.secrets.len() >= MAX_SECRETS {
        return Err(Refusal::TooManySecrets.into());
    }
    let until = later(now, OVERLAP_HOURS * 3_600)?;
    for secret in &mut webhook.secrets {
        secret.until.get_or_insert(until);
    }
    webhook.secrets.insert(0, WebhookSecret { sealed, made_at: now, made_by: command, until: None });
    record(webhook, WebhookAction::RotateSecret, (&actor.id, actor.role), now)
}

/// Switches a webhook off, because its receiver said that it is gone. None when the receiver is
/// not its target any more, or it is switched off already.
pub fn gone(before: &Webhook, url: &str, now: Timestamp) -> Result<Option<Decided>, Error> {
    if !before.active || before.url != url {
        return Ok(None);
    }
    let webhook = Webhook { active: false, gone_at: Some(now), ..before.clone() };
    record(webhook, WebhookAction::Gone, (&MemberId::clock(), Role::Clock), now).map(Some)
}

fn record(
    mut webhook: Webhook,
    action: WebhookAction,
    (actor, role): (&MemberId, Role),
    now: Timestamp,
) -> Result<Decided, Error> {
    let mut event = WebhookEvent {
        webhook: webhook.id.clone(),
        seq: webhook.version + 1,
        at: now,
        actor: actor.clone(),
        role,
        action,
        url: webhook.url.clone(),
        active: webhook.active,
        previous: webhook.head,
        hash: Digest::ZERO,
    };
    event.hash = event.compute_hash()?;
    webhook.version = event.seq;
    webhook.head = event.hash;
    webhook.updated_at = now;
    Ok(Decided { webhook, event })
}

/// The identifier of a delivery, and its `webhook-id`: made from the version of the hand-over
/// that it tells of, so that the same version, however often it comes, is one delivery. It
/// begins with the moment, so that deliveries sort by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryId {
    at: Timestamp,
    handover: HandoverId,
    version: u64,
}

/// The text is no identifier of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no id of a delivery, like 001786498200000-7KQ4M2XD9H-3")]
pub struct DeliveryIdError;

impl DeliveryId {
    /// That of a version of a hand-over.
    pub fn of(handover: &Handover) -> Self {
        Self { at: handover.updated_at, handover: handover.id, version: handover.version }
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:015}-{}-{}", self.at.as_millisecond().max(0), self.handover.as_str(), self.version)
    }
}

impl std::str::FromStr for DeliveryId {
    type Err = DeliveryIdError;

    fn from_str(text: &str) -> Result<Self, DeliveryIdError> {
        let mut parts = text.splitn(3, '-');
        let mut next = || parts.next().ok_or(DeliveryIdError);
        let (at, handover, version) = (next()?, next()?, next()?);
        let id = Self {
            at: at.parse().ok().and_then(|at| Timestamp::from_millisecond(at).ok()).ok_or(DeliveryIdError)?,
            handover: Code::parse(handover).map_err(|_| DeliveryIdError)?,
            version: version.parse().map_err(|_| DeliveryIdError)?,
        };
        // Only the canonical spelling is an id.
        if id.to_string() == text { Ok(id) } else { Err(DeliveryIdError) }
    }
}

impl Serialize for DeliveryId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DeliveryId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// One attempt to deliver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it was made.
    pub at: Timestamp,
    /// The status of the answer, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed; none when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl Attempt {
    /// The attempt that was answered with this status.
    pub fn answered(at: Timestamp, status: u16) -> Self {
        let failure = match status {
            200..=299 => None,
            410 => Some(Failure::Gone),
            _ => Some(Failure::Status),
        };
        Self { at, status: Some(status), failure }
    }

    /// The attempt that had no answer.
    pub fn failed(at: Timestamp, failure: Failure) -> Self {
        Self { at, status: None, failure: Some(failure) }
    }
}

/// That somebody had a delivery sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replay {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: MemberId,
    /// In which role.
    pub role: Role,
}

/// A delivery as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its identifier.
    pub id: DeliveryId,
    /// By which webhook.
    #[serde(flatten)]
    pub webhook: WebhookId,
    /// How often it was changed.
    pub version: u64,
    /// The hand-over that it tells of.
    pub handover: HandoverId,
    /// The version of the hand-over.
    pub handover_version: u64,
    /// The hand-over's state in this version.
    pub handover_state: HandoverState,
    /// When the hand-over came to this version.
    pub at: Timestamp,
    /// Where it is.
    pub state: DeliveryState,
    /// How often it was tried in vain, since it was last sent again by hand.
    pub tries: u8,
    /// When it is tried next; none when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// The newest attempts, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// By whom it was sent again, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replays: Vec<Replay>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What an attempt makes of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempted {
    /// The delivery after.
    pub delivery: Delivery,
    /// What the district is told.
    pub news: Option<WebhookNews>,
}

/// The payload: thin, because it passes through other people's systems.
#[derive(Serialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: String,
    timestamp: Timestamp,
    data: Told,
}

#[derive(Serialize)]
struct Told {
    handover: HandoverId,
    version: u64,
}

impl Delivery {
    /// The delivery that tells of this version of a hand-over, to be sent at once; none when its
    /// receiver is no agency.
    pub fn of(handover: &Handover, now: Timestamp) -> Option<Self> {
        let Receiver::Agency { agency } = &handover.receiver else { return None };
        Some(Self {
            id: DeliveryId::of(handover),
            webhook: WebhookId { district: handover.district.clone(), agency: agency.clone() },
            version: 1,
            handover: handover.id,
            handover_version: handover.version,
            handover_state: handover.state,
            at: handover.updated_at,
            state: DeliveryState::Pending,
            tries: 0,
            next_attempt_at: Some(now),
            attempts: Vec::new(),
            replays: Vec::new(),
            created_at: now,
        })
    }

    /// When it is to be tried next; none when it is not.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.next_attempt_at.filter(|_| self.state == DeliveryState::Pending)
    }

    /// What it is about: `handover.offered`, say.
    pub fn kind(&self) -> String {
        format!("handover.{}", self.handover_state)
    }

    /// What is sent: the same bytes each time.
    pub fn payload(&self) -> Result<Vec<u8>, Error> {
        let data = Told { handover: self.handover, version: self.handover_version };
        let payload = Payload { kind: self.kind(), timestamp: self.at, data };
        serde_json::to_vec(&payload).map_err(|error| Error::Internal(error.to_string()))
    }

    /// This delivery after an attempt that was begun when it was as in `begun`; none when the
    /// attempt changes nothing any more. Who was slower than another sender has sent it once
    /// more, but an attempt that succeeded is never lost, and one that failed counts once.
    pub fn after(&self, begun: &Self, attempt: Attempt) -> Result<Option<Attempted>, Error> {
        let overtaken = self.version != begun.version;
        if overtaken && (attempt.failure.is_some() || self.state == DeliveryState::Delivered) {
            return Ok(None);
        }
        let (at, failure) = (attempt.at, attempt.failure);
        let mut after = self.clone();
        after.version += 1;
        after.attempts.push(attempt);
        let surplus = after.attempts.len().saturating_sub(MAX_ATTEMPTS);
        after.attempts.drain(..surplus);
        let news = match failure {
            None => {
                (after.state, after.next_attempt_at) = (DeliveryState::Delivered, None);
                None
            }
            Some(failure) => {
                after.tries = after.tries.saturating_add(1);
                let pause = PAUSES_SECONDS.get(usize::from(after.tries) - 1);
                let over = matches!(failure, Failure::Gone | Failure::SwitchedOff);
                if let Some(pause) = pause.filter(|_| !over) {
                    after.next_attempt_at = Some(later(at, *pause)?);
                    None
                } else {
                    (after.state, after.next_attempt_at) = (DeliveryState::Failed, None);
                    match failure {
                        Failure::Gone => Some(WebhookNews::Gone),
                        // Who has switched it off knows.
                        Failure::SwitchedOff => None,
                        _ => Some(WebhookNews::DeliveryFailed),
                    }
                }
            }
        };
        Ok(Some(Attempted { delivery: after, news }))
    }

    /// The same delivery, tried a little later: its receiver has just kept others waiting.
    pub fn put_off(&self, now: Timestamp) -> Result<Self, Error> {
        let next_attempt_at = Some(later(now, PUT_OFF_SECONDS)?);
        Ok(Self { version: self.version + 1, next_attempt_at, ..self.clone() })
    }

    /// The same delivery, to be sent again at once, under the same id.
    pub fn replay(&self, actor: &Member, now: Timestamp) -> Result<Self, Error> {
        if self.replays.len() >= MAX_REPLAYS {
            return Err(Refusal::TooManyReplays.into());
        }
        let mut replayed = self.clone();
        replayed.version += 1;
        replayed.state = DeliveryState::Pending;
        replayed.tries = 0;
        replayed.next_attempt_at = Some(now);
        replayed.replays.push(Replay { at: now, by: actor.id.clone(), role: actor.role });
        Ok(replayed)
    }
}

fn later(at: Timestamp, seconds: i64) -> Result<Timestamp, Error> {
    at.checked_add(SignedDuration::from_secs(seconds)).map_err(|error| Error::Internal(error.to_string()))
}
