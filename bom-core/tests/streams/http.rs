//! Requests in plain text: HTTP/1, HTTP/2 with prior knowledge, and the names of models in them.

use crate::{
    build::{hello::hello, hex},
    captured,
    door::{look_at_bodies, piece, said, said_to, stream_says},
};

#[test]
fn keeps_where_a_request_goes() {
    for (name, stream, expected) in [
        (
            "origin_form",
            "POST /v1/chat?key=sk-1 HTTP/1.1\r\nHost: Ollama.Internal:11434\r\nAuthorization: Bearer x\r\n\r\n",
            &["Http1 Changing target - host ollama.internal|11434"][..],
        ),
        (
            "absolute_form_for_a_proxy",
            "GET http://user:secret@api.example/path HTTP/1.1\r\nHost: other.example\r\n\r\n",
            &["Http1 Safe http target api.example host other.example"],
        ),
        (
            "https_through_a_proxy",
            "GET HTTPS://a.example:8443?x HTTP/1.1\r\nhost:a.example\r\n\r\n",
            &["Http1 Safe https target a.example|8443 host a.example"],
        ),
        ("connect", "CONNECT [::1]:443 HTTP/1.1\r\n\r\n", &["Http1 Connect target ::1|443 host -"]),
        (
            "mapped_address",
            "GET / HTTP/1.1\r\nHost: [::ffff:10.0.0.1]:80\r\n\r\n",
            &["Http1 Safe target - host 10.0.0.1|80"],
        ),
        (
            "colon_in_the_path",
            "GET /a:b://c HTTP/1.1\r\nHost: a.example\r\n\r\n",
            &["Http1 Safe target - host a.example"],
        ),
        (
            "asterisk",
            "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
            &["Http1 Safe target - host a.example"],
        ),
        ("no_host", "GET / HTTP/1.0\r\n\r\n", &["Http1 Safe target - host -"]),
        ("line_feeds_alone", "GET / HTTP/1.1\nHost: a.example\n\n", &["Http1 Safe target - host a.example"]),
        (
            "upgrade",
            "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket, H2C\r\n\r\n",
            &["Http1 Safe target - host a.example upgrade"],
        ),
        (
            "webdav",
            "PROPFIND / HTTP/1.1\r\nHost: a.example\r\n\r\n",
            &["Http1 Other target - host a.example"],
        ),
        (
            "name_of_another_field",
            "GET / HTTP/1.1\r\nX-Host: a.example\r\n\r\n",
            &["Http1 Safe target - host -"],
        ),
        (
            "rest_never_came",
            "GET / HTTP/1.1\r\nHost: a.example\r\nCookie: aaaa",
            &["Http1 Safe target - host a.example"],
        ),
    ] {
        assert_eq!(stream_says(stream.as_bytes()), expected, "{name}");
    }
}

#[test]
fn declares_what_it_cannot_read() {
    for (name, stream, expected) in [
        ("half_a_line", "GET /aaaa", &["! Http head incomplete"][..]),
        (
            "method_of_its_own",
            "EVADE / HTTP/1.1\r\nHost: a.example\r\n\r\n",
            &["! Http head malformed: method is not known"],
        ),
        ("mail", "EHLO a.example\r\n", &["! not a head we know"]),
        ("http_0_9", "GET /\r\n", &["! not a head we know"]),
        (
            "two_hosts",
            "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
            &["! Http head malformed: more than one Host", "Http1 Safe target - host a.example"],
        ),
        (
            "host_with_an_escape",
            "GET / HTTP/1.1\r\nHost: a\x1b[1m.example\r\n\r\n",
            &["! Http head malformed: Host is not a host", "Http1 Safe target - host -"],
        ),
        (
            "port_too_large",
            "CONNECT a.example:70000 HTTP/1.1\r\n\r\n",
            &["! Http head malformed: target of CONNECT is not a host", "Http1 Connect target - host -"],
        ),
    ] {
        assert_eq!(stream_says(stream.as_bytes()), expected, "{name}");
    }
    let long = format!("GET / HTTP/1.1\r\nCookie: {}", "a".repeat(20_000));
    assert_eq!(stream_says(long.as_bytes()), ["! Http head longer than what is read"]);
    let named = format!("GET / HTTP/1.1\r\nHost: a.example\r\nCookie: {}", "a".repeat(20_000));
    assert_eq!(stream_says(named.as_bytes()), ["Http1 Safe target - host a.example"]);
}

#[test]
fn later_requests_of_a_stream_are_read_too() {
    let first = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 31\r\n\r\n";
    let body = "GET / HTTP/1.1\r\nHost: no.body\r\n";
    let other = "GET http://b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n";
    let expected =
        ["Http1 Changing target - host a.example", "Http1 Safe http target b.example host b.example"];
    assert_eq!(body.len(), 31);
    let stream = [first, body, first, body, other].concat();
    assert_eq!(stream_says(stream.as_bytes()), expected);
    let chunked = "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1f\r\n";
    assert_eq!(stream_says([chunked, body, "\r\n0\r\n\r\n"].concat().as_bytes()), expected[..1]);
    // Two lengths: where the next request begins cannot be told.
    let smuggled = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(stream_says([smuggled, body, "\r\n"].concat().as_bytes()), expected[..1]);
}

#[test]
fn a_refused_tunnel_and_its_second_try_are_one() {
    let connect = "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n";
    let again = format!("{connect}\r\n{connect}Proxy-Authorization: Basic c2VjcmV0\r\n\r\n");
    let stream = [again.as_bytes(), &hello().name("a.example").stream()].concat();
    assert_eq!(
        stream_says(&stream),
        ["Http1 Connect target a.example|443 host a.example|443", "Tcp a.example []"]
    );
    let unknown = [connect.as_bytes(), b"\r\nSSH-2.0-x\r\n"].concat();
    assert_eq!(stream_says(&unknown), ["Http1 Connect target a.example|443 host a.example|443"]);
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

fn preface(frames: &[Vec<u8>]) -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frames.concat()].concat()
}

/// `:method: POST`, `:scheme: http`, `:path: /`, `:authority: a.example:8080` (RFC 7541 §6).
fn block() -> Vec<u8> {
    [&[0x83, 0x86, 0x84, 0x41, 14][..], b"a.example:8080"].concat()
}

#[test]
fn reads_the_authority_of_http_2() {
    let settings = frame(4, 0, 0, &[0, 3, 0, 0, 0, 100]);
    let expected = "Http2 Changing http target a.example|8080 host -";
    let block = block();
    for (name, frames) in [
        ("plain", vec![frame(1, 4, 1, &block)]),
        ("padded", vec![frame(1, 4 | 8, 1, &[&[3][..], &block, &[0; 3]].concat())]),
        ("with_priority", vec![frame(1, 4 | 0x20, 1, &[&[0, 0, 0, 0, 15][..], &block].concat())]),
        (
            "continued",
            vec![frame(1, 0, 1, &block[..3]), frame(9, 0, 1, &block[3..9]), frame(9, 4, 1, &block[9..])],
        ),
        ("window_update_before", vec![frame(8, 0, 0, &[0, 1, 0, 0]), frame(1, 4, 1, &block)]),
        // The name is put into the dynamic table by a field of the same block, and used from there.
        (
            "dynamic_table",
            vec![frame(
                1,
                4,
                1,
                &[
                    &[0x83, 0x86, 0x84, 0x40, 10][..],
                    b":authority",
                    &[2],
                    b"no",
                    &[0x0f, 0x2f, 14],
                    b"a.example:8080",
                ]
                .concat(),
            )],
        ),
    ] {
        let stream = preface(&[vec![settings.clone()], frames].concat());
        assert_eq!(stream_says(&stream), [expected], "{name}");
    }
    let real = hex(captured::HYPER_H2);
    assert_eq!(stream_says(&real), ["Http2 Changing http target ollama.internal|11434 host -"]);
    for cut in 1..real.len() {
        let pieces = [piece(&real, cut, real.len()), piece(&real, 0, cut)];
        assert_eq!(said(pieces), ["Http2 Changing http target ollama.internal|11434 host -"], "cut at {cut}");
    }
}

#[test]
fn declares_what_it_cannot_read_of_http_2() {
    let block = block();
    for (name, stream, expected) in [
        ("preface_alone", preface(&[]), "! H2c head incomplete"),
        ("half_a_preface", preface(&[])[..20].to_vec(), "! H2c head incomplete"),
        (
            "broken_off",
            preface(&[frame(1, 0, 1, &block), frame(0, 0, 1, &[])]),
            "! H2c head malformed: block of fields broken off",
        ),
        (
            "continued_for_another",
            preface(&[frame(1, 0, 1, &block), frame(9, 4, 3, &[])]),
            "! H2c head malformed: block of fields broken off",
        ),
        (
            "padding_past_the_end",
            preface(&[frame(1, 4 | 8, 1, &[200, 0x83])]),
            "! H2c head malformed: frame of fields",
        ),
        ("bad_index", preface(&[frame(1, 4, 1, &[0xff, 0x7f])]), "! H2c head malformed: block of fields"),
        (
            "no_host",
            preface(&[frame(1, 4, 1, &[0x41, 2, b'a', 27])]),
            "! H2c head malformed: authority is not a host",
        ),
    ] {
        assert_eq!(stream_says(&stream), [expected], "{name}");
    }
}

#[test]
fn an_upgrade_goes_on_in_http_2() {
    let upgrade = "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
    let stream = [upgrade.as_bytes(), &preface(&[frame(1, 4, 3, &block())])].concat();
    assert_eq!(
        stream_says(&stream),
        ["Http1 Safe target - host a.example upgrade", "Http2 Changing http target a.example|8080 host -"]
    );
}

fn post(fields: &str, body: &str) -> Vec<u8> {
    format!("POST /api HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n{body}").into_bytes()
}

fn sized(body: &str) -> Vec<u8> {
    post(&format!("Content-Length: {}\r\n", body.len()), body)
}

#[test]
fn names_the_model_only_if_asked_to() {
    let deep = format!(r#"{{"a":{}{},"model":"m"}}"#, "[".repeat(5000), "]".repeat(5000));
    let long = format!(r#"{{"a":"{}","model":"m"}}"#, "x".repeat(20_000));
    let long_name = format!(r#"{{"model":"{}"}}"#, "x".repeat(300));
    for (name, stream, expected) in [
        ("first", sized(r#"{"model":"qwen2.5:7b","messages":[]}"#), "qwen2.5:7b"),
        (
            "last",
            sized(
                r#"{ "messages" : [{"model":"no"}, "\"model\":"], "n":-1.5e3,"t":true , "model" : "yes" }"#,
            ),
            "yes",
        ),
        ("nested_only", sized(r#"{"a":{"model":"no"}}"#), "absent"),
        ("escaped", sized(r#"{"\u006dodel":"a\/b\u00e9\ud83d\ude00"}"#), "a/bé😀"),
        ("no_string", sized(r#"{"model":{"name":"no"}}"#), "unknown"),
        ("half_a_pair", sized(r#"{"model":"\ud83d"}"#), "unknown"),
        ("empty_object", sized("{}"), "absent"),
        ("list", sized(r#"[{"model":"no"}]"#), "unknown"),
        ("form", sized("model=no"), "unknown"),
        ("broken", sized(r#"{"a" "model":"no"}"#), "unknown"),
        ("ends_early", sized(r#"{"a":1,"mod"#), "unknown"),
        ("too_long_a_name", sized(&long_name), "unknown"),
        ("past_the_limit", sized(&long), "unknown"),
        ("deep", sized(&deep), "m"),
        ("no_body", post("", ""), "absent"),
        (
            "compressed",
            post("Content-Encoding: gzip\r\nContent-Length: 13\r\n", r#"{"model":"m"}"#),
            "unknown",
        ),
        (
            "chunked",
            post("Transfer-Encoding: chunked\r\n", "8;x=y\r\n{\"model\"\r\n5\r\n:\"m\"}\r\n0\r\n\r\n"),
            "m",
        ),
        (
            "chunks_that_are_none",
            post("Transfer-Encoding: chunked\r\n", "zz\r\n{\"model\":\"m\"}"),
            "unknown",
        ),
    ] {
        let lines = said_to(look_at_bodies(), [piece(&stream, 0, stream.len())]);
        assert_eq!(lines, [format!("Http1 Changing target - host a.example model {expected}")], "{name}");
        assert_eq!(stream_says(&stream), ["Http1 Changing target - host a.example"], "{name}");
    }
}

#[test]
fn what_has_no_body_to_look_at_says_so() {
    let connect = b"CONNECT a.example:443 HTTP/1.1\r\n\r\n";
    let h2 = preface(&[frame(1, 4, 1, &block())]);
    for (name, stream, expected) in [
        ("tunnel", &connect[..], "Http1 Connect target a.example|443 host - model absent"),
        ("frames", &h2, "Http2 Changing http target a.example|8080 host - model unknown"),
    ] {
        assert_eq!(said_to(look_at_bodies(), [piece(stream, 0, stream.len())]), [expected], "{name}");
    }
}

#[test]
fn a_model_that_comes_later_is_told_later() {
    let stream = sized(r#"{"messages":["hi"],"model":"m"}"#);
    let head = stream.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    for cut in head..stream.len() - 1 {
        assert_eq!(
            said_to(look_at_bodies(), [piece(&stream, 0, cut), piece(&stream, cut, stream.len())]),
            [
                "Http1 Changing target - host a.example model unknown",
                "Http1 Changing target - host a.example model m"
            ],
            "cut at {cut}"
        );
    }
}
