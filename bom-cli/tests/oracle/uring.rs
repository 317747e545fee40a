//! A program that opens its file through io_uring alone: no system call of the open family names it.

use std::{env, ffi::CString, io, os::unix::ffi::OsStringExt as _, process::ExitCode};

use super::ring::Ring;

/// First argument of the copy that is this program; then `descriptor` or `direct`, then the file.
pub(crate) const AS_URING: &str = "as-the-uring-program";

pub(crate) fn program() -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != AS_URING {
        return None;
    }
    let direct = arguments.next()? == "direct";
    let path = CString::new(arguments.next()?.into_vec()).ok()?;
    Some(match open(&path, direct) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("open by io_uring: {error}");
            ExitCode::FAILURE
        }
    })
}

fn open(path: &CString, direct: bool) -> io::Result<()> {
    let ring = Ring::new()?;
    if direct {
        ring.register_slot()?;
    }
    ring.open(path, direct)?;
    Ok(())
}
