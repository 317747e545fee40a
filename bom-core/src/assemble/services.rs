//! Endpoints as services. Of a TLS endpoint there is scheme, host and port, and nothing else.

use super::{
    AssembleError, Context, property,
    references::{endpoint_host, short},
};
use crate::{
    bom::{Bom, BomRef, Confidence, Iri, Provider, Service},
    fact::{Technique, confidence},
    identify::Endpoint,
    inventory::NameSource,
};

impl Context<'_> {
    pub(super) fn services(&self, bom: &mut Bom) -> Result<(), AssembleError> {
        for (endpoint, reference) in self.view.endpoints.iter().zip(&self.names.endpoints) {
            let service = self.service(endpoint, reference)?;
            self.used(bom, &endpoint.uses, reference);
            bom.dependencies.entry(reference.clone()).or_default();
            bom.services.push(service);
        }
        Ok(())
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
            }
            None => property(properties, "aibom:service:kind", "unknown"),
        }
        // A name for a loopback address may be a proxy or a test; what is beyond it is not known.
        if endpoint.addresses.iter().any(|address| !address.is_loopback()) {
            service.x_trust_boundary = Some(true);
        }
        property(properties, "aibom:net:transport", "tcp");
        property(properties, "aibom:net:remote_port", endpoint.port.to_string());
        for address in &endpoint.addresses {
            property(properties, "aibom:net:remote_ip", address.to_string());
        }
        for (source, name) in &endpoint.names {
            property(properties, &format!("aibom:net:name:{}", source.name()), name);
        }
        let source = endpoint.names.first().map_or("none", |(source, _)| source.name());
        property(properties, "aibom:net:name_source", source);
        if endpoint.name_mismatch {
            property(properties, "aibom:net:name_mismatch", "true");
        }
        for protocol in &endpoint.protocols {
            property(properties, "aibom:net:alpn", protocol);
        }
        self.traffic(endpoint, reference, &mut service)?;
        Ok(service)
    }

    fn traffic(
        &self,
        endpoint: &Endpoint,
        reference: &BomRef,
        service: &mut Service,
    ) -> Result<(), AssembleError> {
        let properties = &mut service.properties;
        let strongest = endpoint.uses.iter().map(|usage| usage.evidence.strength.0).max();
        if let Some(strength) = strongest {
            property(properties, "aibom:obs:strength", strength.name());
            // The peer is what the probe saw; the name is what the stream or the resolver claimed.
            let peer = Confidence::from_permille(confidence(Technique::Instrumentation, strength, false))?;
            let name = Confidence::from_permille(confidence(Technique::Instrumentation, strength, true))?;
            property(properties, "aibom:verify:confidence:peer", peer.as_fraction().to_string());
            if endpoint.host.is_some() {
                property(properties, "aibom:verify:confidence:name", name.as_fraction().to_string());
            }
        }
        let (mut connections, mut sent, mut received) = (0_u64, 0_u64, 0_u64);
        for (number, usage) in endpoint.uses.iter().enumerate() {
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
        if !self.deterministic {
            property(properties, "aibom:net:bytes_sent", sent.to_string());
            property(properties, "aibom:net:bytes_received", received.to_string());
        }
        Ok(())
    }
}

/// `https` if the stream was TLS and offered HTTP, `tls` if it was TLS, else `tcp`.
fn scheme(endpoint: &Endpoint) -> &'static str {
    let http = |name: &String| name == "h2" || name.starts_with("http/");
    let tls = endpoint.names.iter().any(|(source, _)| *source == NameSource::Sni);
    if endpoint.protocols.iter().any(http) {
        "https"
    } else if tls || !endpoint.protocols.is_empty() {
        "tls"
    } else {
        "tcp"
    }
}
