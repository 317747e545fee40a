//! Pairs of a declaration and a document for which exit code 0 would be wrong, and beside them those for which it is
//! right, so that no row passes by refusing everything.

mod built;
mod documents;
mod endpoints;
mod input;
mod models;
mod programs;
mod workloads;

use bom_core::{
    bom,
    diff::{
        Comparison, Observed, Options, Required, compare, declared_of,
        gate::{Expression, verdict},
        observed_of, unpinned_of, unread_of,
    },
    identify::catalog::Catalog,
    manifest::{Source, read, yaml::Limits},
    report::exit_code,
};

/// What is declared: manifests and declarations as text, by the name of the file.
type Files<'a> = &'a [(&'a str, &'a str)];

/// Compares and gives the exit code and the codes of the findings.
fn outcome(declared: Files<'_>, observed: &str, workload: Option<&str>) -> (u8, Comparison) {
    let catalog = Catalog::built_in();
    let mut sources = Vec::new();
    let mut from_documents = Vec::new();
    for (name, text) in declared {
        if bom::read::format_of(text.as_bytes()).is_some() {
            let read = bom::read::any(text.as_bytes()).expect(name);
            let mut found = declared_of(&read.bom, name, text.as_bytes(), &catalog);
            found.issues.extend(unpinned_of(&read.issues, name));
            from_documents.push(found);
        } else {
            sources.push(Source { name, bytes: text.as_bytes() });
        }
    }
    let mut declared = read(&sources, &catalog, &Limits::default()).expect("it is YAML");
    for document in from_documents {
        declared.workloads.extend(document.workloads);
        declared.issues.extend(document.issues);
    }
    let document = bom::read::any(observed.as_bytes()).expect("a document");
    let unread = unread_of(&document.issues);
    let observed = [Observed { unread, ..observed_of(&document.bom, "o.json", &catalog) }];
    let required = if observed_text_is_ours(&document.bom) { Required::NoLoss } else { Required::None };
    let options = Options { workload: workload.map(str::to_owned), required };
    let found = compare(&declared, &observed, &options);
    let (verdict, _) = verdict(&found, &Expression::default());
    (exit_code(verdict), found)
}

/// Of another tool's document nothing is known of coverage, which is not what is tested here.
fn observed_text_is_ours(bom: &bom::Bom) -> bool {
    let all = bom.metadata.component.iter().chain(&bom.components);
    all.flat_map(|component| &component.properties).any(|property| property.name == "aibom:subject:kind")
}

/// The exit code, and a code that must be among the findings (none for 0).
#[track_caller]
fn row(name: &str, declared: Files<'_>, observed: &str, exit: u8, code: &str) {
    row_of(name, declared, observed, None, exit, code);
}

#[track_caller]
fn row_of(name: &str, declared: Files<'_>, observed: &str, workload: Option<&str>, exit: u8, code: &str) {
    let (found, comparison) = outcome(declared, observed, workload);
    let codes: Vec<&str> = comparison.findings.iter().map(|finding| finding.code.code).collect();
    assert_eq!(found, exit, "{name}: {:#?}", comparison.findings);
    assert!(code.is_empty() || codes.contains(&code), "{name}: {codes:?} has no {code}");
}
