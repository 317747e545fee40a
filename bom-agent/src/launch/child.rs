//! The command while it runs, and its end.

use std::{
    future::pending,
    io,
    os::{
        fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    process::ExitStatus,
    time::Duration,
};

use tokio::io::{Interest, unix::AsyncFd};

/// How often the command's end is asked for where the kernel gives no pidfd.
const ASK: Duration = Duration::from_millis(50);

/// The started command. Dropping it neither kills nor waits.
#[derive(Debug)]
pub struct Child {
    pid: i32,
    /// `None` where the kernel or a filter refuses pidfd_open(2).
    pidfd: Option<OwnedFd>,
    status: Option<ExitStatus>,
}

impl Child {
    /// For a process that was just forked and is waited for nowhere else.
    pub(super) fn new(pid: i32) -> Self {
        // SAFETY: a plain system call; pidfds are always closed on exec.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0);
        // SAFETY: the kernel just gave us this descriptor, and nobody else knows it.
        let pidfd = fd.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) });
        Self { pid, pidfd, status: None }
    }

    pub fn id(&self) -> u32 {
        self.pid.unsigned_abs()
    }

    /// Readable once the command has ended.
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// The status if it has ended. The first `Some` reaps it.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.reap(libc::WNOHANG)
    }

    /// Waits for its end. Blocks the thread.
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        loop {
            match self.reap(0) {
                Ok(Some(status)) => return Ok(status),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits for its end. Needs a tokio runtime with I/O and time enabled; safe to cancel.
    pub async fn exited(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            match &self.pidfd {
                Some(fd) => {
                    // SAFETY: `self` keeps the descriptor open for longer than the borrow that is registered.
                    let ready = unsafe { AsyncFd::register_with_interest(fd.as_fd(), Interest::READABLE) }?;
                    ready.readable().await?.clear_ready();
                }
                None => tokio::time::sleep(ASK).await,
            }
        }
    }

    /// Sends a signal; false if it has ended.
    pub fn signal(&self, signal: i32) -> io::Result<bool> {
        // Until we reap it, its number cannot be given to another process.
        if self.status.is_some() {
            return Ok(false);
        }
        // SAFETY: a plain system call.
        if unsafe { libc::kill(self.pid, signal) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(true)
    }

    fn reap(&mut self, flags: libc::c_int) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() {
            let mut status = 0;
            // SAFETY: `status` is a live integer that the kernel fills.
            match unsafe { libc::waitpid(self.pid, &raw mut status, flags) } {
                0 => {}
                pid if pid < 0 => return Err(io::Error::last_os_error()),
                _ => self.status = Some(ExitStatus::from_raw(status)),
            }
        }
        Ok(self.status)
    }
}

/// As shells have it: the command's own code, or 128 + the number of the signal that ended it.
pub fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    // waitpid without WUNTRACED gives nothing but these two; codes have eight bits, signals go up to 64.
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// Never, where there is nothing to wait for.
pub(super) async fn never<T>() -> T {
    pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_a_shell() {
        for (status, expected) in
            [(0, 0), (42 << 8, 42), (255 << 8, 255), (9, 137), (15, 143), (11 | 0x80, 139), (64, 192)]
        {
            assert_eq!(exit_code(ExitStatus::from_raw(status)), expected, "{status:#x}");
        }
    }
}
