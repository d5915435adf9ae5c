//! How long the stand-ins wait between tries, and how they stop.

use std::time::Duration;
use tokio::sync::watch;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// How long to wait after so many failures in a row: 0.1 s, doubled each time, 5 s at most.
pub(crate) fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT)
}

/// Waits, but no longer than until the bundle is told to stop: then the answer is `false`.
pub(crate) async fn pause(stop: &mut watch::Receiver<bool>, time: Duration) -> bool {
    tokio::select! {
        () = stopped(stop) => false,
        () = tokio::time::sleep(time) => true,
    }
}

/// Comes back when the bundle is told to stop, or when nobody is left who could tell.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let waits: Vec<u128> = [1, 2, 3, 6, 7, 1_000_000].map(|failures| backoff(failures).as_millis()).into();
        assert_eq!(waits, [100, 200, 400, 3_200, 5_000, 5_000]);
    }
}
