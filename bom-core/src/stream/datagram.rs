//! Datagrams that came in several pieces: a record has room for 2 kB, and a socket that lets the
//! kernel cut (UDP_SEGMENT) hands over several datagrams as one.

use super::{Held, pieces::HEAD};

/// The datagram that is being put together.
#[derive(Debug, Default)]
pub(super) struct Datagram {
    bytes: Held,
    total: usize,
}

/// A datagram, or as much of it as came.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) bytes: Held,
    pub(super) cut: bool,
}

impl Datagram {
    /// Takes the piece at `offset` of a datagram of `total` bytes, and gives back what is complete, or
    /// can never be.
    pub(super) fn push(&mut self, offset: u32, total: u32, piece: Held) -> Vec<Whole> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let total = usize::try_from(total).unwrap_or(usize::MAX).max(piece.len());
        let mut whole = Vec::new();
        if offset != self.bytes.len() || total != self.total && offset > 0 {
            whole.extend(self.give_up());
        }
        if offset == 0 {
            self.bytes = piece;
            self.total = total;
        } else if offset == self.bytes.len() {
            self.bytes.extend(piece.bytes());
        } else {
            // Its beginning is missing.
            whole.push(Whole { bytes: Held::default(), cut: true });
            return whole;
        }
        if self.bytes.len() >= self.total || self.total > HEAD && self.bytes.len() >= HEAD {
            whole.extend(self.give_up());
        }
        whole
    }

    /// What is there, when nothing more will come.
    pub(super) fn give_up(&mut self) -> Option<Whole> {
        let bytes = std::mem::take(&mut self.bytes);
        let cut = bytes.len() < self.total;
        self.total = 0;
        (!bytes.is_empty()).then_some(Whole { bytes, cut })
    }

    pub(super) fn held(&self) -> usize {
        self.bytes.len()
    }
}
