//! The programs of the bypass suite that need nothing but a kernel. Their table came with them: `testdata/bypass` says
//! what each does, and what has to be seen of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, ExitCode},
};

use crate::{judge::Observation, line::Verdict};

const PROGRAMS: &str = "/bypass";
const TABLE: &str = "/bypass/rows.tsv";
const FOLDER: &str = "/tmp/bypass";
/// Where [`all`] writes what became of each program.
pub(crate) const LEDGER: &str = "/run/bypass";
/// What a program says that this kernel cannot run.
const NOT_HERE: i32 = 77;

/// A row whose program is there.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    class: String,
    facts: Vec<String>,
    hooks: BTreeSet<String>,
    gaps: Vec<String>,
}

impl Row {
    fn folder(&self) -> String {
        format!("{FOLDER}/{}", self.id)
    }

    /// In the model's header; nobody else has it.
    fn name(&self) -> String {
        format!("{}-vm", self.id.replace('_', "-"))
    }

    fn model(&self) -> String {
        format!("{}/{}.safetensors", self.folder(), self.name())
    }

    fn fill(&self, text: &str) -> String {
        text.replace("{name}", &self.name())
            .replace("{folder}", &self.folder())
            .replace("{model}", &self.model())
    }
}

/// The rows; none if the machine was made without them.
pub(crate) fn rows() -> Vec<Row> {
    let table = fs::read_to_string(TABLE).unwrap_or_default();
    let mut groups: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut rows = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        match columns.as_slice() {
            [group, hooks] if group.starts_with('@') => {
                groups.insert(group, hooks.split(' ').map(str::to_owned).collect());
            }
            [id, _, class, facts, hooks, gaps, _] if Path::new(PROGRAMS).join(id).exists() => {
                let hooks = hooks.split(' ').flat_map(|hook| match groups.get(hook) {
                    Some(members) => members.clone(),
                    None => BTreeSet::from([hook.to_owned()]),
                });
                rows.push(Row {
                    id: (*id).to_owned(),
                    class: (*class).to_owned(),
                    facts: facts.split("; ").map(str::to_owned).collect(),
                    hooks: hooks.collect(),
                    gaps: gaps.split(' ').filter(|gap| *gap != "-").map(str::to_owned).collect(),
                });
            }
            _ => {}
        }
    }
    rows
}

/// A folder and a model for each.
pub(crate) fn place(rows: &[Row]) -> io::Result<()> {
    for row in rows {
        // What an earlier run left there would be taken for this one's.
        let _ = fs::remove_dir_all(row.folder());
        fs::create_dir_all(row.folder())?;
        fs::write(row.model(), safetensors(&row.name()))?;
    }
    Ok(())
}

/// A header with the name, and one tensor of 16 KiB: reads past the page cache need whole blocks.
fn safetensors(name: &str) -> Vec<u8> {
    let header = format!(
        r#"{{"__metadata__":{{"bypass":"{name}"}},"t":{{"dtype":"F32","shape":[4096],"data_offsets":[0,16384]}}}}"#
    );
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend([0; 16_384]);
    bytes
}

/// One program after the other; the ledger says how each ended.
pub(crate) fn all() -> ExitCode {
    let mut ledger = String::new();
    for row in rows() {
        let program = Path::new(PROGRAMS).join(&row.id);
        let outcome = match Command::new(program).args([row.model(), row.name(), row.folder()]).output() {
            // A kernel without 32-bit programs.
            Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => format!("impossible {error}"),
            Err(error) => format!("failed {error}"),
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', " ");
                match (output.status.code(), output.status.signal()) {
                    (Some(0), _) => "done".to_owned(),
                    (Some(NOT_HERE), _) => format!("impossible {said}"),
                    (code, signal) => format!("failed code {code:?} signal {signal:?}: {said}"),
                }
            }
        };
        ledger.push_str(&format!("{} {outcome}\n", row.id));
    }
    match fs::write(LEDGER, ledger) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{LEDGER}: {error}");
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn verdict(observation: &Observation, row: &Row) -> (Verdict, String) {
    match observation.ledger.get(&row.id).map(|line| line.split_once(' ').unwrap_or((line, ""))) {
        Some(("done", _)) => {}
        Some(("impossible", why)) => return (Verdict::Impossible, why.to_owned()),
        Some((_, why)) => return (Verdict::Failed, format!("the program itself failed: {why}")),
        None => return (Verdict::Failed, "the program left no line".to_owned()),
    }
    let mut seen = Vec::new();
    for fact in &row.facts {
        match found(observation, row, fact) {
            Some(how) => seen.push(how),
            None => return absent(observation, row, fact),
        }
    }
    seen.sort();
    seen.dedup();
    (Verdict::Seen, seen.join("; "))
}

fn found(observation: &Observation, row: &Row, fact: &str) -> Option<String> {
    let (word, path) = fact.split_once(' ').unwrap_or((fact, ""));
    let path = row.fill(path);
    match word {
        "model" => {
            observation.model(("aibom:claim:bypass", &row.name()), (!path.is_empty()).then_some(&path))
        }
        "program" => observation.occurrence("application", |place| place == path),
        "file" => observation
            .occurrence("application", |place| place == path)
            .or_else(|| observation.anywhere(&path).then(|| "named".to_owned())),
        _ => None,
    }
}

/// The gap of files in memory that were opened in one of the ways that only their reading shows.
const MEMORY_FILE: &str = "suspected:memory-file";

/// Declared by name as unreadable, by a gap that the row names, or by one that a probe leaves which this kernel refused.
fn absent(observation: &Observation, row: &Row, fact: &str) -> (Verdict, String) {
    let gaps = observation.gaps_of(&row.class);
    // A slow machine looks at a file after its namespace is gone; then the document names the file and says so.
    let place = format!(": {}", row.fill(fact.split_once(' ').map_or("", |(_, path)| path)));
    if let Some(unresolved) = observation.unresolved().into_iter().find(|line| line.ends_with(&place))
        && gaps.contains(&"unreadable-files")
    {
        let why = unresolved.strip_suffix(&place).unwrap_or(unresolved);
        return (Verdict::Declared, format!("unreadable-files ({why})"));
    }
    let named = |gap: &&&str| {
        row.gaps.iter().any(|known| match known.strip_suffix('*') {
            Some(start) => gap.starts_with(start),
            None => *gap == known,
        })
    };
    let probes = observation.probes();
    let refused: Vec<&str> = row
        .hooks
        .iter()
        .map(String::as_str)
        .filter(|hook| probes.get(hook).is_some_and(|state| *state != "attached"))
        .collect();
    let left = |gap: &&&str| {
        refused.iter().any(|hook| {
            **gap == format!("probe-missing:{hook}")
                || hook.starts_with("io_uring") && gap.starts_with("unwatched:io-uring")
        })
    };
    // All files of this machine lie in memory, where reading does not show: what is found by that alone is not found here.
    let by_reading = row.hooks.contains("mm_filemap_get_pages");
    let memory = |gap: &&&str| by_reading && **gap == MEMORY_FILE;
    let gap = gaps.iter().find(named).or_else(|| gaps.iter().find(left)).or_else(|| gaps.iter().find(memory));
    match gap {
        Some(gap) => (Verdict::Declared, (*gap).to_owned()),
        None => (Verdict::Failed, format!("{fact} is absent, and no gap covers it: {}", gaps.join(" "))),
    }
}
