//! A load of a usual node: opens, requests, programs and names, each at its own rate.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::spent::Spent;

/// What is done in a second: the load for which another node agent publishes its cost.
pub(crate) const OPENS: u64 = 1000;
pub(crate) const REQUESTS: u64 = 100;
pub(crate) const PROGRAMS: u64 = 10;
pub(crate) const NAMES: u64 = 2;

/// The load's place: files to open, and whom to talk to.
#[derive(Clone, Debug)]
pub(crate) struct Around {
    pub(crate) folder: PathBuf,
    pub(crate) http: SocketAddr,
    pub(crate) names: SocketAddr,
}

impl Around {
    /// One word of a command line.
    pub(crate) fn word(&self) -> String {
        format!("{},{},{}", self.http, self.names, self.folder.display())
    }

    fn read(word: &Path) -> io::Result<Self> {
        let text = word.to_str().unwrap_or_default();
        let mut parts = text.splitn(3, ',');
        let mut address = || parts.next().and_then(|part| part.parse().ok());
        let found = address().zip(address());
        match (found, parts.next()) {
            (Some((http, names)), Some(folder)) => Ok(Self { folder: folder.into(), http, names }),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }
}

/// Does it for so many seconds; every file is opened once.
pub(crate) fn mixed(around: &Path, seconds: u64) -> io::Result<Spent> {
    let around = Around::read(around)?;
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(&around.folder)? {
        paths.push(entry?.path());
    }
    paths.sort();
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    Spent::on(|| {
        let begun = Instant::now();
        let mut paths = paths.iter();
        // A tick is what the fastest of them needs.
        for tick in 0..seconds * OPENS {
            if let Some(path) = paths.next() {
                drop(File::open(path)?);
            }
            if tick % (OPENS / REQUESTS) == 0 {
                request(around.http)?;
            }
            if tick % (OPENS / PROGRAMS) == 0 {
                Command::new("/bin/true").status()?;
            }
            if tick % (OPENS / NAMES) == 0 {
                name(&socket, around.names, tick)?;
            }
            let due = Duration::from_secs(1) * u32::try_from(tick).unwrap_or(u32::MAX)
                / u32::try_from(OPENS).unwrap_or(1);
            // Five at once: a sleep for each of a thousand would be most of what the load costs.
            if tick % 5 == 0 {
                thread::sleep(due.saturating_sub(begun.elapsed()));
            }
        }
        Ok(())
    })
}

fn request(to: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(b"GET /v1/models HTTP/1.1\r\nHost: models.example.com\r\nConnection: close\r\n\r\n")?;
    stream.read_to_end(&mut Vec::new()).map(drop)
}

/// One question for a new name: A, IN (RFC 1035, section 4.1).
fn name(socket: &UdpSocket, to: SocketAddr, number: u64) -> io::Result<()> {
    let label = format!("host-{number:06}");
    let mut question = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for part in [label.as_str(), "example", "com"] {
        question.push(u8::try_from(part.len()).unwrap_or(0));
        question.extend_from_slice(part.as_bytes());
    }
    question.extend_from_slice(&[0, 0, 1, 0, 1]);
    socket.send_to(&question, to)?;
    socket.recv(&mut [0; 512]).map(drop)
}

/// Answers every request with two bytes, until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) answered: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ended, count) = (Arc::clone(&over), Arc::clone(&answered));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                // A client that is gone is no concern of ours.
                if stream.and_then(answer).is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(Self { address, answered, over, thread: Some(thread) })
    }
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut head = [0; 512];
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    if stream.read(&mut head)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the one who accepts.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            // A panic of it has been printed.
            let _ = thread.join();
        }
    }
}
