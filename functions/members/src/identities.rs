//! Who sees who a member is in life, outside of an opening: the member, the recruiting
//! officer, and for staff those who manage them. Every look is written down first.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use pingan_domain::{
    authority,
    error::{Error, Refusal},
    identity::{IdentityAction, IdentityEvent, Payment, Step},
    member::MemberId,
    membership::knows,
    notice::Notice,
    territory::NodeId,
};
use pingan_http::{Body, DistrictPath, MemberPath, Problem, Subject};
use pingan_membership::MAX_TRIES;
use pingan_store::{
    Key,
    identities::{IdentityChange, StepResult},
};

use crate::{
    Members,
    managing::READERS,
    views::{IdentityView, PaymentView},
};

/// Who a member is in life: for the member, and for the officer who recruited them. That
/// you looked is written down, and the member's managers can see it.
///
/// Everybody else asks for an opening.
#[utoipa::path(
    get,
    path = "/districts/{district}/members/{member_id}/identity",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "The member's id"),
    ),
    responses(
        (status = 200, description = "The identity", body = IdentityView),
        (status = 404, description = "Nobody in your territory has this id, or the identity is erased"),
    ),
)]
pub(crate) async fn read_identity(
    State(members): State<Members>,
    Subject(reader): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(id): MemberPath,
) -> Result<Response, Problem> {
    let view = members.look(&reader, &district, &id).await?;
    Ok(([("cache-control", "no-store")], axum::Json(view)).into_response())
}

/// Says where your rewards are paid to. It is sealed with your identity.
#[utoipa::path(
    put,
    path = "/districts/{district}/members/{member_id}/payment",
    params(
        ("district" = String, Path, description = "The district"),
        ("member_id" = String, Path, description = "Your id"),
    ),
    request_body = PaymentView,
    responses(
        (status = 204, description = "Sealed"),
        (status = 404, description = "This is not your id"),
    ),
)]
pub(crate) async fn put_payment(
    State(members): State<Members>,
    Subject(actor): Subject,
    DistrictPath(district): DistrictPath,
    MemberPath(id): MemberPath,
    Body(body): Body<PaymentView>,
) -> Result<StatusCode, Problem> {
    members.set_payment(&actor, &district, &id, body.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Members {
    async fn look(&self, reader: &MemberId, district: &NodeId, id: &MemberId) -> Result<IdentityView, Error> {
        let keys = [
            Key::Member(reader.clone()),
            Key::Member(id.clone()),
            Key::Identity(id.clone()),
            Key::IdentityHead(id.clone()),
        ];
        let loaded = self.registry.store.load(keys).await?;
        let reader = loaded.actor(reader)?;
        let profile = loaded.profile(id)?;
        reader.state.may_act()?;
        let own = reader.id == *id;
        let reader = if own { reader } else { reader.acting_as_any(&READERS)? };
        let profile = profile
            .filter(|profile| district.contains(&profile.member.node) && authority::sees(&reader, &profile.member))
            .ok_or(Error::NotFound)?;
        if !knows(&reader, &profile) {
            return Err(Refusal::Sealed.into());
        }
        let now = self.registry.world.now();
        let item = loaded.identity(id, now)?.ok_or(Error::NotFound)?;
        let action = if own { IdentityAction::ReadOwn } else { IdentityAction::Read };
        let step = Step::new(id, &reader.id, reader.role, action);
        let head = loaded.identity_head(id)?;
        self.registry.store.record_step(head, &step, IdentityChange::Nothing, None, now, nobody).await?;
        Ok(IdentityView::new(self.registry.unseal(&item).await?, own))
    }

    async fn set_payment(
        &self,
        actor: &MemberId,
        district: &NodeId,
        id: &MemberId,
        payment: Payment,
    ) -> Result<(), Error> {
        payment.validate()?;
        for _ in 0..MAX_TRIES {
            let keys = [Key::Member(actor.clone()), Key::Identity(id.clone()), Key::IdentityHead(id.clone())];
            let loaded = self.registry.store.load(keys).await?;
            let acting = loaded.actor(actor)?;
            acting.state.may_act()?;
            if acting.id != *id || !district.contains(&acting.node) {
                return Err(Error::NotFound);
            }
            let now = self.registry.world.now();
            let item = loaded.identity(id, now)?.ok_or(Error::NotFound)?;
            let mut person = self.registry.unseal(&item).await?;
            person.payment = Some(payment.clone());
            let sealed = self.registry.seal(id, &person).await?;
            let step = Step::new(id, &acting.id, acting.role, IdentityAction::Change);
            let head = loaded.identity_head(id)?;
            match self
                .registry
                .store
                .record_step(head, &step, IdentityChange::Sealed(&sealed), None, now, nobody)
                .await?
            {
                StepResult::Done => return Ok(()),
                // The member has left in this moment.
                StepResult::AlreadyDone | StepResult::Stale => {}
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }
}

/// What is one's own to look at or to change is told to nobody.
fn nobody(_: &IdentityEvent) -> Vec<Notice> {
    Vec::new()
}
