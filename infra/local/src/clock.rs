//! The time that the functions see: the machine's, or one that a demo or a test sets.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// A clock. A clone is the same clock.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The time that was set; none for the machine's own.
    set: Arc<Mutex<Option<Timestamp>>>,
}

impl Clock {
    /// The machine's clock.
    pub fn real() -> Self {
        Self { set: Arc::default() }
    }

    /// A clock that stands until it is moved.
    pub fn standing(at: Timestamp) -> Self {
        Self { set: Arc::new(Mutex::new(Some(at))) }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.lock().unwrap_or_else(Timestamp::now)
    }

    /// Sets the time; from now on the clock stands until it is moved.
    pub fn set(&self, at: Timestamp) {
        *self.lock() = Some(at);
    }

    /// Moves the time forward.
    pub fn advance(&self, by: SignedDuration) {
        let now = self.now();
        self.set(now.checked_add(by).unwrap_or(now));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Timestamp>> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
