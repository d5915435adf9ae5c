//! Members: recruiting, joining and managing them, and the lists of their district.
//!
//! | to change … | go to |
//! |---|---|
//! | how a district and its managers begin | [`appointing`] |
//! | how somebody is recruited by name, one or many | [`recruiting`], [`importing`] |
//! | how somebody joins with a poster or an invitation | [`joining`] |
//! | how memberships are listed and changed | [`managing`] |
//! | who is absent, and who stands in | [`absences`] |
//! | who sees an identity | [`identities`] |
//! | how people are told, and their inboxes | [`channels`] |
//! | a community's invites and their posters | [`invites`] |
//! | a district's lists and its coverage | [`districts`] |
//! | what the API shows | [`views`] |

mod absences;
mod appointing;
mod channels;
mod districts;
mod environment;
mod identities;
mod importing;
mod invites;
mod joining;
mod managing;
mod recruiting;
mod views;

use std::sync::Arc;

use pingan_cloud::{Accounts, Channels, KeyedHash, Sealer};
use pingan_domain::{
    code::Code,
    command::Fingerprint,
    error::Error,
    hash::Digest,
    identity::Person,
    member::{MemberId, Role},
    membership::Profile,
};
use pingan_http::{Operations, operations, routes};
use pingan_runtime::World;
use pingan_store::{Key, Loaded, Store, identities::IdentityItem, members::Done};

pub use crate::appointing::{Appointed, Appointment};

/// The roles that manage members.
const MANAGERS: [Role; 3] = [Role::Officer, Role::StationManager, Role::DistrictManager];
/// How often a command begins again before it gives up with [`Error::Busy`].
const MAX_TRIES: usize = 20;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Members {
    /// The records.
    pub store: Store,
    /// The time and random bytes.
    pub world: World,
    /// What seals identities.
    pub sealer: Arc<Sealer>,
    /// What hashes phone numbers and invitations.
    pub hashes: KeyedHash,
    /// The sign-in accounts.
    pub accounts: Arc<Accounts>,
    /// The channels by which people are told.
    pub channels: Channels,
    /// What the deployment has decided.
    pub settings: Settings,
}

/// What a deployment decides about members.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether members sign in with accounts of an issuer outside, to which invitations link them.
    pub linked: bool,
    /// Where the app takes a poster's code: the code is put behind it.
    pub join_base: String,
    /// How long an identity is kept after its member has left, in days.
    pub retention_days: u16,
}

/// The operations of this function.
pub fn router(members: Members) -> Operations {
    let operations = Operations::new()
        .routes(routes!(districts::read_district, districts::put_district))
        .routes(routes!(districts::read_coverage))
        .routes(routes!(recruiting::recruit_member, managing::list_members))
        .routes(routes!(managing::read_member))
        .routes(routes!(managing::read_member_history))
        .routes(routes!(managing::change_member))
        .routes(routes!(absences::put_absence, absences::end_absence))
        .routes(routes!(recruiting::renew_invitation))
        .routes(routes!(identities::read_identity))
        .routes(routes!(identities::put_payment))
        .routes(routes!(importing::import_members))
        .routes(routes!(invites::make_invite, invites::list_invites))
        .routes(routes!(invites::revoke_invite))
        .routes(routes!(invites::read_poster))
        .routes(routes!(joining::read_invite, joining::register))
        .routes(routes!(joining::read_me))
        .routes(routes!(joining::link_account))
        .routes(routes!(channels::read_channel, channels::choose_channel))
        .routes(routes!(channels::read_inbox))
        .with_state(members);
    operations::finish("members", operations)
}

impl Members {
    /// Seals who somebody is, for this member alone.
    async fn seal(&self, member: &MemberId, person: &Person) -> Result<IdentityItem, Error> {
        let plain = serde_json::to_vec(person).map_err(|error| Error::Internal(error.to_string()))?;
        let sealed = self.sealer.seal(member, &plain).await?;
        Ok(IdentityItem { member: member.clone(), sealed, phone_hash: self.phone_hash(&person.phone) })
    }

    async fn unseal(&self, item: &IdentityItem) -> Result<Person, Error> {
        let plain = self.sealer.open(&item.member, &item.sealed).await?;
        // The parser's message could quote what it read.
        serde_json::from_slice(&plain).map_err(|_| Error::Internal("an identity cannot be read".to_owned()))
    }

    fn phone_hash(&self, e164: &str) -> Digest {
        self.hashes.of("phone", e164)
    }

    /// Under which hash a personal invitation of this member stands.
    fn invitation_hash(&self, member: &MemberId, code: Code) -> Digest {
        self.hashes.of("invitation", &format!("{member} {}", code.as_str()))
    }

    /// The code of the personal invitation that a command gives out: the same when the
    /// command is repeated, and not to be guessed without the key.
    fn invitation_code(&self, command: &str) -> Code {
        Code::from_digest(&self.hashes.of("invitation code", command))
    }

    /// The member that a command acted on when it was carried out before.
    async fn repeat(&self, loaded: &Loaded, done: &Done, fingerprint: Fingerprint) -> Result<Profile, Error> {
        if done.fingerprint != fingerprint {
            return Err(Error::KeyReused);
        }
        let id = MemberId::parse(&done.target).map_err(|error| Error::Internal(error.to_string()))?;
        let profile = match loaded.profile(&id)? {
            Some(profile) => Some(profile),
            None => self.store.load([Key::Member(id.clone())]).await?.profile(&id)?,
        };
        profile.ok_or(Error::NotFound)
    }
}
