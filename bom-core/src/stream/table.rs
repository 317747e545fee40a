//! Streams that are being read, in bounded memory. Whoever holds the most gives way first, so that
//! one flooding cgroup cannot push out what another has half said.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use super::pieces::HEAD;

/// Streams known at a time, most of which are done and only remembered, so that what still comes of
/// them is not taken for a new stream.
pub(super) const STREAMS: usize = 4096;
/// Bytes held of all streams.
pub(super) const BYTES: usize = 512 * HEAD;
/// What an unfinished stream costs beside its bytes, roughly.
const OVERHEAD: usize = 512;

/// Which room reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
    Client,
    DnsTcp,
    DnsUdp,
    Quic,
}

/// One direction between two ends. A socket can be connected again, and a UDP socket can talk to many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) cookie: u64,
    pub(super) room: Room,
    pub(super) remote: SocketAddr,
    pub(super) local_port: u16,
}

/// Something that holds payload.
pub(super) trait Weigh {
    /// Bytes held; 0 if nothing is lost when it is forgotten.
    fn weight(&self) -> usize;

    /// Whether what still comes would not be taken for something new.
    fn forgettable(&self) -> bool;
}

#[derive(Debug)]
pub(super) struct Entry<V> {
    pub(super) key: Key,
    pub(super) cgroup: u64,
    pub(super) value: V,
    age: u64,
    weight: usize,
}

#[derive(Debug, Default)]
struct Share {
    bytes: usize,
    ages: BTreeSet<(u64, Key)>,
}

#[derive(Debug)]
pub(super) struct Table<V> {
    entries: BTreeMap<Key, Entry<V>>,
    /// Those that hold nothing, oldest first.
    idle: BTreeSet<(u64, Key)>,
    /// cgroup → those that hold something.
    shares: BTreeMap<u64, Share>,
    /// What all of them cost.
    bytes: usize,
    /// Of that, payload.
    held: usize,
    clock: u64,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self {
            entries: BTreeMap::new(),
            idle: BTreeSet::new(),
            shares: BTreeMap::new(),
            bytes: 0,
            held: 0,
            clock: 0,
        }
    }
}

impl<V: Weigh> Table<V> {
    /// Changes the entry of `key`, which is made if it is not there. Returns those that had to give
    /// way although they held something.
    pub(super) fn change<R>(
        &mut self,
        key: Key,
        cgroup: u64,
        make: impl FnOnce() -> V,
        change: impl FnOnce(&mut V) -> R,
    ) -> (R, Vec<Entry<V>>) {
        let mut entry = self.take(&key).unwrap_or_else(|| {
            self.clock += 1;
            Entry { key, cgroup, value: make(), age: self.clock, weight: 0 }
        });
        let result = change(&mut entry.value);
        if !entry.value.forgettable() {
            self.put(entry);
        }
        (result, self.make_room(&key))
    }

    /// Takes out everything of one socket.
    pub(super) fn take_cookie(&mut self, cookie: u64) -> Vec<Entry<V>> {
        let lowest = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let first = Key { cookie, room: Room::Client, remote: lowest, local_port: 0 };
        let of_it = self.entries.range(first..).map(|(key, _)| *key).take_while(|key| key.cookie == cookie);
        let keys: Vec<Key> = of_it.collect();
        keys.iter().filter_map(|key| self.take(key)).collect()
    }

    /// Takes out everything, in the order of the keys.
    pub(super) fn take_all(&mut self) -> Vec<Entry<V>> {
        std::mem::take(self).entries.into_values().collect()
    }

    /// Bytes held of all streams.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn put(&mut self, mut entry: Entry<V>) {
        let place = (entry.age, entry.key);
        entry.weight = entry.value.weight();
        if entry.weight == 0 {
            self.idle.insert(place);
        } else {
            let share = self.shares.entry(entry.cgroup).or_default();
            share.ages.insert(place);
            share.bytes += entry.weight + OVERHEAD;
            self.bytes += entry.weight + OVERHEAD;
            self.held += entry.weight;
        }
        self.entries.insert(entry.key, entry);
    }

    fn take(&mut self, key: &Key) -> Option<Entry<V>> {
        let entry = self.entries.remove(key)?;
        let place = (entry.age, entry.key);
        self.idle.remove(&place);
        if let Some(share) = self.shares.get_mut(&entry.cgroup)
            && share.ages.remove(&place)
        {
            share.bytes = share.bytes.saturating_sub(entry.weight + OVERHEAD);
            self.bytes = self.bytes.saturating_sub(entry.weight + OVERHEAD);
            self.held = self.held.saturating_sub(entry.weight);
            if share.ages.is_empty() {
                self.shares.remove(&entry.cgroup);
            }
        }
        Some(entry)
    }

    fn make_room(&mut self, except: &Key) -> Vec<Entry<V>> {
        let mut gone = Vec::new();
        while self.entries.len() > STREAMS || self.bytes > BYTES {
            if self.entries.len() > STREAMS
                && let Some((_, key)) = self.idle.iter().find(|(_, key)| key != except).copied()
            {
                self.take(&key);
                continue;
            }
            let fullest = self.shares.values().max_by_key(|share| share.bytes);
            let oldest = fullest.and_then(|share| share.ages.first()).map(|(_, key)| *key);
            let Some(entry) = oldest.and_then(|key| self.take(&key)) else { break };
            gone.push(entry);
        }
        gone
    }
}
