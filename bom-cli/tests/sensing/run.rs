//! One observed run, and what its document says of the file.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use bom_testkit::{synth, trial::Failed};
use serde_json::Value;

/// A folder with a model in it, removed on drop.
pub(crate) struct Scene {
    folder: tempfile::TempDir,
    pub(crate) model: PathBuf,
}

impl Scene {
    /// In the folder for temporary files, or below another one.
    pub(crate) fn new(below: Option<&Path>) -> Result<Self, Failed> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("sensing-");
        let folder = match below {
            Some(below) => builder.tempdir_in(below)?,
            None => builder.tempdir()?,
        };
        let folder_path = folder.path().canonicalize()?;
        let model = folder_path.join("weights");
        // Larger than a page, so that every way to it works on it.
        fs::write(&model, synth::safetensors().tensor("large", "F32", &[64, 64], 16_384).build())?;
        Ok(Self { folder, model })
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// What is said of one model.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) places: BTreeSet<String>,
    pub(crate) strength: String,
    pub(crate) probes: BTreeSet<u16>,
}

/// One document.
#[derive(Debug)]
pub(crate) struct Observed(pub(crate) Value);

/// Observes the command with this standard input; it has to end well.
pub(crate) fn observe(
    command: Vec<OsString>,
    options: &[&str],
    input: Option<File>,
) -> Result<Observed, Failed> {
    let mut aibom = aibom(command, options);
    aibom.stdin(input.map_or_else(Stdio::null, Stdio::from));
    document(aibom)
}

/// `aibom run`, its document to come from the standard output.
pub(crate) fn aibom(command: Vec<OsString>, options: &[&str]) -> Command {
    let mut aibom = Command::new(env!("CARGO_BIN_EXE_aibom"));
    aibom.args(["run", "-q", "-o", "-"]).args(options).arg("--").args(command);
    aibom
}

/// What it came to.
pub(crate) fn document(mut aibom: Command) -> Result<Observed, Failed> {
    let output = aibom.output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(Observed(serde_json::from_slice(&output.stdout)?))
}

impl Observed {
    /// What is said of the only model; `None` if there is none.
    pub(crate) fn model(&self) -> Result<Option<Seen>, Failed> {
        let all = self.0["components"].as_array().ok_or("no components")?;
        let models: Vec<&Value> =
            all.iter().filter(|component| component["type"] == "machine-learning-model").collect();
        let [model] = models[..] else {
            return if models.is_empty() { Ok(None) } else { Err("several models".into()) };
        };
        let occurrences = model["evidence"]["occurrences"].as_array().ok_or("no occurrences")?;
        let text = |occurrence: &Value, name: &str| occurrence[name].as_str().unwrap_or_default().to_owned();
        let mut seen = Seen { places: BTreeSet::new(), strength: String::new(), probes: BTreeSet::new() };
        for occurrence in occurrences {
            seen.places.insert(text(occurrence, "location"));
            let context = text(occurrence, "additionalContext");
            let strength = context.split(' ').find_map(|word| word.strip_prefix("strength="));
            seen.strength = strength.unwrap_or_default().to_owned();
            // evidence:<epoch>:<probes>:<first>-<last>:<count>:…
            let reference = text(occurrence, "bom-ref");
            let probes = reference.split(':').nth(2).unwrap_or_default().to_owned();
            seen.probes.extend(probes.split('+').filter_map(|number| number.parse::<u16>().ok()));
        }
        Ok(Some(seen))
    }

    /// Classes that have the gap.
    pub(crate) fn classes(&self, gap: &str) -> BTreeSet<&str> {
        let properties = self.0["metadata"]["component"]["properties"].as_array().into_iter().flatten();
        let with = properties.filter(|property| property["value"] == gap);
        let names = with.filter_map(|property| property["name"].as_str());
        names.filter_map(|name| name.strip_prefix("aibom:coverage:")?.strip_suffix(":gap")).collect()
    }
}
