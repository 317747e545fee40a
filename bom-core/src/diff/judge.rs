//! Two items that are the same thing: where do they differ?

use super::{Finding, Pass, codes, normal};
use crate::bom::Hash;
use crate::declared::{Force, Item, Kind};
use crate::manifest::is_commit;

/// Everything in which the observed item is not what was declared.
pub(super) fn drift(
    declared: &Item,
    observed: &Item,
    pass: Pass,
    workload: &str,
    file: &str,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let new = |code, what: &str| {
        let finding = Finding::new(code, workload, Some(observed.kind), &declared.name, what);
        let finding = finding.declared(declared).seen(observed, file);
        Finding { matched: Some(pass.words()), ..finding }
    };
    // Another version of a package has other content, and that is said by its version.
    let other_version = matches!(declared.kind, Kind::Package | Kind::Library)
        && matches!((&declared.version, &observed.version), (Some(a), Some(b)) if normal::version(a) != normal::version(b));
    if let Some((own, other)) = different_content(declared, observed).filter(|_| !other_version) {
        match other {
            Some(other) => {
                let text = format!(
                    "{} was declared with {}, and {} was loaded under that name",
                    declared.name,
                    short(own),
                    short(other)
                );
                found.push(new(codes::CONTENT_DRIFT, other.hex()).saying(text));
            }
            None => {
                let text = format!(
                    "{} was declared with {}; what was loaded has no digest",
                    declared.name,
                    short(own)
                );
                found.push(new(codes::CONTENT_UNKNOWN, own.hex()).saying(text));
            }
        }
    }
    if declared.kind == Kind::Endpoint {
        found.extend(endpoint(declared, observed, pass, &new));
        return found;
    }
    if let (Some(own), Some(other)) = (&declared.version, &observed.version)
        && matches!(declared.kind, Kind::Package | Kind::Library | Kind::Program | Kind::McpServer)
        && normal::version(own) != normal::version(other)
        && pass != Pass::Digest
    {
        let text = format!("{} {own} was declared, {other} is used", declared.name);
        found.push(new(codes::VERSION_DRIFT, other).saying(text));
    }
    if let (Some(own), Some(other)) = (&declared.revision, &observed.revision)
        && still(own)
        && still(other)
        && !same_revision(own, other)
    {
        let text = format!("{} was declared at {}, {} is used", declared.name, cut(own), cut(other));
        found.push(new(codes::REVISION_DRIFT, other).saying(text));
    }
    if let (Some(own), Some(other)) = (&declared.quantization, &observed.quantization)
        && folded(own) != folded(other)
    {
        let text = format!("{} was declared as {own}, {other} is loaded", declared.name);
        found.push(new(codes::QUANTIZATION_DRIFT, other).saying(text));
    }
    if let (Some(own), Some(other)) = (&declared.base, &observed.base)
        && !own.eq_ignore_ascii_case(other)
        && declared.kind == Kind::Adapter
    {
        let text = format!("{} was declared for {own}, and says that it is for {other}", declared.name);
        found.push(new(codes::ADAPTER_DRIFT, other).saying(text));
    }
    let licenses = |item: &Item| item.licenses.iter().map(|name| name.to_lowercase()).collect::<Vec<_>>();
    let (own, other) = (licenses(declared), licenses(observed));
    if !own.is_empty() && !other.is_empty() && !own.iter().any(|name| other.contains(name)) {
        let text = format!(
            "{} was declared under {}, and is under {}",
            declared.name,
            own.join(", "),
            other.join(", ")
        );
        found.push(new(codes::LICENSE_DRIFT, &other.join(",")).saying(text));
    }
    if pass == Pass::Digest {
        found.extend(same_content(declared, observed, &new));
    }
    found
}

/// The same content: is it where it was declared to be, and called what it was declared as?
fn same_content(
    declared: &Item,
    observed: &Item,
    new: &dyn Fn(&'static super::Code, &str) -> Finding,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let meets = declared.paths.iter().any(|own| observed.paths.iter().any(|path| own.matches(path.as_str())));
    if let (false, Some(own), Some(other)) = (meets, declared.paths.first(), observed.paths.first()) {
        let text = format!("{} was declared at {own} and is at {other}", declared.name);
        found.push(new(codes::MOVED, other.as_str()).saying(text));
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
    new: &dyn Fn(&'static super::Code, &str) -> Finding,
) -> Option<Finding> {
    let show = |item: &Item| match (&item.host, item.port) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_string(),
        (None, _) => item.name.clone(),
    };
    let ports = declared.port.is_some() && observed.port.is_some() && declared.port != observed.port;
    let elsewhere = matches!(pass, Pass::Provider | Pass::Domain);
    if !ports && !elsewhere {
        return None;
    }
    let whose = match (&observed.provider, pass) {
        (Some(provider), Pass::Provider) => format!(" ({provider})"),
        _ => String::new(),
    };
    let text = format!("{} was declared, {} was called{whose}", show(declared), show(observed));
    Some(new(codes::ENDPOINT_DRIFT, &show(observed)).saying(text))
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
            Some(
                Finding::new(codes::REVISION_UNPINNED, workload, Some(item.kind), &item.name, "")
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
        | Kind::Device => None,
    }
}

/// The declared digest, and the one that was found in its place: `None` if nothing comparable was found.
fn different_content<'i>(declared: &'i Item, observed: &'i Item) -> Option<(&'i Hash, Option<&'i Hash>)> {
    // The same header can lead to other weights.
    if let Some(own) = &declared.whole {
        return (observed.whole.as_ref() != Some(own)).then_some((own, observed.whole.as_ref()));
    }
    let own = declared.digests.first()?;
    if declared.digests.intersection(&observed.digests).next().is_some() {
        return None;
    }
    let comparable = declared.digests.iter().find_map(|own| {
        let other = observed.digests.iter().find(|other| other.algorithm() == own.algorithm())?;
        Some((own, other))
    });
    match comparable {
        Some((own, other)) => Some((own, Some(other))),
        None => Some((own, None)),
    }
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
