//! Sweeps: what every process of a subject holds now, by the kernel's iterators. What they were asked before and
//! still say is not told again.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    hash::{BuildHasher as _, RandomState},
    io::{ErrorKind, Read as _},
    mem::offset_of,
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
    thread,
};

use bom_common::record::{Header, probe};
use bom_core::{
    coverage::{ProbeState, ProbeStatus},
    decode::{self, Record},
    input::Input,
};

use super::{SessionError, procfs};
use crate::{
    drain::Rings,
    feed::Feed,
    host,
    probes::{IteratorError, Probes},
};

/// Bytes read at a time; the kernel's own buffer has as many.
const READ: usize = 32 << 10;
/// Records decoded before they are taken in.
const PIECE: usize = 4096;
/// Records of one sweep that are remembered; those above it are told each time.
const REMEMBERED: usize = 1 << 20;
/// Network namespaces whose sockets are looked at.
const NAMESPACES: usize = 1024;
/// Passes over the processes until no descendant is new.
const PASSES: usize = 8;
/// An iterator that shows a million objects without one of ours asks to be read again.
const RETRIES: usize = 1000;

/// What to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Everything,
    /// Open descriptors alone, of a process that has not become what it is started for.
    Descriptors,
}

/// Remembers what the last sweep said.
#[derive(Debug, Default)]
pub struct Sweeper {
    /// Records by two keyed hashes: who is observed chooses what is in them, but not the keys.
    known: HashSet<(u64, u64)>,
    now: HashSet<(u64, u64)>,
    keys: (RandomState, RandomState),
    /// /proc stood in for an iterator.
    procfs: bool,
}

/// Iterators in the order in which they are read: processes first, so that the others know whose they are, and
/// sockets before the descriptors that lead to them, so that each has its cookie.
const ORDER: &[&str] = &["iter_task", "iter_tcp", "iter_udp", "iter_task_file", "iter_task_vma"];

impl Sweeper {
    /// What became of the probes, and of what stands in for those that are missing.
    pub(super) fn states(&mut self, probes: &Probes) -> Vec<ProbeState> {
        self.procfs = ["iter_task_file", "iter_task_vma"]
            .iter()
            .any(|name| matches!(probes.status(name), Some(ProbeStatus::Refused(_))));
        let mut states = probes.states().to_vec();
        if self.procfs {
            let status = ProbeStatus::Attached;
            states.push(ProbeState { number: probe::PROCFS, name: "procfs".to_owned(), status });
        }
        states
    }

    pub(super) fn sweep(
        &mut self,
        probes: &mut Probes,
        rings: &mut Rings,
        feed: &mut Feed,
        look: Look,
    ) -> Result<(), SessionError> {
        if !host::in_initial_pid_namespace() {
            // The iterators show the reader's pid namespace and what is nested in it.
            partial(feed)?;
        }
        for name in ORDER {
            if look == Look::Descriptors && *name != "iter_task_file" {
                continue;
            }
            if probes.status(name) != Some(&ProbeStatus::Attached) {
                continue;
            }
            if matches!(*name, "iter_tcp" | "iter_udp") {
                if !prime_sockets(probes, name)? {
                    partial(feed)?;
                }
                continue;
            }
            let passes = if *name == "iter_task" { PASSES } else { 1 };
            let mut before = None;
            for _ in 0..passes {
                let Some(count) = self.read(name, probes, rings, feed)? else {
                    partial(feed)?;
                    break;
                };
                // Descendants of a process are found by their parents, who can have a higher number.
                if before == Some(count) {
                    break;
                }
                before = Some(count);
            }
        }
        if self.procfs {
            procfs::sweep(probes, rings, feed)?;
        }
        if look == Look::Everything {
            self.known = std::mem::take(&mut self.now);
        }
        Ok(())
    }

    /// One pass over one iterator. Gives how many records it had; `None` if it ended early.
    fn read(
        &mut self,
        name: &str,
        probes: &mut Probes,
        rings: &mut Rings,
        feed: &mut Feed,
    ) -> Result<Option<usize>, SessionError> {
        let Ok(mut file) = probes.open_iterator(name) else { return Ok(None) };
        let mut waiting = Vec::new();
        let mut bytes = Vec::new();
        let mut count = 0;
        let whole = loop {
            match more(&mut file, &mut bytes) {
                Some(0) => break bytes.is_empty(),
                Some(_) => {}
                None => break false,
            }
            let mut taken = 0;
            while let Some(record) = first(bytes.get(taken..).unwrap_or_default()) {
                taken += record.len();
                count += 1;
                if !self.is_new(record) {
                    continue;
                }
                match decode::decode(record) {
                    Ok(record) => waiting.push(record),
                    Err(_) => feed.undecodable(0),
                }
            }
            bytes.drain(..taken);
            if waiting.len() >= PIECE {
                take_in(&mut waiting, rings, feed)?;
            }
        };
        take_in(&mut waiting, rings, feed)?;
        Ok(whole.then_some(count))
    }

    /// Whether the last sweep did not say the same.
    fn is_new(&mut self, record: &[u8]) -> bool {
        let at = offset_of!(Header, time_ns);
        let (before, rest) = record.split_at(at.min(record.len()));
        let same = (before, rest.get(size_of::<u64>()..));
        let hash = (self.keys.0.hash_one(same), self.keys.1.hash_one(same));
        let first = self.now.len() >= REMEMBERED || self.now.insert(hash);
        first && !self.known.contains(&hash)
    }
}

/// Has the kernel tell the programs of each socket, in every network namespace that a tracked process is in: an
/// iterator shows that of the thread that opened it. False if one could not be read to its end.
fn prime_sockets(probes: &mut Probes, name: &str) -> Result<bool, SessionError> {
    let mut whole = read_through(probes.open_iterator(name));
    let own = fs::metadata("/proc/self/ns/net").map(|about| about.ino()).ok();
    let mut namespaces = BTreeMap::new();
    for tgid in probes.processes()?.into_keys() {
        // Gone, or a namespace that was met already.
        let Ok(file) = File::open(format!("/proc/{tgid}/ns/net")) else { continue };
        let Ok(about) = file.metadata() else { continue };
        if Some(about.ino()) != own
            && (namespaces.len() < NAMESPACES || namespaces.contains_key(&about.ino()))
        {
            namespaces.insert(about.ino(), file);
        } else if Some(about.ino()) != own {
            whole = false;
        }
    }
    for namespace in namespaces.into_values() {
        let read = thread::scope(|scope| {
            let inside = scope.spawn(|| {
                // SAFETY: a plain system call; it concerns this thread alone, which ends with the look.
                let entered = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } == 0;
                entered && read_through(probes.open_iterator(name))
            });
            inside.join().unwrap_or(false)
        });
        whole &= read;
    }
    Ok(whole)
}

/// Reads an iterator that writes nothing.
fn read_through(file: Result<File, IteratorError>) -> bool {
    let Ok(mut file) = file else { return false };
    let mut bytes = Vec::new();
    loop {
        match more(&mut file, &mut bytes) {
            Some(0) => return true,
            Some(_) => bytes.clear(),
            None => return false,
        }
    }
}

/// The rings first: what made a process or opened a file is told before that it is there.
fn take_in(waiting: &mut Vec<Record>, rings: &mut Rings, feed: &mut Feed) -> Result<(), SessionError> {
    rings.drain(feed)?;
    for record in waiting.drain(..) {
        feed.record(record)?;
    }
    Ok(())
}

fn partial(feed: &mut Feed) -> Result<(), SessionError> {
    let cause = "iterator-partial".to_owned();
    Ok(feed.input(Input::Lost { at_ns: host::boot_ns(), cause, count: 1, subject: None, from_ns: None })?)
}

/// Reads on; `None` if it cannot be read any more.
fn more(file: &mut File, bytes: &mut Vec<u8>) -> Option<usize> {
    let mut buffer = [0; READ];
    for _ in 0..RETRIES {
        match file.read(&mut buffer) {
            Ok(length) => {
                bytes.extend_from_slice(buffer.get(..length).unwrap_or_default());
                return Some(length);
            }
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => {}
            Err(_) => return None,
        }
    }
    None
}

/// The record at the beginning, if all of it is there.
fn first(bytes: &[u8]) -> Option<&[u8]> {
    let at = offset_of!(Header, length);
    let length = bytes.get(at..at + size_of::<u32>())?;
    let length = u32::from_ne_bytes(length.try_into().ok()?);
    let length = usize::try_from(length).ok().filter(|&length| length >= size_of::<Header>())?;
    bytes.get(..length)
}
