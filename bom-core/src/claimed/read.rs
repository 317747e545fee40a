//! The one parser that looks into an environment or an argument list.

use std::collections::BTreeSet;

use zeroize::Zeroize as _;

use super::{Claim, Claims, Place, Value, plausible};
use crate::manifest::settings::{ARGUMENTS, ENVIRONMENT, PROGRAMS, Says, Starts};

/// Bytes of either list that are looked at.
pub const MOST_BYTES: usize = 256 << 10;
/// Claims of one program that are kept.
const MOST: usize = 64;
/// Endings that make the value of an option with many meanings the file of a model.
const WEIGHTS: &[&str] = &[".gguf", ".bin", ".onnx", ".safetensors", ".pt", ".llamafile"];

/// Room for one of the lists: entries with a zero byte behind each. Zeroed when it is let go, whatever came of it.
#[derive(Default)]
pub struct Raw(Vec<u8>);

impl Raw {
    /// Filled by `fill`, which gets [`MOST_BYTES`] and says how many it needed.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn filled<E>(fill: impl FnOnce(&mut [u8]) -> Result<usize, E>) -> Result<Self, E> {
        let mut raw = Self(vec![0; MOST_BYTES]);
        let count = fill(&mut raw.0)?;
        raw.0.truncate(count);
        Ok(raw)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // All of its capacity.
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bytes", self.0.len())
    }
}

/// Reads the two lists and wipes them.
pub fn read(environment: Raw, arguments: Raw) -> Claims {
    let cut = [&environment, &arguments].iter().any(|list| list.0.len() >= MOST_BYTES);
    let mut claims = Claims { cut, ..Claims::default() };
    variables(&mut claims, entries(&environment.0));
    words(&mut claims, &entries(&arguments.0).collect::<Vec<_>>());
    claims
}

/// What is no text is `None`, and keeps its place.
fn entries(list: &[u8]) -> impl Iterator<Item = Option<&str>> {
    // What does not end may be half of something.
    let end = list.iter().rposition(|&byte| byte == 0).unwrap_or(0);
    let whole = list.get(..end).unwrap_or_default();
    let entries = (!whole.is_empty()).then(|| whole.split(|&byte| byte == 0));
    entries.into_iter().flatten().map(|entry| std::str::from_utf8(entry).ok())
}

fn variables<'a>(claims: &mut Claims, entries: impl Iterator<Item = Option<&'a str>>) {
    let mut found = Vec::new();
    for (name, value) in entries.flatten().filter_map(|entry| entry.split_once('=')) {
        let upper = name.to_ascii_uppercase();
        let Some((name, says)) = ENVIRONMENT.iter().find(|(known, _)| *known == upper) else { continue };
        found.push((*name, *says, value));
    }
    keep(claims, Place::Environment, found);
}

fn words(claims: &mut Claims, words: &[Option<&str>]) {
    let mut found = Vec::new();
    let mut rest = words.iter().skip(1).copied().peekable();
    while let Some(word) = rest.next() {
        let Some(word) = word.filter(|word| word.starts_with('-')) else { continue };
        let (flag, inline) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (word, None),
        };
        let wanted = flag.replace('_', "-");
        let Some((name, says)) = ARGUMENTS.iter().find(|(known, _)| *known == wanted) else { continue };
        let next = |word: &Option<&str>| word.is_some_and(|word| !word.starts_with('-'));
        let Some(value) = inline.or_else(|| rest.next_if(next).flatten()) else { continue };
        // Short options mean other things elsewhere: `python -m module`, `git commit -m text`.
        let means_model = wanted.starts_with("--")
            || match wanted.as_str() {
                "-m" | "-md" => WEIGHTS.iter().any(|ending| value.ends_with(ending)),
                _ => value.split('/').count() == 2,
            };
        if means_model {
            found.push((*name, *says, value));
        }
    }
    keep(claims, Place::Argument, found);
    if let Some((name, value)) = started(words) {
        let value = plausible::name(value).map_or(Value::Withheld, Value::Text);
        add(claims, Claim { place: Place::Argument, name, value });
    }
}

/// Says what a value is for, and whether anything is kept of it.
fn keep(claims: &mut Claims, place: Place, found: Vec<(&'static str, Says, &str)>) {
    let model = found.iter().any(|(_, says, _)| matches!(says, Says::Model | Says::LocalModel));
    for (name, says, value) in found.into_iter().filter(|(_, _, value)| !value.is_empty()) {
        let kept = match says {
            Says::Model | Says::LocalModel | Says::Tokenizer | Says::Dataset => plausible::name(value),
            // Words that mean something else where no model is named.
            Says::Revision | Says::Quantization | Says::ModelName | Says::ModelFile if model => {
                plausible::name(value)
            }
            Says::Revision | Says::Quantization | Says::ModelName | Says::ModelFile => continue,
            Says::Adapter => plausible::name(value.split_once('=').map_or(value, |(_, path)| path)),
            Says::Endpoint | Says::EndpointAt(_) | Says::Proxy => plausible::endpoint(value),
            // A variable of that name can hold the address of a database with its password.
            Says::Storage | Says::Data | Says::Config | Says::KeyOf(_) => continue,
        };
        let value = kept.map_or(Value::Withheld, Value::Text);
        add(claims, Claim { place, name: name.to_owned(), value });
    }
}

/// `ollama run NAME`, `vllm serve NAME`, `npx PACKAGE`; also where an interpreter runs the program.
fn started<'a>(words: &[Option<&'a str>]) -> Option<(String, &'a str)> {
    (0..2).find_map(|at| {
        let (program, rest) = words.get(at..)?.split_first()?;
        let program = (*program)?.rsplit('/').next()?;
        let (_, before, starts) = PROGRAMS.iter().find(|(known, before, _)| {
            *known == program
                && before.iter().zip(rest).filter(|(one, other)| Some(**one) == **other).count()
                    == before.len()
        })?;
        match starts {
            Starts::Model(_) | Starts::Package(_) => {}
            // Options with values stand in between.
            Starts::Container => return None,
        }
        let mut behind = rest.iter().skip(before.len()).copied().map(|word| word.unwrap_or("-"));
        // Behind an option that may have a value it is not known which word is the name.
        let sure = ["-y", "--yes", "-q", "--quiet", "--"];
        let name = behind.find(|word| !sure.contains(word)).filter(|word| !word.starts_with('-'))?;
        Some(([&[program], *before].concat().join(" "), name))
    })
}

fn add(claims: &mut Claims, claim: Claim) {
    let said: &mut BTreeSet<Claim> = &mut claims.said;
    if said.len() >= MOST && !said.contains(&claim) {
        claims.cut = true;
        return;
    }
    said.insert(claim);
}

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, Raw, read};

    fn list(entries: &[&str]) -> Raw {
        Raw(entries.iter().flat_map(|entry| entry.bytes().chain([0])).collect())
    }

    fn check(name: &str, environment: &[&str], arguments: &[&str], expected: &[&str]) {
        let claims = read(list(environment), list(arguments));
        let said: Vec<String> = claims.said.iter().map(super::Claim::text).collect();
        assert_eq!(said, expected, "{name}");
        assert!(!claims.cut, "{name}");
    }

    #[test]
    fn allow_listed_names_leave_and_nothing_else() {
        check("nothing", &[], &[], &[]);
        check(
            "environment",
            &[
                "HOME=/root",
                "OPENAI_MODEL=gpt-4o",
                "openai_base_url=https://u:p@gw.example/v1?k=1",
                "OPENAI_API_KEY=x",
                "PASSWORD=x",
                "HTTPS_PROXY=http://u:p@proxy:3128",
            ],
            &[],
            &[
                "environment HTTPS_PROXY=http://proxy:3128",
                "environment OPENAI_BASE_URL=https://gw.example:443",
                "environment OPENAI_MODEL=gpt-4o",
            ],
        );
        check(
            "arguments",
            &[],
            &[
                "server",
                "--model",
                "/m/a.gguf",
                "--api-key",
                "x",
                "--served_model_name=a",
                "-m",
                "b.gguf",
                "-hf",
                "o/r",
            ],
            &[
                "argument --model=/m/a.gguf",
                "argument --served-model-name=a",
                "argument -hf=o/r",
                "argument -m=b.gguf",
            ],
        );
        check("module", &[], &["python", "-m", "http.server"], &[]);
        check("no_value", &[], &["x", "--model", "--verbose"], &[]);
        check("program_is_no_option", &[], &["--model", "x"], &[]);
        check("alone", &["REVISION=main"], &["x", "--revision", "main"], &[]);
        check(
            "keys",
            &["OPENAI_MODEL=sk-abc"],
            &["x", "--model=hf_abc"],
            &["environment OPENAI_MODEL (withheld)", "argument --model (withheld)"],
        );
        check("ollama", &[], &["/usr/bin/ollama", "run", "qwen2.5:7b"], &["argument ollama run=qwen2.5:7b"]);
        check("vllm", &[], &["python3", "/v/bin/vllm", "serve", "a/b"], &["argument vllm serve=a/b"]);
        check(
            "npx",
            &[],
            &["npx", "-y", "@scope/server@1.2", "/secret"],
            &["argument npx=@scope/server@1.2"],
        );
        check("uvx", &[], &["uvx", "--with", "x", "mcp-server-time"], &[]);
        check("no_text", &[], &["x", "--model", "m\u{fffd}"], &["argument --model (withheld)"]);
    }

    #[test]
    fn what_does_not_end_is_not_read() {
        let claims = read(
            Raw(b"OPENAI_MODEL=gpt-4o\0OPENAI_BASE_URL=https://half".to_vec()),
            Raw(b"x\0--model".to_vec()),
        );
        assert_eq!(claims.said.len(), 1, "{claims:?}");
        let claims = read(Raw(b"OPENAI_MODEL=gpt".to_vec()), Raw::default());
        assert!(claims.said.is_empty(), "{claims:?}");
    }

    #[test]
    fn what_is_too_long_is_said_to_be() {
        let mut long = list(&["OPENAI_MODEL=a"]);
        long.0.resize(MOST_BYTES, b'x');
        let claims = read(long, Raw::default());
        assert!(claims.cut && claims.said.len() == 1, "{claims:?}");
        let many: Vec<String> = (0..200).map(|number| format!("--model=m{number}")).collect();
        let mut words = vec!["x"];
        words.extend(many.iter().map(String::as_str));
        let claims = read(Raw::default(), list(&words));
        assert!(claims.cut && claims.said.len() == super::MOST, "{claims:?}");
    }
}
