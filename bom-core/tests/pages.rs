//! The pages say what the code does: made from its tables, or compared with them.

use std::collections::{BTreeMap, BTreeSet};

use bom_common::counter::Counter;
use bom_core::{
    coverage::{
        Gap,
        light::{LIGHT, STANDS_IN},
        rules::{ESCAPES, REQUIRED},
    },
    fact::{Strength, Technique, confidence},
    identify::{
        ROLES,
        catalog::{Catalog, Matching},
    },
    input::Input,
    recording::Reader,
    strength,
};

const BOM: &str = include_str!("../../docs/bom.md");
const CATALOG: &str = include_str!("../../docs/catalog.md");
const CONFIDENCE: &str = include_str!("../../docs/confidence.md");
const PROBES: &str = include_str!("../../docs/probes.md");
const RECORDING: &str = include_str!("../../schemas/recording.md");

/// File name and text of every source that writes properties.
fn assemble() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/assemble");
    let mut sources = Vec::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "the test compares sources with pages; the crate still reads nothing"
    )]
    for entry in std::fs::read_dir(folder).expect("list src/assemble") {
        let path = entry.expect("list src/assemble").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        sources.push((name, std::fs::read_to_string(&path).expect("read a source")));
    }
    sources.sort();
    assert!(sources.len() >= 5, "src/assemble is not where it was: {sources:?}");
    sources
}

/// The table of required probes differs between architectures; the page shows this one's.
#[cfg(target_arch = "x86_64")]
#[test]
fn golden_coverage_page() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/coverage.md");
    let made = bom_core::coverage::rules::page();
    #[expect(
        clippy::disallowed_methods,
        reason = "a golden test reads its file, and writes it when it is blessed"
    )]
    let known = {
        if std::env::var_os("AIBOM_BLESS").is_some_and(|value| value == "1") {
            std::fs::write(path, &made).expect("write docs/coverage.md");
        }
        std::fs::read_to_string(path).expect("read docs/coverage.md")
    };
    for (number, (is, should)) in (1..).zip(known.lines().zip(made.lines())) {
        assert_eq!(
            is, should,
            "docs/coverage.md:{number} is not what the rules say; `cargo xtask bless coverage`"
        );
    }
    assert_eq!(known.len(), made.len(), "docs/coverage.md ends elsewhere; `cargo xtask bless coverage`");
}

#[test]
fn every_property_is_documented_and_every_documented_one_exists() {
    let mut emitted = BTreeMap::new();
    for (file, source) in assemble() {
        for name in names(&source, "\"aibom:", '"') {
            emitted.entry(generic(&name, '{', '}')).or_insert(file.clone());
        }
    }
    let documented: BTreeSet<String> = BOM
        .lines()
        .filter_map(|line| line.strip_prefix("| `aibom:"))
        .filter_map(|rest| rest.split_once('`'))
        .map(|(name, _)| generic(&format!("aibom:{name}"), '<', '>'))
        .collect();
    let missing: Vec<_> = emitted.iter().filter(|(name, _)| !documented.contains(*name)).collect();
    let stale: Vec<_> = documented.iter().filter(|name| !emitted.contains_key(*name)).collect();
    assert!(missing.is_empty(), "not in docs/bom.md: {missing:?}");
    assert!(stale.is_empty(), "in docs/bom.md, but nowhere written: {stale:?}");
}

#[test]
fn counters_and_gap_codes_are_documented() {
    for counter in Counter::ALL {
        assert!(
            BOM.contains(&format!("`{}`", counter.name())),
            "docs/bom.md lacks counter {}",
            counter.name()
        );
    }
    let name = || "x".to_owned();
    let gaps = [
        Gap::Probe(name()),
        Gap::Silent(name()),
        Gap::Lost(name()),
        Gap::Unwatched("x"),
        Gap::Suspected("x"),
        Gap::AlreadyRunning,
        Gap::StillRunning,
        Gap::Unreadable,
        Gap::Unfinished,
    ];
    for gap in gaps {
        let code = gap.code();
        let shown = code.split_once(':').map_or_else(|| format!("`{code}`"), |(kind, _)| format!("`{kind}:"));
        assert!(BOM.contains(&shown), "docs/bom.md lacks gap {shown}");
    }
}

#[test]
fn confidence_page_has_the_table() {
    let strengths = [
        Strength::Enumerated,
        Strength::Opened,
        Strength::ReadOrMapped,
        Strength::Executed,
        Strength::Resolved,
        Strength::Connected,
        Strength::Exchanged,
    ];
    let techniques = [
        ("instrumentation", Technique::Instrumentation),
        ("binary-analysis", Technique::BinaryAnalysis),
        ("hash-comparison", Technique::HashComparison),
        ("manifest-analysis", Technique::ManifestAnalysis),
        ("filename", Technique::Filename),
    ];
    let shown = |permille: u16| format!("{}", f64::from(permille) / 1000.0);
    let mut table = String::new();
    for (word, technique) in techniques {
        for strength in strengths {
            let (seen, claimed) =
                (confidence(technique, strength, false), confidence(technique, strength, true));
            let name = strength.name();
            table.push_str(&format!("| {word} | {name} | {} | {} |\n", shown(seen), shown(claimed)));
        }
    }
    assert!(CONFIDENCE.contains(&table), "docs/confidence.md lacks this table:\n{table}");
}

#[test]
fn confidence_page_says_what_counts_as_what() {
    let mut table = String::new();
    for rule in strength::RULES {
        table.push_str(&format!("| {} | {} | {} |\n", rule.text, rule.strength.name(), rule.why));
    }
    assert!(CONFIDENCE.contains(&table), "docs/confidence.md lacks this table:\n{table}");
}

#[test]
fn bom_page_has_the_rules_of_roles() {
    for rule in ROLES {
        let signs: Vec<String> = rule.signs.iter().map(|sign| format!("`{}`", sign.text())).collect();
        let row = format!("| `{}` | {} |", rule.role, signs.join(", "));
        assert!(BOM.contains(&row), "docs/bom.md lacks {row}");
    }
}

/// Only `fact::confidence` decides; a number written where documents are made would be a second table.
#[test]
fn no_other_code_writes_a_confidence() {
    let mut calls = 0;
    for (file, source) in assemble() {
        for call in source.split("from_permille(").skip(1) {
            calls += 1;
            assert!(
                call.trim_start().starts_with("confidence("),
                "{file}: a confidence that is not from the table"
            );
        }
    }
    assert!(calls > 0, "documents carry no confidence any more");
}

#[test]
fn every_probe_has_its_row() {
    let required = REQUIRED.iter().flat_map(|(_, probes)| probes.iter());
    let watching = ESCAPES.iter().chain(LIGHT).flat_map(|escape| escape.watch.probes());
    for probe in required.copied().chain(watching).chain([STANDS_IN]) {
        assert!(PROBES.contains(&format!("| `{probe}` |")), "docs/probes.md lacks {probe}");
    }
}

#[test]
fn the_example_catalog_does_what_the_page_says() {
    let text = block(CATALOG, "tsv");
    let mut catalog = Catalog::parse(&text).expect("the example parses");
    assert_eq!((catalog.providers.len(), catalog.packages.len(), catalog.servers.len()), (3, 3, 1));
    catalog.extend(Catalog::built_in());
    let provider =
        |host: &str| catalog.provider(host).map(|row| (row.provider.as_str(), row.matching, row.sure));
    assert_eq!(provider("llm.corp.example"), Some(("Corp LLM", Matching::Exact, true)));
    assert_eq!(provider("a.models.corp.example"), Some(("Corp models", Matching::Suffix, true)));
    assert_eq!(provider("models.corp.example"), None);
    assert_eq!(provider("gw-eu.corp.example"), Some(("Corp gateway", Matching::Glob, false)));
    assert_eq!(provider("a.gw-eu.corp.example"), None);
    assert_eq!(provider("api.openai.com").map(|(name, ..)| name), Some("OpenAI"));
    assert_eq!(catalog.role("pypi", "corp-llm-client"), Some("llm-sdk"));
    assert_eq!(catalog.library_role("libcorpinfer.so.3"), Some("inference-runtime"));
}

/// Which kind of line it is. No wildcard: a new kind has to get its example.
const fn kind(input: &Input) -> &'static str {
    match input {
        Input::Start(_) => "Start",
        Input::Subject(_) => "Subject",
        Input::Pod { .. } => "Pod",
        Input::Catalog(_) => "Catalog",
        Input::Probes { .. } => "Probes",
        Input::Event(_) => "Event",
        Input::Answer { .. } => "Answer",
        Input::Counters { .. } => "Counters",
        Input::Repeats(_) => "Repeats",
        Input::Lost { .. } => "Lost",
        Input::Clock { .. } => "Clock",
        Input::Recheck { .. } => "Recheck",
        Input::Ended(_) => "Ended",
        Input::Finish { .. } => "Finish",
    }
}

#[test]
fn the_example_recording_is_one() {
    let text = block(RECORDING, "json");
    let mut reader = Reader::default();
    let mut kinds = BTreeSet::new();
    let mut correlator = bom_core::correlate::Correlator::default();
    for line in text.lines() {
        if let Some(input) = reader.read(line.as_bytes()).expect("every line of the example is valid") {
            kinds.insert(kind(&input));
            correlator.step(input);
        }
    }
    assert_eq!(kinds.len(), 14, "an example for each kind of line: {kinds:?}");
    let inventory = correlator.inventory();
    let epoch = inventory.epochs.values().next().expect("the example has a Start");
    assert_eq!(epoch.facts.len(), 3, "an exec, an open and a resolved name: {:?}", epoch.facts.keys());
}

/// What stands between `opening` (its last colon included) and `end`, each time.
fn names(source: &str, opening: &str, end: char) -> Vec<String> {
    let pieces = source.split(opening).skip(1);
    pieces.filter_map(|rest| rest.split_once(end)).map(|(name, _)| format!("aibom:{name}")).collect()
}

/// `aibom:coverage:{name}` and `aibom:coverage:<class>` are the same with the placeholder emptied.
fn generic(name: &str, open: char, close: char) -> String {
    let mut text = String::new();
    let mut inside = false;
    for character in name.chars() {
        if character == open {
            inside = true;
            text.push('*');
        } else if character == close {
            inside = false;
        } else if !inside {
            text.push(character);
        }
    }
    text
}

/// The first code block of a page that is marked with this word.
fn block(page: &str, word: &str) -> String {
    let (_, rest) = page.split_once(&format!("```{word}\n")).expect("the page has such a block");
    let (text, _) = rest.split_once("```").expect("the block ends");
    text.to_owned()
}
