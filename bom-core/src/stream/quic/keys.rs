//! The keys of the client's Initial packets (RFC 9001 §5; labels and salt of version 2: RFC 9369 §3.3).

use aes_gcm::{
    AeadInOut, Aes128Gcm, Key, KeyInit, Nonce, Tag,
    aead::inout::InOutBuf,
    aes::{Aes128, cipher::BlockCipherEncrypt},
};
use hkdf::Hkdf;
use sha2::Sha256;

use super::{
    super::Held,
    packet::{Initial, Version},
};

const SALT_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];
const SALT_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,
    0xbd, 0x2e, 0xd9,
];
/// Bytes of the authentication tag at the end of a packet.
const TAG: usize = 16;
/// Where the sample for header protection begins, counted from the packet number (RFC 9001 §5.4.2).
const SAMPLE: usize = 4;

/// What opens the packets of one client.
pub(super) struct Keys {
    header: Aes128,
    payload: Aes128Gcm,
    nonce: [u8; 12],
}

/// An opened packet.
pub(super) struct Opened {
    pub(super) number: u64,
    pub(super) frames: Held,
}

impl Keys {
    /// The keys for the destination that the client's first packet names.
    pub(super) fn of(version: Version, destination: &[u8]) -> Option<Self> {
        let (salt, labels) = match version {
            Version::V1 => (&SALT_1, ["quic key", "quic iv", "quic hp"]),
            Version::V2 => (&SALT_2, ["quicv2 key", "quicv2 iv", "quicv2 hp"]),
        };
        let mut secret = [0; 32];
        expand(&Hkdf::new(Some(salt), destination), "client in", &mut secret)?;
        let client = Hkdf::from_prk(&secret).ok()?;
        let (mut key, mut nonce, mut header) = ([0; 16], [0; 12], [0; 16]);
        expand(&client, labels[0], &mut key)?;
        expand(&client, labels[1], &mut nonce)?;
        expand(&client, labels[2], &mut header)?;
        Some(Self {
            header: Aes128::new(&Key::<Aes128>::from(header)),
            payload: Aes128Gcm::new(&Key::<Aes128Gcm>::from(key)),
            nonce,
        })
    }

    /// Removes header protection and opens the packet. `largest` is the largest packet number opened
    /// so far. `None` if it does not authenticate.
    pub(super) fn open(&self, packet: &Initial<'_>, largest: Option<u64>) -> Option<Opened> {
        let sample_at = packet.number_at.checked_add(SAMPLE)?;
        let sample = packet.bytes.get(sample_at..)?.first_chunk::<16>()?;
        let mut mask = (*sample).into();
        self.header.encrypt_block(&mut mask);
        // The lower four bits of the first byte, and the packet number (RFC 9001 §5.4.1).
        let first = packet.bytes.first()? ^ (mask[0] & 0x0f);
        let number_length = usize::from(first & 3) + 1;
        let body_at = packet.number_at.checked_add(number_length)?;
        let mut header = packet.bytes.get(..body_at)?.to_vec();
        *header.first_mut()? = first;
        let mut truncated = 0;
        for (byte, mask) in header.get_mut(packet.number_at..)?.iter_mut().zip(mask.iter().skip(1)) {
            *byte ^= mask;
            truncated = truncated << 8 | u64::from(*byte);
        }
        let number = full_number(truncated, number_length, largest);
        let mut nonce = self.nonce;
        for (byte, number) in nonce.iter_mut().skip(4).zip(number.to_be_bytes()) {
            *byte ^= number;
        }
        let body = packet.bytes.get(body_at..)?;
        let (sealed, tag) = body.split_at_checked(body.len().checked_sub(TAG)?)?;
        let tag = Tag::from(*tag.first_chunk::<TAG>()?);
        let mut frames = Held::from(sealed.to_vec());
        let buffer = InOutBuf::from(frames.bytes_mut());
        self.payload.decrypt_inout_detached(&Nonce::from(nonce), &header, buffer, &tag).ok()?;
        Some(Opened { number, frames })
    }
}

/// HKDF-Expand-Label of TLS 1.3 with an empty context (RFC 8446 §7.1).
fn expand(from: &Hkdf<Sha256>, label: &str, to: &mut [u8]) -> Option<()> {
    let length = u16::try_from(to.len()).ok()?.to_be_bytes();
    let label_length = u8::try_from(label.len() + "tls13 ".len()).ok()?;
    from.expand_multi_info(&[&length, &[label_length], b"tls13 ", label.as_bytes(), &[0]], to).ok()
}

/// The packet number whose lower bytes are `truncated` and that is nearest to what is expected next
/// (RFC 9000 appendix A.3).
fn full_number(truncated: u64, length: usize, largest: Option<u64>) -> u64 {
    let expected = largest.map_or(0, |largest| largest.saturating_add(1));
    let window = 1_u64 << (8 * length);
    let half = window / 2;
    let candidate = expected & !(window - 1) | truncated;
    if candidate.saturating_add(half) <= expected && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected.saturating_add(half) && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::full_number;

    #[test]
    fn completes_packet_numbers() {
        for (truncated, length, largest, expected) in [
            (0, 1, None, 0),
            (2, 4, None, 2),
            // RFC 9000 appendix A.3.
            (0x9b32, 2, Some(0xa82f_30ea), 0xa82f_9b32),
            (0x01, 1, Some(0xff), 0x101),
            (0xfe, 1, Some(0x101), 0xfe),
        ] {
            assert_eq!(full_number(truncated, length, largest), expected, "{truncated:#x} after {largest:?}");
        }
    }
}
