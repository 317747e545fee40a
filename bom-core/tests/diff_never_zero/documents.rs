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
