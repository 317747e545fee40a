//! Empties the rings in an order in which nothing comes before what caused it.
//!
//! The common ring is copied first, then the rare one, and the rare records are taken in first: an
//! exec or fork that led to a copied open was written before it, so it is in the second copy.

use aya::maps::{MapData, RingBuf};
use bom_common::record::Header;
use bom_core::decode::{self, Decoded, Record};
use zerocopy::FromBytes as _;

use crate::{
    canary::Canary,
    feed::{Feed, FeedError},
    probes::{Ring, Shares},
};

/// Records copied from each ring at a time: bounds memory, a flood is taken in pieces.
const BATCH: usize = 4096;
/// Pieces taken before the caller has its turn again: a flood must not keep it from the command's end.
const BATCHES: usize = 16;

/// Both rings.
#[expect(missing_debug_implementations, reason = "the rings themselves have none")]
pub struct Rings {
    pub common: RingBuf<MapData>,
    pub rare: RingBuf<MapData>,
    /// Where it is told that a record was read.
    pub shares: Shares,
    /// Whose records end here.
    pub canary: Option<Canary>,
}

impl Rings {
    /// Takes in what is there, as far as the bounds go; true if there may be more.
    pub fn drain(&mut self, feed: &mut Feed) -> Result<bool, FeedError> {
        let mut records = Vec::new();
        for _ in 0..BATCHES {
            let common =
                copy(&mut self.common, Ring::Common, &self.shares, &mut self.canary, &mut records, feed);
            let rare = copy(&mut self.rare, Ring::Rare, &self.shares, &mut self.canary, &mut records, feed);
            // By time; of the same time, what makes a process before what the process did.
            records.sort_by_key(|record| (record.time_ns, !makes_process(record)));
            for record in records.drain(..) {
                feed.record(record)?;
            }
            // Answers make room for questions.
            feed.answers()?;
            if common < BATCH && rare < BATCH {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn copy(
    ring: &mut RingBuf<MapData>,
    which: Ring,
    shares: &Shares,
    canary: &mut Option<Canary>,
    into: &mut Vec<Record>,
    feed: &mut Feed,
) -> usize {
    let mut shares = shares.reader();
    let mut count = 0;
    while count < BATCH {
        let Some(item) = ring.next() else { break };
        count += 1;
        let subject = Header::read_from_prefix(&item).map_or(0, |(header, _)| header.subject);
        let singer = canary.as_mut().filter(|canary| canary.id() == subject);
        match (decode::decode(&item), singer) {
            (Ok(record), Some(canary)) => canary.told(record.probe),
            (Ok(record), None) => into.push(record),
            (Err(_), _) => feed.undecodable(subject),
        }
        let length = item.len();
        // The kernel sees the room when the item is dropped: not before it is told that it is free.
        shares.free(which, subject, length);
    }
    count
}

fn makes_process(record: &Record) -> bool {
    use bom_core::event::Body;
    match &record.decoded {
        Decoded::Body(Body::Exec { .. } | Body::Fork { .. } | Body::Moved { .. }) | Decoded::Cgroup(_) => {
            true
        }
        Decoded::Body(
            Body::Open { .. }
            | Body::Exit { .. }
            | Body::Threaded { .. }
            | Body::UringCreated { .. }
            | Body::Map { .. }
            | Body::Read { .. }
            | Body::ExecutableMemory { .. }
            | Body::LowMemory { .. }
            | Body::SocketReceived { .. }
            | Body::OtherSource { .. }
            | Body::Connect { .. }
            | Body::Tcp { .. }
            | Body::Udp { .. }
            | Body::Accepted { .. }
            | Body::Unix { .. }
            | Body::OtherSocket { .. }
            | Body::Hello { .. }
            | Body::HttpHead { .. }
            | Body::Dns { .. }
            | Body::Swept { .. }
            | Body::Undecoded { .. },
        )
        | Decoded::Payload(_) => false,
    }
}
