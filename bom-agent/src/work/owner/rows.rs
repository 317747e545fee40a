//! Many listed paths in 16 bytes each: a hash, and where the row stands. A hit is confirmed by reading that row, so
//! a collision costs a read and never a wrong answer.

use std::hash::{BuildHasher, RandomState};

/// Where a path is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    hash: u64,
    /// Which list.
    pub(super) list: u32,
    /// Offset of the row in it, in bytes.
    pub(super) offset: u32,
}

/// An index under construction, then sorted.
#[derive(Debug)]
pub(super) struct Rows {
    /// Keyed per index: the observed party can not prepare paths that collide.
    key: RandomState,
    rows: Vec<Row>,
    limit: usize,
}

impl Rows {
    pub(super) fn new(limit: usize) -> Self {
        Self { key: RandomState::new(), rows: Vec::new(), limit }
    }

    /// `false` if the index is full or the offset too large: the row is not in it.
    pub(super) fn push(&mut self, path: &[u8], list: u32, offset: u64) -> bool {
        let Ok(offset) = u32::try_from(offset) else { return false };
        if self.rows.len() >= self.limit {
            return false;
        }
        self.rows.push(Row { hash: self.key.hash_one(path), list, offset });
        true
    }

    pub(super) fn finish(&mut self) {
        self.rows.sort_unstable();
        self.rows.shrink_to_fit();
    }

    /// Rows that may list `path`, in the order of lists.
    pub(super) fn candidates(&self, path: &[u8]) -> &[Row] {
        let hash = self.key.hash_one(path);
        let from = self.rows.partition_point(|row| row.hash < hash);
        let count = self.rows[from..].iter().take_while(|row| row.hash == hash).count();
        &self.rows[from..from + count]
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}
