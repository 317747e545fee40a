//! A cgroup of our own, for what a daemon is asked to watch.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::{BenchError, at};

/// Removed on drop; whoever is in it must have ended by then.
#[derive(Debug)]
pub(crate) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    pub(crate) fn new(name: &str) -> Result<Self, BenchError> {
        let mounts = fs::read_to_string("/proc/self/mounts").map_err(at("/proc/self/mounts"))?;
        let root = mounts.lines().find_map(|line| {
            let mut words = line.split(' ').skip(1);
            let place = words.next()?;
            (words.next()? == "cgroup2").then_some(place)
        });
        let root = root.ok_or(BenchError::Missing("cgroup2 mount"))?;
        let path = Path::new(root).join(format!("aibom-bench-{}-{name}", std::process::id()));
        fs::create_dir(&path).map_err(at(&path))?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The command line that runs `words` in it, from the first instruction.
    pub(crate) fn command(&self, words: &[OsString]) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(self.path.join("cgroup.procs"));
        command.args(words);
        command
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.path) {
            eprintln!("aibom-bench: {}: {error}", self.path.display());
        }
    }
}
