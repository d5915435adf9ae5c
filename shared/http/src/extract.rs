//! How bodies, paths, versions and keys are read, with errors that name the field.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use pingan_domain::{
    Date,
    briefing::BriefingId,
    code::Code,
    district::Label,
    error::Error,
    export::ExportId,
    handover::HandoverId,
    ledger::YEARS,
    member::MemberId,
    outcome::OutcomeId,
    payout_transfer::BatchId,
    report::ReportId,
    reward::RewardId,
    task::TaskId,
    territory::{Level, NodeId},
    webhook::DeliveryId,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_path_to_error::Segment;
use uuid::Uuid;

use crate::Problem;

/// The largest body of a request, in bytes. Media go straight to the object store.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// A JSON body.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<S, T> FromRequest<S> for Body<T>
where
    S: Sync + Send,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Error::NotJson.into());
        }
        let bytes = axum::body::to_bytes(request.into_body(), MAX_BODY_BYTES)
            .await
            .map_err(|_| Error::TooLarge(MAX_BODY_BYTES))?;
        parse_json(&bytes).map(Self).map_err(Problem)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn parse_json<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Error> {
    // The parser would also take the values of the fields in a row for the object.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(Error::field("", "is a list; an object is expected"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let mut pointer: String = error
            .path()
            .iter()
            .filter_map(|segment| match segment {
                Segment::Seq { index } => Some(format!("/{index}")),
                Segment::Map { key } | Segment::Enum { variant: key } => {
                    Some(format!("/{}", key.replace('~', "~0").replace('/', "~1")))
                }
                Segment::Unknown => None,
            })
            .collect();
        let message = error.inner().to_string();
        // The path ends at the object that lacks a field, or has it twice; the message names the field. Where the kind
        // of an object stands in one of its fields, that is so for an unknown one as well.
        for what in ["missing field `", "duplicate field `", "unknown field `"] {
            if let Some(name) = message.strip_prefix(what).and_then(|rest| rest.split('`').next())
                && !pointer.ends_with(&format!("/{name}"))
            {
                pointer.push('/');
                pointer.push_str(name);
            }
        }
        Error::field(pointer, without_position(&message))
    })?;
    deserializer.end().map_err(|_| Error::field("", "has something after its JSON value"))?;
    Ok(value)
}

/// A parser's line and column mean nothing to someone who sent one line.
fn without_position(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

/// The `Idempotency-Key` header: a UUID that the client makes for each thing that it
/// wants done, and sends again with each retry
/// (draft-ietf-httpapi-idempotency-key-header-07).
#[derive(Debug, Clone, Copy)]
pub struct IdempotencyKey(pub Uuid);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let name = "Idempotency-Key";
        let value = parts.headers.get(name).ok_or_else(|| {
            Error::field(name, "is missing; make a UUID for each thing that you want done, and keep it for retries")
        })?;
        let value = value.to_str().unwrap_or_default();
        // The draft writes the value as a quoted string; most clients leave the quotes out.
        let uuid = value.trim_matches('"').parse().map_err(|_| Error::field(name, "is not a UUID"))?;
        Ok(Self(uuid))
    }
}

/// The version in the `If-Match` header.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub u64);

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let value = parts.headers.get(header::IF_MATCH).ok_or(Error::VersionMissing)?;
        let version = value
            .to_str()
            .ok()
            .and_then(|value| value.trim().strip_prefix('"')?.strip_suffix('"')?.parse().ok())
            .ok_or_else(|| Error::field("If-Match", "is not an ETag of this API, like \"3\""))?;
        Ok(Self(version))
    }
}

/// A body with the version that it has, as its ETag. Such answers are never cached: they
/// are for one person.
#[derive(Debug)]
pub struct Versioned<T>(pub u64, pub T);

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = axum::Json(self.1).into_response();
        let headers = response.headers_mut();
        if let Ok(etag) = HeaderValue::from_str(&format!("\"{}\"", self.0)) {
            headers.insert(header::ETAG, etag);
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

/// A parameter of the path, by its name.
async fn parameter<S: Sync + Send>(parts: &mut Parts, state: &S, name: &str) -> Result<String, Error> {
    let parameters: Path<std::collections::HashMap<String, String>> =
        Path::from_request_parts(parts, state).await.map_err(|_| Error::NotFound)?;
    parameters.get(name).cloned().ok_or(Error::NotFound)
}

/// Declares an extractor of a parameter of the path. One that is not of its grammar is a
/// clear error: a code that was misheard does not fit its check character.
macro_rules! path_parameters {
    ($($(#[$meta:meta])* $Name:ident($Type:ty) = $parameter:literal, $parse:expr;)+) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone)]
            pub struct $Name(pub $Type);

            impl<S: Sync + Send> FromRequestParts<S> for $Name {
                type Rejection = Problem;

                async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
                    let text = parameter(parts, state, $parameter).await?;
                    let parse: fn(&str) -> Result<$Type, String> = $parse;
                    Ok(Self(parse(&text).map_err(|detail| Error::field($parameter, detail))?))
                }
            }
        )+
    };
}

path_parameters! {
    /// The code of a report.
    ReportPath(ReportId) = "report_id", |text| ReportId::parse(text).map_err(|error| error.to_string());
    /// The code of a task.
    TaskPath(TaskId) = "task_id", |text| TaskId::parse(text).map_err(|error| error.to_string());
    /// The code of an outcome.
    OutcomePath(OutcomeId) = "outcome_id", |text| OutcomeId::parse(text).map_err(|error| error.to_string());
    /// The code of a hand-over.
    HandoverPath(HandoverId) = "handover_id", |text| HandoverId::parse(text).map_err(|error| error.to_string());
    /// The code of a briefing.
    BriefingPath(BriefingId) = "briefing_id", |text| BriefingId::parse(text).map_err(|error| error.to_string());
    /// The code of a reward.
    RewardPath(RewardId) = "reward_id", |text| RewardId::parse(text).map_err(|error| error.to_string());
    /// The code of a batch of transfers.
    BatchPath(BatchId) = "batch_id", |text| BatchId::parse(text).map_err(|error| error.to_string());
    /// A share of a reward, from 0.
    SharePath(u8) = "share", |text| text.parse().map_err(|_| "is no number of a share".to_owned());
    /// A period award, by its label in the rules.
    AwardPath(Label) = "award", |text| Label::parse(text).map_err(|error| error.to_string());
    /// The first day of a period.
    FromPath(Date) = "from", |text| text.parse().map_err(|_| "is no day, such as 2026-07-01".to_owned());
    /// The last day of a period.
    ToPath(Date) = "to", |text| text.parse().map_err(|_| "is no day, such as 2026-09-30".to_owned());
    /// A fiscal year.
    YearPath(i16) = "year", |text| match text.parse() {
        Ok(year) if YEARS.contains(&year) => Ok(year),
        _ => Err(format!("is no year from {} to {}", YEARS.start(), YEARS.end())),
    };
    /// The code of an export.
    ExportPath(ExportId) = "export_id", |text| ExportId::parse(text).map_err(|error| error.to_string());
    /// The id of a medium.
    MediaPath(Uuid) = "media_id", |text| text.parse().map_err(|_| "is not a UUID".to_owned());
    /// The id of an opening.
    OpeningPath(Uuid) = "opening_id", |text| text.parse().map_err(|_| "is not a UUID".to_owned());
    /// The code of an invite.
    InvitePath(Code) = "code", |text| Code::parse(text).map_err(|error| error.to_string());
    /// The id of a member.
    MemberPath(MemberId) = "member_id", |text| MemberId::parse(text).map_err(|error| error.to_string());
    /// An agency, by its label in the district's list.
    AgencyPath(Label) = "agency", |text| Label::parse(text).map_err(|error| error.to_string());
    /// The id of a delivery.
    DeliveryPath(DeliveryId) = "delivery_id", |text| text.parse().map_err(|error: pingan_domain::webhook::DeliveryIdError| error.to_string());
    /// A district, by its node.
    DistrictPath(NodeId) = "district", |text| match NodeId::parse(text) {
        Ok(node) if node.level() == Level::District => Ok(node),
        Ok(_) => Err("is not a district".to_owned()),
        Err(error) => Err(error.to_string()),
    };
}

/// Query parameters.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S, T> FromRequestParts<S> for Query<T>
where
    S: Sync + Send,
    T: DeserializeOwned,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(value)| Self(value)).map_err(|rejection| {
            let why = std::error::Error::source(&rejection).map_or_else(|| rejection.body_text(), ToString::to_string);
            // The parser says `limit: invalid digit …`, the parameter and the reason, or
            // names in its message the one that is there twice.
            let twice = why.strip_prefix("duplicate field `").and_then(|rest| rest.split('`').next());
            let (name, detail) = why.split_once(": ").unwrap_or((twice.unwrap_or("query"), &why));
            Error::field(name, detail).into()
        })
    }
}
