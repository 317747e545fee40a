//! Programs that do one thing many times and time themselves. They are part of this binary, so that nothing has to be
//! compiled where the benchmark runs.

use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{BenchError, at};
use super::spent::Spent;

const USAGE: &str =
    "aibom-bench load same|distinct|paced-RATE|getppid|read|hold[-FILES]|mixed OUT COUNT [PATH [FOLDER]]";

/// `aibom-bench load KIND OUT COUNT [PATH]`: does the work `COUNT` times and writes to OUT what it took.
///
/// `same` opens and closes the file PATH; `distinct` each file of the folder PATH, once, and `paced` not more than so many
/// a second; `getppid` and `read` (one byte of /dev/zero) are system calls nobody traces; `hold` waits until the pipe PATH
/// is closed, holding so many files of FOLDER open meanwhile; `mixed` is the load of a node for COUNT seconds.
pub fn load(arguments: &[OsString]) -> Result<(), BenchError> {
    let [kind, out, count, rest @ ..] = arguments else { return Err(BenchError::Usage(USAGE)) };
    let count: u64 = count.to_str().and_then(|text| text.parse().ok()).ok_or(BenchError::Usage(USAGE))?;
    let path = PathBuf::from(rest.first().cloned().unwrap_or_default());
    let spent = match kind.to_str() {
        Some("mixed") => super::mixed::mixed(&path, count),
        Some("same") => same(&path, count),
        Some("distinct") => distinct(&path, count),
        Some("getppid") => Spent::on(|| {
            for _ in 0..count {
                // SAFETY: takes nothing. Through syscall(2), so that no library can keep the answer.
                unsafe { libc::syscall(libc::SYS_getppid) };
            }
            Ok(())
        }),
        Some("read") => read(count),
        Some("hold") => Spent::on(|| File::open(&path)?.read_to_end(&mut Vec::new()).map(drop)),
        Some(kind) => match kind.split_once('-').map(|(kind, number)| (kind, number.parse::<u64>())) {
            Some(("paced", Ok(rate))) if rate > 0 => paced(&path, count, rate),
            Some(("hold", Ok(files))) => {
                hold(&path, files, Path::new(rest.get(1).ok_or(BenchError::Usage(USAGE))?))
            }
            _ => return Err(BenchError::Usage(USAGE)),
        },
        None => return Err(BenchError::Usage(USAGE)),
    };
    spent.map_err(at(path))?.write(Path::new(out))
}

fn same(path: &Path, count: u64) -> io::Result<Spent> {
    let path = c_path(path)?;
    Spent::on(|| (0..count).try_for_each(|_| open_close(&path)))
}

fn distinct(folder: &Path, count: u64) -> io::Result<Spent> {
    let paths = files(folder, count)?;
    Spent::on(|| paths.iter().try_for_each(open_close))
}

/// Runs ahead by no more than what the kernel's timer cannot tell apart.
fn paced(folder: &Path, count: u64, rate: u64) -> io::Result<Spent> {
    let paths = files(folder, count)?;
    Spent::on(|| {
        let begun = Instant::now();
        for (done, path) in (1_u64..).zip(&paths) {
            open_close(path)?;
            if done % 16 == 0 {
                let due = Duration::from_nanos(done.saturating_mul(1_000_000_000) / rate);
                let ahead = due.saturating_sub(begun.elapsed());
                if ahead > Duration::from_micros(100) {
                    thread::sleep(ahead);
                }
            }
        }
        Ok(())
    })
}

/// Opens the pipe last, so that whoever waits for a reader knows that everything is held.
fn hold(pipe: &Path, count: u64, folder: &Path) -> io::Result<Spent> {
    raise_limit(count + 64)?;
    let held = fs::read_dir(folder)?.take(usize::try_from(count).unwrap_or(0));
    let held: Vec<File> = held.map(|entry| File::open(entry?.path())).collect::<io::Result<_>>()?;
    let spent = Spent::on(|| File::open(pipe)?.read_to_end(&mut Vec::new()).map(drop));
    drop(held);
    spent
}

/// How many files this process may have open, if it is fewer; not past what it may raise itself to.
fn raise_limit(count: u64) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a value of ours.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if limit.rlim_cur >= count {
        return Ok(());
    }
    limit.rlim_cur = count;
    // SAFETY: as above.
    match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The first so many of a folder, by name.
fn files(folder: &Path, count: u64) -> io::Result<Vec<CString>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(c_path(&entry?.path())?);
    }
    paths.sort();
    paths.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    if u64::try_from(paths.len()).ok() != Some(count) {
        return Err(io::Error::new(io::ErrorKind::NotFound, "fewer files than asked for"));
    }
    Ok(paths)
}

fn read(count: u64) -> io::Result<Spent> {
    let mut zero = File::open("/dev/zero")?;
    let mut byte = [0];
    Spent::on(|| (0..count).try_for_each(|_| zero.read_exact(&mut byte)))
}

fn open_close(path: &CString) -> io::Result<()> {
    // SAFETY: the string ends in a zero byte and outlives the call; the descriptor is closed once.
    unsafe {
        let descriptor = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        libc::close(descriptor);
    }
    Ok(())
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().to_owned().into_vec())?)
}
