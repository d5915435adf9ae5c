//! Documents in S3: what a job has made for people to read, under keys of its own.

use aws_sdk_s3::{Client, error::ProvideErrorMetadata as _, primitives::ByteStream};
use pingan_domain::error::Error;

use crate::{
    fault::fault,
    late::Late,
    media::{LINK_SECONDS, PASSING, SignedUrl, expires_in},
};

/// The largest document that is read, in bytes: an answer of Lambda takes six million.
const MAX_BYTES: i64 = 4 * 1024 * 1024;

/// The bucket of the documents.
#[derive(Debug, Clone)]
pub struct DocumentStore {
    client: Late<Client>,
    bucket: String,
}

impl DocumentStore {
    /// The documents in this bucket.
    pub fn new(client: impl Into<Late<Client>>, bucket: String) -> Self {
        Self { client: client.into(), bucket }
    }

    /// Writes a document. The same again replaces it.
    pub async fn put(&self, key: &str, content_type: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(content_type)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| fault("S3 PutObject", &error, &PASSING))?;
        Ok(())
    }

    /// Signs the reading of one document for [`LINK_SECONDS`], as a file of this name.
    pub async fn sign_link(&self, key: &str, content_type: &str, file_name: &str) -> Result<SignedUrl, Error> {
        let signed = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .response_content_type(content_type)
            .response_content_disposition(format!("attachment; filename=\"{file_name}\""))
            .response_cache_control("no-store")
            .presigned(expires_in(LINK_SECONDS)?)
            .await
            .map_err(|error| fault("S3 GetObject", &error, &PASSING))?;
        Ok(SignedUrl(signed.uri().to_owned()))
    }

    /// Reads a document; none when there is none.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        let object = match self.client.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => object,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(None),
            Err(error) => return Err(fault("S3 GetObject", &error, &PASSING)),
        };
        if object.content_length.is_none_or(|length| length > MAX_BYTES) {
            return Err(Error::Internal(format!("{key} is larger than {MAX_BYTES} bytes")));
        }
        let body = object.body.collect().await.map_err(|_| Error::Busy { retry_after_seconds: 1 })?;
        Ok(Some(body.to_vec()))
    }
}
