//! DNS answers over UDP and TCP.

use bom_core::{
    decode::Protocol,
    stream::{StreamDecoder, parse_dns},
};

use crate::{
    build::dns::{QUESTION, answer, labels},
    door::{START, datagrams_say, line, payload, said},
};

fn says(message: Vec<u8>) -> Vec<String> {
    datagrams_say(Protocol::DnsUdp, &[message])
}

#[test]
fn keeps_the_chain_from_the_question_to_the_addresses() {
    let edge = labels("edge.example.net");
    let hints4 = vec![10, 0, 0, 1, 10, 0, 0, 2];
    let mut hints6 = vec![0; 15];
    hints6.push(1);
    for (name, message, expected) in [
        ("address", answer("API.OpenAI.com").address(QUESTION, 60, "10.0.0.1"), "api.openai.com: 10.0.0.1"),
        (
            "chain",
            answer("a.example")
                .alias(QUESTION, 60, "b.example")
                .alias(&labels("b.example"), 60, "edge.example.net")
                .address(&edge, 30, "10.0.0.1")
                .address(&edge, 30, "2001:db8::1"),
            "a.example > b.example > edge.example.net: 10.0.0.1 2001:db8::1",
        ),
        (
            "chain_in_any_order",
            answer("a.example")
                .address(&edge, 30, "10.0.0.1")
                .alias(&labels("B.example"), 60, "edge.example.net")
                .alias(QUESTION, 60, "b.example"),
            "a.example > b.example > edge.example.net: 10.0.0.1",
        ),
        (
            "chain_that_bites_its_tail",
            answer("a.example").alias(QUESTION, 60, "b.example").alias(&labels("b.example"), 60, "a.example"),
            "a.example > b.example:",
        ),
        (
            "address_of_another",
            answer("a.example").address(&labels("b.example"), 5, "6.6.6.6").address(QUESTION, 5, "10.0.0.1"),
            "a.example: 10.0.0.1",
        ),
        (
            "mapped_address",
            answer("a.example").address(QUESTION, 1, "::ffff:10.0.0.1"),
            "a.example: 10.0.0.1",
        ),
        (
            "https",
            answer("a.example").kind(65).https(
                QUESTION,
                1,
                "",
                &[(1, vec![2, b'h', b'3']), (4, hints4), (5, vec![0xec; 70]), (6, hints6)],
            ),
            "a.example: hints 10.0.0.1 10.0.0.2 ::1 ech",
        ),
        (
            "https_elsewhere",
            answer("a.example").kind(65).https(QUESTION, 0, "svc.example.net", &[]),
            "a.example: at svc.example.net",
        ),
        (
            "no_such_name",
            answer("a.example.default.svc.cluster.local").code(3),
            "a.example.default.svc.cluster.local: code 3",
        ),
        ("nothing_of_that_type", answer("a.example").kind(28), "a.example:"),
        ("edns", answer("a.example").address(QUESTION, 1, "10.0.0.1").edns(0), "a.example: 10.0.0.1"),
        ("code_of_edns", answer("a.example").edns(1), "a.example: code 16"),
        ("bytes_in_a_name", answer("a\x1b\u{7f}.ex ample"), r"a\027\127.ex\032ample:"),
        ("root", answer(""), ":"),
    ] {
        assert_eq!(says(message.message()), [expected], "{name}");
    }
}

#[test]
fn keeps_the_shortest_time_to_live_and_what_was_asked() {
    let message = answer("a.example")
        .kind(28)
        .alias(QUESTION, 20, "b.example")
        .address(&labels("b.example"), 300, "::1")
        .address(&labels("c.example"), 1, "::2");
    let found = parse_dns(&message.message(), false).unwrap();
    assert_eq!((found.ttl, found.kind, found.cut), (20, 28, false));
}

#[test]
fn a_truncated_answer_is_declared_with_its_question() {
    let part = answer("a.example").address(QUESTION, 60, "10.0.0.1").truncated();
    assert_eq!(says(part.message()), ["a.example: 10.0.0.1", "! DNS answer truncated"]);
    assert_eq!(says(answer("a.example").truncated().message()), ["! DNS answer truncated"]);
    let mut short = answer("a.example").address(QUESTION, 60, "10.0.0.1").message();
    short.truncate(short.len() - 2);
    assert_eq!(says(short), ["! DNS answer truncated"]);
    let mut cut =
        payload(Protocol::DnsUdp, 0, &answer("a.example").address(QUESTION, 60, "10.0.0.1").message());
    cut.total = 20_000;
    assert_eq!(said([cut]), ["a.example: 10.0.0.1", "! DNS answer truncated"]);
}

#[test]
fn survives_hostile_messages() {
    let start = 12;
    let with = |at: usize, bytes: &[u8]| {
        let mut message = answer("a.example").address(QUESTION, 1, "10.0.0.1").message();
        message[at..at + bytes.len()].copy_from_slice(bytes);
        message
    };
    // Every name is a pointer to the one before it.
    let mut ladder = answer("a.example");
    for step in 0..100_u16 {
        let owner = if step == 0 { 12 } else { 27 + (step - 1) * 12 };
        ladder = ladder.record(&(0xc000 | owner).to_be_bytes(), 1, 1, b"");
    }
    for (name, bytes, expected) in [
        ("empty", vec![], "header"),
        ("query", answer("a").query().message(), "not an answer to one question"),
        ("two_questions", with(4, &[0, 2]), "not an answer to one question"),
        ("pointer_to_itself", with(start, &[0xc0, 12]), "name"),
        ("pointer_forward", with(start, &[0xc0, 40]), "name"),
        ("reserved_label", with(start, &[0x80]), "name"),
        ("no_type", answer("a").message()[..15].to_vec(), "question"),
        ("address_of_three_bytes", answer("a").record(QUESTION, 1, 1, &[1, 2, 3]).message(), "A record"),
        (
            "address_of_four_bytes",
            answer("a").record(QUESTION, 28, 1, &[1, 2, 3, 4]).message(),
            "AAAA record",
        ),
        ("alias_past_its_record", answer("a").record(QUESTION, 5, 1, &[5, b'a']).message(), "name"),
        (
            "half_a_hint",
            answer("a").https(QUESTION, 1, "", &[(4, vec![1, 2, 3])]).message(),
            "service record",
        ),
        (
            "service_without_a_target",
            answer("a").record(QUESTION, 65, 1, &[0, 1]).message(),
            "service record",
        ),
        ("ladder_of_pointers", ladder.message(), "A record"),
    ] {
        let error = parse_dns(&bytes, false).unwrap_err().to_string();
        assert_eq!(error.trim_start_matches("DNS message malformed: "), expected, "{name}");
    }
    let many = (0..300_u16).fold(answer("a.example"), |many, last| {
        let [high, low] = last.to_be_bytes();
        many.record(QUESTION, 1, 1, &[10, 0, high, low])
    });
    let found = parse_dns(&many.message(), false).unwrap();
    assert_eq!((found.addresses.len(), found.cut), (256, true));
    let chain = (0..60).fold(answer("0.a"), |chain, step| {
        chain.alias(&labels(&format!("{step}.a")), 1, &format!("{}.a", step + 1))
    });
    assert_eq!(parse_dns(&chain.message(), false).unwrap().aliases.len(), 32);
}

fn tcp(stream: &[u8], from: usize, to: usize) -> bom_core::decode::Payload {
    payload(Protocol::DnsTcp, START.wrapping_add(u32::try_from(from).unwrap()), &stream[from..to])
}

#[test]
fn reads_every_message_of_a_tcp_stream() {
    let stream = [
        answer("a.example").address(QUESTION, 60, "10.0.0.1").framed(),
        answer("b.example").code(3).framed(),
        answer("c.example").kind(28).address(QUESTION, 60, "::1").framed(),
    ]
    .concat();
    let expected = ["a.example: 10.0.0.1", "b.example: code 3", "c.example: ::1"];
    for cut in 1..stream.len() {
        let end = stream.len();
        assert_eq!(said([tcp(&stream, 0, cut), tcp(&stream, cut, end)]), expected, "cut at {cut}");
        let mut late = said([tcp(&stream, cut, end), tcp(&stream, 0, cut), tcp(&stream, 0, end)]);
        late.sort();
        assert_eq!(late, expected, "cut at {cut}, turned round, and again");
    }
    let bytewise = (0..stream.len()).map(|at| tcp(&stream, at, at + 1));
    assert_eq!(said(bytewise), expected);
}

#[test]
fn declares_what_it_cannot_read_of_a_tcp_stream() {
    let whole = answer("a.example").address(QUESTION, 60, "10.0.0.1").framed();
    let long = [&[0xff, 0xff][..], &answer("a.example").message(), &[0; 20_000]].concat();
    let transfer = [&whole[..], &[0, 12, 0, 1, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0], &whole].concat();
    for (name, stream, expected) in [
        ("cut_short", whole[..20].to_vec(), &["! Dns head incomplete"][..]),
        ("longer_than_what_is_read", long, &["! Dns head longer than what is read"]),
        (
            "message_without_a_question",
            transfer,
            &[
                "a.example: 10.0.0.1",
                "! Dns head malformed: not an answer to one question",
                "a.example: 10.0.0.1",
            ],
        ),
        ("no_dns", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), &["! Dns head incomplete"]),
    ] {
        assert_eq!(said([tcp(&stream, 0, stream.len())]), expected, "{name}");
    }
}

#[test]
fn a_long_stream_of_answers_needs_little_room() {
    let stream = answer("a.example").address(QUESTION, 60, "10.0.0.1").framed().repeat(3000);
    let mut decoder = StreamDecoder::default();
    let mut found = 0;
    for start in (0..stream.len()).step_by(1448) {
        let bodies = decoder.push(tcp(&stream, start, stream.len().min(start + 1448)));
        assert!(bodies.iter().all(|body| line(body) == "a.example: 10.0.0.1"));
        found += bodies.len();
        assert!(decoder.held() < 100);
    }
    assert_eq!(found, 3000);
}
