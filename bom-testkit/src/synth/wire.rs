//! Pieces of the protobuf encoding, for the formats that are messages.

/// A field with a length: a text, bytes, a message.
#[must_use]
pub fn message(field: u64, bytes: &[u8]) -> Vec<u8> {
    let mut out = varint(field << 3 | 2);
    out.extend(varint(bytes.len() as u64));
    out.extend_from_slice(bytes);
    out
}

/// A varint field.
#[must_use]
pub fn number(field: u64, value: u64) -> Vec<u8> {
    let mut out = varint(field << 3);
    out.extend(varint(value));
    out
}

/// A 32-bit field.
pub(super) fn float(field: u64, value: f32) -> Vec<u8> {
    let mut out = varint(field << 3 | 5);
    out.extend(value.to_le_bytes());
    out
}

/// Seven bits at a time, the low ones first.
#[must_use]
pub fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = (value % 128) as u8;
        value /= 128;
        if value == 0 {
            out.push(low);
            return out;
        }
        out.push(low + 128);
    }
}
