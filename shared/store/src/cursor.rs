//! Cursors: where a list goes on, opaque and signed.
//!
//! A cursor holds the key of the last item of a page. It is signed together with the list
//! and the member that it was made for, so that it can neither be forged to read another
//! partition nor be used by somebody else.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pingan_domain::error::Error;
use sha2::Sha256;

use crate::item::Item;

/// The longest cursor that is looked at, in characters.
const MAX_CHARS: usize = 1_024;
const MAC_BYTES: usize = 32;

/// The secret that signs cursors. It may change at any time: lists then start again.
#[derive(Clone)]
pub struct CursorKey(Vec<u8>);

impl CursorKey {
    /// A key of at least 16 bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Error> {
        if bytes.len() < 16 {
            return Err(Error::Internal("the cursor key is shorter than 16 bytes".to_owned()));
        }
        Ok(Self(bytes))
    }

    /// No key: for a function that pages no list.
    pub fn unused() -> Self {
        Self(Vec::new())
    }

    /// The cursor after `last`, for this list only.
    pub(crate) fn seal(&self, list: &str, last: &Item) -> Result<String, Error> {
        let strings: BTreeMap<&str, &str> =
            last.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_s().ok()?.as_str()))).collect();
        let mut bytes = serde_json::to_vec(&strings).map_err(|error| Error::Internal(error.to_string()))?;
        let mac = self.mac(list, &bytes)?.finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The key after which the list goes on.
    pub(crate) fn open(&self, list: &str, cursor: &str) -> Result<Item, Error> {
        let refuse = || Error::field("cursor", "is not a cursor of this list; start again without one");
        if cursor.len() > MAX_CHARS {
            return Err(refuse());
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refuse())?;
        let split = bytes.len().checked_sub(MAC_BYTES).ok_or_else(refuse)?;
        let (payload, mac) = bytes.split_at(split);
        // `verify_slice` compares in constant time.
        self.mac(list, payload)?.verify_slice(mac).map_err(|_| refuse())?;
        let strings: BTreeMap<String, String> = serde_json::from_slice(payload).map_err(|_| refuse())?;
        Ok(strings.into_iter().map(|(name, value)| (name, AttributeValue::S(value))).collect())
    }

    fn mac(&self, list: &str, payload: &[u8]) -> Result<Hmac<Sha256>, Error> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).map_err(|error| Error::Internal(error.to_string()))?;
        mac.update(&(list.len() as u64).to_be_bytes());
        mac.update(list.as_bytes());
        mac.update(payload);
        Ok(mac)
    }
}

impl std::fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CursorKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_for_its_own_list_alone() {
        let key = CursorKey::new(vec![7; 32]).unwrap();
        let last: Item = [("pk".to_owned(), AttributeValue::S("REPORT#1".to_owned()))].into();
        let cursor = key.seal("mine", &last).unwrap();
        assert_eq!(key.open("mine", &cursor).unwrap(), last);
        assert!(key.open("yours", &cursor).is_err());
        assert!(CursorKey::new(vec![8; 32]).unwrap().open("mine", &cursor).is_err());
        for i in 0..cursor.len() {
            let mut forged = cursor.clone().into_bytes();
            forged[i] = if forged[i] == b'A' { b'B' } else { b'A' };
            assert!(key.open("mine", std::str::from_utf8(&forged).unwrap()).is_err());
        }
        for bad in ["", "x", "线索", &"A".repeat(5_000)] {
            assert!(key.open("mine", bad).is_err());
        }
    }
}
