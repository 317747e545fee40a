//! Names as they are compared.

use std::collections::BTreeSet;

use crate::bom::Purl;
use crate::declared::{Item, Kind};

/// Package URL without version, qualifiers and path: what it is, not which one.
///
/// `generic` names nothing in the world, so it is no key.
pub(super) fn purl_key(purl: &Purl) -> Option<String> {
    let parts = purl.parts()?;
    if parts.ty == "generic" {
        return None;
    }
    let name = name_key(&parts.ty, &parts.name);
    let namespace = parts.namespace.unwrap_or_default();
    // A distribution's package is the same in each of its releases.
    let namespace = if parts.ty == "huggingface" { namespace.to_lowercase() } else { namespace };
    // Of some types the qualifier says whose it is, and the name alone does not.
    let whose = matches!(parts.ty.as_str(), "oci" | "docker" | "huggingface" | "mlflow");
    let whose = whose.then(|| parts.qualifiers.get("repository_url")).flatten();
    let whose = whose.map_or_else(String::new, |url| format!("@{}", url.to_lowercase()));
    Some(format!("{}/{namespace}/{name}{whose}", parts.ty))
}

/// A name as its ecosystem folds it.
fn name_key(ecosystem: &str, name: &str) -> String {
    if ecosystem == "pypi" { crate::bom::purl::pep503(name) } else { name.to_lowercase() }
}

/// The names of an item, comparable; the ecosystem stands in front where it is known and the name means nothing
/// without it.
pub(super) fn names(item: &Item) -> BTreeSet<String> {
    let all = std::iter::once(&item.name).chain(&item.aliases);
    all.filter_map(|name| folded(item.kind, name)).collect()
}

/// Names that are no reason by themselves.
pub(super) fn hints(item: &Item) -> BTreeSet<String> {
    item.hints.iter().filter_map(|name| folded(item.kind, name)).collect()
}

/// Names that what was looked at contradicts.
pub(super) fn refuted(item: &Item) -> BTreeSet<String> {
    item.refuted.iter().filter_map(|name| folded(item.kind, name)).collect()
}

fn folded(kind: Kind, name: &str) -> Option<String> {
    let name = name.trim();
    if name.is_empty() || matches!(name, "unknown" | "unnamed" | "server" | "main") {
        return None;
    }
    Some(match kind {
        // `llama_cpp_python` and `llama-cpp-python` are one package in every ecosystem that has both.
        Kind::Library | Kind::Package | Kind::Program | Kind::McpServer => crate::bom::purl::pep503(name),
        Kind::Model
        | Kind::Adapter
        | Kind::Data
        | Kind::Endpoint
        | Kind::Image
        | Kind::Device
        | Kind::Code => name.to_lowercase(),
    })
}

/// Last parts of names, for the weakest pass.
pub(super) fn short_names(item: &Item) -> BTreeSet<String> {
    let names = names(item);
    let paths = item.paths.iter().map(|path| path.file_name().to_lowercase());
    let last =
        names.iter().filter_map(|name| name.trim_end_matches('/').rsplit('/').next().map(str::to_owned));
    let mut found: BTreeSet<String> =
        last.chain(paths).filter(|name| !name.is_empty() && !name.contains('*')).collect();
    // `qwen.gguf` and `qwen` are the same to a person.
    let stems: Vec<String> = found
        .iter()
        .filter_map(|name| {
            let endings = [".gguf", ".safetensors", ".onnx", ".bin", ".pt", ".pth"];
            endings.iter().find_map(|ending| name.strip_suffix(ending)).map(str::to_owned)
        })
        .collect();
    found.extend(stems);
    found
}

/// A version without what does not tell versions apart.
pub(super) fn version(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix(['v', 'V']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => text,
    }
}
