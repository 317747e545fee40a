//! Laws of the document rooms, over arbitrary documents and bytes.

mod bom_arbitrary;

use bom_arbitrary::{any_bom, any_iri, any_purl, any_text};
use bom_core::bom::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_back_what_was_written_gives_the_same_document(bom in any_bom()) {
        let written = to_json(&bom, Options::default()).expect("a checked document");
        let read = from_json(&written.json).expect("our own document");
        prop_assert_eq!(&read.issues, &Vec::<Issue>::new());
        prop_assert_eq!(read.serial_number.as_deref(), Some(written.serial_number.as_str()));
        prop_assert_eq!(&read.bom, &bom.normalized());
        let again = to_json(&read.bom, Options::default()).expect("a checked document");
        prop_assert_eq!(again.json, written.json);
    }

    #[test]
    fn order_and_repetition_do_not_matter(bom in any_bom()) {
        let mut other = bom.clone();
        other.components.reverse();
        other.services.reverse();
        other.compositions.extend(bom.compositions.iter().filter(|one| one.bom_ref.is_none()).cloned());
        for component in &mut other.components {
            component.properties.reverse();
            component.hashes.extend(component.hashes.clone());
            component.evidence.identities.reverse();
            component.evidence.occurrences.reverse();
        }
        for version in SpecVersion::ALL {
            let options = Options::new(*version);
            prop_assert_eq!(
                to_json(&bom, options).expect("a checked document"),
                to_json(&other, options).expect("a checked document")
            );
        }
    }

    #[test]
    fn older_version_keeps_everything_it_does_not_list_as_dropped(bom in any_bom()) {
        let written = to_json(&bom, Options::new(SpecVersion::V1_5)).expect("a checked document");
        let read = from_json(&written.json).expect("our own document");
        prop_assert_eq!(&read.issues, &Vec::<Issue>::new());
        if written.dropped.is_empty() {
            prop_assert_eq!(read.bom, bom.normalized());
        } else {
            prop_assert_ne!(read.bom, bom.normalized());
        }
    }

    #[test]
    fn printed_documents_have_no_hidden_characters(bom in any_bom()) {
        let written = to_json(&bom, Options::default()).expect("a checked document");
        let text = String::from_utf8(written.json).expect("utf-8");
        prop_assert_eq!(text.lines().last(), Some("}"));
        prop_assert_eq!(text.chars().find(|c| *c != '\n' && is_hidden(*c)), None);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_json(&bytes);
    }

    #[test]
    fn damaged_documents_never_panic(bom in any_bom(), cuts in any::<[(prop::sample::Index, u8); 4]>()) {
        let mut json = to_json(&bom, Options::default()).expect("a checked document").json;
        for (at, byte) in cuts {
            let at = at.index(json.len());
            json[at] = byte;
        }
        let _ = from_json(&json);
    }

    #[test]
    fn values_of_the_wrong_type_are_issues_not_errors(bom in any_bom(), wrong in any_json()) {
        prop_assume!(!bom.components.is_empty());
        let json = to_json(&bom, Options::default()).expect("a checked document").json;
        let mut document: serde_json::Value = serde_json::from_slice(&json).expect("json");
        let component = document["components"][0].as_object_mut().expect("an object");
        for key in component.keys().cloned().collect::<Vec<_>>() {
            if key != "name" {
                component.insert(key, wrong.clone());
            }
        }
        let read = from_json(document.to_string().as_bytes()).expect("a tolerated document");
        prop_assert_eq!(read.bom.components.len(), bom.normalized().components.len());
        // `type` is always there and is never one of the wrong values.
        prop_assert!(!read.issues.is_empty());
    }

    #[test]
    fn unescape_inverts_escape(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let escaped = escape(&bytes);
        prop_assert_eq!(escaped.text.chars().find(|c| is_hidden(*c)), None);
        prop_assert_eq!(escaped.encoded, escaped.text.as_bytes() != bytes);
        prop_assert_eq!(unescape(&escaped.text), Ok(bytes));
    }

    #[test]
    fn unescape_inverts_escape_of_text(text in any_text()) {
        prop_assert_eq!(unescape(&escape(text.as_bytes()).text), Ok(text.into_bytes()));
    }

    #[test]
    fn unescape_never_panics(text in "[\\\\xa0gn]{0,8}\\PC{0,4}") {
        let _ = unescape(&text);
    }

    #[test]
    fn purls_parse_back_to_themselves(purl in any_purl()) {
        prop_assert_eq!(Purl::parse(purl.as_str()).expect("our own purl"), purl.clone());
        prop_assert!(purl.parts().is_some());
    }

    #[test]
    fn parsers_never_panic(text in any_text(), odd in "\\PC{0,24}", iri in any_iri()) {
        for text in [text.as_str(), odd.as_str()] {
            let _ = Purl::parse(text);
            let _ = Iri::parse(text);
            let _ = Timestamp::parse(text);
            let _ = Hash::new(HashAlgorithm::Sha256, text);
            let _ = LicenseId::parse(text);
        }
        prop_assert_eq!(Iri::parse(iri.as_str()), Ok(iri.clone()));
    }

    #[test]
    fn timestamps_parse_back(seconds in -62_167_219_200_i64..=253_402_300_799, nanos in 0_u32..1_000_000_000) {
        let at = Timestamp::from_unix_nanos(i128::from(seconds) * 1_000_000_000 + i128::from(nanos));
        let at = at.expect("in range");
        prop_assert_eq!((at.unix_seconds(), at.subsec_nanos()), (seconds, nanos));
        prop_assert_eq!(Timestamp::parse(&at.to_string()), Ok(at));
    }

    #[test]
    fn taxonomy_segments_are_taxonomy_names(text in any_text()) {
        let segment = taxonomy_segment(&text);
        prop_assert!(is_taxonomy_name(&segment), "{}", segment);
    }
}

#[test]
fn confidence_survives_the_fraction() {
    for permille in 0..=1000 {
        let confidence = Confidence::from_permille(permille).expect("in range");
        assert_eq!(Confidence::from_fraction(confidence.as_fraction()), Some(confidence));
    }
    assert_eq!(Confidence::from_fraction(f64::NAN), None);
    assert_eq!(Confidence::from_fraction(1.001), None);
    assert_eq!(Confidence::from_fraction(-0.001), None);
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    prop_oneof![
        Just(serde_json::json!(true)),
        Just(serde_json::json!(-3.5)),
        Just(serde_json::json!("x")),
        Just(serde_json::json!([[], {}, "x", 1])),
        Just(serde_json::json!({"x": [null]})),
    ]
}
