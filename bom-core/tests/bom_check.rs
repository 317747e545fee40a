//! Rules that a schema cannot hold, one broken rule per row.

use bom_core::bom::*;

fn reference(text: &str) -> BomRef {
    BomRef::new(text).expect("not empty")
}

fn sound() -> Bom {
    Bom {
        components: vec![
            Component::new(reference("a"), ComponentKind::Library, "a"),
            Component::new(reference("b"), ComponentKind::Library, "b"),
        ],
        dependencies: [(reference("a"), [reference("b")].into())].into(),
        ..Bom::default()
    }
}

fn composition(bom_ref: &str, assemblies: &str, dependencies: &str) -> Composition {
    Composition {
        bom_ref: Some(reference(bom_ref)),
        aggregate: Aggregate::Unknown,
        assemblies: [reference(assemblies)].into(),
        dependencies: [reference(dependencies)].into(),
    }
}

fn annotation(subjects: &[&str]) -> Annotation {
    Annotation {
        bom_ref: None,
        subjects: subjects.iter().map(|text| reference(text)).collect(),
        annotator: Annotator::Service { name: "x".into() },
        timestamp: Timestamp::UNIX_EPOCH,
        text: String::new(),
    }
}

fn check_row(name: &str, change: impl FnOnce(&mut Bom), expected: &[&str]) {
    let mut bom = sound();
    change(&mut bom);
    let found: Vec<String> = check(&bom).iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "{name}");
    assert_eq!(
        to_json(&bom, Options::default()).is_ok(),
        expected.is_empty(),
        "{name}: written only if sound"
    );
}

#[test]
fn broken_rules_are_found() {
    check_row("sound", |_| {}, &[]);
    check_row(
        "two_components_of_one_name",
        |bom| bom.components[1].bom_ref = Some(reference("a")),
        &["a: bom-ref is not unique", "a: dependencies.dependsOn names \"b\", which is not in the document"],
    );
    check_row(
        "component_and_occurrence_of_one_name",
        |bom| {
            bom.components[0].evidence.occurrences = vec![Occurrence {
                bom_ref: Some(reference("b")),
                location: "/x".into(),
                symbol: None,
                additional_context: None,
            }];
        },
        &["b: bom-ref is not unique"],
    );
    check_row(
        "model_card_of_the_same_name",
        |bom| {
            bom.components[0].model_card =
                Some(ModelCard { bom_ref: Some(reference("a")), ..ModelCard::default() });
        },
        &["a: bom-ref is not unique"],
    );
    check_row(
        "edge_from_nowhere",
        |bom| {
            bom.dependencies.insert(reference("x"), [].into());
        },
        &["x: dependencies.ref names \"x\", which is not in the document"],
    );
    check_row(
        "edge_to_an_element_that_is_no_component",
        |bom| {
            bom.compositions = vec![composition("c", "a", "b")];
            bom.dependencies.insert(reference("b"), [reference("c")].into());
        },
        &["b: dependencies.dependsOn names \"c\", which is not in the document"],
    );
    check_row(
        "claim_about_nothing",
        |bom| bom.compositions = vec![composition("c", "x", "y")],
        &[
            "c: compositions.assemblies names \"x\", which is not in the document",
            "c: compositions.dependencies names \"y\", which is not in the document",
        ],
    );
    check_row(
        "link_into_another_document",
        |bom| {
            bom.compositions = vec![composition("c", "urn:cdx:x/1#y", "a")];
            bom.annotations = vec![annotation(&["urn:cdx:x/1#y", "c"])];
        },
        &[],
    );
    check_row(
        "remark_on_nothing",
        |bom| bom.annotations = vec![annotation(&[]), annotation(&["x"])],
        &[
            "annotations: annotations.subjects names \"x\", which is not in the document",
            "annotations: annotation has no subject",
        ],
    );
    check_row(
        "edge_to_the_tool_and_the_subject",
        |bom| {
            bom.metadata.tools = vec![Component::new(reference("t"), ComponentKind::Application, "t")];
            bom.metadata.component = Some(Component::new(reference("s"), ComponentKind::Application, "s"));
            bom.dependencies.insert(reference("s"), [reference("t")].into());
        },
        &[],
    );
    check_row(
        "property_name_with_a_dot",
        |bom| bom.components[0].properties = vec![Property::new("aibom:a.b", "")],
        &["a: property name \"aibom:a.b\" is not a taxonomy name"],
    );
}

#[test]
fn taxonomy_names() {
    for (name, expected) in [
        ("aibom:model:format", true),
        ("cdx:ai-ml:model:hyperparameter:_undefined:Rope Freq", true),
        ("SrcFile", true),
        ("", false),
        ("aibom:", false),
        (":x", false),
        ("aibom::x", false),
        ("Aibom:x", false),
        ("aibom:a.b", false),
        ("aibom:é", false),
        ("aibom:a\nb", false),
    ] {
        assert_eq!(is_taxonomy_name(name), expected, "{name:?}");
    }
    assert_eq!(taxonomy_segment("llama.rope:freq\n"), "llama_rope_freq_");
    assert_eq!(taxonomy_segment(""), "_");
}
