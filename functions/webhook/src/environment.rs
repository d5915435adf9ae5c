//! What the deployed function needs, from its environment.

use std::sync::Arc;

use aws_config::SdkConfig;
use pingan_cloud::{Late, Schedules, Sealer, WebhookClient, schedules::Target};
use pingan_domain::webhook_target::Reach;
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{CursorKey, Store, TableNames};

use crate::{Pace, WebhookSender};

impl WebhookSender {
    /// Reads `HANDOVERS_TABLE`, `NOTICES_TABLE`, `WEBHOOK_KEY_ID` (the KMS key of the secrets),
    /// `RETRY_GROUP`, `RETRY_TARGET_ARN` (this function itself), `RETRY_ROLE_ARN` (as which the
    /// scheduler starts it) and `RETRY_FAILURES_ARN` (the queue of what could not be started;
    /// none for no queue).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            handovers: environment.get("HANDOVERS_TABLE")?,
            notices: environment.get("NOTICES_TABLE")?,
            ..TableNames::default()
        };
        let target = Target {
            function_arn: environment.get("RETRY_TARGET_ARN")?,
            role_arn: environment.get("RETRY_ROLE_ARN")?,
            failures_arn: environment.get("RETRY_FAILURES_ARN").ok(),
        };
        let scheduler = aws_sdk_scheduler::Client::new(sdk);
        let kms = Late::of(sdk, aws_sdk_kms::Client::new);
        Ok(Self {
            // It pages no list, and has no key to sign cursors with.
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, CursorKey::unused()),
            world: World::real(),
            sealer: Arc::new(Sealer::kms(kms, environment.get("WEBHOOK_KEY_ID")?)),
            client: WebhookClient::default(),
            schedules: Schedules::new(scheduler, environment.get("RETRY_GROUP")?, target),
            // No setting says otherwise: a deployment calls public addresses and nothing else.
            reach: Reach::Public,
            pace: Pace::default(),
            resting: Arc::default(),
        })
    }
}
