//! One component or service as an item.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::bom::{
    Component, ComponentKind, Hash, HashAlgorithm, License, LicenseName, Licenses, Property, Service,
};
use crate::declared::{HostPattern, Item, Kind, Origin, PathPattern, Set};
use crate::manifest::{Address, address};

/// The values of a property.
pub(super) fn values<'p>(properties: &'p [Property], name: &str) -> impl Iterator<Item = &'p str> {
    properties.iter().filter(move |property| property.name == name).map(|property| property.value.as_str())
}

fn value<'p>(properties: &'p [Property], name: &str) -> Option<&'p str> {
    values(properties, name).next()
}

/// What a component is; `None` for what takes no part in a comparison.
pub(super) fn kind(component: &Component) -> Option<Kind> {
    let role = value(&component.properties, "aibom:role");
    Some(match component.kind {
        ComponentKind::MachineLearningModel if role == Some("adapter") => Kind::Adapter,
        ComponentKind::MachineLearningModel => Kind::Model,
        ComponentKind::Data => Kind::Data,
        ComponentKind::Library | ComponentKind::Framework => {
            let ours = value(&component.properties, "aibom:package:ecosystem").is_some();
            // In our documents a shared library has its role, and a package its ecosystem. Other tools list packages,
            // with or without a package URL; a shared library only where the name says that it is one.
            let file = component.name.ends_with(".so") || component.name.contains(".so.");
            let is_package = ours || (role.is_none() && (component.purl.is_some() || !file));
            if is_package { Kind::Package } else { Kind::Library }
        }
        // Some tools call every package of a language an application; its package URL says what it is.
        ComponentKind::Application if role.is_none() && is_from_registry(component) => Kind::Package,
        ComponentKind::Application => Kind::Program,
        ComponentKind::Container => Kind::Image,
        ComponentKind::Device => Kind::Device,
        ComponentKind::File if role == Some("unlisted-code") => Kind::Code,
        // Files of other tools: what they are is not said, and they are counted.
        ComponentKind::Platform
        | ComponentKind::OperatingSystem
        | ComponentKind::DeviceDriver
        | ComponentKind::Firmware
        | ComponentKind::File
        | ComponentKind::CryptographicAsset => return None,
    })
}

fn is_from_registry(component: &Component) -> bool {
    const REGISTRIES: &[&str] = &["cargo", "conda", "gem", "golang", "maven", "npm", "nuget", "pypi"];
    let parts = component.purl.as_ref().and_then(crate::bom::Purl::parts);
    parts.is_some_and(|parts| REGISTRIES.contains(&parts.ty.as_str()))
}

/// The item of a component.
pub(super) fn of_component(component: &Component, kind: Kind) -> Item {
    let properties = &component.properties;
    let name = match &component.group {
        Some(group) if !group.is_empty() => format!("{group}/{}", component.name),
        _ => component.name.clone(),
    };
    let mut item = Item::new(kind, name);
    // The name alone, for tools that write `owner/repo` and for those that split it.
    item.aliases.insert(component.name.clone());
    // A digest that only a store says is nobody's look at the content: it is none to compare with.
    let hashes: Set<Hash> = component.hashes.iter().cloned().collect();
    if value(properties, "aibom:hash:source") == Some("store-recorded") {
        item.recorded = hashes;
    } else {
        item.digests = hashes;
    }
    let whole = value(properties, "aibom:model:set_digest").and_then(|text| text.strip_prefix("sha256:"));
    item.whole = whole.and_then(|hex| Hash::new(HashAlgorithm::Sha256, hex).ok());
    item.digests.extend(item.whole.clone());
    item.purl = component.purl.clone();
    item.version = component.version.as_ref().map(|version| version.as_str().to_owned());
    item.licenses = licenses(&component.licenses);
    item.role = value(properties, "aibom:role").map(str::to_owned);
    for name in ["aibom:model:file_name", "aibom:elf:soname", "cdx:ai:modelId"] {
        item.aliases.extend(values(properties, name).map(str::to_owned));
    }
    // What a file calls itself is its author's word, and the author may be the one that is looked for.
    item.hints.extend(values(properties, "aibom:claim:name").map(str::to_owned));
    for path in values(properties, "aibom:claim:exec") {
        item.aliases.insert(path.to_owned());
        item.aliases.extend(path.rsplit('/').next().map(str::to_owned));
    }
    let parts = item.purl.as_ref().and_then(crate::bom::Purl::parts);
    if let Some(parts) = &parts {
        item.ecosystem = Some(parts.ty.clone());
        if parts.ty == "huggingface" {
            item.revision = parts.version.clone();
            item.aliases.insert(format!("{}/{}", parts.namespace.as_deref().unwrap_or_default(), parts.name));
        }
        // A tool may leave the version to the purl.
        item.version = item.version.or_else(|| parts.version.clone());
    }
    if matches!(kind, Kind::Model | Kind::Adapter | Kind::Data) {
        model(component, &mut item);
    }
    let mut evidence = Set::new();
    for seen in &component.evidence.occurrences {
        evidence.extend(seen.bom_ref.as_ref().map(|reference| reference.as_str().to_owned()));
        // `<major:minor>` in front: a place on a device, which no process has called that.
        if !seen.location.starts_with('<') {
            item.paths.extend(PathPattern::seen(&seen.location));
        }
    }
    if let Some(reference) = &component.bom_ref {
        item.origins.insert(Origin::Observed { reference: reference.as_str().to_owned(), evidence });
    }
    item
}

fn model(component: &Component, item: &mut Item) {
    let card = component.model_card.iter().flat_map(|card| &card.properties);
    let quantization = card
        .chain(&component.properties)
        .find(|property| {
            property.name.ends_with(":quantization") || property.name == "aibom:model:quantization"
        })
        .map(|property| property.value.to_lowercase());
    item.quantization = quantization;
    item.base = value(&component.properties, "aibom:claim:base_model")
        .map(str::to_owned)
        .or_else(|| component.pedigree.ancestors.first().map(|base| base.name.clone()));
    item.licenses.extend(values(&component.properties, "aibom:claim:license").map(str::to_owned));
    // The version of a model is a revision where it is a commit, and says nothing else.
    if let Some(version) = item.version.take() {
        let still = version.len() >= 7 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
        let branch = matches!(version.as_str(), "main" | "master" | "latest");
        if (still || branch) && item.revision.is_none() {
            item.revision = Some(version);
        }
    }
    stored(component, item);
}

/// What stores say of it: names and revisions, unless what was read contradicts them.
fn stored(component: &Component, item: &mut Item) {
    let properties = &component.properties;
    let ours = properties.iter().any(|property| property.name.starts_with("aibom:"));
    item.unread = ours && item.digests.is_empty();
    let names = values(properties, "aibom:store:name").map(str::to_owned);
    // Which of several stores it is that differs is not said, so none of them names it.
    let differs = |word: &str| word.starts_with("differs");
    let refuted = values(properties, "aibom:store:recorded_digest").any(differs)
        || values(properties, "aibom:model:part").any(|part| part.contains(" differs="));
    if refuted {
        item.refuted.extend(names);
        // A store without a name is contradicted all the same.
        if item.refuted.is_empty() {
            item.refuted.insert(item.name.clone());
        }
        return;
    }
    item.aliases.extend(names);
    for name in ["aibom:store:revision", "aibom:store:reference"] {
        for revision in values(properties, name) {
            item.revision = item.revision.take().or(Some(revision.to_owned()));
            item.revisions.insert(revision.to_owned());
        }
    }
}

fn licenses(licenses: &Licenses) -> Set<String> {
    match licenses {
        Licenses::List(list) => list.iter().map(license).collect(),
        Licenses::Expression { .. } => [licenses_expression(licenses)].into_iter().flatten().collect(),
    }
}

fn license(license: &License) -> String {
    match &license.name {
        LicenseName::Spdx(id) => id.as_str().to_owned(),
        LicenseName::Named(name) => name.clone(),
    }
}

fn licenses_expression(licenses: &Licenses) -> Option<String> {
    match licenses {
        Licenses::Expression { text, .. } => Some(text.clone()),
        Licenses::List(_) => None,
    }
}

/// The items of a service: one for each address that another tool gives it, one if it is ours.
pub(super) fn of_service(service: &Service) -> Vec<Item> {
    let found: Vec<Address> =
        service.endpoints.iter().filter_map(|endpoint| address(endpoint.as_str(), false)).collect();
    let ours = value(&service.properties, "aibom:net:remote_port").is_some();
    if ours || found.len() < 2 {
        return vec![with_address(service, found.into_iter().next())];
    }
    found.into_iter().map(|address| with_address(service, Some(address))).collect()
}

fn with_address(service: &Service, found: Option<Address>) -> Item {
    let properties = &service.properties;
    let mut item = Item::new(Kind::Endpoint, service.name.clone());
    let unix = value(properties, "aibom:net:transport") == Some("unix");
    let named = HostPattern::new(&service.name)
        .filter(|host| !unix && (host.as_str().contains('.') || host.as_str().contains(':')));
    let port = value(properties, "aibom:net:remote_port").and_then(|text| text.parse().ok());
    // Ours are named by the host; others by a word for people.
    let ours = port.is_some();
    item.host = if ours {
        named.or(found.as_ref().map(|found| found.host.clone()))
    } else {
        found.as_ref().map(|found| found.host.clone()).or(named)
    };
    item.port = port.or(found.and_then(|found| found.port));
    if unix {
        item.host = None;
    }
    item.provider = service.provider.as_ref().and_then(|provider| provider.name.clone());
    item.role = value(properties, "aibom:net:role").or(service.group.as_deref()).map(str::to_owned);
    for address in values(properties, "aibom:net:remote_ip") {
        item.addresses.extend(address.parse::<IpAddr>());
    }
    item.transports.extend(values(properties, "aibom:net:transport").map(str::to_owned));
    said(properties, &mut item);
    let mut evidence = Set::new();
    for text in values(properties, "aibom:evidence") {
        evidence.extend(text.split(' ').next().map(str::to_owned));
    }
    if let Some(reference) = &service.bom_ref {
        item.origins.insert(Origin::Observed { reference: reference.as_str().to_owned(), evidence });
    }
    item
}

/// Who gave it its name: a stream can call its peer what it likes, an answer of DNS links a name with an address.
fn said(properties: &[Property], item: &mut Item) {
    for mismatch in values(properties, "aibom:net:name_mismatch") {
        let name = mismatch.split_once(' ').map_or(mismatch, |(_, name)| name);
        item.refuted.insert(name.to_owned());
    }
    let named = |source: &str| values(properties, &format!("aibom:net:name:{source}")).next().is_some();
    let by_stream = ["sni", "host", "proxy"].into_iter().any(named);
    let by_dns = ["dns", "dns-expired", "dns-alias"].into_iter().any(named);
    if let Some(host) = &item.host
        && by_stream
        && !by_dns
    {
        item.hints.insert(host.as_str().to_owned());
    }
}

/// Subjects that used a component or a service.
pub(super) fn subjects<'c>(contexts: impl Iterator<Item = &'c str>) -> BTreeSet<&'c str> {
    contexts.flat_map(|context| context.split(' ')).filter_map(|word| word.strip_prefix("subject=")).collect()
}

/// Names of the items by their reference.
pub(super) type ByReference<'a> = BTreeMap<&'a str, &'a Component>;
