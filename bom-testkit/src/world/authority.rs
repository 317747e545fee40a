//! A certificate authority that lives as long as the world, and the one server certificate it signs.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use super::hosts::HOSTS;

#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error("make certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error("configure TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// What a client must trust, and what a server needs. The keys stay in memory.
#[derive(Debug)]
pub(crate) struct Authority {
    /// The certificate of the authority, PEM.
    pub(crate) pem: String,
    pub(crate) server: Arc<ServerConfig>,
}

impl Authority {
    /// New keys each time; one leaf for all [`HOSTS`], TLS 1.2 and 1.3, ALPN `http/1.1` only.
    pub(crate) fn new() -> Result<Self, AuthorityError> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, "aibom test world");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        // Python 3.13 and later check the usage and the key identifiers (X509_V_FLAG_X509_STRICT).
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);

        let names: Vec<String> = HOSTS.iter().map(|host| host.name.to_owned()).collect();
        let mut leaf = CertificateParams::new(names)?;
        leaf.use_authority_key_identifier_extension = true;
        let leaf_key = KeyPair::generate()?;
        let leaf = leaf.signed_by(&leaf_key, &issuer)?;
        let secret = PrivateKeyDer::try_from(leaf_key.serialize_der())
            .map_err(|e| rustls::Error::General(e.to_owned()))?;

        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], secret)?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { pem, server: Arc::new(server) })
    }
}
