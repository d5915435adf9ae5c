//! The requests that the functions make to DynamoDB, written down one by one, so that a
//! test can hold every operation to its budget.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::BoxError,
};

/// The names of the requests, in order. A clone is the same list.
#[derive(Debug, Clone, Default)]
pub struct Requests(Arc<Mutex<Vec<String>>>);

impl Requests {
    /// The names since the last time this was asked: `BatchGetItem`, `Query`, ….
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes down every request that is sent, retries included.
#[derive(Debug)]
pub(crate) struct CountRequests(pub(crate) Requests);

impl Intercept for CountRequests {
    fn name(&self) -> &'static str {
        "CountRequests"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut requests = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A server that runs for days is not a test: the newest are enough.
        if requests.len() >= 10_000 {
            requests.clear();
        }
        requests.push(operation);
        Ok(())
    }
}
