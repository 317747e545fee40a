//! Two items that are the same thing: where do they differ?

use super::{Finding, Pass, codes, conflict, normal, pairing::Namespaces};
use crate::bom::Hash;
use crate::declared::{Force, Item, Kind};
use crate::manifest::is_commit;

/// What makes a finding about a pair.
type New<'n> = dyn Fn(&'static super::Code, &str) -> Finding + 'n;

/// Everything in which the observed item is not what was declared, and everything of it that cannot be told.
pub(super) fn drift(
    declared: &Item,
    observed: &Item,
    pass: Pass,
    within: Namespaces<'_>,
    (workload, file): (&str, &str),
) -> Vec<Finding> {
    let new = |code, what: &str| {
        let finding = Finding::new(code, workload, Some(observed.kind), &declared.name, what);
        let finding = finding.declared(declared).seen(observed, file);
        Finding { matched: Some(pass.words()), ..finding }
    };
    if declared.kind == Kind::Endpoint {
        return endpoint(declared, observed, pass, within, &new);
    }
    let mut found = content(declared, observed, pass, &new);
    if pass == Pass::Hint {
        let text = format!(
            "only a hint says that {} is {}: what it calls itself, or what runs it",
            observed.name, declared.name
        );
        found.push(new(codes::IDENTITY_UNKNOWN, &observed.name).saying(text));
    }
    found.extend(revision(declared, observed, &new));
    found.extend(version(declared, observed, pass, &new));
    found.extend(quantization(declared, observed, &new));
    found.extend(base(declared, observed, &new));
    found.extend(licenses(declared, observed, &new));
    if pass == Pass::Digest {
        found.extend(same_content(declared, observed, &new));
    }
    found
}

/// Is it what was declared, and was that looked at?
fn content(declared: &Item, observed: &Item, pass: Pass, new: &New<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    // Another version of a package has other content, and between documents that is said by its version. A digest that
    // a person declared is one content.
    let other_version = matches!(declared.kind, Kind::Package | Kind::Library)
        && conflict::is_of_document(declared)
        && matches!((&declared.version, &observed.version), (Some(a), Some(b)) if normal::version(a) != normal::version(b));
    let different = different_content(declared, observed).filter(|_| !other_version);
    match different {
        Some((own, Some(other))) => {
            let text = format!(
                "{} was declared with {}, and {} was loaded under that name",
                declared.name,
                short(own),
                short(other)
            );
            found.push(new(codes::CONTENT_DRIFT, other.hex()).saying(text));
        }
        Some((own, None)) => {
            let store = observed.recorded.first().map_or_else(
                || "what was loaded has no digest".to_owned(),
                |hash| format!("what was loaded was not read, and its store recorded {}", short(hash)),
            );
            let text = format!("{} was declared with {}; {store}", declared.name, short(own));
            found.push(new(codes::CONTENT_UNKNOWN, own.hex()).saying(text));
        }
        None => {}
    }
    let held = !declared.digests.is_disjoint(&observed.digests);
    // A store that is contradicted says nothing of what it holds.
    if !observed.refuted.is_empty()
        && declared.refuted != observed.refuted
        && !held
        && !conflict::sound_purl(declared, observed)
        && different.is_none()
    {
        let names: Vec<&str> = observed.refuted.iter().map(String::as_str).collect();
        let text = format!(
            "{} was declared, and what lies in the store as {} is not what the store recorded",
            declared.name,
            names.join(", ")
        );
        let what = observed.digests.first().map_or("", |hash| hash.hex());
        found.push(new(codes::CONTENT_DRIFT, what).saying(text));
    }
    // Two documents that know a thing only by its store agree if the store recorded the same.
    let both = conflict::is_of_document(declared) && declared.unread && observed.unread;
    if both && declared.recorded != observed.recorded {
        let text = format!("the store recorded other content of {}, and neither was read", declared.name);
        let what = observed.recorded.first().map_or("", |hash| hash.hex());
        found.push(new(codes::CONTENT_UNKNOWN, what).saying(text));
    }
    let pinned = declared.revision.as_deref().is_some_and(still);
    if pinned && observed.unread && !declared.unread && declared.digests.is_empty() && pass != Pass::Digest {
        let text = format!(
            "{} was declared at {}; what was loaded was not read, and only its store says what it is",
            declared.name,
            cut(declared.revision.as_deref().unwrap_or_default())
        );
        found.push(new(codes::CONTENT_UNKNOWN, "revision").saying(text));
    }
    found
}

fn revision(declared: &Item, observed: &Item, new: &New<'_>) -> Option<Finding> {
    let own = declared.revision.as_deref()?;
    let pinned = still(own);
    let known: Vec<&str> = observed.revision.iter().chain(&observed.revisions).map(String::as_str).collect();
    if known.iter().any(|other| *other == own || pinned && still(other) && same_revision(own, other)) {
        return None;
    }
    // Commits are compared with commits, and names that move with names that move.
    if let Some(other) = known.iter().find(|other| still(other) == pinned) {
        let text = format!("{} was declared at {}, {} is used", declared.name, cut(own), cut(other));
        return Some(new(codes::REVISION_DRIFT, other).saying(text));
    }
    // The same content is the same, whatever its commit; and a store that is contradicted was spoken of.
    if !pinned || !declared.digests.is_disjoint(&observed.digests) || !observed.refuted.is_empty() {
        return None;
    }
    let text =
        format!("{} was declared at {}, and nothing says which commit is used", declared.name, cut(own));
    Some(new(codes::REVISION_UNKNOWN, own).saying(text))
}

fn version(declared: &Item, observed: &Item, pass: Pass, new: &New<'_>) -> Option<Finding> {
    let own = declared.version.as_deref()?;
    if pass == Pass::Digest {
        return None;
    }
    match declared.kind {
        Kind::Package | Kind::Library | Kind::Program | Kind::McpServer => {
            let Some(other) = &observed.version else {
                let text = format!("{} {own} was declared, and its version is not known", declared.name);
                return Some(new(codes::PROPERTY_UNKNOWN, "version").saying(text));
            };
            (normal::version(own) != normal::version(other)).then(|| {
                let text = format!("{} {own} was declared, {other} is used", declared.name);
                new(codes::VERSION_DRIFT, other).saying(text)
            })
        }
        // The tag of a model: `llama3.2:1b`.
        Kind::Model | Kind::Adapter => {
            let tags: Vec<&String> = observed.revisions.iter().filter(|name| !still(name)).collect();
            let own_is_tag = !own.contains(':');
            if tags.is_empty() || !own_is_tag || tags.iter().any(|tag| *tag == own) {
                return None;
            }
            let other = tags.first()?;
            let text = format!("{} was declared as {own}, {other} is used", declared.name);
            Some(new(codes::REVISION_DRIFT, other).saying(text))
        }
        Kind::Data | Kind::Endpoint | Kind::Image | Kind::Device | Kind::Code => None,
    }
}

fn quantization(declared: &Item, observed: &Item, new: &New<'_>) -> Option<Finding> {
    let own = declared.quantization.as_deref()?;
    let Some(other) = &observed.quantization else {
        let text = format!("{} was declared as {own}, and its quantisation is not known", declared.name);
        return Some(new(codes::PROPERTY_UNKNOWN, "quantization").saying(text));
    };
    let text = format!("{} was declared as {own}, {other} is loaded", declared.name);
    (folded(own) != folded(other)).then(|| new(codes::QUANTIZATION_DRIFT, other).saying(text))
}

fn base(declared: &Item, observed: &Item, new: &New<'_>) -> Option<Finding> {
    let own = declared.base.as_deref().filter(|_| declared.kind == Kind::Adapter)?;
    let Some(other) = &observed.base else {
        if !declared.digests.is_disjoint(&observed.digests) {
            return None;
        }
        let text = format!("{} was declared for {own}, and does not say what it is for", declared.name);
        return Some(new(codes::ADAPTER_BASE_UNKNOWN, own).saying(text));
    };
    let text = format!("{} was declared for {own}, and says that it is for {other}", declared.name);
    (!own.eq_ignore_ascii_case(other)).then(|| new(codes::ADAPTER_DRIFT, other).saying(text))
}

fn licenses(declared: &Item, observed: &Item, new: &New<'_>) -> Option<Finding> {
    if declared.licenses == observed.licenses {
        return None;
    }
    let list = |item: &Item| item.licenses.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
    let (own, other) = (list(declared), list(observed));
    if own.is_empty() || own.iter().any(|name| other.contains(name)) {
        return None;
    }
    if other.is_empty() {
        let text =
            format!("{} was declared under {}, and its licence is not known", declared.name, own.join(", "));
        return Some(new(codes::PROPERTY_UNKNOWN, "license").saying(text));
    }
    let text =
        format!("{} was declared under {}, and is under {}", declared.name, own.join(", "), other.join(", "));
    Some(new(codes::LICENSE_DRIFT, &other.join(",")).saying(text))
}

/// The same content: is it where it was declared to be, and called what it was declared as?
fn same_content(declared: &Item, observed: &Item, new: &New<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    let meets = declared.paths.iter().any(|own| observed.paths.iter().any(|path| own.matches(path.as_str())));
    if let (false, Some(own), Some(other)) = (meets, declared.paths.first(), observed.paths.first()) {
        let text = format!("{} was declared at {own} and is at {other}", declared.name);
        found.push(new(codes::MOVED, other.as_str()).saying(text));
    }
    if (declared.kind, &declared.name, &declared.aliases)
        == (observed.kind, &observed.name, &observed.aliases)
        && declared.paths == observed.paths
    {
        return found;
    }
    let (own, other) = (normal::short_names(declared), normal::short_names(observed));
    if own.intersection(&other).next().is_none() && !own.is_empty() && !other.is_empty() {
        let text = format!("{} was declared, and its content is used as {}", declared.name, observed.name);
        found.push(new(codes::NAME_MISMATCH, &observed.name).saying(text));
    }
    found
}

fn endpoint(
    declared: &Item,
    observed: &Item,
    pass: Pass,
    within: Namespaces<'_>,
    new: &New<'_>,
) -> Vec<Finding> {
    let show = |item: &Item| match (&item.host, item.port) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_string(),
        (None, _) => item.name.clone(),
    };
    let mut found = Vec::new();
    let ports = declared.port.is_some() && observed.port.is_some() && declared.port != observed.port;
    // Whatever they met under, another host is another host.
    let elsewhere = pass != Pass::ClusterService
        && match (&declared.host, &observed.host) {
            (Some(own), Some(other)) => own != other && !own.matches(other.as_str()),
            (Some(_), None) | (None, Some(_)) => pass == Pass::Name,
            (None, None) => false,
        };
    if ports || elsewhere || matches!(pass, Pass::Provider | Pass::Domain) {
        let whose = match (&observed.provider, pass) {
            (Some(provider), Pass::Provider) => format!(" ({provider})"),
            _ => String::new(),
        };
        let text = format!("{} was declared, {} was called{whose}", show(declared), show(observed));
        found.push(new(codes::ENDPOINT_DRIFT, &show(observed)).saying(text));
    }
    if pass == Pass::ClusterService
        && let Some((own, other)) = conflict::namespaces(declared, observed, within)
        && (own.is_none() || other.is_none())
    {
        let text = format!(
            "{} was declared, {} was called; whether they are of one namespace is not known",
            show(declared),
            show(observed)
        );
        found.push(new(codes::NAMESPACE_UNKNOWN, &show(observed)).saying(text));
    }
    if !observed.refuted.is_empty() && declared.refuted != observed.refuted {
        let names: Vec<&str> = observed.refuted.iter().map(String::as_str).collect();
        let at: Vec<String> = observed.addresses.iter().map(ToString::to_string).collect();
        let text = format!(
            "a stream called its peer {}, and DNS calls {} otherwise",
            names.join(", "),
            if at.is_empty() { "it".to_owned() } else { at.join(", ") }
        );
        let what = format!("{} {}", show(observed), names.join(","));
        found.push(new(codes::ENDPOINT_NAME_MISMATCH, &what).saying(text));
    } else if !observed.hints.is_empty()
        && declared.hints != observed.hints
        && observed.addresses.iter().any(|ip| !ip.is_loopback())
    {
        let text = format!("only the stream itself says that {} was called", show(observed));
        found.push(new(codes::ENDPOINT_NAME_CLAIMED, &show(observed)).saying(text));
    }
    found
}

/// What a declaration leaves open that it could pin.
pub(super) fn unpinned(item: &Item, workload: &str) -> Option<Finding> {
    let pinned = !item.digests.is_empty();
    match item.kind {
        Kind::Image if !pinned => {
            let tag = item.version.as_deref().unwrap_or("latest");
            let text = format!("image {}:{tag} is named without a digest", item.name);
            Some(
                Finding::new(codes::IMAGE_UNPINNED, workload, Some(item.kind), &item.name, "")
                    .saying(text)
                    .declared(item),
            )
        }
        Kind::Model | Kind::Adapter
            if !pinned
                && item.force == Force::Stated
                && item.host.is_none()
                && item.ecosystem.as_deref() == Some("huggingface")
                && !item.revision.as_deref().is_some_and(is_commit) =>
        {
            let how = match &item.revision {
                Some(revision) => format!("at {revision}, which can move"),
                None => "without a revision".to_owned(),
            };
            let text = format!("{} is declared {how}", item.name);
            let revision = item.revision.as_deref().unwrap_or_default();
            Some(
                Finding::new(codes::REVISION_UNPINNED, workload, Some(item.kind), &item.name, revision)
                    .saying(text)
                    .declared(item),
            )
        }
        Kind::Model
        | Kind::Adapter
        | Kind::Data
        | Kind::Library
        | Kind::Package
        | Kind::Endpoint
        | Kind::Program
        | Kind::McpServer
        | Kind::Image
        | Kind::Device
        | Kind::Code => None,
    }
}

/// The declared digest, and the one that was found in its place: `None` if nothing comparable was found.
fn different_content<'i>(declared: &'i Item, observed: &'i Item) -> Option<(&'i Hash, Option<&'i Hash>)> {
    // The same header can lead to other weights.
    if let Some(own) = &declared.whole {
        return (observed.whole.as_ref() != Some(own)).then_some((own, observed.whole.as_ref()));
    }
    let own = declared.digests.first()?;
    // Of each kind of digest by itself: where one agrees (a weak one can be made to) and another does not, it is not
    // the same content.
    let mut agrees = false;
    for own in &declared.digests {
        let of_kind = |item: &'i Item| item.digests.iter().filter(|hash| hash.algorithm() == own.algorithm());
        let Some(other) = of_kind(observed).next() else { continue };
        if !of_kind(declared).any(|hash| observed.digests.contains(hash)) {
            return Some((own, Some(other)));
        }
        agrees = true;
    }
    (!agrees).then_some((own, None))
}

fn short(hash: &Hash) -> String {
    format!("{} {}…", hash.algorithm(), cut(hash.hex()))
}

fn cut(text: &str) -> String {
    if text.len() > 12 { text.chars().take(12).collect() } else { text.to_owned() }
}

fn still(revision: &str) -> bool {
    revision.len() >= 7 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A commit may be shortened.
fn same_revision(a: &str, b: &str) -> bool {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    a.starts_with(&b) || b.starts_with(&a)
}

fn folded(text: &str) -> String {
    text.to_lowercase().replace(['-', '_'], "")
}
