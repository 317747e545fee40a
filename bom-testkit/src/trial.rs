//! Privileged trials: a test says what it needs; where that is missing it is shown as ignored with
//! the reason, and where `AIBOM_TEST_REQUIRE` lists it, it fails.

use std::{collections::BTreeSet, env, fs, path::PathBuf, process::Command};

pub use libtest_mimic::Failed;
use libtest_mimic::{Arguments, Trial};

/// What a trial can need. The names are those of `AIBOM_TEST_REQUIRE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    Root,
    /// The kernel loads our programs for us.
    Bpf,
    /// /sys/kernel/btf/vmlinux.
    Btf,
    Cgroup2,
    /// Network and mount namespaces can be made.
    Netns,
    /// strace is installed and may trace.
    Strace,
    /// The demo agent is set up (`cargo xtask prepare`): `AIBOM_TEST_AGENTS` names the folder.
    Agents,
    /// QUIC in Python (`cargo xtask prepare`), beside the demo agent.
    Quic,
    /// Clients of other make (`cargo xtask prepare`), beside the demo agent.
    Clients,
    /// Go's compiler.
    Go,
    /// `fio`, which reads by io_uring.
    Fio,
    /// `stress-ng`.
    StressNg,
    /// `curl`, which this program did not write.
    Curl,
    /// `node`, likewise.
    Node,
    /// io_uring is not switched off.
    IoUring,
    /// fanotify can be asked for.
    Fanotify,
    /// A file system can be served from user space.
    Fuse,
    /// Files made by the official libraries of their formats: `AIBOM_TEST_CORPUS` names the folder.
    Corpus,
    /// Stores of models made by their own libraries: `AIBOM_TEST_STORES` names the folder.
    Stores,
    /// gcc, with the headers and static libraries of C.
    C,
    /// rpm and rpmbuild, which make the databases that they are asked about, and Berkeley DB, which makes older ones.
    Rpm,
    /// dpkg and what it installed.
    Dpkg,
    /// npm, which tells what is in a folder.
    Npm,
    /// RubyGems.
    Gem,
    /// The programs of testdata/programs that every run has (`cargo xtask prepare`), below `AIBOM_TEST_AGENTS`.
    Programs,
    /// Those that only the long run has (`cargo xtask prepare --only programs`).
    ProgramsLong,
}

impl Need {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "ROOT",
            Self::Bpf => "BPF",
            Self::Btf => "BTF",
            Self::Cgroup2 => "CGROUP2",
            Self::Netns => "NETNS",
            Self::Strace => "STRACE",
            Self::Agents => "AGENTS",
            Self::Quic => "QUIC",
            Self::Clients => "CLIENTS",
            Self::Go => "GO",
            Self::Fio => "FIO",
            Self::StressNg => "STRESS_NG",
            Self::Curl => "CURL",
            Self::Node => "NODE",
            Self::Fanotify => "FANOTIFY",
            Self::IoUring => "IO_URING",
            Self::Fuse => "FUSE",
            Self::Corpus => "CORPUS",
            Self::Stores => "STORES",
            Self::C => "C",
            Self::Rpm => "RPM",
            Self::Dpkg => "DPKG",
            Self::Npm => "NPM",
            Self::Gem => "GEM",
            Self::Programs => "PROGRAMS",
            Self::ProgramsLong => "PROGRAMS_LONG",
        }
    }

    pub fn is_there(self) -> bool {
        self.missing().is_none()
    }

    /// Why it is missing; `None` if it is there.
    fn missing(self) -> Option<String> {
        match self {
            Self::Root => (effective_uid() != 0).then(|| "not root".to_owned()),
            Self::Bpf => {
                let capable = [CAP_SYS_ADMIN, CAP_BPF].iter().any(|&number| has_capability(number));
                (!capable).then(|| "neither CAP_BPF nor CAP_SYS_ADMIN".to_owned())
            }
            Self::Btf => {
                let path = "/sys/kernel/btf/vmlinux";
                fs::metadata(path).is_err().then(|| format!("no {path}"))
            }
            Self::Cgroup2 => {
                let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
                let mounted = mounts.lines().any(|line| line.split(' ').nth(2) == Some("cgroup2"));
                (!mounted).then(|| "no cgroup2 mount".to_owned())
            }
            Self::Netns => runs("unshare", &["--net", "--mount", "true"]),
            Self::Strace => runs("strace", &["-f", "-e", "trace=none", "true"]),
            Self::Agents => {
                let ready = agents().join("venv/bin/python").exists();
                (!ready).then(|| format!("no demo agent in {} (cargo xtask prepare)", agents().display()))
            }
            Self::Quic => {
                let python = agents().join("network-venv/bin/python");
                (!python.exists()).then(|| format!("no {} (cargo xtask prepare)", python.display()))
            }
            Self::Clients => {
                let python = agents().join("network-venv/bin/python");
                let asked = python
                    .to_str()
                    .map(|python| runs(python, &["-c", "import aiodns, aiohttp, grpc, httpx"]));
                asked.unwrap_or_else(|| Some("a path that is no text".to_owned()))
            }
            Self::Go => runs("go", &["version"]),
            Self::Fio => runs("fio", &["--version"]),
            Self::StressNg => runs("stress-ng", &["--version"]),
            Self::Curl => runs("curl", &["--version"]),
            Self::Node => runs("node", &["--version"]),
            Self::Fuse => fs::File::open("/dev/fuse").err().map(|error| format!("/dev/fuse: {error}")),
            Self::Corpus => {
                let ready = corpus().join("expected.json").exists();
                (!ready).then(|| {
                    format!("no corpus in {} (cargo xtask prepare --only corpus)", corpus().display())
                })
            }
            Self::Stores => {
                let ready = stores().join("stores.json").exists();
                (!ready).then(|| {
                    format!("no stores in {} (cargo xtask prepare --only corpus)", stores().display())
                })
            }
            Self::C => {
                let found =
                    fs::metadata("/usr/include/stdio.h").err().map(|error| format!("stdio.h: {error}"));
                found.or_else(|| runs("gcc", &["--version"]))
            }
            Self::Rpm => runs("rpm", &["--version"])
                .or_else(|| runs("rpmbuild", &["--version"]))
                .or_else(|| runs("db5.3_load", &["-V"])),
            Self::Dpkg => runs("dpkg", &["--version"]),
            Self::Npm => runs("npm", &["--version"]),
            Self::Gem => runs("gem", &["--version"]),
            Self::Programs => {
                let made = agents().join("programs/state/tokenizer.json");
                (!made.exists()).then(|| format!("no {} (cargo xtask prepare)", made.display()))
            }
            Self::ProgramsLong => {
                let made = agents().join("programs/state/tiny.gguf");
                (!made.exists())
                    .then(|| format!("no {} (cargo xtask prepare --only programs)", made.display()))
            }
            Self::Fanotify => {
                // SAFETY: plain numbers; the descriptor is closed with us.
                let group = unsafe { libc::fanotify_init(libc::FAN_CLOEXEC | libc::FAN_CLASS_NOTIF, 0) };
                if group < 0 {
                    return Some(format!("fanotify_init: {}", std::io::Error::last_os_error()));
                }
                // SAFETY: it is ours and nobody else has it.
                unsafe { libc::close(group) };
                None
            }
            Self::IoUring => {
                let off = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
                (off.trim() == "2").then(|| "io_uring is disabled".to_owned())
            }
        }
    }
}

const CAP_SYS_ADMIN: u32 = 21;
const CAP_BPF: u32 = 39;

/// The folder in which `cargo xtask prepare` sets up agents.
pub fn agents() -> PathBuf {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/agents"));
    env::var_os("AIBOM_TEST_AGENTS").map_or_else(default, PathBuf::from)
}

/// The folder in which testdata/corpus/make_stores.py made its stores.
pub fn stores() -> PathBuf {
    env::var_os("AIBOM_TEST_STORES").map_or_else(|| agents().join("corpus/stores"), PathBuf::from)
}

/// The folder in which testdata/corpus/make_corpus.py made its files.
pub fn corpus() -> PathBuf {
    env::var_os("AIBOM_TEST_CORPUS").map_or_else(|| agents().join("corpus/files"), PathBuf::from)
}

/// One trial.
pub fn trial(
    name: &str,
    needs: &[Need],
    body: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let required = required();
    let missing: Vec<(Need, String)> =
        needs.iter().filter_map(|need| need.missing().map(|why| (*need, why))).collect();
    let Some((_, reason)) = missing.first().cloned() else { return Trial::test(name, body) };
    let must = missing.iter().any(|(need, _)| required.contains(need.name()));
    if must {
        return Trial::test(name, move || Err(format!("required, but {reason}").into()));
    }
    Trial::test(format!("{name} ({reason})"), body).with_ignored_flag(true)
}

/// Runs the trials with the arguments of the test harness, one after the other: they share the
/// machine's cgroups, rings and cores.
pub fn run(trials: Vec<Trial>) -> std::process::ExitCode {
    run_on(1, trials)
}

/// Runs trials that do not disturb each other, so many at a time.
pub fn run_on(threads: usize, trials: Vec<Trial>) -> std::process::ExitCode {
    hear_signals();
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(arguments.test_threads.unwrap_or(threads).min(threads));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What whoever started the tests ignores (`nohup`), the programs that they start would ignore as well.
fn hear_signals() {
    for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
        // SAFETY: no handler of ours is involved.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

fn required() -> BTreeSet<String> {
    let list = env::var("AIBOM_TEST_REQUIRE").unwrap_or_default();
    list.split(',').map(|need| need.trim().to_ascii_uppercase()).filter(|need| !need.is_empty()).collect()
}

fn effective_uid() -> u32 {
    // SAFETY: takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

fn has_capability(number: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:")).map(str::trim);
    mask.and_then(|mask| u64::from_str_radix(mask, 16).ok()).is_some_and(|mask| mask >> number & 1 == 1)
}

fn runs(program: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Some(format!("{program}: {error}")),
    }
}
