//! How long each operation of the API took, for many people at once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use pingan_domain::code::Code;
use uuid::Uuid;

/// What a client has measured. A clone is the same meter.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Mutex<BTreeMap<String, Vec<Duration>>>>);

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its method, and its path with what varies left out.
    pub operation: String,
    /// How often it was asked for.
    pub count: usize,
    /// Half of the answers took no longer.
    pub p50: Duration,
    /// Nineteen of twenty took no longer.
    pub p95: Duration,
    /// Ninety-nine of a hundred took no longer.
    pub p99: Duration,
}

impl Meter {
    /// Writes down how long an answer took.
    pub fn took(&self, method: &str, path: &str, time: Duration) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.entry(operation(method, path)).or_default().push(time);
    }

    /// How many answers there were.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().map(Vec::len).sum()
    }

    /// Every operation, by its name.
    pub fn rows(&self) -> Vec<Row> {
        let times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = times.iter().map(|(operation, times)| {
            let mut times = times.clone();
            times.sort();
            let at = |of_hundred: usize| times[(times.len() * of_hundred).div_ceil(100).clamp(1, times.len()) - 1];
            Row { operation: operation.clone(), count: times.len(), p50: at(50), p95: at(95), p99: at(99) }
        });
        rows.collect()
    }
}

/// The name of an operation: what varies in the path (codes, ids, members) is left out.
fn operation(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let varies = |part: &str| {
        part.parse::<Uuid>().is_ok() || part.parse::<Code>().is_ok() || part.starts_with("m-") || part == "demo"
    };
    let parts: Vec<&str> = path.split('/').map(|part| if varies(part) { "…" } else { part }).collect();
    format!("{method} {}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_counted_by_what_does_not_vary() {
        let meter = Meter::default();
        for (path, milliseconds) in [("/reports/7KQ4M-2XD9H?x=1", 9), ("/reports/92JYS-FS6VJ", 1), ("/reports", 5)] {
            meter.took("GET", path, Duration::from_millis(milliseconds));
        }
        for milliseconds in 1..=18 {
            meter.took("POST", "/media", Duration::from_millis(milliseconds));
        }
        let rows = meter.rows();
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.operation.as_str(), row.count, [row.p50, row.p95, row.p99].map(|time| time.as_millis())))
            .collect();
        let code = |text: &str| text.parse::<Code>().is_ok();
        assert!(code("92JYS-FS6VJ"));
        assert!(shown.contains(&("GET /reports", 1, [5, 5, 5])), "{shown:?}");
        assert!(shown.contains(&("POST /media", 18, [9, 18, 18])), "{shown:?}");
        assert!(shown.iter().any(|row| row.0 == "GET /reports/…"), "{shown:?}");
        assert_eq!(meter.count(), 21);
    }
}
