//! How much one subject may make the correlator hold. What meets a bound is counted as a loss of that subject:
//! never dropped in silence, and never at the cost of another.

use super::{Correlator, subjects::Watched};
use crate::event::Body;

/// Facts of one subject, opens that are still being looked into included. A large agent with ten worker processes has
/// a tenth of it.
pub(super) const FACTS: usize = 131_072;
/// Processes of one subject.
pub(super) const PROCESSES: usize = 131_072;
/// Connections of one subject that are open at the same time.
pub(super) const CONNECTIONS: usize = 32_768;
/// Name servers, and questions whose answers were cut short, of all subjects together.
pub(super) const RESOLVERS: usize = 65_536;
/// Addresses of one subject for which DNS answers gave names, and names that they gave.
pub(super) const ADDRESSES: usize = 16_384;
/// Stream heads of one subject whose connection was not reported yet.
pub(super) const HELLOS: usize = 1024;
/// Files of one subject of which it is remembered which tier told of them.
pub(super) const COMPARED: usize = 131_072;
/// Connections, of all subjects together, that are compared between the tiers.
pub(super) const CONNECTS_COMPARED: usize = 65_536;
/// Places where one file was seen.
pub(super) const PLACES: usize = 256;
/// Opens of files that turned out not to matter, of all subjects together, that are kept one by one; older ones are
/// only counted, which is no loss.
pub(super) const SETTLED: usize = 16_384;
/// Connections that have ended and may still get a name, of all subjects together; older ones are facts already.
pub(super) const CLOSED: usize = 4096;

/// What a subject makes us hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub(super) facts: usize,
    pub(super) processes: usize,
    pub(super) connections: usize,
    pub(super) hellos: usize,
    pub(super) compared: usize,
}

impl Correlator {
    /// The cause under which this event is lost, if the subject is at a bound that it would run over.
    pub(super) fn bound_met(&self, id: u64, body: &Body) -> Option<&'static str> {
        let Held { facts, processes, .. } = self.subjects.get(id)?.held;
        let facts_full = facts >= FACTS;
        match body {
            Body::Open { .. } => facts_full.then_some("file-facts-over-limit"),
            Body::Exec { .. } if facts_full => Some("program-facts-over-limit"),
            Body::Exec { task, .. } | Body::Fork { task, .. } => {
                let known = self.epoch.processes.contains_key(&task.process);
                (processes >= PROCESSES && !(known && matches!(body, Body::Exec { .. })))
                    .then_some("processes-over-limit")
            }
            Body::Dns { .. } | Body::Unix { .. } => facts_full.then_some("endpoint-facts-over-limit"),
            Body::Map { .. } | Body::Read { .. } | Body::Swept { .. } => {
                facts_full.then_some("file-facts-over-limit")
            }
            Body::Exit { .. }
            | Body::Moved { .. }
            | Body::Connect { .. }
            | Body::HttpHead { .. }
            | Body::Udp { .. }
            | Body::Accepted { .. }
            | Body::OtherSocket { .. }
            | Body::ExecutableMemory { .. }
            | Body::LowMemory { .. }
            | Body::SocketReceived { .. }
            | Body::OtherSource { .. }
            | Body::Tcp { .. }
            | Body::Threaded { .. }
            | Body::UringCreated { .. }
            | Body::Hello { .. }
            | Body::Undecoded { .. } => None,
        }
    }

    /// Counts what a subject lost here.
    pub(super) fn lose(&mut self, id: u64, cause: &'static str, count: u64, at_ns: u64) {
        let Some(watched) = self.subjects.get_mut(id) else { return };
        let total = watched.lost.entry(cause).or_default();
        *total = total.saturating_add(count);
        let total = *total;
        self.epoch.coverage.lose(cause, Some(watched.key.clone()), total, at_ns, at_ns);
    }

    pub(super) fn held(&mut self, id: u64) -> Option<&mut Held> {
        self.subjects.get_mut(id).map(|watched: &mut Watched| &mut watched.held)
    }
}
