//! The process outside the subject, one for each row: it has the model open and in memory, gives descriptors away, is
//! the proxy behind Unix sockets, and calls who listens. It is this process, in a thread.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    net::TcpStream,
    os::{
        fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd},
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::network::PEER4;

/// Stops what it started when it goes.
#[derive(Debug)]
pub(crate) struct Outside {
    stop: Arc<AtomicBool>,
    /// To be connected to, so that whoever waits there looks at `stop`.
    places: Vec<SocketAddr>,
    /// Held open and in memory for whoever comes to take it.
    _held: (File, TcpStream, Vec<u8>),
}

impl Outside {
    pub(crate) fn new(folder: &Path, name: &str, model: &Path) -> io::Result<Self> {
        let (file, bytes) = (File::open(model)?, fs::read(model)?);
        let tcp = TcpStream::connect((PEER4, 443))?;
        let pid = std::process::id();
        let line = format!("{pid} {} {} {}\n", file.as_raw_fd(), bytes.as_ptr().addr(), bytes.len());
        fs::write(folder.join("holder"), line)?;
        if let Some(place) = place_on_device(&file) {
            fs::write(folder.join("extent"), place.to_string())?;
        }
        fs::write(folder.join("tcp-holder"), format!("{pid} {}\n", tcp.as_raw_fd()))?;

        let mut this = Self { stop: Arc::default(), places: Vec::new(), _held: (file, tcp, bytes) };
        let given = model.to_owned();
        this.serve(path(folder, "giver")?, move |stream| give(&stream, &File::open(&given)?.into()))?;
        let library = folder.join("library.so");
        this.serve(path(folder, "library-giver")?, move |stream| {
            give(&stream, &File::open(&library)?.into())
        })?;
        this.serve(path(folder, "pair-giver")?, |stream| {
            let (ours, theirs) = UnixStream::pair()?;
            give(&stream, &theirs.into())?;
            say_ok(ours)
        })?;
        this.serve(path(folder, "tcp-giver")?, |stream| {
            give(&stream, &TcpStream::connect((PEER4, 443))?.into())
        })?;
        this.serve(path(folder, "proxy")?, say_ok)?;
        this.serve(SocketAddr::from_abstract_name(name)?, say_ok)?;
        this.serve(path(folder, "caller")?, |_| call(8447))?;
        this.serve(path(folder, "caller-2")?, |_| call(8448).and_then(|()| call(8448)))?;
        this.answer_packets(&folder.join("packets"))?;
        this.answer_datagrams(&folder.join("datagrams"))?;
        Ok(this)
    }

    fn serve(
        &mut self,
        address: SocketAddr,
        with: impl Fn(UnixStream) -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let listener = UnixListener::bind_addr(&address)?;
        self.accept(listener, address, with);
        Ok(())
    }

    fn accept(
        &mut self,
        listener: UnixListener,
        address: SocketAddr,
        with: impl Fn(UnixStream) -> io::Result<()> + Send + 'static,
    ) {
        let stop = Arc::clone(&self.stop);
        self.places.push(address);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::Acquire) {
                    break;
                }
                // What a program does to its own connection is its own affair; it tells by its exit code.
                let _ = with(stream);
            }
        });
    }

    /// A socket that keeps the borders of messages; std has no name for it, but once it listens it accepts like a stream.
    fn answer_packets(&mut self, place: &Path) -> io::Result<()> {
        let address = SocketAddr::from_pathname(place)?;
        // SAFETY: takes numbers only.
        let raw = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC, 0) };
        if raw < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just gave us this descriptor.
        let socket = unsafe { OwnedFd::from_raw_fd(raw) };
        // SAFETY: all zeros is a value of this plain structure.
        let mut name: libc::sockaddr_un = unsafe { std::mem::zeroed() };
        name.sun_family = libc::AF_UNIX as libc::sa_family_t;
        for (to, from) in name.sun_path.iter_mut().zip(place.as_os_str().as_encoded_bytes()) {
            *to = from.cast_signed();
        }
        let size = libc::socklen_t::try_from(size_of_val(&name)).expect("a small structure");
        // SAFETY: the address is a live sockaddr_un of this size.
        let bound = unsafe { libc::bind(socket.as_raw_fd(), (&raw const name).cast(), size) };
        // SAFETY: takes numbers only.
        if bound != 0 || unsafe { libc::listen(socket.as_raw_fd(), 4) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let stop = Arc::clone(&self.stop);
        let listener = UnixListener::from(socket);
        // Woken by nobody: a stream cannot connect to it. It ends with the process, after a patience of its own.
        let _ = address;
        thread::spawn(move || {
            while !stop.load(Ordering::Acquire) && readable(&listener, 200).is_some() {
                if let Ok((stream, _)) = listener.accept() {
                    let _ = say_ok(stream);
                }
            }
        });
        Ok(())
    }

    fn answer_datagrams(&mut self, place: &Path) -> io::Result<()> {
        let socket = UnixDatagram::bind(place)?;
        socket.set_read_timeout(Some(std::time::Duration::from_millis(200)))?;
        let stop = Arc::clone(&self.stop);
        thread::spawn(move || {
            let mut bytes = [0; 256];
            while !stop.load(Ordering::Acquire) {
                if let Ok((_, from)) = socket.recv_from(&mut bytes) {
                    let _ = socket.send_to_addr(b"ok\n", &from);
                }
            }
        });
        Ok(())
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for place in &self.places {
            // Its socket may be gone together with the folder; then nobody waits there any more that we could reach.
            let _ = UnixStream::connect_addr(place);
        }
    }
}

fn path(folder: &Path, name: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_pathname(PathBuf::from(folder).join(name))
}

/// Where on its device the file begins, in bytes; `None` where the file system does not say, or has it in no one place.
/// Documentation/filesystems/fiemap.rst: a header of 32 bytes, then extents of 56.
fn place_on_device(file: &File) -> Option<u64> {
    const FIEMAP: libc::c_ulong = 0xc020_660b;
    const SYNC: u64 = 1;
    /// Inline in the inode, encrypted, or not written yet: not what a reader of the device would find.
    const UNUSABLE: u64 = 0xfff & !1;
    let mut request = [0_u64; 4 + 7];
    request[1] = u64::MAX;
    // Two numbers of 32 bits each: flags and the count that comes back; room for extents, and nothing.
    request[2] = SYNC;
    request[3] = 1;
    // SAFETY: the kernel writes at most the header and the one extent that there is room for.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), FIEMAP, request.as_mut_ptr()) };
    let (found, flags) = (request[2] >> 32, request[4 + 5] & 0xffff_ffff);
    (done == 0 && found == 1 && flags & UNUSABLE == 0 && request[5] != 0).then_some(request[5])
}

/// Waits for a connection for some milliseconds; `None` only if waiting itself fails.
fn readable(listener: &UnixListener, milliseconds: i32) -> Option<()> {
    listener.set_nonblocking(true).ok()?;
    let mut poll = libc::pollfd { fd: listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one live pollfd.
    (unsafe { libc::poll(&raw mut poll, 1, milliseconds) } >= 0).then_some(())
}

fn say_ok(mut stream: UnixStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    let mut bytes = [0; 256];
    while stream.read(&mut bytes)? > 0 {}
    stream.write_all(b"ok\n")
}

/// Calls the program that listens; it waits for one line.
fn call(port: u16) -> io::Result<()> {
    TcpStream::connect((PEER4, port))?.write_all(b"ok\n")
}

/// unix(7), SCM_RIGHTS.
fn give(stream: &UnixStream, what: &OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor is borrowed for this call only.
    let what = unsafe { BorrowedFd::borrow_raw(what.as_raw_fd()) }.as_raw_fd();
    let mut byte = *b"f";
    let mut part = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    // Room for one header and one descriptor, aligned as the kernel's macros expect.
    let mut control = [0_u64; 4];
    let size = u32::try_from(size_of_val(&what)).expect("four bytes");
    // SAFETY: all zeros is a value of this plain structure.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: computes a size.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(size) } as usize;
    // SAFETY: the control room is live and large enough for one header with four bytes behind it.
    unsafe {
        let head = libc::CMSG_FIRSTHDR(&raw const message);
        (*head).cmsg_level = libc::SOL_SOCKET;
        (*head).cmsg_type = libc::SCM_RIGHTS;
        (*head).cmsg_len = libc::CMSG_LEN(size) as usize;
        libc::CMSG_DATA(head).cast::<i32>().write_unaligned(what);
    }
    // SAFETY: the message and everything it points to live until the call returns.
    let sent = unsafe { libc::sendmsg(stream.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
