//! Every error as RFC 9457 problem+json, in one place.

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use pingan_domain::{
    error::{Error, FieldError, Refusal},
    named::Named as _,
};
use serde::Serialize;
use tower_http::catch_panic::CatchPanicLayer;

/// An error on its way to the caller.
#[derive(Debug)]
pub struct Problem(pub Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// The body of every error answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// Which problem it is. Stable: programs may rely on it.
    #[serde(rename = "type")]
    #[schema(example = "/problems/invalid")]
    pub kind: String,
    /// The problem in a few words.
    #[schema(example = "The request has bad fields")]
    pub title: &'static str,
    /// The status of the answer.
    #[schema(example = 400)]
    pub status: u16,
    /// What is special about this case, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Every bad field that was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<BadField>,
    /// The newest version, when yours is stale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// One bad field.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BadField {
    /// A JSON pointer into the body, or the name of a header or a parameter.
    #[schema(example = "/media/0")]
    pub pointer: String,
    /// What is wrong with it.
    #[schema(example = "is no medium of yours")]
    pub detail: String,
}

impl From<FieldError> for BadField {
    fn from(field: FieldError) -> Self {
        Self { pointer: field.pointer, detail: field.detail }
    }
}

struct Shape {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
    detail: Option<String>,
}

fn status_of(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::Suspended
        | Refusal::NotAMember
        | Refusal::WrongRole
        | Refusal::NotYourStage
        | Refusal::OwnReport
        | Refusal::NotConfirmed
        | Refusal::OwnRights
        | Refusal::NotBelowYou
        | Refusal::OperatorOnly
        | Refusal::Sealed
        | Refusal::OwnRequest
        | Refusal::OwnCustodian
        | Refusal::NotOpen
        | Refusal::NotYourTask
        | Refusal::OwnOutcome
        | Refusal::NotYourExport
        | Refusal::OwnProposal
        | Refusal::OwnDecline
        | Refusal::NotAskedToAgree
        | Refusal::SecondPerson
        | Refusal::WrongClaimCode
        | Refusal::NotYourBatch => StatusCode::FORBIDDEN,
        Refusal::WrongState
        | Refusal::MovedOn
        | Refusal::NoSuchStage
        | Refusal::ConflictOfInterest
        | Refusal::TooManyMessages
        | Refusal::UploadIncomplete
        | Refusal::SlotEnded
        | Refusal::Erased
        | Refusal::WrongMemberState
        | Refusal::PhoneTaken
        | Refusal::AccountTaken
        | Refusal::InviteExhausted
        | Refusal::OpeningDecided
        | Refusal::ChannelsFull
        | Refusal::ScopeTooSmall
        | Refusal::WrongTaskState
        | Refusal::ConsentedTask
        | Refusal::TaskEnded
        | Refusal::TaskCancelled
        | Refusal::AsksForNothing
        | Refusal::FormChanged
        | Refusal::WrongOutcomeState
        | Refusal::WrongHandoverState
        | Refusal::TooManyHandovers
        | Refusal::TooManyWords
        | Refusal::CopyNotErased
        | Refusal::NoReporter
        | Refusal::TooManySecrets
        | Refusal::SecretReplaced
        | Refusal::TooManyReplays
        | Refusal::WebhookOff
        | Refusal::BriefingNotReady
        | Refusal::BriefingUnread
        | Refusal::TooManyComments
        | Refusal::ExportNotReady
        | Refusal::ExportExpired
        | Refusal::FundExhausted
        | Refusal::FundClosed
        | Refusal::NoRewardRules
        | Refusal::WrongRewardState
        | Refusal::WrongRunState
        | Refusal::AwardIsFixed
        | Refusal::AgreedAlready
        | Refusal::ReviewersAlone
        | Refusal::NothingToReward
        | Refusal::MatterReopened
        | Refusal::RewardedAlready
        | Refusal::YearNotOver
        | Refusal::AppealedAlready
        | Refusal::PaidAlready
        | Refusal::WrongPayoutState
        | Refusal::PayoutOpen
        | Refusal::ClaimCodeExpired
        | Refusal::ClaimLocked
        | Refusal::TooManyClaimCodes
        | Refusal::ClaimWindowOver
        | Refusal::CheckExpired
        | Refusal::NoTransferWanted
        | Refusal::NoPaymentDetails
        | Refusal::WrongBatchState
        | Refusal::BatchFull
        | Refusal::BatchEmpty
        | Refusal::BatchFileChanged
        | Refusal::AnsweredOtherwise => StatusCode::CONFLICT,
        Refusal::InviteUnusable => StatusCode::NOT_FOUND,
    }
}

fn shape(error: &Error) -> Shape {
    let new = |status, slug, title| Shape { status, slug, title, detail: None };
    let with = |status, slug, title, detail: &str| Shape { status, slug, title, detail: Some(detail.to_owned()) };
    match error {
        Error::Invalid(_) => new(StatusCode::BAD_REQUEST, "invalid", "The request has bad fields"),
        Error::Unauthenticated => with(
            StatusCode::UNAUTHORIZED,
            "unauthenticated",
            "You are not signed in",
            "Send a valid access token in the Authorization header.",
        ),
        Error::Refused(refusal) => with(status_of(*refusal), refusal.name(), "This cannot be done", refusal.detail()),
        Error::WrongState(state) => with(
            StatusCode::CONFLICT,
            Refusal::WrongState.name(),
            "This cannot be done",
            &format!("{} It is: {state}.", Refusal::WrongState.detail()),
        ),
        Error::WrongMemberState(state) => with(
            StatusCode::CONFLICT,
            Refusal::WrongMemberState.name(),
            "This cannot be done",
            &format!("{} It is: {state}.", Refusal::WrongMemberState.detail()),
        ),
        Error::NotFound => with(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such thing here",
            "It does not exist, or it lies outside what you may see.",
        ),
        Error::VersionMissing => with(
            StatusCode::PRECONDITION_REQUIRED,
            "version_missing",
            "The version is missing",
            "Send the ETag of the version that you have seen in the If-Match header.",
        ),
        Error::VersionStale(_) => with(
            StatusCode::PRECONDITION_FAILED,
            "version_stale",
            "Somebody else was faster",
            "It has changed since you read it. Read it again and decide on what it is now.",
        ),
        Error::KeyReused => with(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            "The key was used for another request",
            "Make a new Idempotency-Key for a new request; repeat a request with the same body.",
        ),
        Error::MediaPending(id) => with(
            StatusCode::CONFLICT,
            "media_pending",
            "A medium is still being checked",
            &format!("Medium {id} has not arrived or is being checked. Send the same request again in a moment."),
        ),
        Error::TooLarge(limit) => with(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "The body is too large",
            &format!("The limit is {limit} bytes."),
        ),
        Error::NotJson => with(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not_json",
            "The body is not JSON",
            "Send JSON with Content-Type: application/json.",
        ),
        Error::MethodNotAllowed => {
            new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This path does not have this method")
        }
        Error::Busy { .. } => with(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "Not now",
            "Nothing was lost or done twice. Send the same request again.",
        ),
        Error::TooManyTries { .. } => with(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_tries",
            "Too many tries",
            "Wait for as long as Retry-After says before you try again.",
        ),
        Error::Internal(_) => with(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on our side",
            "Send the same request again; if it goes on, tell the operator.",
        ),
    }
}

/// A panic in these routes becomes an answer that tells nothing of it. The panic itself is in the log, by the hook of the
/// process.
pub fn answer_panics(router: Router) -> Router {
    router
        .layer(CatchPanicLayer::custom(|_| Problem(Error::Internal("a function panicked".to_owned())).into_response()))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let error = self.0;
        if let Error::Internal(why) = &error {
            tracing::error!(error.kind = "internal", error.why = %why);
        }
        let Shape { status, slug, title, detail } = shape(&error);
        let mut body = ProblemBody {
            kind: format!("/problems/{slug}"),
            title,
            status: status.as_u16(),
            detail,
            errors: Vec::new(),
            version: None,
        };
        let mut retry_after = None;
        match error {
            Error::Invalid(fields) => body.errors = fields.into_iter().map(BadField::from).collect(),
            Error::VersionStale(version) => body.version = Some(version),
            Error::Busy { retry_after_seconds } | Error::TooManyTries { retry_after_seconds } => {
                retry_after = Some(retry_after_seconds);
            }
            Error::MediaPending(_) => retry_after = Some(1),
            _ => {}
        }
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (status, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
