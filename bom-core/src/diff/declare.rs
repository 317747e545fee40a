//! `aibom declare`: the declaration that would leave nothing to find, for a person to read.

use std::fmt::Write as _;

use super::{Observed, Subject, declaration::API_VERSION};
use crate::bom::{Purl, is_hidden};
use crate::declared::{Item, Kind};

/// What goes into it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Shared libraries as well. They are many, and change with every update of the base image.
    pub libraries: bool,
}

const OPENING: &str = "\
# What was observed, as a declaration. Nobody has looked at it yet: read it, take out what should not be there,
# and then say so below. `aibom diff` fails with `declaration-unreviewed` until somebody has.
# Each list is complete: what is used and not on it is a finding. Leave a list out to say nothing of its class.
# yaml-language-server: $schema=./aibom-declaration.schema.json
";

/// Writes the declaration of documents.
pub fn declare(observed: &[Observed], options: Options) -> String {
    let mut text = String::from(OPENING);
    let _ = writeln!(
        text,
        "apiVersion: {API_VERSION}\nkind: Declaration\nreviewed: false\nreviewer: \"\"\ndate: \"\"\nworkloads:"
    );
    for document in observed {
        for subject in &document.subjects {
            workload(&mut text, subject, options);
        }
    }
    text
}

fn workload(text: &mut String, subject: &Subject, options: Options) {
    let _ = writeln!(text, "  - name: {}", quoted(&subject.id.name));
    let _ = writeln!(text, "    kind: {}", quoted(&subject.id.kind));
    if !subject.aliases.is_empty() {
        let names: Vec<String> = subject.aliases.iter().map(|name| quoted(name)).collect();
        let _ = writeln!(text, "    observedAs: [{}]", names.join(", "));
    }
    let lists = [
        ("models", Kind::Model),
        ("adapters", Kind::Adapter),
        ("data", Kind::Data),
        ("packages", Kind::Package),
        ("code", Kind::Code),
        ("libraries", Kind::Library),
        ("endpoints", Kind::Endpoint),
        ("programs", Kind::Program),
        ("mcpServers", Kind::McpServer),
    ];
    for (name, kind) in lists {
        let mut items: Vec<&Item> = subject.items.iter().filter(|item| item.kind == kind).collect();
        if kind == Kind::Library && !options.libraries {
            continue;
        }
        // An empty list of models says that there are none, which is worth saying; of adapters it is the same class.
        let said = matches!(kind, Kind::Model | Kind::Endpoint);
        if items.is_empty() {
            if said {
                let _ = writeln!(text, "    {name}: []");
            }
            continue;
        }
        items.sort();
        let _ = writeln!(text, "    {name}:");
        for item in items {
            thing(text, item);
        }
    }
}

fn thing(text: &mut String, item: &Item) {
    let mut first = true;
    let mut line = |key: &str, value: String| {
        let _ = writeln!(text, "      {} {key}: {value}", if first { "-" } else { " " });
        first = false;
    };
    let generic = |purl: &&Purl| !purl.as_str().starts_with("pkg:generic/");
    line("name", quoted(&item.name));
    match item.purl.as_ref().filter(generic) {
        Some(purl) => line("purl", quoted(purl.as_str())),
        None => {
            if let Some(version) = &item.version {
                line("version", quoted(version));
            }
        }
    }
    for digest in item.whole.iter().chain(&item.digests) {
        let algorithm = digest.algorithm().to_string().to_lowercase().replacen("sha-", "sha", 1);
        if matches!(algorithm.as_str(), "sha256" | "sha512" | "blake3") {
            line("digest", quoted(&format!("{algorithm}:{}", digest.hex())));
            break;
        }
    }
    let is_model = matches!(item.kind, Kind::Model | Kind::Adapter | Kind::Data);
    if is_model {
        // What was not read cannot be pinned: nobody could tell whether the pin holds.
        if let Some(revision) = item.revision.as_ref().filter(|_| !item.unread) {
            line("revision", quoted(revision));
        }
        if let Some(quantization) = &item.quantization {
            line("quantization", quoted(quantization));
        }
        let licenses: Vec<String> = item.licenses.iter().map(|license| quoted(license)).collect();
        if !licenses.is_empty() {
            line("license", format!("[{}]", licenses.join(", ")));
        }
    }
    if is_model || matches!(item.kind, Kind::Program | Kind::Code) {
        let paths: Vec<String> = item.paths.iter().map(|path| quoted(path.as_str())).collect();
        if !paths.is_empty() {
            line("paths", format!("[{}]", paths.join(", ")));
        }
    }
    if let Some(host) = &item.host {
        line("host", quoted(host.as_str()));
    }
    if let Some(port) = item.port {
        line("port", port.to_string());
    }
    if let Some(provider) = &item.provider {
        line("provider", quoted(provider));
    }
    if item.kind == Kind::Package && item.role.is_some() && super::unmatched::has_ai_role(item) {
        line("role", quoted(item.role.as_deref().unwrap_or_default()));
    }
}

/// In double quotes, with everything that cannot be seen as an escape.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if is_hidden(c) => {
                let _ = match u32::from(c) {
                    code if code > 0xffff => write!(out, "\\U{code:08x}"),
                    code => write!(out, "\\u{code:04x}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
