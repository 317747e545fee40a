//! The servers that the rows talk to: they take anything, and answer `ok`. They belong to this process and so to no
//! subject.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

use bom_testkit::synth;

use crate::network::{PEER4, PEER6};

const ANSWER: &[u8] = b"ok\n";
/// A program that says nothing for so long is gone.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn start() {
    for (address, port) in [(PEER4, 443), (PEER6, 443), (PEER4, 8080)] {
        tcp(address, port, say_ok);
        udp(address, port, |_| Some(ANSWER.to_vec()));
    }
    tcp(PEER4, 53, name_server);
    for port in [53, 5353] {
        udp(PEER4, port, answer);
    }
}

fn tcp(address: &str, port: u16, serve: fn(TcpStream)) {
    let listener = TcpListener::bind((address, port)).expect("listen in a network of our own");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
}

fn udp(address: &str, port: u16, reply: fn(&[u8]) -> Option<Vec<u8>>) {
    let socket = UdpSocket::bind((address, port)).expect("listen in a network of our own");
    thread::spawn(move || {
        let mut bytes = [0; 2048];
        loop {
            // An error belongs to an earlier datagram, not to the socket.
            let Ok((length, peer)) = socket.recv_from(&mut bytes) else { continue };
            if let Some(reply) = bytes.get(..length).and_then(reply) {
                let _ = socket.send_to(&reply, peer);
            }
        }
    });
}

/// Reads until the other side has said everything, then answers; to `GET /model` with a model of a MiB and a half.
pub(crate) fn say_ok(mut stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut said = Vec::new();
    // Whoever hangs up in the middle wants no answer.
    if (&stream).take(1 << 20).read_to_end(&mut said).is_ok() {
        // Large enough to be worth streaming.
        let mut model = synth::safetensors().build();
        model.resize(3 << 19, 0);
        let _ = stream.write_all(if said.starts_with(b"GET /model") { &model } else { ANSWER });
        let _ = stream.shutdown(Shutdown::Write);
    }
}

/// RFC 1035, section 4.2.2: two bytes of length before each message.
fn name_server(mut stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(PATIENCE));
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut question).is_err() {
            break;
        }
        let Some(reply) = answer(&question) else { break };
        let length = u16::try_from(reply.len()).expect("a short message").to_be_bytes();
        if stream.write_all(&[&length[..], &reply].concat()).is_err() {
            break;
        }
    }
}

/// Every name has the peer's address, but for decoys.
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let decoy = question.windows(6).any(|window| window == b"\x05decoy");
    let last = if decoy { 99 } else { 7 };
    // Identification as it came; response, recursion available; one question, one answer.
    let mut reply = question.get(..2)?.to_vec();
    reply.extend([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
    reply.extend(question.get(12..)?);
    // The name of the question, type A, class IN, 30 seconds.
    reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 203, 0, 113, last]);
    Some(reply)
}
