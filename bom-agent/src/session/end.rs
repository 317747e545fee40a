//! The last records, and everything that was only counted.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bom_common::{counter::Counter, record::probe};
use bom_core::{
    input::{Input, Repeat},
    key::{FileKey, ImageId, ProcessKey},
};

use super::{Engine, SessionError};
use crate::{feed::Feed, host, launch::Signals};

/// How long the rings are emptied for at the end, if somebody keeps filling them.
const LAST_RECORDS: Duration = Duration::from_secs(20);

/// Empties the rings, closes what is half said, and counts.
pub(super) fn last_records(engine: &mut Engine) -> Result<(), SessionError> {
    // What survivors go on to do must not keep us here.
    let deadline = Instant::now() + LAST_RECORDS;
    while engine.rings.drain(&mut engine.feed)? {
        if Instant::now() >= deadline {
            engine.lost("undrained-records", 1)?;
            break;
        }
    }
    engine.feed.finish_streams(host::boot_ns(), probe::CGROUP_SKB_EGRESS)?;
    engine.read_flows()?;
    let repeats = repeats(engine)?;
    engine.feed.input(Input::Repeats(repeats))?;
    count(engine)
}

/// Gives the counters as they stand to the core.
pub(super) fn count(engine: &mut Engine) -> Result<(), SessionError> {
    let at_ns = host::boot_ns();
    let undecodable = engine.feed.take_undecodable();
    if undecodable > 0 {
        engine.lost("undecodable-records", undecodable)?;
    }
    let counters = named(engine.probes.counters()?);
    let subjects = engine.probes.subject_counters()?;
    let subjects = subjects.into_iter().map(|(id, counts)| (id, named(counts))).collect();
    let misses = engine.probes.recursion_misses();
    let recursion_misses = misses.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    engine.feed.input(Input::Counters { at_ns, counters, subjects, recursion_misses })?;
    Ok(())
}

/// Waits for the answers that are still out: until all are there, the time is over, or a signal
/// says that it takes too long. What is open then counts as unknown.
pub(super) async fn settle(
    feed: &mut Feed,
    signals: &mut Signals,
    patience: Duration,
) -> Result<(), SessionError> {
    let deadline = Instant::now() + patience;
    feed.answers()?;
    while feed.pending() > 0 && Instant::now() < deadline {
        tokio::select! {
            _ = signals.next() => break,
            () = tokio::time::sleep(Duration::from_millis(5)) => feed.answers()?,
        }
    }
    Ok(())
}

fn repeats(engine: &Engine) -> Result<Vec<Repeat>, SessionError> {
    let mut repeats: Vec<Repeat> = engine
        .probes
        .opens()?
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
    Ok(repeats)
}

fn named(counts: BTreeMap<Counter, u64>) -> BTreeMap<String, u64> {
    counts.into_iter().map(|(counter, value)| (counter.name().to_owned(), value)).collect()
}
