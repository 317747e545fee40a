//! The daemon, killed and started again: what is still there is in the next document, and so is the gap.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode, Stdio},
    time::{Duration, Instant, SystemTime},
};

use bom_agent::{cgroup::Session, host};
use bom_core::bom::{Bom, Component, ComponentKind, check, from_json};
use bom_testkit::{
    synth,
    trial::{self, Failed, Need, trial},
};

const AGENT: &str = env!("CARGO_BIN_EXE_aibom-agent");
const HOLDER: &str = "holder";
const DEADLINE: Duration = Duration::from_secs(90);
/// How often it is killed; `cargo xtask test --full` asks for more.
const KILLS: &str = "AIBOM_TEST_KILLS";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [role, folder, peer] = &arguments[..]
        && role == HOLDER
    {
        return hold(Path::new(folder), peer);
    }
    let needs = &[Need::Root, Need::Bpf, Need::Btf, Need::Cgroup2];
    trial::run(vec![
        trial("daemon::survives_being_killed", needs, survives_being_killed),
        trial("daemon::writes_nothing_if_nothing_is_new", needs, writes_nothing_if_nothing_is_new),
        trial("daemon::two_do_not_share_a_store", needs, two_do_not_share_a_store),
    ])
}

/// Holds one model open, one mapped, and a connection, until its input ends.
fn hold(folder: &Path, peer: &str) -> ExitCode {
    let open = File::open(folder.join("open")).expect("open");
    let mapped = File::open(folder.join("mapped")).expect("open");
    let length = usize::try_from(mapped.metadata().expect("metadata").len()).expect("small");
    // SAFETY: a new private mapping of an open file.
    let address = unsafe {
        libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_PRIVATE, mapped.as_raw_fd(), 0)
    };
    assert_ne!(address, libc::MAP_FAILED, "mmap");
    drop(mapped);
    let stream = TcpStream::connect(peer).expect("connect");
    println!("held");
    let _ = std::io::stdin().read_line(&mut String::new());
    drop((open, stream));
    ExitCode::SUCCESS
}

/// A process in a cgroup that holds things, and a store.
struct Stage {
    folder: tempfile::TempDir,
    session: Session,
    holder: Child,
    _peer: TcpStream,
    address: String,
}

impl Stage {
    fn new() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        for name in ["open", "mapped"] {
            fs::write(folder.path().join(name), synth::safetensors().metadata("name", name).build())?;
        }
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let session = Session::create("daemon")?;
        let mut holder = Command::new(env::current_exe()?)
            .arg(HOLDER)
            .arg(folder.path())
            .arg(&address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(holder.stdout.take().ok_or("its stdout")?).read_line(&mut line)?;
        assert_eq!(line, "held\n");
        let (peer, _) = listener.accept()?;
        fs::write(session.path().join("cgroup.procs"), holder.id().to_string())?;
        Ok(Self { folder, session, holder, _peer: peer, address })
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    /// The daemon; returns at once.
    fn agent(&self) -> Result<Agent, Failed> {
        let ready = self.folder.path().join("ready");
        let _ = fs::remove_file(&ready);
        let child = Command::new(AGENT)
            .arg("--cgroup")
            .arg(self.session.path())
            .arg("--store")
            .arg(self.store())
            .args(["--every", "1s", "--sweep", "1s", "--ready-file"])
            .arg(&ready)
            .stderr(File::create(self.folder.path().join("errors"))?)
            .spawn()?;
        Ok(Agent { child, ready })
    }

    /// The documents in the store, the oldest first: all are whole.
    fn documents(&self) -> Result<Vec<(PathBuf, Bom)>, Failed> {
        let mut paths = Vec::new();
        for node in fs::read_dir(self.store())? {
            for epoch in fs::read_dir(node?.path())? {
                let path = epoch?.path().join("bom.cdx.json");
                if path.is_file() {
                    paths.push(path);
                }
            }
        }
        // All are of one boot: their names end with the start of the epoch.
        paths.sort();
        let mut documents = Vec::new();
        for path in paths {
            let read = from_json(&fs::read(&path)?)?;
            assert_eq!(check(&read.bom), [], "{}", path.display());
            documents.push((path, read.bom));
        }
        Ok(documents)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

struct Agent {
    child: Child,
    ready: PathBuf,
}

impl Agent {
    fn wait_ready(&mut self) {
        let Self { child, ready } = self;
        until("the first document", || {
            assert!(child.try_wait().expect("wait").is_none(), "the daemon ended");
            ready.exists()
        });
    }

    fn signal(&mut self, number: i32) -> Result<std::process::ExitStatus, Failed> {
        let pid = i32::try_from(self.child.id())?;
        // SAFETY: a plain system call on a child of ours that nobody waited for.
        unsafe { libc::kill(pid, number) };
        let mut status = None;
        until("the daemon ends", || {
            status = self.child.try_wait().expect("wait");
            status.is_some()
        });
        Ok(status.ok_or("a status")?)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn survives_being_killed() -> Result<(), Failed> {
    let kills: u32 = env::var(KILLS).ok().and_then(|value| value.parse().ok()).unwrap_or(3);
    let stage = Stage::new()?;
    let mut seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.subsec_nanos() | 1;
    println!("kills={kills} seed={seed}");
    let mut agent = stage.agent()?;
    agent.wait_ready();
    expect_held(&stage, &stage.documents()?.pop().ok_or("a document")?.1)?;
    let mut gaps_from = 0;
    for round in 0..kills {
        let alive_ns = host::boot_ns();
        // At any moment of its life: in its set-up, its first sweep, between documents, in the middle of one.
        let wait = Duration::from_millis(u64::from(next(&mut seed) % 2500));
        let since = Instant::now();
        while since.elapsed() < wait {
            std::thread::park_timeout(wait);
        }
        agent.signal(libc::SIGKILL)?;
        let before = stage.documents()?.pop().map(|(path, _)| path);
        agent = stage.agent()?;
        agent.wait_ready();
        let documents = stage.documents()?;
        let (path, newest) = documents.last().ok_or("a document")?;
        // Of old ones only some are kept.
        assert!(before.is_none_or(|before| *path > before), "round {round}: an epoch of its own");
        expect_held(&stage, newest)?;
        let subject = subject(newest)?;
        let (from, to) = (number(subject, "from_ns")?, number(subject, "to_ns")?);
        assert!(
            from >= gaps_from && from < to && to > alive_ns,
            "round {round}: {from} {to} {}",
            path.display()
        );
        gaps_from = from;
        for class in ["models", "libraries", "packages", "endpoints", "programs"] {
            let gaps = values(subject, &format!("aibom:coverage:{class}:gap"));
            assert!(gaps.contains("lost:agent-restart"), "round {round}: {class} {gaps:?}");
        }
        let unfinished: Vec<_> = walk(&stage.store())
            .into_iter()
            .filter(|path| {
                path.parent()
                    != stage
                        .documents()
                        .ok()
                        .and_then(|all| all.last().map(|(path, _)| path.clone()))
                        .as_deref()
                        .and_then(Path::parent)
            })
            .filter(|path| {
                path.file_name().is_some_and(|name| {
                    let name = name.to_string_lossy();
                    name.starts_with(".unfinished-") && !name.contains("state")
                })
            })
            .collect();
        assert_eq!(unfinished, Vec::<PathBuf>::new(), "round {round}");
    }
    assert!(agent.signal(libc::SIGTERM)?.success());
    let (_, last) = stage.documents()?.pop().ok_or("a document")?;
    expect_held(&stage, &last)?;
    Ok(())
}

fn writes_nothing_if_nothing_is_new() -> Result<(), Failed> {
    let stage = Stage::new()?;
    let mut agent = stage.agent()?;
    agent.wait_ready();
    let document = stage.documents()?.pop().ok_or("a document")?.0;
    // The answers that were still out at the first document can make a second one.
    let mut known = fs::metadata(&document)?.modified()?;
    let mut rounds = 0;
    let heartbeat = || {
        let state = walk(&stage.store()).into_iter().find(|path| path.ends_with("state.json"));
        fs::read_to_string(state.expect("a state")).unwrap_or_default()
    };
    let mut beats = BTreeSet::new();
    until("some quiet intervals", || {
        if beats.insert(heartbeat()) {
            let now = fs::metadata(&document).and_then(|about| about.modified()).expect("a time");
            rounds = if now == known { rounds + 1 } else { 0 };
            known = now;
        }
        rounds >= 4
    });
    assert!(agent.signal(libc::SIGTERM)?.success());
    Ok(())
}

fn two_do_not_share_a_store() -> Result<(), Failed> {
    let stage = Stage::new()?;
    let mut first = stage.agent()?;
    first.wait_ready();
    let mut second = stage.agent()?;
    let mut status = None;
    until("the second ends", || {
        status = second.child.try_wait().expect("wait");
        status.is_some()
    });
    assert_eq!(status.and_then(|status| status.code()), Some(2));
    let errors = fs::read_to_string(stage.folder.path().join("errors"))?;
    assert!(errors.starts_with("aibom-agent: another daemon writes to "), "{errors}");
    assert!(first.signal(libc::SIGTERM)?.success());
    Ok(())
}

/// Both models with their strengths, and the connection.
fn expect_held(stage: &Stage, bom: &Bom) -> Result<(), Failed> {
    let mut models = BTreeSet::new();
    for model in bom.components.iter().filter(|one| one.kind == ComponentKind::MachineLearningModel) {
        for occurrence in &model.evidence.occurrences {
            let context = occurrence.additional_context.as_deref().unwrap_or_default();
            let strength = context.split(' ').find_map(|word| word.strip_prefix("strength="));
            let name = occurrence.location.rsplit('/').next().unwrap_or_default();
            models.insert(format!("{name} {}", strength.unwrap_or_default()));
        }
    }
    let expected = ["mapped read-or-mapped", "open opened"].map(str::to_owned);
    assert_eq!(models, expected.into());
    let services: BTreeSet<_> =
        bom.services.iter().flat_map(|service| &service.endpoints).map(ToString::to_string).collect();
    assert!(services.iter().any(|endpoint| endpoint.ends_with(&stage.address)), "{services:?}");
    Ok(())
}

fn subject(bom: &Bom) -> Result<&Component, Failed> {
    let mut all = bom.metadata.component.iter().chain(&bom.components);
    let found =
        all.find(|one| one.bom_ref.as_ref().is_some_and(|name| name.as_str().starts_with("subject:")));
    Ok(found.ok_or("a subject")?)
}

fn values<'a>(component: &'a Component, name: &str) -> BTreeSet<&'a str> {
    let properties = component.properties.iter().filter(|property| property.name == name);
    properties.map(|property| property.value.as_str()).collect()
}

fn number(subject: &Component, end: &str) -> Result<u64, Failed> {
    let values = values(subject, &format!("aibom:loss:agent-restart:{end}"));
    Ok(values.first().ok_or("the gap is not stated")?.parse()?)
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        all.push(entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.extend(walk(&entry.path()));
        }
    }
    all
}

/// xorshift32.
fn next(seed: &mut u32) -> u32 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    *seed
}

/// Waits for a condition; fails after the deadline.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let since = Instant::now();
    while !condition() {
        assert!(since.elapsed() < DEADLINE, "{what}: not after {DEADLINE:?}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}
