//! A small `aibom run`, in a process of its own, where a trial can change environment, user and signals.

use std::{
    env,
    error::Error,
    fs,
    process::{ExitCode, ExitStatus},
};

use bom_agent::{
    cgroup::Session,
    launch::{Command, LaunchError, Limits, RunAs, Signals, exit_code, spawn},
};

/// Set for the copy of this program that supervises.
pub(crate) const SUPERVISOR: &str = "AIBOM_LAUNCH_TEST_SUPERVISOR";
const NOBODY: u32 = 65_534;

pub(crate) fn main() -> ExitCode {
    match run() {
        Ok(status) => ExitCode::from(exit_code(status)),
        Err(error) => {
            eprintln!("failed to {error}");
            ExitCode::from(error.downcast_ref().map_or(125, LaunchError::exit_code))
        }
    }
}

fn run() -> Result<ExitStatus, Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).peekable();
    let mut user = RunAs::Caller;
    let mut limits = None;
    while let Some(option) = arguments.next_if(|next| next.as_encoded_bytes().starts_with(b"--")) {
        match option.to_str() {
            Some("--user") => user = RunAs::User(text(arguments.next())?),
            Some("--leak") => leak()?,
            Some("--ambient") => raise_ambient()?,
            Some("--groups") => set_groups()?,
            Some("--become-nobody") => become_nobody()?,
            Some("--change-limits") => limits = Some(change_limits()?),
            _ => return Err(format!("understand {option:?}").into()),
        }
    }
    let program = arguments.next().ok_or("find a command")?;
    let command = Command { program, args: arguments.collect(), user, limits };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut signals = Signals::catch()?;
        let session = Session::create("test")?;
        let mut child = spawn(&command, &session)?;
        loop {
            let signal = tokio::select! {
                status = child.exited() => return Ok(status?),
                signal = signals.next() => signal,
            };
            Signals::pass_on(signal, &child)?;
        }
    })
}

fn text(argument: Option<std::ffi::OsString>) -> Result<String, Box<dyn Error>> {
    argument.and_then(|text| text.into_string().ok()).ok_or_else(|| "read an option".into())
}

/// A descriptor that is not closed on exec.
fn leak() -> Result<(), Box<dyn Error>> {
    // SAFETY: a plain system call.
    check(unsafe { libc::fcntl(2, libc::F_DUPFD, 100) })
}

fn set_groups() -> Result<(), Box<dyn Error>> {
    // SAFETY: two live numbers.
    check(unsafe { libc::setgroups(2, [4, 24].as_ptr()) })
}

fn become_nobody() -> Result<(), Box<dyn Error>> {
    // SAFETY: plain system calls.
    check(unsafe { libc::setresgid(NOBODY, NOBODY, NOBODY) })?;
    // SAFETY: as above.
    check(unsafe { libc::setresuid(NOBODY, NOBODY, NOBODY) })
}

/// Makes CAP_NET_RAW inheritable and ambient.
fn raise_ambient() -> Result<(), Box<dyn Error>> {
    const NET_RAW: u32 = 13;
    let header: [u32; 2] = [0x2008_0522, 0];
    // Effective, permitted, inheritable; low halves, then high ones.
    let mut sets = [0_u32; 6];
    // SAFETY: live arrays of the size that the calls expect.
    unsafe {
        check(i32::try_from(libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()))?)?;
        sets[2] |= 1 << NET_RAW;
        check(i32::try_from(libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()))?)?;
        check(libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, NET_RAW, 0, 0))
    }
}

/// Changes what an agent may change for itself; gives what was before.
fn change_limits() -> Result<Limits, Box<dyn Error>> {
    let before = Limits::now()?;
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a live rlimit.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    // The hard limit stays, so that going back needs no privilege.
    limit.rlim_cur = 77;
    // SAFETY: as above.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    fs::write("/proc/self/oom_score_adj", "500")?;
    Ok(before)
}

fn check(result: i32) -> Result<(), Box<dyn Error>> {
    if result < 0 { Err(std::io::Error::last_os_error().into()) } else { Ok(()) }
}
