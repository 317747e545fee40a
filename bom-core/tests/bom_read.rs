//! Documents of other tools: what is read, what is noted, what is refused.

use bom_core::bom::*;
use serde_json::{Value, json};

fn read(document: &Value) -> Read {
    from_json(document.to_string().as_bytes()).expect("a document")
}

/// Reads a document with the required head and expects these issues.
fn check_issues(name: &str, mut document: Value, expected: &[&str]) -> Bom {
    document["bomFormat"] = json!("CycloneDX");
    document["specVersion"] = json!("1.6");
    let read = read(&document);
    let found: Vec<String> = read.issues.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "{name}");
    read.bom
}

#[test]
fn every_version_from_1_2_to_1_7_is_read() {
    for version in ["1.2", "1.3", "1.4", "1.5", "1.6", "1.7"] {
        let document = json!({
            "bomFormat": "CycloneDX", "specVersion": version, "version": 3, "serialNumber": "urn:uuid:x",
            "components": [{"type": "library", "name": "a", "version": "1"}],
        });
        let read = read(&document);
        assert_eq!(read.spec_version, version);
        assert_eq!(read.document_version, Some(3));
        assert_eq!(read.serial_number.as_deref(), Some("urn:uuid:x"));
        assert_eq!(read.bom.components[0].name, "a");
        assert_eq!(read.issues, []);
    }
}

#[test]
fn shapes_of_older_versions_are_read() {
    let bom = check_issues(
        "old_shapes",
        json!({
            "metadata": {"tools": [{"vendor": "v", "name": "t", "version": "1"}]},
            "components": [{
                "type": "library", "name": "a",
                "evidence": {"identity": {"field": "purl", "confidence": 0.5, "methods": []}},
            }],
        }),
        &[],
    );
    assert_eq!(bom.metadata.tools[0].group.as_deref(), Some("v"));
    assert_eq!(bom.components[0].evidence.identities[0].field, IdentityField::Purl);
}

#[test]
fn what_does_not_fit_is_noted_and_the_rest_is_read() {
    for (name, component, expected) in [
        (
            "unknown_field",
            json!({"supplier": {"name": "x"}}),
            &["components[].supplier: not read (1 times)"][..],
        ),
        (
            "bad_purl",
            json!({"purl": "pkg:huggingface/distilbert"}),
            &["components[].purl: bad value (1 times): \"pkg:huggingface/distilbert\": make purl: \
               namespace required for type \"huggingface\""],
        ),
        ("number_as_version", json!({"version": 2}), &["components[].version: wrong type (1 times): number"]),
        (
            "unknown_kind",
            json!({"type": "agent"}),
            &["components[].type: bad value (1 times): \"agent\": no such word"],
        ),
        (
            "confidence_over_one",
            json!({"evidence": {"identity": [{"field": "name", "confidence": 7.5}]}}),
            &["components[].evidence.identity[].confidence: bad value (1 times): 7.5"],
        ),
        (
            "method_without_confidence",
            json!({"evidence": {"identity": [{"field": "name", "methods": [{"technique": "other"}]}]}}),
            &["components[].evidence.identity[].methods[].confidence: bad value (1 times): missing"],
        ),
        (
            "short_digest",
            json!({"hashes": [{"alg": "SHA-256", "content": "00"}]}),
            &["components[].hashes[].content: bad value (1 times): \"00\": parse SHA-256 digest: 2 digits, \
               expected 64"],
        ),
        (
            "unknown_licence_is_a_name",
            json!({"licenses": [{"license": {"id": "llama3"}}]}),
            &["components[].licenses[].license.id: bad value (1 times): llama3"],
        ),
        (
            "licences_and_expression",
            json!({"licenses": [{"license": {"id": "MIT"}}, {"expression": "MIT OR ISC"}]}),
            &["components[].licenses[].expression: read beside its parent (1 times): MIT OR ISC"],
        ),
        (
            "bad_url",
            json!({"externalReferences": [{"type": "vcs", "url": "a b"}]}),
            &["components[].externalReferences[].url: bad value (1 times): \"a b\": parse iri at offset 1: \
               character ' ' is not allowed"],
        ),
        (
            "list_that_is_none",
            json!({"properties": 1}),
            &["components[].properties: wrong type (1 times): number"],
        ),
        ("null_is_absent", json!({"purl": null, "hashes": null, "evidence": null}), &[]),
    ] {
        let mut whole = json!({"type": "library", "name": "a"});
        for (key, value) in component.as_object().expect("an object") {
            whole[key] = value.clone();
        }
        let bom = check_issues(name, json!({ "components": [whole] }), expected);
        assert_eq!(bom.components.len(), 1, "{name}");
    }
}

#[test]
fn same_issue_is_counted_not_repeated() {
    let components: Vec<Value> =
        (0..500).map(|n| json!({"type": "library", "name": n.to_string(), "scope": "required"})).collect();
    check_issues(
        "counted",
        json!({ "components": components }),
        &["components[].scope: not read (500 times)"],
    );
}

#[test]
fn invented_keys_are_bounded() {
    let keys: serde_json::Map<String, Value> = (0..5000).map(|n| (format!("k{n}"), json!(1))).collect();
    let mut document = Value::Object(keys);
    document["bomFormat"] = json!("CycloneDX");
    document["specVersion"] = json!("1.6");
    let read = read(&document);
    assert_eq!((read.issues.len(), read.further_issues), (1000, 4000));
}

#[test]
fn nested_components_and_services_stand_beside_their_parents() {
    let bom = check_issues(
        "nested",
        json!({
            "components": [{"type": "library", "name": "a", "components": [{"type": "library", "name": "b"}]}],
            "services": [{"name": "s", "services": [{"name": "t"}]}],
        }),
        &[
            "components[].components[]: read beside its parent (1 times)",
            "services[].services[]: read beside its parent (1 times)",
        ],
    );
    assert_eq!(bom.components.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(bom.services.len(), 2);
}

#[test]
fn edges_of_one_element_are_joined() {
    let bom = check_issues(
        "joined",
        json!({"dependencies": [
            {"ref": "a", "dependsOn": ["b"]}, {"ref": "a", "dependsOn": ["c", "b"]}, {"ref": ""}, {}
        ]}),
        &["dependencies[].ref: bad value (3 times): \"\": make bom-ref: text is empty"],
    );
    let refs: Vec<_> = bom.dependencies.values().flatten().map(BomRef::as_str).collect();
    assert_eq!(refs, ["b", "c"]);
}

#[test]
fn hostile_documents_are_refused() {
    let tight = Limits { bytes: 400, depth: 5, containers: 10, values: 40 };
    let head = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","x":"#;
    let many = |open: &str, times: usize| format!("{head}{}", open.repeat(times));
    for (name, text, expected) in [
        ("empty", String::new(), "read cyclonedx: not json"),
        ("not_json", "bom".into(), "read cyclonedx: not json"),
        ("not_utf8", "{\"a\":\"\u{1}\"}".into(), "read cyclonedx: not json"),
        ("array", "[]".into(), "read cyclonedx: bomFormat is not CycloneDX"),
        ("spdx", r#"{"spdxVersion":"SPDX-2.3"}"#.into(), "read cyclonedx: bomFormat is not CycloneDX"),
        (
            "future",
            r#"{"bomFormat":"CycloneDX","specVersion":"2.0"}"#.into(),
            "read cyclonedx: specVersion \"2.0\" is not one of 1.2 to 1.7",
        ),
        ("too_long", " ".repeat(401), "read cyclonedx at line 1, offset 400: more than 400 bytes"),
        ("too_deep", many("[", 5), "read cyclonedx at line 1, offset 53: more than 5 levels of nesting"),
        (
            "too_many_objects",
            many("{},", 12),
            "read cyclonedx at line 1, offset 76: more than 10 objects and arrays",
        ),
        ("too_many_values", many("1,", 40), "read cyclonedx at line 1, offset 122: more than 40 values"),
        ("a_key_twice", r#"{"a":1,"b":{"c":1,"c":2}}"#.into(), "read cyclonedx: not json"),
        ("brackets_in_text_do_not_count", format!("{head}\"\\\"{}\"}}", "[".repeat(50)), "read"),
    ] {
        let found = match from_json_within(text.as_bytes(), &tight) {
            Ok(_) => "read".to_owned(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn byte_order_mark_is_skipped() {
    let bytes = b"\xef\xbb\xbf{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.4\"}";
    assert_eq!(from_json(bytes).expect("a document").spec_version, "1.4");
}
