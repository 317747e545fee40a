//! The kernel's queue of events: made, marked and read.
//!
//! The events are taken apart here and not by a library, because a kernel that says why it could not open a file
//! (FAN_REPORT_FD_ERROR) says so in the place of the descriptor.

use std::{
    io,
    mem::MaybeUninit,
    os::fd::{AsFd as _, AsRawFd as _, FromRawFd as _, OwnedFd},
    path::Path,
};

use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};

/// FAN_REPORT_FD_ERROR (include/uapi/linux/fanotify.h, since 6.13). Before it, an event whose file the kernel could not
/// open a second time was dropped without a word.
const REPORT_FD_ERROR: u32 = 0x2000;
/// Bytes read at a time. Each event brings a descriptor, and 1024 of them is a usual limit.
const READ: usize = 4096;
/// struct fanotify_event_metadata: event_len u32, vers u8, reserved u8, metadata_len u16, mask u64, fd i32, pid i32.
const METADATA: usize = 24;
const VERSION: u8 = 3;
const Q_OVERFLOW: u64 = 0x4000;
const OPEN_EXEC: u64 = 0x1000;

/// A group of marks with its queue.
#[derive(Debug)]
pub(super) struct Queue {
    group: Fanotify,
    /// It is told when the kernel could not open a file.
    pub(super) tells_errors: bool,
}

/// One event.
#[derive(Debug)]
pub(super) enum Told {
    Open {
        tgid: u32,
        executed: bool,
        /// `None`: the kernel could not open the file for us.
        file: Option<OwnedFd>,
    },
    /// Events were dropped.
    Overflow,
}

impl Queue {
    pub(super) fn new(errors: bool) -> nix::Result<Self> {
        let flags = InitFlags::FAN_CLOEXEC | InitFlags::FAN_NONBLOCK | InitFlags::FAN_CLASS_NOTIF;
        let events = EventFFlags::O_RDONLY
            | EventFFlags::O_CLOEXEC
            | EventFFlags::O_LARGEFILE
            | EventFFlags::O_NOATIME;
        let telling = flags | InitFlags::from_bits_retain(REPORT_FD_ERROR);
        match errors.then(|| Fanotify::init(telling, events)) {
            Some(Ok(group)) => Ok(Self { group, tells_errors: true }),
            // A flag that this kernel does not know.
            Some(Err(nix::Error::EINVAL)) | None => {
                Ok(Self { group: Fanotify::init(flags, events)?, tells_errors: false })
            }
            Some(Err(error)) => Err(error),
        }
    }

    /// Opens of every file on the file system that has this path.
    pub(super) fn mark(&self, path: &Path) -> nix::Result<()> {
        let flags = MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_FILESYSTEM;
        let mask = MaskFlags::FAN_OPEN | MaskFlags::FAN_OPEN_EXEC;
        self.group.mark(flags, mask, nix::fcntl::AT_FDCWD, Some(path))
    }

    /// What one reading brings; nothing if the queue is empty.
    pub(super) fn read(&self) -> io::Result<Vec<Told>> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); READ];
        // SAFETY: the kernel writes at most that many bytes to the live buffer.
        let read = unsafe { libc::read(self.group.as_fd().as_raw_fd(), buffer.as_mut_ptr().cast(), READ) };
        let Ok(length) = usize::try_from(read) else {
            let error = io::Error::last_os_error();
            let empty = error.kind() == io::ErrorKind::WouldBlock;
            return if empty { Ok(Vec::new()) } else { Err(error) };
        };
        // SAFETY: the kernel has just written these bytes.
        let bytes = unsafe { buffer.get_unchecked(..length.min(READ)).assume_init_ref() };
        // SAFETY: the descriptors in what the kernel has just written are ours and nobody else's.
        Ok(unsafe { told(bytes) })
    }
}

/// # Safety
/// Descriptors in it have to be owned by nobody.
unsafe fn told(mut bytes: &[u8]) -> Vec<Told> {
    let mut all = Vec::new();
    while let Some(event) = Event::parse(bytes) {
        // SAFETY: the caller's promise.
        all.extend(unsafe { event.told() });
        let Some(rest) = bytes.get(event.length..) else { break };
        bytes = rest;
    }
    all
}

#[derive(Debug, PartialEq, Eq)]
struct Event {
    length: usize,
    mask: u64,
    fd: i32,
    pid: i32,
}

impl Event {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; METADATA] = bytes.first_chunk()?;
        let [l0, l1, l2, l3, version, _, _, _, rest @ ..] = head;
        let length = usize::try_from(u32::from_ne_bytes([*l0, *l1, *l2, *l3])).ok()?;
        let (mask, rest) = rest.split_first_chunk()?;
        let (fd, rest) = rest.split_first_chunk()?;
        let pid = rest.first_chunk()?;
        let event = Self {
            length,
            mask: u64::from_ne_bytes(*mask),
            fd: i32::from_ne_bytes(*fd),
            pid: i32::from_ne_bytes(*pid),
        };
        (*version == VERSION && (METADATA..=bytes.len()).contains(&length)).then_some(event)
    }

    /// # Safety
    /// Its descriptor has to be owned by nobody.
    unsafe fn told(&self) -> Option<Told> {
        // SAFETY: the caller's promise.
        let file = (self.fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(self.fd) });
        if self.mask & Q_OVERFLOW != 0 {
            return Some(Told::Overflow);
        }
        // Zero is a process outside our pid namespace, or the kernel itself.
        let tgid = u32::try_from(self.pid).ok().filter(|&tgid| tgid != 0)?;
        Some(Told::Open { tgid, executed: self.mask & OPEN_EXEC != 0, file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(length: u32, version: u8, mask: u64, fd: i32, pid: i32) -> Vec<u8> {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([version, 0, 24, 0]);
        bytes.extend(mask.to_ne_bytes());
        bytes.extend(fd.to_ne_bytes());
        bytes.extend(pid.to_ne_bytes());
        bytes
    }

    #[test]
    fn takes_events_apart() {
        let mut bytes = event(24, 3, 0x20, -13, 7);
        bytes.extend(event(24, 3, 0x4000, -1, 0));
        bytes.extend(event(24, 3, 0x1020, -1, 8));
        bytes.extend(event(24, 3, 0x20, -1, 0));
        // SAFETY: there is no descriptor in them.
        let all = unsafe { told(&bytes) };
        let [first, Told::Overflow, last] = all.as_slice() else { panic!("{all:?}") };
        assert!(matches!(first, Told::Open { tgid: 7, executed: false, file: None }), "{first:?}");
        assert!(matches!(last, Told::Open { tgid: 8, executed: true, file: None }), "{last:?}");
    }

    #[test]
    fn what_is_no_event_ends_the_reading() {
        for (name, bytes) in [
            ("empty", Vec::new()),
            ("short", vec![24; 23]),
            ("another_version", event(24, 4, 0x20, -1, 7)),
            ("no_length", event(0, 3, 0x20, -1, 7)),
            ("too_long", event(25, 3, 0x20, -1, 7)),
        ] {
            assert_eq!(Event::parse(&bytes), None, "{name}");
        }
    }
}
