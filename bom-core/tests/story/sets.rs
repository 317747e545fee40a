//! Several files that are one model.

use std::collections::BTreeSet;

use bom_common::record::probe;
use bom_core::{
    coverage::Class,
    event::Body,
    identify::{Model, View},
    input::{Answer, Input, Owner, Request},
    metadata::{Extracted, FileKind, ModelMetadata, ModelRole},
    stored::{Basis, Origins, Store, Stored},
};

use crate::{
    document,
    host::{FakeHost, PYTHON},
    view,
};

/// One file of a story: its path, what its header says, its digest, what its store calls it.
struct Given {
    path: &'static str,
    model: Option<ModelMetadata>,
    digest: &'static str,
    stored: Option<&'static str>,
}

fn weights(kind: FileKind, parameters: u64) -> ModelMetadata {
    let parameter_count = Some(parameters);
    ModelMetadata { parameter_count, tensor_count: Some(2), ..ModelMetadata::new(kind) }
}

fn refers(kind: FileKind, role: Option<ModelRole>, files: &[&str]) -> ModelMetadata {
    let external_files = files.iter().map(|&file| file.to_owned()).collect();
    ModelMetadata { external_files, role, tensor_count: Some(4), ..ModelMetadata::new(kind) }
}

fn given(path: &'static str, model: Option<ModelMetadata>, digest: &'static str) -> Given {
    Given { path, model, digest, stored: None }
}

fn shard(path: &'static str, digest: &'static str) -> Given {
    given(path, Some(weights(FileKind::Safetensors, 500)), digest)
}

fn index(path: &'static str) -> Given {
    let files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    given(path, Some(refers(FileKind::WeightsIndex, Some(ModelRole::Configuration), &files)), "1d")
}

fn played(files: &[Given]) -> bom_core::correlate::Correlator {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    for given in files {
        let mut file = host.file(given.path);
        file.key.size = 1 << 20;
        let mut waiting = host.event(probe::SYS_EXIT_OPENAT, Body::Open { task: host.whole_task(100), file });
        while let Some(work) = waiting.pop() {
            // An answer can lead to a question about a file that came before.
            let asked = files.iter().find(|given| given.path.as_bytes() == work.file.path.bytes());
            if let Some(answer) = asked.and_then(|given| reply(given, work.request)) {
                waiting.extend(host.input(Input::Answer { work: work.id, answer }));
            }
        }
    }
    host.finish()
}

fn reply(given: &Given, request: Request) -> Option<Answer> {
    Some(match request {
        Request::Inspect => {
            Answer::Inspected(given.model.clone().map(|model| {
                Box::new(Extracted { model: Some(model.clone()), ..Extracted::new(model.format) })
            }))
        }
        Request::Digest => Answer::Digest(format!("{:0>64}", given.digest)),
        Request::Owner => Answer::Owner(Owner::default()),
        Request::Origin => {
            Answer::Origins(Origins { stored: given.stored.map(stored).into_iter().collect(), partial: None })
        }
        Request::Locate | Request::Recheck | Request::Verify | Request::Claims => return None,
    })
}

fn stored(file: &str) -> Stored {
    Stored {
        name: Some("org/base".into()),
        revision: Some("c0".repeat(20)),
        file: Some(file.into()),
        ..Stored::new(Store::HuggingfaceCache, Basis::Record)
    }
}

/// Format, parameters, parts that were met of parts.
fn shown(model: &Model) -> (FileKind, Option<u64>, usize, usize) {
    let met = model.parts.values().filter(|part| part.met).count();
    (model.metadata.format, model.metadata.parameter_count, met, model.parts.len())
}

fn seen(files: &[Given]) -> (View, String) {
    let correlator = played(files);
    (view(&correlator), document(&correlator))
}

const ONE: &str = "/m/model-00001-of-00002.safetensors";
const TWO: &str = "/m/model-00002-of-00002.safetensors";

#[test]
fn shards_are_one_model() {
    let named = |path, digest, stored| Given { stored: Some(stored), ..shard(path, digest) };
    for (name, files, expected) in [
        (
            "with_index",
            vec![index("/m/model.safetensors.index.json"), shard(ONE, "a1"), shard(TWO, "a2")],
            vec![(FileKind::Safetensors, Some(1000), 3, 3)],
        ),
        (
            "by_their_names",
            vec![shard(ONE, "a1"), shard(TWO, "a2")],
            vec![(FileKind::Safetensors, Some(1000), 2, 2)],
        ),
        (
            "one_was_not_met",
            vec![index("/m/model.safetensors.index.json"), shard(ONE, "a1")],
            vec![(FileKind::Safetensors, None, 2, 3)],
        ),
        (
            "in_two_folders",
            vec![shard(ONE, "a1"), shard("/n/model-00002-of-00002.safetensors", "a2")],
            vec![(FileKind::Safetensors, None, 1, 2), (FileKind::Safetensors, None, 1, 2)],
        ),
        (
            "under_the_names_of_their_store",
            vec![
                named("/b/a1", "a1", "model-00001-of-00002.safetensors"),
                named("/b/a2", "a2", "model-00002-of-00002.safetensors"),
            ],
            vec![(FileKind::Safetensors, Some(1000), 2, 2)],
        ),
        ("alone", vec![shard("/m/model.safetensors", "a1")], vec![(FileKind::Safetensors, Some(500), 0, 0)]),
        (
            "an_index_alone",
            vec![index("/m/model.safetensors.index.json")],
            vec![(FileKind::WeightsIndex, None, 0, 0)],
        ),
        (
            "split_gguf",
            vec![
                given("/m/q-00001-of-00002.gguf", Some(weights(FileKind::Gguf, 1)), "b1"),
                given("/m/q-00002-of-00002.gguf", Some(weights(FileKind::Gguf, 2)), "b2"),
            ],
            vec![(FileKind::Gguf, Some(3), 2, 2)],
        ),
    ] {
        let (view, document) = seen(&files);
        let found: Vec<_> = view.models.iter().map(shown).collect();
        assert_eq!(found, expected, "{name}");
        // One program, which used each set once.
        assert!(view.models.iter().all(|model| model.uses.len() == 1), "{name}");
        assert_eq!(document.contains("aibom:model:parts\""), found.iter().any(|it| it.3 > 0), "{name}");
    }
}

#[test]
fn a_set_is_named_by_all_of_its_digests() {
    let refs = |files: &[Given]| {
        let (_, document) = seen(files);
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        let all = document["components"].as_array().unwrap().iter();
        let models = all.filter(|component| component["type"] == "machine-learning-model");
        let refs: BTreeSet<String> =
            models.map(|model| model["bom-ref"].as_str().unwrap().to_owned()).collect();
        refs
    };
    let one = refs(&[shard(ONE, "a1"), shard(TWO, "a2")]);
    let elsewhere = refs(&[
        shard("/n/model-00001-of-00002.safetensors", "a1"),
        shard("/n/model-00002-of-00002.safetensors", "a2"),
    ]);
    let other = refs(&[shard(ONE, "a1"), shard(TWO, "a3")]);
    assert!(one.iter().all(|name| name.starts_with("model:set:")), "{one:?}");
    assert_eq!(one, elsewhere);
    assert_ne!(one, other);
}

#[test]
fn weights_beside_a_header_are_hashed_whenever_they_come() {
    let header =
        || given("/o/m.onnx", Some(refers(FileKind::Onnx, None, &["m.onnx.data", "../x", "w/2"])), "e1");
    let data = || given("/o/m.onnx.data", None, "e2");
    for (name, files) in [("after", [header(), data()]), ("before", [data(), header()])] {
        let (view, _) = seen(&files);
        assert_eq!(view.models.len(), 1, "{name}");
        let model = &view.models[0];
        assert_eq!(shown(model), (FileKind::Onnx, None, 1, 3), "{name}");
        let part = &model.parts["m.onnx.data"];
        assert!(part.met && part.digest.is_some(), "{name}: {part:?}");
        assert!(!model.parts["../x"].met, "{name}");
    }
}

/// The cache of Hugging Face keeps content under its digest: what a header names lies beside its own name in the
/// snapshot, not beside the content that the kernel shows.
#[test]
fn weights_in_a_cache_of_blobs_are_known_by_the_names_of_their_snapshot() {
    const HEADER: &str = "/hub/models--org--base/blobs/e1";
    const DATA: &str = "/hub/models--org--base/blobs/e2";
    let header = || Given {
        stored: Some("onnx/model.onnx"),
        ..given(HEADER, Some(refers(FileKind::Onnx, None, &["model.onnx_data"])), "e1")
    };
    let data = |path, stored| Given { stored, ..given(path, None, "e2") };
    let own = Some("onnx/model.onnx_data");
    for (name, files, met) in [
        ("after", vec![header(), data(DATA, own)], true),
        ("before", vec![data(DATA, own), header()], true),
        ("a_shared_blob", vec![header(), data("/hub/blobs/e2/e2", own)], true),
        ("in_another_folder", vec![header(), data(DATA, Some("model.onnx_data"))], false),
        ("under_another_name", vec![header(), data(DATA, Some("onnx/other.onnx_data"))], false),
        ("named_by_nobody", vec![header(), data(DATA, None)], false),
        (
            "beside_the_content_alone",
            vec![header(), data("/hub/models--org--base/blobs/model.onnx_data", None)],
            true,
        ),
        ("no_blob", vec![header(), data("/hub/models--org--base/e2", own)], false),
    ] {
        let correlator = played(&files);
        let found = view(&correlator);
        assert_eq!(found.models.len(), 1, "{name}");
        let model = &found.models[0];
        let part = &model.parts["model.onnx_data"];
        assert_eq!((part.met, part.digest.is_some()), (met, met), "{name}: {part:?}");
        assert_eq!(model.set_digest().is_some(), met, "{name}");
        // A large file of no known format that is part of nothing may be a model.
        let gaps = crate::gaps(&correlator, Class::Models);
        assert_eq!(gaps.contains(&"suspected:unknown-format".to_owned()), !met, "{name}: {gaps:?}");
    }
}

#[test]
fn one_header_beside_two_kinds_of_weights_vouches_for_neither() {
    let header = |path| given(path, Some(refers(FileKind::Onnx, None, &["w"])), "e1");
    for (name, second, expected) in [("same", "e2", true), ("another", "e3", false)] {
        let files = [
            header("/a/m.onnx"),
            given("/a/w", None, "e2"),
            header("/b/m.onnx"),
            given("/b/w", None, second),
        ];
        let (view, _) = seen(&files);
        assert_eq!(view.models.len(), 1, "{name}");
        let part = &view.models[0].parts["w"];
        assert_eq!((part.met, part.digest.is_some()), (true, expected), "{name}");
    }
}

/// Whose file the weights are is asked for before a header is known that refers to them, and their digest after that.
#[test]
fn questions_about_one_file_that_wait_are_not_mixed_up() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    let open = |host: &mut FakeHost, path: &str| {
        let mut file = host.file(path);
        file.key.size = 1 << 20;
        host.event(probe::SYS_EXIT_OPENAT, Body::Open { task: host.whole_task(100), file })
    };
    let [data] = &open(&mut host, "/o/w")[..] else { panic!("one question") };
    let owner = host.input(Input::Answer { work: data.id, answer: Answer::Inspected(None) });
    let header = open(&mut host, "/o/m.onnx");
    let model = refers(FileKind::Onnx, None, &["w"]);
    let content = Box::new(Extracted { model: Some(model), ..Extracted::new(FileKind::Onnx) });
    let more = host.input(Input::Answer { work: header[0].id, answer: Answer::Inspected(Some(content)) });
    let digest = more.iter().find(|work| work.request == Request::Digest).expect("weights are hashed");
    assert_eq!(owner.iter().map(|work| work.request).collect::<Vec<_>>(), [Request::Owner]);
    assert_ne!(owner[0].id, digest.id);
    // Both answers arrive, in either order.
    host.input(Input::Answer { work: owner[0].id, answer: Answer::Owner(Owner::default()) });
    host.input(Input::Answer { work: digest.id, answer: Answer::Digest("e2".repeat(32)) });
    let view = view(&host.finish());
    assert_eq!(view.models[0].parts["w"].digest.as_deref(), Some("e2".repeat(32).as_str()));
}

#[test]
fn an_answer_to_another_question_is_none() {
    let mut host = FakeHost::new();
    host.exec(100, 0, PYTHON);
    let file = host.file("/m/x");
    let work = host.event(probe::SYS_EXIT_OPENAT, Body::Open { task: host.whole_task(100), file });
    host.input(Input::Answer { work: work[0].id, answer: Answer::Digest("a1".repeat(32)) });
    let correlator = host.finish();
    assert!(crate::gaps(&correlator, Class::Models).contains(&"unreadable-files".to_owned()));
    assert!(!document(&correlator).contains(&"a1".repeat(32)));
}

#[test]
fn an_adapter_depends_on_its_base() {
    let mut adapter = weights(FileKind::Safetensors, 1);
    adapter.role = Some(ModelRole::Adapter);
    adapter.base_models = BTreeSet::from(["org/base".to_owned()]);
    let base = |stored| Given { stored, ..shard("/b/x", "a1") };
    let lora = || given("/l/adapter_model.safetensors", Some(adapter.clone()), "f1");
    for (name, files, expected) in [
        ("named_by_its_store", vec![lora(), base(Some("model.safetensors"))], 1),
        ("named_by_nobody", vec![lora(), base(None)], 0),
    ] {
        let (view, _) = seen(&files);
        let links: usize = view.models.iter().map(|model| model.bases.len()).sum();
        assert_eq!(links, expected, "{name}");
    }
}

/// One digest says whether the whole is the same; without one of the parts there is none.
#[test]
fn a_set_has_a_digest_of_its_own() {
    let digest = |second: Option<&'static str>| {
        let files: Vec<Given> =
            [Some(shard(ONE, "a1")), second.map(|digest| shard(TWO, digest))].into_iter().flatten().collect();
        let (view, document) = seen(&files);
        let found = view.models.first().and_then(Model::set_digest);
        assert_eq!(document.contains("aibom:model:set_digest"), found.is_some());
        found
    };
    let whole = digest(Some("a2"));
    assert!(whole.is_some());
    assert_eq!(whole, digest(Some("a2")));
    assert_ne!(whole, digest(Some("a3")), "a swapped shard");
    assert_eq!(digest(None), None, "one was not met");
}
