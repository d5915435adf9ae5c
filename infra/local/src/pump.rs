//! The stream pump: what Lambda's event source mapping does in the cloud, between a table's stream and a function.
//!
//! It reads the records in order, hands them on in batches, and goes on only after what the function has taken: a record
//! is handed over at least once, in the order of its shard, whatever is killed meanwhile. It passes everything on; the
//! function knows what it needs.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::{Event, EventRecord, StreamRecord, StreamViewType, UserIdentity};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use aws_sdk_dynamodbstreams::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use aws_sdk_dynamodbstreams::primitives::Blob;
use aws_sdk_dynamodbstreams::types::{AttributeValue, Record, ShardIteratorType};
use futures::FutureExt as _;
use tokio::sync::watch;

use crate::{files, pace};

const LARGEST_BATCH: usize = 100;
const PAGE: i32 = 100;
const IDLE_WAIT: Duration = Duration::from_millis(50);
/// How often a record may fail alone before it is set aside. At 5 s a try that is half a day: longer than an outage of
/// a development machine, and shorter than for ever.
const TRIES: u32 = 10_000;

/// Pumps the stream of `table` into the handler until told to stop, from where `checkpoint_file` says the last run has
/// ended. `consumer` names the function in the log.
///
/// When the handler names records that failed, what came before the first of them is done, and that one is first in the
/// next batch. When the whole batch fails, it is tried again in halves, so that one bad record ends up alone. Tries are
/// 0.1 s to 5 s apart. A record that fails alone more than 10,000 times is written to `dead-letters.jsonl` beside the
/// checkpoint.
pub(crate) async fn pump<F, Fut, E>(
    streams: aws_sdk_dynamodbstreams::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    consumer: &'static str,
    checkpoint_file: PathBuf,
    mut stop: watch::Receiver<bool>,
    handler: F,
) where
    F: Fn(Event) -> Fut,
    Fut: Future<Output = Result<DynamoDbEventResponse, E>>,
    E: Display,
{
    let pump = Pump { streams, dynamodb, table, consumer, checkpoint_file, tries: TRIES, handler };
    pump.run(&mut stop).await;
}

type Failure = Box<dyn Error + Send + Sync>;

struct Pump<F> {
    streams: aws_sdk_dynamodbstreams::Client,
    dynamodb: aws_sdk_dynamodb::Client,
    table: String,
    consumer: &'static str,
    checkpoint_file: PathBuf,
    tries: u32,
    handler: F,
}

impl<F, Fut, E> Pump<F>
where
    F: Fn(Event) -> Fut,
    Fut: Future<Output = Result<DynamoDbEventResponse, E>>,
    E: Display,
{
    async fn run(&self, stop: &mut watch::Receiver<bool>) {
        let mut failures = 0;
        while let Err(error) = self.read(stop, &mut failures).await {
            // The database stops with everything else, and is no fault then.
            if *stop.borrow() {
                return;
            }
            failures += 1;
            tracing::warn!(table = self.table, consumer = self.consumer, failures, error, "the stream cannot be read");
            if !pace::pause(stop, pace::backoff(failures)).await {
                return;
            }
        }
    }

    /// Reads from the checkpoint on, until told to stop or until something fails.
    async fn read(&self, stop: &mut watch::Receiver<bool>, failures: &mut u32) -> Result<(), Failure> {
        let (stream, mut iterator) = self.open().await?;
        while !*stop.borrow() {
            let page =
                self.streams.get_records().shard_iterator(iterator).limit(PAGE).send().await.map_err(explained)?;
            *failures = 0;
            let records: Vec<EventRecord> = page
                .records
                .unwrap_or_default()
                .into_iter()
                .map(|record| event_record(record, &stream))
                .collect::<Result<_, _>>()?;
            let idle = records.is_empty();
            if !self.hand_over(records, stop).await? || idle && !pace::pause(stop, IDLE_WAIT).await {
                return Ok(());
            }
            // The stand-in's shard never ends; should it, the next try starts from the checkpoint.
            iterator = page.next_shard_iterator.ok_or("the shard has ended")?;
        }
        Ok(())
    }

    /// The stream's ARN and an iterator that starts after the last record that was done.
    async fn open(&self) -> Result<(String, String), Failure> {
        let table = self.dynamodb.describe_table().table_name(&self.table).send().await.map_err(explained)?;
        let stream = table.table.and_then(|table| table.latest_stream_arn).ok_or("the table has no stream")?;
        let description = self.streams.describe_stream().stream_arn(&stream).send().await.map_err(explained)?;
        // The stand-in has one shard for each stream, and it stays the same for the life of the table.
        let shard = description
            .stream_description
            .and_then(|description| description.shards?.into_iter().next()?.shard_id)
            .ok_or("the stream has no shard")?;
        let iterator = self.streams.get_shard_iterator().stream_arn(&stream).shard_id(shard);
        let from_start = iterator.clone().shard_iterator_type(ShardIteratorType::TrimHorizon);
        let opened = match self.checkpoint()? {
            None => from_start.send().await,
            Some(done) => {
                let on = iterator.shard_iterator_type(ShardIteratorType::AfterSequenceNumber).sequence_number(&done);
                match on.send().await {
                    Err(error) if is_lost(error.code()) => {
                        // Some records may come twice now, which is better than never.
                        tracing::warn!(
                            table = self.table,
                            consumer = self.consumer,
                            "the stream starts from its beginning"
                        );
                        from_start.send().await
                    }
                    opened => opened,
                }
            }
        };
        let iterator = opened.map_err(explained)?.shard_iterator.ok_or("the shard has no iterator")?;
        Ok((stream, iterator))
    }

    /// Hands the records to the function until it has taken them all. `false` means that the bundle is to stop first.
    async fn hand_over(
        &self,
        mut records: Vec<EventRecord>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<bool, Failure> {
        let mut size = LARGEST_BATCH;
        // How often in a row nothing went on, and how often of these the first record alone was to blame.
        let (mut failures, mut blamed) = (0, 0);
        while !records.is_empty() {
            let batch = &records[..size.min(records.len())];
            let (tried, outcome) = (batch.len(), self.call(batch).await);
            let done = outcome.as_ref().copied().unwrap_or(0);
            if done > 0 {
                self.remember(&records[done - 1])?;
                records.drain(..done);
                (failures, blamed) = (0, 0);
            }
            if done == tried {
                size = (size * 2).min(LARGEST_BATCH);
                continue;
            }
            failures += 1;
            if outcome.is_ok() || tried == 1 {
                blamed += 1;
            }
            let reason = outcome.err().unwrap_or_else(|| "the function named records that failed".to_owned());
            tracing::warn!(table = self.table, consumer = self.consumer, failures, reason, "records were not taken");
            if done == 0 {
                size = (tried / 2).max(1);
            }
            if blamed > self.tries {
                let record = records.remove(0);
                self.set_aside(&record)?;
                self.remember(&record)?;
                (failures, blamed) = (0, 0);
            } else if !pace::pause(stop, pace::backoff(failures)).await {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Calls the function. The answer is how many records are done, or why the call as a whole failed.
    async fn call(&self, batch: &[EventRecord]) -> Result<usize, String> {
        let mut event = Event::default();
        event.records = batch.to_vec();
        // In the cloud a panic is a failed invocation, and here it must not end the pump.
        let called = AssertUnwindSafe(async { (self.handler)(event).await }).catch_unwind().await;
        let answer = called.map_err(|_| "the function panicked")?.map_err(|error| error.to_string())?;
        let position = |failed: Option<&str>| {
            // As for Lambda: whoever names a record that was not in the batch has failed altogether.
            batch
                .iter()
                .position(|record| failed.is_some() && record.change.sequence_number.as_deref() == failed)
                .unwrap_or(0)
        };
        let failed = answer.batch_item_failures.iter().map(|failure| position(failure.item_identifier.as_deref()));
        Ok(failed.min().unwrap_or(batch.len()))
    }

    fn checkpoint(&self) -> io::Result<Option<String>> {
        match std::fs::read_to_string(&self.checkpoint_file) {
            Ok(done) => Ok(Some(done.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn remember(&self, done: &EventRecord) -> io::Result<()> {
        files::replace(&self.checkpoint_file, done.change.sequence_number.as_deref().unwrap_or_default().as_bytes())
    }

    fn set_aside(&self, record: &EventRecord) -> io::Result<()> {
        let file = self.checkpoint_file.with_file_name("dead-letters.jsonl");
        let mut line = serde_json::to_vec(&record)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().append(true).create(true).open(file)?;
        file.write_all(&line)?;
        file.sync_all()?;
        let (table, consumer, event) = (&self.table, self.consumer, &record.event_id);
        tracing::error!(table, consumer, event, "a stream record was set aside as undeliverable");
        Ok(())
    }
}

/// Whether a checkpoint means nothing to the stream any more: trimmed, or of another table.
fn is_lost(code: Option<&str>) -> bool {
    matches!(code, Some("TrimmedDataAccessException" | "ValidationException"))
}

fn explained(error: impl Error + Send + Sync + 'static) -> Failure {
    DisplayErrorContext(error).to_string().into()
}

/// A record of the SDK as Lambda hands it to a function.
fn event_record(record: Record, stream: &str) -> Result<EventRecord, Failure> {
    // These types may grow, so they can only be made empty and then filled.
    let mut event = EventRecord::default();
    event.aws_region = record.aws_region.unwrap_or_default();
    event.event_id = record.event_id.unwrap_or_default();
    event.event_name = record.event_name.map(|name| name.as_str().to_owned()).unwrap_or_default();
    event.event_source = record.event_source;
    event.event_version = record.event_version;
    event.event_source_arn = Some(stream.to_owned());
    // dynoxide sets the identity only for what TTL removes, but under names that the SDK does not read.
    event.user_identity = record.user_identity.map(|identity| {
        let mut user = UserIdentity::default();
        user.type_ = identity.r#type.unwrap_or_else(|| "Service".to_owned());
        user.principal_id = identity.principal_id.unwrap_or_else(|| "dynamodb.amazonaws.com".to_owned());
        user
    });
    let Some(change) = record.dynamodb else {
        return Ok(event);
    };
    event.change = StreamRecord::default();
    if let Some(time) = change.approximate_creation_date_time {
        event.change.approximate_creation_date_time = jiff::Timestamp::from_second(time.secs())?.to_string().parse()?;
    }
    event.change.keys = item(change.keys)?;
    event.change.new_image = item(change.new_image)?;
    event.change.old_image = item(change.old_image)?;
    event.change.sequence_number = change.sequence_number;
    event.change.size_bytes = change.size_bytes.unwrap_or_default();
    event.change.stream_view_type = match change.stream_view_type {
        Some(view) => Some(serde_json::from_value::<StreamViewType>(view.as_str().into())?),
        None => None,
    };
    Ok(event)
}

fn item(item: Option<HashMap<String, AttributeValue>>) -> Result<serde_dynamo::Item, Failure> {
    let values = item.unwrap_or_default().into_iter().map(|(name, item)| Ok((name, value(item)?)));
    Ok(values.collect::<Result<HashMap<_, _>, Failure>>()?.into())
}

/// `serde_dynamo` can do this as well, but for a feature that would compile the stream client into every function.
fn value(value: AttributeValue) -> Result<serde_dynamo::AttributeValue, Failure> {
    use serde_dynamo::AttributeValue as Out;
    let out = match value {
        AttributeValue::S(text) => Out::S(text),
        AttributeValue::N(number) => Out::N(number),
        AttributeValue::B(bytes) => Out::B(bytes.into_inner()),
        AttributeValue::Bool(flag) => Out::Bool(flag),
        AttributeValue::Null(null) => Out::Null(null),
        AttributeValue::M(map) => Out::M(
            map.into_iter().map(|(name, inner)| Ok((name, self::value(inner)?))).collect::<Result<_, Failure>>()?,
        ),
        AttributeValue::L(list) => Out::L(list.into_iter().map(self::value).collect::<Result<_, _>>()?),
        AttributeValue::Ss(texts) => Out::Ss(texts),
        AttributeValue::Ns(numbers) => Out::Ns(numbers),
        AttributeValue::Bs(blobs) => Out::Bs(blobs.into_iter().map(Blob::into_inner).collect()),
        _ => return Err("the stream holds a value of an unknown type".into()),
    };
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sdk_config;
    use aws_lambda_events::event::streams::DynamoDbBatchItemFailure;
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, AttributeValue as Value, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        StreamSpecification, StreamViewType as View,
    };
    use serde_dynamo::AttributeValue as Out;
    use std::sync::{Arc, Mutex};

    struct Table {
        folder: tempfile::TempDir,
        dynamodb: aws_sdk_dynamodb::Client,
        streams: aws_sdk_dynamodbstreams::Client,
        _stop: watch::Sender<bool>,
    }

    impl Table {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (stop, stopped) = watch::channel(false);
            let running = crate::dynamodb::start(&folder.path().join("db.sqlite"), stopped).await.unwrap();
            let config = sdk_config(&running.endpoint);
            let dynamodb = aws_sdk_dynamodb::Client::new(&config);
            let stream = StreamSpecification::builder().stream_enabled(true).stream_view_type(View::NewAndOldImages);
            dynamodb
                .create_table()
                .table_name("things")
                .attribute_definitions(
                    AttributeDefinition::builder()
                        .attribute_name("pk")
                        .attribute_type(ScalarAttributeType::S)
                        .build()
                        .unwrap(),
                )
                .key_schema(KeySchemaElement::builder().attribute_name("pk").key_type(KeyType::Hash).build().unwrap())
                .billing_mode(BillingMode::PayPerRequest)
                .stream_specification(stream.build().unwrap())
                .send()
                .await
                .unwrap();
            Self { folder, dynamodb, streams: aws_sdk_dynamodbstreams::Client::new(&config), _stop: stop }
        }

        async fn put(&self, key: &str) {
            self.dynamodb.put_item().table_name("things").item("pk", Value::S(key.into())).send().await.unwrap();
        }

        fn checkpoint(&self) -> PathBuf {
            self.folder.path().join("notify.checkpoint")
        }

        /// Pumps until the handler has said so.
        async fn pump<F>(&self, tries: u32, handler: F)
        where
            F: Fn(Vec<String>, &watch::Sender<bool>) -> Result<DynamoDbEventResponse, String>,
        {
            let (stop, mut stopped) = watch::channel(false);
            let pump = Pump {
                streams: self.streams.clone(),
                dynamodb: self.dynamodb.clone(),
                table: "things".to_owned(),
                consumer: "test",
                checkpoint_file: self.checkpoint(),
                tries,
                handler: |event: Event| {
                    let answer = handler(event.records.iter().map(key).collect(), &stop).map(|mut answer| {
                        // The tests name keys, the function sequence numbers.
                        for failure in &mut answer.batch_item_failures {
                            let record =
                                event.records.iter().find(|record| Some(key(record)) == failure.item_identifier);
                            failure.item_identifier = record.and_then(|record| record.change.sequence_number.clone());
                        }
                        answer
                    });
                    async move { answer }
                },
            };
            tokio::time::timeout(Duration::from_secs(30), pump.run(&mut stopped)).await.unwrap();
        }
    }

    fn key(record: &EventRecord) -> String {
        serde_dynamo::from_item::<_, HashMap<String, String>>(record.change.keys.clone()).unwrap()["pk"].clone()
    }

    fn failed(keys: &[&str]) -> DynamoDbEventResponse {
        let mut answer = DynamoDbEventResponse::default();
        for key in keys {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some((*key).to_owned());
            answer.batch_item_failures.push(failure);
        }
        answer
    }

    #[tokio::test]
    async fn it_goes_on_where_it_stopped() {
        let table = Table::new().await;
        let seen = Mutex::new(Vec::new());
        let take_until = |last: &'static str| {
            let seen = &seen;
            move |keys: Vec<String>, stop: &watch::Sender<bool>| {
                if keys.iter().any(|key| key == last) {
                    stop.send_replace(true);
                }
                seen.lock().unwrap().extend(keys);
                Ok(failed(&[]))
            }
        };
        for number in 0..250 {
            table.put(&format!("{number:03}")).await;
        }
        table.pump(TRIES, take_until("249")).await;
        for number in 250..260 {
            table.put(&format!("{number:03}")).await;
        }
        table.pump(TRIES, take_until("259")).await;
        let expected: Vec<String> = (0..260).map(|number| format!("{number:03}")).collect();
        assert_eq!(*seen.lock().unwrap(), expected);

        // A checkpoint that the stream does not know is like none.
        std::fs::write(table.checkpoint(), "nonsense").unwrap();
        seen.lock().unwrap().clear();
        table.pump(TRIES, take_until("259")).await;
        assert_eq!(*seen.lock().unwrap(), expected);
    }

    #[tokio::test]
    async fn it_goes_on_from_the_first_record_that_failed() {
        let table = Table::new().await;
        for key in ["a", "b", "c", "d"] {
            table.put(key).await;
        }
        let calls = Mutex::new(Vec::new());
        table
            .pump(TRIES, |keys, stop| {
                let call = {
                    let mut calls = calls.lock().unwrap();
                    calls.push(keys.join(""));
                    calls.len()
                };
                match call {
                    1 => Ok(failed(&["d", "c"])),
                    2 => Err("an outage".to_owned()),
                    3 => panic!("a bug"),
                    4 => Ok(failed(&["somebody else's"])),
                    _ => {
                        if keys.iter().any(|key| key == "d") {
                            stop.send_replace(true);
                        }
                        Ok(failed(&[]))
                    }
                }
            })
            .await;
        assert_eq!(*calls.lock().unwrap(), ["abcd", "cd", "c", "c", "c", "d"]);
    }

    #[tokio::test]
    async fn a_bad_record_ends_up_alone_and_is_set_aside() {
        let table = Table::new().await;
        for key in ["a", "bad", "c"] {
            table.put(key).await;
        }
        let taken = Mutex::new(Vec::new());
        table
            .pump(2, |keys, stop| {
                if keys.iter().any(|key| key == "bad") {
                    return Err("it cannot be read".to_owned());
                }
                if keys.iter().any(|key| key == "c") {
                    stop.send_replace(true);
                }
                taken.lock().unwrap().extend(keys);
                Ok(failed(&[]))
            })
            .await;
        assert_eq!(*taken.lock().unwrap(), ["a", "c"]);
        let letters = std::fs::read_to_string(table.folder.path().join("dead-letters.jsonl")).unwrap();
        let letters: Vec<EventRecord> = letters.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(letters.iter().map(key).collect::<Vec<_>>(), ["bad"]);
    }

    #[tokio::test]
    async fn records_look_as_lambda_hands_them_over() {
        let table = Table::new().await;
        let list = vec![Value::Bool(true), Value::Null(true), Value::B(Blob::new(b"bytes"))];
        table
            .dynamodb
            .put_item()
            .table_name("things")
            .item("pk", Value::S("a".into()))
            .item("m", Value::M(HashMap::from([("n".to_owned(), Value::N("1.5".into()))])))
            .item("l", Value::L(list))
            .item("ss", Value::Ss(vec!["x".into()]))
            .send()
            .await
            .unwrap();
        table.dynamodb.delete_item().table_name("things").key("pk", Value::S("a".into())).send().await.unwrap();

        let (stop, stopped) = watch::channel(false);
        let seen: Arc<Mutex<Vec<EventRecord>>> = Arc::default();
        let shared = seen.clone();
        let handler = move |event: Event| {
            let (seen, stop) = (shared.clone(), stop.clone());
            async move {
                let mut seen = seen.lock().unwrap();
                seen.extend(event.records);
                stop.send_replace(seen.len() == 2);
                Ok::<_, String>(DynamoDbEventResponse::default())
            }
        };
        // Spawned, as the bundle does it.
        let pump = tokio::spawn(pump(
            table.streams.clone(),
            table.dynamodb.clone(),
            "things".to_owned(),
            "test",
            table.checkpoint(),
            stopped,
            handler,
        ));
        tokio::time::timeout(Duration::from_secs(30), pump).await.unwrap().unwrap();

        let seen = seen.lock().unwrap();
        let names: Vec<&str> = seen.iter().map(|record| record.event_name.as_str()).collect();
        assert_eq!(names, ["INSERT", "REMOVE"]);
        let image = seen[0].change.new_image.clone();
        assert_eq!(seen[1].change.old_image, image);
        assert!(seen[1].change.new_image.is_empty());
        assert_eq!(seen[0].change.stream_view_type, Some(StreamViewType::NewAndOldImages));
        assert_eq!(seen[0].event_source.as_deref(), Some("aws:dynamodb"));
        assert!(seen[0].user_identity.is_none());
        let number = HashMap::from([("n".to_owned(), Out::N("1.5".into()))]);
        let list = vec![Out::Bool(true), Out::Null(true), Out::B(b"bytes".to_vec())];
        assert_eq!(image.get("m"), Some(&Out::M(number)));
        assert_eq!(image.get("l"), Some(&Out::L(list)));
        assert_eq!(image.get("ss"), Some(&Out::Ss(vec!["x".into()])));
        let age = jiff::Timestamp::now().as_second() - seen[0].change.approximate_creation_date_time.timestamp();
        assert!((0..60).contains(&age), "{age}");
    }
}
