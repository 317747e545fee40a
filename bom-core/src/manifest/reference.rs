//! Texts that name a model or somebody who is called.

use crate::bom::{Hash, HashAlgorithm, Purl};
use crate::declared::{HostPattern, Item, Kind, PathPattern};

/// Scheme, host and port of a URL, and nothing else of it: a path or a query may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `https`, `grpc`, …; empty for host and port alone.
    pub scheme: String,
    /// Who is called.
    pub host: HostPattern,
    /// Given, or what the scheme says.
    pub port: Option<u16>,
}

/// Reads a URL, or with `bare` also `host:port` and `host`.
pub fn address(text: &str, bare: bool) -> Option<Address> {
    let text = text.trim();
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_lowercase(), rest),
        None if bare => (String::new(), text),
        None => return None,
    };
    let odd = |c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c);
    if scheme.contains(odd) || matches!(scheme.as_str(), "file" | "unix" | "data") {
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = if let Some(inner) = authority.strip_prefix('[') {
        let (host, after) = inner.split_once(']')?;
        (host, after.strip_prefix(':'))
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let port = match port {
        Some(port) => Some(port.parse().ok()?),
        None => default_port(&scheme),
    };
    let host = HostPattern::new(host)?;
    // Nobody can be called at an address that stands for all of one's own: that is where somebody listens.
    let nobody = host.as_str().parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_unspecified());
    let plain = host.as_str().chars().all(|c| c.is_alphanumeric() || "-_.:*".contains(c));
    (!nobody && plain).then_some(Address { scheme, host, port })
}

/// Ports that a scheme stands for.
fn default_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "https" | "wss" => 443,
        "http" | "ws" => 80,
        "redis" | "rediss" => 6379,
        "postgres" | "postgresql" => 5432,
        "mysql" => 3306,
        "mongodb" | "mongodb+srv" => 27017,
        "amqp" => 5672,
        "nats" => 4222,
        "bolt" | "neo4j" => 7687,
        _ => return None,
    })
}

/// Endings of files that hold weights.
const WEIGHTS: &[&str] = &[
    ".bin",
    ".ckpt",
    ".engine",
    ".ggml",
    ".gguf",
    ".h5",
    ".keras",
    ".llamafile",
    ".mlmodel",
    ".model",
    ".nemo",
    ".npz",
    ".onnx",
    ".ort",
    ".pb",
    ".pdiparams",
    ".pkl",
    ".plan",
    ".pt",
    ".pth",
    ".safetensors",
    ".tflite",
    ".torchscript",
];

/// What a text that names a model means. `None` if there is nothing in it, or if it is a template.
///
/// Forms: a path; `hf://OWNER/REPO`, `huggingface.co/OWNER/REPO` or `OWNER/REPO`, with `@COMMIT` or `:REVISION` behind
/// it; a URI of a store (`s3://`, `gs://`, `pvc://`, `oci://`, …); `NAME:TAG` or a name.
pub fn model_item(kind: Kind, text: &str) -> Option<Item> {
    let text = text.trim().trim_matches(['"', '\'']);
    if text.is_empty() || text.contains(['{', '}', '$', '\n']) || text.len() > 1024 {
        return None;
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return Some(from_uri(kind, text, &scheme.to_lowercase(), rest));
    }
    if text.starts_with(['/', '.', '~']) {
        return Some(from_path(kind, text));
    }
    let ends = WEIGHTS.iter().any(|ending| text.to_lowercase().ends_with(ending));
    match text.split('/').collect::<Vec<_>>()[..] {
        ["huggingface.co" | "hf.co", owner, repo] => Some(from_repository(kind, owner, repo)),
        // A file in a folder is no repository.
        [_, _] if ends => Some(from_path(kind, text)),
        [owner, repo] if !owner.is_empty() && !repo.is_empty() => Some(from_repository(kind, owner, repo)),
        [_] if ends => Some(from_path(kind, text)),
        [_] => Some(from_name(kind, text)),
        _ => Some(from_path(kind, text)),
    }
}

fn from_uri(kind: Kind, text: &str, scheme: &str, rest: &str) -> Item {
    match scheme {
        "hf" | "huggingface" => match rest.split('/').collect::<Vec<_>>()[..] {
            [owner, repo] | [owner, repo, ""] => from_repository(kind, owner, repo),
            [owner, repo, .., file] => {
                let mut item = from_repository(kind, owner, repo);
                item.aliases.insert(file.to_owned());
                item
            }
            _ => Item::new(kind, rest),
        },
        "file" => from_path(kind, rest),
        "pvc" => {
            // The first part is the claim; where it is mounted is not said.
            let inside = rest.split_once('/').map_or("", |(_, inside)| inside);
            let mut item = Item::new(kind, text);
            item.aliases.extend(last_part(inside));
            item
        }
        "http" | "https" => {
            let mut parts = rest.split(['?', '#']).next().unwrap_or(rest).split('/');
            let host = parts.next().unwrap_or_default();
            match (host, parts.collect::<Vec<_>>().as_slice()) {
                ("huggingface.co" | "hf.co", [owner, repo]) => from_repository(kind, owner, repo),
                ("huggingface.co" | "hf.co", [owner, repo, "resolve" | "blob", revision, .., file]) => {
                    let mut item = from_repository(kind, owner, repo);
                    item.revision = Some((*revision).to_owned());
                    item.aliases.insert((*file).to_owned());
                    item
                }
                (host, path) => {
                    // Who is asked and the last part of the path; a query may hold a signature.
                    let last = path.last().copied().unwrap_or_default();
                    let mut item = Item::new(
                        kind,
                        format!("{scheme}://{}/…/{last}", host.rsplit('@').next().unwrap_or(host)),
                    );
                    item.aliases.extend(last_part(last));
                    item
                }
            }
        }
        "oci" | "docker" | "ollama" => {
            let mut item = from_name(kind, rest);
            if let Some((_, digest)) = rest.split_once("@sha256:") {
                item.version = Some(format!("sha256:{digest}"));
            }
            item
        }
        _ => {
            let mut item = Item::new(kind, text);
            item.aliases.extend(last_part(rest));
            item
        }
    }
}

fn last_part(path: &str) -> Option<String> {
    path.trim_end_matches('/').rsplit('/').next().filter(|part| !part.is_empty()).map(str::to_owned)
}

fn from_path(kind: Kind, text: &str) -> Item {
    let mut item = Item::new(kind, text);
    let bare = text.trim_start_matches("./");
    // A relative path is relative to a folder that is not known: its end has to do.
    let absolute =
        if bare.starts_with('/') { bare.to_owned() } else { format!("**/{}", bare.trim_start_matches("~/")) };
    item.paths.extend(PathPattern::new(&absolute));
    let is_file = WEIGHTS.iter().any(|ending| text.to_lowercase().ends_with(ending));
    item.many = !is_file;
    if !is_file && !absolute.contains('*') {
        item.paths.extend(PathPattern::new(&format!("{}/", absolute.trim_end_matches('/'))));
    } else if !is_file {
        item.paths.extend(PathPattern::new(&format!("{absolute}/**")));
    }
    item
}

fn from_repository(kind: Kind, owner: &str, repo: &str) -> Item {
    let (repo, revision) = match repo.split_once(['@', ':']) {
        Some((repo, revision)) if !revision.is_empty() => (repo, Some(revision.to_owned())),
        _ => (repo, None),
    };
    let mut item = Item::new(kind, format!("{owner}/{repo}"));
    item.ecosystem = Some("huggingface".to_owned());
    item.many = true;
    item.revision = revision;
    let commit = item.revision.as_deref().filter(|text| is_commit(text));
    item.purl = Purl::huggingface(owner, repo, commit, None).ok();
    item
}

fn from_name(kind: Kind, text: &str) -> Item {
    let mut item = Item::new(kind, text);
    if let Some((name, tag)) = text.split_once(':') {
        item.aliases.insert(name.to_owned());
        item.version = Some(tag.to_owned());
    }
    item
}

/// Whether a revision holds still.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `sha256:…` or `sha512:…`.
pub(crate) fn digest(text: &str) -> Option<Hash> {
    let (algorithm, hex) = text.split_once(':')?;
    let algorithm = match algorithm.to_lowercase().as_str() {
        "sha256" | "sha-256" => HashAlgorithm::Sha256,
        "sha512" | "sha-512" => HashAlgorithm::Sha512,
        "blake3" => HashAlgorithm::Blake3,
        _ => return None,
    };
    Hash::new(algorithm, hex.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_everything_but_host_and_port() {
        for (text, bare, expected) in [
            ("https://user:secret@api.openai.com/v1?key=1", false, Some(("api.openai.com", Some(443)))),
            ("http://ollama.models.svc:11434", false, Some(("ollama.models.svc", Some(11434)))),
            ("qdrant", true, Some(("qdrant", None))),
            ("qdrant:6333", true, Some(("qdrant", Some(6333)))),
            ("http://[::1]:8080/x", false, Some(("::1", Some(8080)))),
            ("0.0.0.0:11434", true, None),
            ("qdrant", false, None),
            ("file:///etc/passwd", false, None),
            ("https://$(HOST)/v1", false, None),
            ("https://{{ .Values.host }}/v1", false, None),
            ("http://x:99999/", false, None),
        ] {
            let found = address(text, bare);
            let found = found.as_ref().map(|found| (found.host.as_str(), found.port));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn models_are_paths_repositories_or_names() {
        for (text, name, purl, first_path) in [
            ("/models/q.gguf", "/models/q.gguf", None, Some("/models/q.gguf")),
            ("/models/qwen", "/models/qwen", None, Some("/models/qwen")),
            ("Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B", Some("pkg:huggingface/Qwen/Qwen2.5-7B"), None),
            ("hf://Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B", Some("pkg:huggingface/Qwen/Qwen2.5-7B"), None),
            ("llama3.2:1b", "llama3.2:1b", None, None),
            ("models/a.onnx", "models/a.onnx", None, Some("**/models/a.onnx")),
            ("s3://bucket/llm/qwen", "s3://bucket/llm/qwen", None, None),
        ] {
            let item = model_item(Kind::Model, text).expect("a model");
            assert_eq!(item.name, name);
            assert_eq!(item.purl.as_ref().map(Purl::as_str), purl, "{text}");
            assert_eq!(item.paths.first().map(PathPattern::as_str), first_path, "{text}");
        }
        for nothing in ["", "$(MODEL)", "{{ .Values.model }}"] {
            assert_eq!(model_item(Kind::Model, nothing), None, "{nothing}");
        }
    }
}
