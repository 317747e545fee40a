//! Manifests that want to be expensive, or to be read in two ways.

use bom_core::{
    declared::IssueKind,
    identify::catalog::Catalog,
    manifest::{
        Source, read,
        yaml::{self, Limits, YamlError},
    },
};

fn error(bytes: &[u8]) -> YamlError {
    yaml::read(bytes, &Limits::default()).expect_err("refused")
}

#[test]
fn laughs_are_counted_before_they_are_made() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = format!("*a{}", level - 1);
        bomb.push_str(&format!("a{level}: &a{level} [{}]\n", vec![below; 10].join(", ")));
    }
    let found = error(bomb.as_bytes());
    assert!(matches!(found, YamlError::Limit { what: "values", .. }), "{found}");
    assert!((5..9).contains(&found.line()), "{found}");
    // One long text, many times.
    let mut bomb = format!("a: &a \"{}\"\nb: [", "x".repeat(1 << 20));
    bomb.push_str(&vec!["*a"; 1000].join(", "));
    bomb.push(']');
    let found = error(bomb.as_bytes());
    assert!(matches!(found, YamlError::Limit { what: "bytes of text", .. }), "{found}");
}

#[test]
fn every_refusal_has_its_line() {
    for (name, bytes, expected) in [
        ("cycle", &b"a: &a\n  b: *a\n"[..], "line 2: an alias refers to what contains it"),
        ("encoding", b"a: 1\nb: \xff\n", "line 2: byte 8 is not UTF-8"),
        ("tab", b"a:\n\t- b\n", "line 2: "),
        ("unclosed", b"a: [1,\n2\n", "line "),
        ("template", b"a: 1\nb: {{ .Values.x }}\nc: {{ x }}y\n", "line "),
    ] {
        let found = error(bytes).to_string();
        assert!(found.starts_with(expected), "{name}: {found}");
    }
    let deep = "[".repeat(2000);
    assert!(matches!(error(deep.as_bytes()), YamlError::Limit { .. } | YamlError::Syntax { .. }));
    let mut blocks = String::new();
    for level in 0..300 {
        blocks.push_str(&format!("{}a:\n", " ".repeat(level)));
    }
    assert!(matches!(error(blocks.as_bytes()), YamlError::Limit { what: "levels of nesting", .. }));
    let large = vec![b' '; Limits::default().bytes + 1];
    assert!(matches!(error(&large), YamlError::Limit { what: "bytes", .. }));
}

#[test]
fn deep_aliases_do_not_get_deeper_than_the_limit() {
    let mut text = String::from("a0: &a0 [x]\n");
    for level in 1..200 {
        text.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    let found = error(text.as_bytes());
    assert!(matches!(found, YamlError::Limit { what: "levels of nesting", .. }), "{found}");
}

#[test]
fn equal_keys_are_read_once_and_said() {
    let text = "kind: Pod\nmetadata: {name: w}\nspec:\n  containers:\n  - name: c\n    args: [--model, /m/shown.gguf]\n    args: [--model, /m/hidden.gguf]\n";
    let sources = [Source { name: "m.yaml", bytes: text.as_bytes() }];
    let found = read(&sources, &Catalog::default(), &Limits::default()).expect("it is YAML");
    let names: Vec<&str> =
        found.workloads.iter().flat_map(|workload| &workload.items).map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["/m/shown.gguf"]);
    let issues: Vec<_> = found.issues.iter().map(|issue| (issue.kind, issue.place.line)).collect();
    assert_eq!(issues, [(IssueKind::DuplicateKey, 7)]);
}

#[test]
fn merged_mappings_do_not_multiply() {
    let keys: String = (0..20_000).map(|key| format!("  k{key}: v\n")).collect();
    let text = format!("a: &a\n{keys}b:\n  <<: [*a, *a, *a]\n  k1: own\n");
    let (nodes, repeated) = yaml::read(text.as_bytes(), &Limits::default()).expect("within the limits");
    let merged = nodes.first().and_then(|node| node.get("b")).expect("b");
    assert_eq!(merged.entries().len(), 20_000);
    assert_eq!(merged.text_at(&["k1"]), Some("own"));
    assert!(repeated.is_empty());
}

#[test]
fn json_has_lines_too() {
    let (nodes, _) = yaml::read(
        b"\xef\xbb\xbf{\"a\": {\n\"b\": \"\\u0041\\/\",\n\t\"c\": [1, true, null]}}",
        &Limits::default(),
    )
    .expect("JSON is YAML");
    let node = nodes.first().expect("one document");
    let b = node.at(&["a", "b"]).expect("b");
    assert_eq!((b.text(), b.line), (Some("A/"), 2));
    assert_eq!(node.list_at(&["a", "c"]).len(), 3);
}
