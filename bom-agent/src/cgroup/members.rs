//! Who is in a cgroup and in those nested in it.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use crate::host::read_bounded;

/// Nested cgroups that are looked at. The observed command may be root and make as many as it likes.
const DIRECTORIES: usize = 16_384;
/// Bytes of one cgroup.procs that are read: the pids of a million processes.
const PROCS: u64 = 8 << 20;

/// Processes of a session, as numbered in our own pid namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    pub pids: BTreeSet<u32>,
    /// False if a limit was reached, a cgroup could not be read, or a process is outside our pid namespace.
    pub complete: bool,
}

/// Members of the cgroup at `path`, and the cgroups nested in it, each after the one that holds it.
pub(super) fn of(path: &Path) -> (Members, Vec<PathBuf>) {
    let mut members = Members { pids: BTreeSet::new(), complete: true };
    let mut nested = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(directory) = waiting.pop() {
        read_procs(&directory, &mut members);
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) => {
                members.complete &= gone(&error);
                continue;
            }
        };
        for entry in entries {
            let Ok(entry) = entry else {
                members.complete = false;
                break;
            };
            if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                continue;
            }
            if nested.len() >= DIRECTORIES {
                members.complete = false;
                break;
            }
            nested.push(entry.path());
            waiting.push(entry.path());
        }
    }
    (members, nested)
}

fn read_procs(directory: &Path, members: &mut Members) {
    match read_bounded(&directory.join("cgroup.procs"), PROCS) {
        Ok(bytes) => {
            members.complete &= parse(&bytes, &mut members.pids);
        }
        // In a threaded cgroup; its processes stand in the cgroup.procs of the domain above it.
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => {}
        Err(error) => members.complete &= gone(&error),
    }
}

/// A cgroup that was removed meanwhile had no members.
fn gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ENODEV)
}

/// One pid per line; 0 stands for a process outside our pid namespace. False if not all could be taken.
fn parse(procs: &[u8], pids: &mut BTreeSet<u32>) -> bool {
    let whole_lines = u64::try_from(procs.len()).is_ok_and(|length| length < PROCS)
        && procs.last().is_none_or(|last| *last == b'\n');
    let mut complete = whole_lines;
    for line in procs.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match std::str::from_utf8(line).ok().and_then(|line| line.parse().ok()) {
            Some(pid) if pid > 0 => {
                pids.insert(pid);
            }
            Some(_) | None => complete = false,
        }
    }
    complete
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_procs() {
        for (procs, expected, complete) in [
            (&b""[..], &[][..], true),
            (b"7\n3\n7\n", &[3, 7], true),
            (b"0\n3\n", &[3], false),
            (b"4294967296\n-1\n 5\n6\n", &[6], false),
            (b"12\n34", &[12, 34], false),
            (b"\xff\n8\n", &[8], false),
        ] {
            let mut pids = BTreeSet::new();
            assert_eq!(parse(procs, &mut pids), complete, "{}", procs.escape_ascii());
            assert_eq!(pids.into_iter().collect::<Vec<u32>>(), expected, "{}", procs.escape_ascii());
        }
    }
}
