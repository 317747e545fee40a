//! Stream heads and DNS answers: what is kept of them, and that nothing makes the decoder fail.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bom_core::{
    decode::{Payload, Protocol},
    event::Body,
    stream::{StreamDecoder, parse_dns, parse_hello},
};
use proptest::prelude::*;

/// A ClientHello as RFC 8446 lays it out, with these extensions.
fn hello(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 2, 0x13, 0x01]);
    body.extend([1, 0]);
    let mut all = Vec::new();
    for (kind, content) in extensions {
        all.extend(kind.to_be_bytes());
        all.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        all.extend(content);
    }
    body.extend(u16::try_from(all.len()).unwrap().to_be_bytes());
    body.extend(all);
    let mut message = vec![1];
    message.extend(&u32::try_from(body.len()).unwrap().to_be_bytes()[1..]);
    message.extend(body);
    message
}

fn sni(name: &str) -> (u16, Vec<u8>) {
    let mut content = Vec::new();
    content.extend(u16::try_from(name.len() + 3).unwrap().to_be_bytes());
    content.push(0);
    content.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
    content.extend(name.bytes());
    (0, content)
}

fn alpn(name: &str) -> (u16, Vec<u8>) {
    let mut content = u16::try_from(name.len() + 1).unwrap().to_be_bytes().to_vec();
    content.push(u8::try_from(name.len()).unwrap());
    content.extend(name.bytes());
    (16, content)
}

/// The message in records of at most `size` bytes.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    let mut stream = Vec::new();
    for part in message.chunks(size) {
        stream.extend([22, 3, 1]);
        stream.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        stream.extend(part);
    }
    stream
}

#[test]
fn reads_the_fields_of_a_hello() {
    let key_share = (51, vec![9; 1258]);
    for (name, extensions, record, expected) in [
        ("plain", vec![sni("api.openai.com"), alpn("h2")], 16_384, Some("api.openai.com")),
        (
            "name_behind_a_post_quantum_share",
            vec![key_share.clone(), sni("api.openai.com")],
            16_384,
            Some("api.openai.com"),
        ),
        ("split_over_records", vec![key_share, sni("api.openai.com")], 100, Some("api.openai.com")),
        ("capitals_and_last_dot", vec![sni("API.OpenAI.com.")], 16_384, Some("api.openai.com")),
        ("no_name", vec![alpn("http/1.1")], 16_384, None),
        ("no_extensions", vec![], 16_384, None),
    ] {
        let found = parse_hello(&records(&hello(&extensions), record))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.server_name.as_deref(), expected, "{name}");
    }
    let ech = parse_hello(&records(&hello(&[sni("public.example"), (0xfe0d, vec![0])]), 16_384)).unwrap();
    assert!(ech.ech);
}

#[test]
fn refuses_what_is_no_hello() {
    let escape = records(&hello(&[sni("a\x1b[31m.example")]), 16_384);
    let valid = records(&hello(&[sni("api.openai.com")]), 16_384);
    for (name, bytes, expected) in [
        ("cut_short", valid[..40].to_vec(), "client hello incomplete"),
        ("empty", vec![], "client hello incomplete"),
        ("http", b"GET / HTTP/1.1\r\n".to_vec(), "not a client hello"),
        ("server_hello", [vec![22, 3, 3, 0, 4, 2], vec![0; 8]].concat(), "not a client hello"),
        ("escape_in_name", escape, "client hello malformed: server name is not a host name"),
        (
            "huge_length",
            vec![22, 3, 1, 0, 4, 1, 255, 255, 255],
            "client hello malformed: longer than a stream head",
        ),
        ("empty_record", vec![22, 3, 1, 0, 0], "client hello malformed: empty record"),
    ] {
        assert_eq!(parse_hello(&bytes).unwrap_err().to_string(), expected, "{name}");
    }
}

fn piece(cookie: u64, sequence: u32, bytes: &[u8]) -> Payload {
    Payload {
        cookie,
        cgroup: 1,
        protocol: Protocol::TlsClient,
        remote: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 443),
        local_port: 40_000,
        sequence,
        total: u32::try_from(bytes.len()).unwrap(),
        bytes: bytes.to_vec().into(),
    }
}

fn server_name(bodies: &[Body]) -> Option<String> {
    match bodies {
        [Body::Hello { hello, .. }] => hello.server_name.clone(),
        _ => None,
    }
}

#[test]
fn puts_pieces_together() {
    let stream = records(&hello(&[(51, vec![9; 1258]), sni("api.anthropic.com")]), 16_384);
    // Sequence numbers that wrap in the middle, a repeated piece, and a late one.
    let start = u32::MAX - 100;
    let at = |offset: usize| start.wrapping_add(u32::try_from(offset).unwrap());
    let mut decoder = StreamDecoder::default();
    assert_eq!(decoder.push(piece(1, at(0), &stream[..3])).len(), 0);
    assert_eq!(decoder.push(piece(1, at(700), &stream[700..])).len(), 0);
    assert_eq!(decoder.push(piece(1, at(0), &stream[..3])).len(), 0);
    let bodies = decoder.push(piece(1, at(3), &stream[3..700]));
    assert_eq!(server_name(&bodies).as_deref(), Some("api.anthropic.com"));
    assert!(decoder.finish().is_empty());
}

#[test]
fn declares_what_it_gives_up() {
    let stream = records(&hello(&[sni("api.anthropic.com")]), 16_384);
    let mut decoder = StreamDecoder::default();
    assert!(decoder.push(piece(1, 0, &stream[..20])).is_empty());
    let given_up = decoder.finish();
    assert!(matches!(&given_up[..], [Body::Undecoded { cookie: 1, .. }]), "{given_up:?}");
}

/// An answer: question, then records of (owner pointer, type, ttl, data).
fn answer(question: &str, records: &[(Vec<u8>, u16, u32, Vec<u8>)]) -> Vec<u8> {
    let mut message = vec![0x12, 0x34, 0x81, 0x80, 0, 1];
    message.extend(u16::try_from(records.len()).unwrap().to_be_bytes());
    message.extend([0; 4]);
    message.extend(labels(question));
    message.extend([0, 1, 0, 1]);
    for (owner, kind, ttl, data) in records {
        message.extend(owner);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1]);
        message.extend(ttl.to_be_bytes());
        message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        message.extend(data);
    }
    message
}

fn labels(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

#[test]
fn follows_a_cname_chain_and_nothing_else() {
    let message = answer(
        "API.openai.com",
        &[
            (vec![0xc0, 12], 5, 60, labels("edge.example.net")),
            (labels("edge.example.net"), 1, 30, vec![127, 0, 10, 1]),
            (labels("other.example"), 1, 5, vec![6, 6, 6, 6]),
        ],
    );
    let found = parse_dns(&message, false).unwrap();
    assert_eq!(found.question, "api.openai.com");
    assert_eq!(found.aliases, ["edge.example.net"]);
    assert_eq!(found.addresses, [IpAddr::from([127, 0, 10, 1])].into());
    assert_eq!((found.ttl, found.cut), (30, false));
}

#[test]
fn survives_hostile_messages() {
    let mut looped = answer("a.example", &[]);
    looped[12] = 0xc0;
    looped[13] = 12;
    let mut forward = answer("a.example", &[]);
    forward[12] = 0xc0;
    forward[13] = 40;
    for (name, bytes, expected) in [
        ("empty", vec![], "DNS message malformed: header"),
        (
            "query",
            [vec![0, 1, 1, 0, 0, 1], vec![0; 6], labels("a")].concat(),
            "not an answer to one question",
        ),
        ("pointer_to_itself", looped, "DNS message malformed: name"),
        ("pointer_forward", forward, "DNS message malformed: name"),
    ] {
        assert_eq!(parse_dns(&bytes, false).unwrap_err().to_string(), expected, "{name}");
    }
    let short = answer("a.example", &[(vec![0xc0, 12], 1, 1, vec![1, 2, 3, 4])]);
    let cut = parse_dns(&short[..short.len() - 2], false).unwrap();
    assert!(cut.cut && cut.addresses.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600), sequence in any::<u32>()) {
        let _ = parse_hello(&bytes);
        let _ = parse_dns(&bytes, true);
        let _ = bom_core::decode::decode(&bytes);
        let mut decoder = StreamDecoder::default();
        decoder.push(piece(1, sequence, &bytes));
        decoder.push(piece(1, sequence.wrapping_add(7), &bytes));
        decoder.finish();
    }

    #[test]
    fn a_damaged_hello_never_panics(at in 0..120_usize, with in any::<u8>()) {
        let mut stream = records(&hello(&[sni("api.openai.com"), alpn("h2")]), 40);
        let place = at % stream.len();
        stream[place] = with;
        let _ = parse_hello(&stream);
    }
}
