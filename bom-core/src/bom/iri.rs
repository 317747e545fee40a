//! An IRI reference (RFC 3987, section 2.2), because every URL field of CycloneDX has the format `iri-reference`.
//!
//! Stricter than the grammar where it costs nothing: characters that hide or reorder text are refused.

use super::escape::is_hidden;

/// A URL or relative reference that the schema's format check accepts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Iri(String);

/// Why a text is no IRI reference; offsets are bytes from its start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IriError {
    /// A character that the grammar does not allow there.
    #[error("parse iri at offset {offset}: character {found:?} is not allowed")]
    Character {
        /// Where it stands.
        offset: usize,
        /// What it is.
        found: char,
    },
    /// `%` without two hexadecimal digits.
    #[error("parse iri at offset {offset}: percent sign without two hexadecimal digits")]
    Percent {
        /// Where the sign stands.
        offset: usize,
    },
    /// The part before the first colon is no scheme.
    #[error("parse iri: {scheme:?} is not a scheme")]
    Scheme {
        /// What stands there.
        scheme: String,
    },
    /// Host or port are malformed.
    #[error("parse iri: {authority:?} is not host and port")]
    Authority {
        /// What stands there.
        authority: String,
    },
}

impl Iri {
    /// Checks a text.
    pub fn parse(text: &str) -> Result<Self, IriError> {
        characters(text)?;
        let (before_fragment, _) = cut(text, '#');
        let (hierarchy, _) = cut(before_fragment, '?');
        let first_segment = hierarchy.split('/').next().unwrap_or_default();
        let after_scheme = match first_segment.split_once(':') {
            None => hierarchy,
            Some((scheme, _)) => {
                if !is_scheme(scheme) {
                    return Err(IriError::Scheme { scheme: scheme.to_owned() });
                }
                hierarchy.get(scheme.len().saturating_add(1)..).unwrap_or_default()
            }
        };
        let path = match after_scheme.strip_prefix("//") {
            None => after_scheme,
            Some(rest) => {
                let (host_port, path) = cut(rest, '/');
                authority(host_port)?;
                path
            }
        };
        if let Some(found) = path.chars().find(|c| matches!(c, '[' | ']')) {
            let offset = hierarchy.rfind(found).unwrap_or_default();
            return Err(IriError::Character { offset, found });
        }
        Ok(Self(text.to_owned()))
    }

    /// The address of an endpoint: `https://api.openai.com:443`, `tcp://[2001:db8:0:0:0:0:0:1]:6333`.
    ///
    /// An IPv6 host is written without `::`. Both forms are right, but a validator in wide use (the `iri-reference`
    /// check that the Python library of CycloneDX brings) refuses most of the short ones, `[::1]` among them.
    pub fn endpoint(scheme: &str, host: &str, port: u16) -> Result<Self, IriError> {
        match host.parse::<std::net::Ipv6Addr>() {
            Ok(address) => {
                let groups = address.segments().map(|group| format!("{group:x}")).join(":");
                Self::parse(&format!("{scheme}://[{groups}]:{port}"))
            }
            // A host with a colon, slash or at sign would be read as another address.
            Err(_) => match host.find([':', '/', '?', '#', '@', '[', ']']) {
                None if !host.is_empty() => Self::parse(&format!("{scheme}://{host}:{port}")),
                _ => Err(IriError::Authority { authority: host.to_owned() }),
            },
        }
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Iri {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn characters(text: &str) -> Result<(), IriError> {
    let mut fragment = false;
    let mut query = false;
    for (offset, found) in text.char_indices() {
        let ok = match found {
            'a'..='z' | 'A'..='Z' | '0'..='9' => true,
            '-' | '.' | '_' | '~' | ':' | '/' | '@' | '!' | '$' | '&' | '\'' | '(' | ')' | '*' | '+'
            | ',' | ';' | '=' => true,
            '?' => {
                query = true;
                true
            }
            // One fragment only; inside it the sign would have to be encoded.
            '#' => !std::mem::replace(&mut fragment, true),
            // Only an IPv6 host has brackets, and a host stands before query and fragment.
            '[' | ']' => !fragment && !query,
            '%' => {
                let digits = text.as_bytes().get(offset.saturating_add(1)..offset.saturating_add(3));
                if !digits.is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(IriError::Percent { offset });
                }
                true
            }
            other => is_ucschar(other) && !is_hidden(other),
        };
        if !ok {
            return Err(IriError::Character { offset, found });
        }
    }
    Ok(())
}

/// `ucschar` of RFC 3987: no private use, no non-characters, no specials.
fn is_ucschar(c: char) -> bool {
    let code = u32::from(c);
    match code {
        0xa0..=0xd7ff | 0xf900..=0xfdcf | 0xfdf0..=0xffef => true,
        0x1_0000..=0xd_ffff => code & 0xffff <= 0xfffd,
        0xe_1000..=0xe_fffd => true,
        _ => false,
    }
}

fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

fn authority(text: &str) -> Result<(), IriError> {
    let refused = || IriError::Authority { authority: text.to_owned() };
    let host_port = match text.rsplit_once('@') {
        None => text,
        Some((user, host)) if !user.contains(['@', '[', ']']) => host,
        Some(_) => return Err(refused()),
    };
    let port = if let Some(rest) = host_port.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or_else(refused)?;
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(refused());
        }
        match after.strip_prefix(':') {
            Some(port) => port,
            None if after.is_empty() => "",
            None => return Err(refused()),
        }
    } else {
        let (host, port) = cut(host_port, ':');
        if host.contains(['[', ']']) {
            return Err(refused());
        }
        port
    };
    if port.bytes().all(|b| b.is_ascii_digit()) { Ok(()) } else { Err(refused()) }
}

/// The text before a separator and after it; all of it and nothing if there is none.
fn cut(text: &str, separator: char) -> (&str, &str) {
    text.split_once(separator).unwrap_or((text, ""))
}
