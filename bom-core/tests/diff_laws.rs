//! Laws of the comparison, over arbitrary documents.

mod bom_arbitrary;

use std::collections::BTreeSet;

use bom_arbitrary::any_bom;
use bom_core::{
    bom::{self, Bom},
    declared::Declared,
    diff::{
        Comparison, Options, Required, compare, declared_of,
        gate::{Waivers, apply_baseline},
        observed_of, pair,
    },
    identify::catalog::Catalog,
    manifest::{Source, read, yaml::Limits},
    report,
};
use proptest::prelude::*;

/// Findings about what a declaration leaves open, which compare nothing.
const ABOUT_ONE_SIDE: &[&str] = &["image-unpinned", "revision-unpinned"];

fn differences(declared: &Bom, observed: &Bom) -> Comparison {
    let catalog = Catalog::default();
    let declared = declared_of(declared, "a.json", b"", &catalog);
    let observed = observed_of(observed, "b.json", &catalog);
    let mut found =
        compare(&declared, &[observed], &Options { required: Required::None, ..Options::default() });
    found.findings.retain(|finding| {
        finding.code.code != "unfair-comparison" && !ABOUT_ONE_SIDE.contains(&finding.code.code)
    });
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_differs_from_itself(document in any_bom()) {
        let found = differences(&document, &document);
        prop_assert!(found.findings.is_empty(), "{:#?}", found.findings);
    }

    #[test]
    fn pairs_do_not_depend_on_the_side(a in any_bom(), b in any_bom()) {
        let catalog = Catalog::default();
        let items = |bom: &Bom| observed_of(bom, "x", &catalog).subjects.remove(0).items;
        let (a, b) = (items(&a), items(&b));
        let there: BTreeSet<_> = pair(&a, &b).into_iter().map(|p| (p.declared, p.observed, p.pass)).collect();
        let back: BTreeSet<_> = pair(&b, &a).into_iter().map(|p| (p.observed, p.declared, p.pass)).collect();
        prop_assert_eq!(there, back);
    }

    #[test]
    fn the_order_of_a_document_does_not_matter(a in any_bom(), b in any_bom()) {
        let mut other = b.clone();
        other.components.reverse();
        other.services.reverse();
        prop_assert_eq!(differences(&a, &b), differences(&a, &other));
    }

    #[test]
    fn a_document_that_was_written_and_read_says_the_same(document in any_bom()) {
        let catalog = Catalog::default();
        let written = bom::to_json(&document, bom::Options::default()).expect("a checked document");
        let read = bom::from_json(&written.json).expect("our own document");
        prop_assert_eq!(observed_of(&document.normalized(), "x", &catalog), observed_of(&read.bom, "x", &catalog));
    }

    #[test]
    fn a_waiver_hides_what_it_names(a in any_bom(), b in any_bom(), index in any::<prop::sample::Index>()) {
        let mut found = differences(&a, &b);
        prop_assume!(!found.findings.is_empty());
        let chosen = index.get(&found.findings).clone();
        let before = found.findings.len();
        let text = format!(
            "waivers: [{{finding: {}, reason: r, owner: o, expires: '2030-01-01'}}]",
            chosen.fingerprint
        );
        let waivers = Waivers::parse(text.as_bytes(), "w.yaml").expect("a waiver");
        waivers.apply(&mut found, "2026-01-01");
        prop_assert_eq!(found.findings.len(), before, "a waived finding stays in the report");
        for finding in &found.findings {
            prop_assert_eq!(finding.waived.is_some(), finding.fingerprint == chosen.fingerprint);
        }
        let mut late = differences(&a, &b);
        waivers.apply(&mut late, "2030-01-02");
        prop_assert!(late.findings.iter().all(|finding| finding.waived.is_none()));
        prop_assert!(late.findings.iter().any(|finding| finding.code.code == "waiver-expired"));
    }

    #[test]
    fn a_report_is_a_baseline_of_itself(a in any_bom(), b in any_bom()) {
        let mut found = differences(&a, &b);
        let declared = Declared::default();
        let verdict = bom_core::diff::gate::Verdict::Findings;
        let text = report::json(&report::Report::new(&found, verdict, &declared, "0"));
        let baseline = report::baseline(text.as_bytes()).expect("our own report");
        apply_baseline(&mut found, Some(&baseline));
        let counts = |tells| found.findings.iter().filter(move |finding| finding.code.tells == tells);
        prop_assert!(counts(bom_core::diff::Tells::Finding).all(|finding| finding.known));
        prop_assert!(counts(bom_core::diff::Tells::Cannot).all(|finding| !finding.known));
        prop_assert!(!found.findings.iter().any(|finding| finding.code.code == "baseline-unused"));
    }

    /// What every format prints has nothing hidden in it, whatever the documents hold.
    #[test]
    fn reports_hide_nothing(a in any_bom(), b in any_bom()) {
        let found = differences(&a, &b);
        let declared = Declared::default();
        let report = report::Report::new(&found, bom_core::diff::gate::Verdict::Findings, &declared, "0");
        for text in [
            report::human(&report, false),
            report::json(&report),
            report::sarif(&report),
            report::junit(&report),
            report::markdown(&report),
            report::csv(&report),
        ] {
            let hidden = text.chars().find(|c| bom::is_hidden(*c) && !matches!(c, '\n' | '\r'));
            prop_assert_eq!(hidden, None, "{}", text);
        }
        for line in report::csv(&report).lines() {
            let Some(cells) = line.strip_prefix('"') else {
                return Err(TestCaseError::fail(line.to_owned()));
            };
            // A quote that is left at the start of a cell belongs to its text, and then nothing behind it is a formula.
            for cell in cells.split("\",\"") {
                prop_assert!(!cell.starts_with(['=', '+', '@']), "{line}");
            }
        }
    }
}

#[test]
fn the_order_of_files_does_not_matter() {
    let files: [(&str, &[u8]); 3] = [
        ("a.yaml", b"kind: Pod\nmetadata: {name: w}\nspec: {containers: [{name: c, envFrom: [{configMapRef: {name: m}}]}]}\n"),
        ("b.yaml", b"kind: ConfigMap\nmetadata: {name: m}\ndata: {OPENAI_BASE_URL: 'https://x.example'}\n"),
        ("c.yaml", b"apiVersion: aibom/v1\nworkloads: [{name: w, models: [a/b]}, {name: v, models: [a/b]}]\n"),
    ];
    let mut results = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let sources: Vec<Source<'_>> = order
            .iter()
            .filter_map(|at| files.get(*at))
            .map(|(name, bytes)| Source { name, bytes })
            .collect();
        results.push(read(&sources, &Catalog::built_in(), &Limits::default()).expect("it is YAML"));
    }
    assert_eq!(results.first(), results.get(1));
    assert_eq!(results.first(), results.get(2));
    assert_eq!(results.first().map(|declared| declared.workloads.len()), Some(2));
}
