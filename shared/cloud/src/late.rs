//! Clients that are made when they are first needed.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, LazyLock},
};

type Make<C> = Box<dyn FnOnce() -> C + Send>;

/// A client of an AWS service that is made when it is first needed: most calls of most functions go to DynamoDB alone, and to make
/// a client for nothing is the largest part of what a function does before its first call.
#[derive(Clone)]
pub struct Late<C>(Arc<LazyLock<C, Make<C>>>);

impl<C: 'static> Late<C> {
    /// Made of these settings.
    pub fn of<S: Clone + Send + 'static>(settings: &S, make: fn(&S) -> C) -> Self {
        let settings = settings.clone();
        Self(Arc::new(LazyLock::new(Box::new(move || make(&settings)))))
    }
}

impl<C: Send + 'static> From<C> for Late<C> {
    /// One that there is already.
    fn from(client: C) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(|| client))))
    }
}

impl<C> Deref for Late<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C> fmt::Debug for Late<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Late")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::Late;

    #[test]
    fn it_is_made_once_and_only_when_it_is_needed() {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let late = Late::of(&"settings", |settings| {
            MADE.fetch_add(1, Ordering::Relaxed);
            settings.len()
        });
        let same = late.clone();
        assert_eq!(MADE.load(Ordering::Relaxed), 0);
        assert_eq!((*late, *same, *late), (8, 8, 8));
        assert_eq!(MADE.load(Ordering::Relaxed), 1);
        assert_eq!(*Late::from(7), 7);
    }
}
