//! Connections and names. What the address *did* and what the agent *said* stay apart: the SNI of
//! the stream and the DNS answers for the address are both kept, with their source.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use super::{At, add, describe};
use crate::{
    coverage::rules::Detector,
    event::{Direction, SweptSocket, SweptState, SweptTransport, Task, Tcp, TcpState},
    fact::{Action, Strength},
    inventory::{Description, Epoch, NameSource},
    key::{ImageId, Object, ProcessKey, SubjectKey},
    stream::{ClientHello, DnsAnswer},
};

/// Names kept for one address.
const NAMES: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Network {
    connections: BTreeMap<u64, Connection>,
    /// Earlier connections of sockets that were used again: a cookie stays with its socket.
    earlier: Vec<Connection>,
    /// Hellos that came before the record of their connection.
    hellos: BTreeMap<u64, ClientHello>,
    /// Subject and address → names whose answers contained it.
    names: BTreeMap<(u64, IpAddr), BTreeSet<String>>,
}

#[derive(Clone, Debug)]
struct Connection {
    at: At,
    task: Task,
    remote: SocketAddr,
    established_ns: Option<u64>,
    sent: u64,
    received: u64,
    last_sequence: u64,
    last_ns: u64,
    hello: Option<ClientHello>,
    /// What DNS had said of the address when the connection began.
    names: BTreeSet<String>,
}

impl Network {
    pub(super) fn tcp(&mut self, at: &At, task: &Task, tcp: &Tcp) {
        let names = self.names.get(&(at.id, tcp.remote.ip())).cloned().unwrap_or_default();
        let hello = self.hellos.remove(&tcp.cookie);
        if tcp.state == TcpState::SynSent
            && let Some(before) = self.connections.remove(&tcp.cookie)
        {
            self.earlier.push(before);
        }
        let connection = self.connections.entry(tcp.cookie).or_insert_with(|| Connection {
            at: at.clone(),
            task: *task,
            remote: tcp.remote,
            established_ns: None,
            sent: 0,
            received: 0,
            last_sequence: at.sequence,
            last_ns: at.time_ns,
            hello: None,
            names,
        });
        connection.hello = hello.or_else(|| connection.hello.take());
        connection.last_sequence = connection.last_sequence.max(at.sequence);
        connection.last_ns = connection.last_ns.max(at.time_ns);
        match tcp.state {
            TcpState::SynSent => {}
            TcpState::Established => connection.established_ns = Some(at.time_ns),
            TcpState::Closed => {
                // The SYN and the FIN count as one byte each in `bytes_acked` (RFC 4898).
                connection.sent = tcp.bytes_acked.saturating_sub(1);
                connection.received = tcp.bytes_received;
            }
        }
    }

    /// A socket that is there. One whose connection was seen is known better than that.
    pub(super) fn swept(&mut self, at: &At, task: &Task, socket: &SweptSocket) {
        let SweptTransport::Tcp { local: _, remote } = socket.transport else { return };
        if socket.state != SweptState::Connected || socket.cookie == 0 {
            return;
        }
        let (sent, received) = (socket.bytes_acked.saturating_sub(1), socket.bytes_received);
        if let Some(known) = self.connections.get_mut(&socket.cookie) {
            // What it has carried by now, before its end tells.
            (known.sent, known.received) = (known.sent.max(sent), known.received.max(received));
            known.last_ns = known.last_ns.max(at.time_ns);
            return;
        }
        // One that was called is no endpoint of the subject's choosing; of others it is not known.
        if socket.direction != Some(Direction::Called) {
            return;
        }
        let names = self.names.get(&(at.id, remote.ip())).cloned().unwrap_or_default();
        let hello = self.hellos.remove(&socket.cookie);
        let connection = Connection {
            at: at.clone(),
            task: *task,
            remote,
            established_ns: Some(at.time_ns),
            sent,
            received,
            last_sequence: at.sequence,
            last_ns: at.time_ns,
            hello,
            names,
        };
        self.connections.insert(socket.cookie, connection);
    }

    pub(super) fn hello(&mut self, cookie: u64, hello: ClientHello) {
        match self.connections.get_mut(&cookie) {
            Some(connection) => connection.hello = Some(hello),
            None => {
                self.hellos.insert(cookie, hello);
            }
        }
    }

    pub(super) fn answer(&mut self, epoch: &mut Epoch, at: &At, answer: DnsAnswer) {
        // The root has an empty name, which names nobody.
        if answer.addresses.is_empty() || answer.question.is_empty() {
            return;
        }
        for &address in &answer.addresses {
            let names = self.names.entry((at.id, address)).or_default();
            if names.len() < NAMES {
                names.insert(answer.question.clone());
            }
        }
        // Who asked is known only by cgroup: the answer reaches the socket in no task.
        let nobody = Task {
            process: ProcessKey { tgid: 0, start_ns: 0 },
            tid: 0,
            image: ImageId(0),
            subject: 0,
            cgroup: 0,
            mount_namespace: 0,
        };
        let object = Object::Name(answer.question.clone());
        add(epoch, at.fact(&nobody, Action::Resolved, object), at.evidence(Strength::Resolved));
    }

    /// Writes every connection as a fact, and gives what it leaves open.
    pub(super) fn close(&self, epoch: &mut Epoch) -> BTreeSet<(SubjectKey, Detector)> {
        let mut detected = BTreeSet::new();
        for connection in self.earlier.iter().chain(self.connections.values()) {
            // A SYN without an answer is an attempt, and an attempt reached nobody.
            let Some(established) = connection.established_ns else { continue };
            let name = connection.name();
            if name.is_none() && !connection.remote.ip().is_loopback() {
                detected.insert((connection.at.subject.clone(), Detector::Nameless));
            }
            if connection.hello.as_ref().is_some_and(|hello| hello.ech) {
                detected.insert((connection.at.subject.clone(), Detector::EncryptedHello));
            }
            let object = Object::Endpoint {
                host: name,
                address: connection.remote.ip(),
                port: connection.remote.port(),
            };
            for description in connection.descriptions() {
                describe(epoch, &object, description);
            }
            let exchanged = connection.sent > 0 && connection.received > 0;
            let strength = if exchanged { Strength::Exchanged } else { Strength::Connected };
            let mut evidence = connection.at.evidence(strength);
            evidence.last_sequence.0 = connection.last_sequence;
            evidence.last_ns.0 = connection.last_ns;
            evidence.traffic(established, 1, connection.sent, connection.received);
            let key = connection.at.fact(&connection.task, Action::Connected, object);
            match epoch.facts.get_mut(&key) {
                None => {
                    epoch.facts.insert(key, evidence);
                }
                Some(known) => {
                    known.traffic(established, 1, connection.sent, connection.received);
                    let mut more = evidence;
                    more.activity.clear();
                    known.again(more);
                }
            }
        }
        detected
    }
}

impl Connection {
    /// The name it goes by: what its own stream said, else the only name DNS gave the address.
    fn name(&self) -> Option<String> {
        let sni = self.hello.as_ref().and_then(|hello| hello.server_name.clone());
        sni.or_else(|| if self.names.len() == 1 { self.names.first().cloned() } else { None })
    }

    fn descriptions(&self) -> Vec<Description> {
        let mut all = Vec::new();
        if let Some(hello) = &self.hello {
            if let Some(name) = &hello.server_name {
                all.push(Description::Name { source: NameSource::Sni, name: name.clone() });
            }
            all.extend(hello.alpn.iter().map(|name| Description::Protocol(name.clone())));
        }
        all.extend(
            self.names.iter().map(|name| Description::Name { source: NameSource::Dns, name: name.clone() }),
        );
        all
    }
}
