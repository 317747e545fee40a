//! Declarations that say less than they seem to.

use crate::{built::*, row};

#[test]
fn declarations_that_are_not_understood() {
    let observed = ours(&[model("/m/q.gguf", Some('2'), &[])], &[]);
    for (name, lines) in [
        ("misspelt_pin", format!("models: [{{path: /m/q.gguf, digset: 'sha256:{}'}}]", hash('1'))),
        ("short_digest", "models: [{path: /m/q.gguf, digest: 'sha256:11'}]".to_owned()),
        ("digest_of_nothing", "models: [{path: /m/q.gguf, digest: }]".to_owned()),
        ("digest_as_a_mapping", "models: [{path: /m/q.gguf, digest: {sha256: x}}]".to_owned()),
        ("revision_as_a_list", "models: [{path: /m/q.gguf, revision: [a, b]}]".to_owned()),
        ("twice", format!("models: [{{path: /m/q.gguf, digest: 'sha256:{}', digest: x}}]", hash('2'))),
        ("no_list", "models: [/m/q.gguf]\nendpoints: none".to_owned()),
        ("unknown_class", "models: [/m/q.gguf]\ncomplete: [endponts]".to_owned()),
        ("port_of_a_host", "models: [/m/q.gguf]\nendpoints: [{host: a.example, port: https}]".to_owned()),
    ] {
        row(name, &[("d", &declaration(&lines))], &observed, 2, "input-ambiguous");
    }
    row("understood", &[("d", &declaration("models: [/m/q.gguf]"))], &observed, 0, "");
}

#[test]
fn annotations_and_configurations() {
    let observed = ours(&[model("/m/q.gguf", Some('2'), &[])], &[]);
    let annotated = |text: &str| {
        deployment(None, "").replace(
            "metadata: {labels: {app: w}}",
            &format!("metadata:\n      annotations:\n        aibom/declaration: |\n          {text}"),
        )
    };
    row("annotation", &[("d", &annotated("models: [/m/q.gguf]"))], &observed, 0, "");
    row(
        "annotation_misspelt",
        &[("d", &annotated("models: [{path: /m/q.gguf, digset: x}]"))],
        &observed,
        2,
        "input-ambiguous",
    );
    row(
        "annotation_twice",
        &[("d", &annotated("{models: [/m/q.gguf], models: []}"))],
        &observed,
        2,
        "input-ambiguous",
    );
    let twice = deployment(None, "args: [--model, /m/q.gguf]\nargs: [--model, /m/z.gguf]");
    row("manifest_twice", &[("d", &twice)], &observed, 2, "input-ambiguous");
    let elsewhere = deployment(None, "args: [--model, /m/q.gguf]")
        + "---\napiVersion: v1\nkind: Widget\nmetadata: {name: x}\na: 1\na: 2\n";
    row("twice_where_nothing_is_declared", &[("d", &elsewhere)], &observed, 0, "input-unresolved");
}

#[test]
fn reviews() {
    let observed = ours(&[model("/m/q.gguf", Some('2'), &[])], &[]);
    let declared = declaration("models: [/m/q.gguf]");
    for (name, from, to) in [
        ("not_reviewed", "reviewed: true", "reviewed: false"),
        ("reviewed_as_text", "reviewed: true", "reviewed: 'true'"),
        ("by_nobody", "reviewer: Ada", "reviewer: ''"),
        ("some_day", "date: '2026-01-01'", "date: soon"),
    ] {
        row(name, &[("d", &declared.replace(from, to))], &observed, 1, "declaration-unreviewed");
    }
    let unread = declared.replace("reviewed: true", "reviewed: false");
    for (name, files) in [
        ("unread_first", [("a", unread.as_str()), ("b", &declared)]),
        ("unread_last", [("a", &declared), ("b", unread.as_str())]),
    ] {
        row(name, &files, &observed, 1, "declaration-unreviewed");
    }
}
