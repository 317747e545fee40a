//! Whom the probes track, and the iterators that show what those hold.

use std::{collections::BTreeMap, fs::File, io};

use aya::{
    maps::HashMap,
    programs::{Iter, ProgramError, links::LinkError},
};
use bom_common::config::{Process, Target};
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::load::{LoadError, Probes, in_map};

/// Why an iterator cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum IteratorError {
    #[error("attach the iterator: {0}")]
    Program(#[from] ProgramError),
    #[error("open the iterator: {0}")]
    Link(#[from] LinkError),
    #[error("read the iterator: {0}")]
    Read(#[from] io::Error),
}

impl Probes {
    /// Processes in this cgroup, and in those made in it from now on, belong to the subject.
    pub fn track_cgroup(&mut self, cgroup: u64, subject: u64) -> Result<(), LoadError> {
        // Whoever looks for subjects finds the canary's cgroup as well.
        if self.canary == Some(cgroup) {
            return Ok(());
        }
        self.share(subject)?;
        self.insert("CGROUPS", cgroup, subject)
    }

    /// Each cgroup made in this one from now on is a subject of its own.
    pub fn part_cgroup(&mut self, cgroup: u64) -> Result<(), LoadError> {
        self.insert("PARTED", cgroup, 1)
    }

    /// The process with this number, if it started then, becomes a subject with its descendants as soon as a sweep
    /// meets it.
    pub fn target(&mut self, tgid: u32, target: &Target) -> Result<(), LoadError> {
        self.share(target.subject)?;
        let map = self.ebpf.map_mut("TARGETS").ok_or(LoadError::NoMap("TARGETS"))?;
        let mut map: HashMap<_, u32, [u8; size_of::<Target>()]> =
            map.try_into().map_err(in_map("TARGETS"))?;
        let mut bytes = [0; size_of::<Target>()];
        bytes.copy_from_slice(target.as_bytes());
        map.insert(tgid, bytes, 0).map_err(in_map("TARGETS"))
    }

    /// Every process that belongs to a subject now.
    pub fn processes(&self) -> Result<BTreeMap<u32, Process>, LoadError> {
        let map = self.ebpf.map("PROCESSES").ok_or(LoadError::NoMap("PROCESSES"))?;
        let map: HashMap<_, u32, [u8; size_of::<Process>()]> = map.try_into().map_err(in_map("PROCESSES"))?;
        let mut processes = BTreeMap::new();
        for entry in map.iter() {
            let (tgid, bytes) = entry.map_err(in_map("PROCESSES"))?;
            if let Ok(process) = Process::read_from_bytes(&bytes) {
                processes.insert(tgid, process);
            }
        }
        Ok(processes)
    }

    /// A new pass over the objects of an iterator; reading it to its end is one sweep.
    pub fn open_iterator(&mut self, program: &str) -> Result<File, IteratorError> {
        let program = self.ebpf.program_mut(program).ok_or(ProgramError::NotLoaded)?;
        let program: &mut Iter = program.try_into()?;
        let link = program.attach()?;
        Ok(program.take_link(link)?.into_file()?)
    }

    fn insert(&mut self, name: &'static str, key: u64, value: u64) -> Result<(), LoadError> {
        let map = self.ebpf.map_mut(name).ok_or(LoadError::NoMap(name))?;
        let mut map: HashMap<_, u64, u64> = map.try_into().map_err(in_map(name))?;
        map.insert(key, value, 0).map_err(in_map(name))
    }
}
