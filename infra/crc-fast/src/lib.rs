//! Stands in for the crate of this name in everything that is built here (`[patch.crates-io]` in the
//! workspace's `Cargo.toml`): the three checksums that S3 knows, each by a library that has its table alone.
//!
//! The original finds its algorithm when it runs, so that the tables of all thirty and more are in every
//! program that speaks with S3. `docs/decisions/0002-checksums.md` says more.
//!
//! Only what the AWS SDK and the stand-in of S3 call is here. Should a new version of theirs call more, it
//! does not compile.

use std::fmt;

/// The checksums that S3 knows.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html>
#[derive(Debug, Clone, Copy)]
pub enum CrcAlgorithm {
    /// CRC-32C, as in iSCSI.
    Crc32Iscsi,
    /// CRC-32, as in zip and gzip.
    Crc32IsoHdlc,
    /// CRC-64, as in NVM Express.
    Crc64Nvme,
}

/// A checksum of bytes that come in parts.
pub struct Digest(State);

enum State {
    Crc32Iscsi(u32),
    Crc32IsoHdlc(crc32fast::Hasher),
    Crc64Nvme(crc::Digest<'static, u64>),
}

static CRC_64_NVME: crc::Crc<u64> = crc::Crc::<u64>::new(&crc::CRC_64_NVME);

impl Digest {
    /// Of no bytes yet.
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        Self(match algorithm {
            CrcAlgorithm::Crc32Iscsi => State::Crc32Iscsi(0),
            CrcAlgorithm::Crc32IsoHdlc => State::Crc32IsoHdlc(crc32fast::Hasher::new()),
            CrcAlgorithm::Crc64Nvme => State::Crc64Nvme(CRC_64_NVME.digest()),
        })
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Crc32Iscsi(sum) => *sum = crc32c::crc32c_append(*sum, bytes),
            State::Crc32IsoHdlc(hasher) => hasher.update(bytes),
            State::Crc64Nvme(digest) => digest.update(bytes),
        }
    }

    /// The checksum of all bytes so far, in the lower bits.
    pub fn finalize(&self) -> u64 {
        match &self.0 {
            State::Crc32Iscsi(sum) => (*sum).into(),
            State::Crc32IsoHdlc(hasher) => hasher.clone().finalize().into(),
            State::Crc64Nvme(digest) => digest.clone().finalize(),
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({:#x})", self.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::{CrcAlgorithm, Digest};

    /// The check values of the catalogue of CRC algorithms: the sums of "123456789".
    ///
    /// <https://reveng.sourceforge.io/crc-catalogue/all.htm>
    const CHECKS: [(CrcAlgorithm, u64); 3] = [
        (CrcAlgorithm::Crc32Iscsi, 0xe306_9283),
        (CrcAlgorithm::Crc32IsoHdlc, 0xcbf4_3926),
        (CrcAlgorithm::Crc64Nvme, 0xae8b_1486_0a79_9888),
    ];

    fn checksum(algorithm: CrcAlgorithm, bytes: &[u8]) -> u64 {
        let mut digest = Digest::new(algorithm);
        digest.update(bytes);
        digest.finalize()
    }

    #[test]
    fn each_checksum_is_the_one_of_its_name() {
        for (algorithm, check) in CHECKS {
            assert_eq!(checksum(algorithm, b"123456789"), check, "{algorithm:?}");
            assert_eq!(checksum(algorithm, b""), 0, "{algorithm:?}");
        }
    }

    /// Where bytes are cut decides nothing, neither in the first blocks nor beyond what is taken at once.
    #[test]
    fn parts_make_the_sum_of_the_whole() {
        let bytes: Vec<u8> =
            (0..5_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for (algorithm, _) in CHECKS {
            let whole = checksum(algorithm, &bytes);
            for cut in (0..300).chain([1_023, 1_024, 4_097, bytes.len()]) {
                let (first, rest) = bytes.split_at(cut);
                let mut digest = Digest::new(algorithm);
                digest.update(first);
                assert_eq!(digest.finalize(), checksum(algorithm, first), "{algorithm:?} up to {cut}");
                digest.update(rest);
                assert_eq!(digest.finalize(), whole, "{algorithm:?} cut at {cut}");
            }
        }
    }
}
