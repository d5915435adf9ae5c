//! Keeps the counters of the statistics, from the streams of reports, members, outcomes and rewards.
//!
//! What an event adds is said by the event alone, and is added in one transaction with the mark
//! that it was counted. So it does not matter whether records come twice, late or in another order,
//! nor when this function is killed: each event counts once, and the sum is that of a recount.

use std::{collections::BTreeSet, time::Duration};

use aws_config::SdkConfig;
use aws_lambda_events::event::{
    dynamodb::Event as StreamEvent,
    streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse},
};
use jiff::tz::TimeZone;
use pingan_domain::{
    error::Error,
    tally::{Source, Tallied},
};
use pingan_runtime::{Environment, Failure, World};
use pingan_store::{
    CursorKey, Store, TableNames, stream,
    tallies::{Counting, batches},
};

/// How often events are counted again, when somebody else counts at the same places.
const MAX_TRIES: u32 = 12;
/// The longest pause before that, in milliseconds; the first is a sixty-fourth of it.
const LONGEST_PAUSE_MS: u32 = 640;

/// What this function needs.
#[derive(Debug, Clone)]
pub struct Tally {
    /// The records.
    pub store: Store,
    /// Random bytes.
    pub world: World,
    /// The district's time zone, which decides what a day is.
    pub time_zone: TimeZone,
}

/// An event with the number of its record.
type Numbered = (Option<String>, Tallied);

impl Tally {
    /// Reads `TALLIES_TABLE` and `TIME_ZONE` (default `Asia/Shanghai`). `REPORTS_TABLE`,
    /// `MEMBERS_TABLE`, `OUTCOMES_TABLE` and `REWARDS_TABLE` are read for a recount alone; none for the
    /// function.
    pub fn from_environment(environment: Environment, sdk: &SdkConfig) -> Result<Self, Failure> {
        let tables = TableNames {
            tallies: environment.get("TALLIES_TABLE")?,
            reports: environment.get_or("REPORTS_TABLE", ""),
            members: environment.get_or("MEMBERS_TABLE", ""),
            outcomes: environment.get_or("OUTCOMES_TABLE", ""),
            rewards: environment.get_or("REWARDS_TABLE", ""),
            ..TableNames::default()
        };
        Ok(Self {
            // It pages no list, and has no key to sign cursors with.
            store: Store::new(aws_sdk_dynamodb::Client::new(sdk), tables, CursorKey::unused()),
            world: World::real(),
            time_zone: TimeZone::get(&environment.get_or("TIME_ZONE", "Asia/Shanghai"))?,
        })
    }

    /// Counts every event of a batch that was not counted before.
    ///
    /// What comes after a record that cannot be taken is counted all the same: it comes again with
    /// that record, and is known then.
    pub async fn handle(&self, batch: StreamEvent) -> DynamoDbEventResponse {
        let (mut response, mut events) = (DynamoDbEventResponse::default(), Vec::<Numbered>::new());
        let mut seen = BTreeSet::new();
        for record in batch.records {
            let number = record.change.sequence_number.clone();
            match stream::tallied(record, &self.time_zone) {
                // The same event twice in one batch is one.
                Ok(Some(event)) if seen.insert(event.source.clone()) => events.push((number, event)),
                Ok(_) => {}
                Err(error) => give_back(&mut response, number, &error),
            }
        }
        let (numbers, events): (Vec<_>, Vec<_>) = events.into_iter().unzip();
        let mut first = 0;
        for together in batches(&events) {
            let numbers = &numbers[first..first + together.len()];
            first += together.len();
            match self.count(together.to_vec()).await {
                Ok(()) => {}
                // Nothing is wrong with any of them.
                Err(error @ Error::Busy { .. }) => give_back(&mut response, numbers[0].clone(), &error),
                Err(_) => {
                    for (number, event) in numbers.iter().zip(together) {
                        if let Err(error) = self.count(vec![event.clone()]).await {
                            give_back(&mut response, number.clone(), &error);
                        }
                    }
                }
            }
        }
        response
    }

    /// Counts events together, but for those that were counted before.
    async fn count(&self, mut events: Vec<Tallied>) -> Result<(), Error> {
        for attempt in 0..MAX_TRIES {
            if events.is_empty() {
                return Ok(());
            }
            match self.store.count(&events).await? {
                Counting::Done => return Ok(()),
                Counting::Before(before) => {
                    tracing::info!(tally.before = before.len(), "events were counted before");
                    leave_out(&mut events, &before);
                }
                Counting::Conflict => tokio::time::sleep(self.pause(attempt)).await,
            }
        }
        Err(Error::Busy { retry_after_seconds: 1 })
    }

    /// Twice as long each time, less up to a half of it at random: those that have met do not meet
    /// again.
    fn pause(&self, attempt: u32) -> Duration {
        let most_ms = LONGEST_PAUSE_MS >> 6_u32.saturating_sub(attempt);
        let chance = self.world.random().map_or(0, |bytes| u32::from(bytes[0]));
        Duration::from_millis(u64::from(most_ms - most_ms * chance / 512))
    }
}

fn leave_out(events: &mut Vec<Tallied>, before: &BTreeSet<Source>) {
    events.retain(|event| !before.contains(&event.source));
}

fn give_back(response: &mut DynamoDbEventResponse, number: Option<String>, error: &Error) {
    tracing::warn!(stream.sequence_number = ?number, error.why = %error, "record given back");
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = number;
    response.batch_item_failures.push(failure);
}
