//! SPDX and XML: what is read, what is noted, what is refused.

use bom_core::bom::read::{Format, any, any_within, format_of};
use bom_core::bom::*;
use serde_json::{Value, json};

fn read(document: &Value) -> Read {
    any(document.to_string().as_bytes()).expect("a document")
}

fn spdx2(more: Value) -> Value {
    let mut document = json!({
        "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "d", "dataLicense": "CC0-1.0",
        "documentNamespace": "https://example.com/d",
        "creationInfo": {"created": "2026-01-02T03:04:05Z", "creators": ["Tool: syft-1.18.1", "Person: Ada"]},
    });
    for (key, value) in more.as_object().expect("an object") {
        document[key] = value.clone();
    }
    document
}

#[test]
fn spdx_2_gives_packages_with_identity_digest_and_licence() {
    let read = read(&spdx2(json!({
        "packages": [{
            "SPDXID": "SPDXRef-a", "name": "openai", "versionInfo": "2.8.0", "downloadLocation": "NOASSERTION",
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "Apache-2.0",
            "checksums": [{"algorithm": "SHA256", "checksumValue": "ab".repeat(32)}],
            "externalRefs": [
                {"referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a"},
                {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                 "referenceLocator": "pkg:pypi/openai@2.8.0"},
            ],
        }, {"SPDXID": "SPDXRef-m", "name": "m", "primaryPackagePurpose": "MODEL"}],
        "files": [{"SPDXID": "SPDXRef-f", "fileName": "./w.gguf",
                   "checksums": [{"algorithm": "SHA1", "checksumValue": "00".repeat(20)}]}],
    })));
    assert_eq!((read.format, read.spec_version.as_str()), (Format::Spdx2, "2.3"));
    assert_eq!(read.serial_number.as_deref(), Some("https://example.com/d"));
    assert_eq!(read.bom.metadata.timestamp.map(|at| at.to_string()).as_deref(), Some("2026-01-02T03:04:05Z"));
    let tool = &read.bom.metadata.tools[0];
    assert_eq!((tool.name.as_str(), tool.version.as_ref().map(Version::as_str)), ("syft", Some("1.18.1")));
    let find = |name: &str| read.bom.components.iter().find(|component| component.name == name).expect(name);
    let openai = find("openai");
    assert_eq!(openai.kind, ComponentKind::Library);
    assert_eq!(openai.purl.as_ref().map(Purl::as_str), Some("pkg:pypi/openai@2.8.0"));
    assert_eq!(openai.hashes, [Hash::new(HashAlgorithm::Sha256, &"ab".repeat(32)).expect("a digest")]);
    assert_eq!(openai.licenses, Licenses::List(vec![License::from_text("Apache-2.0")]));
    assert_eq!(find("m").kind, ComponentKind::MachineLearningModel);
    assert_eq!(find("./w.gguf").kind, ComponentKind::File);
    let issues: Vec<String> = read.issues.iter().map(ToString::to_string).collect();
    assert_eq!(issues, ["packages[].externalRefs[].referenceType: not read (1 times): cpe23Type"]);
}

#[test]
fn edges_of_spdx_2_lead_from_the_user_to_the_used() {
    let package = |id: &str| json!({"SPDXID": id, "name": id});
    for (name, relation, from, to, expected) in [
        ("depends_on", "DEPENDS_ON", "a", "b", Some(("a", "b"))),
        ("dependency_of", "DEPENDENCY_OF", "a", "b", Some(("b", "a"))),
        ("contains", "CONTAINS", "a", "b", Some(("a", "b"))),
        ("contained_by", "CONTAINED_BY", "a", "b", Some(("b", "a"))),
        ("nobody_knows", "DEPENDS_ON", "a", "NOASSERTION", None),
        ("other", "COPY_OF", "a", "b", None),
    ] {
        let read = read(&spdx2(json!({
            "packages": [package("a"), package("b")],
            "relationships": [{"spdxElementId": from, "relatedSpdxElement": to, "relationshipType": relation}],
        })));
        let edges: Vec<(&str, &str)> = read
            .bom
            .dependencies
            .iter()
            .flat_map(|(from, to)| to.iter().map(|to| (from.as_str(), to.as_str())))
            .collect();
        assert_eq!(edges, expected.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn what_an_spdx_document_describes_is_its_subject() {
    let read = read(&spdx2(json!({
        "packages": [{"SPDXID": "a", "name": "a"}, {"SPDXID": "b", "name": "b"}],
        "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "b", "relationshipType": "DESCRIBES"}],
    })));
    assert_eq!(read.bom.metadata.component.map(|component| component.name).as_deref(), Some("b"));
    assert_eq!(read.bom.components.len(), 1);
}

#[test]
fn spdx_3_gives_packages_models_licences_and_edges() {
    let read = read(&json!({
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [
            {"type": "CreationInfo", "@id": "_:c", "specVersion": "3.0.1", "created": "2026-01-02T03:04:05Z"},
            {"type": "SpdxDocument", "spdxId": "urn:d", "rootElement": ["urn:s"]},
            {"type": "software_Sbom", "spdxId": "urn:s", "rootElement": ["urn:app"]},
            {"type": "Tool", "spdxId": "urn:t", "name": "maker-2.0"},
            {"type": "software_Package", "spdxId": "urn:app", "name": "app", "software_primaryPurpose": "application"},
            {"type": "software_Package", "spdxId": "urn:p", "creationInfo": "_:c", "name": "numpy",
             "software_packageVersion": "2.0", "software_packageUrl": "pkg:pypi/numpy@2.0",
             "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": "cd".repeat(32)}]},
            {"type": "ai_AIPackage", "spdxId": "urn:m", "name": "adapter"},
            {"type": "ai_AIPackage", "spdxId": "urn:b", "name": "base"},
            {"type": "simplelicensing_LicenseExpression", "spdxId": "urn:l",
             "simplelicensing_licenseExpression": "MIT OR Apache-2.0"},
            {"type": "Relationship", "from": "urn:p", "to": ["urn:l"], "relationshipType": "hasDeclaredLicense"},
            {"type": "LifecycleScopedRelationship", "from": "urn:app", "to": ["urn:p", "urn:m"],
             "relationshipType": "dependsOn"},
            {"type": "Relationship", "from": "urn:m", "to": ["urn:b"], "relationshipType": "descendantOf"},
            {"type": "security_Vulnerability", "spdxId": "urn:v"},
        ],
    }));
    assert_eq!((read.format, read.spec_version.as_str()), (Format::Spdx3, "3.0.1"));
    let bom = &read.bom;
    assert_eq!(bom.metadata.component.as_ref().map(|component| component.name.as_str()), Some("app"));
    let find = |name: &str| bom.components.iter().find(|component| component.name == name).expect(name);
    assert_eq!(
        find("numpy").licenses,
        Licenses::Expression { text: "MIT OR Apache-2.0".into(), acknowledgement: None }
    );
    assert_eq!(find("numpy").hashes.len(), 1);
    assert_eq!(find("adapter").kind, ComponentKind::MachineLearningModel);
    assert_eq!(find("adapter").pedigree.ancestors[0].name, "base");
    let app = BomRef::new("urn:app").expect("a name");
    assert_eq!(bom.dependencies[&app].len(), 2);
    let issues: Vec<String> = read.issues.iter().map(ToString::to_string).collect();
    assert_eq!(issues, ["@graph[].type: not read (1 times): security_Vulnerability"]);
}

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<bom xmlns="http://cyclonedx.org/schema/bom/1.4" serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79" version="1">
  <components>
    <component type="library" bom-ref="a"><name>openai</name><version>2.8.0</version>
      <purl>pkg:pypi/openai@2.8.0</purl>
    </component>
  </components>
</bom>"#;

#[test]
fn xml_is_read_and_what_may_be_lost_is_said() {
    let read = any(XML.as_bytes()).expect("a document");
    assert_eq!((read.format, read.spec_version.as_str()), (Format::CycloneDxXml, "1.4"));
    assert_eq!(read.bom.components[0].purl.as_ref().map(Purl::as_str), Some("pkg:pypi/openai@2.8.0"));
    assert_eq!(read.issues.len(), 1, "{:?}", read.issues);
    assert!(read.issues[0].example.contains("cyclonedx-bom"));
}

#[test]
fn refuses_what_it_cannot_read() {
    let deep = format!("{}{}", XML.replace("</bom>", ""), "<components><component>".repeat(40));
    // A comment and an attribute that look like ends of tags must not make the depth look small.
    let hidden = "<a b='/>'><!-- </a></a> -->".repeat(70);
    let entity = XML.replace("<bom ", "<!DOCTYPE bom [<!ENTITY a \"b\">]><bom ");
    for (name, text, word) in [
        ("empty", String::new(), "not json"),
        ("other_json", "{\"a\": 1}".to_owned(), "neither CycloneDX nor SPDX"),
        ("list", "[]".to_owned(), "neither CycloneDX nor SPDX"),
        ("other_xml", "<html></html>".to_owned(), "neither CycloneDX nor SPDX"),
        ("spdx_1", "{\"spdxVersion\": \"SPDX-1.2\"}".to_owned(), "\"SPDX-1.2\" is not one of"),
        ("spdx_4", "{\"@context\": \"https://spdx.org/rdf/4.0/x\"}".to_owned(), "is not one of"),
        ("other_context", "{\"@context\": [\"x\"]}".to_owned(), "is not one of"),
        ("xml_of_another_version", XML.replace("bom/1.4", "bom/1.6"), "\"1.6\" is not one of 1.3 to 1.5"),
        ("xml_cut_short", XML[..XML.len() - 20].to_owned(), "read cyclonedx xml"),
        ("document_type", entity, "document type at offset"),
        ("too_deep", deep, "levels of nesting"),
        ("hidden_depth", hidden, "levels of nesting"),
    ] {
        let error = any(text.as_bytes()).expect_err(name);
        let said = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let said: Vec<String> = said.map(ToString::to_string).collect();
        assert!(said.join(": ").contains(word), "{name}: {said:?}");
    }
}

#[test]
fn limits_hold_for_every_format() {
    let limits = Limits { containers: 5, ..Limits::default() };
    let rows: Vec<Value> = (0..10).map(|number| json!({"name": number.to_string()})).collect();
    for text in [spdx2(json!({"packages": rows})).to_string(), XML.to_owned()] {
        assert!(matches!(any_within(text.as_bytes(), &limits), Err(ReadError::Limit { .. })));
    }
}

#[test]
fn formats_are_told_by_content() {
    for (text, expected) in [
        ("{\"bomFormat\": \"CycloneDX\"}", Some(Format::CycloneDxJson)),
        ("\u{feff} {\"spdxVersion\": \"SPDX-2.3\"}", Some(Format::Spdx2)),
        ("{\"@context\": \"https://spdx.org/rdf/3.0.1/c\"}", Some(Format::Spdx3)),
        (XML, Some(Format::CycloneDxXml)),
        ("kind: Deployment", None),
        ("{\"kind\": \"Deployment\"}", None),
        ("", None),
    ] {
        assert_eq!(format_of(text.as_bytes()), expected, "{text}");
    }
}
