//! Weights that are not the ones that were declared, or of which nobody can say so.

use crate::{built::*, row};

const COMMIT: &str = "0123456789012345678901234567890123456789";
const OTHER: &str = "ffffffffffffffffffffffffffffffffffffffff";

fn stored<'a>(revision: &'a str, recorded: &'a str, source: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("aibom:store", "huggingface-cache"),
        ("aibom:store:basis", "record"),
        ("aibom:store:name", "a/b"),
        ("aibom:store:revision", revision),
        ("aibom:store:recorded_digest", recorded),
        ("aibom:hash:source", source),
    ]
}

const CACHE: &str = "/c/models--a--b/snapshots/0123456789012345678901234567890123456789/model.safetensors";

#[test]
fn stores_are_no_witnesses() {
    let by_commit = declaration(&format!("models: [{{repository: a/b, revision: {COMMIT}}}]"));
    let by_name = declaration("models: [a/b]");
    let by_folder = declaration("models: [{path: /c/models--a--b/}]");
    let by_digest = declaration(&format!("models: [{{repository: a/b, digest: 'sha256:{}'}}]", hash('1')));
    let read = || ours(&[model(CACHE, Some('1'), &stored(COMMIT, "same", "read"))], &[]);
    row("store_agrees", &[("d", &by_commit)], &read(), 0, "");
    row("digest_agrees", &[("d", &by_digest)], &read(), 0, "");
    let differs = || ours(&[model(CACHE, Some('1'), &stored(COMMIT, "differs: sha256:22", "read"))], &[]);
    row("store_differs_by_commit", &[("d", &by_commit)], &differs(), 1, "content-drift");
    row("store_differs_by_name", &[("d", &by_name)], &differs(), 1, "content-drift");
    row("store_differs_by_folder", &[("d", &by_folder)], &differs(), 1, "content-drift");
    row("store_differs_digest_holds", &[("d", &by_digest)], &differs(), 0, "");
    let recorded =
        || ours(&[model(CACHE, Some('1'), &stored(COMMIT, "not-compared", "store-recorded"))], &[]);
    row("not_read_by_commit", &[("d", &by_commit)], &recorded(), 2, "content-unknown");
    row("not_read_by_digest", &[("d", &by_digest)], &recorded(), 2, "content-unknown");
    row("not_read_by_name", &[("d", &by_name)], &recorded(), 0, "");
    let unhashed = [("aibom:store:name", "a/b"), ("aibom:store:revision", COMMIT)];
    row(
        "not_hashed_by_commit",
        &[("d", &by_commit)],
        &ours(&[model(CACHE, None, &unhashed)], &[]),
        2,
        "content-unknown",
    );
    let part = format!("s1.safetensors size=1 sha256:{} differs=sha256:{}", hash('1'), hash('2'));
    let set =
        [("aibom:store:name", "a/b"), ("aibom:hash:source", "read"), ("aibom:model:part", part.as_str())];
    row(
        "one_shard_differs",
        &[("d", &by_name)],
        &ours(&[model(CACHE, Some('1'), &set)], &[]),
        1,
        "content-drift",
    );
    // The path of a cache without its store says nothing: a folder is called what somebody calls it.
    row(
        "path_of_a_cache",
        &[("d", &by_commit)],
        &ours(&[model(CACHE, Some('1'), &[])], &[]),
        1,
        "undeclared-model",
    );
}

#[test]
fn revisions() {
    let by_commit = declaration(&format!("models: [{{repository: a/b, revision: {COMMIT}}}]"));
    let other = ours(&[model(CACHE, Some('1'), &stored(OTHER, "same", "read"))], &[]);
    row("other_commit", &[("d", &by_commit)], &other, 1, "revision-drift");
    let nothing = ours(&[model("/x/m", Some('1'), &[("aibom:store:name", "a/b")])], &[]);
    row("no_commit", &[("d", &by_commit)], &nothing, 2, "revision-unknown");
    let mut both = stored(OTHER, "same", "read");
    both.push(("aibom:store:revision", COMMIT));
    row("content_of_two_commits", &[("d", &by_commit)], &ours(&[model(CACHE, Some('1'), &both)], &[]), 0, "");
    let branch = declaration("models: [{repository: a/b, revision: v1.0}]");
    let moved = [("aibom:store:name", "a/b"), ("aibom:store:reference", "v2.0")];
    row(
        "other_branch",
        &[("d", &branch)],
        &ours(&[model("/x/m", Some('1'), &moved)], &[]),
        1,
        "revision-drift",
    );
    let tagged = declaration("models: ['llama3:8b']");
    let tag = |tag| {
        ours(
            &[model(
                "/o/blobs/sha256-1",
                Some('1'),
                &[("aibom:store:name", "registry.ollama.ai/library/llama3"), ("aibom:store:reference", tag)],
            )],
            &[],
        )
    };
    row("tag", &[("d", &tagged)], &tag("8b"), 0, "");
    row("other_tag", &[("d", &tagged)], &tag("70b"), 1, "revision-drift");
}

#[test]
fn names_of_others() {
    let owner = declaration("models: [a/b]");
    for (name, component) in [
        ("other_owner", model("/x/m", Some('1'), &[("aibom:store:name", "evil/b")])),
        ("other_owner_lower", model("/x/b", Some('1'), &[("aibom:store:name", "Evil/B")])),
    ] {
        row(name, &[("d", &owner)], &ours(&[component], &[]), 1, "undeclared-model");
    }
    let same = ours(&[model("/x/m", Some('1'), &[("aibom:store:name", "A/B")])], &[]);
    row("same_owner", &[("d", &owner)], &same, 0, "");
    // A header says what its author wrote.
    let claim = ours(&[model("/x/m.gguf", Some('1'), &[("aibom:claim:name", "a/b")])], &[]);
    row("only_a_header_says_so", &[("d", &owner)], &claim, 2, "identity-unknown");
    let ollama = deployment(None, "command: [ollama, run, llama3]");
    let other = ours(&[model("/o/blobs/x", Some('1'), &[("aibom:store:name", "evil/llama3")])], &[]);
    row("ollama_of_somebody", &[("d", &ollama)], &other, 1, "undeclared-model");
    let library = [("aibom:store:name", "registry.ollama.ai/library/llama3")];
    let own = ours(&[model("/o/blobs/x", Some('1'), &library)], &[]);
    row("ollama_of_the_library", &[("d", &ollama)], &own, 0, "");
}

#[test]
fn places_and_kinds() {
    let path = declaration("models: [/m/q.gguf]");
    row("declared_path", &[("d", &path)], &ours(&[model("/m/q.gguf", Some('1'), &[])], &[]), 0, "");
    let elsewhere = ours(&[model("/tmp/q.gguf", Some('1'), &[])], &[]);
    row("same_file_name_elsewhere", &[("d", &path)], &elsewhere, 1, "undeclared-model");
    let twice = ours(&[model("/m/q.gguf", Some('1'), &[]), model("/m/q.gguf", Some('2'), &[])], &[]);
    row("another_file_at_the_path", &[("d", &path)], &twice, 1, "undeclared-model");
    let data = declaration("data: [/m/]\nmodels: []");
    row(
        "weights_in_a_folder_of_data",
        &[("d", &data)],
        &ours(&[model("/m/q.gguf", Some('1'), &[])], &[]),
        1,
        "undeclared-model",
    );
    let adapter = declaration("adapters: [{path: /m/a, base: a/b}]\nmodels: []");
    let silent = ours(&[model("/m/a", Some('1'), &[("aibom:role", "adapter")])], &[]);
    row("adapter_of_nobody_knows_what", &[("d", &adapter)], &silent, 2, "adapter-base-unknown");
    let pinned = declaration(&format!("models: [{{path: /m/q.gguf, digest: 'sha256:{}'}}]", hash('1')));
    let unhashed = ours(&[model("/m/q.gguf", None, &[])], &[]);
    row("digest_not_read", &[("d", &pinned)], &unhashed, 2, "content-unknown");
    let swapped = ours(&[model("/m/q.gguf", Some('2'), &[])], &[]);
    row("swapped", &[("d", &pinned)], &swapped, 1, "content-drift");
}
