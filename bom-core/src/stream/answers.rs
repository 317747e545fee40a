//! What a DNS server says: whole messages in datagrams, or one after the other in a TCP stream, each
//! behind its length (RFC 7766 §8).

use std::collections::BTreeMap;

use super::{
    dns,
    head::{Found, HeadKind, Undecoded},
    pieces::Pieces,
};

/// Reads one message. One that says of itself that it was cut short is given too, as far as it goes.
pub(super) fn message(bytes: &[u8], cut: bool, found: &mut Vec<Found>) {
    match dns::parse(bytes, cut) {
        Ok(answer) if answer.cut => {
            let question = answer.question.clone();
            if !answer.addresses.is_empty() || !answer.hints.is_empty() {
                found.push(Found::Dns(answer));
            }
            found.push(Found::Undecoded(Undecoded::DnsTruncated { question }));
        }
        Ok(answer) => found.push(Found::Dns(answer)),
        Err(error) => {
            found.push(Found::Undecoded(Undecoded::Malformed(HeadKind::Dns, error.to_string().into())));
        }
    }
}

/// Stretches of a stream that were read, with something missing between them. More are made on
/// purpose.
const STRETCHES: usize = 16;
/// A piece this far from what was read belongs to another connection of the same socket.
const FAR: i64 = 256 * 1024;

/// A server's TCP stream. Packets come in the order the network brings them, so that a later message
/// may be read before an earlier one.
#[derive(Debug)]
pub(super) struct Answers {
    /// The sequence number that counts as offset zero.
    origin: u32,
    pieces: Pieces,
    /// What was read: from → to.
    read: BTreeMap<i64, i64>,
    done: bool,
}

impl Answers {
    pub(super) fn new(sequence: u32) -> Self {
        Self { origin: sequence, pieces: Pieces::default(), read: BTreeMap::new(), done: false }
    }

    pub(super) fn push(&mut self, sequence: u32, bytes: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        let mut offset = i64::from(sequence.wrapping_sub(self.origin).cast_signed());
        let latest = self.read.values().next_back().copied().unwrap_or(0);
        if (offset - latest).abs() > FAR {
            found.extend(self.give_up());
            *self = Self::new(sequence);
            offset = 0;
        }
        if self.done {
            return found;
        }
        self.take(offset, bytes);
        while self.advance(&mut found) {}
        if self.pieces.overflowed || self.read.len() > STRETCHES {
            found.push(Found::Undecoded(Undecoded::Long(HeadKind::Dns)));
            self.pieces.clear();
            self.done = true;
        }
        if std::mem::take(&mut self.pieces.conflict) {
            found.push(Found::Undecoded(Undecoded::Conflict(HeadKind::Dns)));
        }
        found
    }

    /// What is left to say when nothing more will come.
    pub(super) fn give_up(&mut self) -> Vec<Found> {
        let unfinished = self.pieces.held() > 0;
        self.pieces.clear();
        self.done = true;
        let reason = Undecoded::Incomplete(HeadKind::Dns);
        if unfinished { vec![Found::Undecoded(reason)] } else { Vec::new() }
    }

    pub(super) fn held(&self) -> usize {
        self.pieces.held()
    }

    /// Takes what was not read yet.
    fn take(&mut self, offset: i64, bytes: &[u8]) {
        let (mut at, mut rest) = (offset, bytes);
        for (&from, &to) in &self.read {
            let before = usize::try_from(from.saturating_sub(at)).unwrap_or(0).min(rest.len());
            let (new, more) = rest.split_at(before);
            self.pieces.insert(at, new);
            let known = usize::try_from(to.saturating_sub(at.max(from))).unwrap_or(0).min(more.len());
            let (_, more) = more.split_at(known);
            at = at.saturating_add(i64::try_from(rest.len() - more.len()).unwrap_or(i64::MAX));
            rest = more;
        }
        self.pieces.insert(at, rest);
    }

    /// Reads one message. Whether there may be another.
    fn advance(&mut self, found: &mut Vec<Found>) -> bool {
        // Behind what was read stands a message. Before all of it, or if nothing was read, what is
        // there may be the middle of one: that has some length too, but hardly looks like an answer.
        let behind = self.read.values().map(|&end| (end, true));
        let first_read = self.read.keys().next().copied().unwrap_or(i64::MAX);
        let lowest = self.pieces.lowest().filter(|&start| start < first_read).map(|start| (start, false));
        let message = behind.chain(lowest).find_map(|(start, aligned)| {
            let (&length, rest) = self.pieces.run(start).split_first_chunk::<2>()?;
            let length = u16::from_be_bytes(length);
            let message = rest.get(..usize::from(length))?;
            let looks_right = matches!(message, [_, _, 0x80..=0x87, _, 0, 1, ..]);
            (aligned || looks_right).then_some((start, start + 2 + i64::from(length), message))
        });
        let Some((start, end, message)) = message else { return false };
        self::message(message, false, found);
        self.pieces.forget(start, end);
        self.mark(start, end);
        true
    }

    /// Adds a stretch that was read, and joins those that touch.
    fn mark(&mut self, mut start: i64, mut end: i64) {
        if let Some((&before, _)) = self.read.iter().find(|&(_, &to)| to == start) {
            self.read.remove(&before);
            start = before;
        }
        if let Some(further) = self.read.remove(&end) {
            end = further;
        }
        self.read.insert(start, end);
    }
}
