//! QUIC Initial packets as a client protects them (RFC 9000 §17.2.2, RFC 9001 §5, RFC 9369 §3), with
//! another implementation of the ciphers than the one that opens them.

use ring::{
    aead::{self, Aad, LessSafeKey, Nonce, UnboundKey, quic},
    hkdf,
};

use super::hex;

#[derive(Clone)]
pub(crate) struct Initial {
    version: u32,
    /// What the keys follow from.
    original: Vec<u8>,
    destination: Vec<u8>,
    source: Vec<u8>,
    token: Vec<u8>,
    number: u32,
    frames: Vec<u8>,
}

pub(crate) const V1: u32 = 1;
pub(crate) const V2: u32 = 1_798_521_807;

pub(crate) fn initial(version: u32, destination: &[u8]) -> Initial {
    Initial {
        version,
        original: destination.to_vec(),
        destination: destination.to_vec(),
        source: vec![],
        token: vec![],
        number: 0,
        frames: vec![],
    }
}

/// A piece of the handshake.
pub(crate) fn crypto(offset: usize, bytes: &[u8]) -> Vec<u8> {
    [&[6][..], &varint(offset), &varint(bytes.len()), bytes].concat()
}

/// As short as it can be.
pub(crate) fn varint(value: usize) -> Vec<u8> {
    match value {
        0..=63 => vec![u8::try_from(value).unwrap()],
        64..=16_383 => (u16::try_from(value).unwrap() | 0b01 << 14).to_be_bytes().to_vec(),
        _ => (u32::try_from(value).unwrap() | 0b10 << 30).to_be_bytes().to_vec(),
    }
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expand(secret: &hkdf::Prk, label: &str, length: usize) -> Vec<u8> {
    let full = format!("tls13 {label}");
    let info = [
        &u16::try_from(length).unwrap().to_be_bytes()[..],
        &[u8::try_from(full.len()).unwrap()],
        full.as_bytes(),
        &[0],
    ]
    .concat();
    let mut out = vec![0; length];
    secret.expand(&[&info], Length(length)).unwrap().fill(&mut out).unwrap();
    out
}

impl Initial {
    pub(crate) fn number(mut self, number: u32) -> Self {
        self.number = number;
        self
    }

    pub(crate) fn source(mut self, source: &[u8]) -> Self {
        self.source = source.to_vec();
        self
    }

    pub(crate) fn token(mut self, token: &[u8]) -> Self {
        self.token = token.to_vec();
        self
    }

    /// The server has answered: packets go to the number it chose, the keys stay.
    pub(crate) fn to(mut self, destination: &[u8]) -> Self {
        self.destination = destination.to_vec();
        self
    }

    pub(crate) fn frames(mut self, frames: &[u8]) -> Self {
        self.frames.extend(frames);
        self
    }

    /// Pads the packet to `size` bytes.
    pub(crate) fn padded(mut self, size: usize) -> Vec<u8> {
        let missing = size.saturating_sub(self.clone().packet().len());
        self.frames.extend(vec![0; missing]);
        self.packet()
    }

    /// The protected packet, with a packet number of four bytes.
    pub(crate) fn packet(self) -> Vec<u8> {
        let (salt, prefix, kind) = if self.version == V1 {
            ("38762cf7f55934b34d179ae6a4c80cadccbb7f0a", "quic", 0)
        } else {
            ("0dede3def700a6db819381be6e269dcbf9bd2ed9", "quicv2", 1)
        };
        let initial = hkdf::Salt::new(hkdf::HKDF_SHA256, &hex(salt)).extract(&self.original);
        let client = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, &expand(&initial, "client in", 32));
        let key = expand(&client, &format!("{prefix} key"), 16);
        let mut nonce: [u8; 12] = expand(&client, &format!("{prefix} iv"), 12).try_into().unwrap();
        let header_key = expand(&client, &format!("{prefix} hp"), 16);

        let mut header = vec![0b1100_0011 | kind << 4];
        header.extend(self.version.to_be_bytes());
        header.extend(super::behind8(&self.destination));
        header.extend(super::behind8(&self.source));
        header.extend(varint(self.token.len()));
        header.extend(&self.token);
        // Always in two bytes, so that padding does not change how long the header is.
        let length = u16::try_from(4 + self.frames.len() + 16).unwrap();
        header.extend((length | 0b01 << 14).to_be_bytes());
        let number_at = header.len();
        header.extend(self.number.to_be_bytes());

        for (byte, number) in nonce[8..].iter_mut().zip(self.number.to_be_bytes()) {
            *byte ^= number;
        }
        let key = LessSafeKey::new(UnboundKey::new(&aead::AES_128_GCM, &key).unwrap());
        let mut body = self.frames;
        let nonce = Nonce::assume_unique_for_key(nonce);
        key.seal_in_place_append_tag(nonce, Aad::from(&header), &mut body).unwrap();

        let mut packet = [header, body].concat();
        let protection = quic::HeaderProtectionKey::new(&quic::AES_128, &header_key).unwrap();
        let mask = protection.new_mask(&packet[number_at + 4..number_at + 20]).unwrap();
        packet[0] ^= mask[0] & 0x0f;
        for (byte, mask) in packet[number_at..number_at + 4].iter_mut().zip(&mask[1..]) {
            *byte ^= mask;
        }
        packet
    }
}
