//! Envelope encryption of identities, of the bank's files and of the secrets of webhooks, and keyed hashes of what must
//! be found without being kept.
//!
//! Each of them has a data key of its own, which encrypts one message only. The data key is
//! wrapped by a master key: in the cloud by KMS, which never gives its key out and writes
//! down each use; on one machine by a key in a file. Both bind what they wrap to its owner, a
//! member, a batch or a webhook, by the encryption context, and the message is bound to the owner once
//! more, so that a ciphertext that was moved to another owner does not open.

use std::{fs, io, io::Write as _, path::Path};

use aes_gcm::{
    Aes256Gcm, KeyInit as _, Nonce,
    aead::{Aead as _, Payload},
};
use aws_sdk_kms::{Client, primitives::Blob, types::DataKeySpec};
use hmac::{Hmac, Mac as _};
use pingan_domain::{error::Error, hash::Digest, member::MemberId, payout_transfer::BatchId, webhook::WebhookId};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{fault::fault, late::Late};

/// The version of the format, the first byte of everything that is sealed.
const FORMAT: u8 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
/// The longest wrapped key that is read: KMS makes fewer than 200 bytes.
const MAX_WRAPPED_BYTES: usize = 1_024;
/// Codes of KMS after which the same request may well succeed a moment later.
const PASSING: [&str; 5] = [
    "ThrottlingException",
    "DependencyTimeoutException",
    "KMSInternalException",
    "KeyUnavailableException",
    "ServiceUnavailable",
];

/// What seals and opens identities and secrets.
#[derive(Clone)]
pub enum Sealer {
    /// By a key of KMS.
    Kms {
        /// KMS.
        client: Late<Client>,
        /// The key's id or ARN.
        key_id: String,
    },
    /// By a key in a file of this machine.
    KeyFile(Zeroizing<[u8; KEY_BYTES]>),
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Kms { .. } => "Sealer::Kms(…)",
            Self::KeyFile(_) => "Sealer::KeyFile(…)",
        })
    }
}

/// Whose a sealed thing is, and what it is.
struct Owner<'a> {
    /// What it is: the `purpose` of the encryption context.
    purpose: &'static str,
    /// What its data key is called.
    data_key: &'static str,
    /// What its owner is, in the encryption context.
    kind: &'static str,
    /// Who the owner is.
    id: std::borrow::Cow<'a, str>,
}

impl<'a> Owner<'a> {
    fn member(member: &'a MemberId) -> Self {
        Self { purpose: "identity", data_key: "data key", kind: "member", id: member.as_str().into() }
    }

    fn webhook(webhook: &WebhookId) -> Self {
        Self { purpose: "webhook", data_key: "data key of webhook", kind: "webhook", id: webhook.to_string().into() }
    }

    fn transfers(batch: BatchId) -> Self {
        Self { purpose: "transfers", data_key: "data key of transfers", kind: "batch", id: batch.to_string().into() }
    }

    /// What a ciphertext is bound to: what it is for, and whose it is.
    fn bound_to(&self, what: &str) -> Vec<u8> {
        format!("pingan/{FORMAT}/{what}/{}", self.id).into_bytes()
    }
}

impl Sealer {
    /// Seals by this key of KMS.
    pub fn kms(client: impl Into<Late<Client>>, key_id: String) -> Self {
        Self::Kms { client: client.into(), key_id }
    }

    /// Seals by the key in this file, which is made when it is not there. A file that others
    /// than its owner may read is refused, and so is one that holds no key.
    pub fn key_file(path: &Path) -> io::Result<Self> {
        let bytes = match fs::read(path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = random::<KEY_BYTES>().map_err(io::Error::other)?;
                let mut options = fs::OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let mut file = options.open(path)?;
                file.write_all(&*key)?;
                file.sync_all()?;
                return Ok(Self::KeyFile(key));
            }
            Err(error) => return Err(error),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
                let told = format!("{} can be read by others than its owner; chmod 600 it", path.display());
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, told));
            }
        }
        let key: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidData, format!("{} holds no key of {KEY_BYTES} bytes", path.display()))
        })?;
        Ok(Self::KeyFile(Zeroizing::new(key)))
    }

    /// Seals who a member is, for this member.
    pub async fn seal(&self, member: &MemberId, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal_for(&Owner::member(member), plain).await
    }

    /// Opens what was sealed for this member.
    pub async fn open(&self, member: &MemberId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.open_for(&Owner::member(member), sealed).await
    }

    /// Seals a secret of a webhook, for this webhook.
    pub async fn seal_secret(&self, webhook: &WebhookId, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal_for(&Owner::webhook(webhook), plain).await
    }

    /// Opens a secret that was sealed for this webhook.
    pub async fn open_secret(&self, webhook: &WebhookId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.open_for(&Owner::webhook(webhook), sealed).await
    }

    /// Seals the file of a batch for the bank, for this batch.
    pub async fn seal_transfers(&self, batch: BatchId, plain: &[u8]) -> Result<Vec<u8>, Error> {
        self.seal_for(&Owner::transfers(batch), plain).await
    }

    /// Opens a file that was sealed for this batch.
    pub async fn open_transfers(&self, batch: BatchId, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        self.open_for(&Owner::transfers(batch), sealed).await
    }

    /// Seals `plain` for this owner: the format, the wrapped key with its length, the nonce, the
    /// ciphertext.
    async fn seal_for(&self, owner: &Owner<'_>, plain: &[u8]) -> Result<Vec<u8>, Error> {
        let (key, wrapped) = self.data_key(owner).await?;
        let length = u16::try_from(wrapped.len()).map_err(|_| broken("its wrapped key is too long"))?;
        let nonce = random::<NONCE_BYTES>().map_err(|error| Error::Internal(error.to_string()))?;
        let ciphertext = encrypt(&key, &nonce, plain, &owner.bound_to(owner.purpose))?;
        let mut sealed = vec![FORMAT];
        sealed.extend_from_slice(&length.to_be_bytes());
        sealed.extend_from_slice(&wrapped);
        sealed.extend_from_slice(&*nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    async fn open_for(&self, owner: &Owner<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        let short = || broken("it is too short");
        let (&[format, high, low], rest) = sealed.split_first_chunk::<3>().ok_or_else(short)?;
        if format != FORMAT {
            return Err(broken("its format is unknown"));
        }
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length > MAX_WRAPPED_BYTES {
            return Err(broken("its wrapped key is too long"));
        }
        let (wrapped, rest) = rest.split_at_checked(length).ok_or_else(short)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(short)?;
        let key = self.unwrap(owner, wrapped).await?;
        decrypt(&key, nonce, ciphertext, &owner.bound_to(owner.purpose))
    }

    async fn data_key(&self, owner: &Owner<'_>) -> Result<(Zeroizing<[u8; KEY_BYTES]>, Vec<u8>), Error> {
        match self {
            Self::Kms { client, key_id } => {
                let answer = client
                    .generate_data_key()
                    .key_id(key_id)
                    .key_spec(DataKeySpec::Aes256)
                    .encryption_context("purpose", owner.purpose)
                    .encryption_context(owner.kind, owner.id.as_ref())
                    .send()
                    .await
                    .map_err(|error| fault("GenerateDataKey", &error, &PASSING))?;
                let plain = answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner()));
                let wrapped = answer.ciphertext_blob.map(Blob::into_inner);
                let (Some(plain), Some(wrapped)) = (plain, wrapped) else {
                    return Err(Error::Internal("GenerateDataKey gave no key".to_owned()));
                };
                Ok((exactly(&plain)?, wrapped))
            }
            Self::KeyFile(master) => {
                let key = random::<KEY_BYTES>().map_err(|error| Error::Internal(error.to_string()))?;
                let nonce = random::<NONCE_BYTES>().map_err(|error| Error::Internal(error.to_string()))?;
                let mut wrapped = nonce.to_vec();
                wrapped.extend(encrypt(master, &nonce, &*key, &owner.bound_to(owner.data_key))?);
                Ok((key, wrapped))
            }
        }
    }

    async fn unwrap(&self, owner: &Owner<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, Error> {
        match self {
            Self::Kms { client, key_id } => {
                let answer = client
                    .decrypt()
                    .key_id(key_id)
                    .ciphertext_blob(Blob::new(wrapped))
                    .encryption_context("purpose", owner.purpose)
                    .encryption_context(owner.kind, owner.id.as_ref())
                    .send()
                    .await
                    .map_err(|error| fault("Decrypt", &error, &PASSING))?;
                let plain = answer.plaintext.map(|blob| Zeroizing::new(blob.into_inner()));
                exactly(&plain.ok_or_else(|| Error::Internal("Decrypt gave no key".to_owned()))?)
            }
            Self::KeyFile(master) => {
                let (nonce, ciphertext) =
                    wrapped.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| broken("its wrapped key is too short"))?;
                exactly(&decrypt(master, nonce, ciphertext, &owner.bound_to(owner.data_key))?)
            }
        }
    }
}

/// The key of keyed hashes: of phone numbers, of invitations' codes. Without it a hash tells
/// nothing, though there are few enough phone numbers to try them all.
#[derive(Clone)]
pub struct KeyedHash(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for KeyedHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyedHash(…)")
    }
}

impl KeyedHash {
    /// A key of at least 32 bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Error> {
        let bytes = Zeroizing::new(bytes);
        if bytes.len() < KEY_BYTES {
            return Err(Error::Internal(format!("the key of hashes is shorter than {KEY_BYTES} bytes")));
        }
        Ok(Self(bytes))
    }

    /// The HMAC-SHA-256 of a text, for one purpose: another purpose gives another hash.
    pub fn of(&self, purpose: &str, text: &str) -> Digest {
        // HMAC takes a key of any length, so that this cannot fail.
        let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&self.0) else { return Digest::ZERO };
        mac.update(&(purpose.len() as u64).to_be_bytes());
        mac.update(purpose.as_bytes());
        mac.update(text.as_bytes());
        Digest::from_bytes(mac.finalize().into_bytes().into())
    }
}

fn encrypt(key: &[u8; KEY_BYTES], nonce: &[u8; NONCE_BYTES], msg: &[u8], aad: &[u8]) -> Result<Vec<u8>, Error> {
    let cipher = Aes256Gcm::new(key.into());
    cipher.encrypt(&Nonce::from(*nonce), Payload { msg, aad }).map_err(|_| broken("it cannot be encrypted"))
}

fn decrypt(
    key: &[u8; KEY_BYTES],
    nonce: &[u8; NONCE_BYTES],
    msg: &[u8],
    aad: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let cipher = Aes256Gcm::new(key.into());
    let plain = cipher.decrypt(&Nonce::from(*nonce), Payload { msg, aad });
    plain.map(Zeroizing::new).map_err(|_| broken("it was altered, or sealed for somebody else"))
}

fn exactly(bytes: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, Error> {
    bytes.try_into().map(Zeroizing::new).map_err(|_| broken("its key has the wrong length"))
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes)?;
    Ok(bytes)
}

fn broken(why: &str) -> Error {
    Error::Internal(format!("what was sealed does not open: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str) -> MemberId {
        MemberId::parse(id).unwrap()
    }

    #[tokio::test]
    async fn what_is_sealed_opens_for_its_member_alone_and_unaltered() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = Sealer::key_file(&folder.path().join("identity.key")).unwrap();
        let (mine, yours) = (member("m-1"), member("m-2"));
        let sealed = sealer.seal(&mine, "王秀兰 +8613800138000".as_bytes()).await.unwrap();
        assert_eq!(sealer.open(&mine, &sealed).await.unwrap().as_slice(), "王秀兰 +8613800138000".as_bytes());
        assert!(!sealed.windows(6).any(|window| window == b"138001"), "nothing of it can be read");
        assert!(sealer.open(&yours, &sealed).await.is_err(), "it is bound to its member");
        assert_ne!(sealer.seal(&mine, b"x").await.unwrap(), sealer.seal(&mine, b"x").await.unwrap());
        for i in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[i] ^= 1;
            assert!(sealer.open(&mine, &altered).await.is_err(), "byte {i}");
            assert!(sealer.open(&mine, &sealed[..i]).await.is_err(), "cut at {i}");
        }
        let other = Sealer::key_file(&folder.path().join("other.key")).unwrap();
        assert!(other.open(&mine, &sealed).await.is_err(), "another machine's key opens nothing");
        let again = Sealer::key_file(&folder.path().join("identity.key")).unwrap();
        assert!(again.open(&mine, &sealed).await.is_ok(), "the key stays");
    }

    #[tokio::test]
    async fn a_secret_opens_for_its_webhook_alone() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = Sealer::key_file(&folder.path().join("webhook.key")).unwrap();
        let of = |agency: &str| WebhookId {
            district: "demo".parse().unwrap(),
            agency: pingan_domain::district::Label::parse(agency).unwrap(),
        };
        let sealed = sealer.seal_secret(&of("fire"), b"secret").await.unwrap();
        assert_eq!(sealer.open_secret(&of("fire"), &sealed).await.unwrap().as_slice(), b"secret");
        assert!(sealer.open_secret(&of("water"), &sealed).await.is_err());
        // Not even where the names are the same does one open as the other.
        let named = sealer.seal(&member("fire"), b"somebody").await.unwrap();
        assert!(sealer.open_secret(&of("fire"), &named).await.is_err());
        assert!(sealer.open(&member("fire"), &sealed).await.is_err());
    }

    #[tokio::test]
    async fn a_file_of_transfers_opens_for_its_batch_alone() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = Sealer::key_file(&folder.path().join("identity.key")).unwrap();
        let batch = |text: &[u8]| BatchId::from_digest(&Digest::of(&[text]));
        let (one, other) = (batch(b"one"), batch(b"other"));
        let sealed = sealer.seal_transfers(one, b"6222 0000").await.unwrap();
        assert_eq!(sealer.open_transfers(one, &sealed).await.unwrap().as_slice(), b"6222 0000");
        assert!(sealer.open_transfers(other, &sealed).await.is_err());
        assert!(sealer.open(&member(&one.to_string()), &sealed).await.is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identity.key");
        Sealer::key_file(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(Sealer::key_file(&path).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"short").unwrap();
        assert_eq!(Sealer::key_file(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn keyed_hashes_depend_on_key_purpose_and_text() {
        let hash = KeyedHash::new(vec![7; 32]).unwrap();
        assert_eq!(hash.of("phone", "+8613800138000"), hash.of("phone", "+8613800138000"));
        assert_ne!(hash.of("phone", "+8613800138000"), hash.of("phone", "+8613800138001"));
        assert_ne!(hash.of("phone", "x"), hash.of("invitation", "x"));
        assert_ne!(hash.of("phone", "x"), KeyedHash::new(vec![8; 32]).unwrap().of("phone", "x"));
        assert!(KeyedHash::new(vec![7; 31]).is_err());
        assert_eq!(format!("{hash:?}"), "KeyedHash(…)");
    }
}
