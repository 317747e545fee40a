//! QUIC Initial packets.

use bom_core::decode::Protocol;

use crate::{
    build::{
        hello::hello,
        hex,
        quic::{V1, V2, crypto, initial, varint},
    },
    captured,
    door::{datagrams_say, payload, said},
};

const ID: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8];

fn say(datagrams: &[Vec<u8>]) -> Vec<String> {
    datagrams_say(Protocol::QuicClient, datagrams)
}

#[test]
fn opens_the_examples_of_the_rfcs() {
    for (name, packet) in
        [("rfc_9001_a_2", captured::RFC_9001_CLIENT), ("rfc_9369_a_2", captured::RFC_9369_CLIENT)]
    {
        assert_eq!(say(&[hex(packet)]), ["Quic example.com [alpn]"], "{name}");
    }
    assert_eq!(say(&[hex(captured::RFC_9001_SERVER)]), ["! QUIC Initial packet does not authenticate"]);
}

/// What the tests below are made with protects as the examples do.
#[test]
fn the_builder_agrees_with_the_rfcs() {
    let id = hex("8394c8f03e515708");
    for (version, expected) in [(V1, captured::RFC_9001_CLIENT), (V2, captured::RFC_9369_CLIENT)] {
        let packet = initial(version, &id).number(2).frames(&hex(captured::RFC_9001_FRAMES)).padded(1200);
        assert_eq!(packet, hex(expected));
    }
}

#[test]
fn reads_what_clients_really_send() {
    assert_eq!(say(&[hex(captured::AIOQUIC_V1)]), ["Quic api.anthropic.com [h3]"]);
    assert_eq!(say(&[hex(captured::AIOQUIC_V2)]), ["Quic api.mistral.ai [h3]"]);
}

#[test]
fn puts_the_hello_together() {
    let hello = hello().name("api.openai.com").alpn(&["h3"]).post_quantum().message();
    let (a, b, c) = (&hello[..400], &hello[400..900], &hello[900..]);
    let one = |number, frames: &[u8]| initial(V1, ID).number(number).frames(frames).padded(1200);
    let small = |number, frames: &[u8]| initial(V1, ID).number(number).frames(frames).packet();
    let ack = [&[2][..], &varint(70), &varint(9), &varint(1), &varint(3), &varint(2), &varint(5)].concat();
    let ecn = [&[3][..], &varint(70), &varint(9), &varint(0), &varint(3), &[1, 2, 3]].concat();
    let close = [&[0x1c][..], &varint(300), &varint(6), &varint(3), b"bye"].concat();
    let (first, second, third) = (crypto(0, a), crypto(400, b), crypto(900, c));
    for (name, datagrams) in [
        ("in_order", vec![one(0, &first), one(1, &second), one(2, &third)]),
        ("turned_round", vec![one(2, &third), one(1, &second), one(0, &first)]),
        ("twice", vec![one(0, &first), one(0, &first), one(3, &second), one(1, &second), one(2, &third)]),
        (
            "shuffled_within_a_packet",
            vec![one(0, &[&second[..], &[1, 0, 0], &first].concat()), one(1, &[&ack[..], &third].concat())],
        ),
        (
            "other_frames_between",
            vec![
                one(0, &[&ecn[..], &first].concat()),
                one(1, &second),
                one(2, &[&third[..], &close].concat()),
            ],
        ),
        ("coalesced", vec![[small(0, &first), small(1, &second)].concat(), one(2, &third)]),
        ("segments_as_one", vec![[one(0, &first), one(1, &second), one(2, &third)].concat()]),
        (
            "overlapping",
            vec![one(0, &crypto(0, &hello[..700])), one(1, &crypto(300, &hello[300..1000])), one(2, &third)],
        ),
        (
            "answered_in_between",
            vec![
                one(0, &first),
                initial(V1, ID).to(&[9; 4]).number(1).frames(&second).padded(1200),
                initial(V1, ID).to(&[9; 4]).number(70_000).frames(&third).padded(1200),
            ],
        ),
    ] {
        assert_eq!(say(&datagrams), ["Quic api.openai.com [h3]"], "{name}");
    }
}

#[test]
fn follows_a_client_that_starts_again() {
    let hello = hello().name("a.example").alpn(&["h3"]).message();
    let (a, b) = (&hello[..60], &hello[60..]);
    let whole = crypto(0, &hello);
    let first = |version| initial(version, ID).source(&[7; 5]);
    let retried = initial(V1, &[3; 8]).source(&[7; 5]).token(b"from the server").number(1);
    for (name, datagrams, expected) in [
        (
            "retry_in_the_middle",
            vec![
                first(V1).frames(&crypto(0, a)).padded(1200),
                retried.clone().frames(&crypto(60, b)).padded(1200),
                retried.clone().number(2).frames(&crypto(0, a)).padded(1200),
            ],
            &["Quic a.example [h3]"][..],
        ),
        (
            "retry_after_all",
            vec![first(V1).frames(&whole).padded(1200), retried.frames(&whole).padded(1200)],
            &["Quic a.example [h3]", "Quic a.example [h3]"],
        ),
        (
            "another_version_on_the_way",
            vec![
                first(V1).frames(&crypto(0, a)).padded(1200),
                initial(V2, ID).to(&[9; 8]).number(1).frames(&crypto(60, b)).padded(1200),
            ],
            &["Quic a.example [h3]"],
        ),
        (
            "two_from_one_socket",
            vec![
                first(V1).frames(&crypto(0, a)).padded(1200),
                initial(V2, &[4; 20]).frames(&whole).padded(1200),
            ],
            &["Quic a.example [h3]", "! Quic head incomplete"],
        ),
    ] {
        assert_eq!(say(&datagrams), expected, "{name}");
    }
}

#[test]
fn declares_what_it_cannot_read() {
    let hello = hello().name("a.example").message();
    let valid = initial(V1, ID).frames(&crypto(0, &hello)).padded(1200);
    let mut changed = valid.clone();
    changed[700] ^= 1;
    let mut unknown = valid.clone();
    unknown[1..5].copy_from_slice(&[0xff, 0, 0, 29]);
    let mut negotiation = valid[..15].to_vec();
    negotiation[1..5].fill(0);
    negotiation.extend([0, 0, 0, 1]);
    let mut long_id = valid.clone();
    long_id[5] = 21;
    let frames = |frames: &[u8]| initial(V1, ID).frames(frames).padded(1200);
    for (name, datagrams, expected) in [
        ("changed_on_the_way", vec![changed], &["! QUIC Initial packet does not authenticate"][..]),
        ("another_version", vec![unknown.clone(), unknown], &["! QUIC version 0xff00001d"]),
        ("negotiation", vec![negotiation], &[]),
        (
            "cut_short",
            vec![valid[..900].to_vec()],
            &["! Quic head malformed: packet longer than its datagram"],
        ),
        (
            "connection_id_too_long",
            vec![long_id],
            &["! Quic head malformed: connection id longer than 20 bytes"],
        ),
        ("half_a_hello", vec![frames(&crypto(0, &hello[..40]))], &["! Quic head incomplete"]),
        ("not_from_the_beginning", vec![frames(&crypto(10, &hello[10..]))], &["! Quic head incomplete"]),
        (
            "offset_past_the_limit",
            vec![frames(&crypto(1 << 29, b"x"))],
            &["! Quic head longer than what is read"],
        ),
        ("stream_frame", vec![frames(&[8, 0, 1])], &["! Quic head malformed: frames"]),
        (
            "server_hello",
            vec![frames(&crypto(0, &[2, 0, 0, 0]))],
            &["! Quic head malformed: not a client hello"],
        ),
        ("short_header", vec![vec![0x41; 1200]], &[]),
        ("zeroes_behind", vec![[valid.clone(), vec![0; 50]].concat()], &["Quic a.example []"]),
        (
            "two_copies_that_differ",
            vec![frames(&[crypto(0, &hello[..60]), crypto(50, &[0; 5]), crypto(60, &hello[60..])].concat())],
            &["Quic a.example []", "! Quic head sent twice with different content"],
        ),
    ] {
        assert_eq!(say(&datagrams), expected, "{name}");
    }
}

#[test]
fn puts_the_pieces_of_a_datagram_together() {
    let hello = hello().name("a.example").post_quantum().message();
    let segments = [
        initial(V1, ID).frames(&crypto(0, &hello[..1000])).padded(1200),
        initial(V1, ID).number(1).frames(&crypto(1000, &hello[1000..])).padded(1200),
    ]
    .concat();
    let piece = |from: usize, to: usize| {
        let mut piece = payload(Protocol::QuicClient, u32::try_from(from).unwrap(), &segments[from..to]);
        piece.total = u32::try_from(segments.len()).unwrap();
        piece
    };
    for cut in [1, 1199, 1200, 1201, 2048, 2399] {
        assert_eq!(said([piece(0, cut), piece(cut, 2400)]), ["Quic a.example []"], "cut at {cut}");
    }
    for (name, pieces) in [
        ("end_missing", vec![piece(0, 2048)]),
        ("beginning_missing", vec![piece(2048, 2400)]),
        ("beginning_missing_then_another", vec![piece(2048, 2400), piece(0, 2048)]),
    ] {
        let lines = said(pieces);
        assert!(lines.contains(&"! Quic head incomplete".to_owned()), "{name}: {lines:?}");
    }
}
