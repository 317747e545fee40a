//! Which declared item is which observed one: passes, strongest first, one to one.
//!
//! Items that nothing tells apart are the same before anything else is asked. Within a pass, items meet under a key. Keys
//! and items are taken in their order, so the order of the input never matters, and with the sides exchanged the same
//! pairs come out. An item that stands for several takes all it meets. What speaks against a pair is in `conflict`.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::{
    conflict,
    normal::{hints, names, purl_key, refuted, short_names},
};
use crate::declared::{Force, Item, Kind};

/// Why two items are the same thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pass {
    /// The same content.
    Digest,
    /// The same package URL, version included.
    Purl,
    /// The same package URL but for its version.
    PurlName,
    /// The path that was declared, or one in the folder that was.
    Path,
    /// The same name, as the ecosystem folds it.
    Name,
    /// The same last part of a name.
    ShortName,
    /// A name that is no reason by itself: what a file calls itself, the interpreter that runs it.
    Hint,
    /// The name that a store gives it, and its content is not what the store recorded.
    Refuted,
    /// The same host and port.
    HostPort,
    /// The same host, or a host the pattern stands for.
    Host,
    /// The same service of a cluster, its name written in another length.
    ClusterService,
    /// The same provider.
    Provider,
    /// The same last two labels of the host.
    Domain,
    /// Everything that is known of them, though none of it is a name.
    Same,
}

/// One pair, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Of the declared items.
    pub declared: usize,
    /// Of the observed items.
    pub observed: usize,
    /// Why.
    pub pass: Pass,
}

/// Namespaces of a cluster that a name without one is in, where they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces<'a> {
    /// That of the declared workload.
    pub declared: Option<&'a str>,
    /// That of the observed subject.
    pub observed: Option<&'a str>,
}

impl Pass {
    const ITEMS: &[Self] = &[
        Self::Digest,
        Self::Purl,
        Self::PurlName,
        Self::Path,
        Self::Name,
        Self::ShortName,
        Self::Hint,
        Self::Refuted,
    ];
    const ENDPOINTS: &[Self] =
        &[Self::HostPort, Self::Host, Self::ClusterService, Self::Name, Self::Provider, Self::Domain];

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Digest => "same content",
            Self::Purl => "same package URL",
            Self::PurlName => "same package URL but for the version",
            Self::Path => "same path",
            Self::Name => "same name",
            Self::ShortName => "same last part of the name",
            Self::Hint => "only a hint at the name",
            Self::Refuted => "the name, which its content contradicts",
            Self::HostPort => "same host and port",
            Self::Host => "same host",
            Self::ClusterService => "same service of the cluster",
            Self::Provider => "same provider",
            Self::Domain => "same domain",
            Self::Same => "nothing tells them apart",
        }
    }
}

/// Pairs items, of which it is not known in which namespaces they are. Both lists must be sorted.
pub fn pair(declared: &[Item], observed: &[Item]) -> Vec<Pair> {
    pair_within(declared, observed, Namespaces::default())
}

/// Pairs items. Both lists must be sorted.
pub fn pair_within(declared: &[Item], observed: &[Item], namespaces: Namespaces<'_>) -> Vec<Pair> {
    let mut state = State {
        declared,
        observed,
        namespaces,
        free_declared: vec![true; declared.len()],
        free_observed: vec![true; observed.len()],
        pairs: Vec::new(),
    };
    state.identical();
    for pass in Pass::ITEMS {
        state.pass(*pass, |item| item.kind != Kind::Endpoint);
        if *pass == Pass::Path {
            state.patterns(*pass);
        }
    }
    // What is only permitted comes last, so that it never takes what is stated.
    for force in [Force::Stated, Force::Implied, Force::Permitted] {
        for pass in Pass::ENDPOINTS {
            // A permission to call a domain's host is none to call another of its hosts.
            if force == Force::Permitted && matches!(pass, Pass::Provider | Pass::Domain) {
                continue;
            }
            state.pass(*pass, |item| item.kind == Kind::Endpoint && item.force == force);
            if *pass == Pass::Host {
                state.patterns(*pass);
            }
        }
    }
    state.same();
    state.pairs.sort();
    state.pairs
}

/// Pairs that are tried under one key. What is not tried is no pair, and so a finding.
const ATTEMPTS: usize = 20_000_000;

struct State<'a> {
    declared: &'a [Item],
    observed: &'a [Item],
    namespaces: Namespaces<'a>,
    free_declared: Vec<bool>,
    free_observed: Vec<bool>,
    pairs: Vec<Pair>,
}

impl State<'_> {
    fn pass(&mut self, pass: Pass, takes: impl Fn(&Item) -> bool) {
        let mut keys: BTreeMap<(u8, String), (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (index, item) in self.declared.iter().enumerate().filter(|(_, item)| takes(item)) {
            if self.free_declared.get(index) == Some(&true) {
                for key in item_keys(item, pass) {
                    keys.entry((item.kind.group(), key)).or_default().0.push(index);
                }
            }
        }
        for (index, item) in self.observed.iter().enumerate() {
            if self.free_observed.get(index) == Some(&true) {
                for key in item_keys(item, pass) {
                    // A key that nothing is declared under needs no room.
                    if let Some(found) = keys.get_mut(&(item.kind.group(), key)) {
                        found.1.push(index);
                    }
                }
            }
        }
        for (declared, observed) in keys.into_values() {
            // A last part of a name says little: only if it says one thing on each side.
            let vague = pass == Pass::ShortName && (declared.len() > 1 || observed.len() > 1);
            if !vague {
                self.meet(&declared, &observed, pass);
            }
        }
    }

    fn meet(&mut self, declared: &[usize], observed: &[usize], pass: Pass) {
        let mut left = ATTEMPTS;
        let mut first = 0_usize;
        for at in declared {
            let Some(item) = self.declared.get(*at) else { continue };
            // Those in front that are taken are not looked at again: a thousand things of one name are no million.
            while observed.get(first).is_some_and(|other| self.free_observed.get(*other) == Some(&false)) {
                first = first.saturating_add(1);
            }
            for other in observed.iter().skip(first) {
                let done = self.free_declared.get(*at) != Some(&true) && !item.many;
                if done || left == 0 {
                    break;
                }
                left = left.saturating_sub(1);
                self.join(*at, *other, pass);
            }
        }
    }

    fn join(&mut self, declared: usize, observed: usize, pass: Pass) {
        let (Some(own), Some(other)) = (self.declared.get(declared), self.observed.get(observed)) else {
            return;
        };
        if self.free_observed.get(observed) != Some(&true)
            || !conflict::compatible(own, other, pass, self.namespaces)
        {
            return;
        }
        if let (Some(free), Some(taken)) =
            (self.free_declared.get_mut(declared), self.free_observed.get_mut(observed))
        {
            *free = false;
            *taken = false;
            self.pairs.push(Pair { declared, observed, pass });
        }
    }

    /// What is equal in all that is known of it, and can only be by being the same. Both lists are sorted by all of it
    /// but where it comes from, so one walk along both finds them.
    fn identical(&mut self) {
        let (mut at, mut other) = (0_usize, 0_usize);
        while let (Some(own), Some(seen)) = (self.declared.get(at), self.observed.get(other)) {
            match own.order(seen) {
                Ordering::Less => at = at.saturating_add(1),
                Ordering::Greater => other = other.saturating_add(1),
                Ordering::Equal => {
                    self.join(at, other, strongest(own));
                    at = at.saturating_add(1);
                    other = other.saturating_add(1);
                }
            }
        }
    }

    /// What has no key at all is the same only if all of it is, however it was said.
    fn same(&mut self) {
        let mut waiting: BTreeMap<Bare<'_>, Vec<usize>> = BTreeMap::new();
        let observed = self.observed;
        for (index, item) in observed.iter().enumerate().rev() {
            if self.free_observed.get(index) == Some(&true) {
                waiting.entry(Bare(item)).or_default().push(index);
            }
        }
        for (index, item) in self.declared.iter().enumerate() {
            if self.free_declared.get(index) != Some(&true) {
                continue;
            }
            if let Some(other) = waiting.get_mut(&Bare(item)).and_then(Vec::pop) {
                self.join(index, other, Pass::Same);
            }
        }
    }

    /// Patterns have no key: each is compared with all that is left. There are few of them.
    fn patterns(&mut self, pass: Pass) {
        for at in 0..self.declared.len() {
            let Some(item) = self.declared.get(at) else { continue };
            let host = item.host.as_ref().filter(|host| pass == Pass::Host && host.is_pattern());
            let paths: Vec<_> =
                item.paths.iter().filter(|path| pass == Pass::Path && path.is_pattern()).collect();
            if host.is_none() && paths.is_empty() {
                continue;
            }
            for other in 0..self.observed.len() {
                let Some(seen) = self.observed.get(other) else { continue };
                if self.free_observed.get(other) != Some(&true) || !item.kind.compares_with(seen.kind) {
                    continue;
                }
                let by_host = host.is_some_and(|pattern| {
                    seen.host.as_ref().is_some_and(|host| pattern.matches(host.as_str()))
                        && (item.port.is_none() || item.port == seen.port)
                });
                let by_path =
                    paths.iter().any(|pattern| seen.paths.iter().any(|path| pattern.matches(path.as_str())));
                if by_host || by_path {
                    self.join(at, other, pass);
                }
            }
        }
    }
}

/// An item without where it comes from and how it was said.
struct Bare<'a>(&'a Item);

impl Ord for Bare<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.order(other.0)
    }
}

impl PartialOrd for Bare<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Bare<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Bare<'_> {}

/// The first pass in which an item has a key: why it would meet one that is equal to it.
fn strongest(item: &Item) -> Pass {
    let passes = if item.kind == Kind::Endpoint { Pass::ENDPOINTS } else { Pass::ITEMS };
    passes.iter().copied().find(|pass| has_keys(item, *pass)).unwrap_or(Pass::Same)
}

fn has_keys(item: &Item, pass: Pass) -> bool {
    // Most things have a digest, and it need not be written down for that.
    if pass == Pass::Digest { !item.digests.is_empty() } else { !item_keys(item, pass).is_empty() }
}

fn item_keys(item: &Item, pass: Pass) -> BTreeSet<String> {
    match pass {
        Pass::Digest => {
            item.digests.iter().map(|hash| format!("{}:{}", hash.algorithm(), hash.hex())).collect()
        }
        Pass::Purl => {
            item.purl.iter().filter(|purl| purl_key(purl).is_some()).map(ToString::to_string).collect()
        }
        Pass::PurlName => item.purl.as_ref().and_then(purl_key).into_iter().collect(),
        Pass::Path => {
            item.paths.iter().filter(|path| !path.is_pattern()).map(|path| path.as_str().to_owned()).collect()
        }
        Pass::Name => names(item),
        Pass::ShortName => match item.kind {
            Kind::Model | Kind::Adapter | Kind::Data | Kind::Program | Kind::McpServer => short_names(item),
            Kind::Library | Kind::Package | Kind::Endpoint | Kind::Image | Kind::Device | Kind::Code => {
                BTreeSet::new()
            }
        },
        Pass::Hint => names(item).into_iter().chain(hints(item)).collect(),
        Pass::Refuted => names(item).into_iter().chain(refuted(item)).collect(),
        Pass::HostPort => match (&item.host, item.port) {
            (Some(host), Some(port)) => BTreeSet::from([format!("{host}:{port}")]),
            _ => addresses(item),
        },
        Pass::Host => item.host.iter().map(ToString::to_string).collect(),
        Pass::ClusterService => {
            let service = item.host.as_ref().and_then(|host| conflict::service(host.as_str()));
            service.map(|service| service.name.to_owned()).into_iter().collect()
        }
        Pass::Provider => {
            let named = item.provider.iter().filter(|name| !name.is_empty() && item.host.is_some());
            named.map(|name| name.to_lowercase()).collect()
        }
        Pass::Same => BTreeSet::new(),
        Pass::Domain => item
            .host
            .iter()
            .filter(|host| {
                !host.is_pattern() && !conflict::is_in_cluster(host.as_str()) && host.as_str().contains('.')
            })
            .map(|host| host.registrable().to_owned())
            .collect(),
    }
}

fn addresses(item: &Item) -> BTreeSet<String> {
    let port = item.port.unwrap_or(0);
    item.addresses.iter().map(|address| format!("{address}:{port}")).collect()
}
