//! What /proc shows, where the kernel has no iterator for it: `task_vma` came with 5.12.
//!
//! Weaker than a sweep in two ways, which its own probe number declares: a file is looked at by its link, so its
//! generation is not known, and a process is joined by its number and its start in clock ticks with the one that the
//! probes track.

use std::{
    fs::{self, Metadata},
    os::unix::{ffi::OsStringExt as _, fs::MetadataExt as _},
    path::Path,
};

use bom_common::{
    config::Process,
    record::{path_flag, probe},
};
use bom_core::{
    coverage::ProbeStatus,
    decode::{Decoded, Record},
    event::{Body, OpenedFile, Swept, Task},
    key::{FileKey, ImageId, ProcessKey},
    path::SeenPath,
};

use super::SessionError;
use crate::{
    drain::Rings,
    feed::Feed,
    host::{self, Host},
    probes::Probes,
};

/// Descriptors or mappings of one process that are looked at.
const ENTRIES: usize = 65_536;
/// procfs rounds the start of a process down to a tick of 10 ms.
const TICK_NS: u64 = 10_000_000;
const S_IFMT: u32 = 0o170_000;
const S_IFREG: u32 = 0o100_000;
const S_IFCHR: u32 = 0o020_000;

/// Reads what the missing iterators would have shown of every tracked process.
pub(super) fn sweep(probes: &Probes, rings: &mut Rings, feed: &mut Feed) -> Result<(), SessionError> {
    let refused = |name| matches!(probes.status(name), Some(ProbeStatus::Refused(_)));
    let (files, mappings) = (refused("iter_task_file"), refused("iter_task_vma"));
    let mut found = Vec::new();
    for (tgid, process) in probes.processes()? {
        let started = Host::this().start_time_ns(tgid);
        // Another process has the number by now, or it is gone.
        if !started.is_some_and(|at| at <= process.start_ns && process.start_ns - at < TICK_NS) {
            continue;
        }
        let task = task(tgid, &process);
        let folder = Path::new("/proc").join(tgid.to_string());
        if files {
            entries(&folder.join("fd"), |link, descriptor| {
                let descriptor = descriptor.parse().ok()?;
                let flags = descriptor_flags(&folder, descriptor).unwrap_or(0);
                let file = file(link, flags)?;
                Some(Swept::File { descriptor, close_on_exec: false, file })
            })
            .for_each(|swept| found.push((task, swept)));
        }
        if mappings {
            let executable = executable_ranges(&folder);
            entries(&folder.join("map_files"), |link, range| {
                let executable = executable.iter().any(|known| known == range);
                Some(Swept::Mapping { executable, file: Some(file(link, 0)?) })
            })
            .for_each(|swept| found.push((task, swept)));
        }
    }
    rings.drain(feed)?;
    for (task, swept) in found {
        let body = Body::Swept { task, swept: Box::new(swept) };
        feed.record(Record { probe: probe::PROCFS, time_ns: host::boot_ns(), decoded: Decoded::Body(body) })?;
    }
    Ok(())
}

fn task(tgid: u32, process: &Process) -> Task {
    Task {
        process: ProcessKey { tgid, start_ns: process.start_ns },
        tid: tgid,
        image: ImageId(process.image),
        subject: process.subject,
        cgroup: 0,
        mount_namespace: mount_namespace(tgid).unwrap_or(0),
    }
}

/// `mnt:[4026531841]`
fn mount_namespace(tgid: u32) -> Option<u32> {
    let link = fs::read_link(format!("/proc/{tgid}/ns/mnt")).ok()?;
    link.to_str()?.strip_prefix("mnt:[")?.strip_suffix(']')?.parse().ok()
}

/// What the links of a folder of /proc lead to; those that cannot be followed are left out.
fn entries<T>(folder: &Path, mut read: impl FnMut(&Path, &str) -> Option<T>) -> impl Iterator<Item = T> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().take(ENTRIES) {
        if let Some(name) = entry.file_name().to_str() {
            all.extend(read(&entry.path(), name));
        }
    }
    all.into_iter()
}

fn file(link: &Path, flags: u32) -> Option<OpenedFile> {
    // Follows the link into the open file itself, not to what has its name now.
    let about: Metadata = fs::metadata(link).ok()?;
    if !matches!(about.mode() & S_IFMT, S_IFREG | S_IFCHR) {
        return None;
    }
    let mut path = fs::read_link(link).ok()?.into_os_string().into_vec();
    let unlinked = about.nlink() == 0;
    if let Some(name) = path.strip_suffix(b" (deleted)").filter(|_| unlinked) {
        path = name.to_vec();
    }
    Some(OpenedFile {
        key: FileKey {
            device: device(about.dev())?,
            inode: about.ino(),
            generation: 0,
            size: about.size(),
            ctime_s: about.ctime(),
            ctime_ns: u32::try_from(about.ctime_nsec()).ok()?,
        },
        path: SeenPath::new(path),
        path_flags: if unlinked { path_flag::UNLINKED } else { 0 },
        parent_inode: 0,
        name_hash: 0,
        mode: about.mode(),
        flags,
        fs_magic: 0,
        rdev: if about.mode() & S_IFMT == S_IFCHR { device(about.rdev())? } else { 0 },
        mount_id: 0,
        real: None,
    })
}

/// As the kernel keeps it: major in the upper 12 bits, minor in the lower 20.
fn device(number: u64) -> Option<u32> {
    let (major, minor) = (libc::major(number), libc::minor(number));
    Some(major.checked_shl(20)? | minor)
}

/// The line `flags:` of fdinfo, octal.
fn descriptor_flags(folder: &Path, descriptor: u32) -> Option<u32> {
    let info = fs::read_to_string(folder.join("fdinfo").join(descriptor.to_string())).ok()?;
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    u32::from_str_radix(flags.trim(), 8).ok()
}

/// Ranges of `maps` that can be executed, written as the names in map_files are.
fn executable_ranges(folder: &Path) -> Vec<String> {
    let maps = fs::read(folder.join("maps")).unwrap_or_default();
    let lines = maps.split(|byte| *byte == b'\n');
    let ranges = lines.filter_map(|line| {
        let mut words = line.split(|byte| *byte == b' ');
        let (range, rights) = (words.next()?, words.next()?);
        let text = std::str::from_utf8(range).ok()?;
        rights.contains(&b'x').then(|| text.to_owned())
    });
    ranges.collect()
}
