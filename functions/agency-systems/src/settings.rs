//! Setting a webhook up, and its secrets.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pingan_cloud::webhook_secret::Secret;
use pingan_domain::{
    command::{CommandId, Fingerprint},
    district::Label,
    error::{Error, Refusal},
    member::{MemberId, Role},
    territory::NodeId,
    webhook::{self, READERS, Webhook},
};
use pingan_http::{AgencyPath, Body, DistrictPath, IdempotencyKey, IfMatch, Problem, Subject, Versioned};
use pingan_store::{Key, members::Done, webhooks::WebhookCommitError};
use uuid::Uuid;

use crate::{
    AgencySystems, Asked, MAX_TRIES,
    views::{NewSecretView, WebhookBody, WebhookHistory, WebhookView},
};

/// The roles that read the history of a webhook.
const AUDITORS: [Role; 2] = [Role::DistrictManager, Role::Auditor];

/// The webhook of an agency: for the district's managers, its auditor, and the agency's own
/// handlers. Its secrets are not shown.
#[utoipa::path(
    get,
    path = "/districts/{district}/agencies/{agency}/webhook",
    params(
        ("district" = String, Path, description = "The district"),
        ("agency" = String, Path, description = "The agency, by its label"),
    ),
    responses(
        (status = 200, description = "The webhook, with its version as `ETag`", body = WebhookView),
        (status = 404, description = "This is not your district or agency, or it has no webhook"),
    ),
)]
pub(crate) async fn read_webhook(
    State(systems): State<AgencySystems>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    AgencyPath(agency): AgencyPath,
) -> Result<Response, Problem> {
    let asked = systems.load(&reader, &district, &agency, &READERS, []).await?;
    let webhook = asked.webhook.ok_or(Error::NotFound)?;
    Ok(Versioned(webhook.version, WebhookView::new(&webhook, systems.world.now())).into_response())
}

/// Says where the webhook of an agency points, and switches it on or off. The first time,
/// `If-Match` is `"0"`.
///
/// It tells that there is a new version of a hand-over and nothing of what it says, signed by
/// Standard Webhooks. Nothing is sent before it has a secret. Only public hosts are taken, by
/// HTTPS.
#[utoipa::path(
    put,
    path = "/districts/{district}/agencies/{agency}/webhook",
    params(
        ("district" = String, Path, description = "The district"),
        ("agency" = String, Path, description = "The agency, by its label"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you change"),
    ),
    request_body = WebhookBody,
    responses(
        (status = 200, description = "Set; the webhook as it is after, with its version as `ETag`", body = WebhookView),
        (status = 404, description = "This is not your district, or it has no such agency"),
        (status = 412, description = "It has changed since you read it"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn put_webhook(
    State(systems): State<AgencySystems>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    AgencyPath(agency): AgencyPath,
    IfMatch(version): IfMatch,
    Body(body): Body<WebhookBody>,
) -> Result<Response, Problem> {
    let webhook = systems.set(&actor, &district, &agency, version, &body).await?;
    Ok(Versioned(webhook.version, WebhookView::new(&webhook, systems.world.now())).into_response())
}

/// Makes a new secret for the webhook of an agency, and shows it this once. The one before is
/// signed with for 24 hours more, so that the agency can change over without missing anything.
///
/// The same request again, with the same key, is answered with the same secret.
#[utoipa::path(
    post,
    path = "/districts/{district}/agencies/{agency}/webhook/secret",
    params(
        ("district" = String, Path, description = "The district"),
        ("agency" = String, Path, description = "The agency, by its label"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this secret, the same with each retry"),
        ("If-Match" = String, Header, description = "The `ETag` of the version that you have seen"),
    ),
    responses(
        (status = 200, description = "The secret; `ETag` is the version of the webhook", body = NewSecretView),
        (status = 404, description = "This is not your district, or the agency has no webhook"),
        (status = 409, description = "It was given several secrets within a day, or this one was replaced since"),
        (status = 412, description = "The webhook has changed since you read it"),
        (status = 422, description = "The key was used for another request"),
        (status = 428, description = "`If-Match` is missing"),
    ),
)]
pub(crate) async fn rotate_webhook_secret(
    State(systems): State<AgencySystems>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    AgencyPath(agency): AgencyPath,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(version): IfMatch,
) -> Result<Response, Problem> {
    let (version, secret) = systems.rotate(&actor, key, &district, &agency, version).await?;
    Ok(Versioned(version, secret).into_response())
}

/// Everything that happened to the webhook of an agency: for the district's managers and its
/// auditor.
#[utoipa::path(
    get,
    path = "/districts/{district}/agencies/{agency}/webhook/history",
    params(
        ("district" = String, Path, description = "The district"),
        ("agency" = String, Path, description = "The agency, by its label"),
    ),
    responses(
        (status = 200, description = "The history, oldest first", body = WebhookHistory),
        (status = 404, description = "This is not your district, or the agency has no webhook"),
    ),
)]
pub(crate) async fn read_webhook_history(
    State(systems): State<AgencySystems>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    AgencyPath(agency): AgencyPath,
) -> Result<Response, Problem> {
    let asked = systems.load(&reader, &district, &agency, &AUDITORS, []).await?;
    if asked.webhook.is_none() {
        return Err(Error::NotFound.into());
    }
    let events = systems.store.webhook_events(&asked.id).await?;
    let view = WebhookHistory { events: events.into_iter().map(Into::into).collect() };
    Ok(([(header::CACHE_CONTROL, "no-store")], axum::Json(view)).into_response())
}

impl AgencySystems {
    async fn set(
        &self,
        actor: &MemberId,
        district: &NodeId,
        agency: &Label,
        version: u64,
        body: &WebhookBody,
    ) -> Result<Webhook, Error> {
        for _ in 0..MAX_TRIES {
            let Asked { member, id, webhook, .. } =
                self.load(actor, district, agency, &[Role::DistrictManager], []).await?;
            let current = webhook.as_ref().map_or(0, |webhook| webhook.version);
            if current != version {
                return Err(Error::VersionStale(current));
            }
            let wanted = (body.url.as_str(), body.active);
            let decided = webhook::set(webhook.as_ref(), &id, wanted, self.reach, &member, self.world.now())?;
            let Some(decided) = decided else { return webhook.ok_or(Error::NotFound) };
            match self.store.commit_webhook(webhook.as_ref(), &decided, None).await {
                Ok(()) => return Ok(decided.webhook),
                Err(WebhookCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    async fn rotate(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        agency: &Label,
        version: u64,
    ) -> Result<(u64, NewSecretView), Error> {
        let command = CommandId::new(actor, key);
        let target = format!("{district}/{agency}");
        let fingerprint = Fingerprint::of(key, "rotate secret of webhook", &target, &())?;
        let done = Key::WebhookDone(command);
        for _ in 0..MAX_TRIES {
            let Asked { loaded, member, id, webhook } =
                self.load(actor, district, agency, &[Role::DistrictManager], [done.clone()]).await?;
            let before = webhook.ok_or(Error::NotFound)?;
            if let Some(done) = loaded.webhook_done(command)? {
                if done.fingerprint != fingerprint {
                    return Err(Error::KeyReused);
                }
                return self.shown_again(&before, command).await;
            }
            if before.version != version {
                return Err(Error::VersionStale(before.version));
            }
            let secret = Secret::random()?;
            let sealed = STANDARD.encode(self.sealer.seal_secret(&id, secret.bytes()).await?);
            let now = self.world.now();
            let decided = webhook::rotate(&before, sealed, command, &member, now)?;
            let done = Done { command, fingerprint, target: target.clone() };
            match self.store.commit_webhook(Some(&before), &decided, Some(&done)).await {
                Ok(()) => {
                    return Ok((decided.webhook.version, NewSecretView { secret: secret.text(), made_at: now }));
                }
                Err(WebhookCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// The secret that a command made, for who did not get its answer.
    async fn shown_again(&self, webhook: &Webhook, command: CommandId) -> Result<(u64, NewSecretView), Error> {
        let made = webhook.valid_secrets(self.world.now()).find(|secret| secret.made_by == command);
        let made = made.ok_or(Refusal::SecretReplaced)?;
        let sealed = STANDARD.decode(&made.sealed).map_err(|error| Error::Internal(error.to_string()))?;
        let secret = Secret::from_bytes(&self.sealer.open_secret(&webhook.id, &sealed).await?)?;
        Ok((webhook.version, NewSecretView { secret: secret.text(), made_at: made.made_at }))
    }
}
