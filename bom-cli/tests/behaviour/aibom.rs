//! Starting the real program, within a deadline, and looking at what it left behind.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io,
    os::{
        fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
        unix::process::ExitStatusExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_aibom");
/// No trial runs longer than this unless something hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// A folder that everybody may enter, removed on drop.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::Builder::new().prefix("behaviour-").tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Names of what is in it, sorted.
    pub(crate) fn names(&self) -> Vec<OsString> {
        let mut names: Vec<_> = fs::read_dir(self.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        names
    }
}

/// What one run came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) pid: u32,
    /// 128+n for a signal.
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

/// `aibom` with these arguments, its output into files: what the observed command leaves running would hold a pipe
/// open.
pub(crate) fn aibom<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Ran {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    let ran = run(command);
    assert_eq!(cgroups(ran.pid), Vec::<PathBuf>::new(), "the session's cgroup is gone");
    ran
}

/// Any command, to its end.
pub(crate) fn run(command: Command) -> Ran {
    Started::start(command).wait()
}

/// A command that runs.
pub(crate) struct Started {
    pub(crate) child: Child,
    output: File,
    errors: File,
    since: Instant,
}

impl Started {
    pub(crate) fn start(mut command: Command) -> Self {
        let file = || tempfile::tempfile().expect("a temporary file");
        let (output, errors) = (file(), file());
        let shared = |file: &File| Stdio::from(file.try_clone().expect("dup"));
        // What sudo or the caller's shell says must not change what is tried here.
        command.env_remove("SUDO_UID").env_remove("SUDO_GID").env_remove("AIBOM_TIMES");
        command.stdin(Stdio::null()).stdout(shared(&output)).stderr(shared(&errors));
        let child = command.spawn().expect("the command starts");
        Self { child, output, errors, since: Instant::now() }
    }

    pub(crate) fn errors(&mut self) -> String {
        String::from_utf8_lossy(&all(&self.errors)).into_owned()
    }

    pub(crate) fn wait(mut self) -> Ran {
        let code = wait(&mut self.child);
        Ran {
            pid: self.child.id(),
            code,
            stdout: all(&self.output),
            stderr: self.errors(),
            took: self.since.elapsed(),
        }
    }
}

/// The exit code; kills the process and fails after the deadline.
pub(crate) fn wait(child: &mut Child) -> i32 {
    // SAFETY: a plain system call; the number is that of a child nobody else waits for.
    let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, child.id(), 0) };
    let raw = i32::try_from(raw).expect("a descriptor");
    assert!(raw >= 0, "pidfd_open: {}", io::Error::last_os_error());
    // SAFETY: the kernel just gave us this descriptor.
    let ended = unsafe { OwnedFd::from_raw_fd(raw) };
    if !readable(&ended, DEADLINE) {
        child.kill().expect("kill");
        child.wait().expect("wait");
        panic!("still running after {DEADLINE:?}");
    }
    let status = child.wait().expect("wait");
    status.code().or_else(|| status.signal().map(|number| 128 + number)).expect("a code or a signal")
}

/// Waits for input; false after the deadline.
pub(crate) fn readable(fd: &OwnedFd, deadline: Duration) -> bool {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let milliseconds = i32::try_from(deadline.as_millis()).expect("a short deadline");
    // SAFETY: one live pollfd.
    unsafe { libc::poll(&raw mut poll, 1, milliseconds) == 1 }
}

/// Waits for a condition; fails after the deadline.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < DEADLINE, "{what}: not after {DEADLINE:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Cgroups that the aibom with this number made, wherever they are.
pub(crate) fn cgroups(pid: u32) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    let prefix = format!("aibom-{pid}-");
    let mut found = Vec::new();
    for line in mounts.lines() {
        let mut words = line.split(' ').skip(1);
        if let (Some(place), Some("cgroup2")) = (words.next(), words.next()) {
            search(Path::new(place), &prefix, &mut found);
        }
    }
    found
}

fn search(folder: &Path, prefix: &str, found: &mut Vec<PathBuf>) {
    // Cgroups come and go while we look.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                found.push(entry.path());
            }
            search(&entry.path(), prefix, found);
        }
    }
}

fn all(file: &File) -> Vec<u8> {
    use std::os::unix::fs::FileExt as _;
    let size = usize::try_from(file.metadata().expect("metadata").len()).expect("a small file");
    let mut bytes = vec![0; size];
    file.read_exact_at(&mut bytes, 0).expect("read");
    bytes
}
