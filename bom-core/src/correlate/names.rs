//! What DNS answers said of addresses, for each subject by itself and for as long as they hold.
//!
//! An answer holds for its time to live, or half a minute if that is less: zero means "use it now", and now lasts
//! until the client got round to connecting. Programs keep addresses longer than they should (connection pools, run
//! times with a cache of their own), so an expired answer is not forgotten: it names what nothing better names,
//! and says that it had expired.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::limits::ADDRESSES;
use crate::{
    inventory::{Description, NameSource},
    stream::DnsAnswer,
};

/// Names kept for one address.
const NAMES: usize = 64;
/// An answer holds at least so long.
const LEAST_NS: u64 = 30_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

#[derive(Debug, Default)]
pub(super) struct Names {
    /// Subject and address → names whose answers contained it.
    of_address: BTreeMap<(u64, IpAddr), BTreeMap<String, Learned>>,
    /// Subject and name → some address it was said to have: all that is asked is whether there is one.
    resolved: BTreeMap<u64, BTreeSet<String>>,
    /// How many addresses of each subject there are.
    addresses: BTreeMap<u64, usize>,
}

#[derive(Clone, Copy, Debug)]
struct Learned {
    until_ns: u64,
    /// The name was not asked for: the answer passed through it.
    alias: bool,
}

/// What DNS had said of an address at one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) fresh: BTreeSet<String>,
    pub(super) expired: BTreeSet<String>,
    aliases: BTreeSet<String>,
}

impl Names {
    /// Whether there was room for all of it.
    pub(super) fn learn(&mut self, subject: u64, time_ns: u64, answer: &DnsAnswer) -> bool {
        let mut room_for_all = true;
        let holds = u64::from(answer.ttl).saturating_mul(SECOND_NS).max(LEAST_NS);
        let until_ns = time_ns.saturating_add(holds);
        // The root has an empty name, which names nobody.
        let asked = Some((&answer.question, false)).filter(|(name, _)| !name.is_empty());
        let through = answer.aliases.iter().chain(&answer.targets).map(|name| (name, true));
        for (name, alias) in asked.into_iter().chain(through) {
            for &address in answer.addresses.iter().chain(&answer.hints) {
                let resolved = self.resolved.entry(subject).or_default();
                let addresses = self.addresses.entry(subject).or_insert(0);
                let known = self.of_address.contains_key(&(subject, address));
                if !known && *addresses >= ADDRESSES
                    || !resolved.contains(name) && resolved.len() >= ADDRESSES
                {
                    room_for_all = false;
                    continue;
                }
                *addresses += usize::from(!known);
                resolved.insert(name.clone());
                let names = self.of_address.entry((subject, address)).or_default();
                let room = names.len() < NAMES;
                match names.get_mut(name) {
                    Some(known) => {
                        known.until_ns = known.until_ns.max(until_ns);
                        known.alias &= alias;
                    }
                    None if room => {
                        names.insert(name.clone(), Learned { until_ns, alias });
                    }
                    None => {}
                }
            }
        }
        room_for_all
    }

    pub(super) fn known(&self, subject: u64, address: IpAddr, time_ns: u64) -> Known {
        let mut known = Known::default();
        for (name, learned) in self.of_address.get(&(subject, address)).into_iter().flatten() {
            let set = match (learned.alias, learned.until_ns >= time_ns) {
                (true, _) => &mut known.aliases,
                (false, true) => &mut known.fresh,
                (false, false) => &mut known.expired,
            };
            set.insert(name.clone());
        }
        known
    }

    /// Whether an answer gave this name any address.
    pub(super) fn has_resolved(&self, subject: u64, name: &str) -> bool {
        self.resolved.get(&subject).is_some_and(|names| names.contains(name))
    }
}

impl Known {
    /// The only name it can be; several are no name.
    pub(super) fn only(&self) -> Option<&String> {
        let names = if self.fresh.is_empty() { &self.expired } else { &self.fresh };
        if names.len() == 1 { names.first() } else { None }
    }

    pub(super) fn is_several(&self) -> bool {
        let names = if self.fresh.is_empty() { &self.expired } else { &self.fresh };
        names.len() > 1
    }

    fn is_empty(&self) -> bool {
        self.fresh.is_empty() && self.expired.is_empty() && self.aliases.is_empty()
    }

    /// Whether a name that a stream gave its peer is at odds with DNS: answers named the address, and not so; or answers
    /// gave the name addresses, and not this one. Without any answer there is nothing to be at odds with.
    pub(super) fn contradicts(&self, said: &str, names: &Names, subject: u64) -> bool {
        if self.is_empty() {
            return names.has_resolved(subject, said);
        }
        !self.fresh.contains(said) && !self.expired.contains(said) && !self.aliases.contains(said)
    }

    pub(super) fn descriptions(&self) -> impl Iterator<Item = Description> + '_ {
        let of = |names: &'_ BTreeSet<String>, source| {
            let described = names.iter().map(move |name| Description::Name { source, name: name.clone() });
            described.collect::<Vec<_>>()
        };
        of(&self.fresh, NameSource::Dns)
            .into_iter()
            .chain(of(&self.expired, NameSource::ExpiredDns))
            .chain(of(&self.aliases, NameSource::Alias))
    }
}
