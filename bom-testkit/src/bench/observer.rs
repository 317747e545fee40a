//! Who looks on while a load runs.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use super::stage::Stage;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Observer {
    Nobody,
    Aibom,
    /// In the profile without system call exits.
    Light,
    Strace,
    Bpftrace,
}

/// What the program prints for each open: the usual one-liner, for the observed process alone, as aibom is asked.
const OPENAT: &str = "tracepoint:syscalls:sys_enter_openat /pid == cpid/ { printf(\"%d %s %s\\n\", pid, comm, str(args->filename)); }";

impl Observer {
    pub(crate) const ALL: [Self; 5] = [Self::Nobody, Self::Aibom, Self::Light, Self::Strace, Self::Bpftrace];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "bare",
            Self::Aibom => "`aibom run`",
            Self::Light => "`aibom run --profile light`",
            Self::Strace => "`strace -f -e trace=openat`",
            Self::Bpftrace => "`bpftrace`, openat tracepoint",
        }
    }

    /// Whether it is installed.
    pub(crate) fn is_here(self) -> bool {
        let program = match self {
            Self::Nobody | Self::Aibom | Self::Light => return true,
            Self::Strace => "strace",
            Self::Bpftrace => "bpftrace",
        };
        let status =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// The command line that runs `inner` under this observer.
    pub(crate) fn command(self, stage: &Stage, inner: &[OsString]) -> Command {
        match self {
            Self::Nobody => {
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
}
