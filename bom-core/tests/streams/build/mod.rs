//! What clients and servers send, made to order from the RFCs. Shares no constant with the parsers: a
//! layout understood wrongly in both places would have to be misunderstood twice.

pub(crate) mod dns;
pub(crate) mod hello;
pub(crate) mod quic;

/// Bytes behind their length of two bytes.
pub(crate) fn behind16(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

/// Bytes behind their length of one byte.
pub(crate) fn behind8(bytes: &[u8]) -> Vec<u8> {
    [&[u8::try_from(bytes.len()).unwrap()][..], bytes].concat()
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}
