//! The official JSON schemas, by a validator that is not ours (PyPI cyclonedx-python-lib).

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use bom_testkit::trial::{self, Failed};

use crate::{
    bom::{Bom, properties, text},
    inside,
    session::session,
};

/// Arguments are pairs: version, path. Everything wrong is one line on stderr.
const VALIDATE: &str = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
wrong = 0
for version, path in zip(sys.argv[1::2], sys.argv[2::2]):
    with open(path, encoding='utf-8') as file:
        error = JsonStrictValidator(SchemaVersion[version]).validate_str(file.read())
    if error:
        wrong += 1
        print(path, version, str(error)[:2000], file=sys.stderr)
sys.exit(wrong)
";

pub(crate) fn accepts_the_demo() -> Result<(), Failed> {
    let session = session()?;
    let folder = inside::folder("demo-versions")?;
    let mut replay = Command::new(env!("CARGO_BIN_EXE_aibom"));
    replay.arg("replay").arg(&session.recording);
    let mut pairs = vec![("V1_6", session.document.clone())];
    for (version, name) in [("V1_5", "1.5"), ("V1_6", "1.6"), ("V1_7", "1.7")] {
        let path = folder.join(format!("{name}.json"));
        replay.arg("-o").arg(format!("cyclonedx-{name}={}", path.display()));
        pairs.push((version, path));
    }
    succeeded(&replay.output()?)?;
    for (version, path) in &pairs {
        let said: serde_json::Value = serde_json::from_slice(&fs::read(path)?)?;
        if version.replace("V1_", "1.") != text(&said["specVersion"]) {
            return Err(format!("{} says {}", path.display(), said["specVersion"]).into());
        }
        succeeded(&validate(version, path)?)?;
    }
    Ok(())
}

/// A program without any AI: a valid document that says what it watched and claims nothing.
pub(crate) fn accepts_a_run_of_true() -> Result<(), Failed> {
    let folder = inside::folder("demo-true")?;
    let path = folder.join("true.cdx.json");
    let mut run = Command::new(env!("CARGO_BIN_EXE_aibom"));
    succeeded(&run.arg("run").arg("-o").arg(&path).args(["--", "true"]).output()?)?;
    succeeded(&validate("V1_6", &path)?)?;
    let bom = Bom::read(&fs::read(&path)?)?;
    let facts =
        bom.of_type("machine-learning-model").chain(bom.python_packages()).chain(bom.services()).count();
    if facts != 0 {
        return Err(format!("{facts} models, packages and endpoints of `true`").into());
    }
    let programs: Vec<&str> = bom.of_type("application").map(|program| text(&program["name"])).collect();
    if programs != ["true"] {
        return Err(format!("programs: {programs:?}").into());
    }
    for class in ["models", "libraries", "packages", "endpoints", "programs"] {
        if properties(bom.subject(), &format!("aibom:coverage:{class}")).is_empty() {
            return Err(format!("no word on how far {class} were watched").into());
        }
    }
    Ok(())
}

/// The validator is one: it finds a word that the specification does not have.
pub(crate) fn refuses_a_broken_bom() -> Result<(), Failed> {
    let document = fs::read_to_string(&session()?.document)?;
    let broken = document.replacen("\"machine-learning-model\"", "\"machine-learning-mood\"", 1);
    if broken == document {
        return Err("there was nothing to break".into());
    }
    let path = inside::folder("demo-broken")?.join("broken.cdx.json");
    fs::write(&path, broken)?;
    let output = validate("V1_6", &path)?;
    if output.status.code() != Some(1)
        || !String::from_utf8_lossy(&output.stderr).contains("machine-learning-mood")
    {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(())
}

fn validate(version: &str, path: &Path) -> Result<Output, Failed> {
    let python = trial::agents().join("validators/bin/python");
    let output = Command::new(&python).args(["-c", VALIDATE, version]).arg(path).output();
    output.map_err(|error| format!("{}: {error}", python.display()).into())
}

fn succeeded(output: &Output) -> Result<(), Failed> {
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}
