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

/// The claim of a token that says who the member is. Layered onto the router as an
/// extension.
#[derive(Debug, Clone)]
pub struct MemberClaim {
    /// Its name.
    pub name: String,
    /// Whether it names an account that a member was linked to, as with an issuer outside;
    /// otherwise it is the member's id itself, as with a user pool of the deployment's own.
    pub linked: bool,
}

impl Default for MemberClaim {
    fn default() -> Self {
        Self { name: "sub".to_owned(), linked: false }
    }
}

impl MemberClaim {
    /// The claim `name`, holding what `accounts` says: `linked`, or `direct` when it says nothing.
    pub fn new(name: String, accounts: &str) -> Result<Self, Error> {
        match accounts {
            "linked" => Ok(Self { name, linked: true }),
            "direct" | "" => Ok(Self { name, linked: false }),
            other => Err(Error::Internal(format!("accounts are linked or direct, not {other}"))),
        }
    }

    /// Under which id the claim's value finds its member.
    pub fn member(&self, value: &str) -> Result<MemberId, Error> {
        if self.linked {
            return Ok(MemberId::of_account(value));
        }
        MemberId::parse(value).map_err(|_| Error::Refused(Refusal::NotAMember))
    }
}

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
        let claim = parts.extensions.get::<MemberClaim>().cloned().unwrap_or_default();
        let value = claims.get(&claim.name).ok_or(Error::Unauthenticated)?;
        Ok(Self(claim.member(value)?))
    }
}
