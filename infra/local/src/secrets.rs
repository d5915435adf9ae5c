//! The secrets of this machine's bundle: made at the first start, kept in a file that
//! only its owner can read.

use std::{io, path::Path};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use crate::files;

/// The secrets.
#[expect(clippy::struct_field_names, reason = "these are the names that their users have for them")]
#[derive(Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// The access key of the stand-ins.
    pub(crate) access_key: String,
    /// Its secret: with it, links to media can be signed.
    pub(crate) secret_key: String,
    /// What signs the cursors of lists.
    pub(crate) cursor_key: String,
    /// What hashes phone numbers and invitations; a folder of an older bundle gets one.
    #[serde(default)]
    pub(crate) hash_key: String,
}

impl Secrets {
    /// Reads the file, or makes it.
    pub(crate) fn open(file: &Path) -> io::Result<Self> {
        let mut secrets = match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self { access_key: random()?, secret_key: random()?, cursor_key: random()?, hash_key: String::new() }
            }
            Err(error) => return Err(error),
        };
        if secrets.hash_key.is_empty() {
            secrets.hash_key = random()?;
            files::replace(file, &serde_json::to_vec(&secrets).map_err(io::Error::other)?)?;
        }
        Ok(secrets)
    }
}

fn random() -> io::Result<String> {
    let mut bytes = [0; 20];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(HEXLOWER.encode(&bytes))
}
