//! The closed world, entered for real. The program runs itself inside, as the client.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Output};
use std::sync::Arc;

use bom_testkit::trial::{self, Failed, Need, trial};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Set for the copy of this program that runs inside.
const INSIDE: &str = "AIBOM_WORLD_TEST_INSIDE";

fn main() -> ExitCode {
    if env::var_os(INSIDE).is_some() {
        inside();
        return ExitCode::SUCCESS;
    }
    let trial = |name: &str, run: fn() -> Result<(), Failed>| trial(name, &[Need::Root, Need::Netns], run);
    trial::run(vec![
        trial("world::resolves_and_answers_both_providers", resolves_and_answers_both_providers),
        trial("world::answers_over_ipv6_on_request", answers_over_ipv6_on_request),
        trial("world::passes_exit_codes_and_signals_through", passes_exit_codes_and_signals_through),
    ])
}

fn resolves_and_answers_both_providers() -> Result<(), Failed> {
    let log = visit(&[])?;
    for (host, address) in [("api.openai.com", "127.0.10.1:443"), ("api.anthropic.com", "127.0.10.2:443")] {
        expect(&log, &[r#""event":"dns""#, host, r#""known":true"#])?;
        expect(&log, &[r#""event":"tls""#, &format!(r#""sni":"{host}""#), address])?;
        expect(&log, &[r#""event":"request""#, host, r#""status":200"#])?;
        expect(&log, &[r#""event":"closed""#, host, r#""wire_in""#])?;
    }
    expect(&log, &[r#""event":"dns""#, "elsewhere.example", r#""known":false"#])?;
    match ["secret", "Authorization"].iter().find(|word| log.contains(*word)) {
        Some(word) => Err(format!("{word} in the log:\n{log}").into()),
        None => Ok(()),
    }
}

fn answers_over_ipv6_on_request() -> Result<(), Failed> {
    expect(&visit(&["--ipv6"])?, &[r#""event":"tls""#, "api.openai.com", "[::1]:443"])
}

fn passes_exit_codes_and_signals_through() -> Result<(), Failed> {
    for (command, expected) in [
        (&["/bin/sh", "-c", "exit 42"][..], 42),
        (&["/bin/sh", "-c", "kill -KILL $$"], 128 + 9),
        // The signal goes to the world (the shell's parent), which hands it to the shell; the processor limit is the
        // deadline.
        (&["/bin/sh", "-c", "ulimit -t 5; trap 'exit 7' TERM; kill -TERM $PPID; while :; do :; done"], 7),
        (&["/bin/sh", "-c", "ulimit -t 5; kill -TERM $PPID; while :; do :; done"], 128 + 15),
        (&["/nonexistent/program"], 127),
        (&["/etc/passwd"], 126),
    ] {
        let output = world(&[]).arg("--").args(command).output()?;
        if output.status.code() != Some(expected) {
            return Err(format!("{command:?}: {output:?} instead of {expected}").into());
        }
    }
    Ok(())
}

/// Runs [`inside`] in a world with these options and returns the world's log.
fn visit(options: &[&str]) -> Result<String, Failed> {
    let folder = Folder::new(&options.concat())?;
    let (log, ready) = (folder.0.join("log"), folder.0.join("ready"));
    let Output { status, stdout, stderr } = world(options)
        .arg("--log")
        .arg(&log)
        .arg("--ready-file")
        .arg(&ready)
        .arg("--")
        .arg(env::current_exe()?)
        .env(INSIDE, "1")
        .env("HTTPS_PROXY", "http://proxy.example:3128")
        .output()?;
    let told = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    if !status.success() {
        return Err(format!("{status}: {told}").into());
    }
    let ready: serde_json::Value = serde_json::from_slice(&fs::read(ready)?)?;
    if ready["hosts"]["api.openai.com"] != "127.0.10.1" {
        return Err(format!("ready file: {ready}").into());
    }
    let authority = PathBuf::from(ready["ca"].as_str().unwrap_or("/"));
    if authority.exists() {
        return Err(format!("{} is left behind", authority.display()).into());
    }
    Ok(fs::read_to_string(log)?)
}

/// What a client sees; panics if it is not what it should be.
fn inside() {
    assert!(env::var_os("HTTPS_PROXY").is_none(), "a proxy is left in the environment");
    assert!(("elsewhere.example", 443).to_socket_addrs().is_err(), "a name that nobody knows");
    let outside: SocketAddr = "192.0.2.1:443".parse().expect("an address");
    assert!(TcpStream::connect(outside).is_err(), "a way out");
    for (host, path, expected) in [
        ("api.openai.com", "/v1/embeddings?token=secret", "\"embedding\""),
        ("api.anthropic.com", "/v1/messages", "end_turn"),
    ] {
        let reply = post(host, path);
        assert!(reply.starts_with("HTTP/1.1 200") && reply.contains(expected), "{host}: {reply}");
    }
}

fn post(host: &str, path: &str) -> String {
    let mut roots = RootCertStore::empty();
    let authority = env::var_os("SSL_CERT_FILE").expect("SSL_CERT_FILE");
    roots.add(CertificateDer::from_pem_file(authority).expect("a certificate")).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = host.to_owned().try_into().expect("a host name");
    let tls = ClientConnection::new(Arc::new(config), name).expect("a client");
    let address = (host, 443).to_socket_addrs().expect("a known name").next().expect("an address");
    let mut stream = StreamOwned::new(tls, TcpStream::connect(address).expect("a listener"));
    let body = r#"{"model":"m","input":"a"}"#;
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer secret\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("a request");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("a reply and a clean end");
    reply
}

fn world(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aibom-world"));
    command.args(options);
    command
}

fn expect(log: &str, words: &[&str]) -> Result<(), Failed> {
    if log.lines().any(|line| words.iter().all(|word| line.contains(word))) {
        return Ok(());
    }
    Err(format!("no line with {words:?} in the log:\n{log}").into())
}

/// A folder of this test, removed on drop.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> std::io::Result<Self> {
        let path =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("world-{}{name}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is inside the target folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}
