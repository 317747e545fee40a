//! Who looks on while a load runs.

use std::ffi::OsString;
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{BenchError, at};
use super::stage::Stage;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Observer {
    Nobody,
    Aibom,
    /// In the profile without system call exits.
    Light,
    Strace,
    Bpftrace,
    /// Of libbpf-tools; it watches the whole machine from beside the load.
    Opensnoop,
    /// fanotify, likewise.
    Fatrace,
}

/// What the program prints for each open: the usual one-liner, for the observed process alone, as aibom is asked.
const OPENAT: &str = "tracepoint:syscalls:sys_enter_openat /pid == cpid/ { printf(\"%d %s %s\\n\", pid, comm, str(args->filename)); }";

impl Observer {
    pub(crate) const ALL: [Self; 7] = [
        Self::Nobody,
        Self::Aibom,
        Self::Light,
        Self::Strace,
        Self::Bpftrace,
        Self::Opensnoop,
        Self::Fatrace,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "bare",
            Self::Aibom => "`aibom run`",
            Self::Light => "`aibom run --profile light`",
            Self::Strace => "`strace -f -e trace=openat`",
            Self::Bpftrace => "`bpftrace`, openat tracepoint",
            Self::Opensnoop => "`opensnoop` of libbpf-tools, beside",
            Self::Fatrace => "`fatrace -f O`, beside",
        }
    }

    /// Whether it is installed.
    pub(crate) fn is_here(self) -> bool {
        let program = match self {
            Self::Nobody | Self::Aibom | Self::Light => return true,
            Self::Strace => "strace",
            Self::Bpftrace => "bpftrace",
            Self::Opensnoop => "opensnoop",
            Self::Fatrace => "fatrace",
        };
        let status =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// Whether it is installed, and, of those that watch from beside, sees anything here.
    pub(crate) fn works(self, stage: &Stage) -> bool {
        self.is_here() && self.beside(stage).is_ok()
    }

    /// The command line that runs `inner` under this observer.
    pub(crate) fn command(self, stage: &Stage, inner: &[OsString]) -> Command {
        match self {
            Self::Nobody | Self::Opensnoop | Self::Fatrace => {
                let mut words = inner.iter();
                let mut command = Command::new(words.next().cloned().unwrap_or_default());
                command.args(words);
                command
            }
            Self::Aibom => {
                let mut command = stage.aibom("run");
                command.arg("--").args(inner);
                command
            }
            Self::Light => {
                let mut command = stage.aibom("run");
                command.args(["--profile", "light", "--"]).args(inner);
                command
            }
            Self::Strace => {
                let mut command = Command::new("strace");
                command.args(["-f", "-qq", "-e", "trace=openat", "-o"]).arg(stage.file("strace"));
                command.arg("--").args(inner);
                command
            }
            Self::Bpftrace => {
                let line: Vec<_> = inner.iter().map(|word| word.to_string_lossy()).collect();
                let mut command = Command::new("bpftrace");
                command.arg("-q").arg("-o").arg(stage.file("bpftrace"));
                command.args(["-e", OPENAT, "-c", &line.join(" ")]);
                // It says so where it may not raise its memory lock, which newer kernels do not need.
                command.stderr(Stdio::null());
                command
            }
        }
    }

    /// Starts who watches from beside, and waits until it does; `None` if it runs the load itself.
    pub(crate) fn beside(self, stage: &Stage) -> Result<Option<Beside>, BenchError> {
        let out = stage.file("beside");
        let mut command = match self {
            Self::Nobody | Self::Aibom | Self::Light | Self::Strace | Self::Bpftrace => return Ok(None),
            Self::Opensnoop => Command::new("opensnoop"),
            Self::Fatrace => {
                let mut command = Command::new("fatrace");
                command.args(["-f", "O"]);
                command
            }
        };
        let program = command.get_program().display().to_string();
        command.stdin(Stdio::null()).stdout(File::create(&out).map_err(at(&out))?).stderr(Stdio::null());
        let child = command.spawn().map_err(|source| BenchError::Start { program, source })?;
        let mut beside = Beside { child };
        let mark = stage.file("beside-mark");
        fs::write(&mark, b"").map_err(at(&mark))?;
        let begun = Instant::now();
        loop {
            drop(File::open(&mark).map_err(at(&mark))?);
            let seen = fs::read(&out).map_err(at(&out))?;
            if seen.windows(MARK.len()).any(|window| window == MARK) {
                return Ok(Some(beside));
            }
            let ended =
                beside.child.try_wait().map_err(|source| BenchError::System { what: "wait", source })?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                return Err(BenchError::Missing("line of a tracer about a file that was opened for it"));
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

const MARK: &[u8] = b"beside-mark";
const PATIENCE: Duration = Duration::from_secs(20);

/// Ended on drop.
#[derive(Debug)]
pub(crate) struct Beside {
    child: Child,
}

impl Drop for Beside {
    fn drop(&mut self) {
        // SAFETY: a child of ours that nobody has waited for.
        unsafe { libc::kill(self.child.id().cast_signed(), libc::SIGINT) };
        let _ = self.child.wait();
    }
}
