//! The secrets that webhooks are signed with, and the signatures, by Standard Webhooks
//! (<https://www.standardwebhooks.com>).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pingan_domain::{Timestamp, error::Error};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What a secret begins with where people see it.
const PREFIX: &str = "whsec_";
/// How long a new secret is, in bytes.
const SECRET_BYTES: usize = 32;
/// How short and how long a secret may be, in bytes, by the specification.
const SECRET_LENGTHS_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that a webhook is signed with.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A new secret.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = Zeroizing::new(vec![0; SECRET_BYTES]);
        getrandom::fill(&mut bytes).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Self(bytes))
    }

    /// The secret of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        if SECRET_LENGTHS_BYTES.contains(&bytes.len()) {
            Ok(Self(Zeroizing::new(bytes.to_vec())))
        } else {
            Err(Error::Internal("a webhook's secret has the wrong length".to_owned()))
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret as people are shown it: `whsec_` and base64.
    pub fn text(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&*self.0))
    }

    /// The signature of a message: HMAC-SHA-256 over its id, its moment and its body.
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        // HMAC takes a key of any length, so that this cannot fail.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{}.", at.as_second()).as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the libraries of the specification are tested with.
    const SPECIFIED: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn secret() -> Secret {
        Secret::from_bytes(&STANDARD.decode(SPECIFIED).unwrap()).unwrap()
    }

    #[test]
    fn signatures_are_those_of_the_specification() {
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let signature = secret().sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_eq!(secret().text(), format!("whsec_{SPECIFIED}"));
    }

    #[test]
    fn secrets_are_long_enough_and_never_shown_by_accident() {
        let (one, two) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_ne!(one.bytes(), two.bytes());
        let text = one.text();
        let bytes = STANDARD.decode(text.strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(bytes, one.bytes());
        assert_eq!(format!("{one:?}"), "Secret(…)");
        for (length, good) in [(0, false), (23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(Secret::from_bytes(&vec![1; length]).is_ok(), good, "{length}");
        }
    }
}
