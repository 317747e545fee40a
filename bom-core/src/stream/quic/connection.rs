//! The connections between two UDP ports. One socket may make several, and a Retry makes a client
//! start again under another number; which packet belongs where is told by what opens it.

use super::{
    frames,
    keys::{Keys, Opened},
    packet::{self, Initial, Packet, Version},
};
use crate::stream::{
    head::{Found, HeadKind, Transport, Undecoded},
    pieces::{HEAD, Pieces},
    tls::{self, HelloError},
};

/// Connections remembered between two ports, finished ones included.
const CONNECTIONS: usize = 8;

/// One client's handshake, as far as it came.
struct Connection {
    version: Version,
    /// The connection ids of its first packet; the keys follow from the first.
    destination: Vec<u8>,
    source: Vec<u8>,
    keys: Keys,
    has_token: bool,
    largest: Option<u64>,
    handshake: Pieces,
    done: bool,
}

/// All that is known between two ports.
#[derive(Default)]
pub(in crate::stream) struct Connections {
    list: Vec<Connection>,
    /// What was declared already: a connection that cannot be read has many packets.
    told: Vec<Undecoded>,
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} QUIC connections", self.list.len())
    }
}

impl Connections {
    /// Reads every packet of a datagram; several datagrams behind one another read as one.
    pub(in crate::stream) fn datagram(&mut self, bytes: &[u8], cut: bool) -> Vec<Found> {
        let mut found = Vec::new();
        let mut rest = bytes;
        if bytes.is_empty() && cut && !self.all_read() {
            self.tell(Undecoded::Incomplete(HeadKind::Quic), &mut found);
        }
        while let Some(packet) = packet::next(&mut rest) {
            match packet {
                Packet::Initial(initial) => self.initial(&initial, &mut found),
                Packet::Other => {}
                Packet::Version(number) => self.tell(Undecoded::QuicVersion(number), &mut found),
                // What stands behind a hello need not be understood.
                Packet::Malformed(_) | Packet::Cut if self.all_read() => {}
                Packet::Malformed(what) => self.malformed(what, &mut found),
                Packet::Cut if cut => self.tell(Undecoded::Incomplete(HeadKind::Quic), &mut found),
                Packet::Cut => self.malformed("packet longer than its datagram", &mut found),
            }
        }
        found
    }

    /// What is left to say when nothing more will come.
    pub(in crate::stream) fn give_up(&mut self) -> Vec<Found> {
        let unfinished = self.list.iter().filter(|connection| !connection.done);
        let incomplete = |_| Found::Undecoded(Undecoded::Incomplete(HeadKind::Quic));
        let found = unfinished.map(incomplete).collect();
        self.list.clear();
        found
    }

    /// Bytes held; at least one while a hello is unfinished.
    pub(in crate::stream) fn held(&self) -> usize {
        let unfinished = self.list.iter().filter(|connection| !connection.done);
        unfinished.map(|connection| connection.handshake.held().max(1)).sum()
    }

    fn initial(&mut self, packet: &Initial<'_>, found: &mut Vec<Found>) {
        let known = self.list.iter().enumerate().find_map(|(place, connection)| {
            let largest = connection.largest;
            let opened = if connection.version == packet.version {
                connection.keys.open(packet, largest)
            } else {
                // The server may go on in another version; its keys follow from the same number
                // (RFC 9369 §4.1).
                Keys::of(packet.version, &connection.destination)?.open(packet, largest)
            };
            opened.map(|opened| (place, opened))
        });
        match known {
            Some((place, opened)) => self.read(place, &opened, found),
            None => self.begin(packet, found),
        }
    }

    /// A packet that no known connection opens: the first of a new one, or nothing we can read.
    fn begin(&mut self, packet: &Initial<'_>, found: &mut Vec<Found>) {
        let Some(keys) = Keys::of(packet.version, packet.destination) else { return };
        let Some(opened) = keys.open(packet, None) else {
            // A client that has heard from the server uses the server's number. If that is all that
            // was ever seen of it, nothing opens.
            return self.tell(Undecoded::QuicKeys, found);
        };
        while self.list.len() >= CONNECTIONS {
            let oldest = self.list.iter().position(|connection| connection.done).unwrap_or(0);
            if !self.list.remove(oldest).done {
                found.push(Found::Undecoded(Undecoded::Evicted(HeadKind::Quic)));
            }
        }
        self.list.push(Connection {
            version: packet.version,
            destination: packet.destination.to_vec(),
            source: packet.source.to_vec(),
            keys,
            has_token: packet.has_token,
            largest: None,
            handshake: Pieces::default(),
            done: false,
        });
        self.read(self.list.len() - 1, &opened, found);
    }

    fn read(&mut self, place: usize, opened: &Opened, found: &mut Vec<Found>) {
        let Some(connection) = self.list.get_mut(place) else { return };
        connection.largest = connection.largest.max(Some(opened.number));
        if connection.done {
            return;
        }
        let handshake = &mut connection.handshake;
        let whole = frames::read(opened.frames.bytes(), |piece| match i64::try_from(piece.offset) {
            // Offsets past what is held cannot matter, and must not be added to.
            Ok(offset) if usize::try_from(offset).is_ok_and(|offset| offset < HEAD) => {
                handshake.insert(offset, piece.bytes);
            }
            Ok(_) | Err(_) => handshake.overflowed = true,
        });
        let conflict = std::mem::take(&mut handshake.conflict);
        let verdict = match tls::handshake_message(handshake.run(0)) {
            Ok(hello) => Some(Found::Hello(Transport::Quic, hello)),
            Err(HelloError::Incomplete) if whole.is_none() => {
                Some(Found::Undecoded(Undecoded::Malformed(HeadKind::Quic, "frames".into())))
            }
            Err(HelloError::Incomplete) if !handshake.overflowed => None,
            Err(HelloError::Incomplete | HelloError::Long) => {
                Some(Found::Undecoded(Undecoded::Long(HeadKind::Quic)))
            }
            Err(error @ (HelloError::NotHello | HelloError::Malformed(_))) => {
                Some(Found::Undecoded(Undecoded::Malformed(HeadKind::Quic, error.to_string().into())))
            }
        };
        let again = connection.has_token.then(|| connection.source.clone());
        if let Some(verdict) = verdict {
            connection.done = true;
            connection.handshake.clear();
            found.push(verdict);
            // After a Retry the client says the same again (RFC 9000 §17.2.5.3) under a new number:
            // what it had begun before is not missing.
            if let Some(source) = again {
                self.list.retain(|other| other.done || other.has_token || other.source != source);
            }
        }
        if conflict {
            found.push(Found::Undecoded(Undecoded::Conflict(HeadKind::Quic)));
        }
    }

    fn malformed(&mut self, what: &'static str, found: &mut Vec<Found>) {
        self.tell(Undecoded::Malformed(HeadKind::Quic, what.into()), found);
    }

    /// Whether there are connections, and the hello of each was read.
    fn all_read(&self) -> bool {
        !self.list.is_empty() && self.list.iter().all(|connection| connection.done)
    }

    /// Says it once.
    fn tell(&mut self, reason: Undecoded, found: &mut Vec<Found>) {
        if !self.told.contains(&reason) && self.told.len() < CONNECTIONS {
            self.told.push(reason.clone());
            found.push(Found::Undecoded(reason));
        }
    }
}
