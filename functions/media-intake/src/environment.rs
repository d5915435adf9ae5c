//! What the deployed function needs, from its environment.

use aws_config::SdkConfig;
use pingan_cloud::{Late, MediaStore, Scanner};
use pingan_runtime::{Environment, Failure};
use pingan_workflow::Workflow;

use crate::Intake;

impl Intake {
    /// Reads `MEDIA_BUCKET`, `MALWARE_SCAN` (`tags` or `off`; without it the function does not
    /// start) and what [`Workflow::from_environment`] reads.
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let workflow = Workflow::from_environment(environment, sdk)?;
        let media = MediaStore::new(Late::of(sdk, aws_sdk_s3::Client::new), environment.get("MEDIA_BUCKET")?);
        Ok(Self::new(workflow, media, Scanner::parse(&environment.get("MALWARE_SCAN")?)?))
    }
}
