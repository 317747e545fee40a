//! Long headers (RFC 9000 §17.2).

use super::super::cursor::Cursor;

/// The longest connection id of both versions (RFC 9000 §17.2).
const CONNECTION_ID: usize = 20;

/// The versions whose Initial packets can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

impl Version {
    fn of(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            0x6b33_43cf => Some(Self::V2),
            _ => None,
        }
    }

    /// The type bits of an Initial packet (RFC 9000 §17.2.2; RFC 9369 §3.2).
    fn initial(self) -> u8 {
        match self {
            Self::V1 => 0,
            Self::V2 => 1,
        }
    }

    /// The type bits of a Retry, which has no length.
    fn retry(self) -> u8 {
        match self {
            Self::V1 => 3,
            Self::V2 => 0,
        }
    }
}

/// An Initial packet, still protected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Initial<'a> {
    pub(super) version: Version,
    pub(super) destination: &'a [u8],
    pub(super) source: &'a [u8],
    /// It answers a Retry, or uses a token from an earlier connection.
    pub(super) has_token: bool,
    /// The whole packet.
    pub(super) bytes: &'a [u8],
    /// Where its packet number begins.
    pub(super) number_at: usize,
}

/// The next packet of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packet<'a> {
    Initial(Initial<'a>),
    /// Of another type, or Version Negotiation: says nothing we look for.
    Other,
    /// Another version: neither its types nor its length are known.
    Version(u32),
    /// The datagram ends in the middle.
    Cut,
    Malformed(&'static str),
}

/// Takes the next packet off the datagram; `None` at its end, and where short headers begin, which
/// reach to the end.
pub(super) fn next<'a>(rest: &mut &'a [u8]) -> Option<Packet<'a>> {
    let whole = *rest;
    if *whole.first()? & 0x80 == 0 {
        *rest = &[];
        return None;
    }
    let mut cursor = Cursor(whole);
    let packet = long(whole, &mut cursor).unwrap_or(Packet::Cut);
    *rest = match packet {
        Packet::Initial(_) | Packet::Other => cursor.0,
        Packet::Version(_) | Packet::Cut | Packet::Malformed(_) => &[],
    };
    Some(packet)
}

fn long<'a>(whole: &'a [u8], cursor: &mut Cursor<'a>) -> Option<Packet<'a>> {
    let first = cursor.u8()?;
    let number = cursor.u32()?;
    let destination = cursor.block8()?.0;
    let source = cursor.block8()?.0;
    let Some(version) = Version::of(number) else {
        let rest = std::mem::replace(cursor, Cursor(&[]));
        // Version Negotiation is a list of versions and nothing else.
        let negotiation = number == 0 && rest.0.len() >= 4;
        return Some(if negotiation { Packet::Other } else { Packet::Version(number) });
    };
    if destination.len() > CONNECTION_ID || source.len() > CONNECTION_ID {
        return Some(Packet::Malformed("connection id longer than 20 bytes"));
    }
    let kind = first >> 4 & 3;
    if kind == version.retry() {
        *cursor = Cursor(&[]);
        return Some(Packet::Other);
    }
    let mut has_token = false;
    if kind == version.initial() {
        let length = usize::try_from(integer(cursor)?).ok()?;
        has_token = length > 0;
        cursor.take(length)?;
    }
    let length = usize::try_from(integer(cursor)?).ok()?;
    let number_at = whole.len().checked_sub(cursor.0.len())?;
    cursor.take(length)?;
    if kind != version.initial() {
        return Some(Packet::Other);
    }
    let bytes = whole.get(..number_at.checked_add(length)?)?;
    Some(Packet::Initial(Initial { version, destination, source, has_token, bytes, number_at }))
}

/// A variable-length integer (RFC 9000 §16).
pub(super) fn integer(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = cursor.u8()?;
    let more = (1_usize << (first >> 6)) - 1;
    let high = u64::from(first & 0x3f);
    cursor.take(more).map(|bytes| bytes.iter().fold(high, |value, &byte| value << 8 | u64::from(byte)))
}
