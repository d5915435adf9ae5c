//! The schedule that comes each week: what `EventBridge` Scheduler does in the cloud by `cron(0 8 ? * MON *)`.

use std::time::Duration;

use jiff::{Timestamp, civil::Weekday, tz::TimeZone};
use tokio::sync::watch;

use crate::{clock::Clock, pace};

/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How often a run is tried, as the schedule in the cloud is.
const TRIES: u32 = 4;
/// On Mondays at this hour of the district.
const HOUR: i8 = 8;

/// Runs a job each Monday at 8 o'clock by this clock, until told to stop. What was due while the bundle did not run is
/// not made up for.
pub(crate) async fn run<F, Fut, E>(clock: Clock, time_zone: TimeZone, mut stop: watch::Receiver<bool>, job: F)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let mut next = next_after(clock.now(), &time_zone);
    while pace::pause(&mut stop, LOOK).await {
        let now = clock.now();
        if next.is_some_and(|next| now < next) {
            continue;
        }
        for tried in 1..=TRIES {
            let Err(error) = job().await else { break };
            tracing::warn!(tried, error.why = %error, "the weekly run failed");
            if !pace::pause(&mut stop, pace::backoff(tried)).await {
                return;
            }
        }
        next = next_after(clock.now(), &time_zone);
    }
}

/// The first Monday at 8 o'clock after a moment; none at the end of time.
fn next_after(now: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
    let today = now.to_zoned(time_zone.clone()).date();
    let monday = today.nth_weekday(1, Weekday::Monday);
    // Today, if it is a Monday, or the Monday that comes.
    let days = [Some(today), monday.ok()].into_iter().flatten().filter(|day| day.weekday() == Weekday::Monday);
    let starts = days.filter_map(|day| Some(day.at(HOUR, 0, 0, 0).to_zoned(time_zone.clone()).ok()?.timestamp()));
    starts.filter(|start| *start > now).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_run_is_on_a_monday_at_eight() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        for (now, next) in [
            ("2026-11-18T10:00:00+08:00", "2026-11-23T08:00:00+08:00"),
            ("2026-11-22T23:59:59+08:00", "2026-11-23T08:00:00+08:00"),
            ("2026-11-23T07:59:59+08:00", "2026-11-23T08:00:00+08:00"),
            ("2026-11-23T08:00:00+08:00", "2026-11-30T08:00:00+08:00"),
        ] {
            assert_eq!(next_after(now.parse().unwrap(), &zone), Some(next.parse().unwrap()), "{now}");
        }
    }
}
