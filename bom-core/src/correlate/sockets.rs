//! Sockets that are called, unix sockets, and sockets that nobody follows.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use super::{At, Correlator, add, describe, network::NOBODY};
use crate::{
    coverage::rules::Detector,
    event::{Accepted, OtherSocket, SweptSocket, SweptState, SweptTransport, Task, UnixKind, UnixSocket},
    fact::{Action, FactKey, Strength},
    inventory::{Description, Epoch},
    key::{Carrier, Object},
};

/// Where subjects can be called.
#[derive(Debug, Default)]
pub(super) struct Served {
    /// Subject, carrier and port → the addresses that were seen to listen.
    listeners: BTreeMap<(u64, Carrier, u16), BTreeMap<IpAddr, FactKey>>,
    /// Accepted connections, counted so far.
    accepted: BTreeMap<(u64, SocketAddr), (At, Accepted)>,
}

impl Served {
    pub(super) fn listens(&mut self, epoch: &mut Epoch, at: &At, task: &Task, local: SocketAddr) {
        let (address, port, carrier) = (local.ip(), local.port(), Carrier::Tcp);
        let key = at.fact(task, Action::Served, Object::Listener { address, port, carrier });
        add(epoch, key.clone(), at.evidence(Strength::Connected));
        self.listeners.entry((at.id, carrier, port)).or_default().insert(address, key);
    }

    /// Whether the subject itself listens at this TCP port.
    pub(super) fn listening(&self, subject: u64, port: u16) -> bool {
        self.listeners.contains_key(&(subject, Carrier::Tcp, port))
    }

    fn accepted(&mut self, at: &At, accepted: Accepted) {
        let (_, known) =
            self.accepted.entry((at.id, accepted.local)).or_insert_with(|| (at.clone(), accepted.clone()));
        known.connections = known.connections.max(accepted.connections);
        known.sent = known.sent.max(accepted.sent);
        known.received = known.received.max(accepted.received);
    }

    pub(super) fn close(&self, epoch: &mut Epoch) {
        for ((_, local), (at, accepted)) in &self.accepted {
            let counts = (accepted.connections, accepted.sent, accepted.received);
            self.called(epoch, at, *local, Carrier::Tcp, counts);
        }
    }

    /// Counts connections at the one that listens: at that address, or at all of them.
    pub(super) fn called(
        &self,
        epoch: &mut Epoch,
        at: &At,
        local: SocketAddr,
        carrier: Carrier,
        (connections, sent, received): (u64, u64, u64),
    ) {
        let (address, port) = (local.ip(), local.port());
        let listeners = self.listeners.get(&(at.id, carrier, port));
        let listener = listeners.and_then(|all| {
            let any = all.iter().find(|(address, _)| address.is_unspecified()).map(|(_, key)| key);
            all.get(&address).or(any)
        });
        let key = listener
            .cloned()
            .unwrap_or_else(|| at.fact(&NOBODY, Action::Served, Object::Listener { address, port, carrier }));
        let evidence = epoch.facts.entry(key).or_insert_with(|| at.evidence(Strength::Connected));
        evidence.strength.0 = evidence.strength.0.max(Strength::Exchanged);
        evidence.last_ns.0 = evidence.last_ns.0.max(at.time_ns);
        evidence.traffic(at.time_ns, connections, sent, received);
    }
}

impl Correlator {
    pub(super) fn accepted(&mut self, at: &At, accepted: Accepted) {
        self.network.served.accepted(at, accepted);
    }

    pub(super) fn unix(&mut self, at: &At, task: &Task, socket: UnixSocket) {
        let object = Object::UnixSocket(socket.name);
        let action = if socket.listening { Action::Served } else { Action::Connected };
        if socket.listening {
            self.subjects.detect(Some(at.id), Detector::UnixListener);
        } else {
            let same = socket.peer_subject == Some(at.id);
            describe(&mut self.epoch, &object, Description::SamePeer(same));
            if !same {
                self.subjects.detect(Some(at.id), Detector::UnixPeer);
            }
        }
        add(&mut self.epoch, at.fact(task, action, object), at.evidence(Strength::Connected));
    }

    /// A unix socket, or one of another family, that is there. That it was connected may have been told before.
    pub(super) fn swept_other(&mut self, at: &At, task: &Task, socket: &SweptSocket) {
        match &socket.transport {
            SweptTransport::Unix { local, remote, peer_subject } => {
                let listening = socket.state == SweptState::Listening;
                let name = if listening { local } else { remote };
                let name = Some(name).filter(|name| !name.bytes().is_empty()).cloned();
                let (peer, peer_subject) = (None, *peer_subject);
                let kind = UnixKind::Stream;
                self.unix(at, task, UnixSocket { name, kind, listening, peer, peer_subject });
            }
            SweptTransport::Other { family, kind, protocol } => {
                let (family, kind, protocol) = (*family, *kind, *protocol);
                let flags =
                    OtherSocket { family, kind, protocol, outside: false, pair: false, inherited: false };
                self.other_socket(at, flags);
            }
            SweptTransport::Tcp { .. } | SweptTransport::Udp { .. } => {}
        }
    }

    pub(super) fn other_socket(&mut self, at: &At, socket: OtherSocket) {
        if socket.inherited {
            self.subjects.detect(Some(at.id), Detector::SocketPassed);
            return;
        }
        if socket.outside {
            self.subjects.detect(Some(at.id), Detector::LeftCgroup);
        }
        if socket.is_unix() {
            self.subjects.detect(Some(at.id), Detector::UnixDatagram);
        } else if !socket.is_followed() {
            self.subjects.detect(Some(at.id), Detector::OtherFamily);
        }
    }
}
