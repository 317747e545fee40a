//! Peers beside the providers: what answers datagrams, requests in plain text, and a proxy.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use super::hosts;
use super::open::WorldError;

const ECHO: u16 = 7;
const HTTP: u16 = 80;
const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 10, 9)), 3128);
const PLAIN: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::new(127, 0, 10, 8)), IpAddr::V6(Ipv6Addr::LOCALHOST)];
/// A client that says nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(30);
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

/// Starts them all, each in threads of its own.
pub(crate) fn start() -> Result<(), WorldError> {
    for address in PLAIN {
        let echo = SocketAddr::new(address, ECHO);
        let socket = UdpSocket::bind(echo).map_err(|source| WorldError::Listen { address: echo, source })?;
        thread::spawn(move || repeat(&socket));
        accept(SocketAddr::new(address, HTTP), answer)?;
    }
    accept(PROXY, forward)
}

fn accept(address: SocketAddr, serve: fn(TcpStream) -> io::Result<()>) -> Result<(), WorldError> {
    let listener = TcpListener::bind(address).map_err(|source| WorldError::Listen { address, source })?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // What a client does wrong is its own affair.
            thread::spawn(move || drop(serve(stream)));
        }
    });
    Ok(())
}

/// RFC 862.
fn repeat(socket: &UdpSocket) {
    let mut buffer = [0; 65_536];
    loop {
        // An error belongs to one datagram, not to the socket.
        if let Ok((length, peer)) = socket.recv_from(&mut buffer)
            && let Some(datagram) = buffer.get(..length)
        {
            let _ = socket.send_to(datagram, peer);
        }
    }
}

/// Answers whatever comes as if it were a request, and hangs up.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let _ = stream.read(&mut [0; 16_384])?;
    stream.write_all(ANSWER)?;
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

/// A proxy that makes tunnels to the hosts of this world (RFC 9110 §9.3.6), and answers any other request itself.
fn forward(stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut client = BufReader::new(stream);
    let mut first = String::new();
    client.read_line(&mut first)?;
    let mut line = String::new();
    while client.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut words = first.split(' ');
    let target = match (words.next(), words.next()) {
        (Some("CONNECT"), Some(target)) => target,
        _ => return client.get_mut().write_all(ANSWER),
    };
    let (name, port) = target.rsplit_once(':').unwrap_or((target, "443"));
    let Some((host, port)) = hosts::find(name).zip(port.parse().ok()) else {
        return client.get_mut().write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    };
    let mut server = TcpStream::connect((host.address, port))?;
    let mut stream = client.get_ref().try_clone()?;
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let mut answers = server.try_clone()?;
    let back = thread::spawn(move || {
        let _ = io::copy(&mut answers, &mut stream);
        let _ = stream.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut client, &mut server);
    let _ = server.shutdown(Shutdown::Write);
    let _ = back.join();
    Ok(())
}
