//! Who acts: the member that the token names.
//!
//! The token is checked before a function sees the request: by API Gateway's JWT
//! authorizer in the cloud, by the local server's own. Both leave the claims in the same
//! place, the request context, so that one extractor serves both. What the member may do
//! is not in the token: it is read with every request, so that a suspension is in force
//! for the next one.

use axum::{extract::FromRequestParts, http::request::Parts};
use lambda_http::request::RequestContext;
use pingan_domain::{
    error::{Error, Refusal},
    member::MemberId,
};

use crate::Problem;

/// The claim that holds the member's id; `sub` unless the deployment says otherwise.
/// Layered onto the router as an extension.
#[derive(Debug, Clone)]
pub struct MemberClaim(pub String);

/// The member whom the token names. Nothing is said yet of whether they may act.
#[derive(Debug, Clone)]
pub struct Subject(pub MemberId);

impl<S: Sync> FromRequestParts<S> for Subject {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let claims = parts
            .extensions
            .get::<RequestContext>()
            .and_then(RequestContext::authorizer)
            .and_then(|authorizer| authorizer.jwt.as_ref())
            .map(|jwt| &jwt.claims)
            .ok_or(Error::Unauthenticated)?;
        let name = parts.extensions.get::<MemberClaim>().map_or("sub", |claim| claim.0.as_str());
        let value = claims.get(name).ok_or(Error::Unauthenticated)?;
        let id = MemberId::parse(value).map_err(|_| Error::Refused(Refusal::NotAMember))?;
        Ok(Self(id))
    }
}
