//! One rich document, written in all three versions: what stands where, what is dropped, what stays the same.

use bom_core::bom::*;
use serde_json::{Value, json};

const MODEL: &str = "model:sha256:00";

fn reference(text: &str) -> BomRef {
    BomRef::new(text).expect("not empty")
}

/// A node that ran one agent: a model, a library, a service, a declared gap.
fn rich() -> Bom {
    let at = Timestamp::from_unix(1_790_000_000).expect("in range");
    let permille = |permille| Confidence::from_permille(permille).expect("in range");
    let subject = Component {
        properties: vec![Property::new("aibom:coverage:network", "incomplete")],
        ..Component::new(reference("subject:agent"), ComponentKind::Application, "support-agent")
    };
    let model = Component {
        group: Some("Qwen".into()),
        version: Some(Version::new("a".repeat(40)).expect("short")),
        purl: Purl::huggingface("Qwen", "Qwen2.5-0.5B", Some(&"A".repeat(40)), Some("gguf/q4.gguf")).ok(),
        hashes: vec![Hash::sha256(&[0; 32])],
        licenses: Licenses::List(vec![License {
            acknowledgement: Some(Acknowledgement::Declared),
            ..License::from_text("Apache-2.0")
        }]),
        pedigree: Pedigree {
            ancestors: vec![Ancestor {
                bom_ref: None,
                kind: ComponentKind::MachineLearningModel,
                group: Some("Qwen".into()),
                name: "Qwen2.5".into(),
                version: None,
                purl: None,
                hashes: Vec::new(),
            }],
            notes: None,
        },
        external_references: vec![ExternalReference {
            kind: ExternalReferenceKind::CodifiedInfrastructure,
            url: Iri::parse("https://example.org/deploy").expect("an iri"),
            comment: None,
            hashes: Vec::new(),
        }],
        properties: vec![Property::new("aibom:model:format", "gguf")],
        evidence: Evidence {
            identities: vec![
                Identity {
                    field: IdentityField::Hash,
                    concluded_value: Some("0".repeat(64)),
                    confidence: Some(permille(990)),
                    methods: vec![Method {
                        technique: Technique::HashComparison,
                        confidence: permille(990),
                        value: None,
                    }],
                },
                Identity {
                    field: IdentityField::Name,
                    concluded_value: None,
                    confidence: Some(permille(700)),
                    methods: vec![Method {
                        technique: Technique::Instrumentation,
                        confidence: permille(700),
                        value: Some("/models/q4.gguf".into()),
                    }],
                },
            ],
            occurrences: vec![Occurrence {
                bom_ref: Some(reference("e1:7")),
                location: "/models/a\nb.gguf".into(),
                symbol: Some("q4".into()),
                additional_context: Some("subject=subject:agent op=mmap".into()),
            }],
            licenses: Licenses::default(),
        },
        model_card: Some(ModelCard {
            bom_ref: Some(reference("card:1")),
            approach: Some(Approach::SelfSupervised),
            task: Some("text-generation".into()),
            architecture_family: Some("transformer".into()),
            model_architecture: Some("qwen2".into()),
            properties: vec![Property::new("cdx:ai-ml:model:parameter:count", "494M")],
        }),
        ..Component::new(reference(MODEL), ComponentKind::MachineLearningModel, "Qwen2.5-0.5B")
    };
    let remote = Component {
        external: true,
        ..Component::new(reference("model:remote"), ComponentKind::MachineLearningModel, "gpt\tx")
    };
    let api = Service {
        provider: Some(Provider {
            name: Some("OpenAI".into()),
            urls: [Iri::parse("https://openai.com").expect("an iri")].into(),
        }),
        group: Some("ai-api".into()),
        endpoints: [Iri::endpoint("https", "api.openai.com", 443).expect("an iri")].into(),
        x_trust_boundary: Some(true),
        data: vec![DataFlow { flow: Flow::Inbound, classification: "prompt".into() }],
        ..Service::new(reference("service:openai"), "api.openai.com")
    };
    Bom {
        metadata: Metadata {
            timestamp: Some(at),
            lifecycles: [Phase::Operations].into(),
            tools: vec![Component::new(reference("tool:aibom"), ComponentKind::Application, "aibom")],
            component: Some(subject),
            properties: Vec::new(),
        },
        components: vec![remote, model],
        services: vec![api],
        dependencies: [(reference("subject:agent"), [reference(MODEL), reference("service:openai")].into())]
            .into(),
        compositions: vec![Composition {
            bom_ref: Some(reference("coverage:agent")),
            aggregate: Aggregate::Incomplete,
            assemblies: [].into(),
            dependencies: [reference("subject:agent")].into(),
        }],
        annotations: vec![Annotation {
            bom_ref: None,
            subjects: [reference("coverage:agent")].into(),
            annotator: Annotator::Component {
                kind: ComponentKind::Application,
                group: None,
                name: "aibom".into(),
                version: None,
            },
            timestamp: at,
            text: "12 events lost".into(),
        }],
        workflows: vec![Workflow {
            bom_ref: reference("window:1"),
            uid: "1".into(),
            name: None,
            description: None,
            task_types: [TaskType::Scan].into(),
            time_start: Some(at),
            time_end: Some(at),
            tasks: Vec::new(),
            properties: Vec::new(),
        }],
        external_references: Vec::new(),
    }
}

fn written(options: Options) -> (Value, Written) {
    let written = to_json(&rich(), options).expect("a checked document");
    (serde_json::from_slice(&written.json).expect("json"), written)
}

/// Expects a value at each JSON pointer; `null` means that nothing stands there.
fn check_pointers(version: SpecVersion, rows: &[(&str, Value)]) {
    let (document, _) = written(Options::new(version));
    for (pointer, expected) in rows {
        let found = document.pointer(pointer).unwrap_or(&Value::Null);
        assert_eq!(found, expected, "{version} {pointer}");
    }
}

#[test]
fn version_1_6_says_everything_but_what_came_later() {
    check_pointers(
        SpecVersion::V1_6,
        &[
            ("/$schema", json!("http://cyclonedx.org/schema/bom-1.6.schema.json")),
            ("/specVersion", json!("1.6")),
            ("/metadata/timestamp", json!("2026-09-21T14:13:20Z")),
            ("/metadata/lifecycles/0/phase", json!("operations")),
            ("/metadata/tools/components/0/name", json!("aibom")),
            ("/components/0/bom-ref", json!("model:remote")),
            ("/components/0/name", json!("gpt\tx")),
            ("/components/0/isExternal", json!(null)),
            ("/components/1/evidence/identity/0/field", json!("name")),
            ("/components/1/evidence/identity/0/confidence", json!(0.7)),
            ("/components/1/evidence/identity/1/concludedValue", json!("0".repeat(64))),
            ("/components/1/evidence/identity/1/methods/0/confidence", json!(0.99)),
            ("/components/1/evidence/occurrences/0/bom-ref", json!("e1:7")),
            ("/components/1/evidence/occurrences/0/location", json!("/models/a\nb.gguf")),
            ("/components/1/evidence/occurrences/0/symbol", json!("q4")),
            ("/components/1/licenses/0/license/acknowledgement", json!("declared")),
            ("/components/1/externalReferences/0/type", json!("codified-infrastructure")),
            ("/components/1/modelCard/bom-ref", json!("card:1")),
            ("/components/1/modelCard/modelParameters/approach/type", json!("self-supervised")),
            (
                "/components/1/purl",
                json!(format!("pkg:huggingface/Qwen/Qwen2.5-0.5B@{}#gguf/q4.gguf", "a".repeat(40))),
            ),
            ("/services/0/endpoints/0", json!("https://api.openai.com:443")),
            ("/services/0/authenticated", json!(null)),
            ("/services/0/x-trust-boundary", json!(true)),
            ("/services/0/data/0", json!({"flow": "inbound", "classification": "prompt"})),
            ("/dependencies/0/dependsOn", json!([MODEL, "service:openai"])),
            ("/compositions/0/bom-ref", json!("coverage:agent")),
            ("/compositions/0/dependencies", json!(["subject:agent"])),
            ("/annotations/0/subjects", json!(["coverage:agent"])),
            ("/annotations/0/annotator/component/name", json!("aibom")),
            ("/annotations/0/annotator/component/bom-ref", json!(null)),
            ("/formulation/0/workflows/0/taskTypes", json!(["scan"])),
        ],
    );
}

#[test]
fn version_1_5_keeps_the_surest_identity_and_repairs_what_the_crate_breaks() {
    check_pointers(
        SpecVersion::V1_5,
        &[
            ("/specVersion", json!("1.5")),
            ("/components/0/name", json!("gpt\tx")),
            ("/components/1/evidence/identity/field", json!("hash")),
            ("/components/1/evidence/identity/confidence", json!(0.99)),
            ("/components/1/evidence/identity/concludedValue", json!(null)),
            (
                "/components/1/evidence/occurrences/0",
                json!({"bom-ref": "e1:7", "location": "/models/a\nb.gguf"}),
            ),
            ("/components/1/licenses/0/license", json!({"id": "Apache-2.0"})),
            ("/components/1/externalReferences/0/type", json!("codified-infrastructure")),
            ("/components/1/modelCard/bom-ref", json!("card:1")),
            ("/compositions/0/bom-ref", json!("coverage:agent")),
        ],
    );
}

#[test]
fn version_1_7_adds_what_is_external() {
    check_pointers(
        SpecVersion::V1_7,
        &[("/specVersion", json!("1.7")), ("/components/0/isExternal", json!(true))],
    );
}

#[test]
fn what_a_version_cannot_say_is_listed() {
    let listed = |version| {
        let (_, written) = written(Options::new(version));
        written.dropped.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(listed(SpecVersion::V1_7), Vec::<String>::new());
    assert_eq!(listed(SpecVersion::V1_6), ["model:remote: isExternal: true"]);
    assert_eq!(
        listed(SpecVersion::V1_5),
        [
            "model:remote: isExternal: true".to_owned(),
            "model:sha256:00: evidence.identity: name".to_owned(),
            format!("model:sha256:00: evidence.identity.concludedValue: hash {}", "0".repeat(64)),
            "model:sha256:00: evidence.occurrences.additionalContext: subject=subject:agent op=mmap at \
             /models/a\nb.gguf"
                .to_owned(),
            "model:sha256:00: evidence.occurrences.symbol: q4 at /models/a\nb.gguf".to_owned(),
            "model:sha256:00: licenses: acknowledgement declared".to_owned(),
        ]
    );
}

#[test]
fn words_of_a_newer_version_are_replaced_and_listed() {
    let reference_kind = |kind| ExternalReference {
        kind,
        url: Iri::parse("https://example.org").expect("an iri"),
        comment: None,
        hashes: Vec::new(),
    };
    let bom = Bom {
        components: vec![Component::new(reference("key"), ComponentKind::CryptographicAsset, "key")],
        external_references: vec![
            reference_kind(ExternalReferenceKind::Citation),
            reference_kind(ExternalReferenceKind::Rfc9116),
        ],
        ..Bom::default()
    };
    for (version, kinds, component, dropped) in [
        (SpecVersion::V1_7, ["rfc-9116", "citation"], "cryptographic-asset", 0),
        (SpecVersion::V1_6, ["rfc-9116", "other"], "cryptographic-asset", 1),
        (SpecVersion::V1_5, ["other", "other"], "data", 3),
    ] {
        let written = to_json(&bom, Options::new(version)).expect("a checked document");
        let document: Value = serde_json::from_slice(&written.json).expect("json");
        assert_eq!(document["externalReferences"][0]["type"], kinds[0], "{version}");
        assert_eq!(document["externalReferences"][1]["type"], kinds[1], "{version}");
        assert_eq!(document["components"][0]["type"], component, "{version}");
        assert_eq!(written.dropped.len(), dropped, "{version}");
    }
}

#[test]
fn components_that_an_older_version_cannot_tell_apart_are_written_once() {
    let twin = |external| {
        let named = Component::new(reference("x"), ComponentKind::Library, "twin");
        Component { bom_ref: None, external, ..named }
    };
    let bom = Bom { components: vec![twin(false), twin(true)], ..Bom::default() };
    for (version, expected) in [(SpecVersion::V1_6, 1), (SpecVersion::V1_7, 2)] {
        let written = to_json(&bom, Options::new(version)).expect("a checked document");
        let document: Value = serde_json::from_slice(&written.json).expect("json");
        assert_eq!(document["components"].as_array().map(Vec::len), Some(expected), "{version}");
    }
}

#[test]
fn identity_of_version_1_5_is_one_it_knows() {
    let sure = |field, permille| Identity {
        field,
        concluded_value: None,
        confidence: Confidence::from_permille(permille).ok(),
        methods: Vec::new(),
    };
    let mut component = Component::new(reference("x"), ComponentKind::Library, "x");
    component.evidence.identities = vec![
        sure(IdentityField::Swhid, 1000),
        sure(IdentityField::Purl, 600),
        sure(IdentityField::Name, 300),
    ];
    let bom = Bom { components: vec![component], ..Bom::default() };
    let written = to_json(&bom, Options::new(SpecVersion::V1_5)).expect("a checked document");
    let read = from_json(&written.json).expect("our own document");
    assert_eq!(read.bom.components[0].evidence.identities, [sure(IdentityField::Purl, 600)]);
    let lost: Vec<_> = written.dropped.iter().map(|lost| lost.detail.as_str()).collect();
    assert_eq!(lost, ["name", "swhid"]);
}

#[test]
fn serial_number_is_a_function_of_the_content() {
    let (document, first) = written(Options::default());
    assert_eq!(document["serialNumber"], json!(first.serial_number));
    let uuid = first.serial_number.strip_prefix("urn:uuid:").expect("a urn");
    assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert_eq!(uuid.as_bytes()[14], b'8', "version 8: {uuid}");
    assert!(b"89ab".contains(&uuid.as_bytes()[19]), "variant of RFC 9562: {uuid}");
    assert_eq!(written(Options::default()).1, first);
    let mut other = rich();
    other.annotations[0].text.push('!');
    let other = to_json(&other, Options::default()).expect("a checked document");
    assert_ne!(other.serial_number, first.serial_number);
}

#[test]
fn deterministic_documents_have_no_times() {
    let options = Options { deterministic: true, ..Options::default() };
    let (document, first) = written(options);
    assert_eq!(document.pointer("/metadata/timestamp"), None);
    assert_eq!(document.pointer("/annotations/0/timestamp"), Some(&json!("1970-01-01T00:00:00Z")));
    assert_eq!(document.pointer("/formulation/0/workflows/0/timeStart"), None);
    let mut later = rich();
    later.metadata.timestamp = Timestamp::from_unix(1_800_000_000).ok();
    assert_eq!(to_json(&later, options).expect("a checked document"), first);
}

#[test]
fn text_form_is_stable() {
    let bom = Bom {
        components: vec![Component {
            properties: vec![Property::new("aibom:x", "\u{1b}\u{202e}é\u{e0001}")],
            ..Component::new(reference("a"), ComponentKind::File, "b")
        }],
        ..Bom::default()
    };
    let written = to_json(&bom, Options::default()).expect("a checked document");
    let expected = r#"{
  "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
  "bomFormat": "CycloneDX",
  "specVersion": "1.6",
  "serialNumber": "SERIAL",
  "version": 1,
  "metadata": {},
  "components": [
    {
      "bom-ref": "a",
      "type": "file",
      "name": "b",
      "properties": [
        {
          "name": "aibom:x",
          "value": "\u001b\u202eé\udb40\udc01"
        }
      ]
    }
  ],
  "dependencies": []
}
"#
    .replace("SERIAL", &written.serial_number);
    assert_eq!(String::from_utf8(written.json).expect("utf-8"), expected);
}

#[test]
fn version_1_7_reads_back() {
    let (_, written) = written(Options::new(SpecVersion::V1_7));
    let read = from_json(&written.json).expect("our own document");
    assert_eq!(read.issues, []);
    assert_eq!(read.bom, rich().normalized());
}
