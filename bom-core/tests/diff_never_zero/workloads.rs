//! Who is held to whose declaration.

use crate::{built::*, row, row_of};

fn two(names: &[(&str, &str, &str)]) -> String {
    let rows: Vec<String> = names
        .iter()
        .map(|(namespace, name, lines)| {
            deployment(Some(namespace), lines).replacen("name: w,", &format!("name: {name},"), 1)
        })
        .collect();
    rows.join("---\n")
}

#[test]
fn nobody_is_chosen_by_chance() {
    let any = "args: [--model, /m/]";
    let narrow = "args: [--model, /m/q.gguf]";
    let observed = |name| {
        ours_about(
            subject(name, &[]),
            &[used_by("machine-learning-model", "/m/z.gguf", Some('1'), &[], &format!("subject:{name}"))],
            &[],
        )
    };
    let same_name = two(&[("a", "w", narrow), ("b", "w", any)]);
    row("same_name", &[("d", &same_name)], &observed("w"), 2, "not-compared");
    row_of("named", &[("d", &same_name)], &observed("w"), Some("b/w"), 0, "");
    row_of("named_the_other", &[("d", &same_name)], &observed("w"), Some("a/w"), 1, "undeclared-model");
    let same_container = two(&[("a", "one", narrow), ("a", "two", any)]);
    row("same_container", &[("d", &same_container)], &observed("c"), 2, "not-compared");
    row("own_name", &[("d", &same_container)], &observed("two"), 0, "");
    row("nobodys_name", &[("d", &same_container)], &observed("x"), 2, "not-compared");
}

#[test]
fn pods_say_whose_they_are() {
    let declared = two(&[("a", "w", "args: [--model, /m/q.gguf]"), ("b", "w", "args: [--model, /m/]")]);
    let observed = |namespace, pod| {
        let rows = [("aibom:k8s:namespace", namespace), ("aibom:k8s:pod", pod), ("aibom:k8s:container", "c")];
        let user = used_by("machine-learning-model", "/m/z.gguf", Some('1'), &[], "subject:x");
        ours_about(subject("x", &rows), &[user], &[])
    };
    row("its_pod", &[("d", &declared)], &observed("b", "w-7d4b9c6f5-x2k4z"), 0, "");
    row("anothers_pod", &[("d", &declared)], &observed("a", "w-7d4b9c6f5-x2k4z"), 1, "undeclared-model");
    row("a_third_namespace", &[("d", &declared)], &observed("z", "w-7d4b9c6f5-x2k4z"), 2, "not-compared");
}

#[test]
fn users_that_are_not_in_the_document() {
    let declared = declaration("models: [/m/q.gguf]");
    for (name, user) in [("unknown", "subject:gone"), ("nobody", "")] {
        let component = used_by("machine-learning-model", "/m/z.gguf", Some('1'), &[], user);
        row(name, &[("d", &declared)], &ours(&[component], &[]), 1, "undeclared-model");
    }
    let subjects = [subject("w", &[]), subject("v", &[])];
    let both = declaration("models: [/m/q.gguf]") + "  - name: v\n    models: [/m/z.gguf]\n";
    let known = used_by("machine-learning-model", "/m/z.gguf", Some('1'), &[], "subject:v");
    row("anothers", &[("d", &both)], &ours_of(&subjects, &[known], &[]), 0, "");
    let gone = used_by("machine-learning-model", "/m/z.gguf", Some('1'), &[], "subject:gone");
    row("somebodys", &[("d", &both)], &ours_of(&subjects, &[gone], &[]), 1, "undeclared-model");
}

#[test]
fn strangers() {
    let declared = declaration("models: []");
    let stranger = |rows: &[(&str, &str)]| ours_of(&[subject("w", &[]), subject("x", rows)], &[], &[]);
    row("nothing_of_ai", &[("d", &declared)], &stranger(&[]), 0, "undeclared-workload");
    let lost = [("aibom:coverage:models:gap", "lost:ring-open")];
    row("nothing_that_was_seen", &[("d", &declared)], &stranger(&lost), 3, "coverage-insufficient");
    let model = used_by("machine-learning-model", "/m/z.gguf", Some('1'), &[], "subject:x");
    let uses = ours_of(&[subject("w", &[]), subject("x", &[])], &[model], &[]);
    row("uses_a_model", &[("d", &declared)], &uses, 1, "undeclared-workload");
}
