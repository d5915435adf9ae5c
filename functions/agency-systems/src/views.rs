//! What the API shows of webhooks.

use pingan_domain::{
    Timestamp,
    code::Code,
    member::{MemberId, Role},
    webhook::{Attempt, Delivery, DeliveryState, Failure, Replay, Webhook, WebhookAction, WebhookEvent},
};
use pingan_http::schema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where a webhook points, and whether it is switched on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"url": "https://hooks.example.org/pingan", "active": true}))]
pub(crate) struct WebhookBody {
    /// Where it points: `https://`, a public host, port 443 or one above 1023, without a user name
    /// and without a fragment; at most 500 characters.
    #[schema(max_length = 500)]
    pub(crate) url: String,
    /// Whether anything is sent.
    pub(crate) active: bool,
}

/// A secret, of which only this is shown.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecretView {
    /// When it was made.
    #[schema(schema_with = schema::moment)]
    made_at: Timestamp,
    /// Until when it is signed with; missing for the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment, required = false)]
    until: Option<Timestamp>,
}

/// A webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookView {
    /// Where it points.
    url: String,
    /// Whether it is switched on.
    active: bool,
    /// Whether anything is sent: it is switched on and has a secret.
    ready: bool,
    /// When its receiver said that it is gone, by which it was switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment, required = false)]
    gone_at: Option<Timestamp>,
    /// The secrets that are signed with, newest first. What they are is shown once, when one is made.
    secrets: Vec<SecretView>,
    /// When it was made.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(schema_with = schema::moment)]
    updated_at: Timestamp,
}

impl WebhookView {
    pub(crate) fn new(webhook: &Webhook, now: Timestamp) -> Self {
        let secrets = webhook.valid_secrets(now);
        Self {
            url: webhook.url.clone(),
            active: webhook.active,
            ready: webhook.is_ready(),
            gone_at: webhook.gone_at,
            secrets: secrets.map(|secret| SecretView { made_at: secret.made_at, until: secret.until }).collect(),
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

/// A new secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewSecretView {
    /// The secret, as the libraries of Standard Webhooks take it. It is shown here and never again.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    pub(crate) secret: String,
    /// When it was made. Those before it are signed with for 24 hours more.
    #[schema(schema_with = schema::moment)]
    pub(crate) made_at: Timestamp,
}

/// An event of a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookEventView {
    /// Its place in the history, from 1.
    seq: u64,
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// Who did it; `clock` for the platform itself.
    #[schema(value_type = String)]
    actor: MemberId,
    /// In which role.
    #[schema(schema_with = schema::role)]
    role: Role,
    /// What was done.
    #[schema(schema_with = schema::webhook_action)]
    action: WebhookAction,
    /// Where it points from then on.
    url: String,
    /// Whether it is switched on from then on.
    active: bool,
    /// The hash of the event before.
    #[schema(schema_with = schema::sha256)]
    previous: String,
    /// Its own hash.
    #[schema(schema_with = schema::sha256)]
    hash: String,
}

impl From<WebhookEvent> for WebhookEventView {
    fn from(event: WebhookEvent) -> Self {
        let WebhookEvent { webhook: _, seq, at, actor, role, action, url, active, previous, hash } = event;
        let (previous, hash) = (previous.to_string(), hash.to_string());
        Self { seq, at, actor, role, action, url, active, previous, hash }
    }
}

/// The history of a webhook.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WebhookHistory {
    /// Its events, oldest first.
    pub(crate) events: Vec<WebhookEventView>,
}

/// An attempt to deliver.
#[derive(Debug, Serialize, ToSchema)]
struct AttemptView {
    /// When it was made.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// The status of the answer, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Why it failed; missing when it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::delivery_failure, required = false)]
    failure: Option<Failure>,
}

impl From<Attempt> for AttemptView {
    fn from(Attempt { at, status, failure }: Attempt) -> Self {
        Self { at, status, failure }
    }
}

/// That a delivery was sent again by hand.
#[derive(Debug, Serialize, ToSchema)]
struct ReplayView {
    /// When.
    #[schema(schema_with = schema::moment)]
    at: Timestamp,
    /// In which role.
    #[schema(schema_with = schema::role)]
    role: Role,
}

/// A delivery: one version of a hand-over, as the agency is told of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryView {
    /// Its id, which is the `webhook-id` each time that it is sent.
    #[schema(example = "001786498200000-7KQ4M2XD9H-3")]
    id: String,
    /// The `type` of its payload: `handover.` and the state of the hand-over in this version.
    #[serde(rename = "type")]
    #[schema(example = "handover.offered")]
    kind: String,
    /// The hand-over.
    #[schema(schema_with = schema::code)]
    handover: Code,
    /// The version of the hand-over.
    handover_version: u64,
    /// Where it is.
    #[schema(schema_with = schema::delivery_state)]
    state: DeliveryState,
    /// When it is tried next; missing when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = schema::moment, required = false)]
    next_attempt_at: Option<Timestamp>,
    /// The newest 30 attempts, oldest first.
    attempts: Vec<AttemptView>,
    /// When it was sent again by hand.
    replays: Vec<ReplayView>,
    /// When it was made.
    #[schema(schema_with = schema::moment)]
    created_at: Timestamp,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            kind: delivery.kind(),
            handover: delivery.handover,
            handover_version: delivery.handover_version,
            state: delivery.state,
            next_attempt_at: delivery.due_at(),
            attempts: delivery.attempts.into_iter().map(Into::into).collect(),
            replays: delivery.replays.into_iter().map(|Replay { at, role, .. }| ReplayView { at, role }).collect(),
            created_at: delivery.created_at,
        }
    }
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveriesPage {
    /// The deliveries, newest first.
    pub(crate) items: Vec<DeliveryView>,
    /// The `cursor` of the next page; missing on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}
