//! Files made by the official library of each format, and what that library says of them
//! (testdata/corpus/make_corpus.py): each is recognised without its extension, and our fields equal the library's.

#[path = "formats/check.rs"]
mod check;

use std::fs;
use std::process::ExitCode;

use bom_testkit::trial::{self, Failed, Need, corpus, trial};
use serde_json::Value;

/// Libraries that are no wheel, or far too large a one, for a format that others write too.
const NOT_PREPARED: &[&str] = &["hnswlib", "flax"];

fn main() -> ExitCode {
    let list = fs::read(corpus().join("expected.json")).ok();
    let list: Option<Value> = list.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let rows = list.as_ref().and_then(|list| list["rows"].as_array()).cloned().unwrap_or_default();
    let mut trials = vec![trial("corpus::is_there", &[Need::Corpus], {
        let rows = rows.len();
        let missing = list.as_ref().map(|list| list["missing"].clone()).unwrap_or_default();
        move || {
            let missing = missing.as_object().ok_or("a list without what is missing")?;
            let missing: Vec<&String> =
                missing.keys().filter(|name| !NOT_PREPARED.contains(&name.as_str())).collect();
            if rows == 0 || !missing.is_empty() {
                return Err(format!("{rows} rows, missing: {missing:?}").into());
            }
            Ok(())
        }
    })];
    for row in rows {
        let name = format!("corpus::{}", row["file"].as_str().unwrap_or_default());
        trials.push(trial(&name, &[Need::Corpus], move || agrees(&row)));
    }
    trial::run(trials)
}

fn agrees(row: &Value) -> Result<(), Failed> {
    let name = row["file"].as_str().ok_or("a row without a file")?;
    let bytes = fs::read(corpus().join(name)).map_err(|error| format!("read {name}: {error}"))?;
    let facts = row["facts"].as_array().ok_or("a row without facts")?;
    let facts: Vec<&str> = facts.iter().filter_map(Value::as_str).collect();
    check::check(name, &bytes, &facts);
    Ok(())
}
