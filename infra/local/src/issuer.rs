//! The development sign-in: an OIDC issuer that gives a token to any member it is told of, without a password, and the
//! check of such tokens that API Gateway's JWT authorizer makes in the cloud.
//!
//! Only who can reach this machine's loopback address can sign in here, and only tokens of its own key are believed, so
//! nothing that it signs is worth anything elsewhere.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerJwtDescription, ApiGatewayV2httpRequestContext,
};
use lambda_http::request::RequestContext;
use p256::SecretKey;
use p256::elliptic_curve::rand_core::OsRng;
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, LineEnding};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::files;

const AUDIENCE: &str = "pingan";
const TOKEN_LIFETIME: Duration = Duration::from_hours(1);
/// How far the clocks of who signs and who checks may be apart.
const LEEWAY_SECONDS: u64 = 5;

/// The development OIDC issuer. A clone is the same issuer.
#[derive(Clone)]
pub(crate) struct Issuer {
    inner: Arc<Inner>,
}

struct Inner {
    url: String,
    key_id: String,
    jwk: Value,
    signing_key: EncodingKey,
    checking_key: DecodingKey,
}

impl Issuer {
    /// Opens the issuer whose tokens name `issuer_url`, with the key in `key_file`; makes the key when there is none, so
    /// that tokens stay good over a restart.
    pub(crate) fn open(key_file: &Path, issuer_url: String) -> io::Result<Self> {
        let key = match fs::read_to_string(key_file) {
            Ok(pem) => SecretKey::from_pkcs8_pem(&pem).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(key_file)?,
            Err(error) => return Err(error),
        };
        let point = key.public_key().to_encoded_point(false);
        let (Some(x), Some(y)) = (point.x(), point.y()) else {
            return Err(io::Error::other("the signing key has no public point"));
        };
        let (x, y) = (BASE64URL.encode(x), BASE64URL.encode(y));
        // RFC 7638: the members in this order, without spaces.
        let thumbprint = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let key_id = BASE64URL.encode(Sha256::digest(thumbprint));
        let document = key.to_pkcs8_der().map_err(io::Error::other)?;
        Ok(Self {
            inner: Arc::new(Inner {
                url: issuer_url,
                jwk: json!({
                    "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": key_id, "x": x, "y": y
                }),
                key_id,
                signing_key: EncodingKey::from_ec_der(document.as_bytes()),
                checking_key: DecodingKey::from_ec_components(&x, &y).map_err(io::Error::other)?,
            }),
        })
    }

    /// The endpoints of the issuer. `known` says who may sign in.
    pub(crate) fn router(&self, known: impl Fn(&str) -> bool + Send + Sync + 'static) -> Router {
        let (discovery, jwks, issuer) = (self.discovery(), json!({ "keys": [self.inner.jwk] }), self.clone());
        let known = Arc::new(known);
        let token = async move |body: Bytes| sign_in(&issuer, &*known, &body);
        Router::new()
            .route("/.well-known/openid-configuration", get(async move || Json(discovery)))
            .route("/jwks.json", get(async move || Json(jwks)))
            .route("/token", post(token))
    }

    fn discovery(&self) -> Value {
        let url = &self.inner.url;
        json!({
            "issuer": url,
            "jwks_uri": format!("{url}/jwks.json"),
            "token_endpoint": format!("{url}/token"),
            "grant_types_supported": ["password"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    /// A token for whoever `sub` is, good for `lifetime`.
    pub(crate) fn token_for(&self, sub: &str, lifetime: Duration) -> Result<String, TokenError> {
        let now = jiff::Timestamp::now().as_second();
        let lifetime = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
        self.sign(&json!({
            "iss": self.inner.url,
            "sub": sub,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now.saturating_add(lifetime),
            "client_id": AUDIENCE,
            "token_use": "access",
        }))
    }

    fn sign(&self, claims: &Value) -> Result<String, TokenError> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.inner.key_id.clone());
        jsonwebtoken::encode(&header, claims, &self.inner.signing_key).map_err(|error| TokenError(error.to_string()))
    }

    /// The claims of a token, when it is one of this issuer, for this bundle, and good now.
    pub(crate) fn verify(&self, bearer: &str) -> Result<Map<String, Value>, TokenError> {
        let refused = |error: jsonwebtoken::errors::Error| TokenError(error.to_string());
        let header = jsonwebtoken::decode_header(bearer).map_err(refused)?;
        if header.kid.as_deref() != Some(self.inner.key_id.as_str()) {
            return Err(TokenError("it was signed with an unknown key".to_owned()));
        }
        // The list of algorithms is what keeps out `none`, and HMAC with the public key as its secret.
        let mut wanted = Validation::new(Algorithm::ES256);
        wanted.set_issuer(&[&self.inner.url]);
        wanted.set_audience(&[AUDIENCE]);
        wanted.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        wanted.validate_nbf = true;
        wanted.leeway = LEEWAY_SECONDS;
        let token = jsonwebtoken::decode(bearer, &self.inner.checking_key, &wanted).map_err(refused)?;
        Ok(token.claims)
    }
}

fn make_key(file: &Path) -> io::Result<SecretKey> {
    let key = SecretKey::random(&mut OsRng);
    let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(io::Error::other)?;
    files::replace(file, pem.as_bytes())?;
    Ok(key)
}

/// The answer to a token request, as RFC 6749 has it.
fn sign_in(issuer: &Issuer, known: &dyn Fn(&str) -> bool, body: &[u8]) -> Response {
    let form: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error })));
    let answer = match (form.get("grant_type").map(String::as_str), form.get("username")) {
        (Some("password") | None, Some(member)) if known(member) => match issuer.token_for(member, TOKEN_LIFETIME) {
            Ok(token) => (
                StatusCode::OK,
                Json(json!({
                    "access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFETIME.as_secs()
                })),
            ),
            Err(error) => {
                tracing::error!(%error, "a token could not be signed");
                (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": "server_error" })))
            }
        },
        (Some("password") | None, Some(_)) => refused("invalid_grant"),
        (Some("password") | None, None) => refused("invalid_request"),
        _ => refused("unsupported_grant_type"),
    };
    ([(header::CACHE_CONTROL, "no-store")], answer).into_response()
}

/// Why a token is not believed. For the log only: whoever tries tokens out is not told.
#[derive(Debug)]
pub(crate) struct TokenError(String);

impl fmt::Display for TokenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Does to a request what API Gateway's JWT authorizer does, to be mounted with
/// `axum::middleware::from_fn_with_state(issuer, authorize)`: the claims of a good token come along in the request's
/// extensions, exactly where `lambda_http` puts them; a bad token is answered with 401. A request without a token goes
/// on without claims, because the functions themselves say who must sign in.
pub(crate) async fn authorize(State(issuer): State<Issuer>, mut request: Request, next: Next) -> Response {
    let Some(bearer) = bearer(request.headers()) else {
        return next.run(request).await;
    };
    match issuer.verify(bearer) {
        Ok(claims) => {
            let context = context(&request, claims);
            request.extensions_mut().insert(RequestContext::ApiGatewayV2(context));
            next.run(request).await
        }
        Err(reason) => {
            tracing::debug!(%reason, "a token was refused");
            unauthenticated()
        }
    }
}

/// What follows `Bearer`. Another scheme is somebody else's: S3 clients sign with theirs at the same address.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn context(request: &Request, claims: Map<String, Value>) -> ApiGatewayV2httpRequestContext {
    // These types may grow, so they can only be made empty and then filled.
    let mut jwt = ApiGatewayRequestAuthorizerJwtDescription::default();
    // API Gateway hands on every claim as a string.
    jwt.claims = claims
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(value) => (name, value),
            value => (name, value.to_string()),
        })
        .collect();
    let mut authorizer = ApiGatewayRequestAuthorizer::default();
    authorizer.jwt = Some(jwt);
    let mut context = ApiGatewayV2httpRequestContext::default();
    context.authorizer = Some(authorizer);
    context.stage = Some("$default".to_owned());
    context.http.method = request.method().clone();
    context.http.path = Some(request.uri().path().to_owned());
    context
}

fn unauthenticated() -> Response {
    let headers = [
        (header::WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#),
        (header::CONTENT_TYPE, "application/problem+json"),
    ];
    let problem = json!({ "type": "/problems/unauthenticated", "title": "Sign in to do this.", "status": 401 });
    (StatusCode::UNAUTHORIZED, headers, problem.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::serve;
    use std::path::PathBuf;

    const URL: &str = "http://127.0.0.1:1/auth";

    fn issuer() -> (tempfile::TempDir, PathBuf, Issuer) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("issuer.pem");
        let issuer = Issuer::open(&file, URL.to_owned()).unwrap();
        (folder, file, issuer)
    }

    fn claims() -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({ "iss": URL, "sub": "m1", "aud": "pingan", "iat": now, "exp": now + 60 })
    }

    fn with(name: &str, value: impl Into<Value>) -> Value {
        let mut claims = claims();
        claims[name] = value.into();
        claims
    }

    fn part(value: &Value) -> String {
        BASE64URL.encode(value.to_string())
    }

    #[test]
    fn a_token_outlives_a_restart_and_the_key_is_private() {
        let (_folder, file, issuer) = issuer();
        let token = issuer.token_for("m1", Duration::from_mins(1)).unwrap();
        let again = Issuer::open(&file, URL.to_owned()).unwrap();
        let claims = again.verify(&token).unwrap();
        assert_eq!(
            (&claims["sub"], &claims["aud"], &claims["token_use"]),
            (&json!("m1"), &json!("pingan"), &json!("access"))
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn tokens_that_are_not_exactly_right_are_refused() {
        let (_folder, _file, issuer) = issuer();
        let now = jiff::Timestamp::now().as_second();
        assert!(issuer.verify(&issuer.sign(&claims()).unwrap()).is_ok());
        assert!(issuer.verify(&issuer.sign(&with("exp", now - 2)).unwrap()).is_ok(), "within the leeway");
        for wrong in [
            with("exp", now - 30),
            with("nbf", now + 30),
            with("aud", "somebody-else"),
            with("iss", "http://127.0.0.1:2/auth"),
            with("aud", Value::Null),
            with("exp", Value::Null),
        ] {
            assert!(issuer.verify(&issuer.sign(&wrong).unwrap()).is_err(), "{wrong}");
        }
        let mut without = claims();
        without.as_object_mut().unwrap().remove("sub");
        assert!(issuer.verify(&issuer.sign(&without).unwrap()).is_err());
    }

    #[test]
    fn forged_signatures_are_refused() {
        let (_folder, _file, issuer) = issuer();
        let (_other_folder, _other_file, other) = self::issuer();
        let key_id = &issuer.inner.key_id;
        let body = part(&claims());

        let none = format!("{}.{body}.", part(&json!({ "alg": "none", "kid": key_id })));
        let mut hmac_header = Header::new(Algorithm::HS256);
        hmac_header.kid = Some(key_id.clone());
        let public_key = issuer.inner.jwk["x"].as_str().unwrap();
        let hmac =
            jsonwebtoken::encode(&hmac_header, &claims(), &EncodingKey::from_secret(public_key.as_bytes())).unwrap();
        let mut stolen_header = Header::new(Algorithm::ES256);
        stolen_header.kid = Some(key_id.clone());
        let stolen = jsonwebtoken::encode(&stolen_header, &claims(), &other.inner.signing_key).unwrap();
        let nameless =
            jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims(), &issuer.inner.signing_key).unwrap();
        let good = issuer.sign(&claims()).unwrap();
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (head, _) = signed.split_once('.').unwrap();
        let altered = format!("{head}.{}.{signature}", part(&with("sub", "m2")));
        let unsigned = format!("{signed}.");

        for forged in [none, hmac, stolen, nameless, altered, unsigned, other.sign(&claims()).unwrap(), String::new()] {
            assert!(issuer.verify(&forged).is_err(), "{forged}");
        }
    }

    #[tokio::test]
    async fn members_sign_in_and_others_do_not() {
        let (_folder, _file, issuer) = issuer();
        let url = serve(issuer.router(|member| member == "m1")).await;
        let client = reqwest::Client::new();
        let ask = async |body: &'static str| {
            let answer = client.post(format!("{url}/token")).body(body).send().await.unwrap();
            (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
        };
        let (status, answer) = ask("grant_type=password&username=m1").await;
        assert_eq!((status, &answer["token_type"], &answer["expires_in"]), (200, &json!("Bearer"), &json!(3_600)));
        assert!(issuer.verify(answer["access_token"].as_str().unwrap()).is_ok());
        assert_eq!(ask("username=m1").await.0, 200);
        assert_eq!(ask("username=m2").await, (400, json!({ "error": "invalid_grant" })));
        assert_eq!(ask("").await, (400, json!({ "error": "invalid_request" })));
        assert_eq!(
            ask("grant_type=client_credentials&username=m1").await,
            (400, json!({ "error": "unsupported_grant_type" }))
        );

        let get =
            async |path: &str| client.get(format!("{url}{path}")).send().await.unwrap().json::<Value>().await.unwrap();
        assert_eq!(get("/.well-known/openid-configuration").await["jwks_uri"], format!("{URL}/jwks.json"));
        let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_value(get("/jwks.json").await).unwrap();
        let checking_key = DecodingKey::from_jwk(jwks.find(&issuer.inner.key_id).unwrap()).unwrap();
        let mut wanted = Validation::new(Algorithm::ES256);
        wanted.set_audience(&[AUDIENCE]);
        let token = issuer.token_for("m1", TOKEN_LIFETIME).unwrap();
        assert!(jsonwebtoken::decode::<Value>(&token, &checking_key, &wanted).is_ok(), "anybody can check by the JWKS");
    }

    #[tokio::test]
    async fn claims_come_along_as_in_the_cloud() {
        let (_folder, _file, issuer) = issuer();
        let show = async |request: Request| match request.extensions().get::<RequestContext>() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                let claims = &context.authorizer.as_ref().unwrap().jwt.as_ref().unwrap().claims;
                assert_eq!(claims["exp"].parse::<i64>().unwrap() - claims["iat"].parse::<i64>().unwrap(), 60);
                claims["sub"].clone()
            }
            _ => "nobody".to_owned(),
        };
        let router =
            Router::new().route("/", get(show)).layer(axum::middleware::from_fn_with_state(issuer.clone(), authorize));
        let url = serve(router).await;
        let ask = async |authorization: &str| {
            let mut request = reqwest::Client::new().get(&url);
            if !authorization.is_empty() {
                request = request.header("authorization", authorization);
            }
            request.send().await.unwrap()
        };
        let token = issuer.token_for("m1", Duration::from_mins(1)).unwrap();
        assert_eq!(ask(&format!("Bearer {token}")).await.text().await.unwrap(), "m1");
        assert_eq!(ask("").await.text().await.unwrap(), "nobody");
        assert_eq!(ask("AWS4-HMAC-SHA256 Credential=x").await.text().await.unwrap(), "nobody");

        let refused = ask(&format!("bearer {token}x")).await;
        assert_eq!(refused.status(), 401);
        assert_eq!(refused.headers()["www-authenticate"], r#"Bearer error="invalid_token""#);
        assert_eq!(refused.headers()["content-type"], "application/problem+json");
        assert_eq!(refused.json::<Value>().await.unwrap()["type"], "/problems/unauthenticated");
    }
}
