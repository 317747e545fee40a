//! What a conversion keeps, what it lists, and what it refuses.

use bom_core::bom::Limits;
use bom_core::bom::convert::{Converted, Wish, convert};
use bom_core::bom::spec::Edition;
use bom_core::bom::validate::{Severity, validate};
use serde_json::{Value, json};

const DEMO: &[u8] = include_bytes!("../../testdata/recordings/demo.cdx.json");

fn to(bytes: &[u8], edition: Edition) -> Converted {
    let wish = Wish { to: Some(edition), deterministic: false };
    convert(bytes, &Limits::default(), wish).expect("a document")
}

/// A document of an edition goes to another one: what is left of it, and the places of what is not.
fn check(name: &str, from: &str, edition: Edition, document: Value, expected: Value, lost: &[&str]) {
    let mut before = json!({"bomFormat": "CycloneDX", "specVersion": from, "version": 1});
    for (key, value) in document.as_object().expect("an object") {
        before[key] = value.clone();
    }
    let converted = to(before.to_string().as_bytes(), edition);
    let after: Value = serde_json::from_slice(&converted.json).expect("JSON");
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&after[key], value, "{name}: {key}");
    }
    let places: Vec<&str> = converted.losses.list.iter().map(|one| one.at.as_str()).collect();
    assert_eq!(places, lost, "{name}: {:?}", converted.losses.list);
    assert_eq!(after["specVersion"], edition.as_str(), "{name}");
}

#[test]
fn what_has_no_room_is_listed_with_its_place() {
    use Edition::{V1_4, V1_5, V1_6, V1_7};
    check(
        "a_field",
        "1.7",
        V1_6,
        json!({"components": [{"type": "library", "name": "a", "isExternal": true}]}),
        json!({"components": [{"type": "library", "name": "a"}]}),
        &["$.components[0].isExternal"],
    );
    check(
        "a_word",
        "1.6",
        V1_4,
        json!({"components": [{"type": "machine-learning-model", "name": "a"}]}),
        json!({"components": [{"type": "file", "name": "a"}]}),
        &["$.components[0].type"],
    );
    check(
        "the_surest_identity",
        "1.6",
        V1_5,
        json!({"components": [{"type": "library", "name": "a", "evidence": {"identity": [
            {"field": "name", "confidence": 0.5}, {"field": "purl", "confidence": 0.9, "concludedValue": "x"}]}}]}),
        json!({"components": [{"type": "library", "name": "a", "evidence": {"identity": {"field": "purl", "confidence": 0.9}}}]}),
        &["$.components[0].evidence.identity[0]", "$.components[0].evidence.identity[1].concludedValue"],
    );
    check(
        "tools",
        "1.5",
        V1_4,
        json!({"metadata": {"tools": {"components": [{"type": "application", "group": "g", "name": "t", "version": "1"}]}}}),
        json!({"metadata": {"tools": [{"vendor": "g", "name": "t", "version": "1"}]}}),
        &["$.metadata.tools.components[0].type"],
    );
    check(
        "mixed_licences",
        "1.7",
        V1_6,
        json!({"components": [{"type": "library", "name": "a", "licenses": [{"expression": "MIT OR X"}, {"license": {"id": "MIT"}}]}]}),
        json!({"components": [{"type": "library", "name": "a", "licenses": [{"license": {"name": "MIT OR X"}}, {"license": {"id": "MIT"}}]}]}),
        &["$.components[0].licenses[0]"],
    );
    check(
        "names_that_are_gone_are_not_referred_to",
        "1.6",
        V1_4,
        json!({"components": [{"type": "library", "name": "a", "bom-ref": "a", "modelCard": {"bom-ref": "card"}}],
               "dependencies": [{"ref": "a", "dependsOn": ["a", "card"]}, {"ref": "card"}]}),
        json!({"dependencies": [{"ref": "a", "dependsOn": ["a"]}]}),
        &[
            "$.components[0].modelCard",
            "$.dependencies[0].dependsOn[1]",
            "$.dependencies[1].ref",
            "$.dependencies[1]",
        ],
    );
    check(
        "a_signature_of_another_document",
        "1.6",
        V1_7,
        json!({"signature": {"algorithm": "ES256", "value": "x"}}),
        json!({"signature": null}),
        &["$.signature"],
    );
    check(
        "upwards_nothing",
        "1.4",
        V1_7,
        json!({"metadata": {"tools": [{"vendor": "g", "name": "t"}]}, "components": [{"type": "library", "name": "a"}]}),
        json!({"metadata": {"tools": [{"vendor": "g", "name": "t"}]}, "components": [{"type": "library", "name": "a"}]}),
        &[],
    );
}

#[test]
fn within_one_edition_nothing_is_lost_known_or_not() {
    let document = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "x-ours": {"a": [1, 2.5, null]},
        "signature": {"value": "x"}, "components": [{"type": "new-kind", "name": "a", "future": true}],
    });
    let converted = to(document.to_string().as_bytes(), Edition::V1_6);
    assert_eq!(serde_json::from_slice::<Value>(&converted.json).expect("JSON"), document);
    assert_eq!(converted.losses.count(), 0);
}

#[test]
fn our_own_document_comes_back_byte_by_byte() {
    assert_eq!(to(DEMO, Edition::V1_6).json, DEMO);
    let there = to(DEMO, Edition::V1_7);
    assert_eq!(there.losses.count(), 0);
    assert_eq!(to(&there.json, Edition::V1_6).json, DEMO);
}

#[test]
fn what_is_written_is_valid_in_every_edition() {
    for edition in [Edition::V1_4, Edition::V1_5, Edition::V1_6, Edition::V1_7] {
        let converted = to(DEMO, edition);
        let checked = validate(&converted.json, &Limits::default()).expect("a document");
        assert_eq!(checked.findings.count(Severity::Error), 0, "{edition}: {:?}", checked.findings.list);
        assert_eq!(checked.edition, Some(edition));
        assert_eq!(converted.losses.count() == 0, edition >= Edition::V1_6, "{edition}");
    }
}

#[test]
fn deterministic_documents_have_no_time_of_their_making() {
    let at = |time: &str| {
        let document = json!({
            "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "serialNumber": format!("urn:uuid:{time}"),
            "metadata": {"timestamp": time},
            "annotations": [{"subjects": ["a"], "annotator": {"organization": {"name": "o"}}, "timestamp": time, "text": "t"}],
            "components": [{"type": "library", "name": "a", "bom-ref": "a", "releaseNotes": {"type": "major", "timestamp": "2020-01-01T00:00:00Z"}}],
        });
        let wish = Wish { to: None, deterministic: true };
        convert(document.to_string().as_bytes(), &Limits::default(), wish).expect("a document").json
    };
    let one = at("2026-01-01T00:00:00Z");
    assert_eq!(one, at("2026-02-02T00:00:00Z"));
    let after: Value = serde_json::from_slice(&one).expect("JSON");
    assert_eq!(after["components"][0]["releaseNotes"]["timestamp"], "2020-01-01T00:00:00Z");
    assert_eq!(after["annotations"][0]["timestamp"], "1970-01-01T00:00:00Z");
}

#[test]
fn other_formats_are_converted_and_say_what_was_not_read() {
    let spdx = json!({
        "spdxVersion": "SPDX-2.3", "SPDXID": "d", "snippets": [],
        "packages": [{"SPDXID": "a", "name": "a"}],
        "relationships": [{"spdxElementId": "a", "relatedSpdxElement": "DocumentRef-x:b", "relationshipType": "DEPENDS_ON"}],
    });
    let converted =
        convert(spdx.to_string().as_bytes(), &Limits::default(), Wish { to: None, deterministic: false });
    let converted = converted.expect("a document");
    assert_eq!((converted.from.as_str(), converted.edition), ("SPDX 2.3", Edition::V1_6));
    let places: Vec<&str> = converted.losses.list.iter().map(|one| one.at.as_str()).collect();
    assert_eq!(places, ["snippets", "a"]);
    let checked = validate(&converted.json, &Limits::default()).expect("a document");
    assert_eq!(checked.findings.list, []);
}

#[test]
fn refuses_what_would_be_a_guess() {
    let wish = |edition| Wish { to: Some(edition), deterministic: false };
    let limits = Limits::default();
    let twice = br#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "version": 2}"#;
    for (name, bytes, edition, word) in [
        ("too_old", DEMO, Edition::V1_3, "the oldest that is written is 1.4"),
        ("twice", twice.as_slice(), Edition::V1_6, "$.version stands twice"),
        ("nothing", b"".as_slice(), Edition::V1_6, "not json"),
    ] {
        let error = convert(bytes, &limits, wish(edition)).expect_err(name);
        assert!(error.to_string().contains(word), "{name}: {error}");
    }
}
