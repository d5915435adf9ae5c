//! The objects of a medium: what the intake reads and writes of them, and what erasing deletes.

use aws_sdk_s3::{
    error::ProvideErrorMetadata as _,
    operation::get_object::GetObjectOutput,
    primitives::{ByteStream, SdkBody},
    types::{ChecksumAlgorithm, CompletedPart, Delete, MetadataDirective, ObjectIdentifier, TaggingDirective},
};
use pingan_domain::{
    error::Error,
    hash::Digest,
    media::{CopyOf, Media, MediaId},
    named::Named as _,
};

use super::{MediaStore, PASSING, length};
use crate::fault::fault;

/// The size of each part of a copy that is written while the original is read, in bytes: what
/// is held in memory of it.
const COPY_PART_BYTES: usize = 8 * 1024 * 1024;
/// The most originals that one medium can have left behind: one, and those of races.
const MAX_ORIGINALS: i32 = 100;

/// An uploaded object that is being read.
#[derive(Debug)]
pub struct Uploaded {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// What S3 calls this very content.
    pub etag: Option<String>,
    body: ByteStream,
}

impl Uploaded {
    fn new(object: GetObjectOutput) -> Self {
        let size_bytes = object.content_length.and_then(|size| u64::try_from(size).ok()).unwrap_or(u64::MAX);
        Self { size_bytes, etag: object.e_tag, body: object.body }
    }

    /// The next piece of it, as it came; none at its end.
    pub async fn next(&mut self) -> Result<Option<impl AsRef<[u8]> + use<>>, Error> {
        self.body.next().await.transpose().map_err(|_| Error::Busy { retry_after_seconds: 1 })
    }
}

impl MediaStore {
    /// Whether the upload of a medium stands in the bucket. It is looked for in the list of
    /// names, because whoever may ask for an object's head may also read the object.
    pub async fn has_upload(&self, id: MediaId) -> Result<bool, Error> {
        let key = Media::upload_key(id);
        let listed = self.client.list_objects_v2().bucket(&self.bucket).prefix(&key).max_keys(1).send().await;
        let listed = listed.map_err(|error| fault("S3 ListObjectsV2", &error, &PASSING))?;
        Ok(listed.contents().iter().any(|object| object.key() == Some(&key)))
    }

    /// Reads the upload of a medium from its beginning; none when there is none. With `etag`
    /// it must still be that very content.
    pub async fn read_upload(&self, id: MediaId, etag: Option<&str>) -> Result<Option<Uploaded>, Error> {
        let asked = self.client.get_object().bucket(&self.bucket).key(Media::upload_key(id));
        match asked.set_if_match(etag.map(ToOwned::to_owned)).send().await {
            Ok(object) => Ok(Some(Uploaded::new(object))),
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "PreconditionFailed")) => Ok(None),
            Err(error) => Err(fault("S3 GetObject", &error, &PASSING)),
        }
    }

    /// The value of a tag of the upload; none when the upload or the tag is not there.
    pub async fn tag_of_upload(&self, id: MediaId, name: &str) -> Result<Option<String>, Error> {
        match self.client.get_object_tagging().bucket(&self.bucket).key(Media::upload_key(id)).send().await {
            Ok(tags) => Ok(tags.tag_set.into_iter().find(|tag| tag.key == name).map(|tag| tag.value)),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(None),
            Err(error) => Err(fault("S3 GetObjectTagging", &error, &PASSING)),
        }
    }

    /// Keeps the upload under its hash, as it is. Says whether it was still that content.
    pub async fn seal(&self, id: MediaId, sha256: Digest, etag: Option<&str>) -> Result<bool, Error> {
        let copied = self
            .client
            .copy_object()
            .bucket(&self.bucket)
            .key(Media::original_key(id, sha256))
            .copy_source(format!("{}/{}", self.bucket, Media::upload_key(id)))
            .set_copy_source_if_match(etag.map(ToOwned::to_owned))
            // Its type is in the record; neither what the phone said nor the scanner's tag goes along.
            .metadata_directive(MetadataDirective::Replace)
            .tagging_directive(TaggingDirective::Replace)
            .content_type("application/octet-stream")
            .send()
            .await;
        match copied {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "PreconditionFailed")) => Ok(false),
            Err(error) => Err(fault("S3 CopyObject", &error, &PASSING)),
        }
    }

    /// Writes a copy that is in memory.
    pub async fn put_copy(&self, key: String, of: CopyOf, bytes: Vec<u8>) -> Result<(), Error> {
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .content_type(of.content_type.name())
            .content_length(length(of.size_bytes)?)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| fault("S3 PutObject", &error, &PASSING))?;
        Ok(())
    }

    /// Writes a copy while the original is read: `edit` changes each piece in its place. Holds
    /// no more than one part in memory.
    pub async fn put_edited(
        &self,
        key: String,
        of: CopyOf,
        mut original: Uploaded,
        edit: impl Fn(u64, &mut [u8]),
    ) -> Result<(), Error> {
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(&key)
            .content_type(of.content_type.name())
            // The SDK sends it with each part, and S3 wants to have been told.
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await
            .map_err(|error| fault("S3 CreateMultipartUpload", &error, &PASSING))?;
        let upload = begun.upload_id.ok_or_else(|| Error::Internal("an upload without a name".to_owned()))?;
        let written = self.write_parts(&key, &upload, &mut original, edit).await;
        let done = match written {
            Ok(parts) => {
                let completed = self.put_together(&key, &upload, parts).await;
                completed.map(drop).map_err(|error| fault("S3 CompleteMultipartUpload", &error, &PASSING))
            }
            Err(error) => Err(error),
        };
        if done.is_err() {
            // The first fault is what counts; what stays of the upload goes after a day.
            let _ = self.abort_parts(&key, &upload).await;
        }
        done
    }

    async fn write_parts(
        &self,
        key: &str,
        upload: &str,
        original: &mut Uploaded,
        edit: impl Fn(u64, &mut [u8]),
    ) -> Result<Vec<CompletedPart>, Error> {
        let mut parts = Vec::new();
        let mut offset = 0_u64;
        let mut part = Vec::with_capacity(COPY_PART_BYTES);
        loop {
            let piece = original.next().await?;
            let ended = piece.is_none();
            if let Some(piece) = piece {
                let begin = part.len();
                part.extend_from_slice(piece.as_ref());
                let piece = part.get_mut(begin..).unwrap_or_default();
                edit(offset, piece);
                offset += piece.len() as u64;
            }
            while part.len() >= COPY_PART_BYTES || (ended && !part.is_empty()) {
                let rest = part.split_off(part.len().min(COPY_PART_BYTES));
                let full = std::mem::replace(&mut part, rest);
                parts.push(self.write_part(key, upload, parts.len() + 1, full).await?);
            }
            if ended {
                return Ok(parts);
            }
        }
    }

    async fn write_part(&self, key: &str, upload: &str, number: usize, bytes: Vec<u8>) -> Result<CompletedPart, Error> {
        let number = i32::try_from(number).map_err(|error| Error::Internal(error.to_string()))?;
        let written = self
            .client
            .upload_part()
            .bucket(&self.bucket)
            .key(key)
            .upload_id(upload)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::new(SdkBody::from(bytes)))
            .send()
            .await
            .map_err(|error| fault("S3 UploadPart", &error, &PASSING))?;
        let part = CompletedPart::builder().part_number(number).set_e_tag(written.e_tag);
        Ok(part.set_checksum_crc32(written.checksum_crc32).build())
    }

    /// Deletes the upload of a medium, whether it is there or not.
    pub async fn delete_upload(&self, id: MediaId) -> Result<(), Error> {
        let deleted = self.client.delete_object().bucket(&self.bucket).key(Media::upload_key(id)).send().await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(()),
            Err(error) => Err(fault("S3 DeleteObject", &error, &PASSING)),
        }
    }

    /// Deletes every object of a medium: upload, original and copies. Doing it again does
    /// nothing more.
    pub async fn erase(&self, id: MediaId) -> Result<(), Error> {
        let originals = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .prefix(Media::originals_prefix(id))
            .max_keys(MAX_ORIGINALS)
            .send()
            .await
            .map_err(|error| fault("S3 ListObjectsV2", &error, &PASSING))?;
        let mut keys = vec![Media::upload_key(id), Media::working_key(id), Media::thumbnail_key(id)];
        keys.extend(originals.contents.unwrap_or_default().into_iter().filter_map(|object| object.key));
        let objects = keys
            .into_iter()
            .map(|key| ObjectIdentifier::builder().key(key).build())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::Internal(error.to_string()))?;
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete = delete.map_err(|error| Error::Internal(error.to_string()))?;
        let deleted = self.client.delete_objects().bucket(&self.bucket).delete(delete).send().await;
        let deleted = deleted.map_err(|error| fault("S3 DeleteObjects", &error, &PASSING))?;
        // Each object can fail alone, and what is still there is not erased.
        match deleted.errors.unwrap_or_default().first() {
            Some(failed) if failed.code() != Some("NoSuchKey") => {
                Err(Error::Internal(format!("S3 DeleteObjects left an object: {}", failed.code().unwrap_or_default())))
            }
            _ => Ok(()),
        }
    }
}
