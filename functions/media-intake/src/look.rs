//! What an upload is, read from its bytes.

use pingan_cloud::media::Uploaded;
use pingan_domain::{
    error::Error,
    hash::{Digest, FileHash},
    media::Found,
};
use pingan_inspect::{Edits, VideoLook};

/// Reads an upload whole. Its size was compared with what was announced, which is limited.
pub(crate) async fn whole(upload: &mut Uploaded) -> Result<Vec<u8>, Error> {
    let size = usize::try_from(upload.size_bytes).map_err(|error| Error::Internal(error.to_string()))?;
    let mut bytes = Vec::with_capacity(size);
    while let Some(piece) = upload.next().await? {
        bytes.extend_from_slice(piece.as_ref());
    }
    Ok(bytes)
}

/// What a file says of itself.
pub(crate) fn found(bytes: &[u8]) -> Found {
    Found { size_bytes: bytes.len() as u64, sha256: Digest::of_file(bytes), seen: pingan_inspect::look(bytes) }
}

/// What a video says of itself while it flows by, and what must change in a copy of it.
pub(crate) async fn flowing(upload: &mut Uploaded) -> Result<(Found, Edits), Error> {
    let (mut look, mut hash, mut size_bytes) = (VideoLook::new(), FileHash::new(), 0);
    while let Some(piece) = upload.next().await? {
        let piece = piece.as_ref();
        hash.update(piece);
        look.push(piece);
        size_bytes += piece.len() as u64;
    }
    let (seen, edits) = look.finish();
    Ok((Found { size_bytes, sha256: hash.finish(), seen }, edits))
}
