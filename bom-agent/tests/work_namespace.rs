//! Files that only another mount namespace has, and a file system that never replies. Needs root: the program runs
//! itself as the observed process, which makes the namespace.

mod work_tree;

use std::env;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::ptr;
use std::time::Duration;

use bom_agent::work::{Pool, PoolSettings};
use bom_core::{
    event::OpenedFile,
    input::{Answer, Reason, Request, Work},
    key::{FileKey, ProcessKey},
    metadata::FileKind,
    path::SeenPath,
};
use bom_testkit::{
    synth,
    trial::{self, Failed, Need, trial},
};
use work_tree::{Folder, ask, namespace, work};

/// Set for the copy of this program that is observed: the folder to cover.
const INSIDE: &str = "AIBOM_WORK_TEST_INSIDE";
const NANOSECONDS_PER_TICK: u64 = 10_000_000;

fn main() -> ExitCode {
    if let Some(folder) = env::var_os(INSIDE) {
        inside(&PathBuf::from(folder)).expect("a private mount");
        return ExitCode::SUCCESS;
    }
    trial::run(vec![
        trial(
            "work::reads_through_a_held_namespace_after_exit",
            &[Need::Root],
            reads_through_a_held_namespace_after_exit,
        ),
        trial(
            "work::finds_the_namespace_of_a_live_process",
            &[Need::Root],
            finds_the_namespace_of_a_live_process,
        ),
        trial(
            "work::holds_no_more_namespaces_than_allowed",
            &[Need::Root],
            holds_no_more_namespaces_than_allowed,
        ),
        trial(
            "work::gives_up_a_file_system_that_never_replies",
            &[Need::Root, Need::Fuse],
            gives_up_a_file_system_that_never_replies,
        ),
    ])
}

fn reads_through_a_held_namespace_after_exit() -> Result<(), Failed> {
    let folder = Folder::new("held");
    let pool = Pool::start(PoolSettings::default())?;
    let observed = Observed::start(&folder.0)?;
    let seen = observed.work(Request::Inspect);
    // The name is taken in our own namespace as well, by something else.
    folder.put("model.gguf", b"decoy");
    expect(pool.hold_namespace(seen.mount_namespace, observed.child.id()), "the namespace is not held")?;
    expect(!pool.hold_namespace(seen.mount_namespace ^ 1, observed.child.id()), "another namespace is held")?;
    observed.end()?;
    kind(&ask(&pool, seen.clone()))?;
    let digest = ask(&pool, Work { request: Request::Digest, ..seen.clone() });
    expect(matches!(digest, Answer::Digest(_)), &format!("{digest:?}"))?;
    // The package database is looked for in the same namespace.
    let owner = ask(&pool, Work { request: Request::Owner, ..seen.clone() });
    expect(matches!(&owner, Answer::Owner(owner) if owner.python.is_none()), &format!("{owner:?}"))?;
    // Our own root has not moved: the decoy is not the file that was seen.
    let own = Work { mount_namespace: namespace("self"), ..seen.clone() };
    unknown(&ask(&pool, own), Reason::ChangedSinceOpen)?;
    pool.release_namespace(seen.mount_namespace);
    unknown(&ask(&pool, seen), Reason::NamespaceGone)
}

fn finds_the_namespace_of_a_live_process() -> Result<(), Failed> {
    let folder = Folder::new("live");
    let observed = Observed::start(&folder.0)?;
    let seen = observed.work(Request::Inspect);
    let stranger = ProcessKey { start_ns: seen.process.start_ns + NANOSECONDS_PER_TICK, ..seen.process };
    let pool = Pool::start(PoolSettings::default())?;
    unknown(&ask(&pool, Work { process: stranger, ..seen.clone() }), Reason::NamespaceGone)?;
    kind(&ask(&pool, seen.clone()))?;
    // From here on it is held.
    observed.end()?;
    kind(&ask(&pool, seen.clone()))?;
    unknown(&ask(&Pool::start(PoolSettings::default())?, seen), Reason::NamespaceGone)
}

fn holds_no_more_namespaces_than_allowed() -> Result<(), Failed> {
    let folders = ["one", "two"].map(Folder::new);
    let pool = Pool::start(PoolSettings { namespaces: 1, ..PoolSettings::default() })?;
    let mut seen = Vec::new();
    for folder in &folders {
        let observed = Observed::start(&folder.0)?;
        let work = observed.work(Request::Inspect);
        expect(pool.hold_namespace(work.mount_namespace, observed.child.id()), "not held")?;
        // The first stays alive until the second is held, so that they differ in number.
        seen.push((work, observed));
    }
    let mut works = Vec::new();
    for (work, observed) in seen {
        observed.end()?;
        works.push(work);
    }
    let [first, second] = &works[..] else { return Err("two namespaces".into()) };
    unknown(&ask(&pool, first.clone()), Reason::NamespaceGone)?;
    kind(&ask(&pool, second.clone()))
}

/// A FUSE mount whose server is this test, and never reads a request.
fn gives_up_a_file_system_that_never_replies() -> Result<(), Failed> {
    let folder = Folder::new("silent");
    let model = folder.put("fine.gguf", synth::gguf().build());
    let at = folder.0.join("mount");
    fs::create_dir(&at)?;
    // The pool's threads inherit the namespace in which the mount is, and nobody else sees it.
    own_mounts()?;
    let server = File::options().read(true).write(true).open("/dev/fuse")?;
    let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", server.as_raw_fd());
    mount("aibom-test", &at, "fuse", &options)?;
    let pool = Pool::start(PoolSettings { patience: Duration::from_millis(200), ..PoolSettings::default() })?;
    let own = |request, id| Work { id, ..work(request, &model) };
    for (id, request) in
        [(1, Request::Inspect), (2, Request::Owner), (3, Request::Digest), (4, Request::Inspect)]
    {
        let mut silent = own(request, id);
        silent.file.path = SeenPath::new(at.join("d/model.gguf").as_os_str().as_bytes());
        unknown(&ask(&pool, silent), Reason::Deadline)?;
        // Others are answered by the thread in its place.
        kind(&ask(&pool, own(Request::Inspect, id + 10)))?;
    }
    // Ends what still hangs.
    drop(server);
    drop(pool);
    Ok(())
}

/// A copy of this program in a mount namespace of its own, with a file on a tmpfs there.
struct Observed {
    child: Child,
    work: Work,
}

impl Observed {
    fn start(folder: &Path) -> Result<Self, Failed> {
        let mut child = Command::new(env::current_exe()?)
            .env(INSIDE, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let numbers: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let &[device, inode, size, ctime_s, ctime_ns] = &numbers[..] else {
            return Err(format!("inside said {line:?}").into());
        };
        let like = work(Request::Inspect, Path::new("/proc/self/exe"));
        let work = Work {
            file: OpenedFile {
                key: FileKey {
                    device: u32::try_from(device)?,
                    inode,
                    generation: 0,
                    size,
                    ctime_s: i64::try_from(ctime_s)?,
                    ctime_ns: u32::try_from(ctime_ns)?,
                },
                path: SeenPath::new(folder.join("model.gguf").as_os_str().as_bytes()),
                mode: 0o100_644,
                ..like.file
            },
            process: ProcessKey {
                tgid: child.id(),
                start_ns: start_ticks(child.id())? * NANOSECONDS_PER_TICK + 17,
            },
            mount_namespace: namespace(&child.id().to_string()),
            ..like
        };
        Ok(Self { child, work })
    }

    fn work(&self, request: Request) -> Work {
        Work { request, ..self.work.clone() }
    }

    fn end(mut self) -> Result<(), Failed> {
        drop(self.child.stdin.take());
        expect(self.child.wait()?.success(), "the observed process failed")
    }
}

/// The observed process: says what it sees, and lives until its input ends.
fn inside(folder: &Path) -> io::Result<()> {
    own_mounts()?;
    mount("tmpfs", folder, "tmpfs", "size=1m")?;
    let path = folder.join("model.gguf");
    fs::write(&path, synth::gguf().build())?;
    let key = work(Request::Inspect, &path).file.key;
    let mut output = io::stdout();
    writeln!(output, "{} {} {} {} {}", key.device, key.inode, key.size, key.ctime_s, key.ctime_ns)?;
    output.flush()?;
    io::stdin().read_line(&mut String::new()).map(|_| ())
}

fn start_ticks(pid: u32) -> Result<u64, Failed> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit_once(") ").ok_or("no name in stat")?.1;
    Ok(fields.split(' ').nth(19).ok_or("stat is short")?.parse()?)
}

/// Moves the calling thread into a mount namespace whose mounts nobody else sees.
fn own_mounts() -> io::Result<()> {
    // SAFETY: unshare takes flags only.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS) })?;
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: the path is NUL-terminated; the other pointers are not read with these flags.
    check(unsafe { libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), flags, ptr::null()) })
}

fn mount(source: &str, target: &Path, kind: &str, options: &str) -> io::Result<()> {
    let [source, kind, options] = [source, kind, options].map(|text| CString::new(text).expect("no NUL"));
    let target = CString::new(target.as_os_str().as_bytes())?;
    // SAFETY: all strings are NUL-terminated and outlive the call.
    check(unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), 0, options.as_ptr().cast()) })
}

fn check(outcome: libc::c_int) -> io::Result<()> {
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn expect(holds: bool, otherwise: &str) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

fn kind(answer: &Answer) -> Result<(), Failed> {
    let gguf = matches!(answer, Answer::Inspected(Some(extracted)) if extracted.kind == FileKind::Gguf);
    expect(gguf, &format!("{answer:?} instead of a GGUF file"))
}

fn unknown(answer: &Answer, reason: Reason) -> Result<(), Failed> {
    expect(*answer == Answer::Unknown(reason), &format!("{answer:?} instead of {reason:?}"))
}
