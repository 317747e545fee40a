//! A process that does what it is told, one line at a time, and says when it is done.

use std::{
    env,
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio},
};

const ROLE: &str = "puppet";

/// Plays the puppet, if that is asked for.
pub(crate) fn as_asked() -> Option<ExitCode> {
    if env::args().nth(1)? != ROLE {
        return None;
    }
    let mut files = Vec::new();
    let mut sockets = Vec::new();
    let mut others: Vec<OwnedFd> = Vec::new();
    let mut children = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line.expect("a line");
        let (order, what) = line.split_once(' ').expect("an order and its object");
        match order {
            "open" => files.push(File::open(what).expect("open")),
            "map" => map(Path::new(what)),
            "apart" => {
                enter_network();
                let listener = TcpListener::bind(what).expect("bind");
                sockets
                    .push(TcpStream::connect(listener.local_addr().expect("an address")).expect("connect"));
                sockets.push(listener.accept().expect("accept").0);
            }
            "datagrams" => {
                let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
                socket.connect(what).expect("connect");
                others.push(socket.into());
            }
            "unix" => others.push(UnixStream::connect(what).expect("connect").into()),
            "waits" => others.push(UnixListener::bind(what).expect("bind").into()),
            "connect" => sockets.push(TcpStream::connect(what).expect("connect")),
            "shell" => {
                let status = Command::new("sh").args(["-c", what]).stdin(Stdio::null()).status();
                assert!(status.expect("a shell").success());
            }
            "start" => {
                let mut shell = Command::new("sh");
                shell.args(["-c", what]).stdin(Stdio::null()).stdout(Stdio::null());
                children.push(shell.spawn().expect("a shell"));
            }
            other => panic!("no order {other}"),
        }
        println!("done");
    }
    Some(ExitCode::SUCCESS)
}

/// A network namespace of its own, with a loopback device that is up.
fn enter_network() {
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: i16::try_from(libc::IFF_UP).expect("a flag") },
    };
    for (place, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *place = i8::try_from(*byte).expect("ASCII");
    }
    // SAFETY: plain system calls; the request is live and names the device.
    unsafe {
        assert_eq!(libc::unshare(libc::CLONE_NEWNET), 0, "unshare");
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
        assert_eq!(libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw mut request), 0, "lo up");
        libc::close(socket);
    }
}

/// Maps a file for good, and keeps no descriptor.
fn map(path: &Path) {
    let file = File::open(path).expect("open");
    let length = usize::try_from(file.metadata().expect("metadata").len()).expect("a small file");
    // SAFETY: a new private mapping of an open file.
    let address = unsafe {
        libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0)
    };
    assert_ne!(address, libc::MAP_FAILED, "mmap");
}

/// The other side.
pub(crate) struct Puppet {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Puppet {
    pub(crate) fn start() -> Self {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .arg(ROLE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a puppet");
        let orders = child.stdin.take().expect("its stdin");
        let answers = BufReader::new(child.stdout.take().expect("its stdout"));
        Self { child, orders, answers }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Gives an order and waits until it is done.
    pub(crate) fn tell(&mut self, order: &str) {
        writeln!(self.orders, "{order}").expect("an order");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("an answer");
        assert_eq!(answer, "done\n", "{order}");
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        // It may have been ended by the trial.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
