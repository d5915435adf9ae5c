//! The settings of the AWS SDK.

use aws_config::{BehaviorVersion, Region, SdkConfig, environment::EnvironmentVariableCredentialsProvider};
use aws_types::{
    sdk_config::SharedCredentialsProvider,
    service_config::{LoadServiceConfig, ServiceConfigKey},
};

use crate::environment::{Environment, MissingVariable};

/// The SDK's settings, made once per process: region, credentials and, where it is not AWS that answers, the
/// endpoints, from variables as Lambda sets them. Everything else is as the SDK has it.
///
/// The SDK's own chain would look for profiles, containers and roles as well, which a function never has,
/// and would make every function larger and slower to start.
///
/// # Errors
///
/// `AWS_REGION` is not set.
pub fn sdk(environment: Environment) -> Result<SdkConfig, MissingVariable> {
    Ok(SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(environment.get("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .service_config(Named(environment))
        .build())
}

/// Settings of a service by their variables: `AWS_ENDPOINT_URL_S3` before `AWS_ENDPOINT_URL`.
///
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
#[derive(Debug)]
struct Named(Environment);

impl LoadServiceConfig for Named {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let service = key.service_id().to_uppercase().replace([' ', '-'], "_");
        self.0.find(&format!("{}_{service}", key.env())).or_else(|| self.0.find(key.env()))
    }
}
