//! The DynamoDB stand-in: dynoxide on one `SQLite` file, with streams, behind the ordinary HTTP API.
//!
//! - **Durability.** dynoxide opens the file in WAL mode and leaves `synchronous` at its default, FULL: a write is on
//!   the disk before it is answered, so neither `kill -9` nor a power cut loses it. A test keeps watch over both.
//! - **Streams are never trimmed.** The cloud forgets stream records after 24 hours; dynoxide keeps them for good. That
//!   suits a pump that may have been off for a week, and the file is a development machine's, so they are left alone.
//! - **TTL.** dynoxide expires nothing by itself; it is told to every minute.

use std::io;
use std::path::Path;
use std::time::Duration;

use dynoxide::{Database, server, storage::Storage};
use pingan_runtime::Failure;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::pace;

const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// dynoxide looks for a stream's last record at every write; without an index each write reads the whole stream, and
/// after 20,000 items there are 78 transactions a second left of 1,400.
const STREAM_INDEX: &str = "CREATE INDEX IF NOT EXISTS pingan_stream_order \
     ON _stream_records(table_name, CAST(sequence_number AS INTEGER), shard_id)";

/// A running DynamoDB stand-in.
pub(crate) struct DynamoDb {
    /// Where an SDK client reaches it.
    pub(crate) endpoint: String,
    server: JoinHandle<()>,
    sweeper: JoinHandle<()>,
}

impl DynamoDb {
    /// Comes back once it has answered its last request after being told to stop.
    pub(crate) async fn stopped(self) {
        // Either task can only end early by a panic, which the runtime has already reported.
        let _ = tokio::join!(self.server, self.sweeper);
    }
}

/// Opens the database in `file`, making it when there is none, and serves it on a free port of this machine only.
pub(crate) async fn start(file: &Path, stop: watch::Receiver<bool>) -> io::Result<DynamoDb> {
    let database = open(file).await?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let sweeper = tokio::spawn(sweep(database.clone(), stop.clone(), SWEEP_INTERVAL));
    let server = tokio::spawn(serve(listener, database, stop));
    Ok(DynamoDb { endpoint, server, sweeper })
}

/// Makes the database in `file` with what `fill` writes to it, unless it is there. All of it comes to be at once: a
/// kill between two statements of dynoxide would leave a table to which nothing can be written.
pub(crate) async fn make<E: Into<Failure>>(
    file: &Path,
    fill: impl AsyncFnOnce(&str) -> Result<(), E>,
) -> Result<(), Failure> {
    if file.exists() {
        return Ok(());
    }
    let new = file.with_extension("new");
    for left in ["new", "new-wal", "new-shm"] {
        match std::fs::remove_file(file.with_extension(left)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let (stop, stopped) = watch::channel(false);
    let database = start(&new, stopped).await?;
    let filled = fill(&database.endpoint).await.map_err(Into::into);
    stop.send_replace(true);
    database.stopped().await;
    filled?;
    let path = path_of(&new)?;
    let flushed = tokio::task::spawn_blocking(move || {
        // Closing does this as well, but for a reader that somebody else may have open.
        let storage = Storage::new(&path).map_err(io::Error::other)?;
        storage.conn().execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").map_err(io::Error::other)
    });
    flushed.await.map_err(io::Error::other)??;
    Ok(std::fs::rename(&new, file)?)
}

fn path_of(file: &Path) -> io::Result<String> {
    let path = file.to_str().map(ToOwned::to_owned);
    path.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the path of the database is not UTF-8"))
}

async fn open(file: &Path) -> io::Result<Database> {
    let path = path_of(file)?;
    let opened = tokio::task::spawn_blocking(move || {
        // The handle is closed before dynoxide opens its own: the index then is there from the first write on.
        Storage::new(&path).map_err(io::Error::other)?.conn().execute_batch(STREAM_INDEX).map_err(io::Error::other)?;
        Database::new(&path).map_err(io::Error::other)
    });
    opened.await.map_err(io::Error::other)?
}

async fn serve(listener: TcpListener, database: Database, mut stop: watch::Receiver<bool>) {
    let shutdown = async move { pace::stopped(&mut stop).await };
    if let Err(error) = server::serve_with_shutdown(listener, database, shutdown).await {
        tracing::error!(error, "the DynamoDB stand-in failed");
    }
}

async fn sweep(database: Database, mut stop: watch::Receiver<bool>, interval: Duration) {
    while pace::pause(&mut stop, interval).await {
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(0)) => {}
            Ok(Ok(items)) => tracing::debug!(items, "expired items were removed"),
            Ok(Err(error)) => tracing::error!(%error, "expired items could not be removed"),
            Err(error) => tracing::error!(%error, "the removal of expired items was cut short"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sdk_config;
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        TimeToLiveSpecification,
    };

    async fn create_table(client: &Client) {
        client
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
            .send()
            .await
            .unwrap();
    }

    async fn put(client: &Client, key: &str, expires: u64) {
        client
            .put_item()
            .table_name("things")
            .item("pk", AttributeValue::S(key.into()))
            .item("expires", AttributeValue::N(expires.to_string()))
            .send()
            .await
            .unwrap();
    }

    async fn count(client: &Client) -> i32 {
        client.scan().table_name("things").send().await.unwrap().count()
    }

    #[tokio::test]
    async fn what_was_written_is_there_after_a_new_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dynamodb.sqlite");
        for round in 0..3 {
            let (stop, stopped) = watch::channel(false);
            let running = start(&file, stopped).await.unwrap();
            let client = Client::new(&sdk_config(&running.endpoint));
            if round == 0 {
                create_table(&client).await;
            }
            assert_eq!(count(&client).await, round);
            put(&client, &round.to_string(), 0).await;
            // An open keep-alive connection would hold up the stop.
            drop(client);
            stop.send(true).unwrap();
            running.stopped().await;
        }
    }

    #[tokio::test]
    async fn every_commit_reaches_the_disk_and_the_stream_is_indexed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dynamodb.sqlite");
        let _database = open(&file).await.unwrap();
        let storage = Storage::new(file.to_str().unwrap()).unwrap();
        let journal: String = storage.conn().query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        let synchronous: i64 = storage.conn().query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap();
        let plan: String = storage
            .conn()
            .query_row(
                "EXPLAIN QUERY PLAN SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records \
                 WHERE table_name = 'things'",
                [],
                |row| row.get(3),
            )
            .unwrap();
        assert_eq!((journal.as_str(), synchronous), ("wal", 2));
        assert!(plan.contains("pingan_stream_order"), "{plan}");
    }

    #[tokio::test]
    async fn expired_items_go_and_the_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(&folder.path().join("dynamodb.sqlite")).await.unwrap();
        let (_stop, stopped) = watch::channel(false);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(&sdk_config(&format!("http://{}", listener.local_addr().unwrap())));
        tokio::spawn(serve(listener, database.clone(), stopped.clone()));
        create_table(&client).await;
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("expires").build().unwrap();
        client.update_time_to_live().table_name("things").time_to_live_specification(ttl).send().await.unwrap();
        let now = jiff::Timestamp::now().as_second().unsigned_abs();
        put(&client, "past", now - 60).await;
        put(&client, "future", now + 3_600).await;

        tokio::spawn(sweep(database, stopped, Duration::from_millis(10)));
        let gone = async {
            while count(&client).await != 1 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    }
}
