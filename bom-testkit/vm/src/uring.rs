//! io_uring by hand: one request, one completion (io_uring_setup(2), io_uring_enter(2)).

use std::{
    ffi::CStr,
    io,
    net::SocketAddrV4,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

/// include/uapi/linux/io_uring.h
const OP_CONNECT: u8 = 16;
const OP_OPENAT: u8 = 18;
const ENTER_GETEVENTS: u32 = 1;
const OFF_SQ_RING: i64 = 0;
const OFF_CQ_RING: i64 = 0x800_0000;
const OFF_SQES: i64 = 0x1000_0000;
/// Bytes mapped of each part: more than one entry of each needs.
const PART: usize = 4096;

/// `struct io_uring_params`, 120 bytes: flags and sizes, then the offsets of the two rings.
#[repr(C)]
#[derive(Default)]
struct Params {
    head: [u32; 10],
    /// head, tail, ring_mask, ring_entries, flags, dropped, array, resv1, user_addr
    submission: [u32; 10],
    /// head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv1, user_addr
    completion: [u32; 10],
}

/// The members of `struct io_uring_sqe` (64 bytes) that are used here.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Request {
    opcode: u8,
    flags: u8,
    priority: u16,
    descriptor: i32,
    offset: u64,
    address: u64,
    length: u32,
    open_flags: u32,
    rest: [u64; 4],
}

pub(crate) struct Ring {
    descriptor: OwnedFd,
    params: Params,
    submission: *mut u8,
    completion: *mut u8,
    requests: *mut Request,
}

impl Ring {
    pub(crate) fn new() -> io::Result<Self> {
        let mut params = Params::default();
        // SAFETY: the parameters outlive the call; the descriptor is ours.
        let descriptor = unsafe {
            let result = libc::syscall(libc::SYS_io_uring_setup, 1, &raw mut params);
            match RawFd::try_from(result) {
                Ok(number) if number >= 0 => OwnedFd::from_raw_fd(number),
                _ => return Err(io::Error::last_os_error()),
            }
        };
        let part = |offset| map(&descriptor, offset);
        let (submission, completion, requests) =
            (part(OFF_SQ_RING)?, part(OFF_CQ_RING)?, part(OFF_SQES)?.cast());
        Ok(Self { descriptor, params, submission, completion, requests })
    }

    /// The descriptor of the file at `path`, opened for reading.
    pub(crate) fn open(&self, path: &CStr) -> io::Result<i32> {
        self.once(Request {
            opcode: OP_OPENAT,
            descriptor: libc::AT_FDCWD,
            address: path.as_ptr() as u64,
            ..Request::default()
        })
    }

    pub(crate) fn connect(&self, socket: RawFd, to: SocketAddrV4) -> io::Result<i32> {
        let address = libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: to.port().to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from(*to.ip()).to_be() },
            sin_zero: [0; 8],
        };
        self.once(Request {
            opcode: OP_CONNECT,
            descriptor: socket,
            offset: size_of_val(&address) as u64,
            address: &raw const address as u64,
            ..Request::default()
        })
    }

    /// Submits one request and waits for its result.
    fn once(&self, request: Request) -> io::Result<i32> {
        let [_, tail, _, _, _, _, array, ..] = self.params.submission;
        let [done, _, mask, _, _, entries, ..] = self.params.completion;
        // SAFETY: the kernel gave these offsets, and all of them lie in the parts that are mapped; the entry stays as it
        // is until the call below has taken it.
        unsafe {
            self.requests.write(request);
            self.submission.add(array as usize).cast::<u32>().write(0);
            (*self.submission.add(tail as usize).cast::<AtomicU32>()).fetch_add(1, Ordering::Release);
            let number = self.descriptor.as_raw_fd();
            let none = ptr::null::<libc::sigset_t>();
            if libc::syscall(libc::SYS_io_uring_enter, number, 1, 1, ENTER_GETEVENTS, none, 0) < 0 {
                return Err(io::Error::last_os_error());
            }
            let head = (*self.completion.add(done as usize).cast::<AtomicU32>()).load(Ordering::Acquire);
            let mask = self.completion.add(mask as usize).cast::<u32>().read();
            // struct io_uring_cqe: user_data (8 bytes), res, flags.
            let completion = self.completion.add(entries as usize + (head & mask) as usize * 16);
            let result = completion.add(8).cast::<i32>().read();
            if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
        }
    }
}

fn map(ring: &OwnedFd, offset: i64) -> io::Result<*mut u8> {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_POPULATE);
    // SAFETY: a new mapping at a place of the kernel's choice; it lives as long as the process.
    let at = unsafe { libc::mmap(ptr::null_mut(), PART, protection, flags, ring.as_raw_fd(), offset) };
    if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(at.cast()) }
}
