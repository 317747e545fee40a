//! The TLS ClientHello (RFC 8446 §4.1.2, record layer §5.1; server_name RFC 6066 §3).

use super::{cursor::Cursor, head::ClientHello};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// More bytes are needed.
    #[error("client hello incomplete")]
    Incomplete,
    #[error("not a client hello")]
    NotHello,
    #[error("client hello malformed: {0}")]
    Malformed(&'static str),
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// A hello larger than what the probes forward cannot be completed.
const LONGEST: usize = 16 * 1024;
/// Protocol names kept at most.
const PROTOCOLS: usize = 16;

/// Parses the beginning of a client's stream. The hello may be split over several records.
pub fn parse(stream: &[u8]) -> Result<ClientHello, HelloError> {
    let mut handshake = Vec::new();
    let mut rest = Cursor(stream);
    loop {
        let need = handshake_length(&handshake);
        if need.is_some_and(|need| need > LONGEST) {
            return Err(HelloError::Malformed("longer than a stream head"));
        }
        if need.is_some_and(|need| handshake.len() >= need) {
            break;
        }
        if handshake.first().is_some_and(|&kind| kind != CLIENT_HELLO) {
            return Err(HelloError::NotHello);
        }
        let kind = rest.u8().ok_or(HelloError::Incomplete)?;
        if kind != HANDSHAKE {
            return Err(HelloError::NotHello);
        }
        if rest.u16().ok_or(HelloError::Incomplete)? >> 8 != 3 {
            return Err(HelloError::NotHello);
        }
        let length = usize::from(rest.u16().ok_or(HelloError::Incomplete)?);
        if length == 0 {
            return Err(HelloError::Malformed("empty record"));
        }
        match rest.take(length) {
            Some(fragment) => handshake.extend_from_slice(fragment),
            None => {
                let kind = handshake.first().or(rest.0.first());
                let other = kind.is_some_and(|&kind| kind != CLIENT_HELLO);
                return Err(if other { HelloError::NotHello } else { HelloError::Incomplete });
            }
        }
    }
    let mut message = Cursor(&handshake);
    if message.u8() != Some(CLIENT_HELLO) {
        return Err(HelloError::NotHello);
    }
    let length = message.u24().ok_or(HelloError::Incomplete)?;
    let body = message.take(length).ok_or(HelloError::Incomplete)?;
    hello(Cursor(body))
}

/// Bytes of the whole handshake message, once its header is there.
fn handshake_length(handshake: &[u8]) -> Option<usize> {
    let mut cursor = Cursor(handshake);
    cursor.u8()?;
    cursor.u24().map(|length| length + 4)
}

fn hello(mut body: Cursor<'_>) -> Result<ClientHello, HelloError> {
    let cut = HelloError::Malformed("cut short");
    // legacy_version, random, session id, cipher suites, compression methods
    body.take(2 + 32).ok_or(cut.clone())?;
    body.block8().ok_or(cut.clone())?;
    body.block16().ok_or(cut.clone())?;
    body.block8().ok_or(cut.clone())?;
    let mut found = ClientHello::default();
    if body.is_empty() {
        return Ok(found);
    }
    let mut extensions = body.block16().ok_or(cut.clone())?;
    while !extensions.is_empty() {
        let kind = extensions.u16().ok_or(cut.clone())?;
        let content = extensions.block16().ok_or(cut.clone())?;
        match kind {
            SERVER_NAME => found.server_name = server_name(content)?,
            ALPN => found.alpn = protocols(content)?,
            ENCRYPTED_CLIENT_HELLO => found.ech = true,
            _ => {}
        }
    }
    Ok(found)
}

fn server_name(mut content: Cursor<'_>) -> Result<Option<String>, HelloError> {
    let mut list = content.block16().ok_or(HelloError::Malformed("server name list"))?;
    while !list.is_empty() {
        let kind = list.u8().ok_or(HelloError::Malformed("server name"))?;
        let name = list.block16().ok_or(HelloError::Malformed("server name"))?;
        if kind == 0 {
            return host(name.0).map(Some);
        }
    }
    Ok(None)
}

/// A host name is letters, digits, `-`, `_` and dots; anything else is not one.
fn host(name: &[u8]) -> Result<String, HelloError> {
    let valid = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 253 || !name.iter().all(valid) {
        return Err(HelloError::Malformed("server name is not a host name"));
    }
    let text = String::from_utf8_lossy(name).to_ascii_lowercase();
    let text = text.trim_end_matches('.');
    if text.is_empty() {
        return Err(HelloError::Malformed("server name is not a host name"));
    }
    Ok(text.to_owned())
}

fn protocols(mut content: Cursor<'_>) -> Result<Vec<String>, HelloError> {
    let mut list = content.block16().ok_or(HelloError::Malformed("protocol list"))?;
    let mut names = Vec::new();
    while !list.is_empty() && names.len() < PROTOCOLS {
        let name = list.block8().ok_or(HelloError::Malformed("protocol name"))?;
        names.push(name.0.escape_ascii().to_string());
    }
    Ok(names)
}
