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

/// A set that almost always has one member: a sorted vector, because a tree would give each a node of eleven places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Few<T>(Vec<T>);

impl<T: Ord> Few<T> {
    /// Whether it was new.
    pub fn insert(&mut self, item: T) -> bool {
        let Err(place) = self.0.binary_search(&item) else { return false };
        if self.0.is_empty() {
            self.0.reserve_exact(1);
        }
        self.0.insert(place, item);
        true
    }

    pub fn contains(&self, item: &T) -> bool {
        self.0.binary_search(item).is_ok()
    }
}

impl<T> Few<T> {
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub fn first(&self) -> Option<&T> {
        self.0.first()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for item in items {
            self.insert(item);
        }
    }
}

impl<T: Ord> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut few = Self::default();
        few.extend(items);
        few
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for Few<T> {
    fn from(items: [T; N]) -> Self {
        items.into_iter().collect()
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Ord> Join for Few<T> {
    fn join(&mut self, other: Self) {
        self.extend(other);
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
