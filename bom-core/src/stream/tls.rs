//! The TLS ClientHello (RFC 8446 §4.1.2, record layer §5.1; server_name RFC 6066 §3).

use super::{Held, authority::host_name, cursor::Cursor, head::ClientHello, pieces::HEAD};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// More bytes are needed.
    #[error("client hello incomplete")]
    Incomplete,
    #[error("not a client hello")]
    NotHello,
    #[error("client hello malformed: {0}")]
    Malformed(&'static str),
    #[error("client hello longer than a stream head")]
    Long,
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// Protocol names, and versions, kept at most.
const KEPT: usize = 16;

/// Whether bytes start as a record that holds the beginning of a ClientHello, and as nothing else a
/// stream would have in its middle.
pub(super) fn starts_hello(stream: &[u8]) -> bool {
    matches!(stream, [HANDSHAKE, 3, 0..=4, _, _, CLIENT_HELLO, 0, _, ..])
}

/// Parses the beginning of a client's stream. The hello may be split over several records.
pub fn parse(stream: &[u8]) -> Result<ClientHello, HelloError> {
    let mut handshake = Held::default();
    let mut rest = Cursor(stream);
    loop {
        match handshake_message(handshake.bytes()) {
            Err(HelloError::Incomplete) => {}
            other => return other,
        }
        if rest.u8().ok_or(HelloError::Incomplete)? != HANDSHAKE {
            return Err(HelloError::NotHello);
        }
        if rest.u16().ok_or(HelloError::Incomplete)? >> 8 != 3 {
            return Err(HelloError::NotHello);
        }
        let length = usize::from(rest.u16().ok_or(HelloError::Incomplete)?);
        if length == 0 {
            return Err(HelloError::Malformed("empty record"));
        }
        // Of a record under way, what is there already tells whether the rest is worth waiting for.
        let Some(fragment) = rest.take(length) else {
            handshake.extend(rest.0);
            return Err(match handshake_message(handshake.bytes()) {
                Err(error) => error,
                Ok(_) => HelloError::Incomplete,
            });
        };
        handshake.extend(fragment);
    }
}

/// Parses the beginning of what a client says in the handshake, without records around it.
pub(super) fn handshake_message(handshake: &[u8]) -> Result<ClientHello, HelloError> {
    let mut message = Cursor(handshake);
    if message.u8().ok_or(HelloError::Incomplete)? != CLIENT_HELLO {
        return Err(HelloError::NotHello);
    }
    let length = message.u24().ok_or(HelloError::Incomplete)?;
    if length > HEAD {
        return Err(HelloError::Long);
    }
    hello(Cursor(message.take(length).ok_or(HelloError::Incomplete)?))
}

fn hello(mut body: Cursor<'_>) -> Result<ClientHello, HelloError> {
    let cut = HelloError::Malformed("cut short");
    let legacy_version = body.u16().ok_or(cut.clone())?;
    // random, session id, cipher suites, compression methods
    body.take(32).ok_or(cut.clone())?;
    body.block8().ok_or(cut.clone())?;
    body.block16().ok_or(cut.clone())?;
    body.block8().ok_or(cut.clone())?;
    let mut found = ClientHello { versions: vec![legacy_version], ..ClientHello::default() };
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
            SUPPORTED_VERSIONS => found.versions = versions(content)?,
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
            let error = HelloError::Malformed("server name is not a host name");
            return host_name(name.0).map(Some).ok_or(error);
        }
    }
    Ok(None)
}

fn protocols(mut content: Cursor<'_>) -> Result<Vec<String>, HelloError> {
    let mut list = content.block16().ok_or(HelloError::Malformed("protocol list"))?;
    let mut names = Vec::new();
    while !list.is_empty() && names.len() < KEPT {
        let name = list.block8().ok_or(HelloError::Malformed("protocol name"))?;
        names.push(name.0.escape_ascii().to_string());
    }
    Ok(names)
}

fn versions(mut content: Cursor<'_>) -> Result<Vec<u16>, HelloError> {
    let mut list = content.block8().ok_or(HelloError::Malformed("version list"))?;
    let mut versions = Vec::new();
    while !list.is_empty() && versions.len() < KEPT {
        let version = list.u16().ok_or(HelloError::Malformed("version list"))?;
        // Reserved so that servers learn to ignore what they do not know (RFC 8701 §2).
        let reserved = version & 0x0f0f == 0x0a0a && version >> 8 == version & 0xff;
        if !reserved {
            versions.push(version);
        }
    }
    Ok(versions)
}
