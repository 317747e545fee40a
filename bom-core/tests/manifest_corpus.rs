//! Manifests that others wrote (testdata/manifests): each is read without an error, and what it declares is listed for
//! a person to look at.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use bom_core::{
    declared::{Declared, Force, Kind, Origin},
    identify::catalog::Catalog,
    manifest::{Source, read, yaml::Limits},
};

/// A file's path below the folder, and its bytes.
type File = (String, Vec<u8>);

/// Parsed once.
static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::built_in);

/// What each folder of testdata/manifests holds.
const KEPT: &str = "kept";
const WRITTEN: &str = "written";

#[expect(clippy::disallowed_methods, reason = "the files of the corpus are what is tested")]
fn files(folder: &str) -> Vec<File> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/manifests")).join(folder);
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("list the corpus") {
            let entry = entry.expect("list the corpus");
            if entry.file_type().expect("what it is").is_dir() {
                folders.push(entry.path());
            } else {
                let bytes = std::fs::read(entry.path()).expect("read a manifest");
                files.push((below(&root, &entry.path()), bytes));
            }
        }
    }
    files.sort();
    files
}

fn below(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).expect("below the root").to_str().expect("names are text").to_owned()
}

fn one(name: &str, bytes: &[u8]) -> Declared {
    match read(&[Source { name, bytes }], &CATALOG, &Limits::default()) {
        Ok(declared) => declared,
        Err(error) => panic!("{name}: {error}: {:?}", std::error::Error::source(&error)),
    }
}

/// All that was read of one file: one line for each field that declares something, kind that does not, and issue.
fn listing(name: &str, declared: &Declared) -> String {
    let mut text = format!("{name}: {} documents\n", declared.documents);
    for workload in &declared.workloads {
        let _ = writeln!(text, "  {}", workload.id);
        let mut lines = Vec::new();
        for item in &workload.items {
            for origin in &item.origins {
                let Origin::Declared { place, field } = origin else { panic!("{name}: {origin:?}") };
                let port = item.port.map_or_else(String::new, |port| format!(":{port}"));
                let version =
                    item.version.as_ref().or(item.revision.as_ref()).map(|version| format!(" @ {version}"));
                let force = match item.force {
                    Force::Stated => "",
                    Force::Implied => ", implied",
                    Force::Permitted => ", permitted",
                };
                let version = version.unwrap_or_default();
                let what = format!("{} {}{port}{version}{force}", item.kind.word(), item.name);
                lines.push((place.line, format!("    {}: {what} <- {field}\n", place.line)));
            }
        }
        lines.sort();
        text.extend(lines.into_iter().map(|(_, line)| line));
    }
    for (kind, count) in &declared.other_kinds {
        let _ = writeln!(text, "  declares nothing: {count} × {kind}");
    }
    for issue in &declared.issues {
        let _ = writeln!(text, "  {} {}: {}", issue.place.line, issue.kind.word(), issue.text);
    }
    text
}

#[expect(
    clippy::disallowed_methods,
    reason = "a golden test reads its file, and writes it when it is blessed"
)]
fn golden(name: &str, made: &str) {
    let path = format!("{}/../testdata/manifests/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("AIBOM_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, made).expect("write the listing");
    }
    let known = std::fs::read_to_string(&path).expect("read the listing");
    for (number, (is, should)) in (1..).zip(known.lines().zip(made.lines())) {
        assert_eq!(is, should, "{path}:{number}; `cargo xtask bless golden_manifests`");
    }
    assert_eq!(known.len(), made.len(), "{path} ends elsewhere; `cargo xtask bless golden_manifests`");
}

/// Totals, then every file.
fn whole_listing(files: &[File]) -> String {
    let mut documents = 0;
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    let mut others: BTreeMap<String, u64> = BTreeMap::new();
    let mut issues: BTreeMap<&str, u64> = BTreeMap::new();
    let mut parts = String::new();
    for (name, bytes) in files {
        let declared = one(name, bytes);
        documents += declared.documents;
        for item in declared.workloads.iter().flat_map(|workload| &workload.items) {
            *kinds.entry(item.kind.word()).or_default() += 1;
        }
        for (kind, count) in &declared.other_kinds {
            *others.entry(kind.clone()).or_default() += count;
        }
        for issue in &declared.issues {
            *issues.entry(issue.kind.word()).or_default() += 1;
        }
        parts.push('\n');
        parts.push_str(&listing(name, &declared));
    }
    let mut text = format!("{} files, {documents} documents\n", files.len());
    for (what, counts) in
        [("declared", list(&kinds)), ("other kinds", list(&others)), ("issues", list(&issues))]
    {
        let _ = writeln!(text, "{what}: {counts}");
    }
    text.push_str(&parts);
    text
}

fn list(counts: &BTreeMap<impl std::fmt::Display + Ord, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

#[test]
fn golden_manifests_of_others() {
    let files = files(KEPT);
    let documents: u64 = files.iter().map(|(name, bytes)| one(name, bytes).documents).sum();
    assert!(documents >= 100, "{documents} documents");
    golden("kept", &whole_listing(&files));
}

#[test]
fn golden_manifests_written_from_schemas() {
    let files = files(WRITTEN);
    // Whatever no package brings is here, and each of them says something about a model.
    for kind in ["InferenceService", "LLMInferenceService", "Agent"] {
        let found = files.iter().any(|(name, bytes)| {
            one(name, bytes)
                .workloads
                .iter()
                .any(|workload| workload.id.kind == kind && !workload.items.is_empty())
        });
        assert!(found, "{kind}");
    }
    golden("written", &whole_listing(&files));
}

/// As a person gives them, who has one folder: all files at once declare at least what each of them does.
#[test]
fn all_files_together_are_one_input() {
    let files = files(KEPT);
    let sources: Vec<Source<'_>> = files.iter().map(|(name, bytes)| Source { name, bytes }).collect();
    let together = read(&sources, &CATALOG, &Limits::default()).expect("all of them can be read together");
    let mut models = 0;
    for (name, bytes) in &files {
        for item in one(name, bytes).workloads.iter().flat_map(|workload| &workload.items) {
            if item.kind == Kind::Model {
                models += 1;
                let found = together.workloads.iter().flat_map(|workload| &workload.items);
                assert!(found.into_iter().any(|other| other.name == item.name), "{name}: {}", item.name);
            }
        }
    }
    assert!(models > 0, "no model in any of them");
}

/// Every file that is kept is in the table of packages, with where it came from, and so is every package.
#[test]
fn every_file_comes_from_a_listed_package() {
    const PACKAGES: &str = include_str!("../../testdata/manifests/packages.tsv");
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (name, _) in files(KEPT) {
        let folder = name.split('/').next().expect("a folder").to_owned();
        *counts.entry(folder).or_default() += 1;
    }
    let listed: BTreeMap<String, u64> = PACKAGES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let columns: Vec<&str> = line.split('\t').collect();
            let [folder, _registry, _name, _version, sha256, _licence, files] = columns.as_slice() else {
                panic!("{line:?} has other columns")
            };
            assert!(sha256.len() == 64 && sha256.chars().all(|c| c.is_ascii_hexdigit()), "{line:?}");
            ((*folder).to_owned(), files.parse().expect("a count"))
        })
        .collect();
    assert_eq!(counts, listed);
}
