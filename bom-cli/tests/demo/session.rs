//! The one live run that most trials look at.

use std::{fs, path::PathBuf, sync::OnceLock};

use bom_testkit::trial;
use serde_json::Value;

use crate::{bom::Bom, inside};

/// What the run left.
pub(crate) struct Session {
    pub(crate) bom: Bom,
    /// The BOM as written.
    pub(crate) document: PathBuf,
    pub(crate) recording: PathBuf,
    /// What the agent says of itself: testdata/agents/demo/README.md.
    pub(crate) truth: Value,
}

/// Runs the agent at the first call.
pub(crate) fn session() -> Result<&'static Session, String> {
    static SESSION: OnceLock<Result<Session, String>> = OnceLock::new();
    SESSION
        .get_or_init(|| run("full").map_err(|error| format!("the run of the demo agent: {error}")))
        .as_ref()
        .map_err(Clone::clone)
}

/// Runs the agent in this profile.
pub(crate) fn run(profile: &str) -> Result<Session, Box<dyn std::error::Error>> {
    let folder = inside::folder(&format!("demo-{profile}"))?;
    let (document, recording) = (folder.join("agent.cdx.json"), folder.join("agent.aibomrec"));
    let agents = trial::agents().canonicalize()?;
    let output = inside::aibom(None)
        .args(["record", "--profile", profile, "--to"])
        .arg(&recording)
        .arg("-o")
        .arg(&document)
        .arg("--")
        .arg(agents.join("venv/bin/python"))
        .arg(inside::sources().canonicalize()?.join("testdata/agents/demo/agent.py"))
        .arg("--state")
        .arg(agents.join("state"))
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    fs::write(folder.join("stderr.txt"), &output.stderr)?;
    if !output.status.success() {
        return Err(format!("{}: {said}", output.status).into());
    }
    let truth = serde_json::from_slice(&output.stdout)?;
    let bom = Bom::read(&fs::read(&document)?)?;
    Ok(Session { bom, document, recording, truth })
}
