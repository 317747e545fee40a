//! The TLS server: a thread per connection, requests answered one after the other until the client hangs up.

use std::io::{self, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use super::answers::answer;
use super::http::read_request;
use super::log::Log;

/// More than any test opens; a program that loops on connect is cut off instead of filling the machine.
const MAX_CONNECTIONS: usize = 256;
/// A client that says nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Accepts forever. Nothing a client does ends it.
pub(crate) fn accept(listener: &TcpListener, config: &Arc<ServerConfig>, log: &Arc<Log>) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if open.fetch_add(1, Ordering::Relaxed) >= MAX_CONNECTIONS {
            open.fetch_sub(1, Ordering::Relaxed);
            log.line("refused", json!({"reason": "too many connections"}));
            continue;
        }
        let (config, log, open) = (Arc::clone(config), Arc::clone(log), Arc::clone(&open));
        thread::spawn(move || {
            let peer = stream.peer_addr().ok().map(|peer| peer.to_string());
            if let Err(error) = connection(stream, config, &log) {
                log.line("error", json!({"peer": peer, "reason": error.to_string()}));
            }
            open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

/// Serves one connection. An error is a client that is not TLS, does not trust us or is not HTTP/1.1.
fn connection(stream: TcpStream, config: Arc<ServerConfig>, log: &Log) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let (local, peer) = (stream.local_addr()?, stream.peer_addr()?);
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut wire = Counted { stream, read: 0, written: 0 };
    while tls.is_handshaking() {
        tls.complete_io(&mut wire)?;
    }
    let sni = tls.server_name().map(str::to_owned);
    let id = json!({"sni": sni, "local": local.to_string(), "peer": peer.to_string()});
    log.line("tls", id.clone());

    let mut client = BufReader::new(StreamOwned::new(tls, wire));
    let outcome = requests(&mut client, log);
    let wire = &client.get_ref().sock;
    let mut closed = id;
    closed["wire_in"] = json!(wire.read);
    closed["wire_out"] = json!(wire.written);
    log.line("closed", closed);
    outcome
}

fn requests(client: &mut BufReader<StreamOwned<ServerConnection, Counted>>, log: &Log) -> io::Result<()> {
    loop {
        let request = match read_request(client) {
            Ok(Some(request)) => request,
            Ok(None) => break,
            Err(error) => return Err(io::Error::other(error)),
        };
        let (status, body) = answer(&request);
        let body = body.to_string();
        let reason = if status == 200 { "OK" } else { "Refused" };
        let connection = if request.keep_alive { "keep-alive" } else { "close" };
        let reply = format!(
            "HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
            body.len()
        );
        // Logged before it is sent: who has the answer finds its line in the log.
        log.line(
            "request",
            json!({
                "host": request.host, "method": request.method, "path": request.path, "status": status,
                "body_in": request.body.len(), "body_out": body.len(),
            }),
        );
        client.get_mut().write_all(reply.as_bytes())?;
        client.get_mut().flush()?;
        if !request.keep_alive {
            break;
        }
    }
    let tls = client.get_mut();
    tls.conn.send_close_notify();
    // The client may be gone already, which is no error at the end of a conversation.
    let _ = tls.flush();
    Ok(())
}

/// Counts what TCP carried, TLS records and handshake included: what an observer of the socket counts too.
#[derive(Debug)]
struct Counted {
    stream: TcpStream,
    read: u64,
    written: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.stream.read(buffer)?;
        self.read += length as u64;
        Ok(length)
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.stream.write(bytes)?;
        self.written += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
