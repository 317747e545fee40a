//! tracefs for the length of one attach, without changing what anybody else sees.

use std::{ffi::CStr, io, thread};

/// Where the tracing library looks.
const MOUNT_POINT: &CStr = c"/sys/kernel/tracing";

/// Runs `attach` in a thread with a mount namespace of its own in which tracefs is mounted.
///
/// tracefs is often unmounted, and mounting it for everybody would be a change to the machine.
pub(super) fn with_mounted<T: Send>(attach: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let joined = scope
            .spawn(|| {
                mount_here()?;
                Ok(attach())
            })
            .join();
        joined.unwrap_or_else(|_| Err(io::Error::other("the attaching thread panicked")))
    })
}

fn mount_here() -> io::Result<()> {
    // SAFETY: plain system calls on constant strings; the namespace belongs to this thread alone.
    unsafe {
        check(libc::unshare(libc::CLONE_NEWNS))?;
        let private = libc::MS_REC | libc::MS_PRIVATE;
        check(libc::mount(std::ptr::null(), c"/".as_ptr(), std::ptr::null(), private, std::ptr::null()))?;
        let tracefs = c"tracefs".as_ptr();
        match check(libc::mount(tracefs, MOUNT_POINT.as_ptr(), tracefs, 0, std::ptr::null())) {
            // The kernel refuses the same file system twice on one place: the machine has it mounted
            // already, and so has our copy of its namespace (do_add_mount, fs/namespace.c).
            Err(error) if error.raw_os_error() == Some(libc::EBUSY) => Ok(()),
            other => other,
        }
    }
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
