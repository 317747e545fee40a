//! Files without a path of the process's own: found by the mounts of their file system, or through who holds them.

mod work_tree;

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bom_agent::work::{Pool, PoolSettings};
use bom_common::record::path_flag;
use bom_core::{
    input::{Answer, Reason, Request, Work},
    key::ProcessKey,
    metadata::FileKind,
    path::SeenPath,
};
use bom_testkit::synth;
use work_tree::{Folder, ask, namespace, work};

/// The longest prefix of a path that is a mount point, taken away: where the file is within its file system, as long
/// as that is mounted from its root.
fn within_file_system(path: &Path) -> Vec<u8> {
    let table = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let mounts = table.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let mut whole: Vec<&str> = mounts.filter(|fields| fields[3] == "/").map(|fields| fields[4]).collect();
    whole.sort_by_key(|point| point.len());
    let point = whole.into_iter().rev().find(|point| path.starts_with(point)).expect("a mount");
    let rest = path.strip_prefix(point).expect("below it");
    [b"/", rest.as_os_str().as_bytes()].concat()
}

/// As the page cache reports it.
fn placeless(path: &Path) -> Work {
    let mut work = work(Request::Locate, path);
    let device = work.file.key.device;
    let prefix = format!("<{}:{}>", device >> 20, device & 0xf_ffff);
    work.file.path = SeenPath::new([prefix.as_bytes(), &within_file_system(path)].concat());
    work.file.path_flags = path_flag::FILESYSTEM_RELATIVE;
    work
}

fn pool() -> Pool {
    Pool::start(PoolSettings::default()).expect("a pool")
}

#[test]
fn a_mount_leads_to_the_file() {
    let folder = Folder::new("place");
    let path = folder.put("a b/model", synth::gguf().build());
    let answer = ask(&pool(), placeless(&path));
    let Answer::Located { path: found, mount_namespace } = answer else { panic!("{answer:?}") };
    // The same file system can be mounted several times: what counts is that it is the same file.
    let found = Path::new(std::ffi::OsStr::from_bytes(found.bytes())).to_owned();
    assert_eq!(fs::read(found).expect("readable"), fs::read(&path).expect("readable"));
    assert_eq!(mount_namespace, namespace("self"));
}

#[test]
fn only_the_very_file_is_found() {
    type Change = fn(&mut Work);
    let changes: [(&str, Change); 5] = [
        ("inode", |work| work.file.key.inode += 1),
        ("size", |work| work.file.key.size += 1),
        ("ctime", |work| work.file.key.ctime_s -= 1),
        ("device", |work| work.file.key.device ^= 1 << 20),
        ("no_prefix", |work| work.file.path = SeenPath::new(*b"/etc/passwd")),
    ];
    let folder = Folder::new("very");
    let path = folder.put("model", synth::gguf().build());
    for (name, change) in changes {
        let mut work = placeless(&path);
        change(&mut work);
        assert_eq!(ask(&pool(), work), Answer::Unknown(Reason::NotFound), "{name}");
    }
}

/// The start of a process in nanoseconds, as precise as /proc has it.
fn this_process() -> ProcessKey {
    let stat = fs::read_to_string("/proc/self/stat").expect("stat");
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let ticks: u64 = fields[19].parse().expect("ticks");
    ProcessKey { tgid: std::process::id(), start_ns: ticks * 10_000_000 }
}

#[test]
fn a_file_in_memory_is_read_through_who_holds_it() {
    // SAFETY: a name; the descriptor is new and nobody else has it.
    let mut file = unsafe { File::from_raw_fd(libc::memfd_create(c"weights".as_ptr(), libc::MFD_CLOEXEC)) };
    file.write_all(&synth::gguf().build()).expect("write");
    let mut work = work(Request::Inspect, Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())));
    // The link was looked at, not what is behind it.
    let metadata = file.metadata().expect("metadata");
    work.file.key = work_tree::key(&metadata);
    work.file.path = SeenPath::new(*b"memfd:weights");
    work.file.path_flags = path_flag::DETACHED;
    work.process = this_process();
    let Answer::Inspected(Some(extracted)) = ask(&pool(), work.clone()) else { panic!("not inspected") };
    assert_eq!(extracted.kind, FileKind::Gguf);
    // Another process that has the number by now is not asked.
    let mut other = work.clone();
    other.process.start_ns += 10_000_000_000;
    assert_eq!(ask(&pool(), other), Answer::Unknown(Reason::NotFound));
    drop(file);
    assert_eq!(ask(&pool(), work), Answer::Unknown(Reason::NotFound));
}

#[test]
fn a_file_that_changed_is_noticed_at_the_end() {
    let folder = Folder::new("recheck");
    let path = folder.put("model", synth::gguf().build());
    let work = work(Request::Recheck, &path);
    assert_eq!(ask(&pool(), work.clone()), Answer::Unchanged);
    let mut longer = fs::OpenOptions::new().append(true).open(&path).expect("open");
    longer.write_all(b"more").expect("write");
    assert_eq!(ask(&pool(), work.clone()), Answer::Unknown(Reason::ChangedSinceOpen));
    fs::remove_file(&path).expect("remove");
    assert_eq!(ask(&pool(), work), Answer::Unknown(Reason::NotFound));
}
