//! How people become members.
//!
//! | to change … | go to |
//! |---|---|
//! | how a district and its managers begin | [`appointing`] |
//! | how somebody is recruited by name, one or many | [`by_name`], [`importing`] |
//! | how somebody joins with a poster or an invitation | [`joining`] |
//! | a community's invites and their posters | [`invites`] |
//! | what the API shows | [`views`] |
//!
//! What becomes of a membership afterwards is for the function `members`.

mod appointing;
mod by_name;
mod importing;
mod invites;
mod joining;
mod views;

use aws_config::SdkConfig;
use pingan_domain::{code::Code, hash::Digest, member::MemberId};
use pingan_http::{Operations, operations, routes};
use pingan_membership::Registry;
use pingan_runtime::{Environment, Failure};
use pingan_store::TableNames;

pub use crate::appointing::{Appointed, Appointment};

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Recruiting {
    /// The register of members.
    pub registry: Registry,
    /// Whether members sign in with accounts of an issuer outside, to which invitations link them.
    pub linked: bool,
    /// Where the app takes a poster's code: the code is put behind it.
    pub join_base: String,
}

/// The operations of this function.
pub fn router(recruiting: Recruiting) -> Operations {
    let operations = Operations::new()
        .routes(routes!(by_name::recruit_member))
        .routes(routes!(by_name::renew_invitation))
        .routes(routes!(importing::import_members))
        .routes(routes!(invites::make_invite, invites::list_invites))
        .routes(routes!(invites::revoke_invite))
        .routes(routes!(invites::read_poster))
        .routes(routes!(joining::read_invite, joining::register))
        .routes(routes!(joining::link_account))
        .with_state(recruiting);
    operations::finish("recruiting", operations)
}

impl Recruiting {
    /// Reads what [`Registry::from_environment`] reads, `ACCOUNTS` and `JOIN_BASE`.
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        Ok(Self {
            registry: Registry::from_environment(environment, sdk, TableNames::default())?,
            linked: environment.get_or("ACCOUNTS", "direct") == "linked",
            join_base: environment.get("JOIN_BASE")?,
        })
    }

    /// Under which hash a personal invitation of this member stands.
    fn invitation_hash(&self, member: &MemberId, code: Code) -> Digest {
        self.registry.hashes.of("invitation", &format!("{member} {}", code.as_str()))
    }

    /// The code of the personal invitation that a command gives out: the same when the
    /// command is repeated, and not to be guessed without the key.
    fn invitation_code(&self, command: &str) -> Code {
        Code::from_digest(&self.registry.hashes.of("invitation code", command))
    }
}
