//! The least of io_uring that opens and reads a file: one submission at a time.
//!
//! Written against include/uapi/linux/io_uring.h, so that no library stands between the test and the kernel.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
    ptr,
    sync::atomic::{AtomicU32, Ordering},
};

const OFF_SQ_RING: libc::off_t = 0;
const OFF_CQ_RING: libc::off_t = 0x800_0000;
const OFF_SQES: libc::off_t = 0x1000_0000;
const ENTER_GETEVENTS: libc::c_uint = 1;
const REGISTER_FILES: libc::c_uint = 2;
const ENTER_WAKE: libc::c_uint = 2;
const OP_OPENAT: u8 = 18;
const OP_READ: u8 = 22;
const FIXED_FILE: u8 = 1;
const CQE_SKIP_SUCCESS: u8 = 1 << 6;
/// A thread of the kernel's takes the entries.
pub(crate) const SETUP_SQPOLL: u32 = 2;
const PAGE: usize = 4096;

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct SubmissionOffsets {
    head: u32,
    tail: u32,
    ring_mask: u32,
    ring_entries: u32,
    flags: u32,
    dropped: u32,
    array: u32,
    reserved: u32,
    user_address: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct CompletionOffsets {
    head: u32,
    tail: u32,
    ring_mask: u32,
    ring_entries: u32,
    overflow: u32,
    entries: u32,
    flags: u32,
    reserved: u32,
    user_address: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Parameters {
    submission_entries: u32,
    completion_entries: u32,
    flags: u32,
    thread_cpu: u32,
    thread_idle: u32,
    features: u32,
    worker: u32,
    reserved: [u32; 3],
    submission: SubmissionOffsets,
    completion: CompletionOffsets,
}
const _: () = assert!(size_of::<Parameters>() == 120);

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Submission {
    opcode: u8,
    flags: u8,
    priority: u16,
    descriptor: i32,
    offset: u64,
    address: u64,
    length: u32,
    open_flags: u32,
    user_data: u64,
    buffer: u16,
    personality: u16,
    file_index: u32,
    rest: [u64; 2],
}
const _: () = assert!(size_of::<Submission>() == 64);

#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Completion {
    user_data: u64,
    result: i32,
    flags: u32,
}

#[derive(Debug)]
pub(crate) struct Ring {
    descriptor: OwnedFd,
    parameters: Parameters,
    submissions: *mut u8,
    completions: *mut u8,
    entries: *mut Submission,
}

impl Ring {
    pub(crate) fn new() -> io::Result<Self> {
        Self::with(0)
    }

    /// With flags of io_uring_setup(2).
    pub(crate) fn with(flags: u32) -> io::Result<Self> {
        let mut parameters = Parameters { flags, thread_idle: 2000, ..Parameters::default() };
        // SAFETY: the parameters are what the call reads and writes, and outlive it.
        let number = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, &raw mut parameters) };
        let number = RawFd::try_from(number).map_err(io::Error::other)?;
        if number < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and nobody else has it.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        let submissions = map(&descriptor, OFF_SQ_RING)?;
        let completions = map(&descriptor, OFF_CQ_RING)?;
        let entries = map(&descriptor, OFF_SQES)?.cast();
        Ok(Self { descriptor, parameters, submissions, completions, entries })
    }

    /// Makes a table of direct descriptors with one empty slot.
    pub(crate) fn register_slot(&self) -> io::Result<()> {
        let empty: [i32; 1] = [-1];
        let ring = self.descriptor.as_raw_fd();
        // SAFETY: one descriptor is announced and one is there; the kernel only reads.
        let done =
            unsafe { libc::syscall(libc::SYS_io_uring_register, ring, REGISTER_FILES, &raw const empty, 1) };
        if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Opens a file for reading. With `direct` it gets no descriptor but the first slot of the table.
    pub(crate) fn open(&self, path: &CStr, direct: bool) -> io::Result<i32> {
        self.submit(opening(path, direct))?;
        self.completed()
    }

    /// The same without a completion if it works: the next entry's is waited for.
    pub(crate) fn open_silently(&self, path: &CStr, direct: bool) -> io::Result<()> {
        self.submit(Submission { flags: CQE_SKIP_SUCCESS, ..opening(path, direct) })
    }

    /// Reads from the beginning of what is in the first slot.
    pub(crate) fn read_slot(&self, bytes: &mut [u8]) -> io::Result<i32> {
        self.submit(Submission {
            opcode: OP_READ,
            flags: FIXED_FILE,
            descriptor: 0,
            address: bytes.as_mut_ptr().expose_provenance() as u64,
            length: u32::try_from(bytes.len()).map_err(io::Error::other)?,
            ..Submission::default()
        })?;
        self.completed()
    }

    /// Hands one entry to the kernel, which takes it before this returns (a thread of the kernel's own soon after).
    fn submit(&self, submission: Submission) -> io::Result<()> {
        let sq = &self.parameters.submission;
        // SAFETY: the offsets are the kernel's own into the pages it mapped; there is one entry, and nobody else
        // submits.
        unsafe {
            let head = &*self.submissions.add(sq.head as usize).cast::<AtomicU32>();
            let tail = &*self.submissions.add(sq.tail as usize).cast::<AtomicU32>();
            // A thread of the kernel's may still have to take the one before.
            while head.load(Ordering::Acquire) != tail.load(Ordering::Relaxed) {
                self.enter(0, 0, ENTER_WAKE)?;
            }
            self.entries.write(submission);
            self.submissions.add(sq.array as usize).cast::<u32>().write(0);
            tail.fetch_add(1, Ordering::Release);
        }
        self.enter(1, 0, ENTER_WAKE)
    }

    fn enter(&self, submit: u32, wait: u32, flags: libc::c_uint) -> io::Result<()> {
        let ring = self.descriptor.as_raw_fd();
        // SAFETY: no signal mask is given; what the entries point to lives until their completions were read.
        let entered = unsafe {
            libc::syscall(libc::SYS_io_uring_enter, ring, submit, wait, flags, ptr::null::<u8>(), 0)
        };
        if entered < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// The result of the oldest entry whose completion was not read.
    fn completed(&self) -> io::Result<i32> {
        self.enter(0, 1, ENTER_GETEVENTS | ENTER_WAKE)?;
        let cq = &self.parameters.completion;
        // SAFETY: the offsets are the kernel's own; the call returned, so there is a completion at the head.
        let result = unsafe {
            let head = &*self.completions.add(cq.head as usize).cast::<AtomicU32>();
            let tail = &*self.completions.add(cq.tail as usize).cast::<AtomicU32>();
            let at = head.load(Ordering::Relaxed);
            if at == tail.load(Ordering::Acquire) {
                return Err(io::Error::other("no completion"));
            }
            let mask = self.completions.add(cq.ring_mask as usize).cast::<u32>().read();
            let entries = self.completions.add(cq.entries as usize).cast::<Completion>();
            let result = entries.add((at & mask) as usize).read().result;
            head.store(at.wrapping_add(1), Ordering::Release);
            result
        };
        if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
    }
}

fn opening(path: &CStr, direct: bool) -> Submission {
    Submission {
        opcode: OP_OPENAT,
        descriptor: libc::AT_FDCWD,
        address: path.as_ptr().expose_provenance() as u64,
        file_index: u32::from(direct),
        ..Submission::default()
    }
}

/// Rings of one entry are smaller than a page.
fn map(ring: &OwnedFd, offset: libc::off_t) -> io::Result<*mut u8> {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_POPULATE);
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address = unsafe { libc::mmap(ptr::null_mut(), PAGE, protection, flags, ring.as_raw_fd(), offset) };
    if address == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(address.cast()) }
}
