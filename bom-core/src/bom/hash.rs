//! A digest whose text always fits its algorithm.

use super::terms::HashAlgorithm;

/// One entry of `hashes[]`: lower-case hexadecimal of the length the algorithm gives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash {
    algorithm: HashAlgorithm,
    hex: String,
}

/// Why a text is no digest of its algorithm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The number of digits is wrong.
    #[error("parse {algorithm} digest: {found} digits, expected {expected}")]
    Length {
        /// The algorithm that was named.
        algorithm: HashAlgorithm,
        /// Digits found.
        found: usize,
        /// Digits wanted.
        expected: usize,
    },
    /// A character is not a hexadecimal digit.
    #[error("parse {algorithm} digest at offset {offset}: not a hexadecimal digit")]
    NotHex {
        /// The algorithm that was named.
        algorithm: HashAlgorithm,
        /// Byte offset of the first wrong character.
        offset: usize,
    },
}

impl Hash {
    /// Reads a digest in either case.
    pub fn new(algorithm: HashAlgorithm, hex: &str) -> Result<Self, HashError> {
        if let Some(offset) = hex.bytes().position(|b| !b.is_ascii_hexdigit()) {
            return Err(HashError::NotHex { algorithm, offset });
        }
        let expected = digits(algorithm);
        if hex.len() != expected {
            return Err(HashError::Length { algorithm, found: hex.len(), expected });
        }
        Ok(Self { algorithm, hex: hex.to_ascii_lowercase() })
    }

    /// The digest that we compute by default.
    pub fn sha256(digest: &[u8; 32]) -> Self {
        Self { algorithm: HashAlgorithm::Sha256, hex: hex(digest) }
    }

    /// The digest of `--hash sha512`.
    pub fn sha512(digest: &[u8; 64]) -> Self {
        Self { algorithm: HashAlgorithm::Sha512, hex: hex(digest) }
    }

    /// The algorithm.
    pub fn algorithm(&self) -> HashAlgorithm {
        self.algorithm
    }

    /// The digest, lower-case hexadecimal.
    pub fn hex(&self) -> &str {
        &self.hex
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    text.extend(digits.filter_map(|digit| char::from_digit(digit.into(), 16)));
    text
}

/// BLAKE3 has an extendable output; the 256 bits everybody writes are the ones we take.
fn digits(algorithm: HashAlgorithm) -> usize {
    match algorithm {
        HashAlgorithm::Md5 => 32,
        HashAlgorithm::Sha1 => 40,
        HashAlgorithm::Sha256
        | HashAlgorithm::Sha3_256
        | HashAlgorithm::Blake2b256
        | HashAlgorithm::Blake3 => 64,
        HashAlgorithm::Sha384 | HashAlgorithm::Sha3_384 | HashAlgorithm::Blake2b384 => 96,
        HashAlgorithm::Sha512 | HashAlgorithm::Sha3_512 | HashAlgorithm::Blake2b512 => 128,
    }
}
