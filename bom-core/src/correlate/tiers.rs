//! Two witnesses of one act: the base tier's system call exits and tracepoints, and the upper tier's security checks.
//!
//! What both saw is one fact, with the base tier's evidence. What only the upper tier saw becomes a fact by its probe,
//! after the base tier had time to say the same; and where either lacks what the other has, the count of it is a loss.
//! Which is no disagreement:
//!
//! - `O_PATH` opens: nothing is checked, so the upper tier is not asked.
//! - Files that an exec opens (the program, a script, the loader): the base tier tells of the exec.
//! - Made-up and special files: their open is often refused behind the check (`/proc/1/maps`, `/dev/tty`), and nothing
//!   is stored in them. Regular files whose open fails behind the check are counted: rare, and not to be told apart.
//! - A connection that the base tier never saw start: many are refused behind the check (no route), and it is the first
//!   packet that counts.
//!
//! Without loss on both sides nothing is missing by accident; else the loss is stated, and the tiers are not compared.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
};

use super::{
    At, Correlator,
    limits::{COMPARED, CONNECTS_COMPARED},
    opens::Times,
    subjects::Watched,
};
use crate::{
    event::{Connect, OpenedFile, Task, Tcp, TcpState},
    fact::Action,
    input::Work,
    inventory::Epoch,
    key::FileKey,
    strength,
};

/// The upper tier's probes, as coverage names them.
const OPENS: &str = "security_file_open";
const MAPPINGS: &str = "security_mmap_file";
/// The base tier's probe of the same. Where it is missing, only the upper tier tells of mappings, and that is no
/// disagreement but a probe that is missing.
const BASE_MAPPINGS: &str = "sys_exit_mmap";
const CONNECTS: &str = "security_socket_connect";

/// Causes of loss.
pub(super) const ONLY_UPPER: &str = "tier-disagreement-only-upper";
pub(super) const ONLY_BASE: &str = "tier-disagreement-only-base";
pub(super) const MAP_ONLY_UPPER: &str = "tier-disagreement-map-only-upper";
pub(super) const MAP_ONLY_BASE: &str = "tier-disagreement-map-only-base";
pub(super) const CONNECT_ONLY_BASE: &str = "tier-disagreement-connect-only-base";

/// How long the base tier may take to tell of the same open, nanoseconds. Its record is written at the end of the system
/// call that the check is a part of.
const RIPE: u64 = 1_000_000_000;

const O_PATH: u32 = 0o10_000_000;
const SOCK_STREAM: u16 = 1;

/// The inode, whatever its size and times were at which moment: a truncating open changes them behind the check.
type Inode = (u32, u64, u32);

fn inode(key: &FileKey) -> Inode {
    (key.device, key.inode, key.generation)
}

/// Who told of a file.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    base: bool,
    upper: bool,
    /// The base tier told of an exec.
    executed: bool,
    /// It is one whose open the tiers can be compared in.
    compared: bool,
    /// As above, of mappings.
    base_maps: bool,
    upper_maps: bool,
    compared_maps: bool,
}

/// What only the upper tier told of yet.
#[derive(Debug)]
struct Waiting {
    at: At,
    task: Task,
    file: OpenedFile,
    /// Of a mapping.
    vm_flags: Option<u64>,
}

/// What the two tiers said so far.
#[derive(Debug, Default)]
pub(super) struct Tiers {
    /// By subject (its id) and file.
    files: BTreeMap<(u64, Inode), Told>,
    /// In the order of time.
    waiting: VecDeque<Waiting>,
    /// Streams whose start was checked, and those that started.
    checked: BTreeSet<(u64, SocketAddr)>,
    started: BTreeSet<(u64, SocketAddr)>,
}

impl Correlator {
    /// The upper tier saw a file opened.
    pub(super) fn checked(&mut self, at: &At, task: &Task, file: OpenedFile) -> Vec<Work> {
        self.process(at, task);
        let executes = file.is_opened_by_exec();
        if !self.may_compare(at, &file) {
            self.tiers.waiting.push_back(Waiting { at: at.clone(), task: *task, file, vm_flags: None });
            return Vec::new();
        }
        let told = self.tiers.files.entry((at.id, inode(&file.key))).or_default();
        if !executes {
            told.upper = true;
            told.compared |= file.is_regular() && !file.is_pseudo();
        }
        if !(told.base || executes && told.executed) {
            self.tiers.waiting.push_back(Waiting { at: at.clone(), task: *task, file, vm_flags: None });
        }
        Vec::new()
    }

    /// The upper tier saw a file mapped. What an exec maps is compared with nothing: the base tier tells of the exec.
    pub(super) fn map_checked(&mut self, at: &At, task: &Task, file: OpenedFile, vm_flags: u64) -> Vec<Work> {
        if !self.may_compare(at, &file) {
            self.tiers.waiting.push_back(Waiting {
                at: at.clone(),
                task: *task,
                file,
                vm_flags: Some(vm_flags),
            });
            return Vec::new();
        }
        let told = self.tiers.files.entry((at.id, inode(&file.key))).or_default();
        if !file.is_opened_by_exec() {
            told.upper_maps = true;
            told.compared_maps |= has_content(&file);
        }
        if !told.base_maps {
            let vm_flags = Some(vm_flags);
            self.tiers.waiting.push_back(Waiting { at: at.clone(), task: *task, file, vm_flags });
        }
        Vec::new()
    }

    /// The base tier saw a file mapped.
    pub(super) fn map_told(&mut self, at: &At, file: &OpenedFile) {
        if self.alive.contains(MAPPINGS) && self.may_compare(at, file) {
            let told = self.tiers.files.entry((at.id, inode(&file.key))).or_default();
            told.base_maps = true;
            told.compared_maps |= has_content(file) && !file.is_opened_by_exec();
        }
    }

    /// Whether there is room to remember of this file which tier told of it. What finds none is not compared, which is
    /// declared.
    fn may_compare(&mut self, at: &At, file: &OpenedFile) -> bool {
        if self.tiers.files.contains_key(&(at.id, inode(&file.key))) {
            return true;
        }
        let Some(held) = self.held(at.id) else { return false };
        if held.compared < COMPARED {
            held.compared += 1;
            return true;
        }
        self.lose(at.id, "upper-opens-over-limit", 1, at.time_ns);
        false
    }

    /// The base tier saw a file opened, or executed.
    pub(super) fn told(&mut self, at: &At, file: &OpenedFile, executed: bool) {
        if !self.alive.contains(OPENS) || !self.may_compare(at, file) {
            return;
        }
        let told = self.tiers.files.entry((at.id, inode(&file.key))).or_default();
        if executed {
            told.executed = true;
            return;
        }
        told.base = true;
        told.compared |= file.is_regular() && !file.is_pseudo() && file.flags & O_PATH == 0;
    }

    /// What the base tier has not told of by now becomes a fact.
    pub(super) fn ripen(&mut self, now_ns: u64) -> Vec<Work> {
        let mut asked = Vec::new();
        while let Some(first) = self.tiers.waiting.front()
            && first.at.time_ns <= now_ns
        {
            let Some(Waiting { at, task, file, vm_flags }) = self.tiers.waiting.pop_front() else { break };
            let told = self.tiers.files.get(&(at.id, inode(&file.key))).copied().unwrap_or_default();
            if told.executed && file.is_opened_by_exec() {
                continue;
            }
            match vm_flags {
                None if told.base => continue,
                Some(_) if told.base_maps => continue,
                Some(vm_flags) => {
                    asked.extend(self.mapped(&at, &task, file, vm_flags));
                    continue;
                }
                None => {}
            }
            let strength = strength::opened(file.can_read());
            asked.extend(self.uses(&at, &task, (Action::Opened, strength), file, Times::EACH));
        }
        asked
    }

    /// As [`Self::ripen`], with the time that the base tier is given.
    pub(super) fn ripen_before(&mut self, time_ns: u64) -> Vec<Work> {
        if self.tiers.waiting.is_empty() { Vec::new() } else { self.ripen(time_ns.saturating_sub(RIPE)) }
    }

    /// The upper tier saw a process ask for a connection.
    pub(super) fn asked_to_connect(&mut self, at: &At, task: &Task, connect: &Connect) {
        self.process(at, task);
        if connect.socket_type == SOCK_STREAM && self.tiers.checked.len() < CONNECTS_COMPARED {
            self.tiers.checked.insert((at.id, connect.remote));
        }
    }

    /// The base tier saw a connection start.
    pub(super) fn connection_told(&mut self, at: &At, tcp: &Tcp) {
        // One that found no room among those that were checked is not known to be unchecked.
        let room = self.tiers.checked.len() < CONNECTS_COMPARED;
        if tcp.state == TcpState::SynSent && self.alive.contains(CONNECTS) && room {
            self.tiers.started.insert((at.id, tcp.remote));
        }
    }

    /// Where the tiers disagree, as losses of the subject.
    pub(super) fn compare(&self, epoch: &mut Epoch, id: u64, watched: &Watched) {
        let lost = |cause: &str| {
            let of = epoch.coverage.losses.keys().filter(|(known, _)| known == cause);
            of.into_iter().any(|(_, of)| of.as_ref().is_none_or(|of| *of == watched.key))
        };
        let skipped = |probe: &str| {
            let cause = format!("recursion-miss:{probe}");
            epoch.coverage.losses.keys().any(|(known, _)| *known == cause)
        };
        let base_lost = ["opens-lost", "process-records-lost", "process-table-full"].into_iter().any(lost);
        let forgotten = lost("upper-opens-over-limit");
        let upper_lost = lost("upper-opens-lost") || forgotten || skipped(OPENS);
        let mut found: Vec<(&str, u64)> = Vec::new();
        if self.alive.contains(OPENS) && !base_lost && !upper_lost {
            let files = self.tiers.files.range((id, (0, 0, 0))..=(id, (u32::MAX, u64::MAX, u32::MAX)));
            let compared = files.map(|(_, told)| told).filter(|told| told.compared);
            let (mut upper, mut base) = (0, 0);
            for told in compared {
                upper += u64::from(told.upper && !told.base);
                base += u64::from(told.base && !told.upper);
            }
            found.extend([(ONLY_UPPER, upper), (ONLY_BASE, base)]);
        }
        let both = self.alive.contains(MAPPINGS) && self.alive.contains(BASE_MAPPINGS);
        let maps_lost =
            lost("content-records-lost") || lost("upper-mappings-lost") || forgotten || skipped(MAPPINGS);
        if both && !base_lost && !maps_lost {
            let files = self.tiers.files.range((id, (0, 0, 0))..=(id, (u32::MAX, u64::MAX, u32::MAX)));
            let (mut upper, mut base) = (0, 0);
            for told in files.map(|(_, told)| told).filter(|told| told.compared_maps) {
                upper += u64::from(told.upper_maps && !told.base_maps);
                base += u64::from(told.base_maps && !told.upper_maps);
            }
            found.extend([(MAP_ONLY_UPPER, upper), (MAP_ONLY_BASE, base)]);
        }
        if self.alive.contains(CONNECTS) && !lost("upper-connects-lost") && !skipped(CONNECTS) {
            let alone = self.tiers.started.difference(&self.tiers.checked).filter(|(of, _)| *of == id);
            found.push((CONNECT_ONLY_BASE, u64::try_from(alone.count()).unwrap_or(u64::MAX)));
        }
        let until = watched.ended.as_ref().map_or(self.latest_ns, |ended| ended.at_ns);
        for (cause, count) in found.into_iter().filter(|(_, count)| *count > 0) {
            epoch.coverage.lose(cause, Some(watched.key.clone()), count, watched.from_ns, until);
        }
    }
}

/// Whether something can be stored there that a model or a library is made of.
fn has_content(file: &OpenedFile) -> bool {
    file.is_regular() && !file.is_pseudo() && !file.is_shared_memory() && !file.is_detached()
}
