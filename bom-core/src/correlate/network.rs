//! Peers over TCP and UDP, and their names. What the address *did* and what the agent *said* stay apart: the
//! names of the stream and the DNS answers for the address are all kept, with their source.
//!
//! `said` is what streams say, `names` what resolvers say, `sockets` what is called or neither TCP nor UDP.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
};

use bom_common::record::probe::INET_SOCK_SET_STATE;

use super::{
    At, Correlator, add, describe,
    limits::{CLOSED, CONNECTIONS, FACTS, HELLOS, RESOLVERS},
    names::{Known, Names},
    said::Said,
    sockets::Served,
};
use crate::{
    coverage::rules::Detector,
    event::{Direction, SweptSocket, SweptState, SweptTransport, Task, Tcp, TcpState, Udp},
    fact::{Action, Strength},
    inventory::{Description, Epoch},
    key::{Carrier, ImageId, Object, ProcessKey, SubjectKey},
    stream::{ClientHello, DnsAnswer, HttpHead, Transport, Undecoded},
};

const MINUTE_NS: u64 = 60_000_000_000;
/// Minutes of one contact that are told apart, as many as a fact has.
const MINUTES: usize = crate::fact::Evidence::MINUTES;

/// A UDP socket can have many peers; a TCP socket has one at a time.
type FlowKey = (u64, SocketAddr);

#[derive(Debug, Default)]
pub(super) struct Network {
    connections: BTreeMap<u64, Contact>,
    /// Connections that have ended, in that order; the oldest become facts.
    closed: VecDeque<u64>,
    flows: BTreeMap<FlowKey, Contact>,
    /// Heads that came before the record of their connection, by cookie and, for UDP, peer; with their subject.
    early: BTreeMap<(u64, Option<SocketAddr>), (u64, Said)>,
    names: Names,
    /// Subject and server from which a DNS answer came.
    resolvers: BTreeSet<(u64, SocketAddr)>,
    /// Subject and question of which an answer was cut short, until it comes whole.
    truncated: BTreeSet<(u64, String)>,
    pub(super) served: Served,
}

/// One connection, or the datagrams between one socket and one peer.
#[derive(Clone, Debug)]
struct Contact {
    at: At,
    task: Task,
    carrier: Carrier,
    remote: SocketAddr,
    local: SocketAddr,
    /// When it reached its peer; `None` as long as nobody answered.
    reached_ns: Option<u64>,
    /// The peer sent first (UDP).
    inbound: bool,
    sent: u64,
    received: u64,
    /// The counts as they were reported last.
    reported: (u64, u64),
    counted_ns: u64,
    /// Bytes by minute since boot: sent, received.
    minutes: BTreeMap<u64, (u64, u64)>,
    last_sequence: u64,
    last_ns: u64,
    said: Said,
    /// What DNS had said of the address when it began.
    known: Known,
    closed: bool,
    /// Its process has hung up: what it received is known.
    received_all: bool,
}

impl Correlator {
    pub(super) fn tcp(&mut self, at: &At, task: &Task, tcp: &Tcp) {
        if tcp.state == TcpState::Listening {
            self.network.served.listens(&mut self.epoch, at, task, tcp.local);
            return;
        }
        // A cookie stays with its socket, which can connect again.
        if tcp.state == TcpState::SynSent
            && let Some(before) = self.network.connections.remove(&tcp.cookie)
        {
            self.release(&before);
            self.connected(&before);
        }
        let known = self.network.connections.contains_key(&tcp.cookie);
        if !known && !self.may_hold(at) {
            return;
        }
        let said = self.take_early((tcp.cookie, None));
        if self.network.tcp(at, task, tcp, said) {
            if let Some(held) = self.held(at.id) {
                held.connections = held.connections.saturating_sub(1);
            }
            self.network.closed.push_back(tcp.cookie);
        }
        while self.network.closed.len() > CLOSED {
            let Some(oldest) = self.network.closed.pop_front() else { break };
            // One that connected again is another one by now.
            let ended = self.network.connections.get(&oldest).is_some_and(|contact| contact.closed);
            if ended && let Some(contact) = self.network.connections.remove(&oldest) {
                self.connected(&contact);
            }
        }
    }

    pub(super) fn udp(&mut self, at: &At, task: &Task, udp: &Udp) {
        let key = (udp.cookie, udp.remote);
        if !self.network.flows.contains_key(&key) && !self.may_hold(at) {
            return;
        }
        let said = self.take_early((udp.cookie, Some(udp.remote)));
        self.network.udp(at, task, udp, said);
    }

    /// A socket that is there.
    pub(super) fn swept_socket(&mut self, at: &At, task: &Task, socket: &SweptSocket) {
        let (known, peer) = match &socket.transport {
            SweptTransport::Tcp { .. } => (self.network.connections.contains_key(&socket.cookie), None),
            SweptTransport::Udp { remote, .. } => {
                (self.network.flows.contains_key(&(socket.cookie, *remote)), Some(*remote))
            }
            SweptTransport::Unix { .. } | SweptTransport::Other { .. } => {
                return self.swept_other(at, task, socket);
            }
        };
        let new = socket.state == SweptState::Connected && socket.cookie != 0 && !known;
        if new && socket.direction == Some(Direction::Called) && !self.may_hold(at) {
            return;
        }
        let said = if new { self.take_early((socket.cookie, peer)) } else { Said::default() };
        self.network.swept(&mut self.epoch, at, task, socket, said);
    }

    /// Whether the subject may hold one more connection or peer; if not, it has lost one.
    fn may_hold(&mut self, at: &At) -> bool {
        let Some(held) = self.held(at.id) else { return false };
        if held.connections < CONNECTIONS {
            held.connections += 1;
            return true;
        }
        self.lose(at.id, "connections-over-limit", 1, at.time_ns);
        false
    }

    fn take_early(&mut self, key: (u64, Option<SocketAddr>)) -> Said {
        let Some((of, said)) = self.network.early.remove(&key) else { return Said::default() };
        if let Some(held) = self.held(of) {
            held.hellos = held.hellos.saturating_sub(1);
        }
        said
    }

    /// What a stream said: at its contact, or kept until that comes.
    fn said(&mut self, at: &At, cookie: u64, peer: Option<SocketAddr>) -> Option<&mut Said> {
        let known =
            self.network.contact(cookie, peer).is_some() || self.network.early.contains_key(&(cookie, peer));
        if !known {
            let held = self.held(at.id)?;
            if held.hellos >= HELLOS {
                self.lose(at.id, "names-over-limit", 1, at.time_ns);
                return None;
            }
            held.hellos += 1;
        }
        let Network { connections, flows, early, .. } = &mut self.network;
        let contact = match peer {
            Some(peer) => flows.get_mut(&(cookie, peer)),
            None => connections.get_mut(&cookie),
        };
        Some(match contact {
            Some(contact) => &mut contact.said,
            None => &mut early.entry((cookie, peer)).or_insert_with(|| (at.id, Said::default())).1,
        })
    }

    /// A connection that is not open any more makes no one wait.
    fn release(&mut self, contact: &Contact) {
        if !contact.closed
            && let Some(held) = self.held(contact.at.id)
        {
            held.connections = held.connections.saturating_sub(1);
        }
    }

    /// Makes a connection facts of its subject.
    fn connected(&mut self, contact: &Contact) {
        let id = contact.at.id;
        if contact.reached_ns.is_none() {
            return;
        }
        let full = self.held(id).is_none_or(|held| held.facts >= FACTS);
        let key = contact.at.fact(&contact.task, Action::Connected, contact.endpoint());
        if full && !self.epoch.facts.contains_key(&key) {
            return self.lose(id, "endpoint-facts-over-limit", 1, contact.last_ns);
        }
        let before = self.epoch.facts.len();
        let mut detected = BTreeSet::new();
        self.network.write(&mut self.epoch, contact, &BTreeSet::new(), &mut detected);
        for (_, detector) in detected {
            self.subjects.detect(Some(id), detector);
        }
        let more = self.epoch.facts.len().saturating_sub(before);
        if let Some(held) = self.held(id) {
            held.facts += more;
        }
    }

    pub(super) fn hello(
        &mut self,
        at: &At,
        cookie: u64,
        remote: SocketAddr,
        transport: Transport,
        hello: ClientHello,
    ) {
        let peer = Some(remote).filter(|_| transport == Transport::Quic);
        if let Some(said) = self.said(at, cookie, peer) {
            said.hello(hello);
        }
    }

    pub(super) fn http_head(&mut self, at: &At, cookie: u64, head: HttpHead) {
        if let Some(said) = self.said(at, cookie, None) {
            said.head(head);
        }
    }

    pub(super) fn resolved(&mut self, at: &At, server: SocketAddr, answer: DnsAnswer) {
        self.network.resolver(at.id, server);
        self.network.truncated.remove(&(at.id, answer.question.clone()));
        if !self.network.names.learn(at.id, at.time_ns, &answer) {
            self.lose(at.id, "names-over-limit", 1, at.time_ns);
        }
        if answer.question.is_empty() || answer.addresses.is_empty() && answer.hints.is_empty() {
            return;
        }
        // Who asked is known only by cgroup: the answer reaches the socket in no task.
        let object = Object::Name(answer.question);
        add(&mut self.epoch, at.fact(&NOBODY, Action::Resolved, object), at.evidence(Strength::Resolved));
    }

    pub(super) fn undecoded(&mut self, at: &At, remote: SocketAddr, reason: Undecoded) {
        match reason {
            // A protocol of its own, which names nobody.
            Undecoded::NotAHead => {}
            // The answer is asked for again, over TCP.
            Undecoded::DnsTruncated { question } => {
                self.network.resolver(at.id, remote);
                // What finds no room is taken as never told whole.
                if self.network.truncated.len() < RESOLVERS {
                    self.network.truncated.insert((at.id, question));
                } else {
                    self.subjects.detect(Some(at.id), Detector::Undecoded);
                }
            }
            Undecoded::Incomplete(_)
            | Undecoded::Evicted(_)
            | Undecoded::Long(_)
            | Undecoded::Conflict(_)
            | Undecoded::Malformed(..)
            | Undecoded::QuicVersion(_)
            | Undecoded::QuicKeys => self.subjects.detect(Some(at.id), Detector::Undecoded),
        }
    }
}

/// A task that is not known.
pub(super) const NOBODY: Task = Task {
    process: ProcessKey { tgid: 0, start_ns: 0 },
    tid: 0,
    image: ImageId(0),
    subject: 0,
    cgroup: 0,
    mount_namespace: 0,
};

impl Network {
    /// A server that finds no room here is one whose name is not known.
    fn resolver(&mut self, id: u64, server: SocketAddr) {
        if self.resolvers.len() < RESOLVERS {
            self.resolvers.insert((id, server));
        }
    }

    fn contact(&self, cookie: u64, peer: Option<SocketAddr>) -> Option<&Contact> {
        match peer {
            Some(peer) => self.flows.get(&(cookie, peer)),
            None => self.connections.get(&cookie),
        }
    }

    /// Whether the connection ended with it.
    fn tcp(&mut self, at: &At, task: &Task, tcp: &Tcp, said: Said) -> bool {
        let known = &self.names;
        let contact = self.connections.entry(tcp.cookie).or_insert_with(|| {
            let known = known.known(at.id, tcp.remote.ip(), at.time_ns);
            Contact::new(at, task, Carrier::Tcp, (tcp.remote, tcp.local), known, said)
        });
        contact.seen(at);
        match tcp.state {
            TcpState::SynSent | TcpState::Listening => {}
            TcpState::Established => {
                contact.reached_ns = Some(at.time_ns);
                contact.local = tcp.local;
            }
            // The SYN and the FIN count as one byte each in `bytes_acked` (RFC 4898).
            TcpState::Open | TcpState::Closed => {
                // Elsewhere it is told while the connection goes on.
                contact.received_all |= tcp.state == TcpState::Closed || at.probe == INET_SOCK_SET_STATE;
                contact.count(at.time_ns, tcp.bytes_acked.saturating_sub(1), tcp.bytes_received);
            }
        }
        tcp.state == TcpState::Closed && !std::mem::replace(&mut contact.closed, true)
    }

    fn udp(&mut self, at: &At, task: &Task, udp: &Udp, said: Said) {
        let key = (udp.cookie, udp.remote);
        let known = &self.names;
        let contact = self.flows.entry(key).or_insert_with(|| {
            let known = known.known(at.id, udp.remote.ip(), at.time_ns);
            Contact::new(at, task, Carrier::of(udp.protocol), (udp.remote, udp.local), known, said)
        });
        contact.seen(at);
        contact.inbound = udp.inbound;
        // A datagram that went out reached the network; whether somebody took it shows in what came back.
        contact.reached_ns = contact.reached_ns.or(Some(at.time_ns));
        contact.count(at.time_ns, udp.sent, udp.received);
    }

    /// A socket that is there. One whose connection was seen is known better than that.
    fn swept(&mut self, epoch: &mut Epoch, at: &At, task: &Task, socket: &SweptSocket, said: Said) {
        let (carrier, local, remote) = match socket.transport {
            SweptTransport::Tcp { local, remote } => (Carrier::Tcp, local, remote),
            SweptTransport::Udp { local, remote } => (Carrier::Udp, local, remote),
            SweptTransport::Unix { .. } | SweptTransport::Other { .. } => return,
        };
        if carrier == Carrier::Udp {
            return self.swept_datagrams(at, task, socket, (local, remote), said);
        }
        if socket.state == SweptState::Listening {
            self.served.listens(epoch, at, task, local);
        }
        if socket.state != SweptState::Connected || socket.cookie == 0 {
            return;
        }
        let (sent, received) = (socket.bytes_acked.saturating_sub(1), socket.bytes_received);
        if let Some(known) = self.connections.get_mut(&socket.cookie) {
            // What it has carried by now, before its end tells.
            known.count(at.time_ns, sent, received);
            known.last_ns = known.last_ns.max(at.time_ns);
            return;
        }
        // One that was called is no endpoint of the subject's choosing; of others it is not known.
        if socket.direction != Some(Direction::Called) {
            return;
        }
        let known = self.names.known(at.id, remote.ip(), at.time_ns);
        let mut contact = Contact::new(at, task, Carrier::Tcp, (remote, local), known, said);
        contact.reached_ns = Some(at.time_ns);
        contact.count(at.time_ns, sent, received);
        self.connections.insert(socket.cookie, contact);
    }

    /// A UDP socket that was given a peer before it was watched: what it carried until then, nobody counted.
    fn swept_datagrams(
        &mut self,
        at: &At,
        task: &Task,
        socket: &SweptSocket,
        (local, remote): (SocketAddr, SocketAddr),
        said: Said,
    ) {
        let called = socket.direction == Some(Direction::Called);
        if !called || socket.cookie == 0 || self.flows.contains_key(&(socket.cookie, remote)) {
            return;
        }
        let known = self.names.known(at.id, remote.ip(), at.time_ns);
        let mut contact = Contact::new(at, task, Carrier::Udp, (remote, local), known, said);
        contact.reached_ns = Some(at.time_ns);
        self.flows.insert((socket.cookie, remote), contact);
    }

    /// Writes every contact as facts, and gives what it leaves open.
    pub(super) fn close(&self, epoch: &mut Epoch) -> BTreeSet<(SubjectKey, Detector)> {
        let mut detected = BTreeSet::new();
        // A socket that only ever answered is one that is called.
        let calling: BTreeSet<u64> =
            self.flows.iter().filter(|(_, flow)| !flow.inbound).map(|((cookie, _), _)| *cookie).collect();
        let only_called =
            self.flows.iter().filter(|((cookie, _), flow)| flow.inbound && !calling.contains(cookie));
        let called: BTreeSet<(u64, u16)> =
            only_called.map(|(_, flow)| (flow.at.id, flow.local.port())).collect();
        for contact in self.connections.values() {
            self.write(epoch, contact, &called, &mut detected);
        }
        for ((cookie, _), flow) in &self.flows {
            if flow.inbound && !calling.contains(cookie) {
                self.served.called(epoch, &flow.at, flow.local, flow.carrier, (1, flow.sent, flow.received));
            } else {
                self.write(epoch, flow, &called, &mut detected);
            }
        }
        self.served.close(epoch);
        for (subject, _) in &self.truncated {
            let contact = self.contacts().find(|contact| contact.at.id == *subject);
            detected.extend(contact.map(|contact| (contact.at.subject.clone(), Detector::Undecoded)));
        }
        detected
    }

    fn contacts(&self) -> impl Iterator<Item = &Contact> {
        self.connections.values().chain(self.flows.values())
    }

    /// `called` are the subjects' own ports at which datagrams came in first.
    fn write(
        &self,
        epoch: &mut Epoch,
        contact: &Contact,
        called: &BTreeSet<(u64, u16)>,
        detected: &mut BTreeSet<(SubjectKey, Detector)>,
    ) {
        // A SYN without an answer is an attempt, and an attempt reached nobody.
        let Some(reached) = contact.reached_ns else { return };
        let resolver = self.resolvers.contains(&(contact.at.id, contact.remote));
        let Contact { at, said, known, remote, .. } = contact;
        let mut detect = |detector| detected.insert((at.subject.clone(), detector));
        let name = contact.name();
        let here = remote.ip().is_loopback() || remote.ip() == contact.local.ip();
        if contact.carrier == Carrier::Tcp && !contact.received_all {
            detect(Detector::OpenConnection);
        }
        // A resolver is reached by its address; the names are in its answers.
        if name.is_none() && !remote.ip().is_loopback() && !resolver {
            detect(Detector::Nameless);
        }
        let own = match contact.carrier {
            Carrier::Tcp => self.served.listening(at.id, remote.port()),
            Carrier::Udp | Carrier::Other(_) => called.contains(&(at.id, remote.port())),
        };
        if here && !resolver && !own {
            detect(Detector::LocalPeer);
        }
        if said.encrypted_name() {
            detect(Detector::EncryptedHello);
        }
        if said.asks_proxy_in_plain_text() {
            detect(Detector::PlainProxy);
        }
        let object = contact.endpoint();
        let mut about = said.descriptions();
        about.extend(known.descriptions());
        about.extend(said.mismatches(*remote, known, &self.names, at.id));
        if contact.is_ambiguous() {
            about.push(Description::SeveralNames);
        }
        if resolver {
            about.push(Description::Resolver);
        }
        contact.fact(epoch, object, about, reached, true);
        for (target, about) in said.targets() {
            let object = Object::Behind { host: target.host, port: target.port, proxy: *remote };
            contact.fact(epoch, object, about, reached, false);
        }
    }
}

impl Contact {
    fn new(
        at: &At,
        task: &Task,
        carrier: Carrier,
        (remote, local): (SocketAddr, SocketAddr),
        known: Known,
        said: Said,
    ) -> Self {
        Self {
            at: at.clone(),
            task: *task,
            carrier,
            remote,
            local,
            reached_ns: None,
            inbound: false,
            sent: 0,
            received: 0,
            reported: (0, 0),
            counted_ns: 0,
            minutes: BTreeMap::new(),
            last_sequence: at.sequence,
            last_ns: at.time_ns,
            said,
            known,
            closed: false,
            received_all: false,
        }
    }

    fn seen(&mut self, at: &At) {
        self.last_sequence = self.last_sequence.max(at.sequence);
        self.last_ns = self.last_ns.max(at.time_ns);
    }

    /// Bytes so far; what is new since the last time belongs to this minute. A later count that is smaller began
    /// anew: the probes' table had let go of the peer.
    fn count(&mut self, time_ns: u64, sent: u64, received: u64) {
        if time_ns > self.counted_ns && (sent < self.reported.0 || received < self.reported.1) {
            self.reported = (0, 0);
        }
        let (more_sent, more_received) =
            (sent.saturating_sub(self.reported.0), received.saturating_sub(self.reported.1));
        self.reported = (sent.max(self.reported.0), received.max(self.reported.1));
        self.counted_ns = self.counted_ns.max(time_ns);
        self.sent = self.sent.saturating_add(more_sent);
        self.received = self.received.saturating_add(more_received);
        if more_sent == 0 && more_received == 0 {
            return;
        }
        let minute = time_ns / MINUTE_NS;
        let full = self.minutes.len() >= MINUTES && !self.minutes.contains_key(&minute);
        let minute = if full { self.minutes.keys().next_back().copied().unwrap_or(minute) } else { minute };
        let bucket = self.minutes.entry(minute).or_default();
        bucket.0 = bucket.0.saturating_add(more_sent);
        bucket.1 = bucket.1.saturating_add(more_received);
    }

    fn endpoint(&self) -> Object {
        let (address, port) = (self.remote.ip(), self.remote.port());
        Object::Endpoint { host: self.name(), address, port, carrier: self.carrier }
    }

    /// The name it goes by: what its own stream said, else the only name DNS gave the address.
    fn name(&self) -> Option<String> {
        self.said.name().map(str::to_owned).or_else(|| self.known.only().cloned())
    }

    fn is_ambiguous(&self) -> bool {
        self.said.name().is_none() && self.known.is_several()
    }

    /// Adds it to the facts. Bytes count for the peer, not for who is behind it.
    fn fact(&self, epoch: &mut Epoch, object: Object, about: Vec<Description>, reached_ns: u64, bytes: bool) {
        for description in about {
            describe(epoch, &object, description);
        }
        let exchanged = bytes && self.sent > 0 && self.received > 0;
        let strength = if exchanged { Strength::Exchanged } else { Strength::Connected };
        let mut evidence = self.at.evidence(strength);
        evidence.last_sequence.0 = self.last_sequence;
        evidence.last_ns.0 = self.last_ns;
        let key = self.at.fact(&self.task, Action::Connected, object);
        let known = match epoch.facts.get_mut(&key) {
            Some(known) => {
                known.again(evidence);
                known
            }
            None => epoch.facts.entry(key).or_insert(evidence),
        };
        known.traffic(reached_ns, 1, 0, 0);
        if bytes {
            for (minute, &(sent, received)) in &self.minutes {
                known.traffic(minute.saturating_mul(MINUTE_NS), 0, sent, received);
            }
        }
    }
}
