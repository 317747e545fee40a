//! DNS answers (RFC 1035 §4; AAAA RFC 3596; HTTPS and SVCB RFC 9460). Of a message only the question
//! and the addresses along its chain of aliases are kept.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use serde::{Deserialize, Serialize};

use super::cursor::Cursor;

/// What an answer said. Claimed: whoever can send packets to the resolver can make it up.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DnsAnswer {
    /// The name that was asked for, lower case, without the last dot. A resolver that tries the
    /// suffixes of its search list asks several; the one with addresses is the name that was meant.
    pub question: String,
    /// The names the question was an alias of, in the order of the chain: the question is an alias of
    /// the first, the first of the second. Addresses belong to the last.
    pub aliases: Vec<String>,
    pub addresses: BTreeSet<IpAddr>,
    /// Addresses that HTTPS or SVCB records of the chain advise (RFC 9460 §7.3). A client may connect
    /// to them without ever asking for an address.
    #[serde(default)]
    pub hints: BTreeSet<IpAddr>,
    /// Names that HTTPS or SVCB records of the chain send the client to, if not the owner itself.
    #[serde(default)]
    pub targets: BTreeSet<String>,
    /// An HTTPS or SVCB record of the chain has keys for encrypted hellos (RFC 9848).
    #[serde(default)]
    pub ech: bool,
    /// The type that was asked for: 1 A, 28 AAAA, 65 HTTPS, …; 0 where a recording does not tell.
    #[serde(default)]
    pub kind: u16,
    /// Response code, with the upper bits of EDNS (RFC 6891 §6.1.3); 0 is success, 3 is "no such
    /// name".
    pub code: u16,
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

/// Records read of one message.
const RECORDS: usize = 256;
/// Names in one chain of aliases. Resolvers give up earlier.
const CHAIN: usize = 32;
const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const OPT: u16 = 41;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
const CLASS_IN: u16 = 1;
/// Keys of the parameters of HTTPS and SVCB records (RFC 9460 §14.3.2).
const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6_HINT: u16 = 6;

/// A record that can matter, with what it says already read.
#[derive(Debug)]
struct Found {
    owner: String,
    ttl: u32,
    data: Data,
}

#[derive(Debug)]
enum Data {
    Alias(String),
    Address(IpAddr),
    Service { target: String, hints: Vec<IpAddr>, ech: bool },
}

/// Parses one DNS message. `cut` tells that the datagram was longer than `message`.
pub fn parse(message: &[u8], cut: bool) -> Result<DnsAnswer, DnsError> {
    let mut header = Cursor(message);
    let mut word = || header.u16().ok_or(DnsError::Malformed("header"));
    let (_, flags, questions, answers, authorities, additional) =
        (word()?, word()?, word()?, word()?, word()?, word()?);
    let opcode = flags >> 11 & 0xf;
    if flags & 0x8000 == 0 || opcode != 0 || questions != 1 {
        return Err(DnsError::NotAnswer);
    }
    let mut at = 12;
    let question = name(message, &mut at)?;
    let mut fixed = Cursor(message.get(at..).unwrap_or_default());
    let kind = fixed.u16().ok_or(DnsError::Malformed("question"))?;
    fixed.u16().ok_or(DnsError::Malformed("question"))?;
    at += 4;
    let mut answer = DnsAnswer {
        question,
        kind,
        code: flags & 0xf,
        cut: cut || flags & 0x0200 != 0,
        ..DnsAnswer::default()
    };
    let mut found = Vec::new();
    let mut records = 0..RECORDS;
    let sections = [(answers, true), (authorities, false), (additional, false)];
    'message: for (count, is_answer) in sections {
        for _ in 0..count {
            let next = if records.next().is_some() { record(message, at)? } else { None };
            let Some(Record { owner, kind, class, ttl, start, end }) = next else {
                answer.cut = true;
                break 'message;
            };
            at = end;
            if kind == OPT {
                let upper = u16::try_from(ttl >> 24).unwrap_or_default();
                answer.code |= upper << 4;
            } else if is_answer
                && class == CLASS_IN
                && let Some(data) = data(message, kind, start, end)?
            {
                found.push(Found { owner, ttl, data });
            }
        }
    }
    follow(&mut answer, found);
    Ok(answer)
}

/// Walks from the question along the aliases, whatever order the records came in. A record of a name
/// outside the chain is glue, or an attempt to slip something in.
fn follow(answer: &mut DnsAnswer, found: Vec<Found>) {
    let mut owner = answer.question.clone();
    let mut ttl = u32::MAX;
    loop {
        let mut alias = None;
        for record in found.iter().filter(|record| record.owner == owner) {
            ttl = ttl.min(record.ttl);
            match &record.data {
                Data::Alias(target) => alias = alias.or(Some(target)),
                Data::Address(address) => {
                    answer.addresses.insert(*address);
                }
                Data::Service { target, hints, ech } => {
                    answer.hints.extend(hints);
                    answer.ech |= ech;
                    if !target.is_empty() && *target != owner {
                        answer.targets.insert(target.clone());
                    }
                }
            }
        }
        let Some(alias) = alias else { break };
        if *alias == answer.question || answer.aliases.contains(alias) || answer.aliases.len() >= CHAIN {
            break;
        }
        answer.aliases.push(alias.clone());
        owner.clone_from(alias);
    }
    answer.ttl = if ttl == u32::MAX { 0 } else { ttl };
}

struct Record {
    owner: String,
    kind: u16,
    class: u16,
    ttl: u32,
    /// Where its data begins and ends.
    start: usize,
    end: usize,
}

/// Reads the record at `at`; `None` where the message ends early.
fn record(message: &[u8], at: usize) -> Result<Option<Record>, DnsError> {
    if message.len() <= at {
        return Ok(None);
    }
    let mut position = at;
    let owner = name(message, &mut position)?;
    let mut cursor = Cursor(message.get(position..).unwrap_or_default());
    let fields = (cursor.u16(), cursor.u16(), cursor.u32(), cursor.u16());
    let (Some(kind), Some(class), Some(ttl), Some(length)) = fields else { return Ok(None) };
    let start = position + 10;
    let end = start + usize::from(length);
    if end > message.len() {
        return Ok(None);
    }
    Ok(Some(Record { owner, kind, class, ttl, start, end }))
}

fn data(message: &[u8], kind: u16, start: usize, end: usize) -> Result<Option<Data>, DnsError> {
    let raw = message.get(start..end).unwrap_or_default();
    Ok(Some(match kind {
        A => {
            let octets: [u8; 4] = raw.try_into().map_err(|_| DnsError::Malformed("A record"))?;
            Data::Address(IpAddr::V4(Ipv4Addr::from(octets)))
        }
        AAAA => {
            let octets: [u8; 16] = raw.try_into().map_err(|_| DnsError::Malformed("AAAA record"))?;
            Data::Address(IpAddr::V6(Ipv6Addr::from(octets)).to_canonical())
        }
        CNAME => Data::Alias(inside(message, start, end)?.0),
        SVCB | HTTPS => service(message, start, end)?,
        _ => return Ok(None),
    }))
}

/// A name within the data of a record, and what follows it there.
fn inside(message: &[u8], start: usize, end: usize) -> Result<(String, &[u8]), DnsError> {
    let mut at = start;
    let target = name(message, &mut at)?;
    let rest = message.get(at..end).ok_or(DnsError::Malformed("name"))?;
    Ok((target, rest))
}

fn service(message: &[u8], start: usize, end: usize) -> Result<Data, DnsError> {
    let bad = DnsError::Malformed("service record");
    let behind = start.checked_add(2).filter(|&at| at < end).ok_or(bad.clone())?;
    let (target, parameters) = inside(message, behind, end)?;
    let mut parameters = Cursor(parameters);
    let (mut hints, mut ech) = (Vec::new(), false);
    while !parameters.is_empty() {
        let key = parameters.u16().ok_or(bad.clone())?;
        let value = parameters.block16().ok_or(bad.clone())?.0;
        match key {
            IPV4_HINT => {
                let (each, rest) = value.as_chunks::<4>();
                hints.extend(each.iter().map(|octets| IpAddr::V4(Ipv4Addr::from(*octets))));
                rest.is_empty().then_some(()).ok_or(bad.clone())?;
            }
            IPV6_HINT => {
                let (each, rest) = value.as_chunks::<16>();
                hints.extend(each.iter().map(|octets| IpAddr::V6(Ipv6Addr::from(*octets)).to_canonical()));
                rest.is_empty().then_some(()).ok_or(bad.clone())?;
            }
            ECH => ech = true,
            _ => {}
        }
    }
    Ok(Data::Service { target, hints, ech })
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
