//! What the deployed function needs, from its environment.

use aws_config::SdkConfig;
use jiff::SignedDuration;
use pingan_cloud::{Schedules, schedules::Target};
use pingan_runtime::{Environment, Failure, World};

use crate::TaskSchedule;

impl TaskSchedule {
    /// Reads `SCHEDULE_GROUP`, `SCHEDULE_TARGET_ARN` (the function `task-clock`),
    /// `SCHEDULE_ROLE_ARN` (as which the scheduler starts it) and `SCHEDULE_FAILURES_ARN` (the
    /// queue of what could not be started; none for no queue).
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let target = Target {
            function_arn: environment.get("SCHEDULE_TARGET_ARN")?,
            role_arn: environment.get("SCHEDULE_ROLE_ARN")?,
            failures_arn: environment.get("SCHEDULE_FAILURES_ARN").ok(),
        };
        let client = aws_sdk_scheduler::Client::new(sdk);
        let schedules = Schedules::new(client, environment.get("SCHEDULE_GROUP")?, target);
        Ok(Self { schedules, world: World::real(), ahead: SignedDuration::from_mins(1) })
    }
}
