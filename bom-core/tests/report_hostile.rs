//! One corpus of hostile names through every output: what somebody else chose neither hides, nor acts, nor changes the
//! shape of a report.

use bom_core::{
    bom,
    declared::{Declared, Issue, IssueKind, Place, Set},
    diff::{Comparison, Options, Pass, Required, Seen, compare, declared_of, gate::Verdict, observed_of},
    identify::catalog::Catalog,
    report::{self, Report},
};
use serde_json::json;

/// What does something where it is printed, or seems to be something else.
const NAMES: &[&str] = &[
    "\u{1b}[2J\u{1b}[31mclean",
    "\u{1b}]0;title\u{7}",
    "\u{9b}31m",
    "a\nerror   fake: line",
    "a\r\nb",
    "a\rb",
    "a\tb",
    "nul\u{0}",
    "\u{8}\u{8}\u{8}",
    "\u{202e}gpj.exe",
    "\u{2066}x\u{2069}",
    "zero\u{200b}width\u{feff}",
    "line\u{2028}para\u{2029}next\u{85}",
    "tag\u{e0041}\u{e0042}",
    "soft\u{ad}hyphen\u{34f}",
    "\u{fffe}\u{ffff}",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "＝1+1",
    "\",\"=1+1",
    "a\"b",
    "a,b;c",
    "[x](javascript:alert(1))",
    "![x](https://evil.example/p.png)",
    "<img src=x onerror=alert(1)>",
    "</failure></testcase>",
    "]]>",
    "&lt;b&gt;",
    "a|b|c",
    "`code`",
    "**bold** _it_ ~~s~~",
    "@everyone #1",
    "https://evil.example/",
    "www.evil.example",
    "$x^2$ and $y$",
    "<!-- -->",
    "::error file=a,line=1::x",
    "##[error]x",
    "##vso[task.setvariable variable=a]b",
    "##teamcity[buildStatus]",
    "\\x1b[31m",
    "${IFS}$(id)",
];

/// Every place where a name can stand, filled with one.
fn comparison(name: &str) -> (Comparison, Declared) {
    let catalog = Catalog::default();
    let property = |key: &str| json!({"name": key, "value": name});
    let subject = |reference: &str, own: &str| {
        json!({"type": "application", "bom-ref": reference, "name": own, "properties": [
            {"name": "aibom:subject:kind", "value": format!("cgroup{name}")},
            {"name": "aibom:k8s:namespace", "value": name},
            {"name": "aibom:coverage:models:gap", "value": format!("lost:{name}")},
            {"name": "aibom:coverage:models", "value": "incomplete"}]})
    };
    let model = |path: &str, digit: &str| {
        json!({"type": "machine-learning-model", "bom-ref": format!("m{digit}{name}"), "name": format!("{name}{digit}"),
            "version": "1", "hashes": [{"alg": "SHA-256", "content": digit.repeat(64)}],
            "licenses": [{"license": {"name": format!("L{digit}{name}")}}],
            "properties": [property("aibom:store:name"), {"name": "aibom:model:quantization", "value": format!("{digit}{name}")}],
            "evidence": {"occurrences": [{"bom-ref": format!("e{digit}{name}"), "location": format!("{path}{name}"),
                "additionalContext": "subject=s1"}]}})
    };
    let document = |tool: &str, digit: &str, extra: &str| {
        let text = json!({"bomFormat": "CycloneDX", "specVersion": "1.6",
            "metadata": {"tools": {"components": [{"type": "application", "name": format!("{tool}{name}")}]}},
            "components": [subject("s1", name), subject("s2", &format!("{extra}{name}")), model("/m/", digit), model(extra, "9"),
                {"type": "library", "bom-ref": format!("p{name}"), "name": format!("p{name}"),
                 "evidence": {"occurrences": [{"location": "/p", "additionalContext": "subject=s1"}]},
                 "properties": [{"name": "aibom:package:ecosystem", "value": "pypi"}, {"name": "aibom:role", "value": "agent"}]}],
            "services": [{"bom-ref": format!("v{name}"), "name": format!("{extra}{name}"),
                "properties": [{"name": "aibom:evidence", "value": "e subject=s1"}]}]})
        .to_string();
        bom::from_json(text.as_bytes()).expect("a document").bom
    };
    let file = format!("f{name}.json");
    let mut declared = declared_of(&document("a", "1", "/a/"), &file, b"", &catalog);
    declared.issues.push(Issue {
        place: Place::of_file(&file),
        kind: IssueKind::BadValue,
        text: name.to_owned(),
    });
    declared.other_kinds.insert(name.to_owned(), 1);
    let observed = observed_of(&document("b", "2", "/b/"), &file, &catalog);
    let mut found =
        compare(&declared, &[observed], &Options { required: Required::NoLoss, ..Options::default() });
    if let Some(finding) = found.findings.first_mut() {
        finding.waived = Some(name.to_owned());
    }
    (found, declared)
}

/// What stands for the name until the comparison is done: what is found shall not depend on it.
const WORD: &str = "Qplainq";

/// The outputs, by name. Everything of a report that is text is somebody else's.
fn outputs(name: &str) -> Vec<(&'static str, String)> {
    let (mut found, mut declared) = comparison(WORD);
    let put = |text: &str| text.replace(WORD, name);
    let all = |set: &Set<String>| set.iter().map(|text| put(text)).collect::<Set<_>>();
    for finding in &mut found.findings {
        for text in [&mut finding.workload, &mut finding.name, &mut finding.text] {
            *text = put(text);
        }
        finding.waived = finding.waived.as_deref().map(put);
        for (place, field) in &mut finding.places {
            place.file = put(&place.file).into();
            *field = put(field);
        }
        if let Some(seen) = &mut finding.observed {
            *seen = Seen {
                file: put(&seen.file),
                reference: put(&seen.reference),
                evidence: all(&seen.evidence),
            };
        }
    }
    for row in &mut found.not_compared {
        (row.workload, row.notable) =
            (put(&row.workload), row.notable.iter().map(|text| put(text)).collect());
    }
    for row in &mut found.paired {
        (row.0, row.1) = (put(&row.0), put(&row.1));
    }
    let agreed = std::mem::take(&mut found.agreed).into_iter();
    let items = |rows: Vec<(String, Pass)>| rows.into_iter().map(|(text, pass)| (put(&text), pass)).collect();
    found.agreed = agreed.map(|(workload, rows)| (put(&workload), items(rows))).collect();
    let kinds = std::mem::take(&mut declared.other_kinds).into_iter();
    declared.other_kinds = kinds.map(|(kind, count)| (put(&kind), count)).collect();
    let report = Report::new(&found, Verdict::Findings, &declared, "0");
    vec![
        ("human", report::human(&report, false)),
        ("json", report::json(&report)),
        ("sarif", report::sarif(&report)),
        ("junit", report::junit(&report)),
        ("markdown", report::markdown(&report)),
        ("csv", report::csv(&report)),
    ]
}

/// How often a character stands there that means something to the format. Each must be ours.
fn shape(format: &str, text: &str) -> Vec<(char, usize)> {
    let count = |text: &str, c: char| (c, text.chars().filter(|found| *found == c).count());
    match format {
        "junit" => ['<', '>', '"', '\'', '\n'].iter().map(|c| count(text, *c)).collect(),
        "markdown" => {
            // What a backslash stands before is text, and so is what an entity stands for.
            let mut plain = String::new();
            let mut characters = text.chars();
            while let Some(c) = characters.next() {
                if c == '\\' {
                    characters.next();
                } else {
                    plain.push(c);
                }
            }
            ['<', '>', '|', '[', ']', '(', '`', '*', '_', '~', '!', '@', '$', ':', '\n']
                .iter()
                .map(|c| count(&plain, *c))
                .collect()
        }
        "csv" => {
            let plain = text.replace("\"\"", "");
            ['"', '\n', '\r'].iter().map(|c| count(&plain, *c)).collect()
        }
        _ => vec![count(text, '\n')],
    }
}

#[test]
fn names_change_no_shape_and_hide_nothing() {
    let plain: Vec<_> =
        outputs(WORD).into_iter().map(|(format, text)| (format, shape(format, &text))).collect();
    for name in NAMES {
        for ((format, text), (_, expected)) in outputs(name).into_iter().zip(&plain) {
            let hidden = text.chars().find(|c| bom::is_hidden(*c) && !matches!(c, '\n' | '\r'));
            assert_eq!(hidden, None, "{format} of {name:?}: {text}");
            assert_eq!(&shape(format, &text), expected, "{format} of {name:?}:\n{text}");
            let lines = || text.lines().map(str::trim_start);
            match format {
                "human" => {
                    let acts = text.contains("##") || lines().any(|line| line.starts_with("::"));
                    assert!(!acts, "{text}");
                }
                "json" | "sarif" => drop(serde_json::from_str::<serde_json::Value>(&text).expect("JSON")),
                "csv" => {
                    // A quote within a cell stands twice.
                    let text = text.replace("\"\"", "''");
                    for cell in text.lines().flat_map(|line| line.split("\",\"")) {
                        let cell = cell.trim_start_matches('"');
                        assert!(!cell.starts_with(['=', '+', '-', '@', '＝']), "{name:?}: {cell}");
                    }
                }
                "markdown" => assert!(!text.contains("www.") && !text.contains("://"), "{text}"),
                _ => {}
            }
        }
    }
}

/// The corpus is worth something only if its names reach the reports.
#[test]
fn the_names_are_in_every_output() {
    for (format, text) in outputs(WORD) {
        assert!(text.matches(WORD).count() >= 6, "{format}: {text}");
    }
}
