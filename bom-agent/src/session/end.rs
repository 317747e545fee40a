//! The last records, and everything that was only counted.

use std::time::{Duration, Instant};

use bom_common::record::probe;

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
    engine.check_links()?;
    engine.feed.finish_streams(host::boot_ns(), probe::CGROUP_SKB_EGRESS)?;
    engine.read_flows()?;
    let Engine { ledger, probes, feed, .. } = engine;
    ledger.end(probes, feed)
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
