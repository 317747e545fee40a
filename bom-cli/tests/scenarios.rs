//! Stories of what a deployment declares and what was observed of it, in every output.
//!
//! Each folder of `testdata/scenarios` is one: `declared/`, `observed.cdx.json`, further `arguments`, the `exit` code and,
//! in `expected/`, a golden for each format. `AIBOM_BLESS=1` writes the goldens.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Format and file of each golden.
const FORMATS: &[(&str, &str)] = &[
    ("table", "report.txt"),
    ("json", "report.json"),
    ("sarif", "report.sarif"),
    ("junit", "report.xml"),
    ("markdown", "report.md"),
    ("csv", "report.csv"),
];

#[test]
fn golden_scenarios() {
    let mut problems = Vec::new();
    let folders = folders();
    assert!(folders.len() >= 11, "testdata/scenarios is not where it was: {folders:?}");
    for folder in folders {
        problems.extend(story(&folder));
    }
    assert!(problems.is_empty(), "{}\n`cargo xtask bless scenarios`, and read the diff", problems.join("\n"));
}

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/scenarios");
    let entries = fs::read_dir(root).expect("list testdata/scenarios");
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn story(folder: &Path) -> Vec<String> {
    let text = |name: &str| fs::read_to_string(folder.join(name)).expect(name);
    let made = tempfile::tempdir().expect("a folder");
    let mut aibom = Command::new(env!("CARGO_BIN_EXE_aibom"));
    aibom.current_dir(folder).args(["diff", "declared", "observed.cdx.json"]).args(text("arguments").lines());
    for (format, file) in FORMATS {
        aibom.arg(format!("--output={format}={}", made.path().join(file).display()));
    }
    let output = aibom.output().expect("start aibom");
    let mut problems = Vec::new();
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let code = output.status.code();
    if code.map(|code| code.to_string()).as_deref() != Some(text("exit").trim()) {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        problems.push(format!("{name}: exit {code:?}, expected {}; {stderr}", text("exit").trim()));
    }
    let bless = std::env::var_os("AIBOM_BLESS").is_some_and(|value| value == "1");
    for (_, file) in FORMATS {
        let is = fs::read_to_string(made.path().join(file)).unwrap_or_default();
        let golden = folder.join("expected").join(file);
        if bless {
            fs::create_dir_all(folder.join("expected")).expect("make expected/");
            fs::write(&golden, &is).expect("write the golden");
        }
        let should = fs::read_to_string(&golden).unwrap_or_default();
        if is != should {
            let line = is.lines().zip(should.lines()).position(|(a, b)| a != b);
            let line = line.unwrap_or_else(|| is.lines().count().min(should.lines().count()));
            let (a, b) =
                (is.lines().nth(line).unwrap_or("(end)"), should.lines().nth(line).unwrap_or("(end)"));
            problems.push(format!("{name}/{file}:{}\n  is     {a}\n  should {b}", line + 1));
        }
    }
    problems
}
