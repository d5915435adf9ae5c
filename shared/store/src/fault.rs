//! What the SDK says when it fails, in the words of the domain.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use pingan_domain::error::Error;

/// Codes after which the same request may well succeed a moment later.
const PASSING: [&str; 7] = [
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionConflictException",
    "TransactionInProgressException",
];

/// Turns a failed request into an error: faults that pass become [`Error::Busy`].
pub(crate) fn fault<E, R>(operation: &str, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    let passing = match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(_) => error.code().is_some_and(|code| PASSING.contains(&code)),
        _ => false,
    };
    if passing {
        return Error::Busy { retry_after_seconds: 1 };
    }
    // The message of the service names tables and conditions, never values of items.
    Error::Internal(format!(
        "{operation} failed: {} {}",
        error.code().unwrap_or("(no code)"),
        error.message().unwrap_or("(no message)")
    ))
}
