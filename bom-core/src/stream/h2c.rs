//! HTTP/2 without TLS (RFC 9113 §3.3): the client's preface, and of its first request the authority.

use super::{
    Held,
    authority::authority,
    cursor::Cursor,
    head::{HttpHead, HttpVersion, Method, ModelName},
    hpack, http,
};

/// RFC 9113 §3.4.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const PRIORITY: u8 = 0x20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum H2cError {
    /// More bytes are needed.
    Incomplete,
    Malformed(&'static str),
}

/// Reads from the preface to the end of the first block of fields.
pub(super) fn parse(stream: &[u8]) -> Result<HttpHead, H2cError> {
    let mut rest = Cursor(stream);
    rest.take(PREFACE.len()).ok_or(H2cError::Incomplete)?;
    let mut block = Held::default();
    let mut open: Option<u32> = None;
    loop {
        let Frame { kind, flags, stream, payload } = frame(&mut rest)?;
        match (kind, open) {
            (HEADERS, None) => block.extend(fragment(flags, payload)?.0),
            (CONTINUATION, Some(begun)) if begun == stream => block.extend(payload.0),
            // Nothing may come between the parts of a block (RFC 9113 §6.10).
            (_, Some(_)) => return Err(H2cError::Malformed("block of fields broken off")),
            (_, None) => continue,
        }
        if flags & END_HEADERS != 0 {
            return fields(block.bytes());
        }
        open = Some(stream);
    }
}

struct Frame<'a> {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Cursor<'a>,
}

fn frame<'a>(rest: &mut Cursor<'a>) -> Result<Frame<'a>, H2cError> {
    let short = H2cError::Incomplete;
    let length = rest.u24().ok_or(short)?;
    let kind = rest.u8().ok_or(short)?;
    let flags = rest.u8().ok_or(short)?;
    let stream = rest.u32().ok_or(short)? & 0x7fff_ffff;
    let payload = Cursor(rest.take(length).ok_or(short)?);
    Ok(Frame { kind, flags, stream, payload })
}

/// The part of a block that a HEADERS frame carries (RFC 9113 §6.2).
fn fragment(flags: u8, mut payload: Cursor<'_>) -> Result<Cursor<'_>, H2cError> {
    let bad = H2cError::Malformed("frame of fields");
    let padding = if flags & PADDED == 0 { 0 } else { usize::from(payload.u8().ok_or(bad)?) };
    if flags & PRIORITY != 0 {
        payload.take(5).ok_or(bad)?;
    }
    let length = payload.0.len().checked_sub(padding).ok_or(bad)?;
    payload.take(length).map(Cursor).ok_or(bad)
}

fn fields(block: &[u8]) -> Result<HttpHead, H2cError> {
    let mut head = HttpHead {
        version: HttpVersion::Http2,
        method: Method::Other,
        scheme: None,
        target: None,
        host: None,
        upgrade_h2c: false,
        model: ModelName::NotLooked,
    };
    let mut valid = true;
    let mut field = |name: &[u8], value: &[u8]| match name {
        b":method" => head.method = http::method_class(value),
        b":scheme" => head.scheme = http::scheme(value),
        b":authority" => {
            head.target = authority(value);
            valid &= head.target.is_some() || value.is_empty();
        }
        b"host" => {
            head.host = authority(value);
            valid &= head.host.is_some() || value.is_empty();
        }
        _ => {}
    };
    hpack::decode(block, &mut field).map_err(|_| H2cError::Malformed("block of fields"))?;
    if !valid {
        return Err(H2cError::Malformed("authority is not a host"));
    }
    Ok(head)
}
