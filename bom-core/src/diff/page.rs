//! docs/findings.md, from the table.

use std::fmt::Write as _;

use super::{CODES, Tells};

/// The page.
pub fn page() -> String {
    let mut text = String::from(OPENING);
    text.push_str("| code | severity | exit | meaning | what to do |\n|---|---|---|---|---|\n");
    for row in CODES {
        let exit = match row.tells {
            Tells::Finding => "1",
            Tells::Cannot => "2",
            Tells::Coverage => "3",
        };
        let (code, severity) = (row.code, row.severity.word());
        let _ = writeln!(text, "| `{code}` | {severity} | {exit} | {} | {} |", row.meaning, row.action);
    }
    text.push_str(CLOSING);
    text
}

const OPENING: &str = "\
# Findings

What `aibom diff` can find. This page is made from the table in `bom-core/src/diff/codes.rs`
(`cargo xtask bless findings_page`). Codes are stable: gates, waivers, baselines and reports name them.

\"Exit\" is the code that an unwaived finding leads to: 1 if `--fail-on` takes it, 2 where it cannot be told whether the
declaration holds, 3 where coverage is below what was required. Of several, 2 before 1 before 3.

";

const CLOSING: &str = "
## What is the same thing

Items are paired one to one, strongest evidence first: digest, package URL, path, name (normalised as the ecosystem does),
last part of the name; endpoints by host and port, host, provider, registrable host. A model declared as a repository or a
folder, and a host pattern, stand for several. Names inside a document (`bom-ref`) are never compared.

## What is never said

- Not \"unused\": what was not seen is `not-exercised`, and `absent` only where the coverage of its class is complete.
- A class of which nothing is declared (usually libraries and packages) is not compared, and the report says so.
- No finding hides another: a waiver covers exactly the code, workload and thing that it names.
";
