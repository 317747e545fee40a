//! Bytes of one direction that come in pieces: late, twice, overlapping, with holes.

use std::collections::BTreeMap;

use super::Held;

/// Bytes held of one direction: what the probes forward at most of a head.
pub(super) const HEAD: usize = 16 * 1024;
/// Separate runs held of one direction. A hole in the head of a stream is a packet under way; more
/// than a few are made on purpose, and each costs memory.
const RUNS: usize = 32;

/// What is there of one direction, by offset. Of two copies of a byte the first counts.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Offset → bytes; runs neither overlap nor touch.
    runs: BTreeMap<i64, Held>,
    held: usize,
    /// Something had no room.
    pub(super) overflowed: bool,
    /// Two copies of a byte differ.
    pub(super) conflict: bool,
}

impl Pieces {
    /// Takes what is new of `bytes`.
    pub(super) fn insert(&mut self, offset: i64, bytes: &[u8]) {
        let mut at = offset;
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Some(known) = self.covering(at) {
                let both = known.len().min(rest.len());
                let (twice, more) = rest.split_at(both);
                self.conflict |= known.get(..both) != Some(twice);
                at = at.saturating_add(distance(both));
                rest = more;
                continue;
            }
            let next = self.runs.range(at..).next().map(|(&start, _)| start);
            let free = next.and_then(|next| usize::try_from(next.saturating_sub(at)).ok());
            let (new, more) = rest.split_at(free.unwrap_or(usize::MAX).min(rest.len()));
            self.add(at, new);
            at = at.saturating_add(distance(new.len()));
            rest = more;
        }
    }

    /// What is there from `offset` on without a hole.
    pub(super) fn run(&self, offset: i64) -> &[u8] {
        self.covering(offset).unwrap_or_default()
    }

    /// The lowest offset that is there.
    pub(super) fn lowest(&self) -> Option<i64> {
        self.runs.keys().next().copied()
    }

    /// Lets go of everything before `offset`.
    pub(super) fn forget_before(&mut self, offset: i64) {
        let kept = self.covering(offset).map(<[u8]>::to_vec).map(Held::from);
        let mut later = self.runs.split_off(&offset);
        if let Some(kept) = kept {
            later.entry(offset).or_insert(kept);
        }
        self.runs = later;
        self.held = self.runs.values().map(Held::len).sum();
    }

    /// Lets go of what lies from `from` to before `to`.
    pub(super) fn forget(&mut self, from: i64, to: i64) {
        let before = self.runs.range(..from).next_back().map(|(&start, _)| start);
        let inside: Vec<i64> =
            before.into_iter().chain(self.runs.range(from..to).map(|(&start, _)| start)).collect();
        for start in inside {
            let Some(run) = self.runs.remove(&start) else { continue };
            let reach = |end: i64| usize::try_from(end.saturating_sub(start)).unwrap_or(0).min(run.len());
            let (left, right) = (run.bytes().get(..reach(from)), run.bytes().get(reach(to)..));
            for (at, kept) in [(start, left), (to, right)] {
                if let Some(kept) = kept.filter(|kept| !kept.is_empty()) {
                    self.runs.insert(at, Held::from(kept.to_vec()));
                }
            }
        }
        self.held = self.runs.values().map(Held::len).sum();
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
        self.held = 0;
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    fn covering(&self, offset: i64) -> Option<&[u8]> {
        let (&start, run) = self.runs.range(..=offset).next_back()?;
        let into = usize::try_from(offset.checked_sub(start)?).ok()?;
        run.bytes().get(into..).filter(|rest| !rest.is_empty())
    }

    /// Adds bytes of which none is there yet, and joins the runs they touch.
    fn add(&mut self, at: i64, new: &[u8]) {
        let (new, cut) = new.split_at(HEAD.saturating_sub(self.held).min(new.len()));
        self.overflowed |= !cut.is_empty();
        if new.is_empty() {
            return;
        }
        let end = at.saturating_add(distance(new.len()));
        let count = self.runs.len();
        let before = self.runs.range_mut(..at).next_back();
        let start = match before {
            Some((&start, run)) if start.saturating_add(distance(run.len())) == at => {
                run.extend(new);
                start
            }
            Some(_) | None if count >= RUNS => {
                self.overflowed = true;
                return;
            }
            Some(_) | None => {
                self.runs.insert(at, Held::from(new.to_vec()));
                at
            }
        };
        self.held += new.len();
        if let Some(after) = self.runs.remove(&end)
            && let Some(run) = self.runs.get_mut(&start)
        {
            run.extend(after.bytes());
        }
    }
}

/// A length as a distance. Lengths here are those of slices in memory, which fit.
fn distance(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
