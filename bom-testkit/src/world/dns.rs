//! A name server that knows [`HOSTS`](super::HOSTS): RFC 1035 over UDP and TCP, one question per query.

use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;

use serde_json::json;

use super::hosts::{self, Host};
use super::log::Log;

/// Resource record types of RFC 1035 section 3.2.2 and RFC 3596 section 2.1.
const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const CLASS_IN: u16 = 1;
const HEADER: usize = 12;
const TTL_SECONDS: u32 = 30;

/// Return codes of RFC 1035 section 4.1.1.
const NO_ERROR: u16 = 0;
const NAME_ERROR: u16 = 3;

/// Answers forever on `socket`. With `ipv6`, every host also has the address `::1`.
pub(crate) fn serve(socket: &UdpSocket, ipv6: bool, log: &Arc<Log>) {
    let mut buffer = [0; 512];
    // An error belongs to one datagram (an ICMP answer to an earlier reply), not to the socket.
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer) else { continue };
        let Some(question) = buffer.get(..length).and_then(parse) else { continue };
        let reply = answer(&question, ipv6);
        log.line(
            "dns",
            json!({"name": question.name, "type": question.kind, "known": question.host().is_some()}),
        );
        let _ = socket.send_to(&reply, peer);
    }
}

/// Answers forever over TCP (RFC 7766), where each message stands behind its length.
pub(crate) fn accept(listener: &TcpListener, ipv6: bool, log: &Arc<Log>) {
    for stream in listener.incoming().flatten() {
        let log = Arc::clone(log);
        // A client that hangs up in the middle is its own affair.
        thread::spawn(move || drop(stream_of_queries(stream, ipv6, &log)));
    }
}

fn stream_of_queries(mut stream: TcpStream, ipv6: bool, log: &Log) -> io::Result<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut query)?;
        let Some(question) = parse(&query) else { continue };
        let reply = answer(&question, ipv6);
        log.line(
            "dns",
            json!({"name": question.name, "type": question.kind, "known": question.host().is_some()}),
        );
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &reply].concat())?;
    }
}

/// The one question of a query.
#[derive(Debug)]
struct Question<'q> {
    id: u16,
    recursion_desired: bool,
    name: String,
    kind: u16,
    /// Name, type and class as they came, to be echoed: some resolvers vary the case of letters and compare.
    wire: &'q [u8],
}

impl Question<'_> {
    fn host(&self) -> Option<&'static Host> {
        hosts::find(&self.name)
    }
}

/// Reads a standard query with exactly one question of class IN; anything else is not answered.
fn parse(query: &[u8]) -> Option<Question<'_>> {
    let id = be16(query, 0)?;
    let flags = be16(query, 2)?;
    let is_standard_query = flags & 0xf800 == 0;
    if !is_standard_query || be16(query, 4)? != 1 {
        return None;
    }
    let mut name = String::new();
    let mut at = HEADER;
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        // 64 and above are compression pointers, which a question has no reason to hold.
        let label = query.get(at..at + length).filter(|_| length < 64)?;
        if !name.is_empty() {
            name.push('.');
        }
        name.extend(label.iter().map(|&byte| if byte.is_ascii_graphic() { char::from(byte) } else { '?' }));
        at += length;
    }
    let kind = be16(query, at)?;
    let class = be16(query, at + 2)?;
    let wire = query.get(HEADER..at + 4)?;
    (class == CLASS_IN).then_some(Question { id, recursion_desired: flags & 0x0100 != 0, name, kind, wire })
}

/// The reply: a CNAME chain and then the address, an empty answer for another type, or a name error.
fn answer(question: &Question<'_>, ipv6: bool) -> Vec<u8> {
    let host = question.host();
    let mut records = Vec::new();
    let mut count: u16 = 0;
    if let Some(host) = host {
        let mut owner = host.name;
        for target in host.chain {
            record(&mut records, owner, CNAME, &name(target));
            owner = target;
            count += 1;
        }
        let address = match question.kind {
            A => Some(host.address.octets().to_vec()),
            AAAA if ipv6 => Some(Ipv6Addr::LOCALHOST.octets().to_vec()),
            _ => None,
        };
        if let Some(address) = address {
            record(&mut records, owner, question.kind, &address);
            count += 1;
        }
    }
    let code = if host.is_some() { NO_ERROR } else { NAME_ERROR };
    // Response, recursion available; recursion desired is echoed.
    let flags = 0x8080 | (u16::from(question.recursion_desired) << 8) | code;
    let mut reply = Vec::with_capacity(HEADER + question.wire.len() + records.len());
    for field in [question.id, flags, 1, count, 0, 0] {
        reply.extend(field.to_be_bytes());
    }
    reply.extend(question.wire);
    reply.extend(records);
    reply
}

/// Appends one resource record, names spelt out: the replies are far below 512 bytes without compression.
fn record(out: &mut Vec<u8>, owner: &str, kind: u16, data: &[u8]) {
    out.extend(name(owner));
    out.extend(kind.to_be_bytes());
    out.extend(CLASS_IN.to_be_bytes());
    out.extend(TTL_SECONDS.to_be_bytes());
    out.extend(u16::try_from(data.len()).expect("names and addresses of our own table").to_be_bytes());
    out.extend(data);
}

/// A name of our own table as labels.
fn name(dotted: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(dotted.len() + 2);
    for label in dotted.split('.') {
        out.push(u8::try_from(label.len()).expect("labels of our own table"));
        out.extend(label.as_bytes());
    }
    out.push(0);
    out
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([pair[0], pair[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(dotted: &str, kind: u16) -> Vec<u8> {
        let mut query = vec![0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
        query.extend(name(dotted));
        query.extend(kind.to_be_bytes());
        query.extend(CLASS_IN.to_be_bytes());
        query
    }

    #[test]
    fn answers_the_known_and_refuses_the_unknown() {
        for (row, dotted, kind, ipv6, code, records, ends_with) in [
            ("openai_v4", "api.openai.com", A, false, 0, 3, &[127, 0, 10, 1][..]),
            ("anthropic_v4", "api.anthropic.com", A, false, 0, 3, &[127, 0, 10, 2]),
            ("case_is_no_matter", "API.OpenAI.com", A, false, 0, 3, &[127, 0, 10, 1]),
            ("v6_off_has_only_the_chain", "api.openai.com", AAAA, false, 0, 2, &[0]),
            ("v6_on", "api.openai.com", AAAA, true, 0, 3, &Ipv6Addr::LOCALHOST.octets()),
            ("https_record_has_only_the_chain", "api.openai.com", 65, true, 0, 2, &[0]),
            ("search_suffix", "api.openai.com.default.svc.cluster.local", A, true, 3, 0, &[0, 1, 0, 1]),
            ("a_link_of_the_chain", "pop3.cdn.example", A, true, 3, 0, &[0, 1, 0, 1]),
        ] {
            let query = query(dotted, kind);
            let reply = answer(&parse(&query).expect(row), ipv6);
            assert_eq!(reply[..2], [0xab, 0xcd], "{row}: id");
            assert_eq!(u16::from_be_bytes([reply[2], reply[3]]) & 0x818f, 0x8180 | code, "{row}: flags");
            assert_eq!(be16(&reply, 6), Some(records), "{row}: records");
            assert!(reply[HEADER..].starts_with(&query[HEADER..]), "{row}: question echoed");
            assert!(reply.ends_with(ends_with), "{row}: {reply:?}");
            assert!(reply.len() <= 512, "{row}: fits a datagram");
        }
    }

    #[test]
    fn hostile_queries_get_no_answer() {
        let good = query("api.openai.com", A);
        for cut in 0..good.len() {
            assert!(parse(&good[..cut]).is_none(), "cut at {cut}");
        }
        let change = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            bytes
        };
        for (row, bytes) in [
            ("a_response", change(2, 0x80)),
            ("an_update", change(2, 0x28)),
            ("two_questions", change(5, 2)),
            ("a_compression_pointer", change(HEADER, 0xc0)),
            ("a_label_past_the_end", change(HEADER, 63)),
            ("class_chaos", change(good.len() - 1, 3)),
        ] {
            assert!(parse(&bytes).is_none(), "{row}");
        }
    }
}
