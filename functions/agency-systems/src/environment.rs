//! What the deployed function needs, from its environment.

use std::sync::Arc;

use aws_config::SdkConfig;
use pingan_cloud::{Late, Sealer};
use pingan_domain::webhook_target::Reach;
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Store, TableNames};

use crate::AgencySystems;

impl AgencySystems {
    /// Reads `MEMBERS_TABLE`, `HANDOVERS_TABLE`, `CURSOR_KEY` (at least 16 characters) and
    /// `WEBHOOK_KEY_ID` (the KMS key of the secrets).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            handovers: environment.get("HANDOVERS_TABLE")?,
            members: environment.get("MEMBERS_TABLE")?,
            ..TableNames::default()
        };
        let cursor_key = CursorKey::new(environment.get("CURSOR_KEY")?.into_bytes())?;
        let kms = Late::of(sdk, aws_sdk_kms::Client::new);
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, cursor_key),
            world: World::real(),
            sealer: Arc::new(Sealer::kms(kms, environment.get("WEBHOOK_KEY_ID")?)),
            // No setting says otherwise: a deployment calls public addresses and nothing else.
            reach: Reach::Public,
        })
    }
}
