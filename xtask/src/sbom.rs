//! `cargo xtask sbom`: the CycloneDX 1.6 SBOM of aibom itself, at `target/aibom.cdx.json`.
//!
//! It holds what a release is built from: `Cargo.lock`'s packages that the shipped crates reach, with digests and
//! licences. What works at build time only (build scripts, procedural macros and what they need) has the scope
//! `excluded`. There is no time in it and the serial number is derived from the rest, so the same lock gives the same
//! bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::metadata::{self, list, text};
use crate::process;
use crate::step;
use crate::workspace::Workspace;

/// The crates a release ships: two programs, and the kernel programs inside them.
const SHIPPED: &[&str] = &["bom-agent", "bom-cli", "bom-ebpf"];

/// The bom-ref of the product.
const PRODUCT: &str = "aibom";

/// `cargo xtask sbom`.
pub(crate) fn command(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    if !arguments.is_empty() {
        bail!("usage: cargo xtask sbom");
    }
    step::run("sbom", "cargo xtask sbom", || {
        let lock = workspace.root().join("Cargo.lock");
        let lock = fs::read_to_string(&lock).with_context(|| format!("failed to read {}", lock.display()))?;
        let document = document(&metadata::resolved(workspace)?, &lock)?;
        let path = workspace.target().join("aibom.cdx.json");
        fs::write(&path, format!("{document:#}\n"))
            .with_context(|| format!("failed to write {}", path.display()))?;
        eprintln!("    {}: {} components", path.display(), list(&document, "components").len());
        validate(workspace, &path)
    })
}

/// Asks the official schema, if the validators' environment has been prepared.
fn validate(workspace: &Workspace, path: &std::path::Path) -> Result<()> {
    const SCRIPT: &str = "import sys\n\
        from cyclonedx.schema import SchemaVersion\n\
        from cyclonedx.validation.json import JsonStrictValidator\n\
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())\n\
        sys.exit(str(error) if error else 0)\n";
    let python = workspace.agents().join("validators/bin/python");
    if !python.exists() {
        eprintln!("    not validated: `cargo xtask prepare` installs the validator");
        return Ok(());
    }
    process::run(workspace.command(python).args(["-c", SCRIPT]).arg(path))
        .context("the document is not valid")?;
    eprintln!("    valid CycloneDX 1.6");
    Ok(())
}

/// Builds the document from what `cargo metadata` and `Cargo.lock` say.
fn document(metadata: &Value, lock: &str) -> Result<Value> {
    let packages: BTreeMap<&str, &Value> =
        list(metadata, "packages").iter().map(|package| (text(package, "id"), package)).collect();
    let graph = Graph::read(metadata, &packages)?;
    let checksums = checksums(lock);

    let roots: Vec<&str> = packages
        .iter()
        .filter(|(_, package)| package["source"].is_null() && SHIPPED.contains(&text(package, "name")))
        .map(|(id, _)| *id)
        .collect();
    let (version, licence) = match roots.first().and_then(|id| packages.get(id)) {
        Some(package) => (text(package, "version"), text(package, "license")),
        None => bail!("none of {} is in the workspace", SHIPPED.join(", ")),
    };
    let required = graph.reach(&roots, false);
    let all = graph.reach(&roots, true);

    let mut components = BTreeMap::new();
    let mut dependencies = BTreeMap::new();
    dependencies
        .insert(PRODUCT.to_owned(), roots.iter().map(|id| reference(packages[id])).collect::<BTreeSet<_>>());
    for id in &all {
        let package = packages[id];
        let reference = reference(package);
        let needs = graph.edges(id).filter(|edge| all.contains(edge.to));
        dependencies
            .insert(reference.clone(), needs.map(|edge| self::reference(packages[edge.to])).collect());
        let checksum = checksums.get(&(text(package, "name"), text(package, "version"))).copied();
        components.insert(reference, component(package, required.contains(id), checksum));
    }
    let dependencies: Vec<Value> =
        dependencies.into_iter().map(|(from, to)| json!({ "ref": from, "dependsOn": to })).collect();
    let mut document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{ "phase": "build" }],
            "tools": { "components": [{ "type": "application", "name": "aibom xtask", "version": version }] },
            "component": {
                "type": "application",
                "bom-ref": PRODUCT,
                "name": PRODUCT,
                "version": version,
                "licenses": [{ "expression": licence }],
            },
        },
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": dependencies,
    });
    document["serialNumber"] = json!(serial_number(&document.to_string()));
    Ok(document)
}

/// What a package needs, dev-dependencies left out.
struct Graph<'a> {
    edges: BTreeMap<&'a str, Vec<Edge<'a>>>,
}

struct Edge<'a> {
    to: &'a str,
    /// A build script's dependency, or a procedural macro: it runs in the compiler and is not in the program.
    build_only: bool,
}

impl<'a> Graph<'a> {
    fn read(metadata: &'a Value, packages: &BTreeMap<&str, &Value>) -> Result<Self> {
        let mut edges = BTreeMap::new();
        for node in list(&metadata["resolve"], "nodes") {
            let mut out = Vec::new();
            for dependency in list(node, "deps") {
                let to = text(dependency, "pkg");
                let package =
                    packages.get(to).with_context(|| format!("`{to}` is in the graph, but is no package"))?;
                let kinds: Vec<&str> =
                    list(dependency, "dep_kinds").iter().map(|kind| text(kind, "kind")).collect();
                if kinds.contains(&"") {
                    out.push(Edge { to, build_only: is_macro(package) });
                } else if kinds.contains(&"build") {
                    out.push(Edge { to, build_only: true });
                }
            }
            edges.insert(text(node, "id"), out);
        }
        Ok(Self { edges })
    }

    fn edges(&self, from: &str) -> impl Iterator<Item = &Edge<'a>> {
        self.edges.get(from).into_iter().flatten()
    }

    /// Everything the roots lead to, themselves included.
    fn reach(&self, roots: &[&'a str], build: bool) -> BTreeSet<&'a str> {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut open = roots.to_vec();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(self.edges(id).filter(|edge| build || !edge.build_only).map(|edge| edge.to));
            }
        }
        seen
    }
}

fn is_macro(package: &Value) -> bool {
    list(package, "targets").iter().any(|target| list(target, "kind").iter().any(|kind| kind == "proc-macro"))
}

fn component(package: &Value, required: bool, checksum: Option<&str>) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": reference(package),
        "name": text(package, "name"),
        "version": text(package, "version"),
        "scope": if required { "required" } else { "excluded" },
    });
    // Our own crates are not published, so no package URL leads to them.
    if !package["source"].is_null() {
        component["purl"] = json!(reference(package));
    }
    if !text(package, "license").is_empty() {
        // Old manifests write a slash where SPDX writes OR.
        component["licenses"] = json!([{ "expression": text(package, "license").replace('/', " OR ") }]);
    }
    if let Some(checksum) = checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if !package["source"].is_null() && !text(package, "repository").is_empty() {
        component["externalReferences"] = json!([{ "type": "vcs", "url": text(package, "repository") }]);
    }
    component
}

/// The package URL, or a name of our own for a crate of the workspace.
fn reference(package: &Value) -> String {
    let (name, version) = (text(package, "name"), text(package, "version"));
    if package["source"].is_null() {
        return format!("workspace/{name}@{version}");
    }
    // Of all characters a version may have, only the plus sign has a meaning of its own in a package URL.
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// (name, version) → SHA-256 of the package archive, as `Cargo.lock` has it.
fn checksums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    let mut checksums = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'))
        };
        if let (Some(name), Some(version), Some(checksum)) =
            (field("name"), field("version"), field("checksum"))
        {
            checksums.insert((name, version), checksum);
        }
    }
    checksums
}

/// A UUID of version 8 (RFC 9562: custom) from the first 16 bytes of the content's SHA-256.
fn serial_number(content: &str) -> String {
    let digest = Sha256::digest(content.as_bytes());
    let mut hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    hex.replace_range(12..13, "8");
    let variant = match &hex[16..17] {
        "0" | "4" | "8" | "c" => "8",
        "1" | "5" | "9" | "d" => "9",
        "2" | "6" | "a" | "e" => "a",
        _ => "b",
    };
    hex.replace_range(16..17, variant);
    format!("urn:uuid:{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"zip\"\nversion = \"1.0.0+build\"\nsource = \"registry\"\n\
                        checksum = \"aa\"\n\n[[package]]\nname = \"bom-cli\"\nversion = \"0.1.0\"\n";

    /// bom-cli needs `zip` to run, `derive` (a macro, which needs `quote`) and `cc` to build, `proptest` to test.
    fn workspace() -> Value {
        let package = |name: &str, version: &str, source: Value, kind: &str| {
            json!({
                "id": name, "name": name, "version": version, "source": source, "license": "MIT/Apache-2.0",
                "targets": [{ "kind": [kind] }],
            })
        };
        let edge =
            |to: &str, kind: Value| json!({ "pkg": to, "dep_kinds": [{ "kind": kind, "target": null }] });
        let node = |id: &str, deps: Value| json!({ "id": id, "deps": deps });
        let registry = json!("registry");
        json!({
            "packages": [
                package("bom-cli", "0.1.0", Value::Null, "bin"),
                package("zip", "1.0.0+build", registry.clone(), "lib"),
                package("derive", "1.0.0", registry.clone(), "proc-macro"),
                package("quote", "1.0.0", registry.clone(), "lib"),
                package("cc", "1.0.0", registry.clone(), "lib"),
                package("proptest", "1.0.0", registry, "lib"),
            ],
            "resolve": { "nodes": [
                node("bom-cli", json!([
                    edge("zip", Value::Null), edge("derive", Value::Null), edge("cc", json!("build")),
                    edge("proptest", json!("dev")),
                ])),
                node("derive", json!([edge("quote", Value::Null)])),
            ] },
        })
    }

    fn find<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
        list(document, "components").iter().find(|component| text(component, "name") == name)
    }

    #[test]
    fn scope_tells_what_is_in_the_program() {
        let document = document(&workspace(), LOCK).expect("a workspace that ships");
        for (name, expected) in [
            ("bom-cli", Some("required")),
            ("zip", Some("required")),
            ("derive", Some("excluded")),
            ("quote", Some("excluded")),
            ("cc", Some("excluded")),
            ("proptest", None),
        ] {
            assert_eq!(find(&document, name).map(|component| text(component, "scope")), expected, "{name}");
        }
    }

    #[test]
    fn component_carries_purl_licence_and_digest() {
        let document = document(&workspace(), LOCK).expect("a workspace that ships");
        let zip = find(&document, "zip").expect("zip is shipped");
        assert_eq!(text(zip, "purl"), "pkg:cargo/zip@1.0.0%2Bbuild");
        assert_eq!(zip["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(zip["hashes"], json!([{ "alg": "SHA-256", "content": "aa" }]));
        let ours = find(&document, "bom-cli").expect("bom-cli is shipped");
        assert!(ours.get("purl").is_none() && ours.get("hashes").is_none(), "{ours}");
    }

    #[test]
    fn every_dependency_is_a_component() {
        let document = document(&workspace(), LOCK).expect("a workspace that ships");
        let known: BTreeSet<&str> =
            list(&document, "components").iter().map(|component| text(component, "bom-ref")).collect();
        for edge in list(&document, "dependencies") {
            for to in list(edge, "dependsOn") {
                assert!(known.contains(to.as_str().unwrap_or_default()), "{to} is no component");
            }
        }
        assert_eq!(
            document["dependencies"][0],
            json!({ "ref": "aibom", "dependsOn": ["workspace/bom-cli@0.1.0"] })
        );
    }

    #[test]
    fn same_inputs_same_bytes_and_serial_follows_content() {
        let one = document(&workspace(), LOCK).expect("a workspace that ships");
        assert_eq!(one.to_string(), document(&workspace(), LOCK).expect("the same").to_string());
        let other = document(&workspace(), &LOCK.replace("aa", "bb")).expect("another digest");
        assert_ne!(one["serialNumber"], other["serialNumber"]);
        let serial = text(&one, "serialNumber");
        assert_eq!((serial.len(), &serial[23..24]), (45, "8"), "{serial}");
        assert!("89ab".contains(&serial[28..29]), "{serial}");
    }

    #[test]
    fn nothing_to_ship_is_an_error() {
        assert!(document(&json!({ "packages": [] }), LOCK).is_err());
    }
}
