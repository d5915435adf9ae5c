//! The register of members: their records, who they are in life under seal, and their accounts.

use std::sync::Arc;

use aws_config::SdkConfig;
use pingan_cloud::{Accounts, KeyedHash, Late, Sealer};
use pingan_domain::{
    command::Fingerprint, error::Error, hash::Digest, identity::Person, member::MemberId, membership::Profile,
};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Key, Loaded, Store, TableNames, identities::IdentityItem, members::Done};

/// The register of members.
#[derive(Debug, Clone)]
pub struct Registry {
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
}

impl Registry {
    /// Reads `MEMBERS_TABLE`, `IDENTITIES_TABLE`, `NOTICES_TABLE`, `CURSOR_KEY` (at least 16 characters),
    /// `IDENTITY_KEY_ID` (the KMS key of identities), `HASH_KEY` (at least 32 characters) and
    /// `USER_POOL_ID` (none with an issuer outside). `tables` names those that a function has besides.
    pub fn from_environment(environment: Environment, sdk: &SdkConfig, tables: TableNames) -> Result<Self, Failure> {
        let tables = TableNames {
            identities: environment.get("IDENTITIES_TABLE")?,
            members: environment.get("MEMBERS_TABLE")?,
            notices: environment.get("NOTICES_TABLE")?,
            ..tables
        };
        let cursor_key = CursorKey::new(environment.get("CURSOR_KEY")?.into_bytes())?;
        let accounts = match environment.get("USER_POOL_ID") {
            Ok(pool) => Accounts::cognito(Late::of(sdk, aws_sdk_cognitoidentityprovider::Client::new), pool),
            Err(_) => Accounts::Outside,
        };
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, cursor_key),
            world: World::real(),
            sealer: Arc::new(Sealer::kms(Late::of(sdk, aws_sdk_kms::Client::new), environment.get("IDENTITY_KEY_ID")?)),
            hashes: KeyedHash::new(environment.get("HASH_KEY")?.into_bytes())?,
            accounts: Arc::new(accounts),
        })
    }

    /// Seals who somebody is, for this member alone.
    pub async fn seal(&self, member: &MemberId, person: &Person) -> Result<IdentityItem, Error> {
        let plain = serde_json::to_vec(person).map_err(|error| Error::Internal(error.to_string()))?;
        let sealed = self.sealer.seal(member, &plain).await?;
        Ok(IdentityItem { member: member.clone(), sealed, phone_hash: self.phone_hash(&person.phone) })
    }

    /// Opens who somebody is. It is for the caller to have written down who looks.
    pub async fn unseal(&self, item: &IdentityItem) -> Result<Person, Error> {
        let plain = self.sealer.open(&item.member, &item.sealed).await?;
        // The parser's message could quote what it read.
        serde_json::from_slice(&plain).map_err(|_| Error::Internal("an identity cannot be read".to_owned()))
    }

    /// Under which hash the claim on a phone number stands, in E.164.
    pub fn phone_hash(&self, e164: &str) -> Digest {
        self.hashes.of("phone", e164)
    }

    /// The member that a command acted on when it was carried out before.
    pub async fn repeat(&self, loaded: &Loaded, done: &Done, fingerprint: Fingerprint) -> Result<Profile, Error> {
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
