//! What comes from outside: the time and random bytes. Tests and demos bring their own.

use std::sync::Arc;

use jiff::{Timestamp, Unit};

/// The time and random bytes.
#[derive(Clone)]
pub struct World {
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    random: Arc<dyn Fn() -> Result<[u8; 16], getrandom::Error> + Send + Sync>,
}

impl World {
    /// The machine's clock and random bytes.
    pub fn real() -> Self {
        Self::with_clock(Timestamp::now)
    }

    /// This clock, and the machine's random bytes.
    pub fn with_clock(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let random = || {
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes).map(|()| bytes)
        };
        Self { now: Arc::new(now), random: Arc::new(random) }
    }

    /// The time, in whole milliseconds: what the records and their keys hold.
    pub fn now(&self) -> Timestamp {
        let now = (self.now)();
        now.round(Unit::Millisecond).unwrap_or(now)
    }

    /// Fresh random bytes.
    pub fn random(&self) -> Result<[u8; 16], getrandom::Error> {
        (self.random)()
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}
