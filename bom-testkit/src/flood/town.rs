//! Whom the flood talks to: somebody who accepts every connection, and somebody who knows every name.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// How often it is looked whether it is over.
const ROUND: Duration = Duration::from_millis(50);

/// Lives in threads of its own until it is dropped.
#[derive(Debug)]
pub struct Town {
    /// Accepts on every address of the loopback device.
    pub port: u16,
    /// Answers questions for names; port 53, because only from there answers are read.
    pub names: SocketAddr,
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Town {
    /// # Errors
    /// Port 53 of 127.53.53.53 cannot be had.
    pub fn open() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let port = listener.local_addr()?.port();
        let names = SocketAddr::new(Ipv4Addr::new(127, 53, 53, 53).into(), 53);
        let socket = UdpSocket::bind(names)?;
        socket.set_read_timeout(Some(ROUND))?;
        listener.set_nonblocking(false)?;
        let over = Arc::new(AtomicBool::new(false));
        let threads = vec![
            spawn(&over, move |over| {
                while !over.load(Ordering::Relaxed) {
                    // What it says is nothing; the caller closes.
                    drop(listener.accept());
                }
            }),
            spawn(&over, move |over| {
                while !over.load(Ordering::Relaxed) {
                    answer(&socket);
                }
            }),
        ];
        Ok(Self { port, names, over, threads })
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the one who accepts.
        drop(std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
        for thread in self.threads.drain(..) {
            // A panic of theirs has been printed.
            let _ = thread.join();
        }
    }
}

fn spawn(over: &Arc<AtomicBool>, body: impl FnOnce(&AtomicBool) + Send + 'static) -> JoinHandle<()> {
    let over = Arc::clone(over);
    thread::spawn(move || body(&over))
}

/// Answers one question with one address: 127.0.0.1.
fn answer(socket: &UdpSocket) {
    let mut message = [0; 512];
    let Ok((length, from)) = socket.recv_from(&mut message) else { return };
    let Some(question) = message.get(..length) else { return };
    let mut reply = question.to_vec();
    // QR, RD, RA; one answer (RFC 1035, section 4.1.1).
    let header = [0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    let Some(place) = reply.get_mut(2..12) else { return };
    place.copy_from_slice(&header);
    // The name of the question, A, IN, 60 seconds, four bytes.
    reply.extend_from_slice(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    let _ = socket.send_to(&reply, from);
}
