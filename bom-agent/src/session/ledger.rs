//! The ledger of losses: what the probes counted is told to the core as soon as it grew, so that the next inventory
//! declares it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bom_common::{
    config::{OpenKey, OpenSeen},
    counter::Counter,
};
use bom_core::{
    correlate::is_loss,
    input::{Input, Repeat},
    key::{FileKey, ImageId, ProcessKey},
};

use super::SessionError;
use crate::{feed::Feed, host, probes::Probes};

/// How often the counters are looked at.
const EVERY: Duration = Duration::from_millis(250);
/// How often the runs that the kernel skipped are looked at, which costs a file for each program.
const MISSES_EVERY: u32 = 4;
/// How often entries of ended processes are looked for in a de-duplication table that fills up, at most.
const HARVEST_EVERY: Duration = Duration::from_secs(10);

/// What was told last.
#[derive(Debug, Default)]
pub struct Ledger {
    looked: Option<Instant>,
    looks: u32,
    harvested: Option<Instant>,
    counted: BTreeMap<Counter, u64>,
    misses: BTreeMap<&'static str, u64>,
    undecoded: BTreeMap<u64, u64>,
}

impl Ledger {
    /// To be called often; looks now and then, and tells what grew. Whether something was lost by which a fact may be
    /// missing.
    pub fn look(&mut self, probes: &mut Probes, feed: &mut Feed) -> Result<bool, SessionError> {
        if self.looked.is_some_and(|looked| looked.elapsed() < EVERY) {
            return Ok(false);
        }
        let mut lost = false;
        self.looked = Some(Instant::now());
        self.looks = self.looks.wrapping_add(1);
        let counted = probes.losses()?;
        let misses = match self.looks % MISSES_EVERY {
            0 => probes.recursion_misses()?,
            _ => self.misses.clone(),
        };
        if counted != self.counted || misses != self.misses {
            lost = misses != self.misses
                || counted.iter().any(|(counter, &value)| {
                    is_loss(counter.name()) && value > self.counted.get(counter).copied().unwrap_or(0)
                });
            (self.counted, self.misses) = (counted, misses);
            self.tell(probes, feed)?;
        }
        lost |= self.undecoded(feed)?;
        if self.harvested.is_none_or(|harvested| harvested.elapsed() >= HARVEST_EVERY)
            && probes.remembers_many_opens()?
        {
            self.harvested = Some(Instant::now());
            let ended = probes.forget_ended()?;
            feed.input(Input::Repeats(repeats(ended)))?;
        }
        Ok(lost)
    }

    /// Everything as it stands.
    pub fn now(&mut self, probes: &Probes, feed: &mut Feed) -> Result<(), SessionError> {
        self.undecoded(feed)?;
        self.misses = probes.recursion_misses()?;
        self.tell(probes, feed)
    }

    /// The last look: everything as it stands, and what was counted at each delivered open.
    pub fn end(&mut self, probes: &Probes, feed: &mut Feed) -> Result<(), SessionError> {
        feed.input(Input::Repeats(repeats(probes.opens()?)))?;
        self.now(probes, feed)
    }

    fn tell(&self, probes: &Probes, feed: &mut Feed) -> Result<(), SessionError> {
        let counters = named(probes.counters()?);
        let subjects = probes.subject_counters()?.into_iter();
        let subjects = subjects.map(|(id, counts)| (id, named(counts))).collect();
        let recursion_misses = self.misses.iter().map(|(&name, &value)| (name.to_owned(), value)).collect();
        feed.input(Input::Counters { at_ns: host::boot_ns(), counters, subjects, recursion_misses })?;
        Ok(())
    }

    fn undecoded(&mut self, feed: &mut Feed) -> Result<bool, SessionError> {
        if *feed.undecoded() == self.undecoded {
            return Ok(false);
        }
        self.undecoded.clone_from(feed.undecoded());
        for (&subject, &count) in &self.undecoded.clone() {
            let (at_ns, cause) = (host::boot_ns(), "undecodable-records".to_owned());
            let subject = (subject != 0).then_some(subject);
            feed.input(Input::Lost { at_ns, cause, count, subject, from_ns: None })?;
        }
        Ok(true)
    }
}

/// What the kernel counted at delivered opens, in a fixed order.
fn repeats(opens: Vec<(OpenKey, OpenSeen)>) -> Vec<Repeat> {
    let mut repeats: Vec<Repeat> = opens
        .into_iter()
        .filter(|(_, seen)| seen.count > 1)
        .map(|(key, seen)| Repeat {
            process: ProcessKey { tgid: key.tgid, start_ns: key.start_ns },
            image: ImageId(key.image),
            file: FileKey {
                device: key.device,
                inode: key.inode,
                generation: key.generation,
                size: key.size,
                ctime_s: key.ctime_s,
                ctime_ns: key.ctime_ns,
            },
            access: key.access,
            parent_inode: key.parent_inode,
            name_hash: key.name_hash,
            mount_id: key.mount_id,
            count: seen.count,
            last_ns: seen.last_ns,
        })
        .collect();
    repeats.sort_by_key(|repeat| (repeat.process, repeat.file, repeat.name_hash, repeat.access));
    repeats
}

fn named(counts: BTreeMap<Counter, u64>) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(counter, value)| (counter.name().to_owned(), value)).collect()
}
