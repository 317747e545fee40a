//! Stores that `huggingface_hub` made (testdata/corpus/make_stores.py): name, revision, file and digest are those that
//! the library's own scan of the cache gives.

#[path = "stores/local.rs"]
mod local;

use std::{
    collections::BTreeSet, fs, os::unix::ffi::OsStrExt as _, os::unix::fs::MetadataExt as _,
    process::ExitCode,
};

use bom_core::stored::StoredDigest;
use bom_extract::store::{Asked, origins};
use bom_testkit::trial::{self, Failed, Need, stores, trial};
use serde_json::Value;

fn main() -> ExitCode {
    let list = fs::read(stores().join("stores.json")).ok();
    let list: Option<Value> = list.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let rows = list.as_ref().and_then(|list| list["rows"].as_array()).cloned().unwrap_or_default();
    let paths: BTreeSet<String> =
        rows.iter().filter_map(|row| row["path"].as_str()).map(str::to_owned).collect();
    let mut trials = vec![trial("stores::are_there", &[Need::Stores], {
        let rows = rows.len();
        move || if rows > 0 { Ok(()) } else { Err(Failed::from("the list has no rows")) }
    })];
    for path in paths {
        let of: Vec<Value> = rows.iter().filter(|row| row["path"] == path.as_str()).cloned().collect();
        trials.push(trial(&format!("stores::{path}"), &[Need::Stores], move || agrees(&path, &of)));
    }
    trial::run(trials)
}

fn agrees(path: &str, rows: &[Value]) -> Result<(), Failed> {
    let whole = stores().join(path).canonicalize()?;
    let modified_s = Some(whole.metadata()?.mtime());
    let found = origins(&local::Local, Asked { path: whole.as_os_str().as_bytes(), modified_s });
    let digest = |stored: &StoredDigest| stored.hex().to_owned();
    let found: BTreeSet<String> = found
        .stored
        .iter()
        .map(|it| {
            let references = Vec::from_iter(it.references.iter().cloned());
            let etag = it.digest.as_ref().map(digest);
            format!(
                "{} {:?} {:?} {references:?} {:?} {etag:?}",
                it.store.as_str(),
                it.name,
                it.revision,
                it.file
            )
        })
        .collect();
    let text = |row: &Value, key: &str| row[key].as_str().map(str::to_owned);
    let expected: BTreeSet<String> = rows
        .iter()
        .map(|row| {
            let references = row["references"].as_array().into_iter().flatten();
            let references: Vec<&str> = references.filter_map(Value::as_str).collect();
            let store = row["store"].as_str().unwrap_or_default();
            let (name, revision) = (text(row, "name"), text(row, "revision"));
            format!(
                "{store} {name:?} {revision:?} {references:?} {:?} {:?}",
                text(row, "file"),
                text(row, "etag")
            )
        })
        .collect();
    if found == expected { Ok(()) } else { Err(format!("{found:#?}\nis not\n{expected:#?}").into()) }
}
