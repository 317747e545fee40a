//! Whatever pieces a stream comes in, in whatever order and how often, it says the same; and nothing
//! makes the decoder fail.

use bom_core::{
    decode::{Payload, Protocol},
    stream::{Held, Settings, StreamDecoder, parse_dns, parse_hello},
};
use proptest::prelude::*;

use crate::{
    build::{dns, hello::hello, quic},
    captured,
    door::{START, datagrams_say, payload, said, said_to},
};

const PROTOCOLS: [Protocol; 6] = [
    Protocol::DnsUdp,
    Protocol::TlsClient,
    Protocol::HttpClient,
    Protocol::H2cClient,
    Protocol::QuicClient,
    Protocol::DnsTcp,
];

fn tls_streams() -> Vec<(Vec<u8>, Vec<&'static str>)> {
    let large = hello().post_quantum().name("api.openai.com").alpn(&["h2"]);
    let connect = b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: x.example\r\nA: b\r\n\r\n";
    let proxy = "Http1 Connect target api.openai.com|443 host x.example";
    let plain = b"POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.1\r\nHost: b.example\r\n\r\n";
    vec![
        (large.stream(), vec!["Tcp api.openai.com [h2]"]),
        (large.records(333), vec!["Tcp api.openai.com [h2]"]),
        ([&connect[..], &large.records(777)].concat(), vec![proxy, "Tcp api.openai.com [h2]"]),
        (
            plain.to_vec(),
            vec!["Http1 Changing target - host a.example", "Http1 Safe target - host b.example"],
        ),
        (
            crate::build::hex(captured::HYPER_H2),
            vec!["Http2 Changing http target ollama.internal|11434 host -"],
        ),
    ]
}

fn dns_stream() -> (Vec<u8>, Vec<&'static str>) {
    let one = dns::answer("a.example").address(dns::QUESTION, 60, "10.0.0.1").framed();
    let two = dns::answer("b.example").alias(dns::QUESTION, 9, "c.example").framed();
    let three = dns::answer("d.example").address(dns::QUESTION, 60, "::1").framed();
    let expected = vec!["a.example: 10.0.0.1", "b.example > c.example:", "d.example: ::1"];
    ([one, two, three].concat(), expected)
}

/// Overlapping pieces that together are everything, some of them twice, in any order.
fn pieces(length: usize) -> impl Strategy<Value = Vec<(usize, usize)>> {
    let cuts = prop::collection::btree_set(1..length, 0..12);
    let extra = prop::collection::vec((0..length, 1..length), 0..6);
    (cuts, extra).prop_flat_map(move |(cuts, extra)| {
        let starts = std::iter::once(0).chain(cuts.iter().copied());
        let ends = cuts.iter().copied().chain([length]);
        let mut pieces: Vec<(usize, usize)> = starts.zip(ends).collect();
        pieces.extend(extra.iter().map(|&(start, size)| (start, length.min(start + size))));
        Just(pieces).prop_shuffle()
    })
}

fn which(count: usize) -> impl Strategy<Value = usize> {
    0..count
}

fn at(protocol: Protocol, stream: &[u8], (start, end): (usize, usize)) -> Payload {
    payload(protocol, START.wrapping_add(u32::try_from(start).unwrap()), &stream[start..end])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_client_stream_says_the_same_in_any_pieces(
        (which, pieces) in which(5).prop_flat_map(|which| {
            (Just(which), pieces(tls_streams()[which].0.len()))
        }),
    ) {
        let (stream, expected) = &tls_streams()[which];
        let payloads = pieces.iter().map(|&range| at(Protocol::HttpClient, stream, range));
        let mut lines = said(payloads);
        lines.sort();
        prop_assert_eq!(&lines, expected);
    }

    #[test]
    fn a_dns_stream_says_the_same_in_any_pieces(pieces in pieces(dns_stream().0.len())) {
        let (stream, expected) = dns_stream();
        let mut lines = said(pieces.iter().map(|&range| at(Protocol::DnsTcp, &stream, range)));
        lines.sort();
        prop_assert_eq!(lines, expected);
    }

    #[test]
    fn a_quic_hello_says_the_same_in_any_pieces(
        pieces in pieces(hello().post_quantum().name("a.example").message().len()),
        version in prop::sample::select(vec![quic::V1, quic::V2]),
        per_packet in 1..4_usize,
    ) {
        let message = hello().post_quantum().name("a.example").message();
        let packet = |(number, pieces): (usize, &[(usize, usize)])| {
            let frames = pieces.iter().map(|&(start, end)| quic::crypto(start, &message[start..end]));
            let initial = quic::initial(version, &[5; 8]).number(u32::try_from(number).unwrap());
            initial.frames(&frames.collect::<Vec<_>>().concat()).padded(1200)
        };
        let datagrams: Vec<Vec<u8>> = pieces.chunks(per_packet).enumerate().map(packet).collect();
        prop_assert_eq!(datagrams_say(Protocol::QuicClient, &datagrams), ["Quic a.example []"]);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        streams in prop::collection::vec(
            (0..3_u64, prop::sample::select(PROTOCOLS.to_vec()), any::<u32>(), any::<u32>(),
             prop::collection::vec(any::<u8>(), 0..300)),
            0..20,
        ),
        http_model in any::<bool>(),
    ) {
        let mut decoder = StreamDecoder::new(Settings { http_model });
        for (cookie, protocol, sequence, total, bytes) in streams {
            let _ = parse_hello(&bytes);
            let _ = parse_dns(&bytes, true);
            let _ = bom_core::decode::decode(&bytes);
            decoder.push(Payload { cookie, total, bytes: Held::from(bytes), ..payload(protocol, sequence, &[]) });
        }
        decoder.finish();
        prop_assert_eq!(decoder.held(), 0);
    }

    #[test]
    fn a_damaged_head_never_panics(
        which in which(5),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut stream = tls_streams().swap_remove(which).0;
        for (place, with) in damage {
            let place = place.index(stream.len());
            stream[place] = with;
        }
        let cut = cut.index(stream.len());
        let end = stream.len();
        let pieces = [at(Protocol::TlsClient, &stream, (cut, end)), at(Protocol::TlsClient, &stream, (0, cut))];
        let lines = said_to(crate::door::look_at_bodies(), pieces);
        // Every stream says something, if only that it cannot be read.
        prop_assert!(!lines.is_empty());
    }

    #[test]
    fn a_damaged_answer_never_panics(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut message = dns::answer("a.example")
            .alias(dns::QUESTION, 9, "c.example")
            .https(&dns::labels("c.example"), 1, "d.example", &[(4, vec![1, 2, 3, 4]), (5, vec![1])])
            .address(&dns::labels("c.example"), 4, "::1")
            .edns(0)
            .message();
        for (place, with) in damage {
            let place = place.index(message.len());
            message[place] = with;
        }
        prop_assert!(!datagrams_say(Protocol::DnsUdp, &[message]).is_empty());
    }
}
