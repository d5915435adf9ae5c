//! Runs the function on AWS Lambda.

use pingan_http::MemberClaim;
use pingan_runtime::{Environment, Failure};
use recruiting::Recruiting;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    pingan_runtime::start_log();
    let environment = Environment;
    let sdk = pingan_runtime::sdk(environment)?;
    let routes = recruiting::router(Recruiting::from_environment(environment, &sdk)?);
    let claim = MemberClaim::new(environment.get_or("MEMBER_CLAIM", "sub"), &environment.get_or("ACCOUNTS", "direct"))?;
    pingan_runtime::serve_http(pingan_http::function(routes, claim)).await
}
