//! ClientHellos over TCP.

use bom_core::{
    decode::Protocol,
    event::Body,
    stream::{StreamDecoder, parse_hello},
};

use crate::{
    build::{
        behind16,
        hello::{Hello, hello},
        hex,
    },
    captured,
    door::{payload, piece, said, stream_says},
};

#[test]
fn keeps_the_fields_of_a_hello() {
    for (name, hello, expected) in [
        (
            "plain",
            hello().name("api.openai.com").alpn(&["h2", "http/1.1"]),
            "Tcp api.openai.com [h2 http/1.1]",
        ),
        (
            "name_behind_a_post_quantum_share",
            hello().post_quantum().name("api.openai.com"),
            "Tcp api.openai.com []",
        ),
        ("capitals_and_last_dot", hello().name("API.OpenAI.com."), "Tcp api.openai.com []"),
        ("no_name", hello().alpn(&["http/1.1"]), "Tcp - [http/1.1]"),
        ("no_extensions", hello(), "Tcp - []"),
        ("encrypted_inner_hello", hello().name("public.example").ech(239), "Tcp public.example [] ech"),
        ("encrypted_with_nothing_inside", hello().name("a.example").ech(0), "Tcp a.example [] ech"),
        ("protocol_with_control_bytes", hello().alpn(&["h\n2"]), r"Tcp - [h\n2]"),
    ] {
        for size in [1, 7, 100, 16_384] {
            assert_eq!(stream_says(&hello.records(size)), [expected], "{name} in records of {size}");
        }
    }
}

#[test]
fn keeps_the_versions_but_not_those_made_up_for_practice() {
    for (name, hello, expected) in [
        ("offered", hello().versions(&[0x1a1a, 0x0304, 0x0303]), vec![0x0304, 0x0303]),
        ("old_clients_say_one", hello(), vec![0x0303]),
        ("not_for_practice", hello().versions(&[0x0a1a]), vec![0x0a1a]),
    ] {
        assert_eq!(parse_hello(&hello.stream()).unwrap().versions, expected, "{name}");
    }
}

#[test]
fn reads_what_clients_really_send() {
    let hello = hex(captured::OPENSSL_3_0);
    assert_eq!(stream_says(&hello), ["Tcp api.openai.com [h2 http/1.1]"]);
}

/// Cuts the stream at every byte, and lets the parts come in order and the other way round.
fn check_every_cut(name: &str, stream: &[u8], expected: &[&str]) {
    for cut in 1..stream.len() {
        let (one, two) = (|| piece(stream, 0, cut), || piece(stream, cut, stream.len()));
        assert_eq!(said([one(), two()]), expected, "{name} cut at {cut}");
        let mut late = said([two(), one()]);
        late.sort();
        assert_eq!(late, expected, "{name} cut at {cut}, turned round");
    }
}

#[test]
fn a_hello_cut_anywhere_says_the_same() {
    let small = hello().name("api.anthropic.com").alpn(&["h2"]);
    let large = small.clone().post_quantum().ech(300);
    check_every_cut("one_record", &small.stream(), &["Tcp api.anthropic.com [h2]"]);
    check_every_cut("records_of_50", &small.records(50), &["Tcp api.anthropic.com [h2]"]);
    check_every_cut("post_quantum", &large.stream(), &["Tcp api.anthropic.com [h2] ech"]);
    check_every_cut("post_quantum_in_records", &large.records(700), &["Tcp api.anthropic.com [h2] ech"]);
}

#[test]
fn a_hello_behind_a_proxy_is_told_beside_the_proxy() {
    let connect = b"CONNECT api.anthropic.com:443 HTTP/1.1\r\nHost: api.anthropic.com:443\r\n\r\n";
    let hello = hello().name("api.anthropic.com").post_quantum();
    let expected =
        ["Http1 Connect target api.anthropic.com|443 host api.anthropic.com|443", "Tcp api.anthropic.com []"];
    check_every_cut("connect", &[&connect[..], &hello.stream()].concat(), &expected);
}

#[test]
fn a_hello_is_found_behind_what_is_no_head() {
    let stream = [&[5, 1, 0][..], &hello().name("a.example").stream()].concat();
    // The kernel forwards from the hello on; what a proxy was told before comes again, late.
    assert_eq!(
        said([piece(&stream, 3, 60), piece(&stream, 0, 3), piece(&stream, 60, stream.len())]),
        ["Tcp a.example []"]
    );
}

#[test]
fn declares_what_it_cannot_read() {
    let whole = hello().name("api.openai.com").stream();
    let escape = hello().name("a\x1b[31m.example").stream();
    let empty = hello().name("a..example").stream();
    for (name, stream, expected) in [
        ("cut_short", whole[..60].to_vec(), "! Tls head incomplete"),
        ("first_byte_alone", vec![22], "! Tls head incomplete"),
        ("server_hello", [&[22, 3, 3][..], &behind16(&[2, 0, 0, 1, 0])].concat(), "! not a head we know"),
        ("alert", vec![21, 3, 3, 0, 2, 1, 0], "! not a head we know"),
        ("ssh", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), "! not a head we know"),
        ("escape_in_name", escape, "! Tls head malformed: server name is not a host name"),
        ("empty_label", empty, "! Tls head malformed: server name is not a host name"),
        (
            "longer_than_a_head",
            vec![22, 3, 1, 0, 9, 1, 0, 255, 255, 3, 3, 0, 0, 0],
            "! Tls head longer than what is read",
        ),
        (
            "extensions_past_the_end",
            {
                let mut message = hello().message();
                let last = message.len() - 1;
                message[last] = 9;
                [&[22, 3, 1][..], &behind16(&message)].concat()
            },
            "! Tls head malformed: cut short",
        ),
    ] {
        assert_eq!(stream_says(&stream), [expected], "{name}");
    }
}

#[test]
fn a_hello_past_the_limit_is_declared_as_soon_as_the_limit_is_reached() {
    let stream = hello().extension(21, vec![0; 16_300]).name("a.example").records(4096);
    let mut decoder = StreamDecoder::default();
    let mut lines = Vec::new();
    for start in (0..stream.len()).step_by(1000) {
        let end = stream.len().min(start + 1000);
        lines.extend(decoder.push(piece(&stream, start, end)).iter().map(crate::door::line));
    }
    assert_eq!(lines, ["! Tls head longer than what is read"]);
    assert_eq!(decoder.held(), 0);
}

#[test]
fn two_copies_that_differ_are_flagged_and_the_first_counts() {
    let stream = hello().name("real.example").stream();
    let forged = hello().name("fake.example").stream();
    assert_eq!(
        said([piece(&stream, 0, stream.len() - 1), piece(&forged, 0, forged.len())]),
        ["Tcp real.example []", "! Tls head sent twice with different content"].map(str::to_owned).to_vec()
    );
}

#[test]
fn what_comes_after_the_hello_is_left_alone() {
    let stream = [hello().name("a.example").stream(), vec![20, 3, 3, 0, 1, 1], vec![23; 400]].concat();
    let end = stream.len() - 406;
    let late = [piece(&stream, 0, end), piece(&stream, end, stream.len()), piece(&stream, 0, 100)];
    assert_eq!(said(late), ["Tcp a.example []"]);
}

#[test]
fn a_socket_that_connects_again_is_another_stream() {
    let name = |name: &str| hello().name(name).stream();
    let mut decoder = StreamDecoder::default();
    let mut push = |sequence, stream: &[u8]| {
        let bodies = decoder.push(payload(Protocol::TlsClient, sequence, stream));
        bodies.iter().map(crate::door::line).collect::<Vec<_>>()
    };
    assert_eq!(push(1000, &name("first.example")), ["Tcp first.example []"]);
    assert_eq!(push(1000, &name("first.example")), [""; 0]);
    assert_eq!(push(900_000_000, &name("second.example")), ["Tcp second.example []"]);
    // Half of a third, and then a fourth.
    assert_eq!(push(1000, &name("third.example")[..50]), [""; 0]);
    assert_eq!(
        push(900_000_000, &name("fourth.example")),
        ["! Tls head incomplete", "Tcp fourth.example []"]
    );
    assert!(decoder.close(1).is_empty());
    assert_eq!(decoder.streams(), 0);
}

#[test]
fn a_closed_socket_says_what_it_left_unfinished() {
    let stream = hello().name("a.example").stream();
    let mut decoder = StreamDecoder::default();
    assert!(decoder.push(piece(&stream, 0, 20)).is_empty());
    assert!(decoder.close(2).is_empty());
    let left = decoder.close(1);
    assert!(matches!(&left[..], [Body::Undecoded { cookie: 1, cgroup: 1, .. }]), "{left:?}");
    assert!(decoder.close(1).is_empty());
}

/// A builder that nothing can be taken away from proves little.
#[test]
fn a_hello_without_its_name_has_none() {
    let with: Hello = hello().name("a.example");
    assert_ne!(stream_says(&with.stream()), stream_says(&hello().stream()));
}
