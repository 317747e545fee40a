//! The namespaces: a network with loopback alone, and mounts that point name resolution at it.

use std::ffi::CString;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    #[error("unshare network and mounts (needs root): {0}")]
    Unshare(#[source] io::Error),
    #[error("make mounts private: {0}")]
    Private(#[source] io::Error),
    #[error("bring loopback up: {0}")]
    Loopback(#[source] io::Error),
    #[error("mount over {path}: {source}")]
    Mount { path: String, source: io::Error },
}

/// Moves the calling thread, and the threads and processes it starts from now on, into new namespaces.
///
/// Threads that already run stay outside, so this comes first.
pub(crate) fn enter() -> Result<(), PlaceError> {
    // SAFETY: unshare takes flags only and touches no memory of ours.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWNET) }).map_err(PlaceError::Unshare)?;
    // Without this, what is mounted below would appear outside as well.
    mount(None, c"/", libc::MS_REC | libc::MS_PRIVATE).map_err(PlaceError::Private)?;
    loopback_up().map_err(PlaceError::Loopback)
}

/// Shows `source` (a file or folder) at `target` to everybody inside. `false` if there is no `target` to cover.
pub(crate) fn cover(target: &Path, source: &Path) -> Result<bool, PlaceError> {
    if !target.exists() {
        return Ok(false);
    }
    let failed = |source| PlaceError::Mount { path: target.display().to_string(), source };
    let from = CString::new(source.as_os_str().as_bytes()).map_err(|e| failed(e.into()))?;
    let onto = CString::new(target.as_os_str().as_bytes()).map_err(|e| failed(e.into()))?;
    mount(Some(&from), &onto, libc::MS_BIND).map_err(failed)?;
    Ok(true)
}

fn mount(source: Option<&CString>, target: &std::ffi::CStr, flags: libc::c_ulong) -> io::Result<()> {
    let source = source.map_or(ptr::null(), |source| source.as_ptr());
    // SAFETY: the paths are NUL-terminated and outlive the call; type and data are ignored with these flags.
    check(unsafe { libc::mount(source, target.as_ptr(), ptr::null(), flags, ptr::null()) })
}

/// A new network namespace has `lo` without addresses; the kernel adds 127.0.0.1/8 and ::1 when it comes up.
fn loopback_up() -> io::Result<()> {
    // SAFETY: socket takes numbers only.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    check(socket)?;
    // SAFETY: the descriptor was just made and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    // SAFETY: ifreq is plain data for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = from.cast_signed();
    }
    // SAFETY: the request is a valid ifreq that outlives the call; the kernel fills in the flags.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) })?;
    // SAFETY: SIOCGIFFLAGS has just written this member of the union.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | libc::c_short::try_from(libc::IFF_UP).unwrap_or(1);
    // SAFETY: as above, and the kernel only reads.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) })
}

fn check(outcome: libc::c_int) -> io::Result<()> {
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
