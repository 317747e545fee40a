//! One run of one program, and what it left.

use std::{fs, path::Path, sync::OnceLock};

use bom_testkit::trial;
use serde_json::Value;

use crate::{
    document::{list, text},
    inside,
    rows::{Interpreter, Program},
};

pub(crate) struct Session {
    pub(crate) program: &'static Program,
    pub(crate) document: Value,
    /// What each interpreter of the run wrote of itself.
    pub(crate) truths: Vec<Value>,
    /// Lines of the world's log.
    pub(crate) log: Vec<Value>,
}

/// The session of a program, made by the first trial that asks for it.
pub(crate) struct Shared {
    program: &'static Program,
    session: OnceLock<Result<Session, String>>,
}

impl Shared {
    pub(crate) const fn new(program: &'static Program) -> Self {
        Self { program, session: OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Result<&Session, String> {
        let run = || run(self.program).map_err(|error| format!("the run of {}: {error}", self.program.name));
        self.session.get_or_init(run).as_ref().map_err(Clone::clone)
    }
}

impl Session {
    /// Everything of this kind that the interpreters said of themselves: ecosystem and object.
    pub(crate) fn said(&self, kind: &'static str) -> impl Iterator<Item = (&'static str, &Value)> {
        self.truths.iter().flat_map(move |truth| {
            let ecosystem = if truth["language"] == "python" { "pypi" } else { "npm" };
            list(&truth[kind]).map(move |package| (ecosystem, package))
        })
    }
}

fn run(program: &'static Program) -> Result<Session, Box<dyn std::error::Error>> {
    let folder = inside::folder(&format!("programs-{}", program.name))?;
    let truth = folder.join("truth");
    fs::create_dir(&truth)?;
    let home = trial::agents().canonicalize()?.join("programs");
    let (document, log, state) = (folder.join("bom.json"), folder.join("world.jsonl"), home.join("state"));
    let mut aibom = inside::aibom(Some(&log));
    // Nothing of the person who runs the tests, and nothing that is kept from run to run.
    aibom
        .env("HOME", &folder)
        .env("PROGRAM_TRUTH", &truth)
        .env_remove("PYTHONPATH")
        .env_remove("NODE_OPTIONS");
    aibom.args(["run", "-o"]).arg(&document).arg("--");
    match program.interpreter {
        Interpreter::Python(environment) => {
            let script = inside::sources().canonicalize()?.join("testdata/programs").join(program.script);
            aibom.arg(home.join(environment).join("bin/python")).arg("-B").arg(script);
        }
        // Node looks for packages above the program, so those for Node lie beside them.
        Interpreter::Node => {
            aibom.args(["node", "--import"]).arg(home.join("node/truth.mjs")).arg(home.join(program.script));
        }
    }
    let output = aibom.arg(&truth).arg(&state).output()?;
    fs::write(folder.join("stderr.txt"), &output.stderr)?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    let truths = truths(&truth)?;
    if truths.is_empty() {
        return Err(format!("no interpreter wrote into {}", truth.display()).into());
    }
    let log = fs::read_to_string(&log)?;
    Ok(Session {
        program,
        document: serde_json::from_slice(&fs::read(&document)?)?,
        truths,
        log: log.lines().map(serde_json::from_str).collect::<Result<_, _>>()?,
    })
}

fn truths(folder: &Path) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let mut truths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            return Err(format!("{}: an interpreter ended while it wrote", path.display()).into());
        }
        truths.push(serde_json::from_slice::<Value>(&fs::read(&path)?)?);
    }
    truths.sort_by_key(|truth| text(&truth["program"]).to_owned());
    Ok(truths)
}
