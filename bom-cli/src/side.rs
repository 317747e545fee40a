//! The two sides of a comparison: files, folders and stdin become bytes, and bytes what is declared or observed.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use bom_core::{
    bom,
    declared::Declared,
    diff::{self, Observed},
    identify::catalog::Catalog,
    manifest::{self, Source, yaml::Limits},
};

/// Files of one input; more are a mistake (a home folder) and not a deployment.
const MOST_FILES: usize = 50_000;
/// Bytes of all of them.
const MOST_BYTES: usize = 512 << 20;
/// Folders within folders.
const DEEPEST: usize = 32;

/// A file's bytes, and a name for it.
struct Input {
    name: String,
    bytes: Vec<u8>,
    /// Named by the user, not found in a folder.
    named: bool,
}

/// The user's rows, then the built-in ones.
pub(crate) fn catalog(files: &[PathBuf]) -> anyhow::Result<Catalog> {
    let mut catalog = Catalog::default();
    for path in files {
        let bytes = read(path)?;
        let text = String::from_utf8(bytes).with_context(|| format!("read {}", path.display()))?;
        catalog.extend(Catalog::parse(&text).with_context(|| format!("read {}", path.display()))?);
    }
    catalog.extend(Catalog::built_in());
    Ok(catalog)
}

/// Reads both sides at once: each can be a large document.
pub(crate) fn both(
    declared: &[PathBuf],
    observed: &Path,
    catalog: &Catalog,
) -> anyhow::Result<(Declared, Observed)> {
    std::thread::scope(|scope| {
        let seen = scope.spawn(|| self::observed(observed, catalog));
        let said = self::declared(declared, catalog);
        let seen = seen.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Of two errors the same one each time.
        Ok((said?, seen?))
    })
}

/// Reads what was declared: manifests, `aibom.yaml`, or documents.
pub(crate) fn declared(paths: &[PathBuf], catalog: &Catalog) -> anyhow::Result<Declared> {
    let mut inputs = Vec::new();
    let mut budget = MOST_BYTES;
    for path in paths {
        collect(path, 0, &mut inputs, &mut budget)?;
    }
    let mut declared = Declared::default();
    let mut sources = Vec::new();
    for input in &inputs {
        if bom::read::format_of(&input.bytes).is_none() {
            sources.push(Source { name: &input.name, bytes: &input.bytes });
        } else if input.named {
            let read = bom::read::any(&input.bytes).with_context(|| format!("read {}", input.name))?;
            let found = diff::declared_of(&read.bom, &input.name, &input.bytes, catalog);
            declared.workloads.extend(found.workloads);
            declared.tools.extend(found.tools);
            declared.other += found.other;
            declared.documents += found.documents;
            declared.issues.extend(diff::unpinned_of(&read.issues, &input.name));
        } else {
            // What lies in a deploy folder may be what was observed: that must not declare itself.
            *declared.other_kinds.entry("CycloneDX or SPDX document in a folder".to_owned()).or_default() +=
                1;
        }
    }
    let found = manifest::read(&sources, catalog, &Limits::default())?;
    declared.documents += found.documents;
    declared.issues.extend(found.issues);
    declared.other_kinds.extend(found.other_kinds);
    declared.workloads.extend(found.workloads);
    declared.workloads.sort_by(|a, b| (&a.id, &a.place).cmp(&(&b.id, &b.place)));
    Ok(declared)
}

/// Reads what was observed: a document.
pub(crate) fn observed(path: &Path, catalog: &Catalog) -> anyhow::Result<Observed> {
    let bytes = read(path)?;
    let name = shown(path);
    let read = bom::read::any(&bytes).with_context(|| format!("read {name}"))?;
    let unread = diff::unread_of(&read.issues);
    Ok(Observed { unread, ..diff::observed_of(&read.bom, &name, catalog) })
}

/// A whole file or stdin, within the limit.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut budget = MOST_BYTES;
    read_within(path, &mut budget)
}

fn read_within(path: &Path, budget: &mut usize) -> anyhow::Result<Vec<u8>> {
    let raw: Box<dyn io::Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("read {}", path.display()))?)
    };
    let mut bytes = Vec::new();
    let limit = u64::try_from(*budget).unwrap_or(u64::MAX).saturating_add(1);
    raw.take(limit).read_to_end(&mut bytes).with_context(|| format!("read {}", path.display()))?;
    *budget = budget
        .checked_sub(bytes.len())
        .with_context(|| format!("read {}: the input is larger than {MOST_BYTES} bytes", path.display()))?;
    Ok(bytes)
}

/// Files of a folder in the order of their names. Links to folders are not followed, and hidden folders are not entered.
fn collect(path: &Path, depth: usize, into: &mut Vec<Input>, budget: &mut usize) -> anyhow::Result<()> {
    if path == Path::new("-") || !path.is_dir() {
        into.push(Input { name: shown(path), bytes: read_within(path, budget)?, named: true });
        return Ok(());
    }
    anyhow::ensure!(depth < DEEPEST, "read {}: more than {DEEPEST} folders deep", path.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).with_context(|| format!("read {}", path.display()))? {
        let entry = entry.with_context(|| format!("read {}", path.display()))?;
        entries.push((entry.path(), entry.file_type()?));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, kind) in entries {
        let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
        if kind.is_dir() {
            if !name.starts_with('.') && name != "node_modules" {
                collect(&path, depth + 1, into, budget)?;
            }
            continue;
        }
        let wanted = [".yaml", ".yml", ".json"].iter().any(|ending| name.to_lowercase().ends_with(ending));
        if wanted && path.is_file() {
            anyhow::ensure!(into.len() < MOST_FILES, "read {}: more than {MOST_FILES} files", path.display());
            into.push(Input { name: shown(&path), bytes: read_within(&path, budget)?, named: false });
        }
    }
    Ok(())
}

/// A path for people; not escaped.
pub(crate) fn shown(path: &Path) -> String {
    if path == Path::new("-") { "stdin".to_owned() } else { path.to_string_lossy().into_owned() }
}
