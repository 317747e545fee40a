//! What the checker finds, and that it finds nothing where nothing is wrong.

use bom_core::bom::Limits;
use bom_core::bom::validate::{Checked, Code, Severity, validate};
use serde_json::{Value, json};

fn checked(bytes: &[u8]) -> Checked {
    validate(bytes, &Limits::default()).expect("a document")
}

fn document(edition: &str, more: Value) -> Value {
    let mut document = json!({"bomFormat": "CycloneDX", "specVersion": edition, "version": 1});
    for (key, value) in more.as_object().expect("an object") {
        document[key] = value.clone();
    }
    document
}

#[test]
fn finds_what_is_wrong() {
    let component = |more: Value| {
        let mut row = json!({"type": "library", "name": "a"});
        for (key, value) in more.as_object().expect("an object") {
            row[key] = value.clone();
        }
        json!({"components": [row]})
    };
    for (name, edition, more, expected) in [
        ("nothing", "1.6", component(json!({"purl": "pkg:pypi/a@1"})), None),
        (
            "newer_field",
            "1.6",
            component(json!({"isExternal": true})),
            Some("$.components[0].isExternal: unknown-field"),
        ),
        ("newer_field_there", "1.7", component(json!({"isExternal": true})), None),
        (
            "no_name",
            "1.6",
            json!({"components": [{"type": "library"}]}),
            Some("$.components[0]: missing-field: name"),
        ),
        ("version_before_1_4", "1.3", component(json!({})), Some("$.components[0]: missing-field: version")),
        ("type", "1.6", component(json!({"name": 1})), Some("$.components[0].name: wrong-type: a number")),
        (
            "word",
            "1.4",
            component(json!({"type": "machine-learning-model"})),
            Some("$.components[0].type: wrong-word"),
        ),
        ("purl", "1.6", component(json!({"purl": "pypi/a"})), Some("$.components[0].purl: bad-purl")),
        (
            "purl_form",
            "1.6",
            component(json!({"purl": "pkg:PyPI/A@1"})),
            Some("$.components[0].purl: purl-form"),
        ),
        (
            "hash",
            "1.6",
            component(json!({"hashes": [{"alg": "SHA-256", "content": "abc"}]})),
            Some("$.components[0].hashes[0]: bad-hash"),
        ),
        (
            "time",
            "1.6",
            json!({"metadata": {"timestamp": "yesterday"}}),
            Some("$.metadata.timestamp: bad-time"),
        ),
        (
            "link",
            "1.6",
            component(json!({"externalReferences": [{"type": "vcs", "url": "a b"}]})),
            Some("$.components[0].externalReferences[0].url: bad-link"),
        ),
        (
            "number",
            "1.6",
            component(json!({"evidence": {"identity": [{"field": "name", "confidence": 7.5}]}})),
            Some("$.components[0].evidence.identity[0].confidence: bad-number: 7.5 is not in 0..1"),
        ),
        ("serial", "1.6", json!({"serialNumber": "urn:uuid:1"}), Some("$.serialNumber: bad-serial")),
        (
            "license",
            "1.6",
            component(json!({"licenses": [{"license": {"id": "Mine"}}]})),
            Some("$.components[0].licenses[0].license.id: unknown-license"),
        ),
        (
            "license_of_nothing",
            "1.6",
            component(json!({"licenses": [{"license": {}}]})),
            Some("$.components[0].licenses[0].license: missing-field"),
        ),
        (
            "mixed",
            "1.6",
            component(json!({"licenses": [{"expression": "MIT"}, {"license": {"id": "MIT"}}]})),
            Some("$.components[0].licenses: mixed-licenses"),
        ),
        (
            "mixed_since_1_7",
            "1.7",
            component(json!({"licenses": [{"expression": "MIT"}, {"license": {"id": "MIT"}}]})),
            None,
        ),
        (
            "twice",
            "1.6",
            json!({"components": [{"type": "file", "name": "a", "bom-ref": "x"}, {"type": "file", "name": "b", "bom-ref": "x"}]}),
            Some("$.components[1]['bom-ref']: duplicate-ref"),
        ),
        (
            "loose",
            "1.6",
            json!({"dependencies": [{"ref": "nobody"}]}),
            Some("$.dependencies[0].ref: dangling-ref"),
        ),
        (
            "loose_in_another",
            "1.6",
            json!({"compositions": [{"aggregate": "unknown", "assemblies": ["urn:cdx:x/1#y"]}]}),
            None,
        ),
        ("odd_key", "1.6", json!({"\u{1b}[31m'": 1}), Some("$['\\x1b[31m\\'']: unknown-field")),
    ] {
        let found = checked(document(edition, more).to_string().as_bytes()).findings.list;
        let found: Vec<String> =
            found.iter().map(|one| format!("{}: {}: {}", one.at, one.code, one.message)).collect();
        match expected {
            None => assert_eq!(found, Vec::<String>::new(), "{name}"),
            Some(start) => {
                assert!(found.len() == 1 && found[0].starts_with(start), "{name}: {found:?}");
            }
        }
    }
}

#[test]
fn a_key_that_stands_twice_is_found() {
    let text = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
                   "components": [{"type": "file", "name": "a", "name": "b"}]}"#;
    let found = checked(text.as_bytes()).findings.list;
    assert_eq!((found[0].at.as_str(), found[0].code), ("$.components[0].name", Code::RepeatedKey));
}

fn demo() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/recordings/demo.cdx.json");
    serde_json::from_str(include_str!("../../testdata/recordings/demo.cdx.json")).expect(path)
}

#[test]
fn our_own_document_keeps_its_promises() {
    let checked = checked(include_bytes!("../../testdata/recordings/demo.cdx.json"));
    assert!(checked.ours);
    assert_eq!(checked.findings.list, []);
}

/// A name, what is changed, and what must be found.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Value), Code);

/// One thing changed in a document of ours, and the codes that must be among the findings.
#[test]
fn a_document_of_ours_that_was_touched_is_found_out() {
    let says_complete = |demo: &mut Value| {
        let properties = demo["metadata"]["component"]["properties"].as_array_mut().expect("properties");
        let coverage =
            properties.iter_mut().find(|one| one["name"] == "aibom:coverage:models").expect("coverage");
        coverage["value"] = json!("complete");
    };
    let changes: [Change<'_>; 7] = [
        (
            "a_component_gone",
            &|demo| drop(demo["components"].as_array_mut().map(|rows| rows.remove(3))),
            Code::OwnSerial,
        ),
        ("class_called_complete", &says_complete, Code::OwnComplete),
        (
            "subject_called_complete",
            &|demo| demo["compositions"][0]["aggregate"] = json!("complete"),
            Code::OwnComplete,
        ),
        (
            "no_composition",
            &|demo| drop(demo.as_object_mut().map(|map| map.remove("compositions"))),
            Code::OwnCoverage,
        ),
        (
            "parts_called_complete",
            &|demo| {
                let reference = demo["components"][0]["bom-ref"].clone();
                let row = json!({"aggregate": "complete", "assemblies": [reference]});
                demo["compositions"].as_array_mut().expect("compositions").push(row);
            },
            Code::OwnComplete,
        ),
        (
            "no_coverage",
            &|demo| {
                let properties =
                    demo["metadata"]["component"]["properties"].as_array_mut().expect("properties");
                properties.retain(|one| one["name"] != "aibom:coverage:models");
            },
            Code::OwnCoverage,
        ),
        (
            "evidence_of_nobody",
            &|demo| {
                demo["components"][0]["evidence"]["occurrences"][0]["additionalContext"] =
                    json!("subject=nobody op=open");
            },
            Code::OwnEvidence,
        ),
    ];
    for (name, change, code) in changes {
        let mut demo = demo();
        change(&mut demo);
        let found = checked(demo.to_string().as_bytes()).findings;
        let codes: Vec<Code> = found.list.iter().map(|one| one.code).collect();
        assert!(codes.contains(&code) && codes.contains(&Code::OwnSerial), "{name}: {codes:?}");
        assert!(found.count(Severity::Error) > 0);
    }
}

#[test]
fn what_is_kept_is_bounded_and_the_rest_is_counted() {
    let rows: Vec<Value> =
        (0..20_000).map(|number| json!({"type": "file", "name": "a", "x": number})).collect();
    let found = checked(document("1.6", json!({"components": rows})).to_string().as_bytes()).findings;
    assert_eq!(found.list.len(), 10_000);
    assert_eq!(found.count(Severity::Error), 20_000);
}

#[test]
fn every_code_is_documented() {
    let page = include_str!("../../docs/validate.md");
    for code in Code::ALL {
        let row = format!("| `{code}` | {} | {} |", code.severity(), code.means());
        assert!(page.contains(&row), "docs/validate.md lacks\n{row}");
    }
}
