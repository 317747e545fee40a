//! Letting go of what is slow to let go of.
//!
//! The kernel takes a program off the exit of a system call only after a grace period (kernel/trace/trace_event_perf.c,
//! `perf_trace_event_unreg`), tens of milliseconds long, one after the other under one lock: more than a second for all
//! of them, in which nothing is observed that anybody will ask for. Neither threads nor the end of the process make it
//! shorter. So a process of its own keeps these descriptors, and nothing else, until they are closed; who waits for the
//! document does not wait for that.

use std::{
    collections::BTreeSet,
    ffi::{c_int, c_uint},
    fs::{self, File},
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};

/// Descriptors that are closed one by one where close_range(2) is missing (before 5.9).
const DESCRIPTORS: RawFd = 1 << 16;

/// Hands the attachments of system call exits to a process that closes them. Once this has returned, that process has
/// nothing else open, and whoever drops the probes drops all the rest. Only then may what is returned be dropped: the last
/// one to close a descriptor is the one who waits. Where it fails, dropping the probes takes its time.
pub(super) fn leave_to_a_child() -> io::Result<Option<OwnedFd>> {
    let slow = slow_descriptors()?;
    if slow.is_empty() {
        return Ok(None);
    }
    let (ready, is_ready) = pipe()?;
    let (wait, go) = pipe()?;
    let kept: BTreeSet<RawFd> = slow.iter().copied().chain([wait.as_raw_fd()]).collect();
    let kept: Vec<RawFd> = kept.into_iter().collect();
    // SAFETY: the child calls nothing but system calls and ends.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: just forked; the list is sorted and has the descriptor.
        unsafe { close_all(&kept, wait.as_raw_fd()) }
    }
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    drop(is_ready);
    // Ends when the child has closed its copy of the other end, or is gone.
    io::copy(&mut File::from(ready), &mut io::sink())?;
    Ok(Some(go))
}

/// Reading and writing end.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [0; 2];
    // SAFETY: the array takes both ends, which nobody else owns.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok((OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])))
    }
}

/// The descriptors of perf events, and of links to them, in ascending order.
fn slow_descriptors() -> io::Result<Vec<RawFd>> {
    let mut slow = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let entry = entry?;
        let Some(descriptor) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let target = target.to_str().unwrap_or_default();
        let is_slow = target == "anon_inode:[perf_event]"
            || target.starts_with("anon_inode:") && links_perf_event(descriptor);
        if is_slow {
            slow.push(descriptor);
        }
    }
    slow.sort_unstable();
    Ok(slow)
}

/// kernel/bpf/syscall.c, bpf_link_show_fdinfo.
fn links_perf_event(descriptor: RawFd) -> bool {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).unwrap_or_default();
    info.lines().filter_map(|line| line.strip_prefix("link_type:")).any(|kind| kind.trim() == "perf")
}

/// Closes everything but these, waits for the other end of a pipe to be closed, then closes them.
///
/// # Safety
/// Only in a process that was just forked. Other threads may have held a lock then: system calls alone are made.
unsafe fn close_all(kept: &[RawFd], wait: RawFd) -> ! {
    // SAFETY: plain system calls; nobody uses a descriptor of this process any more.
    unsafe {
        // What is pressed at a terminal is not for this one.
        libc::setsid();
        let mut next: RawFd = 0;
        for &descriptor in kept {
            close_from_to(next, descriptor - 1);
            next = descriptor + 1;
        }
        close_from_to(next, c_int::MAX);
        let mut byte = 0_u8;
        while libc::read(wait, (&raw mut byte).cast(), 1) < 0 && *libc::__errno_location() == libc::EINTR {}
        for &descriptor in kept {
            libc::close(descriptor);
        }
        libc::_exit(0)
    }
}

/// # Safety
/// As for [`close_all`].
unsafe fn close_from_to(first: RawFd, last: RawFd) {
    if first > last {
        return;
    }
    // SAFETY: the caller's.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first as c_uint, last as c_uint, 0) == 0 {
            return;
        }
        for descriptor in first..=last.min(DESCRIPTORS) {
            libc::close(descriptor);
        }
    }
}
