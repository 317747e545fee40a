//! docs/bypasses.md: what came of every row on this machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use bom_testkit::trial::Failed;

use crate::{
    programs,
    rows::{Row, Status},
    suite::{Suite, Verdict},
};

const PAGE: &str = "../docs/bypasses.md";
const BLESS: &str = "`cargo xtask bless bypasses` writes what the run gave";
const NOT_RUN: &str = "not run: ";
const ARGUED: &str = "[argued](adr/0010-what-the-base-tier-need-not-see.md)";

const HEAD: &str = "\
# Ways past the probes

Made by the bypass suite (`bom-cli/tests/bypass`) with `cargo xtask bless bypasses`; do not edit.

Each row is a program in `testdata/bypass` that does one thing to stay unseen, and was run under `aibom run`. *Seen*: what
it did is in the document, and these probes are the evidence; a busy machine may add one that met it as well. *Declared*: it
is not, and the document says that the class is incomplete, for this reason among others. A row that is neither fails the
test. So does a row that stays seen, or is not declared, when the probes it depends on are left out.
";

pub(crate) fn compare(suite: &Suite) -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let known = fs::read_to_string(&path).unwrap_or_default();
    let mut failed = Vec::new();
    let mut lines: BTreeMap<&str, String> = BTreeMap::new();
    for (number, row) in suite.table.rows.iter().enumerate() {
        match line(suite, number, row, &known) {
            Ok(line) => {
                lines.insert(&row.id, line);
            }
            Err(why) => failed.push(why),
        }
    }
    if !failed.is_empty() {
        return Err(failed.join("\n").into());
    }
    let made = page(&lines);
    if std::env::var_os("AIBOM_BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, made)?;
        return Ok(());
    }
    let (known, made) = (comparable(&known), comparable(&made));
    for (line, is) in &known {
        let should = made.get(line);
        let open = [Some(is), should].into_iter().flatten().any(|text| text.contains(NOT_RUN));
        let more = should.is_some_and(|should| has_all(should, is));
        assert!(
            open || more || Some(is) == should,
            "docs/bypasses.md has\n{is}\nthe run gave\n{should:?}\n{BLESS}"
        );
    }
    let new: Vec<_> = made.iter().filter(|(line, _)| !known.contains_key(*line)).collect();
    assert!(new.is_empty(), "docs/bypasses.md lacks {new:?}; {BLESS}");
    Ok(())
}

/// Lines by what they begin with: the row, or else the whole line. How many there are of each kind follows from the rest,
/// and differs between machines.
fn comparable(text: &str) -> BTreeMap<&str, &str> {
    let counts = |line: &&str| line.starts_with("**");
    let key = |line: &'_ str| line.find("` |").map_or(line.len(), |end| end);
    text.lines().filter(|line| !counts(line)).map(|line| (&line[..key(line)], line)).collect()
}

/// Whether a row was seen by every probe that the page names, and maybe by more: what is in the page cache, and which task
/// looks first, is a matter of time.
fn has_all(made: &str, known: &str) -> bool {
    let probes = |line: &str| -> Option<BTreeSet<String>> {
        let (_, list) = line.strip_suffix(" |")?.rsplit_once("| seen by ")?;
        Some(list.split(", ").map(str::to_owned).collect())
    };
    matches!((probes(made), probes(known)), (Some(made), Some(known)) if made.is_superset(&known))
}

/// What a machine that cannot run a row says of it is what the page says already.
fn line(suite: &Suite, number: usize, row: &Row, known: &str) -> Result<String, String> {
    let (does, _) = programs::comment(row);
    let does = does.replace('|', "\\|");
    let start = format!("| `{}` | {does} |", row.id);
    if let Some(reason) = suite.missing(number) {
        let earlier = known.lines().find(|line| line.starts_with(&start));
        return Ok(earlier.map_or_else(|| format!("{start} {NOT_RUN}{reason} |"), str::to_owned));
    }
    let listed = |items: Vec<String>| items.join(", ");
    let verdict = suite.verdict(number);
    if row.status == Status::Race && !matches!(verdict, Verdict::Silent(_)) {
        let gaps = listed(row.gaps.iter().map(|gap| format!("`{gap}`")).collect());
        return Ok(format!("{start} a race: seen, or declared: {gaps} |"));
    }
    match verdict {
        Verdict::Seen(by) if by.is_empty() => Ok(format!("{start} seen |")),
        Verdict::Seen(by) => {
            // Sweeps come after losses and at intervals: whether one met it as well is a matter of time.
            let timely: Vec<_> = by.iter().filter(|probe| !probe.starts_with("iter_")).copied().collect();
            let by = if timely.is_empty() { by.into_iter().collect() } else { timely };
            Ok(format!("{start} seen by {} |", listed(by.iter().map(|probe| format!("`{probe}`")).collect())))
        }
        Verdict::Declared(gaps) => {
            let argued = if row.status == Status::Argued { format!("; {ARGUED}") } else { String::new() };
            let gaps = listed(gaps.iter().map(|gap| format!("`{gap}`")).collect());
            Ok(format!("{start} declared: {gaps}{argued} |"))
        }
        Verdict::Silent(why) => Err(why),
    }
}

fn page(lines: &BTreeMap<&str, String>) -> String {
    let count = |word: &str| lines.values().filter(|line| line.contains(&format!(" | {word}"))).count();
    let mut page = HEAD.to_owned();
    page.push_str(&format!(
        "\n**{} rows: {} seen, {} declared, {} one or the other, {} not run on the machine that made this page.**\n",
        lines.len(),
        count("seen"),
        count("declared"),
        count("a race"),
        count("not run"),
    ));
    page.push_str("\n| row | what it does | what came of it |\n|---|---|---|\n");
    for line in lines.values() {
        page.push_str(line);
        page.push('\n');
    }
    page
}
