//! The side of the one who forks.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs::File,
    io::{self, Read},
    mem::MaybeUninit,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr,
};

use super::{
    Child, LaunchError, Limits, RunAs, Stage,
    child_side::{Hold, Plan, REPORT, become_command},
    identity::{self, Ours},
    search::{c_string, candidates, environment},
    signals::is_ignored,
};
use crate::cgroup::Session;

/// What to run. Its environment, directory, terminal and standard streams are ours.
#[derive(Clone, Debug)]
pub struct Command {
    /// Searched for in PATH if it has no slash.
    pub program: OsString,
    pub args: Vec<OsString>,
    pub user: RunAs,
    /// Limits to go back to; `None` if nothing was changed.
    pub limits: Option<Limits>,
}

/// Starts the command in the session's cgroup.
///
/// Returns once it was executed. It gets default signal actions and an empty mask (a SIGHUP, SIGINT or SIGQUIT that
/// our own caller ignored stays ignored), no descriptor above 2, no ambient or inheritable capability, and the user
/// that `user` comes to. It stays in our process group and is not tied to our life.
pub fn spawn(command: &Command, session: &Session) -> Result<Child, LaunchError> {
    start(command, session, None::<fn()>)
}

/// As [`spawn`]; calls `look` while the new process is in the session with the descriptors that it will pass on, and
/// has not become the command yet.
pub fn spawn_held(command: &Command, session: &Session, look: impl FnOnce()) -> Result<Child, LaunchError> {
    start(command, session, Some(look))
}

fn start(command: &Command, session: &Session, look: Option<impl FnOnce()>) -> Result<Child, LaunchError> {
    let identity = identity::resolve(&command.user, Ours::now(), |name| env::var_os(name))?;
    let mut variables: BTreeMap<OsString, OsString> = env::vars_os().collect();
    for (name, value) in identity.iter().flat_map(|identity| &identity.environment) {
        match value {
            Some(value) => variables.insert((*name).into(), value.clone()),
            None => variables.remove(&OsString::from(*name)),
        };
    }
    let candidates = candidates(&command.program, variables.get(&OsString::from("PATH")).map(AsRef::as_ref))?;
    let arguments = [&command.program].into_iter().chain(&command.args);
    let arguments = arguments.map(|argument| c_string(argument)).collect::<Result<Vec<_>, _>>()?;
    let (report, write_end) = pipe().map_err(LaunchError::Fork)?;
    let pipes = look.is_some().then(|| Ok((pipe()?, pipe()?))).transpose().map_err(LaunchError::Fork)?;
    let hold = pipes.as_ref().map(|((_, arrived), (go, go_write))| Hold {
        arrived: arrived.as_raw_fd(),
        go: go.as_raw_fd(),
        go_write: go_write.as_raw_fd(),
    });
    let plan = Plan {
        candidates,
        searched: !command.program.as_encoded_bytes().contains(&b'/'),
        arguments: arguments.into(),
        environment: environment(variables)?.into(),
        identity,
        limits: command.limits.as_ref().map(Limits::changes).unwrap_or_default(),
        procs: session.procs_fd().as_raw_fd(),
        report: write_end.as_raw_fd(),
        hold,
    };
    let mut child = Child::new(fork(&plan).map_err(LaunchError::Fork)?);
    // Ours must go, or the pipe would never end.
    drop(write_end);
    if let (Some(((mut arrived, theirs), go)), Some(look)) = (pipes, look) {
        drop(theirs);
        // It ends without a byte if the process failed before, which the report tells.
        if matches!(arrived.read(&mut [0]), Ok(1)) {
            look();
        }
        drop(go);
    }
    let failure = started(report);
    if failure.is_err() {
        // It exits at once; what it exits with is known already.
        let _ = child.wait();
    }
    match failure {
        Ok(()) => Ok(child),
        Err(Failure::Pipe(error)) => Err(LaunchError::Report(error)),
        Err(Failure::Told(Stage::Execute, source)) if source.raw_os_error() == Some(libc::ENOENT) => {
            Err(LaunchError::NotFound { program: command.program.clone(), source })
        }
        Err(Failure::Told(Stage::Execute, source)) => {
            Err(LaunchError::NotExecutable { program: command.program.clone(), source })
        }
        Err(Failure::Told(stage, source)) => Err(LaunchError::Prepare { stage, source }),
    }
}

enum Failure {
    Told(Stage, io::Error),
    Pipe(io::Error),
}

/// Waits for the exec, which closes the pipe, or for the report of what failed.
fn started(mut pipe: File) -> Result<(), Failure> {
    let mut report = Vec::new();
    pipe.read_to_end(&mut report).map_err(Failure::Pipe)?;
    match <[u8; REPORT]>::try_from(report.as_slice()) {
        Ok([stage, errno @ ..]) => {
            let error = io::Error::from_raw_os_error(i32::from_ne_bytes(errno));
            Err(Stage::from_raw(stage).map_or_else(
                || Failure::Pipe(io::ErrorKind::InvalidData.into()),
                |stage| Failure::Told(stage, error),
            ))
        }
        Err(_) if report.is_empty() => Ok(()),
        Err(_) => Err(Failure::Pipe(io::ErrorKind::UnexpectedEof.into())),
    }
}

/// (read end, write end), both closed on exec.
fn pipe() -> io::Result<(File, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: `ends` has room for the two descriptors.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let [read, write] = ends;
    // SAFETY: the kernel just gave us both, and nobody else knows them.
    Ok(unsafe { (File::from_raw_fd(read), OwnedFd::from_raw_fd(write)) })
}

/// The child's number. All signals are blocked around it: one that reaches the new process too early must not run a
/// handler of ours there, because handlers write to pipes that both share.
fn fork(plan: &Plan) -> io::Result<i32> {
    keep_children();
    let mut all = MaybeUninit::<libc::sigset_t>::zeroed();
    let mut before = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: both sets are live. The new process goes straight into `become_command`, whose conditions hold: it was
    // just forked, with all signals blocked.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        let pid = libc::fork();
        if pid == 0 {
            become_command(plan);
        }
        let result = if pid < 0 { Err(io::Error::last_os_error()) } else { Ok(pid) };
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
        result
    }
}

/// If our caller ignores SIGCHLD, so do we, and then nobody learns how a child ended; wait(2).
fn keep_children() {
    if is_ignored(libc::SIGCHLD) {
        // SAFETY: the default action, for a signal that has no handler.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    }
}
