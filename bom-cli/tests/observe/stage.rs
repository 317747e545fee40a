//! Scratch folders, cgroups, and the observer.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use bom_testkit::synth;

use crate::document::Document;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_aibom");
/// Nothing takes longer unless it hangs.
const DEADLINE: Duration = Duration::from_secs(90);

pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::Builder::new().prefix("observe-").tempdir().expect("a temporary folder"))
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A model of its own: no other has the same content.
    pub(crate) fn model(&self, name: &str) -> String {
        let path = self.join(name);
        let bytes = synth::safetensors().metadata("name", name).build();
        fs::write(&path, bytes).expect("a model");
        path.to_str().expect("text").to_owned()
    }
}

/// A cgroup, removed on drop.
pub(crate) struct Cgroup(pub(crate) PathBuf);

impl Cgroup {
    /// Below the root of the hierarchy.
    pub(crate) fn new(hint: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self::at(&mount().join(format!("trial-{}-{number}-{hint}", std::process::id())))
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::at(&mount().join(name))
    }

    pub(crate) fn nested(&self, name: &str) -> Self {
        Self::at(&self.0.join(name))
    }

    fn at(path: &Path) -> Self {
        fs::create_dir(path).expect("a cgroup");
        Self(path.to_owned())
    }

    pub(crate) fn join(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).expect("join the cgroup");
    }

    pub(crate) fn name(&self) -> String {
        format!("/{}", self.0.strip_prefix(mount()).expect("below the mount").display())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Whoever is left in it was started by the trial.
        let _ = fs::write(self.0.join("cgroup.kill"), "1");
        until("the cgroup can be removed", || fs::remove_dir(&self.0).is_ok() || !self.0.exists());
    }
}

/// Where cgroup v2 is mounted.
pub(crate) fn mount() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some("cgroup2")).expect("cgroup2");
    line.split(' ').nth(1).expect("a mount point").into()
}

/// An observer at work.
pub(crate) struct Observer {
    child: Child,
    scratch: Scratch,
}

impl Observer {
    /// Returns once everybody is watched.
    pub(crate) fn start<I: AsRef<OsStr>>(arguments: impl IntoIterator<Item = I>) -> Self {
        let scratch = Scratch::new();
        let ready = scratch.join("ready");
        let errors = fs::File::create(scratch.join("errors")).expect("a file");
        let mut child = Command::new(PROGRAM)
            .args(["observe", "-q", "-o"])
            .arg(scratch.join("bom.json"))
            .arg("--record")
            .arg(scratch.join("recording"))
            .arg("--ready-file")
            .arg(&ready)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .expect("aibom starts");
        until("aibom observes", || {
            if let Some(status) = child.try_wait().expect("wait") {
                panic!("{status}: {}", fs::read_to_string(scratch.join("errors")).unwrap_or_default());
            }
            ready.exists()
        });
        Self { child, scratch }
    }

    /// Ends it by a signal and reads what it wrote.
    pub(crate) fn end(mut self) -> Document {
        self.stop();
        self.read(&[0])
    }

    /// As [`Self::end`], where others on the machine may do what cannot be read in time.
    pub(crate) fn end_whatever_was_lost(mut self) -> Document {
        self.stop();
        self.read(&[0, 3])
    }

    fn stop(&self) {
        self.signal(libc::SIGINT);
    }

    pub(crate) fn signal(&self, number: i32) {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        // SAFETY: a plain system call on a child of ours that nobody waited for.
        unsafe { libc::kill(pid, number) };
    }

    /// Waits until it ends by itself.
    pub(crate) fn ended(mut self) -> Document {
        self.read(&[0])
    }

    fn read(&mut self, codes: &[i32]) -> Document {
        let mut status = None;
        until("aibom ends", || {
            status = self.child.try_wait().expect("wait");
            status.is_some()
        });
        let errors = fs::read_to_string(self.scratch.join("errors")).unwrap_or_default();
        let code = status.and_then(|status| status.code());
        assert!(code.is_some_and(|code| codes.contains(&code)), "{status:?}: {errors}");
        let bytes = fs::read(self.scratch.join("bom.json")).expect("a document");
        self.replay_agrees(&bytes);
        Document::parse(&bytes)
    }

    /// The recording holds every input: it gives the same bytes.
    fn replay_agrees(&self, bytes: &[u8]) {
        let replayed = Command::new(PROGRAM)
            .args(["replay", "-o", "-"])
            .arg(self.scratch.join("recording"))
            .output()
            .expect("aibom replays");
        assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
        assert!(replayed.stdout == bytes, "the replay differs from the live document");
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        // It has ended, unless the trial failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a condition; fails after the deadline.
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < DEADLINE, "{what}: not after {DEADLINE:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
