//! `aibom inspect`: what is this file?

use std::{fs::File, path::Path};

use anyhow::Context as _;
use bom_core::{bom::escape, metadata::Extracted, package::ListedPackage};
use bom_extract::{FileInput, Limits, extract};

use crate::{
    arguments::Inspect,
    exit::Outcome,
    output::{Format, Style, columns, write},
};

pub(crate) fn inspect(arguments: &Inspect) -> anyhow::Result<Outcome> {
    let mut found = Vec::new();
    for path in &arguments.files {
        let extracted = inspect_file(path).with_context(|| format!("inspect {}", path.display()))?;
        found.push((path, extracted));
    }
    if arguments.output.is_empty() {
        let text: Vec<String> =
            found.iter().map(|(path, extracted)| human(path, extracted.as_ref())).collect();
        write(None, text.join("\n").as_bytes())?;
    }
    for target in &arguments.output {
        anyhow::ensure!(
            matches!(target.format, None | Some(Format::Json)),
            "`aibom inspect` writes json only: -o json=PATH"
        );
        let rows: Vec<_> = found
            .iter()
            .map(|(path, extracted)| serde_json::json!({"path": shown(path), "content": extracted}))
            .collect();
        let mut bytes = serde_json::to_vec_pretty(&rows)?;
        bytes.push(b'\n');
        write(target.path.as_deref(), &bytes)?;
    }
    Ok(Outcome::Fine)
}

fn inspect_file(path: &Path) -> anyhow::Result<Option<Extracted>> {
    let known = std::fs::metadata(path)?;
    anyhow::ensure!(known.is_file(), "not a regular file");
    let file = File::open(path)?;
    Ok(extract(&FileInput::new(&file, known.len()), &Limits::default())?)
}

fn shown(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    escape(path.as_os_str().as_bytes()).text
}

fn human(path: &Path, extracted: Option<&Extracted>) -> String {
    let clean = |text: &str| escape(text.as_bytes()).text;
    let Some(extracted) = extracted else { return format!("{}: no format aibom knows\n", shown(path)) };
    let mut rows = Vec::new();
    let mut row = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            rows.push(vec![name.to_owned(), clean(&value)]);
        }
    };
    if let Some(model) = &extracted.model {
        row("name (claimed)", model.name.clone());
        row("architecture", model.architecture.clone());
        row("format version", model.format_version.clone());
        row("parameters", model.parameter_count.map(|count| count.to_string()));
        row("tensors", model.tensor_count.map(|count| count.to_string()));
        row("data type", model.dtype.clone());
        row("quantization", model.quantization.clone());
        row("context length", model.context_length.map(|length| length.to_string()));
        row("producer", model.producer.clone());
        for (name, value) in &model.claimed {
            row(&format!("{name} (claimed)"), Some(value.clone()));
        }
    }
    if let Some(elf) = &extracted.elf {
        row("machine", Some(elf.machine.clone()));
        row("soname", elf.soname.clone());
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
    for issue in &extracted.issues {
        row("issue", Some(issue.detail.clone()));
    }
    format!("{}: {}\n{}", shown(path), extracted.kind, columns(&["", ""], rows, Style::PLAIN))
}
