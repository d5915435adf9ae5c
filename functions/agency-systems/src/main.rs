//! Runs the function on AWS Lambda.

use agency_systems::AgencySystems;
use pingan_http::MemberClaim;
use pingan_runtime::{Environment, Failure};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let environment = Environment;
    let sdk = pingan_runtime::sdk(environment)?;
    let routes = agency_systems::router(AgencySystems::from_environment(environment, &sdk)?);
    let claim = MemberClaim::new(environment.get_or("MEMBER_CLAIM", "sub"), &environment.get_or("ACCOUNTS", "direct"))?;
    pingan_runtime::serve_http(pingan_http::function(routes, claim)).await
}
