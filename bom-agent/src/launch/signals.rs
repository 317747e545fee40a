//! aibom outlives the signals that end its command: it still has a document to write.

use std::{fs::File, io, mem::MaybeUninit, os::fd::AsRawFd, ptr};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{Child, child::never};

/// SIGHUP, SIGINT, SIGQUIT and SIGTERM, caught from here on for the life of the process.
///
/// One that our caller told us to ignore (nohup, a background job of a script) stays ignored, here and in the
/// command. To be taken before [`super::spawn`]: caught signals are reset by exec.
#[derive(Debug)]
pub struct Signals {
    hangup: Option<Signal>,
    interrupt: Option<Signal>,
    quit: Option<Signal>,
    terminate: Option<Signal>,
}

impl Signals {
    /// Needs a tokio runtime with I/O enabled.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            hangup: catch(libc::SIGHUP)?,
            interrupt: catch(libc::SIGINT)?,
            quit: catch(libc::SIGQUIT)?,
            terminate: catch(libc::SIGTERM)?,
        })
    }

    /// The number of the next signal that comes. Safe to cancel.
    pub async fn next(&mut self) -> i32 {
        tokio::select! {
            () = received(&mut self.hangup) => libc::SIGHUP,
            () = received(&mut self.interrupt) => libc::SIGINT,
            () = received(&mut self.quit) => libc::SIGQUIT,
            () = received(&mut self.terminate) => libc::SIGTERM,
        }
    }

    /// Hands a signal we got to the command, unless the command got it as well; false if it was not sent.
    pub fn pass_on(number: i32, child: &Child) -> io::Result<bool> {
        // SAFETY: takes nothing and cannot fail.
        let own = unsafe { libc::getpgrp() };
        if reaches_child_already(number, foreground(), own) { Ok(false) } else { child.signal(number) }
    }
}

/// Ctrl-C and Ctrl-\ go to the whole foreground process group of the terminal, and the command is in ours.
///
/// Such a signal sent by kill(1) while we are in the foreground is not told apart, and not passed on.
pub const fn reaches_child_already(number: i32, foreground: Option<i32>, own: i32) -> bool {
    let from_keyboard = matches!(number, libc::SIGINT | libc::SIGQUIT);
    let in_foreground = matches!(foreground, Some(group) if group == own);
    from_keyboard && in_foreground
}

/// The foreground process group of our controlling terminal, if we have one.
fn foreground() -> Option<i32> {
    let terminal = File::open("/dev/tty").ok()?;
    // SAFETY: the descriptor is open as long as `terminal`.
    let group = unsafe { libc::tcgetpgrp(terminal.as_raw_fd()) };
    (group > 0).then_some(group)
}

fn catch(number: i32) -> io::Result<Option<Signal>> {
    if is_ignored(number) { Ok(None) } else { signal(SignalKind::from_raw(number)).map(Some) }
}

/// Is the signal ignored in this process?
pub(super) fn is_ignored(number: i32) -> bool {
    let mut old = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `old` is a live sigaction that the C library fills; all zeroes is a valid one too.
    unsafe {
        libc::sigaction(number, ptr::null(), old.as_mut_ptr()) == 0
            && old.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

async fn received(signal: &mut Option<Signal>) {
    let got = match signal {
        Some(signal) => signal.recv().await,
        None => never().await,
    };
    if got.is_none() {
        // The stream ends only with the runtime.
        never::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_on_what_the_terminal_did_not_send_to_both() {
        for (name, number, foreground, expected) in [
            ("ctrl_c", libc::SIGINT, Some(5), true),
            ("ctrl_backslash", libc::SIGQUIT, Some(5), true),
            ("interrupt_in_background", libc::SIGINT, Some(6), false),
            ("interrupt_without_terminal", libc::SIGINT, None, false),
            ("terminate", libc::SIGTERM, Some(5), false),
            ("hangup", libc::SIGHUP, Some(5), false),
        ] {
            assert_eq!(reaches_child_already(number, foreground, 5), expected, "{name}");
        }
    }
}
