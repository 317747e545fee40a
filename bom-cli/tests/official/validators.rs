//! Every document that we write passes two validators that share no code: Python's (PyPI cyclonedx-python-lib, strict)
//! and Rust's (`aibom validate --schema`, the crate jsonschema).

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::schemas;

/// Arguments are pairs: version, path. Everything wrong is one line on stderr, and the exit code is how many.
const PYTHON: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = 0
for version, path in zip(sys.argv[1::2], sys.argv[2::2]):
    with open(path, encoding='utf-8') as file:
        error = JsonStrictValidator(SchemaVersion['V' + version.replace('.', '_')]).validate_str(file.read())
    if error:
        wrong += 1
        print(path, version, str(error)[:2000], file=sys.stderr)
sys.exit(wrong)
";

#[test]
fn what_we_write_is_valid_in_every_version() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
    let mut replay = Command::new(env!("CARGO_BIN_EXE_aibom"));
    replay.arg("replay").arg(root.join("recordings/demo.aibomrec"));
    let mut documents = Vec::new();
    for version in ["1.5", "1.6", "1.7"] {
        let path = folder.path().join(format!("replayed-{version}.json"));
        replay.arg("-o").arg(format!("cyclonedx-{version}={}", path.display()));
        documents.push((version, path));
    }
    succeeded(&replay.output().expect("start aibom"));
    for version in ["1.4", "1.5", "1.6", "1.7"] {
        for (name, from) in
            [("ours", root.join("recordings/demo.cdx.json")), ("theirs", biggest_foreign(&root))]
        {
            let path = folder.path().join(format!("{name}-{version}.json"));
            let mut convert = Command::new(env!("CARGO_BIN_EXE_aibom"));
            convert.args(["convert", "--allow-loss", "--to", version, "-o"]).arg(&path).arg(from);
            succeeded(&convert.output().expect("start aibom"));
            documents.push((version, path));
        }
    }
    succeeded(&rust(&documents));
    // Python compares every component with every other one: what was replayed, and the oldest that is written.
    documents.retain(|(version, path)| {
        *version == "1.4"
            || path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("replayed"))
    });
    assert_eq!(documents.len(), 5);
    succeeded(&python(&documents));
}

/// A word that the specification does not have, in any of our documents, is found by both.
#[test]
fn both_find_a_broken_document() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/recordings/demo.cdx.json");
    let text = fs::read_to_string(demo).expect("the demo");
    let broken = text.replacen("\"machine-learning-model\"", "\"machine-learning-mood\"", 1);
    assert_ne!(broken, text);
    let path = folder.path().join("broken.json");
    fs::write(&path, broken).expect("write");
    let documents = [("1.6", path)];
    let (python, rust) = (python(&documents), rust(&documents));
    assert_eq!((python.status.code(), rust.status.code()), (Some(1), Some(1)));
    assert!(String::from_utf8_lossy(&python.stderr).contains("machine-learning-mood"));
    let said = String::from_utf8_lossy(&rust.stdout).into_owned();
    assert!(
        said.lines().any(|line| line.contains(": schema: ") && line.contains("machine-learning-mood")),
        "{said}"
    );
    assert!(said.contains("wrong-word") && said.contains("schema: not valid"), "{said}");
}

/// A folder without the schema of the document's version is an error, and never "valid".
#[test]
fn a_missing_schema_is_no_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/recordings/demo.cdx.json");
    let check = || {
        let mut validate = Command::new(env!("CARGO_BIN_EXE_aibom"));
        validate.args(["validate", "--schema"]).arg(folder.path()).arg(&demo).output().expect("start aibom")
    };
    for (file, word) in
        [(None, "no *.schema.json"), (Some("bom-1.5.schema.json"), "no schema of CycloneDX 1.6")]
    {
        if let Some(file) = file {
            fs::write(folder.path().join(file), "{}").expect("write");
        }
        let output = check();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(word), "{said}");
    }
    // A schema that refers to what is not there: nothing is fetched.
    fs::write(
        folder.path().join("bom-1.6.schema.json"),
        r#"{"$ref": "http://cyclonedx.org/schema/other.schema.json"}"#,
    )
    .expect("write");
    let output = check();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("other.schema.json"), "{said}");
}

fn biggest_foreign(root: &Path) -> PathBuf {
    root.join("interop/cyclonedx-py/bom.cdx.json")
}

fn python(documents: &[(&str, PathBuf)]) -> Output {
    let python = bom_testkit::trial::agents().join("validators/bin/python");
    let mut command = Command::new(&python);
    command.args(["-c", PYTHON]);
    for (version, path) in documents {
        command.arg(version).arg(path);
    }
    command.output().unwrap_or_else(|error| panic!("{}: {error}", python.display()))
}

fn rust(documents: &[(&str, PathBuf)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aibom"));
    command.arg("validate").arg("--schema").arg(schemas()).args(documents.iter().map(|(_, path)| path));
    command.output().expect("start aibom")
}

fn succeeded(output: &Output) {
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{}: {said:?}", output.status);
}
