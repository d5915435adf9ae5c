//! The webhooks of agencies that have systems of their own: where they point, what they are
//! signed with, and what became of each delivery.
//!
//! | to change … | go to |
//! |---|---|
//! | how a webhook is set up, and its secrets | [`settings`] |
//! | how deliveries are listed and sent again | [`deliveries`] |
//! | what the API shows | [`views`] |

mod deliveries;
mod environment;
mod settings;
mod views;

use std::sync::Arc;

use pingan_cloud::Sealer;
use pingan_domain::{
    district::Label,
    error::Error,
    member::{Member, MemberId, Role},
    territory::NodeId,
    webhook::{Webhook, WebhookId, check_reads},
    webhook_target::Reach,
};
use pingan_http::{Operations, operations, routes};
use pingan_runtime::World;
use pingan_store::{Key, Loaded, Store};

/// How often a command begins again before it gives up with [`Error::Busy`].
const MAX_TRIES: usize = 20;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct AgencySystems {
    /// The records.
    pub store: Store,
    /// The time.
    pub world: World,
    /// What seals the secrets.
    pub sealer: Arc<Sealer>,
    /// How far webhooks reach.
    pub reach: Reach,
}

/// The operations of this function.
pub fn router(systems: AgencySystems) -> Operations {
    let operations = Operations::new()
        .routes(routes!(settings::read_webhook, settings::put_webhook))
        .routes(routes!(settings::rotate_webhook_secret))
        .routes(routes!(settings::read_webhook_history))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::replay_delivery))
        .with_state(systems);
    operations::finish("agency-systems", operations)
}

/// Who asks, for which agency.
struct Asked {
    loaded: Loaded,
    member: Member,
    id: WebhookId,
    webhook: Option<Webhook>,
}

impl AgencySystems {
    /// Loads who asks and the webhook of an agency, with these further items, if they may know of
    /// it in one of these roles.
    async fn load(
        &self,
        member: &MemberId,
        district: &NodeId,
        agency: &Label,
        roles: &[Role],
        others: impl IntoIterator<Item = Key>,
    ) -> Result<Asked, Error> {
        let id = WebhookId { district: district.clone(), agency: agency.clone() };
        let keys = [Key::Member(member.clone()), Key::District(district.clone()), Key::Webhook(id.clone())];
        let loaded = self.store.load(keys.into_iter().chain(others)).await?;
        let member = loaded.actor(member)?.acting_as_any(roles)?;
        let webhook = loaded.webhook(&id)?;
        check_reads(&member, &id, loaded.district(district)?.as_ref(), webhook.is_some())?;
        Ok(Asked { loaded, member, id, webhook })
    }
}
