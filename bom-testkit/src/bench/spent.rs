//! What a piece of work took: wall time, CPU time, and how a program of ours tells another.

use std::fs;
use std::io;
use std::mem;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{BenchError, at};

/// How often the peak of a running program is read. It only grows, so that the last look is the closest.
const LOOK: Duration = Duration::from_millis(2);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) wall: Duration,
    /// User and system, of the program and the descendants it waited for.
    pub(crate) cpu: Duration,
}

impl Spent {
    /// Times a closure in this process.
    pub(crate) fn on(work: impl FnOnce() -> io::Result<()>) -> io::Result<Self> {
        let (cpu, start) = (own_cpu()?, Instant::now());
        work()?;
        let wall = start.elapsed();
        Ok(Self { wall, cpu: own_cpu()?.saturating_sub(cpu) })
    }

    pub(crate) fn write(self, path: &Path) -> Result<(), BenchError> {
        let text = format!("{} {}\n", self.wall.as_nanos(), self.cpu.as_nanos());
        fs::write(path, text).map_err(at(path))
    }

    pub(crate) fn read(path: &Path) -> Result<Self, BenchError> {
        let text = fs::read_to_string(path).map_err(at(path))?;
        let mut words = text.split_whitespace().map(|word| word.parse().map(Duration::from_nanos));
        match (words.next(), words.next()) {
            (Some(Ok(wall)), Some(Ok(cpu))) => Ok(Self { wall, cpu }),
            _ => Err(at(path)(io::ErrorKind::InvalidData.into())),
        }
    }
}

/// A program that ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) spent: Spent,
    /// Of the program alone, without its children: `VmHWM`, in KiB, as last seen.
    pub(crate) peak_kib: u64,
    /// As wait(2) gives it.
    pub(crate) status: i32,
    /// It was killed because it took too long.
    pub(crate) late: bool,
}

/// Runs a program to its end; any end but exit code 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<Ended, BenchError> {
    let ended = run_any(command)?;
    match ended.status {
        0 => Ok(ended),
        status => Err(BenchError::Failed { program: name(command), status }),
    }
}

/// Runs a program to whichever end; `None` if it was killed because it took longer than this.
pub(crate) fn run_within(command: &mut Command, patience: Duration) -> Result<Option<Ended>, BenchError> {
    let start = Instant::now();
    let child = command.spawn().map_err(|source| BenchError::Start { program: name(command), source })?;
    let ended = wait(&child, start, Some(patience))?;
    Ok((!ended.late).then_some(ended))
}

/// Runs a program to its end, whichever.
fn run_any(command: &mut Command) -> Result<Ended, BenchError> {
    let start = Instant::now();
    let child = command.spawn().map_err(|source| BenchError::Start { program: name(command), source })?;
    wait(&child, start, None)
}

/// Waits for a program started at `start`, and kills it after so long.
fn wait(child: &Child, start: Instant, patience: Option<Duration>) -> Result<Ended, BenchError> {
    let mut late = false;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    loop {
        let (mut status, mut usage) = (0, zeroed_usage());
        let pid = child.id().cast_signed();
        // SAFETY: both pointers are to values of ours; nobody else waits for this child.
        let waited = unsafe { libc::wait4(pid, &raw mut status, libc::WNOHANG, &raw mut usage) };
        if waited == pid {
            let spent = Spent { wall: start.elapsed(), cpu: cpu(&usage) };
            return Ok(Ended { spent, peak_kib, status, late });
        }
        if waited < 0 {
            return Err(BenchError::System { what: "wait", source: io::Error::last_os_error() });
        }
        if !late && patience.is_some_and(|patience| start.elapsed() > patience) {
            late = true;
            // SAFETY: a child of ours that nobody has waited for.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        peak_kib = peak_kib.max(peak(&status_file).unwrap_or(0));
        thread::sleep(LOOK);
    }
}

/// `aibom-bench timed OUT CMD...`: runs a command without looking at it meanwhile, writes what it took and returns its
/// exit code.
pub fn timed(out: &Path, command: &mut Command) -> Result<i32, BenchError> {
    let start = Instant::now();
    let child = command.spawn().map_err(|source| BenchError::Start { program: name(command), source })?;
    let (mut status, mut usage) = (0, zeroed_usage());
    // SAFETY: as above.
    let waited = unsafe { libc::wait4(child.id().cast_signed(), &raw mut status, 0, &raw mut usage) };
    if waited < 0 {
        return Err(BenchError::System { what: "wait", source: io::Error::last_os_error() });
    }
    Spent { wall: start.elapsed(), cpu: cpu(&usage) }.write(out)?;
    Ok(if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) })
}

fn peak(status_file: &str) -> Option<u64> {
    let text = fs::read_to_string(status_file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn own_cpu() -> io::Result<Duration> {
    let mut usage = zeroed_usage();
    // SAFETY: the pointer is to a value of ours.
    match unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) } {
        0 => Ok(cpu(&usage)),
        _ => Err(io::Error::last_os_error()),
    }
}

fn zeroed_usage() -> libc::rusage {
    // SAFETY: plain data for which all zeros is a value.
    unsafe { mem::zeroed() }
}

fn cpu(usage: &libc::rusage) -> Duration {
    let of = |time: libc::timeval| {
        let (seconds, micros) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_usec));
        Duration::from_secs(seconds.unwrap_or(0)) + Duration::from_micros(micros.unwrap_or(0))
    };
    of(usage.ru_utime) + of(usage.ru_stime)
}

fn name(command: &Command) -> String {
    command.get_program().display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let path = std::env::temp_dir().join(format!("aibom-bench-spent-{}", std::process::id()));
        let spent = Spent { wall: Duration::from_nanos(1_234_567_890_123), cpu: Duration::from_nanos(7) };
        spent.write(&path).expect("writes");
        let read = Spent::read(&path);
        fs::write(&path, "12 x").expect("writes");
        let broken = Spent::read(&path);
        fs::remove_file(&path).expect("removes");
        assert_eq!(read.expect("reads"), spent);
        assert!(broken.is_err());
    }

    #[test]
    fn the_peak_is_the_programs() {
        let ended = run(Command::new("sleep").arg("0.05")).expect("runs");
        assert!(ended.peak_kib > 0 && ended.peak_kib < 100_000, "{ended:?}");
        assert!(ended.spent.wall >= Duration::from_millis(50), "{ended:?}");
        assert!(matches!(run(&mut Command::new("false")), Err(BenchError::Failed { status: 256, .. })));
    }
}
