//! What a value has to look like to be kept. A wrong "no" costs a name, a wrong "yes" may cost a secret.

use crate::manifest::address;

/// Longest value that is kept.
const LONGEST: usize = 256;
/// A run of letters and digits, both in it, that is at least so long is a key sooner than a name.
const RUN: usize = 20;
/// The same of letters alone.
const LETTERS: usize = 32;
/// Names of models have these between letters and digits.
const MARKS: &str = "-._:/@";

/// How keys begin that are known to begin so.
const KEYS: &[&str] = &[
    "aiza",
    "akia",
    "asia",
    "bearer",
    "eyj",
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "gsk_",
    "hf_",
    "lsv2_",
    "npm_",
    "nvapi-",
    "pk-",
    "pplx-",
    "pypi-",
    "r8_",
    "sg.",
    "sk-",
    "sk_",
    "tgp_",
    "tvly-",
    "xai-",
    "xox",
    "ya29.",
];

/// The name of a model, an adapter, a data set: a name, `OWNER/REPO`, a path. Of a URL scheme, host and port.
pub(super) fn name(text: &str) -> Option<String> {
    if text.contains("://") {
        return endpoint(text);
    }
    let known = text.chars().all(|c| c.is_ascii_alphanumeric() || MARKS.contains(c));
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "./@".contains(c));
    // `USER:PASSWORD@HOST`
    let account = text.split_once('@').is_some_and(|(before, _)| before.contains(':'));
    let plain = !text.is_empty() && text.len() <= LONGEST && known && starts && !account;
    (plain && !is_key(text)).then(|| text.to_owned())
}

/// Scheme, host and port.
pub(super) fn endpoint(text: &str) -> Option<String> {
    let found = address(text, true)?;
    let host = found.host.as_str();
    // A bare word is a host only if it cannot be anything else.
    let is_host =
        text.contains("://") || host.contains(['.', ':']) || host == "localhost" || found.port.is_some();
    let plain =
        |text: &str, marks: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || marks.contains(c));
    let is_plain = plain(host, "-._:") && plain(&found.scheme, "+-.");
    if !is_host || !is_plain || is_key(&found.scheme) || host.split('.').any(is_key) {
        return None;
    }
    let scheme = if found.scheme.is_empty() { String::new() } else { format!("{}://", found.scheme) };
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let port = found.port.map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{scheme}{host}{port}")).filter(|kept| kept.len() <= LONGEST)
}

/// Whether it is, or has in it, what looks like a key.
fn is_key(text: &str) -> bool {
    text.split(['/', ':', '@']).any(|part| {
        let lower = part.to_ascii_lowercase();
        KEYS.iter().any(|start| lower.starts_with(start)) || is_uuid(part)
    }) || text.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| !is_commit(run) && is_run(run))
}

fn is_run(run: &str) -> bool {
    let digits = run.bytes().any(|byte| byte.is_ascii_digit());
    let letters = run.bytes().any(|byte| byte.is_ascii_alphabetic());
    (run.len() >= RUN && digits && letters) || run.len() >= LETTERS
}

/// Commits and digests stand in the paths of stores.
fn is_commit(run: &str) -> bool {
    matches!(run.len(), 40 | 64) && run.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    lengths == [8, 4, 4, 4, 12] && groups.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{endpoint, name};

    #[test]
    fn names_are_kept_and_keys_are_not() {
        for (text, expected) in [
            ("gpt-4o-mini-2024-07-18", Some("gpt-4o-mini-2024-07-18")),
            ("meta-llama/Llama-3.1-8B-Instruct", Some("meta-llama/Llama-3.1-8B-Instruct")),
            ("qwen2.5:7b-instruct-q4_K_M", Some("qwen2.5:7b-instruct-q4_K_M")),
            ("/models/qwen.gguf", Some("/models/qwen.gguf")),
            (
                "/c/models--a--b/snapshots/0123456789abcdef0123456789abcdef01234567/m.safetensors",
                Some("/c/models--a--b/snapshots/0123456789abcdef0123456789abcdef01234567/m.safetensors"),
            ),
            ("ft:gpt-4o-mini-2024-07-18:acme::9xYzAbCd", Some("ft:gpt-4o-mini-2024-07-18:acme::9xYzAbCd")),
            (
                "us.anthropic.claude-sonnet-4-20250514-v1:0",
                Some("us.anthropic.claude-sonnet-4-20250514-v1:0"),
            ),
            ("s3://user:secret@bucket/key?X-Amz-Signature=1", Some("s3://bucket")),
            ("sk-proj-abc", None),
            ("org/sk-proj-abc", None),
            ("hf_abcdef", None),
            ("0123456789abcdef0123456789abcdef", None),
            ("aB3dE5gH7jK9mN1pQ3sT5", None),
            ("123e4567-e89b-12d3-a456-426614174000", None),
            ("user:password@host/model", None),
            ("a model", None),
            ("key=value", None),
            ("{\"a\":1}", None),
            ("modèle", None),
            ("-x", None),
            ("", None),
        ] {
            assert_eq!(name(text).as_deref(), expected, "{text:?}");
        }
        assert_eq!(name(&"a-".repeat(129)), None);
    }

    #[test]
    fn of_addresses_scheme_host_and_port_are_kept() {
        for (text, expected) in [
            (
                "https://user:secret@Api.Example.com/v1/secret?key=secret#secret",
                Some("https://api.example.com:443"),
            ),
            ("http://127.0.0.1:11434", Some("http://127.0.0.1:11434")),
            ("http://[::1]:8080/v1", Some("http://[::1]:8080")),
            ("http://modèle.example.com", None),
            ("g://ua\u{464}", None),
            ("http://*.example.com", None),
            ("localhost", Some("localhost")),
            ("ollama:11434", Some("ollama:11434")),
            ("sk-proj-abc", None),
            ("word", None),
            ("https://aB3dE5gH7jK9mN1pQ3sT5.example.com", None),
            ("secret words", None),
            ("gpt-abcdefghijklmnopqrstuvwxyzabcdefgh://host/x", None),
        ] {
            assert_eq!(endpoint(text).as_deref(), expected, "{text:?}");
        }
        assert_eq!(endpoint(&format!("https://{}example.com", "a-b.".repeat(62))), None);
        assert_eq!(endpoint(&format!("{}a://host", "a-".repeat(128))), None);
    }
}
