//! Pages of lists: `limit` and an opaque `cursor`; the next page in the body and, by
//! RFC 8288, in the `Link` header.

use axum::{
    http::{
        HeaderValue,
        header::{self, InvalidHeaderValue},
    },
    response::{IntoResponse, Response},
};
use pingan_domain::error::Error;
use serde::{Deserialize, Serialize};

/// The largest page.
pub const MAX_LIMIT: u16 = 100;
/// The page when nothing is said.
pub const DEFAULT_LIMIT: u16 = 50;

/// The parameters of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    /// How many, from 1 to 100; 50 when nothing is said.
    #[param(minimum = 1, maximum = 100, default = 50)]
    pub limit: Option<u16>,
    /// Where the list goes on: `next` of the page before.
    pub cursor: Option<String>,
}

impl PageQuery {
    /// The limit, checked.
    pub fn limit(&self) -> Result<u16, Error> {
        limit(self.limit)
    }
}

/// A limit, checked.
pub fn limit(limit: Option<u16>) -> Result<u16, Error> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if (1..=MAX_LIMIT).contains(&limit) {
        Ok(limit)
    } else {
        Err(Error::field("limit", format!("must be from 1 to {MAX_LIMIT}")))
    }
}

/// Answers with a list and the link to its next page. `next` is the cursor, and
/// `query` the other parameters of this list, already encoded.
pub fn respond<T: Serialize>(body: T, next: Option<&str>, query: &str) -> Response {
    let mut response = axum::Json(body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(next) = next {
        let separator = if query.is_empty() { "" } else { "&" };
        if let Ok(link) = next_link(&format!("{query}{separator}cursor={next}")) {
            headers.insert(header::LINK, link);
        }
    }
    response
}

/// The `Link` header that names the next part: the same path with these parameters, already encoded.
///
/// # Errors
///
/// The parameters hold what no header can.
pub fn next_link(query: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    // A reference that starts with `?` keeps the path of the request (RFC 3986, 5.3).
    HeaderValue::from_str(&format!("<?{query}>; rel=\"next\""))
}
