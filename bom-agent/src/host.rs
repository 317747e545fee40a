//! What the node is: facts, identifiers, clocks, and what is missing to observe on it.
//!
//! Files are read below a root, so that a test can bring its own machine.

mod drivers;
mod node;
mod os_release;
mod privileges;
mod process;

pub use privileges::Missing;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use bom_core::{
    input::HostFacts,
    key::{EpochId, ProcessKey},
};

use crate::cgroup::{Hierarchy, Members};

/// Small files: identifiers, os-release, stat.
const SMALL: u64 = 64 << 10;

#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is not a boot id")]
    BootId { path: PathBuf },
    #[error("ask the kernel for its name")]
    Uname(#[source] io::Error),
}

/// The machine whose files are below a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    root: PathBuf,
}

impl Host {
    /// The machine this runs on.
    pub fn this() -> Self {
        Self::at("/")
    }

    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Kernel and architecture are always those of the running kernel; the distribution is the one below the root.
    pub fn facts(&self) -> Result<HostFacts, HostError> {
        let (kernel, architecture) = node::kernel().map_err(HostError::Uname)?;
        let drivers = drivers::loaded(&self.root);
        Ok(HostFacts { kernel, architecture, distribution: self.distribution(), drivers })
    }

    /// ID and VERSION_ID, as os-release(5) has them; `None` if either is not given.
    fn distribution(&self) -> Option<(String, String)> {
        ["etc/os-release", "usr/lib/os-release"]
            .iter()
            .find_map(|path| read_bounded(&self.root.join(path), SMALL).ok())
            .and_then(|text| os_release::distribution(&text))
    }

    /// The kernel's number for this boot: a UUID in lower case.
    pub fn boot_id(&self) -> Result<String, HostError> {
        let path = self.root.join("proc/sys/kernel/random/boot_id");
        let text =
            read_bounded(&path, SMALL).map_err(|source| HostError::Read { path: path.clone(), source })?;
        node::boot_id(&text).ok_or(HostError::BootId { path })
    }

    /// 32 hex digits that do not tell the machine id; `boot:` and as many where the machine has no id, in which
    /// case the node is another one after a reboot.
    pub fn node_id(&self) -> Result<String, HostError> {
        let machine = read_bounded(&self.root.join("etc/machine-id"), SMALL).ok();
        match machine.and_then(|text| node::machine_id(&text)) {
            Some(id) => Ok(node::digest(&id)),
            None => Ok(format!("boot:{}", node::digest(&self.boot_id()?))),
        }
    }

    /// An epoch that starts now.
    pub fn epoch(&self) -> Result<EpochId, HostError> {
        Ok(EpochId { node: self.node_id()?, boot: self.boot_id()?.into(), start_ns: boot_ns() })
    }

    /// What is missing to observe here; empty if nothing is.
    pub fn privileges(&self) -> Missing {
        let status = read_bounded(&self.root.join("proc/self/status"), SMALL).unwrap_or_default();
        let uid_map = read_bounded(&self.root.join("proc/self/uid_map"), SMALL).ok();
        Missing {
            capabilities: privileges::missing_capabilities(&status),
            user_namespace: uid_map.is_some_and(|map| !privileges::initial_user_namespace(&map)),
            btf: !self.root.join("sys/kernel/btf/vmlinux").is_file(),
            cgroup2: Hierarchy::at(&self.root).is_err(),
        }
    }

    /// When the process started, nanoseconds of CLOCK_BOOTTIME; `None` if it is gone.
    ///
    /// procfs counts in clock ticks, rounded down: the value is up to one tick (10 ms) earlier than what the
    /// kernel has, and in a time namespace it is shifted by the namespace's offset.
    pub fn start_time_ns(&self, pid: u32) -> Option<u64> {
        let stat = read_bounded(&self.root.join(format!("proc/{pid}/stat")), SMALL).ok()?;
        process::start_time_ns(&stat, procfs::ticks_per_second())
    }

    /// Keys of those members that still run. Start times are as exact as [`Self::start_time_ns`] says, and pids are
    /// those of our own pid namespace: such a key is joined with the kernel's only by a rule that says so.
    pub fn running(&self, members: &Members) -> std::collections::BTreeSet<ProcessKey> {
        let key = |pid: &u32| Some(ProcessKey { tgid: *pid, start_ns: self.start_time_ns(*pid)? });
        members.pids.iter().filter_map(key).collect()
    }
}

/// Whether numbers of processes mean the same to us and to the kernel (PROC_PID_INIT_INO, include/linux/proc_ns.h).
pub fn in_initial_pid_namespace() -> bool {
    std::fs::read_link("/proc/self/ns/pid").is_ok_and(|name| name.as_os_str() == "pid:[4026531836]")
}

/// Nanoseconds of CLOCK_BOOTTIME.
pub fn boot_ns() -> u64 {
    u64::try_from(clock_ns(libc::CLOCK_BOOTTIME)).unwrap_or(0)
}

/// Nanoseconds since 1970 of the wall clock.
pub fn wall_ns() -> i64 {
    clock_ns(libc::CLOCK_REALTIME)
}

/// CLOCK_BOOTTIME and the wall clock of the same moment, to within the time between two readings.
pub fn clock() -> (u64, i64) {
    let before = boot_ns();
    let wall = wall_ns();
    let after = boot_ns();
    (before.midpoint(after), wall)
}

fn clock_ns(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a live timespec that the kernel fills; both clocks always exist, so it cannot fail.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec.saturating_mul(1_000_000_000).saturating_add(time.tv_nsec)
}

/// The first `limit` bytes of a file.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs};

    const MACHINE: &str = "0123456789abcdef0123456789abcdef\n";
    const BOOT: &str = "3f2b8c9e-0000-4000-8000-1234567890ab\n";

    /// A machine that lacks nothing, in a folder of its own.
    struct Fake(PathBuf);

    impl Fake {
        fn capable(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("aibom-host-{}-{name}", std::process::id()));
            let fake = Self(folder);
            for (path, text) in [
                ("etc/machine-id", MACHINE),
                ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n"),
                ("proc/sys/kernel/random/boot_id", BOOT),
                ("proc/self/status", "Name:\tx\nCapEff:\t000001ffffffffff\n"),
                ("proc/self/uid_map", "         0          0 4294967295\n"),
                ("proc/self/mountinfo", "31 23 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
                ("proc/self/cgroup", "0::/\n"),
                ("proc/7/stat", "7 (a) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 250 1 1\n"),
                ("sys/kernel/btf/vmlinux", ""),
            ] {
                fake.put(path, text);
            }
            fake
        }

        fn put(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }

        fn take(&self, path: &str) {
            fs::remove_file(self.0.join(path)).expect("a file to remove");
        }

        fn host(&self) -> Host {
            Host::at(&self.0)
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            // What is left is in the temporary folder.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn capable_host_lacks_nothing() {
        let fake = Fake::capable("capable");
        let missing = fake.host().privileges();
        assert!(missing.is_empty(), "{missing}");
        let facts = fake.host().facts().expect("facts");
        assert_eq!(facts.distribution, Some(("debian".to_owned(), "12".to_owned())));
        assert!(!facts.kernel.is_empty() && !facts.architecture.is_empty(), "{facts:?}");
    }

    #[test]
    fn says_what_is_taken_away() {
        for (name, path, text, words) in [
            ("btf", "sys/kernel/btf/vmlinux", None, "/sys/kernel/btf/vmlinux"),
            ("mounts", "proc/self/mountinfo", Some(""), "cgroup2"),
            ("caps", "proc/self/status", Some("CapEff:\t0000000000000000\n"), "CAP_BPF"),
            ("no_status", "proc/self/status", None, "CAP_SYS_ADMIN"),
            ("userns", "proc/self/uid_map", Some("0 1000 1\n"), "user namespace"),
        ] {
            let fake = Fake::capable(name);
            match text {
                Some(text) => fake.put(path, text),
                None => fake.take(path),
            }
            let missing = fake.host().privileges();
            assert!(!missing.is_empty(), "{name}");
            let line = missing.to_string();
            assert!(line.contains(words) && !line.contains('\n'), "{name}: {line}");
        }
    }

    #[test]
    fn node_id_does_not_tell_the_machine_id_and_marks_its_absence() {
        let fake = Fake::capable("node");
        let node = fake.host().node_id().expect("a node id");
        assert_eq!(node.len(), 32, "{node}");
        assert!(!node.contains(MACHINE.trim()), "{node}");
        for text in ["uninitialized\n", "", "00000000000000000000000000000000\n", "0123\n"] {
            fake.put("etc/machine-id", text);
            let other = fake.host().node_id().expect("a node id");
            assert!(other.starts_with("boot:") && other.len() == 37, "{text:?}: {other}");
        }
        fake.put("proc/sys/kernel/random/boot_id", "not a uuid\n");
        assert!(matches!(fake.host().node_id(), Err(HostError::BootId { .. })));
        fake.take("proc/sys/kernel/random/boot_id");
        assert!(matches!(fake.host().epoch(), Err(HostError::Read { .. })));
    }

    #[test]
    fn running_drops_those_that_are_gone() {
        let fake = Fake::capable("running");
        let members = Members { pids: [7, 8].into(), complete: true };
        let tick = 1_000_000_000 / procfs::ticks_per_second();
        let expected = BTreeSet::from([ProcessKey { tgid: 7, start_ns: 250 * tick }]);
        assert_eq!(fake.host().running(&members), expected);
    }

    #[test]
    fn our_own_start_lies_in_the_past() {
        let start = Host::this().start_time_ns(std::process::id()).expect("a start time");
        let (now, wall) = clock();
        assert!(start <= now && start > 0, "{start} {now}");
        assert!(wall > 1_600_000_000_000_000_000, "{wall}");
    }
}
