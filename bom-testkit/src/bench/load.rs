//! Programs that do one thing many times and time themselves. They are part of this binary, so that nothing has to be
//! compiled where the benchmark runs.

use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use super::error::{BenchError, at};
use super::spent::Spent;

const USAGE: &str = "aibom-bench load same|distinct|getppid|read|hold OUT COUNT [PATH]";

/// `aibom-bench load KIND OUT COUNT [PATH]`: does the work `COUNT` times and writes to OUT what it took.
///
/// `same` opens and closes the file PATH; `distinct` each file of the folder PATH, once; `getppid` and `read` (one byte
/// of /dev/zero) are system calls nobody traces; `hold` waits until the pipe PATH is closed.
pub fn load(arguments: &[OsString]) -> Result<(), BenchError> {
    let [kind, out, count, rest @ ..] = arguments else { return Err(BenchError::Usage(USAGE)) };
    let count: u64 = count.to_str().and_then(|text| text.parse().ok()).ok_or(BenchError::Usage(USAGE))?;
    let path = PathBuf::from(rest.first().cloned().unwrap_or_default());
    let spent = match kind.to_str() {
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
        _ => return Err(BenchError::Usage(USAGE)),
    };
    spent.map_err(at(path))?.write(Path::new(out))
}

fn same(path: &Path, count: u64) -> io::Result<Spent> {
    let path = c_path(path)?;
    Spent::on(|| (0..count).try_for_each(|_| open_close(&path)))
}

fn distinct(folder: &Path, count: u64) -> io::Result<Spent> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        paths.push(c_path(&entry?.path())?);
    }
    paths.sort();
    paths.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    if u64::try_from(paths.len()).ok() != Some(count) {
        return Err(io::Error::new(io::ErrorKind::NotFound, "fewer files than asked for"));
    }
    Spent::on(|| paths.iter().try_for_each(open_close))
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
