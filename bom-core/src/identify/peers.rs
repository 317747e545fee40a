//! Who was called: peers by host and port, whatever carried the bytes, and unix sockets by name.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    build::{Uses, done},
    catalog::Catalog,
    view::{Endpoint, UnixPeer, View},
};
use crate::{
    fact::{Evidence, FactKey},
    inventory::{Description, Epoch},
    join::Few,
    key::Object,
    path::SeenPath,
};

#[derive(Default)]
pub(super) struct Peers {
    endpoints: BTreeMap<(String, u16), (Endpoint, Uses)>,
    unix: BTreeMap<Option<SeenPath>, (UnixPeer, Uses)>,
}

impl Peers {
    /// Takes one connection in. `place` is the subject and the program.
    pub(super) fn met(
        &mut self,
        catalog: &Catalog,
        epoch: &Epoch,
        fact: &FactKey,
        evidence: &Evidence,
        place: (usize, usize),
    ) {
        let about = epoch.objects.get(&fact.object);
        let uses = match &fact.object {
            Object::Endpoint { host, address, port, carrier } => {
                let (endpoint, uses) = self.endpoint(catalog, host.clone(), address.to_string(), *port);
                endpoint.addresses.insert(*address);
                endpoint.carriers.insert(*carrier);
                describe(endpoint, about);
                uses
            }
            Object::Behind { host, port, proxy } => {
                let (endpoint, uses) = self.endpoint(catalog, Some(host.clone()), host.clone(), *port);
                endpoint.via.insert(*proxy);
                describe(endpoint, about);
                uses
            }
            Object::UnixSocket(name) => {
                let (peer, uses) = self.unix.entry(name.clone()).or_insert_with(|| {
                    (UnixPeer { name: name.clone(), same_subject: true, uses: Vec::new() }, Uses::new())
                });
                peer.same_subject &=
                    !about.into_iter().flatten().any(|what| *what == Description::SamePeer(false));
                uses
            }
            Object::File(_) | Object::Name(_) | Object::Listener { .. } => return,
        };
        uses.entry(place).or_default().add(fact, evidence);
    }

    /// The endpoint of that host, or of that address if no name is known.
    fn endpoint(
        &mut self,
        catalog: &Catalog,
        host: Option<String>,
        otherwise: String,
        port: u16,
    ) -> &mut (Endpoint, Uses) {
        let key = (host.clone().unwrap_or(otherwise), port);
        self.endpoints.entry(key).or_insert_with(|| {
            let found = host.as_deref().and_then(|host| catalog.provider_of(host));
            let (provider, parts) =
                found.map_or_else(Default::default, |(row, parts)| (Some(row.clone()), parts));
            let endpoint = Endpoint {
                provider,
                parts,
                server: None,
                host,
                port,
                addresses: BTreeSet::new(),
                names: BTreeSet::new(),
                carriers: BTreeSet::new(),
                protocols: BTreeSet::new(),
                mismatches: BTreeSet::new(),
                several_names: false,
                resolver: false,
                via: BTreeSet::new(),
                models: BTreeSet::new(),
                uses: Vec::new(),
            };
            (endpoint, Uses::new())
        })
    }

    pub(super) fn finish(self, view: &mut View) {
        view.endpoints = done(self.endpoints.into_values(), |endpoint, uses| endpoint.uses = uses);
        view.unix_peers = done(self.unix.into_values(), |peer, uses| peer.uses = uses);
    }
}

fn describe(endpoint: &mut Endpoint, about: Option<&Few<Description>>) {
    for description in about.into_iter().flatten() {
        match description {
            Description::Name { source, name } => {
                endpoint.names.insert((*source, name.clone()));
            }
            Description::Mismatch { source, name } => {
                endpoint.mismatches.insert((*source, name.clone()));
            }
            Description::Protocol(protocol) => {
                endpoint.protocols.insert(protocol.clone());
            }
            Description::Model(name) => {
                endpoint.models.insert(name.clone());
            }
            Description::SeveralNames => endpoint.several_names = true,
            Description::Resolver => endpoint.resolver = true,
            Description::Path(_)
            | Description::Unlinked
            | Description::Content(_)
            | Description::Digest(_)
            | Description::EarlierDigest
            | Description::Owner(_)
            | Description::Stored(_)
            | Description::Intact(_)
            | Description::Device(_)
            | Description::SamePeer(_)
            | Description::Unknown { .. } => {}
        }
    }
}
