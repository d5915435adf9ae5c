//! The requests that the functions make to DynamoDB, written down one by one, so that a
//! test can hold every operation to its budget.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef},
    },
    error::BoxError,
};

/// The requests, in order. A clone is the same list.
#[derive(Debug, Clone, Default)]
pub struct Requests(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    names: Vec<String>,
    under_way: usize,
    rounds: usize,
}

/// What was asked of DynamoDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The names of the requests: `BatchGetItem`, `Query`, ….
    pub names: Vec<String>,
    /// How many round trips they took: what is sent while another one is under way takes none of its own.
    pub rounds: usize,
}

impl Requests {
    /// What was asked since the last time this was called.
    pub fn take(&self) -> Asked {
        let mut written = self.lock();
        Asked { names: std::mem::take(&mut written.names), rounds: std::mem::take(&mut written.rounds) }
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut written = self.0.lock();
        // A server that runs for days is not a test: the newest are enough.
        if written.names.len() >= 10_000 {
            written.names.clear();
        }
        written.names.push(operation);
        if written.under_way == 0 {
            written.rounds += 1;
        }
        written.under_way += 1;
        Ok(())
    }

    fn read_after_attempt(
        &self,
        _context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let mut written = self.0.lock();
        written.under_way = written.under_way.saturating_sub(1);
        Ok(())
    }
}
