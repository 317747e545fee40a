//! The one way in, and what came out in one line each.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bom_core::{
    decode::{Payload, Protocol},
    event::Body,
    stream::{Authority, HttpHead, ModelName, Settings, StreamDecoder},
};

pub(crate) const START: u32 = u32::MAX - 700;

pub(crate) fn payload(protocol: Protocol, sequence: u32, bytes: &[u8]) -> Payload {
    Payload {
        cookie: 1,
        cgroup: 1,
        protocol,
        remote: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 443),
        local_port: 40_000,
        sequence,
        total: u32::try_from(bytes.len()).unwrap(),
        bytes: bytes.to_vec().into(),
    }
}

/// The part of a client's stream at `offset`; sequence numbers wrap early on.
pub(crate) fn piece(stream: &[u8], offset: usize, end: usize) -> Payload {
    let sequence = START.wrapping_add(u32::try_from(offset).unwrap());
    payload(Protocol::TlsClient, sequence, &stream[offset..end])
}

pub(crate) fn look_at_bodies() -> StreamDecoder {
    StreamDecoder::new(Settings { http_model: true })
}

/// What these payloads say, to the end of the stream.
pub(crate) fn said(payloads: impl IntoIterator<Item = Payload>) -> Vec<String> {
    said_to(StreamDecoder::default(), payloads)
}

pub(crate) fn said_to(
    mut decoder: StreamDecoder,
    payloads: impl IntoIterator<Item = Payload>,
) -> Vec<String> {
    let mut bodies: Vec<Body> = payloads.into_iter().flat_map(|payload| decoder.push(payload)).collect();
    bodies.extend(decoder.finish());
    assert_eq!(decoder.held(), 0);
    bodies.iter().map(line).collect()
}

/// One client stream in one piece.
pub(crate) fn stream_says(stream: &[u8]) -> Vec<String> {
    said([piece(stream, 0, stream.len())])
}

pub(crate) fn datagrams_say(protocol: Protocol, datagrams: &[Vec<u8>]) -> Vec<String> {
    said(datagrams.iter().map(|datagram| payload(protocol, 0, datagram)))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the decoder makes these four and no others")]
pub(crate) fn line(body: &Body) -> String {
    match body {
        Body::Hello { transport, hello, .. } => {
            let name = hello.server_name.as_deref().unwrap_or("-");
            let ech = if hello.ech { " ech" } else { "" };
            format!("{transport:?} {name} [{}]{ech}", hello.alpn.join(" "))
        }
        Body::HttpHead { head, .. } => http_line(head),
        Body::Dns { answer, .. } => {
            let chain: String = answer.aliases.iter().map(|name| format!(" > {name}")).collect();
            let list = |set: &std::collections::BTreeSet<IpAddr>| {
                set.iter().map(|address| format!(" {address}")).collect::<String>()
            };
            let mut line = format!("{}{chain}:{}", answer.question, list(&answer.addresses));
            if !answer.hints.is_empty() {
                line += &format!(" hints{}", list(&answer.hints));
            }
            for target in &answer.targets {
                line += &format!(" at {target}");
            }
            if answer.ech {
                line += " ech";
            }
            if answer.code != 0 {
                line += &format!(" code {}", answer.code);
            }
            line
        }
        Body::Undecoded { reason, .. } => format!("! {reason}"),
        other => panic!("not from the decoder: {other:?}"),
    }
}

fn http_line(head: &HttpHead) -> String {
    let place = |authority: &Option<Authority>| match authority {
        None => "-".to_owned(),
        Some(Authority { host, port: None }) => host.clone(),
        Some(Authority { host, port: Some(port) }) => format!("{host}|{port}"),
    };
    let mut line = format!("{:?} {:?}", head.version, head.method);
    if let Some(scheme) = &head.scheme {
        line += &format!(" {scheme}");
    }
    line += &format!(" target {} host {}", place(&head.target), place(&head.host));
    if head.upgrade_h2c {
        line += " upgrade";
    }
    match &head.model {
        ModelName::NotLooked => {}
        ModelName::Unknown => line += " model unknown",
        ModelName::Absent => line += " model absent",
        ModelName::Claimed(name) => line += &format!(" model {name}"),
    }
    line
}
