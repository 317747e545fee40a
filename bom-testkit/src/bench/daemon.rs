//! `aibom-agent` beside a load: what it takes, and what it wrote.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::cgroup::Cgroup;
use super::error::{BenchError, at};
use super::observer::Observer;
use super::stage::{Stage, as_f64};

/// Longer than the ten seconds after which it writes its first document in any case.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a daemon is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish {
    /// [`Observer::Light`] for that profile; the full one otherwise.
    pub(crate) observer: Observer,
    pub(crate) every: &'static str,
    pub(crate) sweep: &'static str,
}

/// Ended on drop.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    store: PathBuf,
}

impl Daemon {
    /// Starts it on a cgroup and waits for its first document.
    pub(crate) fn start(stage: &Stage, cgroup: &Cgroup, wish: Wish) -> Result<Self, BenchError> {
        let store = stage.file("store");
        let (ready, errors) = (stage.file("ready"), stage.file("stderr"));
        if store.exists() {
            fs::remove_dir_all(&store).map_err(at(&store))?;
        }
        if ready.exists() {
            fs::remove_file(&ready).map_err(at(&ready))?;
        }
        let program = stage.beside("aibom-agent")?;
        let mut command = Command::new(&program);
        command.arg("--cgroup").arg(cgroup.path()).arg("--store").arg(&store).arg("--ready-file").arg(&ready);
        command.args(["--every", wish.every, "--sweep", wish.sweep]);
        if wish.observer == Observer::Light {
            command.args(["--profile", "light"]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors).map_err(at(&errors))?);
        let child = command
            .spawn()
            .map_err(|source| BenchError::Start { program: program.display().to_string(), source })?;
        let mut daemon = Self { child, store };
        let begun = Instant::now();
        while !ready.exists() {
            let ended =
                daemon.child.try_wait().map_err(|source| BenchError::System { what: "wait", source })?;
            if ended.is_some() || begun.elapsed() > PATIENCE {
                eprint!("{}", fs::read_to_string(&errors).unwrap_or_default());
                return Err(BenchError::Missing("first document of aibom-agent"));
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(daemon)
    }

    /// Stops or continues it.
    pub(crate) fn signal(&self, signal: i32) -> Result<(), BenchError> {
        // SAFETY: a child of ours that nobody has waited for.
        match unsafe { libc::kill(self.child.id().cast_signed(), signal) } {
            0 => Ok(()),
            _ => Err(BenchError::System { what: "kill", source: std::io::Error::last_os_error() }),
        }
    }

    /// User and system time until now, in seconds.
    pub(crate) fn cpu(&self) -> Result<f64, BenchError> {
        let path = format!("/proc/{}/schedstat", self.child.id());
        // Of the first thread alone; the others are in task/.
        let tasks = format!("/proc/{}/task", self.child.id());
        let mut nanoseconds = 0;
        for task in fs::read_dir(&tasks).map_err(at(&tasks))? {
            let path = task.map_err(at(&tasks))?.path().join("schedstat");
            // A thread may have ended since it was listed.
            let Ok(text) = fs::read_to_string(&path) else { continue };
            nanoseconds += text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        }
        if nanoseconds == 0 {
            return self.ticks().map_err(at(path));
        }
        Ok(as_f64(nanoseconds) / 1e9)
    }

    /// The same in steps of 10 ms, where the kernel keeps no schedstat.
    fn ticks(&self) -> Result<f64, std::io::Error> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields = text.rsplit(") ").next().unwrap_or_default().split(' ');
        // utime and stime, proc_pid_stat(5).
        let ticks: u64 = fields.skip(11).take(2).filter_map(|word| word.parse::<u64>().ok()).sum();
        Ok(as_f64(ticks) / 100.0)
    }

    /// Resident memory now and at its peak, in MiB.
    pub(crate) fn memory(&self) -> Result<[f64; 2], BenchError> {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        let of = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            kib.map(|kib| as_f64(kib) / 1024.0).ok_or(BenchError::Missing("memory of aibom-agent"))
        };
        Ok([of("VmRSS:")?, of("VmHWM:")?])
    }

    /// A counter of the probes as the last document has it; 0 where there is none yet.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.document().map_or(0, |document| counter(&document, name))
    }

    /// Everything that the last document declares as lost, whatever the cause.
    pub(crate) fn lost(&self) -> u64 {
        self.document().map_or(0, |document| lost(&document))
    }

    fn document(&self) -> Option<Value> {
        let node = fs::read_dir(&self.store).ok()?.flatten().find(|entry| entry.path().is_dir())?;
        let epochs = fs::read_dir(node.path()).ok()?.flatten();
        let path = epochs.map(|epoch| epoch.path().join("bom.cdx.json")).find(|path| path.is_file())?;
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may be stopped; what it still writes is of no interest.
        let _ = self.signal(libc::SIGCONT);
        let _ = self.signal(libc::SIGTERM);
        let _ = self.child.wait();
    }
}

fn lost(document: &Value) -> u64 {
    let properties = document.pointer("/metadata/properties").and_then(Value::as_array);
    let of = |one: &Value| {
        let name = one["name"].as_str()?.strip_prefix("aibom:obs:counter:")?;
        name.ends_with("-lost").then(|| one["value"].as_str()?.parse::<u64>().ok())?
    };
    properties.into_iter().flatten().filter_map(of).sum()
}

/// A counter of the probes in a document; 0 where it is not stated.
pub(crate) fn counter(document: &Value, name: &str) -> u64 {
    let wanted = format!("aibom:obs:counter:{name}");
    let properties = document.pointer("/metadata/properties").and_then(Value::as_array);
    let mut found = properties.into_iter().flatten().filter(|one| one["name"] == wanted.as_str());
    found.find_map(|one| one["value"].as_str()?.parse().ok()).unwrap_or(0)
}

/// The document at a path.
pub(crate) fn document(path: &Path) -> Result<Value, BenchError> {
    let bytes = fs::read(path).map_err(at(path))?;
    serde_json::from_slice(&bytes).map_err(|source| BenchError::Recording { path: path.to_owned(), source })
}
