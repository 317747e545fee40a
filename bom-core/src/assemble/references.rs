//! Names inside the document. By content where there is a digest, by what is known otherwise; never
//! by position, so that the same things have the same names in two documents.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::{
    bom::{BomRef, DocumentError, Purl, PurlError},
    identify::{Endpoint, Library, Model, Package, Program, SubjectView, UnixPeer, View},
    metadata::ModelRole,
    package::purl,
    path::SeenPath,
};

/// The reference of everything in a view, by its index there.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) subjects: Vec<BomRef>,
    pub(super) programs: Vec<BomRef>,
    pub(super) models: Vec<BomRef>,
    pub(super) libraries: Vec<BomRef>,
    pub(super) packages: Vec<BomRef>,
    pub(super) code: Vec<BomRef>,
    pub(super) endpoints: Vec<BomRef>,
    pub(super) unix_peers: Vec<BomRef>,
    pub(super) devices: Vec<BomRef>,
}

impl Names {
    pub(super) fn of(view: &View, deterministic: bool) -> Result<Self, super::AssembleError> {
        let mut taken = BTreeMap::new();
        let mut unique = |name: String| -> Result<BomRef, DocumentError> {
            // Two artifacts that nothing known tells apart are still two.
            let count = taken.entry(name.clone()).or_insert(0_u32);
            *count += 1;
            BomRef::new(if *count == 1 { name } else { format!("{name}~{count}") })
        };
        let mut subjects = Vec::new();
        for subject in &view.subjects {
            subjects.push(unique(subject_name(subject, deterministic))?);
        }
        let mut models = Vec::new();
        for model in &view.models {
            models.push(unique(model_name(model))?);
        }
        let mut libraries = Vec::new();
        for library in &view.libraries {
            libraries.push(unique(library_name(library))?);
        }
        let mut packages = Vec::new();
        for package in &view.packages {
            packages.push(unique(package_name(view, package))?);
        }
        let mut code = Vec::new();
        for item in &view.code {
            let paths = item.uses.iter().flat_map(|usage| &usage.paths);
            code.push(unique(by_content("code", item.digest.as_deref(), paths))?);
        }
        let mut endpoints = Vec::new();
        for endpoint in &view.endpoints {
            endpoints.push(unique(endpoint_name(endpoint))?);
        }
        let mut unix_peers = Vec::new();
        for peer in &view.unix_peers {
            unix_peers.push(unique(format!("service:{}", unix_name(peer)))?);
        }
        let mut devices = Vec::new();
        for device in &view.devices {
            devices.push(unique(format!("device:{}", device.path))?);
        }
        let mut programs: Vec<BomRef> = Vec::new();
        let used = used_by_program(view, &models, &libraries, &packages, &code, &endpoints);
        for (index, program) in view.programs.iter().enumerate() {
            let subject = subjects.get(program.subject).map_or("", BomRef::as_str);
            let parent = program.parent.and_then(|parent| programs.get(parent)).map_or("", BomRef::as_str);
            let uses = used.get(&index).cloned().unwrap_or_default();
            let name = program_name(program, subject, parent, &uses);
            programs.push(unique(name)?);
        }
        Ok(Self { subjects, programs, models, libraries, packages, code, endpoints, unix_peers, devices })
    }
}

/// The package URL of a package; those of a system need the system's own name.
pub(super) fn package_purl(view: &View, package: &Package) -> Result<Purl, PurlError> {
    purl(
        package.ecosystem,
        &package.name,
        Some(&package.version),
        package.architecture.as_deref(),
        distribution(view),
    )
}

/// ID and VERSION_ID of the observed system.
pub(super) fn distribution(view: &View) -> Option<(&str, &str)> {
    let hosts = view.subjects.iter().flat_map(|subject| &subject.host);
    hosts
        .filter_map(|host| host.distribution.as_ref())
        .map(|(id, version)| (id.as_str(), version.as_str()))
        .next()
}

/// What an endpoint is called: its host, or the address if no name is known.
pub(super) fn endpoint_host(endpoint: &Endpoint) -> String {
    let address = || endpoint.addresses.first().map(ToString::to_string).unwrap_or_default();
    endpoint.host.clone().unwrap_or_else(address)
}

/// What the other end of a unix socket is called. Abstract names are written with an `@`, as everywhere.
pub(super) fn unix_name(peer: &UnixPeer) -> String {
    unix_text(peer.name.as_ref())
}

pub(super) fn unix_text(name: Option<&SeenPath>) -> String {
    match name {
        None => "unix:".to_owned(),
        Some(name) => match name.bytes().split_first() {
            Some((0, rest)) => format!("unix:@{}", SeenPath::new(rest).escaped()),
            _ => format!("unix:{}", name.escaped()),
        },
    }
}

fn subject_name(subject: &SubjectView, deterministic: bool) -> String {
    if deterministic {
        let name = subject.names.first().map_or("unnamed", String::as_str);
        return format!("subject:{}", short(&[name]));
    }
    let session = subject.key.session.map(|start| start.to_string()).unwrap_or_default();
    format!("subject:{}", short(&[&subject.key.boot, &subject.key.cgroup.to_string(), &session]))
}

fn model_name(model: &Model) -> String {
    let kind = if model.metadata.role.is_none_or(ModelRole::is_model) { "model" } else { "data" };
    // A set is known by its parts, if all of them were met and hashed.
    let parts: Option<Vec<&str>> = model.parts.values().map(|part| part.digest.as_deref()).collect();
    if let (None, Some(digests)) = (&model.digest, parts.filter(|digests| !digests.is_empty())) {
        return format!("{kind}:set:{}", short(&digests));
    }
    by_content(kind, model.digest.as_deref(), model.uses.iter().flat_map(|usage| &usage.paths))
}

fn library_name(library: &Library) -> String {
    by_content("library", library.digest.as_deref(), library.uses.iter().flat_map(|usage| &usage.paths))
}

fn package_name(view: &View, package: &Package) -> String {
    match package_purl(view, package) {
        Ok(purl) => purl.as_str().to_owned(),
        // METADATA can hold anything; what fits no purl is still a package.
        Err(_) => {
            format!("package:local:{}", short(&[package.ecosystem.name(), &package.name, &package.version]))
        }
    }
}

fn endpoint_name(endpoint: &Endpoint) -> String {
    format!("service:{}:{}", endpoint_host(endpoint), endpoint.port)
}

fn program_name(program: &Program, subject: &str, parent: &str, uses: &[String]) -> String {
    let mut parts = vec![subject.to_owned(), parent.to_owned(), program.digest.clone().unwrap_or_default()];
    parts.extend(program.paths.iter().chain(&program.requested).map(SeenPath::escaped));
    parts.extend_from_slice(uses);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    format!("program:{}", short(&parts))
}

fn by_content<'a>(kind: &str, digest: Option<&str>, paths: impl Iterator<Item = &'a SeenPath>) -> String {
    match digest {
        Some(digest) => format!("{kind}:sha256:{digest}"),
        None => {
            let paths: Vec<String> = paths.map(SeenPath::escaped).collect();
            let parts: Vec<&str> = paths.iter().map(String::as_str).collect();
            format!("{kind}:local:{}", short(&parts))
        }
    }
}

fn used_by_program(
    view: &View,
    models: &[BomRef],
    libraries: &[BomRef],
    packages: &[BomRef],
    code: &[BomRef],
    endpoints: &[BomRef],
) -> BTreeMap<usize, Vec<String>> {
    let mut used: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    let all = (models.iter().zip(view.models.iter().map(|item| &item.uses)))
        .chain(libraries.iter().zip(view.libraries.iter().map(|item| &item.uses)))
        .chain(packages.iter().zip(view.packages.iter().map(|item| &item.uses)))
        .chain(code.iter().zip(view.code.iter().map(|item| &item.uses)))
        .chain(endpoints.iter().zip(view.endpoints.iter().map(|item| &item.uses)));
    for (name, uses) in all {
        for usage in uses {
            used.entry(usage.program).or_default().push(name.as_str().to_owned());
        }
    }
    for names in used.values_mut() {
        names.sort();
    }
    used
}

/// Sixteen hexadecimal digits of a digest over the parts, each behind its length.
pub(super) fn short(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
