//! Media in S3. Phones and consoles talk to S3 directly, by requests that are signed here
//! for one object, one purpose and a short time.
//!
//! | to change … | go to |
//! |---|---|
//! | how phones upload, and how links are signed | this file |
//! | what the intake reads and writes, and what erasing deletes | [`objects`] |

mod objects;

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_s3::{
    Client,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::complete_multipart_upload::{CompleteMultipartUploadError, CompleteMultipartUploadOutput},
    presigning::{PresignedRequest, PresigningConfig},
    types::{CompletedMultipartUpload, CompletedPart},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use pingan_domain::{
    error::Error,
    media::{Announced, CopyOf, Media, MediaId},
    named::Named as _,
};

pub use self::objects::Uploaded;
use crate::{fault::fault, late::Late};

/// How long a phone has to start an upload, or one part of it.
pub const UPLOAD_SECONDS: u64 = 15 * 60;
/// How long a link to a medium can be opened.
pub const LINK_SECONDS: u64 = 5 * 60;
/// The faults of S3 that pass, by its own codes for them.
pub(crate) const PASSING: [&str; 8] = [
    "ConditionalRequestConflict",
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
];
/// The most pages of the parts that have arrived, of 1,000 each: as many as there can be.
const MAX_PART_PAGES: usize = 10;

/// The bucket of the media.
#[derive(Debug, Clone)]
pub struct MediaStore {
    client: Late<Client>,
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

/// A part of an upload that has arrived.
#[derive(Debug, Clone)]
pub struct ArrivedPart {
    /// Its number, from 1.
    pub number: u32,
    /// Its size in bytes.
    pub size_bytes: u64,
    etag: Option<String>,
}

impl MediaStore {
    /// The media in this bucket.
    pub fn new(client: impl Into<Late<Client>>, bucket: String) -> Self {
        Self { client: client.into(), bucket }
    }

    /// Signs the upload of exactly what was announced: size, type and SHA-256 are in the
    /// signature, so that S3 itself refuses anything else.
    pub async fn sign_upload(&self, id: MediaId, announced: &Announced) -> Result<Upload, Error> {
        let signed = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(Media::upload_key(id))
            .content_length(length(announced.size_bytes)?)
            .content_type(announced.content_type.name())
            .checksum_sha256(STANDARD.encode(announced.sha256.bytes()))
            .presigned(expires_in(UPLOAD_SECONDS)?)
            .await
            .map_err(|error| fault("S3 PutObject", &error, &PASSING))?;
        Ok(Upload::from(&signed))
    }

    /// Begins an upload in parts, and gives the name that S3 has for it.
    pub async fn begin_parts(&self, id: MediaId, announced: &Announced) -> Result<String, Error> {
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(Media::upload_key(id))
            .content_type(announced.content_type.name())
            .send()
            .await
            .map_err(|error| fault("S3 CreateMultipartUpload", &error, &PASSING))?;
        begun.upload_id.ok_or_else(|| Error::Internal("an upload without a name".to_owned()))
    }

    /// Signs one part. Its size is in the signature; the SHA-256 of the whole is checked by
    /// the intake.
    pub async fn sign_part(&self, id: MediaId, upload: &str, number: u32, size_bytes: u64) -> Result<Upload, Error> {
        let signed = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(Media::upload_key(id))
            .upload_id(upload)
            .part_number(part_number(number)?)
            .content_length(length(size_bytes)?)
            .presigned(expires_in(UPLOAD_SECONDS)?)
            .await
            .map_err(|error| fault("S3 UploadPart", &error, &PASSING))?;
        Ok(Upload::from(&signed))
    }

    /// Which parts have arrived; none when there is no such upload any more, because it was
    /// completed or given up.
    pub async fn arrived_parts(&self, id: MediaId, upload: &str) -> Result<Option<Vec<ArrivedPart>>, Error> {
        let mut arrived = Vec::new();
        let mut after = None;
        for _ in 0..MAX_PART_PAGES {
            let asked = self.client.list_parts().bucket(&self.bucket).key(Media::upload_key(id)).upload_id(upload);
            let page = match asked.set_part_number_marker(after).send().await {
                Ok(page) => page,
                Err(error) if error.code() == Some("NoSuchUpload") => return Ok(None),
                Err(error) => return Err(fault("S3 ListParts", &error, &PASSING)),
            };
            arrived.extend(page.parts.unwrap_or_default().into_iter().filter_map(|part| {
                Some(ArrivedPart {
                    number: part.part_number?.try_into().ok()?,
                    size_bytes: part.size?.try_into().ok()?,
                    etag: part.e_tag,
                })
            }));
            after = page.next_part_number_marker;
            if page.is_truncated != Some(true) {
                break;
            }
        }
        arrived.sort_by_key(|part| part.number);
        Ok(Some(arrived))
    }

    /// Puts the parts together. Says whether the upload was still there; S3 makes the object
    /// as a whole or not at all.
    pub async fn complete_parts(&self, id: MediaId, upload: &str, parts: &[ArrivedPart]) -> Result<bool, Error> {
        let parts = parts
            .iter()
            .map(|part| {
                let number = part_number(part.number)?;
                Ok(CompletedPart::builder().part_number(number).set_e_tag(part.etag.clone()).build())
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let completed = self.put_together(&Media::upload_key(id), upload, parts).await;
        match completed {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(false),
            // Somebody has sent a part once more since the list was read: read it again.
            Err(error) if error.code() == Some("InvalidPart") => Err(Error::Busy { retry_after_seconds: 1 }),
            Err(error) => Err(fault("S3 CompleteMultipartUpload", &error, &PASSING)),
        }
    }

    /// Puts the parts of an object together.
    async fn put_together(
        &self,
        key: &str,
        upload: &str,
        parts: Vec<CompletedPart>,
    ) -> Result<CompleteMultipartUploadOutput, SdkError<CompleteMultipartUploadError>> {
        self.client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(upload)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .send()
            .await
    }

    /// Gives an upload in parts up. What is not given up here, the bucket's lifecycle does
    /// after a day.
    pub async fn abort_parts(&self, key: &str, upload: &str) -> Result<(), Error> {
        let aborted = self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(upload);
        match aborted.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("NoSuchUpload") => Ok(()),
            Err(error) => Err(fault("S3 AbortMultipartUpload", &error, &PASSING)),
        }
    }

    /// Signs the reading of one object. It is answered as an attachment of this type, so that
    /// nothing in it runs in a browser; a part of it can be asked for by `Range`.
    pub async fn sign_link(&self, id: MediaId, key: String, of: CopyOf) -> Result<SignedUrl, Error> {
        let signed = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .key(key)
            .response_content_type(of.content_type.name())
            .response_content_disposition(format!("attachment; filename=\"{id}.{}\"", of.content_type.extension()))
            .response_cache_control("no-store")
            .presigned(expires_in(LINK_SECONDS)?)
            .await
            .map_err(|error| fault("S3 GetObject", &error, &PASSING))?;
        Ok(SignedUrl(signed.uri().to_owned()))
    }
}

impl From<&PresignedRequest> for Upload {
    fn from(signed: &PresignedRequest) -> Self {
        let headers = signed
            .headers()
            // Every client sets this one by itself.
            .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        Self { method: signed.method().to_owned(), url: signed.uri().to_owned(), headers }
    }
}

fn length(size_bytes: u64) -> Result<i64, Error> {
    i64::try_from(size_bytes).map_err(|error| Error::Internal(error.to_string()))
}

fn part_number(number: u32) -> Result<i32, Error> {
    i32::try_from(number).map_err(|error| Error::Internal(error.to_string()))
}

pub(crate) fn expires_in(seconds: u64) -> Result<PresigningConfig, Error> {
    PresigningConfig::expires_in(Duration::from_secs(seconds)).map_err(|error| Error::Internal(error.to_string()))
}
