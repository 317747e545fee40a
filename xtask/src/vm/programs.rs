//! The programs of the bypass suite that need nothing but a kernel: no peer, no other process that hands them something,
//! no shared library. `testdata/bypass/rows.tsv` says what each is and what has to be seen of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::fetch;
use super::processor::Processor;
use crate::process;
use crate::workspace::Workspace;

/// The table, from the root of the checkout; inside the machine it is `bypass/rows.tsv`.
const FOLDER: &str = "testdata/bypass";

/// What a row must not need.
const NOT_ALONE: &[&str] = &["library", "dynamic", "stdin-file", "stdin-pipe", "alone", "fuse"];
/// What has to be found of it can be told from the document without a network.
const FACTS: &[&str] = &["model", "program", "file"];
/// Programs that a process outside of their own has to help, and floods, which an emulated machine cannot end in time.
const LEFT_OUT: &[&str] = &[
    "flood_",
    "fd_",
    "content_proc_mem",
    "content_process_vm_readv",
    "content_pipe",
    "content_shared_memory",
    "net_",
    "name_",
];

/// Path in the machine and content of the table and of every program.
pub(super) fn all(workspace: &Workspace, processor: Processor) -> Result<Vec<(String, Vec<u8>)>> {
    let folder = workspace.root().join(FOLDER);
    let table = read(&folder.join("rows.tsv"))?;
    let text = String::from_utf8_lossy(&table).into_owned();
    let mut files = vec![("bypass/rows.tsv".to_owned(), table)];
    for (id, flags) in text.lines().filter_map(wanted) {
        // Assembly is of one processor.
        if processor == Processor::Amd64 || !flags.contains(&"-nostdlib") {
            files.push((format!("bypass/{id}"), build(workspace, processor, &folder, id, flags)?));
        }
    }
    Ok(files)
}

/// A row's program and how it is built, if it can run in there.
fn wanted(line: &str) -> Option<(&str, &'static [&'static str])> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [id, given, _, facts, ..] = columns.as_slice() else { return None };
    if line.starts_with(['#', '@']) || LEFT_OUT.iter().any(|start| id.starts_with(start)) {
        return None;
    }
    let given: Vec<&str> = given.split(',').collect();
    if given.iter().any(|word| NOT_ALONE.contains(word)) {
        return None;
    }
    let words = facts.split("; ").map(|fact| fact.split(' ').next().unwrap_or_default());
    if !words.into_iter().all(|word| FACTS.contains(&word)) {
        return None;
    }
    let flags: &[&str] = if given.contains(&"bare32") {
        &["-m32", "-nostdlib", "-static"]
    } else if given.contains(&"bare") {
        &["-nostdlib", "-static"]
    } else {
        &["-O1", "-pthread", "-static"]
    };
    Some((id, flags))
}

/// Builds one, unless it was built from the same text already.
fn build(
    workspace: &Workspace,
    processor: Processor,
    folder: &Path,
    id: &str,
    flags: &[&str],
) -> Result<Vec<u8>> {
    let extension = if flags.contains(&"-nostdlib") { "S" } else { "c" };
    let source = folder.join(format!("{id}.{extension}"));
    let out = fetch::folder(workspace).join("bypass").join(processor.debian());
    fs::create_dir_all(&out).with_context(|| format!("failed to create {}", out.display()))?;
    let (program, stamp) = (out.join(id), out.join(format!("{id}.made-from")));
    let inputs = [flags.join(" ").into_bytes(), headers(folder)?, read(&source)?].concat();
    let fresh = program.is_file() && fs::read(&stamp).is_ok_and(|made_from| made_from == inputs);
    if !fresh {
        let mut gcc = Command::new(processor.gcc());
        gcc.arg("-s").arg("-o").arg(&program).arg(&source).args(flags);
        process::run(&mut gcc)?;
        fs::write(&stamp, &inputs).with_context(|| format!("failed to write {}", stamp.display()))?;
    }
    read(&program)
}

/// The text of all headers, in the order of their names.
fn headers(folder: &Path) -> Result<Vec<u8>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("failed to list {}", folder.display()))? {
        let path = entry.with_context(|| format!("failed to list {}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "h") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut text = Vec::new();
    for path in paths {
        text.extend(read(&path)?);
    }
    Ok(text)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("failed to read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_programs_that_need_nothing_but_a_kernel() {
        for (name, line, expected) in [
            ("plain", "open_openat\t-\tmodels\tmodel {model}\tsys_exit_openat\t-\tmust", Some("-O1")),
            ("bare", "raw_static\tbare\tmodels\tmodel {model}\tx\t-\tmust", Some("-nostdlib")),
            ("compat", "compat_program\toptional,bare32\tmodels\tmodel {model}\tx\t-\tmust", Some("-m32")),
            (
                "several_facts",
                "a\t-\tprograms\tprogram {folder}/second; model {model}\tx\t-\tmust",
                Some("-O1"),
            ),
            ("endpoint", "b\t-\tendpoints\ttcp 203.0.113.7 443\tx\t-\tmust", None),
            ("model_and_endpoint", "c\t-\tmodels\tmodel; tcp 203.0.113.7 8080\tx\t-\tmust", None),
            ("helped", "fd_scm_rights\t-\tmodels\tmodel {model}\tx\t-\tmust", None),
            ("library", "library_received\tlibrary\tlibraries\tmodel\tx\t-\tmust", None),
            ("input", "d\tstdin-file\tmodels\tmodel\tx\t-\tmust", None),
            ("comment", "# id\tgiven\tclass\tfacts", None),
            ("group", "@tcp\titer_tcp", None),
        ] {
            let first = wanted(line).and_then(|(_, flags)| flags.first().copied());
            assert_eq!(first, expected, "{name}");
        }
    }
}
