//! Which of our crates may depend on which.
//!
//! `cli → agent → extract → core → common`, `ebpf → common`, `cli → {core, extract}`; an edge may skip rooms on its way
//! down the chain, nothing points back. Cargo would refuse a cycle, but not a short cut such as a core that knows the
//! host reader. Declared edges count, so an optional or platform-bound dependency is seen under every feature set.
//! Dev-dependencies, xtask and bom-testkit as *sources* are exempt; nothing may depend on the latter two otherwise.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use super::verdict;
use crate::metadata;
use crate::process;
use crate::workspace::Workspace;

/// Crate → what it may depend on. A crate of ours that is not listed may depend on none of ours.
const ALLOWED: &[(&str, &[&str])] = &[
    ("bom-common", &[]),
    ("bom-ebpf", &["bom-common"]),
    ("bom-core", &["bom-common"]),
    ("bom-extract", &["bom-core"]),
    ("bom-agent", &["bom-extract", "bom-core", "bom-common"]),
    ("bom-cli", &["bom-agent", "bom-extract", "bom-core"]),
];

/// Free to depend on anything of ours.
const EXEMPT: &[&str] = &["bom-testkit", "xtask"];

/// What must not be in the command that is built without `observe`: the host reader, and what loads eBPF.
const NOT_IN_PLAIN: &[&str] = &["bom-agent", "bom-ebpf", "aya", "aya-obj"];

pub(super) fn check(workspace: &Workspace) -> Result<()> {
    let mut findings = findings(&metadata::declared(workspace)?);
    let mut tree = workspace.cargo();
    tree.args([
        "tree",
        "--package",
        "bom-cli",
        "--no-default-features",
        "--edges",
        "normal",
        "--prefix",
        "none",
    ]);
    findings.extend(plain(&process::capture(&mut tree)?));
    verdict(&findings)
}

/// Looks through `cargo tree`'s lines, `NAME vVERSION …`.
fn plain(tree: &str) -> BTreeSet<String> {
    tree.lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| NOT_IN_PLAIN.contains(name))
        .map(|name| format!("bom-cli without the feature `observe` must not reach {name}"))
        .collect()
}

fn findings(metadata: &Value) -> Vec<String> {
    let packages = metadata::list(metadata, "packages");
    let ours: Vec<&str> = packages.iter().map(|package| metadata::text(package, "name")).collect();
    let mut findings = Vec::new();
    for package in packages {
        let from = metadata::text(package, "name");
        if EXEMPT.contains(&from) {
            continue;
        }
        let allowed =
            ALLOWED.iter().find(|(name, _)| *name == from).map_or(&[] as &[&str], |(_, allowed)| allowed);
        for dependency in metadata::list(package, "dependencies") {
            let to = metadata::text(dependency, "name");
            // Kind is null for a normal dependency.
            let kind = metadata::text(dependency, "kind");
            if kind != "dev" && ours.contains(&to) && !allowed.contains(&to) {
                findings.push(format!("{from} must not depend on {to}: no such arrow"));
            }
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A workspace in which `from` depends on `to`.
    fn edge(from: &str, to: &str, kind: Value, optional: bool) -> Vec<String> {
        let package = |name: &str, dependencies: Value| json!({ "name": name, "dependencies": dependencies });
        let dependency = json!({ "name": to, "kind": kind, "optional": optional });
        findings(&json!({ "packages": [package(from, json!([dependency])), package(to, json!([]))] }))
    }

    #[test]
    fn arrows_point_one_way() {
        for (name, from, to, kind, optional, allowed) in [
            ("down_the_chain", "bom-cli", "bom-agent", Value::Null, true, true),
            ("core_beside_agent", "bom-cli", "bom-core", Value::Null, false, true),
            ("back", "bom-core", "bom-agent", Value::Null, false, false),
            ("back_but_optional", "bom-core", "bom-extract", Value::Null, true, false),
            ("back_at_build_time", "bom-extract", "bom-agent", json!("build"), false, false),
            ("back_in_tests", "bom-extract", "bom-agent", json!("dev"), false, true),
            ("testkit_in_tests", "bom-core", "bom-testkit", json!("dev"), false, true),
            ("testkit_in_a_release", "bom-cli", "bom-testkit", Value::Null, false, false),
            ("testkit_is_exempt", "bom-testkit", "bom-agent", Value::Null, false, true),
            ("a_new_crate_has_no_arrows", "bom-new", "bom-core", Value::Null, false, false),
        ] {
            let found = edge(from, to, kind, optional);
            assert_eq!(found.is_empty(), allowed, "{name}: {found:?}");
        }
    }

    #[test]
    fn plain_command_has_no_probes() {
        let tree =
            |name: &str| format!("bom-cli v0.1.0 (/src/bom-cli)\n{name} v0.1.0\nbom-core v0.1.0 (*)\n");
        assert!(plain(&tree("serde")).is_empty());
        assert!(plain(&tree("bom-agent-like")).is_empty());
        assert_eq!(plain(&tree("aya")).len(), 1);
    }

    #[test]
    fn the_finding_names_both_ends() {
        let found = edge("bom-core", "bom-agent", Value::Null, false);
        assert_eq!(found, ["bom-core must not depend on bom-agent: no such arrow"]);
    }
}
