//! How much is held, who gives way, and that nothing but parsed fields comes out.

use bom_core::{
    decode::{Payload, Protocol},
    event::Body,
    stream::{StreamDecoder, Undecoded},
};

use crate::{
    build::{dns, hello::hello, quic},
    door::{line, look_at_bodies, payload, piece},
};

/// What is held at most, whatever comes.
const MOST: usize = 8 << 20;

fn half(cookie: u64, cgroup: u64, bytes: &[u8]) -> Payload {
    Payload { cookie, cgroup, ..piece(bytes, 0, bytes.len()) }
}

#[test]
fn one_flood_does_not_push_out_what_another_has_half_said() {
    let stream = hello().name("quiet.example").stream();
    let mut decoder = StreamDecoder::default();
    assert!(decoder.push(half(7, 1, &stream[..60])).is_empty());
    let flood = [&[22, 3, 1, 63, 0, 1, 0, 62, 250][..], &[0; 9000]].concat();
    let mut evicted = 0_u64;
    for cookie in 100..6100 {
        for body in decoder.push(half(cookie, 2, &flood)) {
            assert!(
                matches!(&body, Body::Undecoded { cgroup: 2, reason: Undecoded::Evicted(_), .. }),
                "{body:?}"
            );
            evicted += 1;
        }
        assert!(decoder.held() <= MOST, "{}", decoder.held());
    }
    assert!(evicted > 4000);
    let rest = Payload { cookie: 7, ..piece(&stream, 60, stream.len()) };
    assert_eq!(decoder.push(rest).iter().map(line).collect::<Vec<_>>(), ["Tcp quiet.example []"]);
    // Each of the flood is accounted for: it gave way, or it is given up now.
    assert_eq!(u64::try_from(decoder.finish().len()).unwrap() + evicted, 6000);
    assert_eq!(decoder.held(), 0);
}

#[test]
fn of_one_cgroup_the_oldest_gives_way() {
    let mut decoder = StreamDecoder::default();
    let mut gone = Vec::new();
    // The newest have the smallest cookies.
    for cookie in (1..=5000).rev() {
        gone.extend(decoder.push(half(cookie, 1, &[22, 3])));
    }
    let expected: Vec<u64> = (5001 - u64::try_from(gone.len()).unwrap()..=5000).rev().collect();
    let cookies: Vec<u64> = gone
        .iter()
        .map(|body| {
            let Body::Undecoded { cookie, .. } = body else { panic!("{body:?}") };
            *cookie
        })
        .collect();
    assert!(!cookies.is_empty());
    assert_eq!(cookies, expected);
}

#[test]
fn streams_that_were_read_are_forgotten_without_a_word() {
    let stream = hello().name("a.example").stream();
    let answer = dns::answer("a.example").message();
    let initial = quic::initial(quic::V1, &[1; 8]).frames(&quic::crypto(0, &hello().message())).padded(1200);
    let mut decoder = StreamDecoder::default();
    for cookie in 0..6000 {
        let bodies = match cookie % 3 {
            0 => decoder.push(half(cookie, cookie % 7, &stream)),
            1 => decoder.push(Payload { cookie, ..payload(Protocol::DnsUdp, 0, &answer) }),
            _ => decoder.push(Payload { cookie, ..payload(Protocol::QuicClient, 0, &initial) }),
        };
        assert!(matches!(&bodies[..], [Body::Hello { .. } | Body::Dns { .. }]), "{bodies:?}");
        assert_eq!(decoder.held(), 0);
    }
    assert!(decoder.streams() <= 4096);
    assert!(decoder.finish().is_empty());
}

#[test]
fn holes_cost_no_more_than_bytes() {
    let mut decoder = StreamDecoder::default();
    let zeroes = [0; 16_384];
    let mut bodies = Vec::new();
    for at in (1..16_000).step_by(2) {
        bodies.extend(decoder.push(piece(&zeroes, at, at + 1)));
    }
    assert!(decoder.held() <= 64, "{}", decoder.held());
    bodies.extend(decoder.finish());
    assert!(!bodies.is_empty());
}

#[test]
fn many_connections_of_one_socket_are_bounded() {
    let part = hello().name("a.example").message();
    let mut decoder = StreamDecoder::default();
    let mut declared = 0;
    for number in 0..200_u8 {
        let packet = quic::initial(quic::V1, &[number; 8]).frames(&quic::crypto(0, &part[..50])).padded(1200);
        declared += decoder.push(payload(Protocol::QuicClient, 0, &packet)).len();
        assert!(decoder.held() <= 8 * 50);
    }
    assert_eq!(declared + decoder.finish().len(), 200);
}

/// A word that stands where nothing may be kept from: it must not come out in any form.
const CANARY: &str = "kanari";

#[test]
fn nothing_but_parsed_fields_comes_out() {
    let http = format!(
        "POST http://{CANARY}:{CANARY}@a.example/{CANARY}?{CANARY} HTTP/1.1\r\nHost: a.example\r\n\
         Authorization: Bearer {CANARY}\r\nContent-Length: 60\r\n\r\n{{\"prompt\":\"{CANARY}\",\"x\":{{\"model\":\"{CANARY}\"}}}}"
    );
    let tls = hello().name("a.example").extension(35, CANARY.into()).stream();
    let bad_name = hello().name(&format!("{CANARY}@")).stream();
    let bad_host = format!("GET / HTTP/1.1\r\nHost: {CANARY}@@ {CANARY}\r\n\r\n");
    let mut text = dns::answer("a.example").record(dns::QUESTION, 16, 1, CANARY.as_bytes());
    text = text.record(dns::QUESTION, 1, 1, &[10, 0, 0, 1]);
    let h2 = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x1d\x01\x04\0\0\0\x01\x83\x04\x07/".to_vec(),
        CANARY.into(),
        [&[0x0f, 8, 6][..], CANARY.as_bytes(), &[0x41, 6], b"a.test"].concat(),
    ]
    .concat();
    for (name, protocol, bytes) in [
        ("http", Protocol::HttpClient, http.into_bytes()),
        ("tls", Protocol::TlsClient, tls),
        ("tls_refused", Protocol::TlsClient, bad_name),
        ("http_refused", Protocol::HttpClient, bad_host.into_bytes()),
        ("h2c", Protocol::H2cClient, h2),
        ("dns", Protocol::DnsUdp, text.message()),
        ("dns_tcp", Protocol::DnsTcp, text.framed()),
        ("anything", Protocol::TlsClient, format!("{CANARY} {CANARY}").into_bytes()),
    ] {
        assert!(bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes()), "{name}");
        let mut decoder = look_at_bodies();
        let piece = payload(protocol, 0, &bytes);
        assert!(!format!("{piece:?}").contains(CANARY), "{name}");
        let mut bodies = decoder.push(piece);
        assert!(!format!("{decoder:?}").contains(CANARY), "{name}");
        bodies.extend(decoder.finish());
        assert!(!bodies.is_empty(), "{name}");
        let out = format!("{bodies:?}{}", serde_json::to_string(&bodies).unwrap());
        assert!(!out.contains(CANARY), "{name}: {out}");
    }
}
