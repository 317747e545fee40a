//! Merging without an order: everything an inventory is made of joins commutatively,
//! associatively and idempotently, so that order, retries and duplicates do not matter.

use std::collections::{BTreeMap, BTreeSet};

/// A join-semilattice: the laws hold for every implementation (`tests/laws.rs`).
pub trait Join {
    fn join(&mut self, other: Self);
}

/// The greater of two. A counter that only grows within an epoch joins so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Max<T>(pub T);

/// The lesser of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Min<T>(pub T);

impl<T: Ord> Join for Max<T> {
    fn join(&mut self, other: Self) {
        if other.0 > self.0 {
            self.0 = other.0;
        }
    }
}

impl<T: Ord> Join for Min<T> {
    fn join(&mut self, other: Self) {
        if other.0 < self.0 {
            self.0 = other.0;
        }
    }
}

impl<T: Ord> Join for BTreeSet<T> {
    fn join(&mut self, mut other: Self) {
        self.append(&mut other);
    }
}

impl<K: Ord, V: Join> Join for BTreeMap<K, V> {
    fn join(&mut self, other: Self) {
        for (key, value) in other {
            match self.entry(key) {
                std::collections::btree_map::Entry::Vacant(entry) => {
                    entry.insert(value);
                }
                std::collections::btree_map::Entry::Occupied(mut entry) => entry.get_mut().join(value),
            }
        }
    }
}

/// A union of closed intervals, kept merged and in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Intervals(BTreeSet<(u64, u64)>);

impl Intervals {
    pub fn one(from: u64, to: u64) -> Self {
        Self(BTreeSet::from([(from.min(to), from.max(to))]))
    }

    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.0.iter().copied()
    }

    pub fn first(&self) -> Option<u64> {
        self.0.first().map(|&(from, _)| from)
    }

    pub fn last(&self) -> Option<u64> {
        self.0.last().map(|&(_, to)| to)
    }
}

impl Join for Intervals {
    fn join(&mut self, other: Self) {
        self.0.extend(other.0);
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(self.0.len());
        for &(from, to) in &self.0 {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        self.0 = merged.into_iter().collect();
    }
}

/// Implements [`Join`] field by field.
macro_rules! join_fields {
    ($type:ty: $($field:ident),+ $(,)?) => {
        impl $crate::join::Join for $type {
            fn join(&mut self, other: Self) {
                $($crate::join::Join::join(&mut self.$field, other.$field);)+
            }
        }
    };
}
pub(crate) use join_fields;
