//! What a row demands to be in the document, in words of its own:
//!
//! | words | the document has |
//! |---|---|
//! | `model [PATH]` | a model whose header carries the row's name, opened at PATH |
//! | `file PATH` | the path, as an artifact, as a program's requested name or as a file that could not be looked at |
//! | `library SONAME` | a library with this soname |
//! | `program PATH` | a program that was run from PATH |
//! | `tcp ADDRESS PORT`, `udp ADDRESS PORT` | a service at this address over this transport |
//! | `peer WORD…` | a service that mentions every word |
//! | `unix NAME` | a service that mentions the Unix socket |
//! | `name SOURCE NAME` | a service with this name from this source (`*`: any) |
//! | `mismatch` | a service whose names contradict each other |
//! | `listens PORT` | that the subject listens on this port |
//! | `code PATH` | that code from this file was run in memory of no file |
//! | `gap CODE` | this gap of the row's class |
//! | `no-document` | none; an older one in its place is left whole |
//!
//! `{name}`, `{folder}` and `{model}` stand for what the program was given.

use std::collections::BTreeSet;

use bom_agent::probes::PROBES;
use bom_core::bom::{Bom, BomRef, Component, ComponentKind, Property, Service};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    Model(Option<String>),
    File(String),
    Library(String),
    Program(String),
    Address { transport: String, address: String, port: String },
    Peer(Vec<String>),
    Name { source: String, name: String },
    Mismatch,
    Listens(String),
    Code(String),
    Gap(String),
    NoDocument,
}

/// Numbers of the probes that an evidence names. The set is empty where a fact has none of its own.
pub(crate) type Witnesses = BTreeSet<u16>;

/// What `{name}` and its like stand for.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) name: String,
    pub(crate) folder: String,
    pub(crate) model: String,
}

impl Given {
    fn fill(&self, text: &str) -> String {
        text.replace("{name}", &self.name).replace("{folder}", &self.folder).replace("{model}", &self.model)
    }
}

impl Fact {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split(' ').collect();
        let owned = |word: &str| word.to_owned();
        Ok(match words[..] {
            ["model"] => Self::Model(None),
            ["model", path] => Self::Model(Some(owned(path))),
            ["file", path] => Self::File(owned(path)),
            ["library", soname] => Self::Library(owned(soname)),
            ["program", path] => Self::Program(owned(path)),
            [transport @ ("tcp" | "udp"), address, port] => {
                Self::Address { transport: owned(transport), address: owned(address), port: owned(port) }
            }
            ["peer", ref rest @ ..] if !rest.is_empty() => {
                Self::Peer(rest.iter().map(|word| owned(word)).collect())
            }
            ["unix", name] => Self::Peer(vec![owned(name)]),
            ["name", source, name] => Self::Name { source: owned(source), name: owned(name) },
            ["mismatch"] => Self::Mismatch,
            ["listens", port] => Self::Listens(owned(port)),
            ["code", path] => Self::Code(owned(path)),
            ["gap", code] => Self::Gap(owned(code)),
            ["no-document"] => Self::NoDocument,
            _ => return Err(format!("fact {text:?}")),
        })
    }

    /// Whether no other row can bring it about: it is known by the row's own name.
    pub(crate) fn is_its_own(&self) -> bool {
        let own = |text: &String| text.contains('{');
        match self {
            Self::Model(_) => true,
            Self::File(text) | Self::Program(text) | Self::Code(text) | Self::Name { name: text, .. } => {
                own(text)
            }
            Self::Peer(words) => words.iter().any(own),
            Self::Library(_)
            | Self::Address { .. }
            | Self::Mismatch
            | Self::Listens(_)
            | Self::Gap(_)
            | Self::NoDocument => false,
        }
    }

    /// Who saw it, if it is in the document.
    pub(crate) fn find(&self, bom: &Bom, gaps: &[String], given: &Given) -> Option<Witnesses> {
        let services = |test: &dyn Fn(&Service) -> bool| -> Option<Witnesses> {
            let found: Vec<&Service> = bom.services.iter().filter(|service| test(service)).collect();
            (!found.is_empty()).then(|| found.into_iter().flat_map(service_witnesses).collect())
        };
        let components = |test: &dyn Fn(&Component) -> bool, path: Option<&str>| -> Option<Witnesses> {
            let found = bom.components.iter().filter(|component| test(component));
            let mut witnesses = None;
            for occurrence in found.flat_map(|component| &component.evidence.occurrences) {
                if path.is_none_or(|path| occurrence.location == path) {
                    let reference = occurrence.bom_ref.as_ref().map(BomRef::as_str);
                    witnesses
                        .get_or_insert_with(BTreeSet::new)
                        .extend(reference.into_iter().flat_map(numbers));
                }
            }
            witnesses
        };
        match self {
            Self::Model(path) => {
                let path = path.as_ref().map(|path| given.fill(path));
                let ours = |component: &Component| {
                    component.kind == ComponentKind::MachineLearningModel
                        && has(&component.properties, "aibom:claim:bypass", &given.name)
                };
                components(&ours, path.as_deref())
            }
            Self::File(path) => {
                let path = given.fill(path);
                let asked = |component: &Component| has(&component.properties, "aibom:claim:exec", &path);
                let subject = bom.metadata.component.iter().flat_map(|subject| &subject.properties);
                let mut unread = subject.filter(|property| property.name == "aibom:unresolved");
                components(&|_| true, Some(&path)).or_else(|| components(&asked, None)).or_else(|| {
                    unread.any(|property| property.value.ends_with(&format!(": {path}"))).then(BTreeSet::new)
                })
            }
            Self::Library(soname) => components(
                &|component| {
                    component.kind == ComponentKind::Library
                        && has(&component.properties, "aibom:elf:soname", soname)
                },
                None,
            ),
            Self::Program(path) => components(
                &|component| {
                    component.bom_ref.as_ref().is_some_and(|name| name.as_str().starts_with("program:"))
                },
                Some(&given.fill(path)),
            ),
            Self::Address { transport, address, port } => services(&|service| {
                let properties = &service.properties;
                has(properties, "aibom:net:transport", transport)
                    && has(properties, "aibom:net:remote_ip", address)
                    && has(properties, "aibom:net:remote_port", port)
            }),
            Self::Peer(words) => {
                let words: Vec<String> = words.iter().map(|word| given.fill(word)).collect();
                services(&|service| words.iter().all(|word| mentions(service, word)))
            }
            Self::Name { source, name } => {
                let name = given.fill(name);
                let named = bom.services.iter().flat_map(|service| &service.properties).filter(|property| {
                    property.value == name
                        && property
                            .name
                            .strip_prefix("aibom:net:name:")
                            .is_some_and(|found| source == "*" || found == source)
                });
                let sources: Vec<&str> =
                    named.filter_map(|property| property.name.strip_prefix("aibom:net:name:")).collect();
                (!sources.is_empty()).then(|| sources.into_iter().filter_map(name_witness).collect())
            }
            Self::Mismatch => services(&|service| {
                service.properties.iter().any(|property| property.name == "aibom:net:name_mismatch")
            }),
            // `tcp ADDRESS:PORT calls=N`
            Self::Listens(port) => {
                let mut subject = bom.metadata.component.iter().flat_map(|subject| &subject.properties);
                let named = |property: &Property| {
                    let place = property.value.split(' ').nth(1).unwrap_or_default();
                    property.name == "aibom:net:served" && place.ends_with(&format!(":{port}"))
                };
                subject.any(named).then(BTreeSet::new)
            }
            Self::Code(path) => {
                let path = given.fill(path);
                let test = |property: &Property| {
                    property.name.contains("anonymous") && property.value.contains(&path)
                };
                bom.components
                    .iter()
                    .any(|component| component.properties.iter().any(test))
                    .then(BTreeSet::new)
            }
            Self::Gap(code) => gaps.contains(code).then(BTreeSet::new),
            // Decided where the program was run; there is no document to look at.
            Self::NoDocument => None,
        }
    }
}

/// A name's source is its evidence: resolvers' answers come in, what a client says goes out.
fn name_witness(source: &str) -> Option<u16> {
    let hook = if source == "dns" { "cgroup_skb_ingress" } else { "cgroup_skb_egress" };
    PROBES.iter().find(|probe| probe.name == hook).map(|probe| probe.number)
}

fn has(properties: &[Property], name: &str, value: &str) -> bool {
    properties.iter().any(|property| property.name == name && property.value == value)
}

fn mentions(service: &Service, word: &str) -> bool {
    service.name.contains(word) || service.properties.iter().any(|property| property.value.contains(word))
}

fn service_witnesses(service: &Service) -> Witnesses {
    let evidence = service.properties.iter().filter(|property| property.name == "aibom:evidence");
    evidence.filter_map(|property| property.value.split(' ').next()).flat_map(numbers).collect()
}

/// `evidence:EPOCH:4+5:…` → 4, 5.
fn numbers(reference: &str) -> impl Iterator<Item = u16> {
    let field =
        reference.strip_prefix("evidence:").and_then(|rest| rest.split(':').nth(1)).unwrap_or_default();
    field.split('+').filter_map(|number| number.parse().ok())
}

/// Names of probes.
pub(crate) fn names(witnesses: &Witnesses) -> BTreeSet<&'static str> {
    PROBES.iter().filter(|probe| witnesses.contains(&probe.number)).map(|probe| probe.name).collect()
}
