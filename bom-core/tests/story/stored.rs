//! What a store says of a model, and what the content says of the store.

use std::collections::BTreeSet;

use bom_core::{
    input::{Answer, Owner, Reason, Request},
    stored::{Basis, Origins, Repository, Store, Stored, StoredDigest},
};
use serde_json::Value;

use crate::{
    document,
    host::{FakeHost, PYTHON, Thing, reply},
};

const DIGEST: &str = "d1";
const COMMIT: &str = "cccccccccccccccccccccccccccccccccccccccc";

fn hub(commit: &str, digest: &str) -> Stored {
    Stored {
        repository: Some(Repository::Model),
        name: Some("org/name".into()),
        revision: Some(commit.into()),
        references: BTreeSet::from(["main".into()]),
        file: Some("model.safetensors".into()),
        digest: Some(StoredDigest::Sha256(format!("{digest:0>64}"))),
        ..Stored::new(Store::HuggingfaceCache, Basis::Record)
    }
}

fn origins(stored: impl IntoIterator<Item = Stored>) -> Origins {
    Origins { stored: stored.into_iter().collect(), partial: None }
}

/// The component of one model of this size, and what was asked.
fn told(size: u64, answer: &Answer) -> (Value, Vec<Request>) {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    let mut file = host.file("/hub/models--org--name/blobs/x");
    file.key.size = size;
    let task = host.whole_task(100);
    let body = bom_core::event::Body::Open { task, file };
    let work = host.event(bom_common::record::probe::SYS_EXIT_OPENAT, body);
    let asked = std::cell::RefCell::new(Vec::new());
    host.answer_all(work, |request| {
        asked.borrow_mut().push(request);
        match request {
            Request::Origin => Some(answer.clone()),
            Request::Owner => Some(Answer::Owner(Owner::default())),
            Request::Inspect
            | Request::Digest
            | Request::Locate
            | Request::Recheck
            | Request::Verify
            | Request::Claims => reply(Thing::Model(DIGEST), request),
        }
    });
    let document: Value = serde_json::from_str(&document(&host.finish())).unwrap();
    let models = document["components"].as_array().unwrap().clone().into_iter();
    let model = models.filter(|component| component["type"] == "machine-learning-model").collect::<Vec<_>>();
    assert_eq!(model.len(), 1);
    let mut asked = asked.into_inner();
    asked.sort_by_key(|request| format!("{request:?}"));
    (model[0].clone(), asked)
}

fn property<'v>(component: &'v Value, name: &str) -> Vec<&'v str> {
    let properties = component["properties"].as_array().unwrap().iter();
    let named = properties.filter(|property| property["name"] == name);
    named.map(|property| property["value"].as_str().unwrap()).collect()
}

#[test]
fn a_large_file_is_not_read_for_a_digest_that_its_store_has() {
    let recorded = Answer::Origins(origins([hub(COMMIT, DIGEST)]));
    for (name, size, answer, hashed, source) in [
        ("small", 1 << 30, recorded.clone(), true, "read"),
        ("large", (1 << 30) + 1, recorded, false, "store-recorded"),
        ("large_without_store", 1 << 40, Answer::Origins(Origins::default()), true, "read"),
        ("store_not_read", 1 << 40, Answer::Unknown(Reason::PermissionDenied), true, "read"),
        (
            "two_digests",
            1 << 40,
            Answer::Origins(origins([hub(COMMIT, "1"), hub(COMMIT, "2")])),
            true,
            "read",
        ),
    ] {
        let (model, asked) = told(size, &answer);
        assert_eq!(asked.contains(&Request::Digest), hashed, "{name}");
        assert_eq!(property(&model, "aibom:hash:source"), [source], "{name}");
        assert_eq!(model["hashes"][0]["content"], format!("{DIGEST:0>64}"), "{name}");
    }
}

#[test]
fn a_store_names_what_its_content_does_not_contradict() {
    let purl = format!("pkg:huggingface/org/name@{COMMIT}#model.safetensors");
    let other = "dddddddddddddddddddddddddddddddddddddddd";
    let by_path = Stored { basis: Basis::Path, ..hub(COMMIT, DIGEST) };
    for (name, stored, named, expected, compared) in [
        ("same", vec![hub(COMMIT, DIGEST)], true, Some(purl.as_str()), "same"),
        ("differs", vec![hub(COMMIT, "bad")], false, None, "differs: sha256:"),
        ("two_revisions", vec![hub(COMMIT, DIGEST), hub(other, DIGEST)], true, None, "same"),
        ("by_path_alone", vec![by_path], false, None, "same"),
    ] {
        let (model, _) = told(4096, &Answer::Origins(origins(stored)));
        assert_eq!(model["name"] == "org/name", named, "{name}");
        let shown = model["purl"].as_str().unwrap();
        assert_eq!(Some(shown).filter(|it| it.starts_with("pkg:huggingface")), expected, "{name}");
        assert!(property(&model, "aibom:store:recorded_digest")[0].starts_with(compared), "{name}");
        assert_eq!(property(&model, "aibom:store:name"), ["org/name"], "{name}");
    }
}

#[test]
fn what_stores_could_not_be_asked_is_unresolved() {
    let partial = Origins { partial: Some(Reason::TooLarge), ..origins([hub(COMMIT, DIGEST)]) };
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    let file = host.file("/m");
    let body = bom_core::event::Body::Open { task: host.whole_task(100), file };
    let work = host.event(bom_common::record::probe::SYS_EXIT_OPENAT, body);
    host.answer_all(work, |request| match request {
        Request::Origin => Some(Answer::Origins(partial.clone())),
        Request::Inspect
        | Request::Owner
        | Request::Digest
        | Request::Locate
        | Request::Recheck
        | Request::Verify
        | Request::Claims => reply(Thing::Model(DIGEST), request),
    });
    assert!(document(&host.finish()).contains("origin too-large: /m"));
}
