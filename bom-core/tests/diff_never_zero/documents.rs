//! Documents against documents.

use serde_json::json;

use crate::{built::*, row};

#[test]
fn nothing_is_lost_between_documents() {
    let package = || {
        let mut package = thing(
            "library",
            "/p/x.py",
            None,
            &[("aibom:package:ecosystem", "pypi"), ("aibom:role", "llm-sdk")],
        );
        package["purl"] = json!("pkg:pypi/x@1");
        package
    };
    let empty = ours(&[], &[]);
    let with = ours(&[package()], &[]);
    row("same", &[("a.json", &with)], &with, 0, "");
    row("a_class_that_was_empty", &[("a.json", &empty)], &with, 1, "undeclared-package");
    let unread = |digit| ours(&[model("/m/x", Some(digit), &[("aibom:hash:source", "store-recorded")])], &[]);
    row("both_not_read", &[("a.json", &unread('1'))], &unread('1'), 0, "");
    row("both_not_read_and_other", &[("a.json", &unread('1'))], &unread('2'), 2, "content-unknown");
    let starred = |path| ours(&[model(path, Some('1'), &[])], &[]);
    let other = ours(&[model("/m/evil.gguf", Some('2'), &[])], &[]);
    row("a_star_in_a_path", &[("a.json", &starred("/m/*.gguf"))], &other, 1, "undeclared-model");
    row("a_star_in_a_path_itself", &[("a.json", &starred("/m/*.gguf"))], &starred("/m/*.gguf"), 0, "");
}

#[test]
fn digests_of_several_kinds() {
    let with = |weak: char, strong: char| {
        let mut model = model("/m/x", Some(strong), &[]);
        model["hashes"]
            .as_array_mut()
            .expect("a list")
            .push(json!({"alg": "MD5", "content": weak.to_string().repeat(32)}));
        ours(&[model], &[])
    };
    row("same", &[("a.json", &with('1', '1'))], &with('1', '1'), 0, "");
    row("weak_collision", &[("a.json", &with('1', '1'))], &with('1', '2'), 1, "content-drift");
    let broken = ours(&[model("/m/x", Some('1'), &[])], &[]).replace(&hash('1'), "zz");
    row(
        "a_digest_that_is_none",
        &[("a.json", &broken)],
        &broken.replace("zz", &hash('2')),
        2,
        "document-incomplete",
    );
}

#[test]
fn owners_of_one_name() {
    let model =
        |group: &str| foreign(&[json!({"type": "machine-learning-model", "group": group, "name": "b"})], &[]);
    row("same", &[("a.json", &model("a"))], &model("a"), 0, "");
    row("other_owner", &[("a.json", &model("a"))], &model("evil"), 1, "undeclared-model");
    let image = |url: &str| {
        foreign(
            &[
                json!({"type": "machine-learning-model", "name": "w", "purl": format!("pkg:oci/w?repository_url={url}/w")}),
            ],
            &[],
        )
    };
    let found = |other: &str| image(other);
    row("same_registry", &[("a.json", &image("r.example"))], &found("r.example"), 0, "");
}

#[test]
fn parts_that_other_tools_put_elsewhere() {
    let declared = declaration("models: [a/b]");
    let weights = json!({"type": "machine-learning-model", "name": "evil/model"});
    let nested = foreign(&[json!({"type": "library", "name": "x", "components": [weights.clone()]})], &[]);
    row("nested", &[("d", &declared)], &nested, 1, "undeclared-model");
    let about = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": weights}})
        .to_string();
    row("the_document_is_about_it", &[("d", &declared)], &about, 1, "undeclared-model");
    let nameless = foreign(&[json!({"type": "machine-learning-model"})], &[]);
    row("without_a_name", &[("d", &declared)], &nameless, 2, "document-incomplete");
    let without = json!({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "machine-learning-model", "name": "evil/model"}]}).to_string();
    row("without_any_reference", &[("d", &declared)], &without, 1, "undeclared-model");
}

/// SPDX 2.3 with one package, some of it in other words.
fn spdx_two(from: &str, to: &str) -> String {
    let text = json!({
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "app",
        "packages": [{
            "SPDXID": "SPDXRef-x",
            "name": "x",
            "versionInfo": "1",
            "checksums": [{"algorithm": "SHA256", "checksumValue": hash('1')}],
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "pkg:pypi/x@1"}],
        }],
        "files": [{"SPDXID": "SPDXRef-f", "fileName": "./x.py"}],
    });
    replaced(&text.to_string(), from, to)
}

/// The same of SPDX 3.0.
fn spdx_three(from: &str, to: &str) -> String {
    let text = json!({
        "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
        "@graph": [
            {"type": "SpdxDocument", "spdxId": "urn:d", "rootElement": ["urn:s"]},
            {
                "type": "software_Package",
                "spdxId": "urn:x",
                "name": "x",
                "software_packageUrl": "pkg:pypi/x@1",
                "verifiedUsing": [{"type": "Hash", "algorithm": "sha256", "hashValue": hash('1')}],
            },
        ],
    });
    replaced(&text.to_string(), from, to)
}

#[track_caller]
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in {text}");
    text.replacen(from, to, 1)
}

#[test]
fn parts_of_spdx_that_cannot_be_read_are_said() {
    let packages = r#""packages":[{"#;
    for (name, from, to) in [
        ("no_name", r#""name":"x","#, ""),
        ("name_of_another_type", r#""name":"x""#, r#""name":["x"]"#),
        ("no_list", packages, r#""packages":{"all":[{"#),
        ("no_object", packages, r#""packages":["x",{"#),
        ("no_file_name", r#""fileName":"./x.py""#, r#""other":1"#),
        ("no_files", r#""files":["#, r#""files":7,"others":["#),
    ] {
        let mut broken = spdx_two(from, to);
        if name == "no_list" {
            broken = replaced(&broken, "}],\"spdxVersion\"", "}]},\"spdxVersion\"");
        }
        row(name, &[("a.json", &spdx_two("x", "x"))], &broken, 2, "document-incomplete");
    }
    for (name, from, to) in [
        ("three_no_name", r#""name":"x","#, ""),
        ("three_no_type", r#""type":"software_Package","#, ""),
        ("three_no_object", r#""@graph":["#, r#""@graph":["x","#),
    ] {
        let broken = spdx_three(from, to);
        row(name, &[("a.json", &spdx_three("x", "x"))], &broken, 2, "document-incomplete");
    }
    let whole = (spdx_two("x", "x"), spdx_three("x", "x"));
    row("two", &[("a.json", &whole.0)], &whole.0, 0, "");
    row("three", &[("a.json", &whole.1)], &whole.1, 0, "");
}

#[test]
fn digests_of_spdx_that_cannot_be_read_are_said() {
    for (name, from, to) in [
        ("no_digits", hash('1'), "zz"),
        ("unknown_algorithm", "SHA256".to_owned(), "ADLER32"),
        ("no_algorithm", r#""algorithm":"SHA256","#.to_owned(), ""),
        ("no_list", r#""checksums":["#.to_owned(), r#""checksums":7,"others":["#),
    ] {
        let broken = spdx_two(&from, to);
        row(name, &[("a.json", &broken)], &spdx_two("x", "x"), 2, "document-incomplete");
    }
    for (name, from, to) in [
        ("three_no_digits", hash('1'), "zz"),
        ("three_unknown_algorithm", "sha256".to_owned(), "adler32"),
        ("three_no_value", "hashValue".to_owned(), "value"),
    ] {
        let broken = spdx_three(&from, to);
        row(name, &[("a.json", &broken)], &spdx_three("x", "x"), 2, "document-incomplete");
    }
}

#[test]
fn many_unknown_keys_hide_nothing_that_could_not_be_read() {
    let invented: String = (0..2000).map(|number| format!("\"k{number}\":1,")).collect();
    let broken = replaced(
        &spdx_two(r#""name":"x","#, ""),
        r#"{"SPDXID":"SPDXRef-x""#,
        &format!(r#"{{{invented}"SPDXID":"SPDXRef-x""#),
    );
    let broken = replaced(
        &broken,
        r#""SPDXID":"SPDXRef-DOCUMENT""#,
        &format!(r#"{invented}"SPDXID":"SPDXRef-DOCUMENT""#),
    );
    row("spdx", &[("a.json", &spdx_two("x", "x"))], &broken, 2, "document-incomplete");
    let whole = ours(&[model("/m/x", Some('1'), &[])], &[]);
    let mut components = vec![json!({"type": "library", "name": "y"}), json!({"type": "library"})];
    components[0]
        .as_object_mut()
        .expect("an object")
        .extend((0..2000).map(|number| (format!("k{number}"), json!(1))));
    row("cyclonedx", &[("a.json", &whole)], &ours(&components, &[]), 2, "document-incomplete");
}
