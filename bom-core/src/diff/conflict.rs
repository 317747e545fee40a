//! What speaks against two items that meet under a key.
//!
//! A name says little: two owners can have a model of one name, two namespaces a service, two folders a file. What is
//! known of both may not disagree where the key does not say it.

use std::collections::BTreeSet;

use super::{Pass, normal::purl_key, pairing::Namespaces};
use crate::declared::{Item, Kind, Origin};

/// Whether the two can be the same thing.
pub(super) fn compatible(declared: &Item, observed: &Item, pass: Pass, within: Namespaces<'_>) -> bool {
    if !kinds(declared, observed) {
        return false;
    }
    match pass {
        Pass::Name | Pass::ShortName | Pass::Hint | Pass::Refuted => {
            ecosystems(declared, observed) && owners(declared, observed) && places(declared, observed)
        }
        Pass::Host if declared.many => declared.port.is_none() || declared.port == observed.port,
        Pass::ClusterService => match namespaces(declared, observed, within) {
            Some((Some(own), Some(other))) => own == other,
            // It cannot be told, and the pair says so.
            Some((None, _) | (_, None)) => true,
            None => false,
        },
        Pass::Digest
        | Pass::Purl
        | Pass::PurlName
        | Pass::Path
        | Pass::HostPort
        | Pass::Host
        | Pass::Provider
        | Pass::Domain
        | Pass::Same => true,
    }
}

/// Weights are no data. A manifest that names a model means what is loaded along with it as well.
fn kinds(declared: &Item, observed: &Item) -> bool {
    let weights = |item: &Item| matches!(item.kind, Kind::Model | Kind::Adapter);
    match (declared.kind, observed.kind) {
        (Kind::Data, _) => !weights(observed),
        (_, Kind::Data) if weights(declared) => !is_of_document(declared),
        _ => true,
    }
}

/// Whether it comes from a document, where each thing stands for itself.
pub(super) fn is_of_document(item: &Item) -> bool {
    item.origins.iter().any(|origin| match origin {
        Origin::Declared { field, .. } => field == crate::manifest::fields::DOCUMENT.name,
        Origin::Observed { .. } => true,
    })
}

/// Two ecosystems may use one name for two things.
fn ecosystems(declared: &Item, observed: &Item) -> bool {
    match (&declared.ecosystem, &observed.ecosystem) {
        (Some(own), Some(other)) => own == other || !matches!(declared.kind, Kind::Package | Kind::Library),
        _ => true,
    }
}

/// `OWNER/NAME` of both, where both have one.
fn owners(declared: &Item, observed: &Item) -> bool {
    let (own, other) = (owned(declared), owned(observed));
    own.is_empty() || other.is_empty() || !own.is_disjoint(&other)
}

/// Registries that a name without one means.
const USUAL: &[&str] = &["registry.ollama.ai/", "docker.io/", "huggingface.co/", "hf.co/"];

/// Its names that say whose it is.
fn owned(item: &Item) -> BTreeSet<String> {
    let is_path = |name: &str| {
        name.starts_with(['/', '.', '~'])
            || name.contains("://")
            || item.paths.iter().any(|path| path.as_str().ends_with(name))
    };
    let all = std::iter::once(&item.name).chain(&item.aliases);
    let named = all.filter(|name| name.contains('/') && !is_path(name)).map(|name| {
        let name = name.to_lowercase();
        let bare = USUAL.iter().find_map(|usual| name.strip_prefix(usual)).unwrap_or(&name);
        bare.to_owned()
    });
    let mut found: BTreeSet<String> = named.collect();
    // A tag is no part of the name.
    let untagged: Vec<String> =
        found.iter().filter_map(|name| name.rsplit_once(':')).map(|(name, _)| name.to_owned()).collect();
    found.extend(untagged);
    // A bare name of this store has an owner all the same.
    if item.ecosystem.as_deref() == Some("ollama") && found.is_empty() {
        let bare = item.name.split(':').next().unwrap_or(&item.name);
        found.insert(format!("library/{}", bare.to_lowercase()));
    }
    found
}

/// A file of one name in another place is another file, unless its content can be compared.
fn places(declared: &Item, observed: &Item) -> bool {
    let by_place =
        matches!(declared.kind, Kind::Model | Kind::Adapter | Kind::Data | Kind::Library | Kind::Program);
    let said = declared.paths.iter().any(|path| path.as_str().starts_with(['/', '*']));
    let seen = observed.paths.iter().any(|path| path.as_str().starts_with('/'));
    if !by_place || !said || !seen || comparable(declared, observed) {
        return true;
    }
    // The path by which a program was started is a link's, its own is another.
    let all = |item: &'_ Item| -> BTreeSet<String> {
        let paths = item.paths.iter().map(ToString::to_string);
        paths.chain(item.aliases.iter().cloned()).collect()
    };
    let meets = |one: &Item, other: &Item| {
        let known = all(other);
        one.paths.iter().any(|own| known.iter().any(|path| own.matches(path)))
    };
    meets(declared, observed) || meets(observed, declared)
}

/// Whether both have a digest of one kind.
fn comparable(declared: &Item, observed: &Item) -> bool {
    declared
        .digests
        .iter()
        .any(|own| observed.digests.iter().any(|other| own.algorithm() == other.algorithm()))
}

/// A host as a service of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Service<'h> {
    /// `NAME`.
    pub(super) name: &'h str,
    /// `NAMESPACE`, if it says one.
    namespace: Option<&'h str>,
    /// It can be nothing else: `.svc` stands in it.
    sure: bool,
}

/// `NAME`, `NAME.NAMESPACE`, `NAME.NAMESPACE.svc` and `NAME.NAMESPACE.svc.cluster.local`.
pub(super) fn service(host: &str) -> Option<Service<'_>> {
    let bare = host.strip_suffix(".cluster.local").unwrap_or(host);
    let mut labels = bare.split('.');
    match (labels.next()?, labels.next(), labels.next(), labels.next()) {
        ("", ..) => None,
        (name, None, _, _) => Some(Service { name, namespace: None, sure: false }),
        (name, Some(namespace), None, _) if host == bare => {
            Some(Service { name, namespace: Some(namespace), sure: false })
        }
        (name, Some(namespace), Some("svc"), None) => {
            Some(Service { name, namespace: Some(namespace), sure: true })
        }
        _ => None,
    }
}

/// Whether a host can only be one of a cluster.
pub(super) fn is_in_cluster(host: &str) -> bool {
    service(host).is_some_and(|service| service.sure || service.namespace.is_none())
}

/// The namespaces of two services of one name, each with that of the workload where it says none. `None` if they
/// need not be services of a cluster at all.
pub(super) fn namespaces<'i>(
    declared: &'i Item,
    observed: &'i Item,
    within: Namespaces<'i>,
) -> Option<(Option<&'i str>, Option<&'i str>)> {
    let own = service(declared.host.as_ref()?.as_str())?;
    let other = service(observed.host.as_ref()?.as_str())?;
    // Two labels alone are a domain as well.
    (own.sure || other.sure)
        .then_some((own.namespace.or(within.declared), other.namespace.or(within.observed)))
}

/// Whether the names of what a pair's package URLs say hold although a store is contradicted: the URL is only given
/// where the store's record agrees.
pub(super) fn sound_purl(declared: &Item, observed: &Item) -> bool {
    let key = |item: &Item| item.purl.as_ref().and_then(purl_key);
    key(declared).is_some() && key(declared) == key(observed)
}
