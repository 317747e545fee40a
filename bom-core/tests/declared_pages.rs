//! docs/declared.md, docs/findings.md and the schema of `aibom.yaml` say what the code does.

use std::collections::BTreeSet;

use bom_core::{diff, manifest};

#[expect(
    clippy::disallowed_methods,
    reason = "a golden test reads its file, and writes it when it is blessed"
)]
fn page(name: &str, made: &str) {
    let path = format!("{}/../docs/{name}.md", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("AIBOM_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, made).expect("write the page");
    }
    let known = std::fs::read_to_string(&path).expect("read the page");
    for (number, (is, should)) in (1..).zip(known.lines().zip(made.lines())) {
        assert_eq!(is, should, "docs/{name}.md:{number}; `cargo xtask bless {name}_page`");
    }
    assert_eq!(known.len(), made.len(), "docs/{name}.md ends elsewhere; `cargo xtask bless {name}_page`");
}

#[test]
fn golden_declared_page() {
    page("declared", &manifest::page());
}

#[test]
fn golden_findings_page() {
    page("findings", &diff::page());
}

#[test]
fn tables_are_sorted_and_say_nothing_twice() {
    let codes: Vec<&str> = diff::CODES.iter().map(|row| row.code).collect();
    let variables: Vec<&str> = manifest::settings::ENVIRONMENT.iter().map(|(name, _)| *name).collect();
    let arguments: Vec<&str> = manifest::settings::ARGUMENTS.iter().map(|(name, _)| *name).collect();
    for (what, list) in [("codes", codes), ("variables", variables), ("arguments", arguments)] {
        let sorted: BTreeSet<&str> = list.iter().copied().collect();
        assert_eq!(sorted.into_iter().collect::<Vec<_>>(), list, "{what}");
    }
}

#[test]
fn codes_are_kebab_case_and_have_something_to_do() {
    for row in diff::CODES {
        let kebab = row.code.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        assert!(kebab && !row.code.starts_with('-'), "{}", row.code);
        for text in [row.meaning, row.action] {
            assert!(text.ends_with('.') && text.len() > 10, "{}: {text:?}", row.code);
        }
    }
}

/// Every key that the schema allows is read, and every key that is read is in the schema: an unknown key is a finding, so
/// that a declaration with each key once has none.
#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    const SCHEMA: &str = include_str!("../../schemas/aibom-declaration.schema.json");
    let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let keys = |path: &str| -> Vec<String> {
        let object = schema
            .pointer(path)
            .and_then(|value| value.get("properties"))
            .and_then(|value| value.as_object());
        object.unwrap_or_else(|| panic!("{path} has properties")).keys().cloned().collect()
    };
    let top = keys("");
    let workload = keys("/$defs/workload");
    let thing = keys("/$defs/thing");
    let lists = [
        "models",
        "adapters",
        "data",
        "packages",
        "code",
        "libraries",
        "endpoints",
        "programs",
        "mcpServers",
    ];
    let mut text = String::new();
    for key in &top {
        match key.as_str() {
            "apiVersion" => text.push_str("apiVersion: aibom/v1\n"),
            "kind" => text.push_str("kind: Declaration\n"),
            "workloads" => {}
            key => text.push_str(&format!("{key}: x\n")),
        }
    }
    text.push_str("workloads:\n  - {");
    for key in workload.iter().filter(|key| !lists.contains(&key.as_str()) && *key != "complete") {
        text.push_str(&format!("{key}: x, "));
    }
    let value = |key: &str| match key {
        "purl" => "pkg:pypi/x@1".to_owned(),
        "port" => "443".to_owned(),
        "url" => "https://x.example".to_owned(),
        "digest" | "digests" => format!("sha256:{}", "0".repeat(64)),
        _ => "x".to_owned(),
    };
    let entry: Vec<String> = thing.iter().map(|key| format!("{key}: '{}'", value(key))).collect();
    for list in lists {
        assert!(workload.iter().any(|key| key == list), "the schema lacks {list}");
        text.push_str(&format!("{list}: [{{{}}}], ", entry.join(", ")));
    }
    text.push_str("}\n");
    let catalog = bom_core::identify::catalog::Catalog::default();
    let sources = [manifest::Source { name: "aibom.yaml", bytes: text.as_bytes() }];
    let declared =
        manifest::read(&sources, &catalog, &manifest::yaml::Limits::default()).expect("it is YAML");
    assert!(declared.issues.is_empty(), "{text}\n{:#?}", declared.issues);
    let items = declared.workloads.first().map_or(0, |workload| workload.items.len());
    assert_eq!(items, lists.len(), "each list has one thing");
}
