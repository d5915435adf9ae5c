//! The S3 stand-in: s3s over a folder, and the notifications that S3 sends when an object is created.
//!
//! s3s checks signatures and s3s-fs keeps the bytes; what is added here is what the bundle relies on and they lack:
//!
//! - A put whose bytes do not have the signed SHA-256 leaves nothing behind (s3s-fs finds out only after it has put them
//!   in the place of the object).
//! - An event for each created object is on the disk *before* the put is acknowledged, and stays there until a handler
//!   has taken it, so a kill between upload and intake loses nothing. An object whose event a kill came before gets it at
//!   the next start. Delivery is at least once, as in the cloud.
//! - An upload in parts that was completed or given up is no upload any more (s3s-fs lists it as one without parts), and
//!   parts that nobody completes go after a day, as the bucket's lifecycle has it in the cloud.
//! - With an object goes all that is kept beside it.

use std::collections::HashSet;
use std::fmt::Display;
use std::fs;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_lambda_events::event::s3::S3Event;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{MethodRouter, any};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _, stream};
use s3s::auth::SimpleAuth;
use s3s::dto;
use s3s::service::S3ServiceBuilder;
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Notify, watch};
use tower::ServiceExt as _;
use tower_http::cors::CorsLayer;

use crate::{files, pace};

/// How often the journal is looked through although nothing was heard.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How many events are delivered side by side. An event that keeps failing holds one place.
const AT_ONCE: usize = 1_000;
/// How often an event is tried before it is set aside for a person to look at.
const TRIES: u32 = 1_000;
/// How long the parts of an upload are kept that nobody completes: those that the last run left behind.
const PARTS_KEPT: Duration = Duration::from_hours(24);

/// The S3 stand-in over the folder `root`, to be mounted where path-style requests arrive, on the address that presigned
/// URLs name: as `.route("/the-bucket/{*key}", …)` or as a fallback. It never sees bodies whole, so no body limit
/// applies. Whoever does not sign with the key is refused; browsers of any origin may use presigned URLs.
pub(crate) fn service(root: &Path, journal: &Journal, access_key: &str, secret_key: &str) -> io::Result<MethodRouter> {
    fs::create_dir_all(root)?;
    let root = root.canonicalize()?;
    sweep_parts(&root)?;
    journal.recover(&root)?;
    let files = FileSystem::new(&root).map_err(|error| io::Error::other(format!("{error:?}")))?;
    let mut builder = S3ServiceBuilder::new(Objects {
        files,
        root,
        journal: journal.clone(),
        completing: tokio::sync::RwLock::default(),
    });
    builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
    let service = builder.build();
    let answer = move |request: Request| {
        let service = service.clone();
        async move {
            match service.oneshot(request).await {
                Ok(response) => response.map(Body::new),
                Err(error) => {
                    tracing::error!(?error, "the S3 stand-in could not answer");
                    StatusCode::INTERNAL_SERVER_ERROR.into_response()
                }
            }
        }
    };
    Ok(any(answer).layer(CorsLayer::permissive()))
}

/// Hands each event of the journal to the handler until it is taken, then forgets it. A failed event is tried again
/// after 0.1 s, then less and less often down to every 5 s, and does not hold up the others; after a thousand tries it
/// moves to the folder `dead-letters` beside the journal.
pub(crate) async fn deliver<F, Fut, E>(journal: Journal, mut stop: watch::Receiver<bool>, handler: F)
where
    F: Fn(S3Event) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut under_way = FuturesUnordered::new();
    let mut taken = HashSet::new();
    let mut look = true;
    loop {
        if look {
            for event in journal.events().await {
                if taken.len() < AT_ONCE && taken.insert(event.clone()) {
                    under_way.push(deliver_one(&journal, event, TRIES, &handler));
                }
            }
        }
        look = tokio::select! {
            () = pace::stopped(&mut stop) => return,
            Some(event) = under_way.next() => {
                taken.remove(&event);
                // Whatever did not find a place before may find one now.
                taken.is_empty()
            }
            () = journal.written.notified() => true,
            () = tokio::time::sleep(POLL_INTERVAL) => true,
        };
    }
}

async fn deliver_one<F, Fut, E>(journal: &Journal, event: PathBuf, tries: u32, handler: &F) -> PathBuf
where
    F: Fn(S3Event) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Display,
{
    for failures in 1..=tries {
        let Err(reason) = attempt(&event, handler).await else {
            if let Err(error) = tokio::fs::remove_file(&event).await {
                tracing::warn!(event = %event.display(), %error, "a delivered event stays and will come again");
            }
            return event;
        };
        tracing::warn!(event = %event.display(), failures, reason, "an object event was not taken");
        tokio::time::sleep(pace::backoff(failures)).await;
    }
    match journal.set_aside(&event).await {
        Ok(()) => {
            tracing::error!(event = %event.display(), "an object event was set aside as undeliverable");
        }
        Err(error) => {
            tracing::error!(event = %event.display(), %error, "an object event could not be set aside");
        }
    }
    event
}

async fn attempt<F, Fut, E>(event: &Path, handler: &F) -> Result<(), String>
where
    F: Fn(S3Event) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Display,
{
    let bytes = tokio::fs::read(event).await.map_err(|error| error.to_string())?;
    let created: ObjectCreated = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    let notification = created.notification().map_err(|error| error.to_string())?;
    // In the cloud a panic is a failed invocation, and here it must not end the delivery of everything else.
    match AssertUnwindSafe(async { handler(notification).await }).catch_unwind().await {
        Ok(taken) => taken.map_err(|error| error.to_string()),
        Err(_) => Err("the handler panicked".to_owned()),
    }
}

/// The events of created objects that no handler has taken yet: a folder with a file for each.
#[derive(Clone)]
pub(crate) struct Journal {
    folder: PathBuf,
    prefix: &'static str,
    written: Arc<Notify>,
}

impl Journal {
    /// Opens the journal in `folder`, with whatever the last run left in it. It is told of objects whose keys begin with
    /// `prefix`, as a bucket's notification is.
    pub(crate) fn open(folder: &Path, prefix: &'static str) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { folder: folder.to_owned(), prefix, written: Arc::default() })
    }

    async fn append(&self, created: &ObjectCreated) -> io::Result<()> {
        let (file, bytes) = self.entry(created)?;
        tokio::task::spawn_blocking(move || files::replace(&file, &bytes)).await.map_err(io::Error::other)??;
        self.written.notify_one();
        Ok(())
    }

    /// The file of an event, and what stands in it.
    fn entry(&self, created: &ObjectCreated) -> io::Result<(PathBuf, Vec<u8>)> {
        // The time puts the events of all runs in order, the number those of one moment.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{:020}-{number:06}.json", created.time.as_nanosecond());
        Ok((self.folder.join(name), serde_json::to_vec(created)?))
    }

    /// Writes an event for each object that has none. The store was killed after it had put the object in its place,
    /// and before it had written its event; or the event was taken, and the object is about to be cleared away: then
    /// it comes once more, and changes nothing.
    fn recover(&self, root: &Path) -> io::Result<()> {
        let mut known = HashSet::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                // One that cannot be read is set aside when it is delivered.
                if let Ok(created) = serde_json::from_slice::<ObjectCreated>(&fs::read(path)?) {
                    known.insert((created.bucket, created.key));
                }
            }
        }
        for (bucket, key, size) in objects_below(root)? {
            if key.starts_with(self.prefix) && !known.contains(&(bucket.clone(), key.clone())) {
                let name = "ObjectCreated:Put".to_owned();
                let (file, bytes) =
                    self.entry(&ObjectCreated { name, bucket, key, size, time: jiff::Timestamp::now() })?;
                files::replace(&file, &bytes)?;
            }
        }
        Ok(())
    }

    /// The files of the journal, oldest event first. A journal that cannot be read now is read at the next look.
    async fn events(&self) -> Vec<PathBuf> {
        let folder = self.folder.clone();
        let listed = tokio::task::spawn_blocking(move || -> io::Result<Vec<PathBuf>> {
            let paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
            // A file under a temporary name is an event whose put was never acknowledged.
            let mut events: Vec<_> = paths
                .into_iter()
                .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
                .collect();
            events.sort();
            Ok(events)
        });
        match listed.await.map_err(io::Error::other).flatten() {
            Ok(events) => events,
            Err(error) => {
                tracing::error!(%error, "the journal of created objects could not be read");
                Vec::new()
            }
        }
    }

    async fn set_aside(&self, event: &Path) -> io::Result<()> {
        let folder = self.folder.with_file_name("dead-letters");
        tokio::fs::create_dir_all(&folder).await?;
        let name = event.file_name().unwrap_or_default();
        tokio::fs::rename(event, folder.join(name)).await
    }
}

/// What the journal remembers of a created object.
#[derive(Debug, Serialize, Deserialize)]
struct ObjectCreated {
    /// `ObjectCreated:Put` and the like.
    name: String,
    bucket: String,
    key: String,
    size: u64,
    time: jiff::Timestamp,
}

impl ObjectCreated {
    /// The notification as S3 would send it: the key is URL-encoded, but for its slashes.
    fn notification(&self) -> serde_json::Result<S3Event> {
        let key = form_urlencoded::byte_serialize(self.key.as_bytes()).collect::<String>().replace("%2F", "/");
        serde_json::from_value(serde_json::json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": self.time,
            "eventName": self.name,
            "userIdentity": {},
            "requestParameters": {},
            "responseElements": {},
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": { "name": self.bucket, "arn": format!("arn:aws:s3:::{}", self.bucket) },
                "object": {
                    "key": key,
                    "size": self.size,
                    "sequencer": format!("{:020X}", self.time.as_nanosecond()),
                },
            },
        }] }))
    }
}

struct Objects {
    files: FileSystem,
    root: PathBuf,
    journal: Journal,
    completing: tokio::sync::RwLock<()>,
}

impl Objects {
    async fn record(&self, name: &str, bucket: String, key: String) -> S3Result<()> {
        if !key.starts_with(self.journal.prefix) {
            return Ok(());
        }
        let object = tokio::fs::metadata(self.root.join(&bucket).join(&key)).await.map_err(S3Error::internal_error)?;
        let created = ObjectCreated {
            name: format!("ObjectCreated:{name}"),
            bucket,
            key,
            size: object.len(),
            time: jiff::Timestamp::now(),
        };
        self.journal.append(&created).await.map_err(S3Error::internal_error)
    }

    /// An upload in parts that is over is none. s3s-fs calls it forbidden, or takes it for one without parts.
    fn must_know(&self, upload: &str) -> S3Result<()> {
        let known = upload.parse::<uuid::Uuid>().is_ok() && self.root.join(format!(".upload-{upload}.json")).exists();
        if known { Ok(()) } else { Err(s3_error!(NoSuchUpload)) }
    }

    /// What s3s-fs keeps beside an object: its type and its checksums.
    async fn forget(&self, bucket: &str, key: &str) {
        let [bucket, key] = [bucket, key].map(|name| URL_SAFE_NO_PAD.encode(name));
        for what in ["metadata", "internal"] {
            // Not every object has both.
            let _ = tokio::fs::remove_file(self.root.join(format!(".bucket-{bucket}.object-{key}.{what}.json"))).await;
        }
    }
}

/// Every object of every bucket: bucket, key and size in bytes. What begins with a dot is the store's own.
fn objects_below(root: &Path) -> io::Result<Vec<(String, String, u64)>> {
    let mut objects = Vec::new();
    let mut folders = vec![(root.to_owned(), Vec::<String>::new())];
    while let Some((folder, names)) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            let (metadata, path) = (entry.metadata()?, [names.as_slice(), &[name]].concat());
            if metadata.is_dir() {
                folders.push((entry.path(), path));
            } else if let [bucket, key @ ..] = path.as_slice()
                && !key.is_empty()
            {
                objects.push((bucket.clone(), key.join("/"), metadata.len()));
            }
        }
    }
    Ok(objects)
}

/// Removes the parts, and what is kept of them, of uploads that are over.
fn sweep_parts(root: &Path) -> io::Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let of_parts = name.starts_with(".upload_id-") || name.starts_with(".upload-") || name.contains(".upload-");
        let age = SystemTime::now().duration_since(entry.metadata()?.modified()?).unwrap_or_default();
        if of_parts && age > PARTS_KEPT {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Hands the listed operations on to the file system as they are.
macro_rules! objects {
    ({ $($operation:ident: $input:ident => $output:ident,)* } $($own:tt)*) => {
        #[async_trait::async_trait]
        impl S3 for Objects {
            $(async fn $operation(&self, request: S3Request<dto::$input>) -> S3Result<S3Response<dto::$output>> {
                self.files.$operation(request).await
            })*
            $($own)*
        }
    };
}

objects! {
    {
        create_bucket: CreateBucketInput => CreateBucketOutput,
        head_bucket: HeadBucketInput => HeadBucketOutput,
        list_buckets: ListBucketsInput => ListBucketsOutput,
        get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput,
        get_object: GetObjectInput => GetObjectOutput,
        head_object: HeadObjectInput => HeadObjectOutput,
        list_objects: ListObjectsInput => ListObjectsOutput,
        list_objects_v2: ListObjectsV2Input => ListObjectsV2Output,
        create_multipart_upload: CreateMultipartUploadInput => CreateMultipartUploadOutput,
        abort_multipart_upload: AbortMultipartUploadInput => AbortMultipartUploadOutput,
    }

    async fn put_object(
        &self,
        mut request: S3Request<dto::PutObjectInput>,
    ) -> S3Result<S3Response<dto::PutObjectOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        check_key(&key)?;
        let differs = Arc::new(AtomicBool::new(false));
        if let Some(expected) = request.input.checksum_sha256.clone() {
            request.input.body = request.input.body.map(|body| verified(body, expected, differs.clone()));
        }
        let put = self.files.put_object(request).await;
        if differs.load(Ordering::Relaxed) {
            return Err(s3_error!(BadDigest, "The SHA-256 of the body is not the one you specified."));
        }
        let put = put?;
        self.record("Put", bucket, key).await?;
        Ok(put)
    }

    async fn upload_part(
        &self,
        request: S3Request<dto::UploadPartInput>,
    ) -> S3Result<S3Response<dto::UploadPartOutput>> {
        self.must_know(&request.input.upload_id)?;
        self.files.upload_part(request).await
    }

    async fn list_parts(&self, request: S3Request<dto::ListPartsInput>) -> S3Result<S3Response<dto::ListPartsOutput>> {
        // Completing takes the parts away one by one, and S3 never shows half of that.
        let _turn = self.completing.read().await;
        self.must_know(&request.input.upload_id)?;
        self.files.list_parts(request).await
    }

    async fn delete_object(
        &self,
        request: S3Request<dto::DeleteObjectInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        let deleted = self.files.delete_object(request).await?;
        self.forget(&bucket, &key).await;
        Ok(deleted)
    }

    async fn delete_objects(
        &self,
        request: S3Request<dto::DeleteObjectsInput>,
    ) -> S3Result<S3Response<dto::DeleteObjectsOutput>> {
        let bucket = request.input.bucket.clone();
        let keys: Vec<_> = request.input.delete.objects.iter().map(|object| object.key.clone()).collect();
        let deleted = self.files.delete_objects(request).await?;
        for key in keys {
            self.forget(&bucket, &key).await;
        }
        Ok(deleted)
    }

    async fn copy_object(
        &self,
        request: S3Request<dto::CopyObjectInput>,
    ) -> S3Result<S3Response<dto::CopyObjectOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        check_key(&key)?;
        let copied = self.files.copy_object(request).await?;
        self.record("Copy", bucket, key).await?;
        Ok(copied)
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<dto::CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<dto::CompleteMultipartUploadOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        check_key(&key)?;
        // Of two who complete the same upload, one finds none any more.
        let _turn = self.completing.write().await;
        self.must_know(&request.input.upload_id)?;
        let completed = self.files.complete_multipart_upload(request).await?;
        self.record("CompleteMultipartUpload", bucket, key).await?;
        Ok(completed)
    }
}

/// Keys become paths here, and no path may lead out of its bucket.
fn check_key(key: &str) -> S3Result<()> {
    if key.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(s3_error!(InvalidArgument, "A key may not have empty or dotted segments here."));
    }
    Ok(())
}

/// The same body, which fails at its end when it does not have the expected SHA-256. The file system then drops what it
/// has written so far instead of putting it in the place of the object.
fn verified(body: dto::StreamingBlob, expected: String, differs: Arc<AtomicBool>) -> dto::StreamingBlob {
    let expected: Arc<str> = expected.into();
    let start = Some((body, Sha256::new()));
    dto::StreamingBlob::wrap(stream::unfold(start, move |state| {
        let (expected, differs) = (expected.clone(), differs.clone());
        async move {
            let (mut body, mut hash) = state?;
            match body.next().await {
                Some(Ok(bytes)) => {
                    hash.update(&bytes);
                    Some((Ok(bytes), Some((body, hash))))
                }
                Some(Err(error)) => Some((Err(io::Error::other(error)), None)),
                None if BASE64.encode(hash.finalize()) == *expected => None,
                None => {
                    differs.store(true, Ordering::Relaxed);
                    Some((Err(io::Error::new(io::ErrorKind::InvalidData, "the SHA-256 differs")), None))
                }
            }
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ACCESS_KEY, SECRET_KEY, sdk_config, serve};
    use aws_sdk_s3::Client;
    use aws_sdk_s3::error::ProvideErrorMetadata as _;
    use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
    use aws_sdk_s3::primitives::ByteStream;
    use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
    use std::sync::Mutex;

    struct Store {
        folder: tempfile::TempDir,
        journal: Journal,
        client: Client,
        endpoint: String,
    }

    #[tokio::test]
    async fn an_object_whose_event_a_kill_came_before_gets_it_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("objects");
        let journal = Journal::open(&folder.path().join("journal"), "uploads/").unwrap();
        let start = || service(&root, &journal, ACCESS_KEY, SECRET_KEY).unwrap();
        for (key, bytes) in [("uploads/one", "hello"), ("uploads/.two.part", "half"), ("copies/one/working", "other")] {
            let path = root.join("media").join(key);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        drop(start());
        let [event] = &journal.events().await[..] else { panic!("one event") };
        let created: ObjectCreated = serde_json::from_slice(&fs::read(event).unwrap()).unwrap();
        assert_eq!((&*created.bucket, &*created.key, created.size), ("media", "uploads/one", 5));
        drop(start());
        assert_eq!(journal.events().await.len(), 1, "it has its event");
    }

    impl Store {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let journal = Journal::open(&folder.path().join("journal"), "").unwrap();
            let objects = service(&folder.path().join("objects"), &journal, ACCESS_KEY, SECRET_KEY).unwrap();
            let router = axum::Router::new().route("/media/{*key}", objects.clone()).fallback_service(objects);
            let endpoint = serve(router).await;
            let config = aws_sdk_s3::config::Builder::from(&sdk_config(&endpoint)).force_path_style(true).build();
            let client = Client::from_conf(config);
            client.create_bucket().bucket("media").send().await.unwrap();
            Self { folder, journal, client, endpoint }
        }

        async fn put(&self, key: &str) {
            let body = ByteStream::from_static(b"hello");
            self.client.put_object().bucket("media").key(key).body(body).send().await.unwrap();
        }

        async fn presigned_put(&self, key: &str, body: &[u8]) -> PresignedRequest {
            self.client
                .put_object()
                .bucket("media")
                .key(key)
                .content_type("image/jpeg")
                .content_length(i64::try_from(body.len()).unwrap())
                .checksum_sha256(BASE64.encode(Sha256::digest(body)))
                .presigned(PresigningConfig::expires_in(Duration::from_mins(1)).unwrap())
                .await
                .unwrap()
        }

        async fn get(&self, key: &str) -> Option<Vec<u8>> {
            let object = self.client.get_object().bucket("media").key(key).send().await.ok()?;
            Some(object.body.collect().await.unwrap().to_vec())
        }
    }

    /// Sends a presigned request as a phone would, with what `change` makes of its headers.
    async fn send(presigned: &PresignedRequest, body: &[u8], change: &[(&str, &str)]) -> u16 {
        let mut headers: Vec<(&str, &str)> =
            presigned.headers().filter(|(name, _)| *name != "content-length").collect();
        headers.retain(|(name, _)| change.iter().all(|(changed, _)| changed != name));
        let mut request = reqwest::Client::new()
            .request(presigned.method().parse().unwrap(), presigned.uri())
            .header("origin", "http://127.0.0.1:5173")
            .body(body.to_vec());
        for (name, value) in headers.iter().chain(change) {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.headers()["access-control-allow-origin"], "*");
        let status = response.status().as_u16();
        let answer = response.text().await.unwrap();
        assert!(status < 500, "{answer}");
        status
    }

    #[tokio::test]
    async fn a_presigned_put_takes_exactly_what_was_signed() {
        let store = Store::new().await;
        let presigned = store.presigned_put("incoming/1", b"a picture").await;
        assert_eq!(send(&presigned, b"a picture, longer", &[]).await, 403, "another length");
        assert_eq!(send(&presigned, b"a picture", &[("content-type", "text/html")]).await, 403, "another type");
        let forged = BASE64.encode(Sha256::digest(b"b picture"));
        assert_eq!(send(&presigned, b"b picture", &[("x-amz-checksum-sha256", &forged)]).await, 403, "another hash");
        assert_eq!(send(&presigned, b"b picture", &[]).await, 400, "other bytes");
        assert_eq!(store.get("incoming/1").await, None, "nothing that was refused is kept");
        assert!(store.journal.events().await.is_empty());

        assert_eq!(send(&presigned, b"a picture", &[]).await, 200);
        assert_eq!(send(&presigned, b"b picture", &[]).await, 400, "other bytes");
        assert_eq!(store.get("incoming/1").await.unwrap(), b"a picture", "the first stays");
        assert_eq!(store.journal.events().await.len(), 1);
        let head = store.client.head_object().bucket("media").key("incoming/1").send().await.unwrap();
        assert_eq!((head.content_length(), head.content_type()), (Some(9), Some("image/jpeg")));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_leaves_nothing() {
        use tokio::io::AsyncWriteExt as _;
        let store = Store::new().await;
        let presigned = store.presigned_put("incoming/1", b"a picture").await;
        let address = store.endpoint.strip_prefix("http://").unwrap();
        let path = presigned.uri().strip_prefix(&store.endpoint).unwrap();
        let mut head = format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 9\r\n");
        for (name, value) in presigned.headers().filter(|(name, _)| *name != "content-length") {
            head.extend([name, ": ", value, "\r\n"]);
        }
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        connection.write_all(format!("{head}\r\na pict").as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        drop(connection);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(store.get("incoming/1").await, None);
        assert!(store.journal.events().await.is_empty());
    }

    #[tokio::test]
    async fn only_the_key_opens_objects() {
        let store = Store::new().await;
        store.put("a picture").await;
        let get = store.client.get_object().bucket("media").key("a picture");
        let presigned = get.presigned(PresigningConfig::expires_in(Duration::from_mins(1)).unwrap()).await.unwrap();
        assert_eq!(send(&presigned, b"", &[]).await, 200);

        let http = reqwest::Client::new();
        let status = async |url: &str| http.get(url).send().await.unwrap().status().as_u16();
        let (unsigned, _) = presigned.uri().split_once('?').unwrap();
        assert_eq!(status(unsigned).await, 403);
        assert_eq!(status(&presigned.uri().replace("picture", "secret")).await, 403);
        assert_eq!(status(&store.endpoint).await, 403, "the list of buckets");
        let stranger = aws_sdk_s3::config::Credentials::new(ACCESS_KEY, "guessed", None, None, "test");
        let stranger = store.client.config().to_builder().credentials_provider(stranger).build();
        let refused =
            Client::from_conf(stranger).get_object().bucket("media").key("a picture").send().await.unwrap_err();
        assert_eq!(refused.code(), Some("SignatureDoesNotMatch"));

        let preflight = http
            .request(reqwest::Method::OPTIONS, unsigned)
            .header("origin", "http://127.0.0.1:5173")
            .header("access-control-request-method", "PUT")
            .header("access-control-request-headers", "x-amz-checksum-sha256")
            .send()
            .await
            .unwrap();
        assert_eq!(
            (preflight.status().as_u16(), &preflight.headers()["access-control-allow-methods"]),
            (200, &"*".parse().unwrap())
        );
    }

    #[tokio::test]
    async fn an_expired_url_is_refused() {
        let store = Store::new().await;
        store.put("a").await;
        let past = std::time::SystemTime::now() - Duration::from_mins(2);
        let expired = PresigningConfig::builder().start_time(past).expires_in(Duration::from_mins(1)).build().unwrap();
        let presigned = store.client.get_object().bucket("media").key("a").presigned(expired).await.unwrap();
        assert_eq!(send(&presigned, b"", &[]).await, 403);
    }

    #[tokio::test]
    async fn every_way_to_make_an_object_is_noted_and_delivered_until_taken() {
        let store = Store::new().await;
        let client = &store.client;
        store.put("incoming/图 1+.jpg").await;
        client
            .copy_object()
            .bucket("media")
            .key("copy")
            .copy_source("media/incoming/%E5%9B%BE%201%2B.jpg")
            .send()
            .await
            .unwrap();
        let upload = client.create_multipart_upload().bucket("media").key("video").send().await.unwrap();
        let upload = upload.upload_id().unwrap();
        let part = ByteStream::from_static(b"a long video");
        let part = client
            .upload_part()
            .bucket("media")
            .key("video")
            .upload_id(upload)
            .part_number(1)
            .body(part)
            .send()
            .await
            .unwrap();
        let parts = CompletedPart::builder().part_number(1).set_e_tag(part.e_tag).build();
        let parts = CompletedMultipartUpload::builder().parts(parts).build();
        client
            .complete_multipart_upload()
            .bucket("media")
            .key("video")
            .upload_id(upload)
            .multipart_upload(parts)
            .send()
            .await
            .unwrap();
        client.delete_object().bucket("media").key("copy").send().await.unwrap();
        let listed = client.list_objects_v2().bucket("media").send().await.unwrap();
        assert_eq!(listed.key_count(), Some(2));

        // A new start finds the events in the journal; a failed one comes again and holds up nobody.
        let journal = Journal::open(&store.folder.path().join("journal"), "").unwrap();
        let (stop, stopped) = watch::channel(false);
        let calls = Mutex::new(Vec::new());
        let handler = |event: S3Event| {
            let record = &event.records[0];
            let object = &record.s3.object;
            let call = (record.event_name.clone().unwrap(), object.key.clone().unwrap(), object.size.unwrap());
            let mut calls = calls.lock().unwrap();
            let first = calls.iter().all(|earlier| *earlier != call) && call.0.ends_with(":Put");
            calls.push(call);
            if calls.len() == 4 {
                stop.send_replace(true);
            }
            async move { if first { Err("not yet") } else { Ok(()) } }
        };
        tokio::time::timeout(Duration::from_secs(30), deliver(journal.clone(), stopped, handler)).await.unwrap();
        let call = |name: &str, key: &str, size| (format!("ObjectCreated:{name}"), key.to_owned(), size);
        let put = call("Put", "incoming/%E5%9B%BE+1%2B.jpg", 5);
        let mut expected =
            [put.clone(), call("Copy", "copy", 5), call("CompleteMultipartUpload", "video", 12), put.clone()];
        let mut calls = calls.into_inner().unwrap();
        assert_eq!(calls.last(), Some(&put));
        // As in the cloud, nothing is said about the order of different events.
        calls.sort();
        expected.sort();
        assert_eq!(calls, expected);
    }

    #[tokio::test]
    async fn an_upload_in_parts_that_is_over_is_none_and_old_parts_go() {
        let store = Store::new().await;
        let client = &store.client;
        let begin = || client.create_multipart_upload().bucket("media").key("video").send();
        let upload = begin().await.unwrap().upload_id.unwrap();
        let list = || client.list_parts().bucket("media").key("video").upload_id(&upload).send();
        let part = ByteStream::from_static(b"a part");
        let sent = client.upload_part().bucket("media").key("video").upload_id(&upload).part_number(1).body(part);
        sent.send().await.unwrap();
        assert_eq!(list().await.unwrap().parts().len(), 1);
        client.abort_multipart_upload().bucket("media").key("video").upload_id(&upload).send().await.unwrap();
        assert_eq!(list().await.unwrap_err().code(), Some("NoSuchUpload"));

        // Another one is left behind, for longer than parts are kept.
        begin().await.unwrap();
        let root = store.folder.path().join("objects");
        let left = || -> Vec<_> {
            let names = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
            names.filter(|path| path.to_string_lossy().contains(".upload")).collect()
        };
        sweep_parts(&root).unwrap();
        assert_eq!(left().len(), 2, "young ones stay");
        for path in left() {
            let old = SystemTime::now() - PARTS_KEPT - Duration::from_mins(1);
            fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
        }
        sweep_parts(&root).unwrap();
        assert!(left().is_empty());
    }

    #[tokio::test]
    async fn with_an_object_goes_what_is_kept_beside_it() {
        let store = Store::new().await;
        store.presigned_put("uploads/1", b"a picture").await;
        for key in ["uploads/1", "uploads/2", "uploads/3"] {
            let body = ByteStream::from_static(b"hello");
            store
                .client
                .put_object()
                .bucket("media")
                .key(key)
                .content_type("image/jpeg")
                .body(body)
                .send()
                .await
                .unwrap();
        }
        let root = store.folder.path().join("objects");
        let beside = || fs::read_dir(&root).unwrap().filter(|entry| entry.as_ref().unwrap().path().is_file()).count();
        assert!(beside() >= 3);
        store.client.delete_object().bucket("media").key("uploads/1").send().await.unwrap();
        let objects = ["uploads/2", "uploads/3", "uploads/4"]
            .map(|key| aws_sdk_s3::types::ObjectIdentifier::builder().key(key).build().unwrap());
        let delete = aws_sdk_s3::types::Delete::builder().set_objects(Some(objects.to_vec())).build().unwrap();
        store.client.delete_objects().bucket("media").delete(delete).send().await.unwrap();
        assert_eq!(beside(), 0);
    }

    #[tokio::test]
    async fn a_new_object_is_delivered_at_once_and_forgotten_when_taken() {
        let store = Store::new().await;
        let (_stop, stopped) = watch::channel(false);
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let handler = move |event: S3Event| {
            sender.send(event.records[0].s3.object.key.clone().unwrap()).unwrap();
            async { Ok::<_, String>(()) }
        };
        tokio::spawn(deliver(store.journal.clone(), stopped, handler));
        store.put("one").await;
        assert_eq!(receiver.recv().await.unwrap(), "one");
        store.put("two").await;
        assert_eq!(receiver.recv().await.unwrap(), "two");
        let forgotten = async {
            while !store.journal.events().await.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), forgotten).await.unwrap();
    }

    #[tokio::test]
    async fn an_event_that_nobody_takes_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("journal"), "").unwrap();
        let created = ObjectCreated {
            name: "ObjectCreated:Put".into(),
            bucket: "media".into(),
            key: "a".into(),
            size: 1,
            time: jiff::Timestamp::now(),
        };
        journal.append(&created).await.unwrap();
        let [event] = &journal.events().await[..] else { panic!("one event") };
        let tried = AtomicU64::new(0);
        deliver_one(&journal, event.clone(), 3, &|_| {
            tried.fetch_add(1, Ordering::Relaxed);
            async { Err("never") }
        })
        .await;
        assert_eq!(tried.into_inner(), 3);
        assert!(journal.events().await.is_empty());
        assert_eq!(fs::read_dir(folder.path().join("dead-letters")).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn keys_stay_in_their_bucket() {
        for key in ["../other/a", "a/../../b", "a//b", ".", "/a", "a/"] {
            assert!(check_key(key).is_err(), "{key}");
        }
        assert!(check_key("a/b.c/..d").is_ok());
    }
}
