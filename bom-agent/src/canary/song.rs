//! What the canary does. Its process is a fork of ours without an exec: as in `launch::child_side`, everything between is
//! system calls on memory prepared before; signal-safety(7).

use std::{
    collections::BTreeSet,
    ffi::{CStr, c_int, c_long},
    io,
    mem::MaybeUninit,
    net::{Ipv4Addr, UdpSocket},
    os::fd::RawFd,
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

/// One known thing. Bits of what the child says it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum Verse {
    Open = 0,
    OpenAt = 1,
    OpenAt2 = 2,
    Creat = 3,
    OpenByHandle = 4,
    Fork = 5,
    Exec = 6,
    Connect = 7,
    /// The beginning of a TLS handshake.
    Hello = 8,
    /// A datagram from port 53.
    Answer = 9,
    Uring = 10,
}

impl Verse {
    const ALL: [Self; 11] = [
        Self::Open,
        Self::OpenAt,
        Self::OpenAt2,
        Self::Creat,
        Self::OpenByHandle,
        Self::Fork,
        Self::Exec,
        Self::Connect,
        Self::Hello,
        Self::Answer,
        Self::Uring,
    ];

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Devices that every machine and container has; each is opened in another way, because a second open of the same kind
/// would only be counted.
const NULL: &CStr = c"/dev/null";
#[cfg(target_arch = "x86_64")]
const ZERO: &CStr = c"/dev/zero";
const FULL: &CStr = c"/dev/full";
/// Executed by the grandchild; any program that ends does.
const PROGRAMS: [&CStr; 2] = [c"/bin/true", c"/usr/bin/true"];
/// The head of a TLS record with a handshake of five bytes (RFC 8446, section 5.1).
const HELLO: [u8; 10] = [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0];
/// The head of a DNS response without a question (RFC 1035, section 4.1.1).
const RESPONSE: [u8; 12] = [0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Seconds after which a child that hangs is ended.
const PATIENCE: u32 = 2;
/// Bytes of a file handle (MAX_HANDLE_SZ), and what stands before them.
const HANDLE: usize = 128;

#[repr(C)]
struct Handle {
    bytes: u32,
    kind: i32,
    handle: [u8; HANDLE],
}

/// struct open_how (include/uapi/linux/openat2.h).
#[repr(C)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

/// What the child needs, prepared.
struct Plan {
    procs: RawFd,
    peer: Option<libc::sockaddr_in>,
    server: RawFd,
    /// Shared with the parent.
    sung: *const AtomicU32,
}

/// Sings in a child and waits for its end.
pub(super) fn sing(
    procs: RawFd,
    peer: Option<(Ipv4Addr, u16)>,
    server: Option<&UdpSocket>,
) -> io::Result<BTreeSet<Verse>> {
    let page = Shared::new()?;
    let plan = Plan {
        procs,
        peer: peer.map(|(host, port)| address(host, port)),
        server: server.map_or(-1, std::os::fd::AsRawFd::as_raw_fd),
        sung: page.0,
    };
    // SAFETY: the child calls nothing but system calls and ends.
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    if child == 0 {
        // SAFETY: just forked.
        unsafe { perform(&plan) }
    }
    let mut status = 0;
    loop {
        // SAFETY: the status is live.
        if unsafe { libc::waitpid(child, &raw mut status, 0) } == child {
            break;
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: the page lives as long as `page`.
    let sung = unsafe { &*page.0 }.load(Ordering::Acquire);
    Ok(Verse::ALL.into_iter().filter(|verse| sung & verse.bit() != 0).collect())
}

fn address(host: Ipv4Addr, port: u16) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(host).to_be() },
        sin_zero: [0; 8],
    }
}

/// A word that parent and child both see.
struct Shared(*mut AtomicU32);

impl Shared {
    fn new() -> io::Result<Self> {
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at an address of the kernel's choice.
        let page = unsafe { libc::mmap(ptr::null_mut(), size_of::<AtomicU32>(), protection, flags, -1, 0) };
        if page == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(Self(page.cast())) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody has a reference into it any more.
        unsafe { libc::munmap(self.0.cast(), size_of::<AtomicU32>()) };
    }
}

/// # Safety
/// Only in a process that was just forked.
unsafe fn perform(plan: &Plan) -> ! {
    // SAFETY: system calls on live memory and on numbers; the caller keeps the rest.
    unsafe {
        libc::alarm(PATIENCE);
        if libc::write(plan.procs, c"0".as_ptr().cast(), 1) != 1 {
            libc::_exit(1);
        }
        open_files(plan);
        talk(plan);
        make_ring(plan);
        breed(plan);
        libc::_exit(0)
    }
}

/// Notes a verse that was sung.
unsafe fn note(plan: &Plan, verse: Verse, done: bool) {
    if done {
        // SAFETY: the page is mapped in both processes.
        unsafe { &*plan.sung }.fetch_or(verse.bit(), Ordering::Release);
    }
}

unsafe fn open_files(plan: &Plan) {
    // SAFETY: constant paths; the structs are live, and as large as is said.
    unsafe {
        // The C library makes an openat of both of these.
        #[cfg(target_arch = "x86_64")]
        {
            let file = libc::syscall(libc::SYS_open, NULL.as_ptr(), libc::O_RDONLY);
            note(plan, Verse::Open, file >= 0);
            let file = libc::syscall(libc::SYS_creat, ZERO.as_ptr(), 0o600);
            note(plan, Verse::Creat, file >= 0);
        }
        let file = libc::syscall(libc::SYS_openat, libc::AT_FDCWD, NULL.as_ptr(), libc::O_WRONLY);
        note(plan, Verse::OpenAt, file >= 0);
        let how = How { flags: libc::O_RDWR as u64, mode: 0, resolve: 0 };
        let size = size_of::<How>();
        let file = libc::syscall(libc::SYS_openat2, libc::AT_FDCWD, NULL.as_ptr(), &raw const how, size);
        note(plan, Verse::OpenAt2, file >= 0);
        let mut handle = Handle { bytes: HANDLE as u32, kind: 0, handle: [0; HANDLE] };
        let mut mount: c_int = 0;
        let (call, place) = (libc::SYS_name_to_handle_at, libc::AT_FDCWD);
        if libc::syscall(call, place, FULL.as_ptr(), &raw mut handle, &raw mut mount, 0) == 0 {
            let folder = libc::open(c"/dev".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY);
            let call = libc::SYS_open_by_handle_at;
            let file = libc::syscall(call, folder, &raw const handle, libc::O_RDONLY);
            note(plan, Verse::OpenByHandle, file >= 0);
        }
    }
}

unsafe fn talk(plan: &Plan) {
    // SAFETY: the addresses are live, and as large as is said.
    unsafe {
        if let Some(peer) = &plan.peer {
            let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM, 0);
            let size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            let connected = libc::connect(socket, ptr::from_ref(peer).cast(), size) == 0;
            note(plan, Verse::Connect, connected);
            let sent = connected && libc::write(socket, HELLO.as_ptr().cast(), HELLO.len()) > 0;
            note(plan, Verse::Hello, sent);
        }
        if plan.server >= 0 {
            // Of our own, so that the answer comes to this cgroup.
            let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
            let mut own = address(super::HOST, 0);
            let mut size = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            let bound = libc::bind(socket, (&raw const own).cast(), size) == 0
                && libc::getsockname(socket, (&raw mut own).cast(), &raw mut size) == 0;
            let (text, length) = (RESPONSE.as_ptr().cast(), RESPONSE.len());
            let sent = bound
                && libc::sendto(plan.server, text, length, 0, (&raw const own).cast(), size) > 0
                && libc::recv(socket, [0_u8; 16].as_mut_ptr().cast(), 16, 0) > 0;
            note(plan, Verse::Answer, sent);
        }
    }
}

unsafe fn make_ring(plan: &Plan) {
    // struct io_uring_params has 120 bytes, and all zeroes ask for nothing special.
    let mut parameters = MaybeUninit::<[u64; 15]>::zeroed();
    // SAFETY: the parameters are live.
    let ring = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1 as c_long, parameters.as_mut_ptr()) };
    // SAFETY: handed through.
    unsafe { note(plan, Verse::Uring, ring >= 0) }
}

/// A child that becomes a program and ends.
unsafe fn breed(plan: &Plan) {
    // SAFETY: the grandchild does nothing but execute; its arguments are constant.
    unsafe {
        let child = libc::syscall(libc::SYS_clone, c_long::from(libc::SIGCHLD), 0, 0, 0, 0);
        if child == 0 {
            libc::alarm(PATIENCE);
            let nothing: [*const libc::c_char; 1] = [ptr::null()];
            for program in PROGRAMS {
                let arguments = [program.as_ptr(), ptr::null()];
                libc::execve(program.as_ptr(), arguments.as_ptr(), nothing.as_ptr());
            }
            // No program to be had: the verse is not sung.
            libc::_exit(126)
        }
        if child > 0 {
            let mut status: c_int = 0;
            let ended = libc::waitpid(child as libc::pid_t, &raw mut status, 0) == child as libc::pid_t;
            note(plan, Verse::Fork, ended);
            note(plan, Verse::Exec, ended && libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0);
        }
    }
}
