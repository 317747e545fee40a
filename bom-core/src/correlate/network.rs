//! Connections and names. What the address *did* and what the agent *said* stay apart: the SNI of
//! the stream and the DNS answers for the address are both kept, with their source.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{IpAddr, SocketAddr},
};

use super::{
    At, Correlator, add, describe,
    limits::{ADDRESSES, CLOSED, CONNECTIONS, FACTS, HELLOS},
};
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
    /// Connections that have ended, in that order; the oldest become facts.
    closed: VecDeque<u64>,
    /// Hellos that came before the record of their connection, with their subject.
    hellos: BTreeMap<u64, (u64, ClientHello)>,
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
    closed: bool,
}

impl Correlator {
    pub(super) fn tcp(&mut self, at: &At, task: &Task, tcp: &Tcp) {
        // A cookie stays with its socket, which can connect again.
        if tcp.state == TcpState::SynSent
            && let Some(before) = self.network.connections.remove(&tcp.cookie)
        {
            self.release(&before);
            self.connected(&before);
        }
        if !self.network.connections.contains_key(&tcp.cookie) {
            let Some(held) = self.held(at.id) else { return };
            if held.connections >= CONNECTIONS {
                return self.lose(at.id, "connections-over-limit", 1, at.time_ns);
            }
            held.connections += 1;
        }
        let hello = self.take_hello(tcp.cookie);
        if self.network.tcp(at, task, tcp, hello) {
            if let Some(held) = self.held(at.id) {
                held.connections = held.connections.saturating_sub(1);
            }
            self.network.closed.push_back(tcp.cookie);
        }
        while self.network.closed.len() > CLOSED {
            let Some(oldest) = self.network.closed.pop_front() else { break };
            // One that connected again is another one by now.
            let ended = self.network.connections.get(&oldest).is_some_and(|connection| connection.closed);
            if ended && let Some(connection) = self.network.connections.remove(&oldest) {
                self.connected(&connection);
            }
        }
    }

    pub(super) fn hello(&mut self, at: &At, cookie: u64, hello: ClientHello) {
        if let Some(connection) = self.network.connections.get_mut(&cookie) {
            connection.hello = Some(hello);
            return;
        }
        let known = self.network.hellos.contains_key(&cookie);
        let Some(held) = self.held(at.id) else { return };
        if known || held.hellos < HELLOS {
            held.hellos += usize::from(!known);
            self.network.hellos.insert(cookie, (at.id, hello));
        } else {
            self.lose(at.id, "names-over-limit", 1, at.time_ns);
        }
    }

    pub(super) fn resolved(&mut self, at: &At, answer: DnsAnswer) {
        let new = |network: &Network, address: &&IpAddr| !network.names.contains_key(&(at.id, **address));
        let more = answer.addresses.iter().filter(|address| new(&self.network, address)).count();
        let Some(held) = self.held(at.id) else { return };
        if held.addresses.saturating_add(more) > ADDRESSES {
            return self.lose(at.id, "names-over-limit", 1, at.time_ns);
        }
        held.addresses += more;
        self.network.answer(&mut self.epoch, at, answer);
    }

    /// A socket that is there. One whose connection was seen is known better than that.
    pub(super) fn swept_socket(&mut self, at: &At, task: &Task, socket: &SweptSocket) {
        let SweptTransport::Tcp { local: _, remote } = socket.transport else { return };
        if socket.state != SweptState::Connected || socket.cookie == 0 {
            return;
        }
        let (sent, received) = (socket.bytes_acked.saturating_sub(1), socket.bytes_received);
        if let Some(known) = self.network.connections.get_mut(&socket.cookie) {
            // What it has carried by now, before its end tells.
            (known.sent, known.received) = (known.sent.max(sent), known.received.max(received));
            known.last_ns = known.last_ns.max(at.time_ns);
            return;
        }
        // One that was called is no endpoint of the subject's choosing; of others it is not known.
        if socket.direction != Some(Direction::Called) {
            return;
        }
        let Some(held) = self.held(at.id) else { return };
        if held.connections >= CONNECTIONS {
            return self.lose(at.id, "connections-over-limit", 1, at.time_ns);
        }
        held.connections += 1;
        let hello = self.take_hello(socket.cookie);
        let names = self.network.names.get(&(at.id, remote.ip())).cloned().unwrap_or_default();
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
            closed: false,
        };
        self.network.connections.insert(socket.cookie, connection);
    }

    fn take_hello(&mut self, cookie: u64) -> Option<ClientHello> {
        let (of, hello) = self.network.hellos.remove(&cookie)?;
        if let Some(held) = self.held(of) {
            held.hellos = held.hellos.saturating_sub(1);
        }
        Some(hello)
    }

    /// A connection that is not open any more makes no one wait.
    fn release(&mut self, connection: &Connection) {
        if !connection.closed
            && let Some(held) = self.held(connection.at.id)
        {
            held.connections = held.connections.saturating_sub(1);
        }
    }

    /// Makes a connection a fact of its subject.
    fn connected(&mut self, connection: &Connection) {
        let id = connection.at.id;
        let full = self.held(id).is_none_or(|held| held.facts >= FACTS);
        let Some((object, _)) = connection.object() else { return };
        let key = connection.at.fact(&connection.task, Action::Connected, object);
        if full && !self.epoch.facts.contains_key(&key) {
            return self.lose(id, "endpoint-facts-over-limit", 1, connection.last_ns);
        }
        let before = self.epoch.facts.len();
        for detector in connection.write(&mut self.epoch) {
            self.subjects.detect(Some(id), detector);
        }
        let more = self.epoch.facts.len().saturating_sub(before);
        if let Some(held) = self.held(id) {
            held.facts += more;
        }
    }
}

impl Network {
    /// Whether the connection ended with it.
    fn tcp(&mut self, at: &At, task: &Task, tcp: &Tcp, hello: Option<ClientHello>) -> bool {
        let names = self.names.get(&(at.id, tcp.remote.ip())).cloned().unwrap_or_default();
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
            closed: false,
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
                return !std::mem::replace(&mut connection.closed, true);
            }
        }
        false
    }

    fn answer(&mut self, epoch: &mut Epoch, at: &At, answer: DnsAnswer) {
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

    /// Writes every connection that is no fact yet, and gives what it leaves open.
    pub(super) fn close(&self, epoch: &mut Epoch) -> BTreeSet<(SubjectKey, Detector)> {
        let mut detected = BTreeSet::new();
        for connection in self.connections.values() {
            let subject = &connection.at.subject;
            detected.extend(connection.write(epoch).into_iter().map(|detector| (subject.clone(), detector)));
        }
        detected
    }
}

impl Connection {
    /// The peer, and since when it was one. A SYN without an answer is an attempt, and an attempt reached nobody.
    fn object(&self) -> Option<(Object, u64)> {
        let established = self.established_ns?;
        let (address, port) = (self.remote.ip(), self.remote.port());
        Some((Object::Endpoint { host: self.name(), address, port }, established))
    }

    /// Adds it to the facts, and gives what it leaves open.
    fn write(&self, epoch: &mut Epoch) -> Vec<Detector> {
        let mut detected = Vec::new();
        let Some((object, established)) = self.object() else { return detected };
        if self.name().is_none() && !self.remote.ip().is_loopback() {
            detected.push(Detector::Nameless);
        }
        if self.hello.as_ref().is_some_and(|hello| hello.ech) {
            detected.push(Detector::EncryptedHello);
        }
        for description in self.descriptions() {
            describe(epoch, &object, description);
        }
        let exchanged = self.sent > 0 && self.received > 0;
        let strength = if exchanged { Strength::Exchanged } else { Strength::Connected };
        let mut evidence = self.at.evidence(strength);
        evidence.last_sequence.0 = self.last_sequence;
        evidence.last_ns.0 = self.last_ns;
        let key = self.at.fact(&self.task, Action::Connected, object);
        match epoch.facts.get_mut(&key) {
            None => {
                evidence.traffic(established, 1, self.sent, self.received);
                epoch.facts.insert(key, evidence);
            }
            Some(known) => {
                known.traffic(established, 1, self.sent, self.received);
                known.again(evidence);
            }
        }
        detected
    }

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
