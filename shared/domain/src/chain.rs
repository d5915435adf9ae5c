//! Events that form a chain by their hashes, whatever they are of.

use serde::Serialize;

use crate::{error::Error, event::BrokenChain, hash::Digest};

/// An event of a chain.
pub(crate) trait Linked: Clone + Serialize {
    /// What its hash is of, so that an event of another kind has another one.
    const KIND: &'static [u8];

    /// Its place, the hash of the event before, and its own.
    fn link(&self) -> (u64, Digest, Digest);

    /// It without its hash.
    fn bare(&self) -> Self;

    /// Its hash as it should be.
    fn computed_hash(&self) -> Result<Digest, Error> {
        let bytes = serde_json::to_vec(&self.bare()).map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Digest::of(&[Self::KIND, &bytes]))
    }
}

/// Checks a chain: every event in its place, unaltered, up to `head`.
pub(crate) fn verify_links<E: Linked>(events: &[E], head: Digest) -> Result<(), BrokenChain> {
    let mut last = Digest::ZERO;
    for (expected, event) in (1..).zip(events) {
        let (seq, previous, hash) = event.link();
        if seq != expected {
            return Err(BrokenChain::Gap { expected, found: seq });
        }
        if previous != last {
            return Err(BrokenChain::Unlinked(seq));
        }
        if event.computed_hash().ok() != Some(hash) {
            return Err(BrokenChain::Altered(seq));
        }
        last = hash;
    }
    if last == head { Ok(()) } else { Err(BrokenChain::Truncated) }
}
