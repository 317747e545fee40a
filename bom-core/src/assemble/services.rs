//! Endpoints as services. Of a TLS endpoint there is scheme, host and port, and nothing else.

use super::{
    AssembleError, Context, clean, property,
    references::{endpoint_host, short, unix_name},
};
use crate::{
    bom::{Bom, BomRef, Confidence, Iri, Provider, Service},
    fact::{Technique, confidence},
    identify::{Endpoint, STREAMED_SHARE, UnixPeer, Usage},
    inventory::NameSource,
    key::Carrier,
};

impl Context<'_> {
    pub(super) fn services(&self, bom: &mut Bom) -> Result<(), AssembleError> {
        for (endpoint, reference) in self.view.endpoints.iter().zip(&self.names.endpoints) {
            let service = self.service(endpoint, reference)?;
            self.used(bom, &endpoint.uses, reference);
            bom.dependencies.entry(reference.clone()).or_default();
            bom.services.push(service);
        }
        for (peer, reference) in self.view.unix_peers.iter().zip(&self.names.unix_peers) {
            let service = self.unix_service(peer, reference)?;
            self.used(bom, &peer.uses, reference);
            bom.dependencies.entry(reference.clone()).or_default();
            bom.services.push(service);
        }
        Ok(())
    }

    /// The other end of a unix socket. What it passes on, and to whom, is not known.
    fn unix_service(&self, peer: &UnixPeer, reference: &BomRef) -> Result<Service, AssembleError> {
        let name = unix_name(peer);
        let mut service = Service::new(reference.clone(), name.clone());
        // A name that fits no URL stays in the properties.
        service.endpoints.extend(Iri::parse(&name).ok());
        if !peer.same_subject {
            service.x_trust_boundary = Some(true);
        }
        let properties = &mut service.properties;
        property(properties, "aibom:service:kind", "unknown");
        property(properties, "aibom:net:transport", "unix");
        let peer_is = if peer.same_subject { "same-subject" } else { "other" };
        property(properties, "aibom:net:peer", peer_is);
        self.traffic(&peer.uses, None, reference, &mut service)?;
        Ok(service)
    }

    fn service(&self, endpoint: &Endpoint, reference: &BomRef) -> Result<Service, AssembleError> {
        let host = endpoint_host(endpoint);
        let mut service = Service::new(reference.clone(), host.clone());
        // What was seen is never a reason to write no document: a name that fits no URL stays in the
        // properties, and the address stands in the URL.
        let address = endpoint.addresses.first().map(ToString::to_string).unwrap_or_default();
        let scheme = scheme(endpoint);
        let url = Iri::endpoint(scheme, &host, endpoint.port);
        service.endpoints.extend(url.or_else(|_| Iri::endpoint(scheme, &address, endpoint.port)).ok());
        let properties = &mut service.properties;
        match &endpoint.provider {
            Some(provider) => {
                service.group = Some(provider.kind.clone());
                service.provider = Some(Provider { name: Some(provider.provider.clone()), urls: [].into() });
                property(properties, "aibom:service:kind", &provider.kind);
                if !provider.sure {
                    property(properties, "aibom:service:host_is_shared", "true");
                }
                for (part, value) in &endpoint.parts {
                    let part = crate::bom::taxonomy_segment(part);
                    property(properties, &format!("aibom:service:{part}"), clean(value));
                }
                if provider.kind == "gateway" {
                    // Who answers in the end is the gateway's choice.
                    property(properties, "aibom:service:behind", "unknown");
                }
            }
            None => match endpoint.server.as_ref() {
                Some(server) if !server.is_hint() => {
                    service.group = Some(server.kind.clone());
                    property(properties, "aibom:service:kind", &server.kind);
                }
                Some(_) | None => property(properties, "aibom:service:kind", "unknown"),
            },
        }
        if let Some(server) = &endpoint.server {
            let word = if server.is_hint() { "aibom:service:server_hint" } else { "aibom:service:server" };
            property(properties, word, clean(&server.name));
            for basis in &server.bases {
                property(properties, "aibom:service:server_basis", basis.name());
            }
        }
        // A name for a loopback address may be a proxy or a test; what is beyond it is not known.
        if endpoint.addresses.iter().any(|address| !address.is_loopback()) {
            service.x_trust_boundary = Some(true);
        }
        for carrier in &endpoint.carriers {
            property(properties, "aibom:net:transport", carrier.name());
        }
        for proxy in &endpoint.via {
            property(properties, "aibom:net:via", proxy.to_string());
        }
        if endpoint.resolver {
            property(properties, "aibom:net:role", "resolver");
        }
        property(properties, "aibom:net:remote_port", endpoint.port.to_string());
        for address in &endpoint.addresses {
            property(properties, "aibom:net:remote_ip", address.to_string());
        }
        for (source, name) in &endpoint.names {
            property(properties, &format!("aibom:net:name:{}", source.name()), name);
        }
        let source = match &endpoint.host {
            Some(_) => endpoint.names.first().map_or("none", |(source, _)| source.name()),
            None if endpoint.several_names => "several",
            None => "none",
        };
        property(properties, "aibom:net:name_source", source);
        for (source, name) in &endpoint.mismatches {
            property(properties, "aibom:net:name_mismatch", format!("{} {}", source.name(), clean(name)));
        }
        for model in &endpoint.models {
            property(properties, "aibom:claim:model", clean(model));
        }
        for protocol in &endpoint.protocols {
            property(properties, "aibom:net:alpn", protocol);
        }
        self.traffic(&endpoint.uses, endpoint.host.as_deref(), reference, &mut service)?;
        Ok(service)
    }

    fn traffic(
        &self,
        uses: &[Usage],
        host: Option<&str>,
        reference: &BomRef,
        service: &mut Service,
    ) -> Result<(), AssembleError> {
        let properties = &mut service.properties;
        let strongest = uses.iter().map(|usage| usage.evidence.strength.0).max();
        if let Some(strength) = strongest {
            property(properties, "aibom:obs:strength", strength.name());
            // The peer is what the probe saw; the name is what the stream or the resolver claimed.
            let peer = Confidence::from_permille(confidence(Technique::Instrumentation, strength, false))?;
            let name = Confidence::from_permille(confidence(Technique::Instrumentation, strength, true))?;
            property(properties, "aibom:verify:confidence:peer", peer.as_fraction().to_string());
            if host.is_some() {
                property(properties, "aibom:verify:confidence:name", name.as_fraction().to_string());
            }
        }
        let (mut connections, mut sent, mut received) = (0_u64, 0_u64, 0_u64);
        for (number, usage) in uses.iter().enumerate() {
            let own = short(&[reference.as_str(), &number.to_string()]);
            let evidence = self.evidence_reference(usage, &own);
            property(properties, "aibom:evidence", format!("{evidence} {}", self.context(usage, "connect")));
            for (minute, bucket) in &usage.evidence.activity {
                connections = connections.saturating_add(bucket.connections.0);
                sent = sent.saturating_add(bucket.sent.0);
                received = received.saturating_add(bucket.received.0);
                if !self.deterministic {
                    let program = self.names.programs.get(usage.program).map_or("", BomRef::as_str);
                    let value = format!(
                        "minute={minute} program={program} connections={} sent={} received={}",
                        bucket.connections.0, bucket.sent.0, bucket.received.0
                    );
                    property(properties, "aibom:net:activity", value);
                }
            }
        }
        property(properties, "aibom:net:connections", connections.to_string());
        if received >= STREAMED_SHARE {
            property(properties, "aibom:net:content", "not-looked-at");
        }
        if !self.deterministic {
            property(properties, "aibom:net:bytes_sent", sent.to_string());
            property(properties, "aibom:net:bytes_received", received.to_string());
        }
        Ok(())
    }
}

/// `https` if the stream was TLS or QUIC and offered HTTP, `tls` if it was TLS, `http` for requests in plain text,
/// else what carried it.
fn scheme(endpoint: &Endpoint) -> &'static str {
    let http = |name: &String| name.starts_with("h2") || name.starts_with("h3") || name.starts_with("http/");
    let named = |source| endpoint.names.iter().any(|(of, _)| *of == source);
    let quic = !endpoint.carriers.contains(&Carrier::Tcp) && endpoint.carriers.contains(&Carrier::Udp);
    if endpoint.protocols.iter().any(http) {
        "https"
    } else if named(NameSource::Sni) || !endpoint.protocols.is_empty() {
        if quic { "quic" } else { "tls" }
    } else if named(NameSource::Host) {
        "http"
    } else if quic {
        "udp"
    } else {
        // Every endpoint has one.
        endpoint.carriers.first().map_or("tcp", |carrier| carrier.name())
    }
}
