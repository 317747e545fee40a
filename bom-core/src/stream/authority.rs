//! Host names and ports as clients write them (RFC 3986 §3.2, RFC 9110 §7.2).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::head::Authority;

/// A host name in lower case without the last dot. It is letters, digits, `-`, `_` and dots; anything
/// else is not one.
pub(super) fn host_name(name: &[u8]) -> Option<String> {
    let valid = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let name = name.strip_suffix(b".").unwrap_or(name);
    if name.is_empty() || name.len() > 253 || !name.iter().all(valid) {
        return None;
    }
    // A name of dots alone, or with an empty label, names nothing.
    if name.split(|&byte| byte == b'.').any(<[u8]>::is_empty) {
        return None;
    }
    Some(String::from_utf8_lossy(name).to_ascii_lowercase())
}

/// `host`, `host:port`, `address`, `[address]:port`. What stands before an `@` is dropped unread: it
/// is a user, and often a password.
pub(super) fn authority(text: &[u8]) -> Option<Authority> {
    let text = text.rsplit(|&byte| byte == b'@').next().unwrap_or_default();
    if let Some(inside) = text.strip_prefix(b"[") {
        let end = inside.iter().position(|&byte| byte == b']')?;
        let (address, rest) = inside.split_at(end);
        let address: Ipv6Addr = std::str::from_utf8(address).ok()?.parse().ok()?;
        let host = address.to_canonical().to_string();
        return Some(Authority { host, port: port(rest.get(1..)?)? });
    }
    let end = text.iter().position(|&byte| byte == b':').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let port = port(rest)?;
    if let Some(address) = std::str::from_utf8(name).ok().and_then(|name| name.parse::<Ipv4Addr>().ok()) {
        return Some(Authority { host: address.to_string(), port });
    }
    Some(Authority { host: host_name(name)?, port })
}

/// Nothing, or a colon and perhaps a number.
#[expect(clippy::option_option, reason = "no port, and what is none, are two things")]
fn port(text: &[u8]) -> Option<Option<u16>> {
    let Some(digits) = text.strip_prefix(b":") else { return text.is_empty().then_some(None) };
    if digits.is_empty() {
        return Some(None);
    }
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().map(Some)
}
