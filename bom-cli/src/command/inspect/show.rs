//! Files as text and as JSON.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use bom_core::{
    bom::escape,
    fact::{Evidence, Strength},
    identify::{Model, Usage, join_adapters, join_sets, product},
    metadata::{Extracted, ModelMetadata},
    package::ListedPackage,
    path::SeenPath,
    stored::{Basis, Stored},
};
use serde_json::{Value, json};

use super::{look::Looked, parts};
use crate::output::{Style, bytes, columns, grouped};

/// One object for each file, `content` as in a recording.
pub(super) fn rows(looked: &[Looked]) -> Vec<Value> {
    let row = |file: &Looked| {
        let mut row = json!({"path": shown(&file.shown), "size": file.key.size, "content": file.content});
        if let Some(row) = row.as_object_mut() {
            if !file.origins.stored.is_empty() || file.origins.partial.is_some() {
                row.insert("store".to_owned(), json!(file.origins));
            }
            if file.part {
                row.insert("part_of_model".to_owned(), json!(true));
            }
            if let Some(digest) = &file.digest {
                row.insert("sha256".to_owned(), json!(digest));
                row.insert(
                    "sha256_source".to_owned(),
                    json!(if file.earlier { "read-earlier" } else { "read" }),
                );
            }
        }
        row
    };
    looked.iter().map(row).collect()
}

/// What was named by itself in full, what folders hold as a table.
pub(super) fn human(
    looked: &[Looked],
    formless: u64,
    other_kinds: u64,
    unread: &[(PathBuf, String)],
) -> String {
    let mut parts: Vec<String> = looked.iter().filter(|file| file.alone).map(one).collect();
    let inside: Vec<&Looked> = looked.iter().filter(|file| !file.alone).collect();
    if !inside.is_empty() || formless > 0 || other_kinds > 0 || !unread.is_empty() {
        parts.push(table(&inside, formless, other_kinds, unread.len()));
    }
    parts.join("\n")
}

fn one(file: &Looked) -> String {
    let path = shown(&file.shown);
    let Some(extracted) = &file.content else {
        let what = if file.part { "weights that a header refers to" } else { "no format aibom knows" };
        return format!("{path}: {what}\n");
    };
    let mut rows = Vec::new();
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            rows.push(vec![name.to_owned(), clean(&value)]);
        }
    };
    row("size", Some(bytes(file.key.size)));
    if let Some(model) = &extracted.model {
        header(&mut row, model);
    }
    if let Some(elf) = &extracted.elf {
        row("machine", Some(elf.machine.clone()));
        row("soname", elf.soname.clone());
        let path = SeenPath::new(file.path.as_os_str().as_bytes());
        row("product", product(elf, &BTreeSet::from([&path])).map(|product| product.to_string()));
        row("build-id", elf.build_id.clone());
        row("interpreter", elf.interp.clone());
        row("needs", (!elf.needed.is_empty()).then(|| elf.needed.join(" ")));
        row("symbol versions", (!elf.symbol_versions.is_empty()).then(|| elf.symbol_versions.join(" ")));
    }
    if let Some(code) = &extracted.code {
        let listed = |package: &ListedPackage| {
            let version = package.version.as_deref().unwrap_or("(no version)");
            format!("{} {} {version}", package.ecosystem.name(), package.name)
        };
        row("built by (claimed)", code.toolchain.clone());
        row("run by", code.interpreter.clone());
        row("is (claimed)", code.main.as_ref().map(listed));
        for engine in &code.engines {
            row("engine", Some(engine.clone()));
        }
        for language in &code.languages {
            row("code of", Some(language.name().to_owned()));
        }
        for package in &code.packages {
            row("contains (claimed)", Some(listed(package)));
        }
        row("members", code.opaque.then(|| "not all known".to_owned()));
    }
    row(if file.earlier { "sha-256 (read earlier)" } else { "sha-256 (read)" }, file.digest.clone());
    for stored in &file.origins.stored {
        store(&mut row, stored, file.digest.as_deref());
    }
    row("store", file.origins.partial.map(|reason| format!("not read in full: {}", reason.name())));
    for issue in &extracted.issues {
        row("issue", Some(issue.detail.clone()));
    }
    row("header", extracted.truncated.then(|| "read in part: a limit ended it".to_owned()));
    format!("{path}: {}\n{}", extracted.kind, columns(&["", ""], rows, Style::PLAIN))
}

fn header(row: &mut impl FnMut(&str, Option<String>), model: &ModelMetadata) {
    row("role", model.role.map(|role| role.as_str().to_owned()));
    row("name (claimed)", model.name.clone());
    row("architecture", model.architecture.clone());
    row("format version", model.format_version.clone());
    row("parameters", model.parameter_count.map(grouped));
    row("tensors", model.tensor_count.map(grouped));
    row("data type", model.dtype.clone());
    row("quantization", model.quantization.clone());
    row("context length", model.context_length.map(grouped));
    row("producer", model.producer.clone());
    for (name, value) in &model.hyperparameters {
        row(&format!("  {name}"), Some(value.clone()));
    }
    row("licence (claimed)", model.license.clone());
    row("author (claimed)", model.author.clone());
    for base in &model.base_models {
        row("base model (claimed)", Some(base.clone()));
    }
    for (name, value) in &model.claimed {
        row(&format!("{name} (claimed)"), Some(value.clone()));
    }
    for (name, template) in &model.templates {
        row("template", Some(format!("{name} sha256:{}", template.sha256)));
    }
    for file in &model.external_files {
        row("weights in", Some(file.clone()));
    }
    row("imports", (!model.imports.is_empty()).then(|| Vec::from_iter(model.imports.clone()).join(" ")));
}

fn store(row: &mut impl FnMut(&str, Option<String>), stored: &Stored, read: Option<&str>) {
    let how = match stored.basis {
        Basis::Record => "recorded",
        Basis::Path => "by its path",
    };
    row("store", Some(format!("{} ({how})", stored.store.as_str())));
    row("  name", stored.name.clone());
    row("  revision", stored.revision.clone());
    row(
        "  pointed at by",
        (!stored.references.is_empty()).then(|| Vec::from_iter(stored.references.clone()).join(" ")),
    );
    row("  file", stored.file.clone());
    row("  type", stored.media.clone());
    let digest = stored.digest.as_ref().map(|digest| {
        let verdict = match read.and_then(|read| digest.agrees(read)) {
            Some(true) => "the content has it",
            Some(false) => "THE CONTENT HAS ANOTHER",
            None => "not compared",
        };
        format!("{}:{} ({verdict})", digest.algorithm(), digest.hex())
    });
    row("  digest", digest);
}

fn table(inside: &[&Looked], formless: u64, other_kinds: u64, unread: usize) -> String {
    let (parts, files): (Vec<&Looked>, Vec<&Looked>) = inside.iter().partition(|file| file.part);
    let (models, rest): (Vec<&Looked>, Vec<&Looked>) =
        files.iter().partition(|file| file.content.as_ref().is_some_and(|content| content.model.is_some()));
    let mut joined: Vec<Model> = models.iter().filter_map(|file| model(file)).collect();
    let files = joined.len() + parts.len();
    join_sets(&mut joined);
    parts::join(&mut joined, &parts);
    join_adapters(&mut joined);
    joined.sort_by(|one, other| place(one).cmp(&place(other)));
    let rows: Vec<Vec<String>> = joined.iter().map(line).collect();
    let head =
        ["file", "format", "role", "architecture", "parameters", "size", "store", "sha-256", "by", "issues"];
    let mut text = if rows.is_empty() { String::new() } else { columns(&head, rows, Style::PLAIN) };
    let mut counts = vec![format!("{} models and data in {files} files", joined.len())];
    counts.push(format!("{} programs and libraries", rest.len()));
    counts.push(format!("{formless} files of no format aibom knows"));
    for (count, what) in
        [(other_kinds, "things that are no files"), (u64::try_from(unread).unwrap_or(u64::MAX), "not read")]
    {
        if count > 0 {
            counts.push(format!("{count} {what}"));
        }
    }
    text.push_str(&format!("  {}\n", counts.join(", ")));
    text
}

/// A file as the model it is, used by nobody but us.
pub(super) fn model(file: &Looked) -> Option<Model> {
    let content: Extracted = file.content.clone()?;
    let usage = Usage {
        subject: 0,
        program: 0,
        evidence: Evidence::once(Strength::Enumerated, 0, 0),
        probes: BTreeSet::new(),
        processes: BTreeSet::new(),
        paths: BTreeSet::from([SeenPath::new(file.shown.as_os_str().as_bytes())]),
        files: BTreeSet::from([file.key]),
    };
    Some(Model {
        digest: file.digest.clone(),
        earlier: file.earlier,
        files: BTreeSet::from([file.key]),
        metadata: content.model.clone()?,
        content,
        stored: file.origins.stored.clone(),
        parts: BTreeMap::new(),
        bases: BTreeSet::new(),
        python: None,
        deb: None,
        owners: BTreeSet::new(),
        uses: vec![usage],
    })
}

fn place(model: &Model) -> Option<&SeenPath> {
    model.uses.iter().flat_map(|usage| &usage.paths).next()
}

fn line(model: &Model) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let path = place(model).map_or_else(String::new, SeenPath::escaped);
    let file = match parts::count(model) {
        None => path,
        Some((met, all)) => format!("{path} ({met} of {all} files)"),
    };
    let recorded = bom_core::stored::sha256(&model.stored).filter(|_| !model.is_set());
    let (digest, by) = match (&model.digest, recorded) {
        (Some(digest), _) if model.earlier => (digest.as_str(), "read earlier"),
        (Some(digest), _) => (digest.as_str(), "read"),
        (None, Some(digest)) => (digest, "store"),
        (None, None) if model.parts.values().any(|part| part.digest.is_some()) => ("(of each)", "read"),
        (None, None) if model.parts.values().any(|part| part.recorded.is_some()) => ("(of each)", "store"),
        (None, None) => ("-", "-"),
    };
    let by = if model.contradicts_store() { format!("{by}, STORE DIFFERS") } else { by.to_owned() };
    let names: BTreeSet<String> = model
        .stored
        .iter()
        .map(|stored| {
            let name = stored.name.as_deref().unwrap_or(stored.store.as_str());
            let revision = stored.revision.as_deref().map(|text| text.trim_start_matches("sha256:"));
            let revision: Option<String> = revision.map(|text| text.chars().take(8).collect());
            clean(&revision.map_or_else(|| name.to_owned(), |revision| format!("{name}@{revision}")))
        })
        .collect();
    vec![
        file,
        model.metadata.format.to_string(),
        or_dash(model.metadata.role.map(|role| role.as_str().to_owned())),
        or_dash(model.metadata.architecture.as_deref().map(clean)),
        or_dash(model.metadata.parameter_count.map(grouped)),
        bytes(parts::size(model)),
        or_dash((!names.is_empty()).then(|| Vec::from_iter(names).join(" "))),
        digest.chars().take(12).collect(),
        by,
        or_dash((!model.content.issues.is_empty()).then(|| model.content.issues.len().to_string())),
    ]
}

pub(super) fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_bytes()).text
}

pub(super) fn clean(text: &str) -> String {
    escape(text.as_bytes()).text
}
