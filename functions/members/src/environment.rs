//! What the deployed function needs, from its environment.

use std::sync::Arc;

use aws_config::SdkConfig;
use pingan_cloud::{Accounts, Channels, KeyedHash, Late, Sealer};
use pingan_domain::error::Error;
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Store, TableNames};

use crate::{Members, Settings};

impl Members {
    /// Reads `MEMBERS_TABLE`, `IDENTITIES_TABLE`, `NOTICES_TABLE`, `TASKS_TABLE`, `CURSOR_KEY` (at least 16 characters),
    /// `IDENTITY_KEY_ID` (the KMS key of identities), `HASH_KEY` (at least 32 characters),
    /// `USER_POOL_ID` (none with an issuer outside), `ACCOUNTS`, `JOIN_BASE`,
    /// `NOTICES_TOPIC_ARN`, `PLATFORM_APPLICATIONS` (none: no devices) and `RETENTION_DAYS`
    /// (default 180).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            identities: environment.get("IDENTITIES_TABLE")?,
            members: environment.get("MEMBERS_TABLE")?,
            notices: environment.get("NOTICES_TABLE")?,
            tasks: environment.get("TASKS_TABLE")?,
            ..TableNames::default()
        };
        let cursor_key = CursorKey::new(environment.get("CURSOR_KEY")?.into_bytes())?;
        let accounts = match environment.get("USER_POOL_ID") {
            Ok(pool) => Accounts::cognito(Late::of(sdk, aws_sdk_cognitoidentityprovider::Client::new), pool),
            Err(_) => Accounts::Outside,
        };
        let retention_days = environment.get_or("RETENTION_DAYS", "180");
        let retention_days =
            retention_days.parse().map_err(|_| Error::Internal("RETENTION_DAYS is not a number of days".to_owned()))?;
        let topic = environment.get("NOTICES_TOPIC_ARN")?;
        let applications = environment.get_or("PLATFORM_APPLICATIONS", "");
        Ok(Self {
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, cursor_key),
            world: World::real(),
            sealer: Arc::new(Sealer::kms(Late::of(sdk, aws_sdk_kms::Client::new), environment.get("IDENTITY_KEY_ID")?)),
            hashes: KeyedHash::new(environment.get("HASH_KEY")?.into_bytes())?,
            accounts: Arc::new(accounts),
            channels: Channels::new(Late::of(sdk, aws_sdk_sns::Client::new), topic, &applications)?,
            settings: Settings {
                linked: environment.get_or("ACCOUNTS", "direct") == "linked",
                join_base: environment.get("JOIN_BASE")?,
                retention_days,
            },
        })
    }
}
