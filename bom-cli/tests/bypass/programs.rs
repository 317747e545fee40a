//! The programs: which there are, what their first comments say, and building them with the C compiler.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

use bom_testkit::trial::Failed;

use crate::rows::{Row, Table, folder};

/// Not a row of its own: what two rows load.
const LIBRARY: &str = "bypass_library";

/// Builds one at a time: a library may be asked for by two rows.
static BUILDING: Mutex<()> = Mutex::new(());

/// The built program of a row.
pub(crate) fn program(row: &Row) -> PathBuf {
    let (extension, flags): (_, &[&str]) = if row.given("bare32") {
        ("S", &["-m32", "-nostdlib", "-static"])
    } else if row.given("bare") {
        ("S", &["-nostdlib", "-static"])
    } else if row.given("dynamic") {
        ("c", &["-O1", "-pthread", "-ldl"])
    } else {
        ("c", &["-O1", "-pthread", "-static"])
    };
    build(&row.id, extension, flags)
}

pub(crate) fn library() -> PathBuf {
    build(LIBRARY, "c", &["-O1", "-shared", "-fPIC", "-Wl,-soname,libbypass.so.7"])
}

/// The first comment of a row's source: what the program does, and what must be reported.
pub(crate) fn comment(row: &Row) -> (String, String) {
    let extension = if row.given("bare") || row.given("bare32") { "S" } else { "c" };
    let path = folder().join(format!("{}.{extension}", row.id));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let comment = text.strip_prefix("/*").and_then(|rest| rest.split_once("*/")).map(|(comment, _)| comment);
    let comment = comment.unwrap_or_else(|| panic!("{}: no comment at its beginning", path.display()));
    let joined = comment.split_whitespace().filter(|word| *word != "*").collect::<Vec<_>>().join(" ");
    let (does, report) = joined
        .split_once(" To report: ")
        .unwrap_or_else(|| panic!("{}: does not say what to report", path.display()));
    (does.to_owned(), report.to_owned())
}

fn build(name: &str, extension: &str, flags: &[&str]) -> PathBuf {
    let _one = BUILDING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bypass");
    fs::create_dir_all(&out).expect("a folder for programs");
    let source = folder().join(format!("{name}.{extension}"));
    let (program, stamp) = (out.join(name), out.join(format!("{name}.made-from")));
    let inputs = format!("{flags:?}\n{}{}", headers(), fs::read_to_string(&source).expect("the source"));
    if program.is_file() && fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == inputs) {
        return program;
    }
    let output = Command::new("gcc")
        .args(["-Wall", "-Wextra", "-Werror", "-o"])
        .arg(&program)
        .arg(&source)
        .args(flags)
        .output()
        .expect("gcc runs (cargo xtask prepare)");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    fs::write(stamp, inputs).expect("a stamp");
    program
}

fn headers() -> String {
    let names = sources(&["h"]);
    names.iter().map(|name| fs::read_to_string(folder().join(name)).expect("a header")).collect()
}

fn sources(extensions: &[&str]) -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).expect("testdata/bypass");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| extensions.iter().any(|extension| name.ends_with(&format!(".{extension}")))).collect()
}

pub(crate) fn every_program_has_its_row() -> Result<(), Failed> {
    let rows: BTreeSet<String> = Table::read().rows.iter().map(|row| row.id.clone()).collect();
    let mut programs: BTreeSet<String> = sources(&["c", "S"])
        .iter()
        .filter_map(|name| name.rsplit_once('.').map(|(stem, _)| stem.to_owned()))
        .collect();
    programs.remove(LIBRARY);
    assert_eq!(programs, rows, "programs and rows of testdata/bypass");
    Ok(())
}
