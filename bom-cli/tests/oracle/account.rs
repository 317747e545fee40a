//! What one observer says of a run, and how two of them differ.

use std::{
    collections::BTreeMap,
    fmt::{Debug, Write as _},
    net::SocketAddr,
};

use bom_testkit::trial::Failed;

/// How often each thing was seen.
pub(crate) type Multiset<T> = BTreeMap<T, u64>;

/// A successful open of a regular file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Open {
    pub(crate) path: Vec<u8>,
    /// The name was gone already.
    pub(crate) unlinked: bool,
    /// Thread group.
    pub(crate) process: u32,
}

/// A successful exec.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Image {
    pub(crate) requested: Vec<u8>,
    /// The file that was executed, symbolic links followed.
    pub(crate) file: Vec<u8>,
    pub(crate) process: u32,
}

/// A TCP connection that was established.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) process: u32,
}

#[derive(Default)]
pub(crate) struct Account {
    pub(crate) opens: Multiset<Open>,
    pub(crate) images: Multiset<Image>,
    pub(crate) peers: Multiset<Peer>,
}

impl Account {
    /// Fails with everything that only one of them has. Returns how much there was, for the log.
    pub(crate) fn compare(oracle: &Self, ours: &Self) -> Result<String, Failed> {
        let mut text = String::new();
        difference(&mut text, "opens", &oracle.opens, &ours.opens);
        difference(&mut text, "images", &oracle.images, &ours.images);
        difference(&mut text, "peers", &oracle.peers, &ours.peers);
        let counts = format!("strace: {}; aibom: {}", oracle.counts(), ours.counts());
        if text.is_empty() { Ok(counts) } else { Err(format!("{counts}\n{text}").into()) }
    }

    fn counts(&self) -> String {
        let mut processes: Vec<u32> = self.opens.keys().map(|open| open.process).collect();
        processes.dedup();
        processes.sort_unstable();
        processes.dedup();
        format!(
            "{} opens ({} distinct, {} processes), {} images, {} peers",
            self.opens.values().sum::<u64>(),
            self.opens.len(),
            processes.len(),
            self.images.values().sum::<u64>(),
            self.peers.values().sum::<u64>(),
        )
    }
}

pub(crate) fn add<T: Ord>(to: &mut Multiset<T>, what: T, times: u64) {
    *to.entry(what).or_default() += times;
}

fn difference<T: Ord + Debug>(text: &mut String, what: &str, oracle: &Multiset<T>, ours: &Multiset<T>) {
    for (side, all, other) in [("only strace", oracle, ours), ("only aibom", ours, oracle)] {
        for (one, &count) in all {
            let more = count.saturating_sub(other.get(one).copied().unwrap_or(0));
            if more > 0 {
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{what}, {side}, {more} of {count}: {one:?}");
            }
        }
    }
}

impl Debug for Open {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gone = if self.unlinked { " (deleted)" } else { "" };
        write!(formatter, "process {} {}{gone}", self.process, self.path.escape_ascii())
    }
}

impl Debug for Image {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { requested, file, process } = self;
        write!(formatter, "process {process} {} as {}", file.escape_ascii(), requested.escape_ascii())
    }
}
