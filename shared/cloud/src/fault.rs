//! What the SDK says when it fails, in the words of the domain.

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use pingan_domain::error::Error;

/// Turns a failed request into an error: faults that pass, by the service's own codes for
/// them, become [`Error::Busy`]. The service's message is left out: it could name a person.
pub(crate) fn fault<E, R>(operation: &str, error: &SdkError<E, R>, passing: &[&str]) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let passes = match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(_) => error.code().is_some_and(|code| passing.contains(&code)),
        _ => false,
    };
    if passes {
        return Error::Busy { retry_after_seconds: 1 };
    }
    Error::Internal(format!("{operation} failed: {}", error.code().unwrap_or("(no code)")))
}
