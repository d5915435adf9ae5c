//! Media in S3. Phones and consoles talk to S3 directly, by requests that are signed here
//! for one object, one purpose and a short time.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_s3::{
    Client,
    error::SdkError,
    operation::get_object::GetObjectError,
    presigning::{PresignedRequest, PresigningConfig},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pingan_domain::{
    error::Error,
    media::{Announced, MAX_IMAGE_BYTES, Media, MediaId, MediaRef},
    named::Named as _,
};

/// How long a phone has to start an upload.
pub const UPLOAD_SECONDS: u64 = 15 * 60;
/// How long a link to a medium can be opened.
pub const LINK_SECONDS: u64 = 5 * 60;

/// The bucket of the media.
#[derive(Debug, Clone)]
pub struct MediaStore {
    client: Client,
    bucket: String,
}

/// A signed request for an upload, to be sent exactly so.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The method.
    pub method: String,
    /// The address.
    pub url: String,
    /// The headers, which are part of what is signed.
    pub headers: BTreeMap<String, String>,
}

/// A signed address that can be opened for a short time.
#[derive(Debug, Clone)]
pub struct SignedUrl(pub String);

/// An uploaded object, read whole.
#[derive(Debug)]
pub enum Uploaded {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It is larger than anything that is taken: its size in bytes.
    TooLarge(u64),
    /// There is none.
    Missing,
}

impl MediaStore {
    /// The media in this bucket.
    pub fn new(client: Client, bucket: String) -> Self {
        Self { client, bucket }
    }

    /// Signs the upload of exactly what was announced: size, type and SHA-256 are in the
    /// signature, so that S3 itself refuses anything else.
    pub async fn sign_upload(&self, id: MediaId, announced: &Announced) -> Result<Upload, Error> {
        let length = i64::try_from(announced.size_bytes).map_err(|error| Error::Internal(error.to_string()))?;
        let signed = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(Media::object_key(id))
            .content_length(length)
            .content_type(announced.content_type.name())
            .checksum_sha256(STANDARD.encode(announced.sha256.bytes()))
            .presigned(expires_in(UPLOAD_SECONDS)?)
            .await
            .map_err(|error| fault("PutObject", &error))?;
        Ok(Upload { method: signed.method().to_owned(), url: signed.uri().to_owned(), headers: headers(&signed) })
    }

    /// Signs the reading of one medium. It is answered as an attachment of its checked
    /// type, so that nothing in it runs in a browser.
    pub async fn sign_link(&self, media: &MediaRef) -> Result<SignedUrl, Error> {
        let signed = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(Media::object_key(media.id))
            .response_content_type(media.content_type.name())
            .response_content_disposition(format!("attachment; filename=\"{}\"", media.id))
            .response_cache_control("no-store")
            .presigned(expires_in(LINK_SECONDS)?)
            .await
            .map_err(|error| fault("GetObject", &error))?;
        Ok(SignedUrl(signed.uri().to_owned()))
    }

    /// Reads an uploaded object whole, if it is not larger than anything that is taken.
    pub async fn read(&self, id: MediaId) -> Result<Uploaded, Error> {
        let object = match self.client.get_object().bucket(&self.bucket).key(Media::object_key(id)).send().await {
            Ok(object) => object,
            Err(error) if matches!(error.as_service_error(), Some(GetObjectError::NoSuchKey(_))) => {
                return Ok(Uploaded::Missing);
            }
            Err(error) => return Err(fault("GetObject", &error)),
        };
        let size = object.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or(u64::MAX);
        if size > MAX_IMAGE_BYTES {
            return Ok(Uploaded::TooLarge(size));
        }
        let bytes = object.body.collect().await.map_err(|_| Error::Busy { retry_after_seconds: 1 })?;
        Ok(Uploaded::Bytes(bytes.to_vec()))
    }
}

fn headers(signed: &PresignedRequest) -> BTreeMap<String, String> {
    signed
        .headers()
        // Every client sets this one by itself.
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect()
}

fn expires_in(seconds: u64) -> Result<PresigningConfig, Error> {
    PresigningConfig::expires_in(Duration::from_secs(seconds)).map_err(|error| Error::Internal(error.to_string()))
}

fn fault<E, R>(operation: &str, error: &SdkError<E, R>) -> Error {
    match error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            Error::Busy { retry_after_seconds: 1 }
        }
        _ => Error::Internal(format!("S3 {operation} failed: {error}")),
    }
}
