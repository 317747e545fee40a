//! What other tools say of the demo agent (testdata/interop, made by `cargo xtask interop`): read, checked, converted,
//! and compared with what was observed (testdata/recordings/demo.cdx.json). docs/interop.md is made of it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

const HEAD: &str = "\
# Beside other tools

Documents of other tools about the same agent, the demo's ([README](../testdata/agents/demo/README.md)): its source with a
list of requirements and a folder of models, or its Python environment. `cargo xtask interop` installs the tools, runs
them, keeps what they write in [testdata/interop](../testdata/interop/README.md) and makes this page again. The tests read
the kept files.

They answer another question than `aibom`: what is written down or installed, not what was loaded and called. So a
difference is no fault of either side; it is what one cannot see without the other.

## What each document has

Counted in the document as `aibom convert --to 1.7` writes it. *Packages* have a package URL; *evidence* is how many
components say how or where they were found; *edges* are dependencies; *says how complete*: a composition.

";

const AGAINST: &str = "\
## Against what was observed

`aibom diff DOCUMENT testdata/recordings/demo.cdx.json`: the document is taken as the declaration. *Agree*: the same on
both sides. *Only there*: in the document, not seen in the run; the run did not watch the rest of the day, so it is
`not-exercised` and no finding. *Only observed*: loaded or called, and not in the document. A class of which a document
has nothing is not compared, except models and endpoints.

";

const TAIL: &str = "\
## What became of others

- `cisco-aibom` 1.10.0 (PyPI) installs and does not run here: it wants a language model to classify what it finds
  (`--llm-model`). Version 0.5.2 writes no CycloneDX and no SPDX.
- The XML of syft is CycloneDX 1.6, which the crate that reads XML for us does not know: it is refused, with a word to
  write it as JSON.
- cdxgen gives the same `bom-ref` to itself as a tool and as an annotator. The schema cannot see that; `aibom validate`
  does (`duplicate-ref`).
";

#[test]
fn golden_interop_page() {
    let documents = documents();
    let tools: std::collections::BTreeSet<&str> = documents.iter().map(|one| one.tool.as_str()).collect();
    assert!(tools.len() >= 7, "testdata/interop is not where it was: {tools:?}");
    let mut page = HEAD.to_owned();
    page.push_str("| document | format | models | with digest | packages | endpoints | files | evidence | edges | says how complete | errors |\n");
    page.push_str("|---|---|---|---|---|---|---|---|---|---|---|\n");
    let mut against = AGAINST.to_owned();
    against.push_str("| document | agree | only there | only observed | other | not compared |\n|---|---|---|---|---|---|\n");
    let observed = root().join("testdata/recordings/demo.cdx.json");
    page.push_str(&row("**aibom** (observed)", &observed));
    for document in &documents {
        let name = format!("{} ({})", document.tool, document.name);
        page.push_str(&row(&name, &document.path));
        against.push_str(&compared(&name, &document.path, &observed));
    }
    page.push('\n');
    let page = format!("{page}{against}\n{TAIL}");
    let golden = root().join("docs/interop.md");
    if std::env::var_os("AIBOM_BLESS").is_some_and(|value| value == "1") {
        fs::write(&golden, &page).expect("write the page");
    }
    let should = fs::read_to_string(&golden).unwrap_or_default();
    for (number, (is, should)) in (1..).zip(page.lines().zip(should.lines())) {
        assert_eq!(is, should, "docs/interop.md:{number}; `cargo xtask bless golden_interop`");
    }
    assert_eq!(page.len(), should.len(), "docs/interop.md; `cargo xtask bless golden_interop`");
}

#[test]
fn every_document_is_converted_to_every_version_and_stays_valid() {
    for document in documents() {
        for version in ["1.4", "1.5", "1.6", "1.7"] {
            let made = converted(&document.path, version);
            let file = tempfile::NamedTempFile::new().expect("a file");
            fs::write(file.path(), &made).expect("write");
            let before = count(&checked(&document.path), "errors");
            let after = count(&checked(file.path()), "errors");
            // One who made a mistake of his own keeps it; no conversion adds one.
            assert!(after <= before, "{} to {version}: {after} errors", document.path.display());
        }
    }
}

struct Document {
    tool: String,
    name: String,
    path: PathBuf,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn documents() -> Vec<Document> {
    let mut found = Vec::new();
    for folder in list(&root().join("testdata/interop")).into_iter().filter(|path| path.is_dir()) {
        for path in list(&folder) {
            let text = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push(Document { tool: text(&folder), name: text(&path), path });
        }
    }
    found
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("list testdata/interop");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn aibom(arguments: &[&str], path: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aibom")).args(arguments).arg(path).output().expect("start aibom")
}

fn checked(path: &Path) -> Value {
    let output = aibom(&["validate", "-o", "json=-"], path);
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let found = result["documents"][0].clone();
    assert!(found["error"].is_null(), "{}: {found}", path.display());
    assert_eq!(output.status.code(), Some(i32::from(count(&found, "errors") > 0)), "{}", path.display());
    found
}

fn converted(path: &Path, version: &str) -> Vec<u8> {
    let output = aibom(&["convert", "--allow-loss", "--to", version], path);
    assert!(output.status.success(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn count(value: &Value, key: &str) -> u64 {
    value[key].as_u64().expect("a number")
}

fn row(name: &str, path: &Path) -> String {
    let result = checked(path);
    let bom: Value = serde_json::from_slice(&converted(path, "1.7")).expect("JSON");
    let array = |key: &str| bom[key].as_array().cloned().unwrap_or_default();
    let components = array("components");
    let of = |test: &dyn Fn(&Value) -> bool| components.iter().filter(|one| test(one)).count();
    let model = |one: &Value| one["type"] == "machine-learning-model";
    let edges: usize =
        array("dependencies").iter().map(|one| one["dependsOn"].as_array().map_or(0, Vec::len)).sum();
    let cells = [
        name.to_owned(),
        result["format"].as_str().unwrap_or_default().to_owned(),
        of(&model).to_string(),
        of(&|one| model(one) && !one["hashes"].is_null()).to_string(),
        of(&|one| !one["purl"].is_null()).to_string(),
        array("services").len().to_string(),
        of(&|one| one["type"] == "file").to_string(),
        of(&|one| !one["evidence"]["identity"].is_null() || !one["evidence"]["occurrences"].is_null())
            .to_string(),
        edges.to_string(),
        if array("compositions").is_empty() { "no" } else { "yes" }.to_owned(),
        count(&result, "errors").to_string(),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn compared(name: &str, path: &Path, observed: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_aibom"))
        .args(["diff", "-o", "json=-"])
        .args([path, observed])
        .output()
        .expect("start aibom");
    let code = output.status.code();
    // No tool lists what the agent called: there is always a finding, and never "cannot tell".
    assert_eq!(code, Some(1), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let agree: usize = result["agreed"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, list)| list.as_array().map_or(0, Vec::len))
        .sum();
    let mut columns: [BTreeMap<String, usize>; 3] = Default::default();
    for finding in result["findings"].as_array().into_iter().flatten() {
        let code = finding["code"].as_str().unwrap_or_default();
        let Some(kind) = finding["kind"].as_str() else { continue };
        let [there, seen, other] = &mut columns;
        let (column, word) = match code {
            "not-exercised" | "absent" => (there, kind),
            code if code.starts_with("undeclared-") => (seen, kind),
            code => (other, code),
        };
        *column.entry(word.to_owned()).or_default() += 1;
    }
    let mut not: Vec<String> = Vec::new();
    for class in result["notCompared"].as_array().into_iter().flatten() {
        not.push(format!("{} {}", class["class"].as_str().unwrap_or_default(), class["observed"]));
    }
    let text = |column: &BTreeMap<String, usize>| {
        let cells: Vec<String> = column.iter().map(|(word, number)| format!("{word} {number}")).collect();
        if cells.is_empty() { "–".to_owned() } else { cells.join(", ") }
    };
    let [there, seen, other] = &columns;
    let not = if not.is_empty() { "–".to_owned() } else { not.join(", ") };
    format!("| {name} | {agree} | {} | {} | {} | {not} |\n", text(there), text(seen), text(other))
}
