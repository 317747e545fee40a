//! Words of SPDX in those of CycloneDX.

use crate::bom::document::Component;
use crate::bom::hash::Hash;
use crate::bom::license::{License, Licenses};
use crate::bom::purl::Purl;
use crate::bom::read::fields::{IssueKind, Notes};
use crate::bom::scalars::Version;
use crate::bom::terms::{ComponentKind, HashAlgorithm};

/// `SHA256` (2.3), `sha256`, `sha3_256`, `blake2b256` (3.0).
pub(super) fn algorithm(word: &str) -> Option<HashAlgorithm> {
    let word: String = word.to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    HashAlgorithm::ALL.iter().copied().find(|known| {
        let own: String =
            known.as_str().to_ascii_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        own == word
    })
}

pub(super) fn hash(at: &str, algorithm_word: &str, digits: &str, notes: &mut Notes) -> Option<Hash> {
    let Some(algorithm) = algorithm(algorithm_word) else {
        // A digest that we cannot compare pins nothing here.
        notes.add(at, IssueKind::BadValue, algorithm_word);
        return None;
    };
    match Hash::new(algorithm, digits) {
        Ok(hash) => Some(hash),
        Err(error) => {
            notes.add(at, IssueKind::BadValue, &error.to_string());
            None
        }
    }
}

/// The purpose of a package: `LIBRARY` (2.3), `library` (3.0).
pub(super) fn purpose(word: &str) -> Option<ComponentKind> {
    Some(match word.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
        "application" | "executable" | "install" => ComponentKind::Application,
        "framework" => ComponentKind::Framework,
        "library" | "module" | "source" | "archive" => ComponentKind::Library,
        "container" => ComponentKind::Container,
        "operatingsystem" => ComponentKind::OperatingSystem,
        "device" => ComponentKind::Device,
        "devicedriver" => ComponentKind::DeviceDriver,
        "firmware" => ComponentKind::Firmware,
        "file" => ComponentKind::File,
        "model" => ComponentKind::MachineLearningModel,
        "data" => ComponentKind::Data,
        "platform" => ComponentKind::Platform,
        _ => return None,
    })
}

/// What a package is that does not say it: its package URL may.
pub(super) fn kind_by_purl(purl: Option<&Purl>) -> ComponentKind {
    match purl.and_then(Purl::parts).map(|parts| parts.ty).as_deref() {
        Some("huggingface" | "mlflow") => ComponentKind::MachineLearningModel,
        Some("oci" | "docker") => ComponentKind::Container,
        _ => ComponentKind::Library,
    }
}

/// `NOASSERTION` and `NONE` are ways to say nothing.
pub(super) fn said(text: String) -> Option<String> {
    (!matches!(text.as_str(), "NOASSERTION" | "NONE" | "")).then_some(text)
}

/// A licence of SPDX is an expression; a single identifier is a licence of the list.
pub(super) fn licenses(expression: &str) -> Licenses {
    if expression.contains([' ', '(']) {
        Licenses::Expression { text: expression.to_owned(), acknowledgement: None }
    } else {
        Licenses::List(vec![License::from_text(expression)])
    }
}

/// `Tool: syft-1.18.1` → name and version.
pub(super) fn tool(text: &str) -> Component {
    let (name, version) = match text.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() => {
            (name, Version::new(version).ok())
        }
        _ => (text, None),
    };
    Component { version, ..Component::nameless(ComponentKind::Application, name.to_owned()) }
}

/// Which way an edge of this type goes: from the user to what it uses.
pub(super) enum Edge {
    Forward,
    Backward,
    Describes,
    Ancestor,
    None,
}

/// `DEPENDS_ON` (2.3) and `dependsOn` (3.0), and what else says that one thing uses another.
pub(super) fn edge(word: &str) -> Edge {
    match word.to_ascii_lowercase().replace('_', "").as_str() {
        "dependson"
        | "contains"
        | "dynamiclink"
        | "staticlink"
        | "hasdynamiclink"
        | "hasstaticlink"
        | "hasprerequisite"
        | "hasdatafile"
        | "hasprovideddependency"
        | "hasoptionaldependency"
        | "trainedon"
        | "finetunedon"
        | "testedon" => Edge::Forward,
        "dependencyof"
        | "containedby"
        | "runtimedependencyof"
        | "builddependencyof"
        | "devdependencyof"
        | "optionaldependencyof"
        | "provideddependencyof"
        | "testdependencyof"
        | "prerequisitefor"
        | "datafileof" => Edge::Backward,
        "describes" => Edge::Describes,
        "descendantof" => Edge::Ancestor,
        _ => Edge::None,
    }
}
