//! Between fork and exec.
//!
//! The forking process may have other threads, and any of them may have held a lock (the allocator's, say) that
//! nobody will release here. So everything below is system calls on memory prepared before: no allocation, no
//! panic, no destructor; signal-safety(7).

use std::{
    ffi::{CString, c_char, c_int, c_long, c_ulong},
    mem::MaybeUninit,
    ptr,
};

use super::{Stage, identity::Identity, limits::Changes};

/// Bytes of the report: the stage, then errno in native order.
pub(super) const REPORT: usize = 5;

/// Highest signal number.
const LAST_SIGNAL: c_int = 64;
/// Descriptors that are marked one by one where close_range(2) does not know CLOSE_RANGE_CLOEXEC (before 5.11).
const DESCRIPTORS: u64 = 1 << 20;
/// _LINUX_CAPABILITY_VERSION_3.
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// A failed step: where, and errno.
type Failed = (Stage, c_int);

/// Everything that is needed, prepared.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) candidates: Vec<CString>,
    /// They come from PATH: a directory that is none is not the command's fault.
    pub(super) searched: bool,
    pub(super) arguments: Strings,
    pub(super) environment: Strings,
    pub(super) identity: Option<Identity>,
    pub(super) limits: Changes,
    /// cgroup.procs of the session.
    pub(super) procs: c_int,
    /// Write end of the pipe that says what failed; closed by a successful exec.
    pub(super) report: c_int,
    /// Where it waits once it has joined, if somebody wants to look at it first.
    pub(super) hold: Option<Hold>,
}

/// Two pipes. All are closed on exec.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    /// Gets one byte when all is prepared.
    pub(super) arrived: c_int,
    /// Ends when the exec may follow.
    pub(super) go: c_int,
    /// Our copy of the other end, without closing which it would never end.
    pub(super) go_write: c_int,
}

/// Strings and the array of pointers to them that ends with null.
#[derive(Debug)]
pub(super) struct Strings {
    pointers: Vec<*const c_char>,
    /// Holds what is pointed to; the heap block of a `CString` does not move with it.
    _strings: Vec<CString>,
}

impl From<Vec<CString>> for Strings {
    fn from(strings: Vec<CString>) -> Self {
        let pointers = strings.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect();
        Self { pointers, _strings: strings }
    }
}

/// Becomes the command, or reports why not and exits.
///
/// # Safety
/// Only in a process that was just forked, with all signals blocked.
pub(super) unsafe fn become_command(plan: &Plan) -> ! {
    // SAFETY: the caller keeps the conditions of all steps.
    let (stage, errno) = unsafe { steps(plan) };
    let [a, b, c, d] = errno.to_ne_bytes();
    let report: [u8; REPORT] = [stage as u8, a, b, c, d];
    // SAFETY: the bytes are live; _exit runs no destructor and no handler that belongs to the parent.
    unsafe {
        libc::write(plan.report, report.as_ptr().cast(), REPORT);
        libc::_exit(127)
    }
}

/// Returns only if something failed.
unsafe fn steps(plan: &Plan) -> Failed {
    // SAFETY: handed through.
    let prepared = unsafe { prepare(plan) };
    match prepared {
        Ok(()) => {
            // SAFETY: handed through.
            unsafe { wait(plan.hold) };
            // SAFETY: handed through.
            (Stage::Execute, unsafe { execute(plan) })
        }
        Err(failed) => failed,
    }
}

unsafe fn prepare(plan: &Plan) -> Result<(), Failed> {
    // SAFETY: handed through; the order matters: what needs root comes before the change of user, and joining comes
    // late, so that little of what is done here is seen as done by the command.
    unsafe {
        restore_limits(&plan.limits)?;
        reset_signals()?;
        check(Stage::Join, libc::write(plan.procs, c"0".as_ptr().cast(), 1) as c_long)?;
        close_on_exec()?;
        drop_privileges(plan.identity.as_ref())?;
        // From here a signal can end us; all of them have their default action.
        let mut none = MaybeUninit::<libc::sigset_t>::zeroed();
        libc::sigemptyset(none.as_mut_ptr());
        let result = libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), ptr::null_mut());
        check(Stage::Signals, result.into())
    }
}

/// Waits until whoever started us has looked, or is gone.
unsafe fn wait(hold: Option<Hold>) {
    let Some(hold) = hold else { return };
    let mut byte = 0_u8;
    // SAFETY: plain system calls on descriptors of ours and one live byte.
    unsafe {
        libc::close(hold.go_write);
        libc::write(hold.arrived, c"!".as_ptr().cast(), 1);
        while libc::read(hold.go, (&raw mut byte).cast(), 1) < 0 && errno() == libc::EINTR {}
    }
}

unsafe fn restore_limits(changes: &Changes) -> Result<(), Failed> {
    for (which, limit) in &changes.resources {
        // SAFETY: `limit` is live.
        check(Stage::Limits, unsafe { libc::setrlimit(*which, limit) }.into())?;
    }
    let Some(score) = &changes.oom_score_adj else { return Ok(()) };
    // SAFETY: a constant path, and bytes that are live.
    unsafe {
        let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        check(Stage::Limits, file.into())?;
        let bytes = score.to_bytes();
        let written = libc::write(file, bytes.as_ptr().cast(), bytes.len());
        check(Stage::Limits, written as c_long)
    }
}

/// Default action for every signal, except that SIGHUP, SIGINT and SIGQUIT stay ignored if they are: our caller
/// said so, since we catch them otherwise. SIGPIPE is ignored by Rust's own start-up code and must not stay so.
///
/// Raw system calls, because the C library refuses the two or three numbers that it keeps for itself, and those can
/// be inherited as ignored like any other. struct sigaction of the kernel: the handler comes first, no field is
/// wider than a long, and all zeroes mean the default action.
unsafe fn reset_signals() -> Result<(), Failed> {
    const DEFAULT: [c_ulong; 8] = [0; 8];
    const MASK_BYTES: c_long = 8;
    let mut number: c_int = 1;
    while number <= LAST_SIGNAL {
        let mut old = DEFAULT;
        let no_action: *const c_ulong = ptr::null();
        let no_result: *mut c_ulong = ptr::null_mut();
        // SAFETY: both arrays are live and larger than the kernel's struct.
        unsafe {
            let call = libc::SYS_rt_sigaction;
            check(Stage::Signals, libc::syscall(call, number, no_action, old.as_mut_ptr(), MASK_BYTES))?;
            let [handler, ..] = old;
            let callers = matches!(number, libc::SIGHUP | libc::SIGINT | libc::SIGQUIT);
            let fixed = matches!(number, libc::SIGKILL | libc::SIGSTOP);
            if !(fixed || callers && handler == libc::SIG_IGN as c_ulong) {
                check(Stage::Signals, libc::syscall(call, number, DEFAULT.as_ptr(), no_result, MASK_BYTES))?;
            }
        }
        number += 1;
    }
    Ok(())
}

/// Marks everything above standard error: the report's pipe is still needed.
unsafe fn close_on_exec() -> Result<(), Failed> {
    // SAFETY: plain system calls on integers and one live rlimit.
    unsafe {
        let flags = libc::CLOSE_RANGE_CLOEXEC;
        if libc::syscall(libc::SYS_close_range, 3 as c_long, c_long::from(u32::MAX), flags as c_long) == 0 {
            return Ok(());
        }
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        check(Stage::Descriptors, libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit).into())?;
        let end = if limit.rlim_max < DESCRIPTORS { limit.rlim_max } else { DESCRIPTORS };
        let mut fd: c_int = 3;
        while (fd.unsigned_abs() as u64) < end {
            // Most are not open, which is no failure.
            libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC);
            fd += 1;
        }
        Ok(())
    }
}

/// capget(2), capset(2).
#[repr(C)]
struct Header {
    version: u32,
    pid: c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Sets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Raw system calls: those of the C library would ask all threads to follow, and there is only this one.
unsafe fn drop_privileges(identity: Option<&Identity>) -> Result<(), Failed> {
    let none = Sets { effective: 0, permitted: 0, inheritable: 0 };
    let mut header = Header { version: CAPABILITY_VERSION, pid: 0 };
    let mut sets = [none; 2];
    // SAFETY: all pointers are to live values of the layout the calls expect; the rest are integers.
    unsafe {
        // Refused if locked by securebits, in which case the sets are emptied below all the same.
        libc::prctl(libc::PR_SET_KEEPCAPS, 0, 0, 0, 0);
        let ambient = libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        check(Stage::Capabilities, ambient.into())?;
        check(Stage::Capabilities, libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()))?;
        let [low, high] = &mut sets;
        (low.inheritable, high.inheritable) = (0, 0);
        check(Stage::Capabilities, libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()))?;
        let Some(Identity { uid, gid, groups, .. }) = identity else { return Ok(()) };
        if let Some(groups) = groups {
            check(Stage::Groups, libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()))?;
        }
        check(Stage::Group, libc::syscall(libc::SYS_setresgid, *gid, *gid, *gid))?;
        check(Stage::User, libc::syscall(libc::SYS_setresuid, *uid, *uid, *uid))?;
        if *uid != 0 {
            // The kernel did this, unless securebits told it not to.
            sets = [none; 2];
            check(Stage::Capabilities, libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()))?;
        }
        Ok(())
    }
}

/// As execvp(3), without its habit of giving a file of unknown format to the shell. Returns errno.
unsafe fn execute(plan: &Plan) -> c_int {
    let mut refused = None;
    for path in &plan.candidates {
        // SAFETY: the arrays end with null, and what they point to lives in `plan`.
        unsafe {
            libc::execve(path.as_ptr(), plan.arguments.pointers.as_ptr(), plan.environment.pointers.as_ptr());
        }
        match errno() {
            libc::EACCES => refused = Some(libc::EACCES),
            // Not there, or its file system is away: the next directory may have it.
            libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
            other => return other,
        }
    }
    match refused {
        Some(refused) => refused,
        None if plan.searched => libc::ENOENT,
        None => errno(),
    }
}

fn check(stage: Stage, result: c_long) -> Result<(), Failed> {
    if result < 0 { Err((stage, errno())) } else { Ok(()) }
}

fn errno() -> c_int {
    // SAFETY: the C library's own variable of this thread.
    unsafe { *libc::__errno_location() }
}
