//! Clients written in Rust, by others: rustls and quinn. This test program starts itself once more as one of them.

use std::{
    env,
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::ExitCode,
    sync::Arc,
};

use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};

/// First argument of the copy that is a client; then which one, and the server's name.
pub(crate) const AS_CLIENT: &str = "as-a-client";
/// Where testdata/network/quic.py serves.
const QUIC_SERVER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(127, 0, 10, 6)), 4433);

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Is this copy a client? Then it makes its call, and this is its exit code.
pub(crate) fn as_asked() -> Option<ExitCode> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [first, client, host] = words.as_slice() else { return None };
    if first != AS_CLIENT {
        return None;
    }
    let outcome = match client.as_str() {
        "rustls" => rustls_call(host),
        "quinn" => quinn_call(host),
        other => Err(format!("no such client: {other}").into()),
    };
    Some(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{client}: {error}");
            ExitCode::FAILURE
        }
    })
}

/// One request by TLS, with the names and addresses that libc finds.
fn rustls_call(host: &str) -> Outcome {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(env::var_os("SSL_CERT_FILE").ok_or("no SSL_CERT_FILE")?)?
    {
        roots.add(certificate?)?;
    }
    let configuration = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(configuration), ServerName::try_from(host.to_owned())?)?;
    let mut stream = StreamOwned::new(connection, TcpStream::connect((host, 443))?);
    write!(
        stream,
        "POST /v1/hidden-path HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    )?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // A server that ends without saying so.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        outcome => drop(outcome?),
    }
    if answer.starts_with(b"HTTP/1.1 ") { Ok(()) } else { Err("no answer".into()) }
}

/// A QUIC handshake. The server's certificate is not trusted, so it fails once the server has answered, as it should.
fn quinn_call(host: &str) -> Outcome {
    let mut configuration =
        ClientConfig::builder().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    configuration.alpn_protocols = vec![b"h3".to_vec()];
    let configuration = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(configuration)?));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        let mut endpoint = quinn::Endpoint::client((Ipv4Addr::UNSPECIFIED, 0).into())?;
        endpoint.set_default_client_config(configuration);
        Ok::<_, Box<dyn std::error::Error>>(endpoint.connect(QUIC_SERVER, host)?.await)
    })?;
    match outcome {
        Err(quinn::ConnectionError::TransportError(_)) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err("an unknown server was trusted".into()),
    }
}
