//! Gives each payload to the room that reads it, and what comes out a place among the events.

use super::{
    answers::{self, Answers},
    datagram::{Datagram, Whole},
    head::{Found, HeadKind, Undecoded},
    quic::Connections,
    table::{Entry, Key, Room, Table, Weigh},
    tcp::Client,
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

/// Turns payload into parsed fields. Holds payload only while a message is incomplete, in bounded
/// memory, and zeroes it when it lets go.
#[derive(Debug, Default)]
pub struct StreamDecoder {
    settings: Settings,
    streams: Table<Stream>,
}

#[derive(Debug)]
enum Stream {
    Client(Client),
    DnsTcp(Answers),
    DnsUdp(Datagram),
    Quic(Datagram, Connections),
}

impl StreamDecoder {
    pub fn new(settings: Settings) -> Self {
        Self { settings, streams: Table::default() }
    }

    /// Takes one payload; gives back what it completes, or what had to be given up.
    pub fn push(&mut self, payload: Payload) -> Vec<Body> {
        let Payload { cookie, cgroup, protocol, remote, local_port, sequence, total, bytes } = payload;
        let room = match protocol {
            Protocol::TlsClient | Protocol::HttpClient | Protocol::H2cClient => Room::Client,
            Protocol::DnsTcp => Room::DnsTcp,
            Protocol::DnsUdp => Room::DnsUdp,
            Protocol::QuicClient => Room::Quic,
        };
        let key = Key { cookie, room, remote, local_port };
        let http_model = self.settings.http_model;
        let make = || match room {
            Room::Client => Stream::Client(Client::new(sequence, http_model)),
            Room::DnsTcp => Stream::DnsTcp(Answers::new(sequence)),
            Room::DnsUdp => Stream::DnsUdp(Datagram::default()),
            Room::Quic => Stream::Quic(Datagram::default(), Connections::default()),
        };
        let (found, gone) = self.streams.change(key, cgroup, make, |stream| match stream {
            Stream::Client(client) => client.push(sequence, bytes.bytes()),
            Stream::DnsTcp(answers) => answers.push(sequence, bytes.bytes()),
            Stream::DnsUdp(datagram) => messages(datagram.push(sequence, total, bytes)),
            Stream::Quic(datagram, connections) => {
                let whole = datagram.push(sequence, total, bytes);
                whole.iter().flat_map(|whole| connections.datagram(whole.bytes.bytes(), whole.cut)).collect()
            }
        });
        let mut bodies: Vec<Body> = found.into_iter().map(|found| body(&key, cgroup, found)).collect();
        for mut entry in gone {
            let kind = entry.value.kind();
            let found = entry.value.give_up();
            // Whatever it had to say as it went, it was made to go.
            let said = found.into_iter().filter(|found| !matches!(found, Found::Undecoded(_)));
            bodies.extend(said.map(|found| body(&entry.key, entry.cgroup, found)));
            bodies.push(body(&entry.key, entry.cgroup, Found::Undecoded(Undecoded::Evicted(kind))));
        }
        bodies
    }

    /// The socket was closed, or is about to be connected again: gives up what it left unfinished.
    pub fn close(&mut self, cookie: u64) -> Vec<Body> {
        self.streams.take_cookie(cookie).into_iter().flat_map(last_words).collect()
    }

    /// Gives up every stream that never became a message.
    pub fn finish(&mut self) -> Vec<Body> {
        self.streams.take_all().into_iter().flat_map(last_words).collect()
    }

    /// Bytes of payload held at this moment.
    pub fn held(&self) -> usize {
        self.streams.held()
    }

    /// Streams remembered at this moment, most of them read.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }
}

impl Stream {
    fn give_up(&mut self) -> Vec<Found> {
        match self {
            Self::Client(client) => client.give_up(),
            Self::DnsTcp(answers) => answers.give_up(),
            Self::DnsUdp(datagram) => messages(datagram.give_up()),
            Self::Quic(datagram, connections) => {
                let rest = datagram.give_up();
                let rest = rest.iter().flat_map(|whole| connections.datagram(whole.bytes.bytes(), whole.cut));
                let mut found: Vec<Found> = rest.collect();
                found.extend(connections.give_up());
                found
            }
        }
    }

    fn kind(&self) -> HeadKind {
        match self {
            Self::Client(client) => client.kind(),
            Self::DnsTcp(_) | Self::DnsUdp(_) => HeadKind::Dns,
            Self::Quic(..) => HeadKind::Quic,
        }
    }
}

impl Weigh for Stream {
    fn weight(&self) -> usize {
        match self {
            Self::Client(client) => client.held(),
            Self::DnsTcp(answers) => answers.held(),
            Self::DnsUdp(datagram) => datagram.held(),
            Self::Quic(datagram, connections) => datagram.held() + connections.held(),
        }
    }

    fn forgettable(&self) -> bool {
        match self {
            Self::Client(_) | Self::DnsTcp(_) | Self::Quic(..) => false,
            Self::DnsUdp(datagram) => datagram.held() == 0,
        }
    }
}

fn messages(whole: impl IntoIterator<Item = Whole>) -> Vec<Found> {
    let mut found = Vec::new();
    for Whole { bytes, cut } in whole {
        if bytes.is_empty() && cut {
            found.push(Found::Undecoded(Undecoded::Incomplete(HeadKind::Dns)));
        } else {
            answers::message(bytes.bytes(), cut, &mut found);
        }
    }
    found
}

fn last_words(mut entry: Entry<Stream>) -> Vec<Body> {
    let found = entry.value.give_up();
    found.into_iter().map(|found| body(&entry.key, entry.cgroup, found)).collect()
}

fn body(key: &Key, cgroup: u64, found: Found) -> Body {
    let Key { cookie, remote, .. } = *key;
    match found {
        Found::Hello(transport, hello) => Body::Hello { cookie, cgroup, remote, transport, hello },
        Found::Http(head) => Body::HttpHead { cookie, cgroup, remote, head: *head },
        Found::Dns(answer) => Body::Dns { cookie, cgroup, server: remote, answer },
        Found::Undecoded(reason) => Body::Undecoded { cookie, cgroup, remote, reason },
    }
}
