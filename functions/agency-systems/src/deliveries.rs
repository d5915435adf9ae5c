//! Deliveries: what became of each, and sending one again.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    command::{CommandId, Fingerprint},
    district::Label,
    error::{Error, Refusal},
    member::{MemberId, Role},
    territory::NodeId,
    webhook::{Delivery, DeliveryId, READERS},
};
use pingan_http::{
    AgencyPath, DeliveryPath, DistrictPath, IdempotencyKey, PageQuery, Problem, Query, Subject, Versioned, page,
};
use pingan_store::{
    Key,
    members::Done,
    webhooks::{DeliveryCommit, WebhookCommitError},
};
use uuid::Uuid;

use crate::{
    AgencySystems, Asked, MAX_TRIES,
    views::{DeliveriesPage, DeliveryView},
};

/// The roles that have a delivery sent again.
const REPLAYERS: [Role; 2] = [Role::DistrictManager, Role::AgencyHandler];

/// The deliveries to an agency, newest first, each with its attempts. They are kept for 90 days.
#[utoipa::path(
    get,
    path = "/districts/{district}/agencies/{agency}/webhook/deliveries",
    params(
        ("district" = String, Path, description = "The district"),
        ("agency" = String, Path, description = "The agency, by its label"),
        PageQuery,
    ),
    responses(
        (status = 200, description = "A page of deliveries; `Link: rel=\"next\"` names the next", body = DeliveriesPage),
        (status = 404, description = "This is not your district or agency"),
    ),
)]
pub(crate) async fn list_deliveries(
    State(systems): State<AgencySystems>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    AgencyPath(agency): AgencyPath,
    Query(query): Query<PageQuery>,
) -> Result<Response, Problem> {
    let limit = query.limit()?;
    let asked = systems.load(&reader, &district, &agency, &READERS, []).await?;
    let found = systems.store.deliveries(&asked.id, &asked.member.id, limit, query.cursor.as_deref()).await?;
    let items = found.items.into_iter().map(DeliveryView::from).collect();
    let view = DeliveriesPage { items, next: found.next.clone() };
    Ok(page::respond(view, found.next.as_deref(), &format!("limit={limit}")))
}

/// Sends a delivery again, at once and under the same `webhook-id`: whatever became of it before,
/// and with all its tries anew.
#[utoipa::path(
    post,
    path = "/districts/{district}/agencies/{agency}/webhook/deliveries/{delivery_id}/replay",
    params(
        ("district" = String, Path, description = "The district"),
        ("agency" = String, Path, description = "The agency, by its label"),
        ("delivery_id" = String, Path, description = "The delivery's id"),
        ("Idempotency-Key" = String, Header, description = "A UUID for this replay, the same with each retry"),
    ),
    responses(
        (status = 200, description = "To be sent; the delivery as it is after, with its version as `ETag`", body = DeliveryView),
        (status = 404, description = "This is not your district or agency, or there is no such delivery"),
        (status = 409, description = "The webhook is switched off or has no secret, or the delivery was replayed 20 times"),
        (status = 422, description = "The key was used for another request"),
    ),
)]
pub(crate) async fn replay_delivery(
    State(systems): State<AgencySystems>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    AgencyPath(agency): AgencyPath,
    DeliveryPath(id): DeliveryPath,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Problem> {
    let delivery = systems.replay(&actor, key, &district, &agency, id).await?;
    Ok(Versioned(delivery.version, DeliveryView::from(delivery)).into_response())
}

impl AgencySystems {
    async fn replay(
        &self,
        actor: &MemberId,
        key: Uuid,
        district: &NodeId,
        agency: &Label,
        delivery: DeliveryId,
    ) -> Result<Delivery, Error> {
        let command = CommandId::new(actor, key);
        let target = format!("{district}/{agency}/{delivery}");
        let fingerprint = Fingerprint::of(key, "replay delivery", &target, &())?;
        let webhook = pingan_domain::webhook::WebhookId { district: district.clone(), agency: agency.clone() };
        let others = [Key::WebhookDone(command), Key::Delivery(webhook, delivery)];
        for _ in 0..MAX_TRIES {
            let Asked { loaded, member, id, webhook } =
                self.load(actor, district, agency, &REPLAYERS, others.clone()).await?;
            let before = loaded.delivery(&id, delivery)?.ok_or(Error::NotFound)?;
            if let Some(done) = loaded.webhook_done(command)? {
                return if done.fingerprint == fingerprint { Ok(before) } else { Err(Error::KeyReused) };
            }
            if !webhook.is_some_and(|webhook| webhook.is_ready()) {
                return Err(Refusal::WebhookOff.into());
            }
            let replayed = before.replay(&member, self.world.now())?;
            let done = Done { command, fingerprint, target: target.clone() };
            let commit =
                DeliveryCommit { old: &before, delivery: &replayed, webhook: None, notice: None, done: Some(&done) };
            match self.store.commit_delivery(commit).await {
                Ok(()) => return Ok(replayed),
                Err(WebhookCommitError::Failed(error)) => return Err(error),
                Err(_) => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}
