//! The least of io_uring that opens a file: one submission at a time, waited for.
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
const OP_OPENAT: u8 = 18;
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
        let mut parameters = Parameters::default();
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
        let submission = Submission {
            opcode: OP_OPENAT,
            descriptor: libc::AT_FDCWD,
            address: path.as_ptr().expose_provenance() as u64,
            file_index: u32::from(direct),
            ..Submission::default()
        };
        let (sq, cq) = (&self.parameters.submission, &self.parameters.completion);
        // SAFETY: the offsets are the kernel's own into the pages it mapped; there is one entry, and nobody else
        // submits.
        unsafe {
            self.entries.write(submission);
            self.submissions.add(sq.array as usize).cast::<u32>().write(0);
            let tail = &*self.submissions.add(sq.tail as usize).cast::<AtomicU32>();
            tail.fetch_add(1, Ordering::Release);
        }
        let ring = self.descriptor.as_raw_fd();
        // SAFETY: no signal mask is given; the path lives until the completion has been read.
        let entered = unsafe {
            libc::syscall(libc::SYS_io_uring_enter, ring, 1, 1, ENTER_GETEVENTS, ptr::null::<u8>(), 0)
        };
        if entered != 1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: as above; the call returned, so there is one completion at the head.
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

/// Rings of one entry are smaller than a page.
fn map(ring: &OwnedFd, offset: libc::off_t) -> io::Result<*mut u8> {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_POPULATE);
    // SAFETY: a new mapping at an address of the kernel's choice.
    let address = unsafe { libc::mmap(ptr::null_mut(), PAGE, protection, flags, ring.as_raw_fd(), offset) };
    if address == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(address.cast()) }
}
