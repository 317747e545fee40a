//! What every stream target asserts of any bytes.

use bom_core::{
    decode::{Payload, Protocol},
    event::Body,
    stream::{Held, Settings, StreamDecoder},
};

/// An input: a number of cuts, the cuts, then the bytes they are made in. Pieces come in order unless
/// the upper bit of their cut is set; then they come after those without.
pub fn pieces(input: &[u8]) -> (&[u8], Vec<(usize, usize)>) {
    let Some((&count, rest)) = input.split_first() else { return (&[], Vec::new()) };
    let Some((plan, bytes)) = rest.split_at_checked(usize::from(count & 15)) else {
        return (rest, Vec::new());
    };
    let mut late = Vec::new();
    let mut pieces = Vec::new();
    let mut start = 0;
    for &cut in plan {
        let end = bytes.len().min(start + usize::from(cut & 0x7f));
        let to = if cut & 0x80 == 0 { &mut pieces } else { &mut late };
        to.push((start, end));
        start = end;
    }
    pieces.push((start, bytes.len()));
    pieces.extend(late);
    (bytes, pieces)
}

pub fn payload(protocol: Protocol, sequence: usize, total: usize, bytes: &[u8]) -> Payload {
    Payload {
        cookie: 1,
        cgroup: 1,
        protocol,
        remote: "192.0.2.1:443".parse().expect("an address"),
        local_port: 40_000,
        sequence: u32::try_from(sequence).expect("inputs are short"),
        total: u32::try_from(total).expect("inputs are short"),
        bytes: Held::from(bytes.to_vec()),
    }
}

/// Decodes, and checks what can be checked of any input.
pub fn survive(http_model: bool, payloads: impl IntoIterator<Item = Payload>) -> Vec<Body> {
    let mut decoder = StreamDecoder::new(Settings { http_model });
    let mut bodies = Vec::new();
    let mut pushed = 0;
    for payload in payloads {
        pushed += payload.bytes.len();
        bodies.extend(decoder.push(payload));
        assert!(decoder.held() <= pushed + 16, "more is held than came in");
    }
    bodies.extend(decoder.finish());
    assert_eq!(decoder.held(), 0);
    for body in &bodies {
        visible(body);
    }
    bodies
}

/// Names that leave are free of hidden bytes, whatever came in.
fn visible(body: &Body) {
    let names: Vec<&str> = match body {
        Body::Hello { hello, .. } => {
            hello.server_name.iter().chain(&hello.alpn).map(String::as_str).collect()
        }
        Body::HttpHead { head, .. } => {
            let places = head.target.iter().chain(&head.host);
            places.map(|place| place.host.as_str()).chain(head.scheme.as_deref()).collect()
        }
        Body::Dns { answer, .. } => {
            let names = answer.aliases.iter().chain(&answer.targets);
            names.chain([&answer.question]).map(String::as_str).collect()
        }
        _ => Vec::new(),
    };
    for name in names {
        assert!(name.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "a name with hidden bytes: {name:?}");
    }
}
