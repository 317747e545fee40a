//! A sorted set that mostly has no member or one.

use std::cmp::Ordering;
use std::collections::{BTreeSet, btree_set};

/// A sorted set. A thing has one name, one digest, one origin, and seldom more, and a document has a hundred thousand
/// things: one member needs no room of its own here, where the smallest tree needs some hundred bytes.
#[derive(Clone)]
pub struct Set<T>(Members<T>);

#[derive(Clone)]
enum Members<T> {
    None,
    One(T),
    /// Two or more.
    Many(BTreeSet<T>),
}

/// The members of a [`Set`], in order.
#[derive(Clone, Debug)]
pub struct Iter<'s, T>(Option<&'s T>, Option<btree_set::Iter<'s, T>>);

impl<T> Set<T> {
    /// Nothing.
    pub const fn new() -> Self {
        Self(Members::None)
    }

    /// The members, in order.
    pub fn iter(&self) -> Iter<'_, T> {
        match &self.0 {
            Members::None => Iter(None, None),
            Members::One(one) => Iter(Some(one), None),
            Members::Many(many) => Iter(None, Some(many.iter())),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Members::None => 0,
            Members::One(_) => 1,
            Members::Many(many) => many.len(),
        }
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        matches!(self.0, Members::None)
    }

    /// Takes all of them out.
    pub fn clear(&mut self) {
        self.0 = Members::None;
    }

    /// The least.
    pub fn first(&self) -> Option<&T> {
        self.iter().next()
    }
}

impl<T: Ord> Set<T> {
    /// Puts a member in; false if it was there.
    pub fn insert(&mut self, member: T) -> bool {
        match std::mem::replace(&mut self.0, Members::None) {
            Members::None => self.0 = Members::One(member),
            Members::One(one) if one == member => {
                self.0 = Members::One(one);
                return false;
            }
            Members::One(one) => self.0 = Members::Many(BTreeSet::from([one, member])),
            Members::Many(mut many) => {
                let new = many.insert(member);
                self.0 = Members::Many(many);
                return new;
            }
        }
        true
    }

    /// Whether it is a member.
    pub fn contains(&self, member: &T) -> bool {
        match &self.0 {
            Members::None => false,
            Members::One(one) => one == member,
            Members::Many(many) => many.contains(member),
        }
    }

    /// Whether the two have no member in common.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        let (few, many) = if self.len() <= other.len() { (self, other) } else { (other, self) };
        !few.iter().any(|member| many.contains(member))
    }
}

impl<'s, T> Iterator for Iter<'s, T> {
    type Item = &'s T;

    fn next(&mut self) -> Option<&'s T> {
        self.0.take().or_else(|| self.1.as_mut()?.next())
    }
}

impl<'s, T> IntoIterator for &'s Set<T> {
    type Item = &'s T;
    type IntoIter = Iter<'s, T>;

    fn into_iter(self) -> Iter<'s, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Set<T> {
    type Item = T;
    type IntoIter = std::iter::Chain<std::option::IntoIter<T>, btree_set::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        let (one, many) = match self.0 {
            Members::None => (None, BTreeSet::new()),
            Members::One(one) => (Some(one), BTreeSet::new()),
            Members::Many(many) => (None, many),
        };
        one.into_iter().chain(many)
    }
}

impl<T: Ord> Extend<T> for Set<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, members: I) {
        members.into_iter().for_each(|member| {
            self.insert(member);
        });
    }
}

impl<T: Ord> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        let mut set = Self::new();
        set.extend(members);
        set
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for Set<T> {
    fn from(members: [T; N]) -> Self {
        members.into_iter().collect()
    }
}

impl<T> Default for Set<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Set<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl<T: PartialEq> PartialEq for Set<T> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other)
    }
}

impl<T: Eq> Eq for Set<T> {}

/// As of lists of the members.
impl<T: PartialOrd> PartialOrd for Set<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.iter().partial_cmp(other)
    }
}

impl<T: Ord> Ord for Set<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_set_that_a_tree_would_be() {
        // Every list of up to four of three numbers, with every other.
        let mut lists: Vec<Vec<u8>> = vec![Vec::new()];
        for length in 0..4 {
            let longer: Vec<Vec<u8>> = lists.iter().filter(|list| list.len() == length).cloned().collect();
            for list in longer {
                lists.extend((0..3).map(|next| [list.clone(), vec![next]].concat()));
            }
        }
        for own in &lists {
            let (set, tree): (Set<u8>, BTreeSet<u8>) =
                (own.iter().copied().collect(), own.iter().copied().collect());
            assert!(set.iter().eq(&tree), "{own:?}");
            assert!(set.clone().into_iter().eq(tree.clone()), "{own:?}");
            assert_eq!((set.len(), set.is_empty(), set.first()), (tree.len(), tree.is_empty(), tree.first()));
            for member in 0..3 {
                assert_eq!(set.contains(&member), tree.contains(&member), "{own:?} {member}");
                assert_eq!(set.clone().insert(member), tree.clone().insert(member), "{own:?} {member}");
            }
            for other in &lists {
                let (second, other): (Set<u8>, BTreeSet<u8>) =
                    (other.iter().copied().collect(), other.iter().copied().collect());
                assert_eq!(set.cmp(&second), tree.cmp(&other), "{own:?} {other:?}");
                assert_eq!(set == second, tree == other, "{own:?} {other:?}");
                assert_eq!(set.is_disjoint(&second), tree.is_disjoint(&other), "{own:?} {other:?}");
            }
        }
    }
}
