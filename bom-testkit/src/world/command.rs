//! The command inside the world: runs in the foreground, gets our signals, and its exit code becomes ours.

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::ptr;

/// Passed on to the command. SIGCHLD is waited for together with them.
const FORWARDED: [libc::c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// Where TLS clients look for the authorities they trust: OpenSSL and Python, requests, curl, Node.
const TRUST: [&str; 4] = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"];
/// A proxy of the machine outside is out of reach from inside.
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

#[derive(Debug, thiserror::Error)]
#[error("run {program}: {source}")]
pub struct CommandError {
    program: String,
    source: io::Error,
}

impl CommandError {
    /// As shells have it: 127 not found, 126 not executable; 125 for anything else that is our failure.
    pub fn exit_code(&self) -> u8 {
        match self.source.raw_os_error() {
            Some(libc::ENOENT) => 127,
            Some(libc::EACCES | libc::ENOEXEC) => 126,
            _ => 125,
        }
    }
}

/// Signals held back in this thread and in those it starts, so that only [`run`] receives them.
#[derive(Clone, Copy)]
pub(crate) struct Signals(libc::sigset_t);

impl std::fmt::Debug for Signals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signals")
    }
}

impl Signals {
    pub(crate) fn hold() -> io::Result<Self> {
        // SAFETY: sigemptyset and sigaddset write to the set they are given, which is ours and outlives them;
        // pthread_sigmask reads it.
        unsafe {
            let mut set = mem::zeroed();
            libc::sigemptyset(&raw mut set);
            for signal in FORWARDED.into_iter().chain([libc::SIGCHLD]) {
                libc::sigaddset(&raw mut set, signal);
            }
            match libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut()) {
                0 => Ok(Self(set)),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        }
    }

    /// The next of these signals: its number, and whether a process sent it rather than the kernel.
    fn wait(&self) -> io::Result<(libc::c_int, bool)> {
        // SAFETY: siginfo_t is plain data for which all zeros is a value.
        let mut info: libc::siginfo_t = unsafe { mem::zeroed() };
        // SAFETY: the set was made by `hold`, info is ours, and both outlive the call.
        match unsafe { libc::sigwaitinfo(&raw const self.0, &raw mut info) } {
            -1 => Err(io::Error::last_os_error()),
            signal => Ok((signal, info.si_code <= 0)),
        }
    }
}

/// Runs `program` to its end. The result is its exit code, or 128+n if signal n ended it.
pub(crate) fn run(
    program: &OsStr,
    arguments: &[OsString],
    trusted: &Path,
    signals: Signals,
) -> Result<u8, CommandError> {
    let failed = |source| CommandError { program: program.display().to_string(), source };
    let mut command = Command::new(program);
    command.args(arguments).envs(TRUST.map(|name| (name, trusted)));
    for name in PROXIES {
        command.env_remove(name);
    }
    // SAFETY: the closure runs between fork and exec and makes only async-signal-safe calls; it owns its copy of
    // the set.
    unsafe {
        command.pre_exec(move || {
            libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const signals.0, ptr::null_mut());
            // The network dies with us, so the command must not outlive us.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM);
            Ok(())
        });
    }
    let mut child = command.spawn().map_err(failed)?;
    loop {
        let (signal, sent) = match signals.wait() {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        if signal == libc::SIGCHLD {
            if let Some(status) = child.try_wait().map_err(failed)? {
                return Ok(exit_code(status));
            }
        } else if sent {
            // What the terminal sends goes to the whole foreground group: the command has it already.
            // SAFETY: kill takes numbers only; the child is not reaped yet, so the pid is still its own.
            unsafe { libc::kill(child.id().cast_signed(), signal) };
        }
    }
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    // Codes have eight bits and signals seven.
    u8::try_from(code).unwrap_or(u8::MAX)
}
