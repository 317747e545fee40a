//! DNS answers (RFC 1035 §4; AAAA RFC 3596). Of a message only the question and the addresses at
//! the end of its CNAME chain are kept.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;

/// What an answer said. Claimed: whoever can send packets to the resolver can make it up.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DnsAnswer {
    /// The name that was asked for, lower case, without the last dot.
    pub question: String,
    /// The names the question was an alias of, in the order of the chain.
    pub aliases: Vec<String>,
    pub addresses: BTreeSet<IpAddr>,
    /// Addresses that HTTPS or SVCB records of the chain advise (RFC 9460 §7.3). A client may connect to
    /// them without ever asking for an address.
    #[serde(default)]
    pub hints: BTreeSet<IpAddr>,
    /// Names that HTTPS or SVCB records of the chain send the client to (TargetName), if not the owner.
    #[serde(default)]
    pub targets: BTreeSet<String>,
    /// An HTTPS or SVCB record of the chain has keys for encrypted hellos (RFC 9848).
    #[serde(default)]
    pub ech: bool,
    /// The type that was asked for: 1 A, 28 AAAA, 65 HTTPS, …; 0 where a recording does not tell.
    #[serde(default)]
    pub kind: u16,
    /// Response code; 0 is success, 3 is "no such name".
    pub code: u8,
    /// Smallest time to live of the records used, seconds.
    pub ttl: u32,
    /// The message was cut short: more addresses may exist.
    pub cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DnsError {
    #[error("not an answer to one question")]
    NotAnswer,
    #[error("DNS message malformed: {0}")]
    Malformed(&'static str),
}

const RECORDS: usize = 256;
const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const CLASS_IN: u16 = 1;

/// Parses one DNS message. `cut` tells that the datagram was longer than `message`.
pub fn parse(message: &[u8], cut: bool) -> Result<DnsAnswer, DnsError> {
    let short = DnsError::Malformed("header");
    let mut cursor = Cursor(message);
    cursor.u16().ok_or(short.clone())?;
    let flags = cursor.u16().ok_or(short.clone())?;
    let questions = cursor.u16().ok_or(short.clone())?;
    let answers = cursor.u16().ok_or(short.clone())?;
    cursor.u32().ok_or(short)?;
    if flags & 0x8000 == 0 || questions != 1 {
        return Err(DnsError::NotAnswer);
    }
    let mut at = 12;
    let question = name(message, &mut at)?;
    let mut fixed = Cursor(message.get(at..).unwrap_or_default());
    fixed.u32().ok_or(DnsError::Malformed("question"))?;
    at += 4;
    let mut answer = DnsAnswer {
        question: question.clone(),
        aliases: Vec::new(),
        addresses: BTreeSet::new(),
        code: u8::try_from(flags & 0xf).unwrap_or(0),
        ttl: u32::MAX,
        cut: cut || flags & 0x0200 != 0,
        ..DnsAnswer::default()
    };
    let mut owner = question;
    for _ in 0..usize::from(answers).min(RECORDS) {
        let Some(next) = record(message, at, &mut owner, &mut answer)? else {
            answer.cut = true;
            break;
        };
        at = next;
    }
    answer.cut |= usize::from(answers) > RECORDS;
    if answer.ttl == u32::MAX {
        answer.ttl = 0;
    }
    Ok(answer)
}

/// Reads the record at `at`, follows the chain it may be part of, and gives the next position;
/// `None` where the message ends early.
fn record(
    message: &[u8],
    at: usize,
    owner: &mut String,
    answer: &mut DnsAnswer,
) -> Result<Option<usize>, DnsError> {
    let mut position = at;
    if message.len() <= at {
        return Ok(None);
    }
    let name_of_record = name(message, &mut position)?;
    let mut cursor = Cursor(message.get(position..).unwrap_or_default());
    let fields = (cursor.u16(), cursor.u16(), cursor.u32(), cursor.u16());
    let (Some(kind), Some(class), Some(ttl), Some(length)) = fields else { return Ok(None) };
    let start = position + 10;
    let end = start + usize::from(length);
    let Some(data) = message.get(start..end) else { return Ok(None) };
    // A record of another name is glue or an attempt to slip something in.
    if class == CLASS_IN && name_of_record == *owner {
        match kind {
            CNAME => {
                let mut target = start;
                *owner = name(message, &mut target)?;
                answer.aliases.push(owner.clone());
                answer.ttl = answer.ttl.min(ttl);
            }
            A => {
                let octets: [u8; 4] = data.try_into().map_err(|_| DnsError::Malformed("A record"))?;
                answer.addresses.insert(IpAddr::V4(Ipv4Addr::from(octets)));
                answer.ttl = answer.ttl.min(ttl);
            }
            AAAA => {
                let octets: [u8; 16] = data.try_into().map_err(|_| DnsError::Malformed("AAAA record"))?;
                answer.addresses.insert(IpAddr::V6(Ipv6Addr::from(octets)).to_canonical());
                answer.ttl = answer.ttl.min(ttl);
            }
            _ => {}
        }
    }
    Ok(Some(end))
}

/// Reads a possibly compressed name and moves `at` behind it. Each pointer must lead further
/// back than the one before, so that a loop cannot exist.
fn name(message: &[u8], at: &mut usize) -> Result<String, DnsError> {
    let bad = DnsError::Malformed("name");
    let mut text = String::new();
    let mut position = *at;
    let mut limit = message.len();
    let mut jumped = false;
    loop {
        let length = usize::from(*message.get(position).ok_or(bad.clone())?);
        match length {
            0 => {
                position += 1;
                break;
            }
            1..=63 => {
                let label = message.get(position + 1..position + 1 + length).ok_or(bad.clone())?;
                if !text.is_empty() {
                    text.push('.');
                }
                for &byte in label {
                    let byte = byte.to_ascii_lowercase();
                    if byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_' {
                        text.push(char::from(byte));
                    } else {
                        text.push_str(&format!("\\{byte:03}"));
                    }
                }
                if text.len() > 1024 {
                    return Err(bad);
                }
                position += 1 + length;
            }
            0xc0.. => {
                let low = usize::from(*message.get(position + 1).ok_or(bad.clone())?);
                let target = (length & 0x3f) << 8 | low;
                if !jumped {
                    *at = position + 2;
                    jumped = true;
                }
                if target >= limit.min(position) {
                    return Err(bad);
                }
                limit = target;
                position = target;
            }
            _ => return Err(bad),
        }
    }
    if !jumped {
        *at = position;
    }
    Ok(text)
}
