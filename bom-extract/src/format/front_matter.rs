//! Markdown with a head of `key: value` lines: skills of agents, and the cards of models and data sets.
//!
//! Sources: the Agent Skills specification (a skill has a name of small letters and a description); the model card page of
//! the Hugging Face hub. Of YAML only keys at the margin, plain and quoted values, lists and folded texts are read; no
//! anchor, tag or reference is followed.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{FileKind, ModelRole, TextDigest};
use sha2::{Digest, Sha256};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::{Reader, u64_of};
use crate::template::hex;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Skill, wants, extract };

/// Keys that a card has and a page of a web site does not.
const CARD: &[&str] = &[
    "base_model",
    "dataset_info",
    "library_name",
    "model-index",
    "pipeline_tag",
    "size_categories",
    "task_categories",
];
/// Keys that a card has as well.
const ALSO: &[&str] =
    &["configs", "datasets", "language", "license", "license_name", "metrics", "pretty_name", "tags"];
/// Longest name of a skill.
const SKILL_NAME: usize = 64;

fn wants(prefix: &[u8], _len: u64) -> bool {
    let text = prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prefix);
    text.starts_with(b"---\n") || text.starts_with(b"---\r\n")
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let probe = draft.limits.probe_bytes.min(reader.len());
    let head = reader.bytes(probe)?;
    let Ok(text) = core::str::from_utf8(cut_to_characters(&head)) else { return Ok(()) };
    let Some(entries) = entries(text) else { return Ok(()) };
    if is_skill(&entries) {
        return skill(&entries, reader, draft);
    }
    let particular = CARD.iter().filter(|key| entries.contains_key(**key)).count();
    let general = ALSO.iter().filter(|key| entries.contains_key(**key)).count();
    if particular >= 1 && particular.saturating_add(general) >= 2 {
        card(&entries, draft);
    }
    Ok(())
}

fn is_skill(entries: &BTreeMap<&str, Vec<String>>) -> bool {
    let one = |key: &str| entries.get(key).and_then(|values| values.first()).filter(|text| !text.is_empty());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    one("description").is_some()
        && one("name").is_some_and(|name| name.len() <= SKILL_NAME && name.bytes().all(plain))
}

fn skill(
    entries: &BTreeMap<&str, Vec<String>>,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<(), Stop> {
    draft.claim_as(FileKind::Skill);
    let name = first(entries, "name", draft);
    let license = first(entries, "license", draft);
    let description = first(entries, "description", draft);
    let tools = entries
        .get("allowed-tools")
        .map(|tools| draft.value("allowed-tools", 0, tools.join(", ").as_bytes()));
    let model = draft.model();
    model.role = Some(ModelRole::Skill);
    (model.name, model.license) = (name, license);
    model.claimed.extend(description.map(|text| ("description".to_string(), text)));
    model.hyperparameters.extend(tools.map(|tools| ("allowed-tools".to_string(), tools)));
    // The whole text is what the agent is told.
    if reader.len() <= draft.limits.string_bytes {
        reader.seek(0);
        let bytes = reader.bytes(reader.len())?;
        let digest = TextDigest { bytes: u64_of(bytes.len()), sha256: hex(&Sha256::digest(&bytes)) };
        draft.model().templates.insert("skill".to_string(), digest);
    }
    Ok(())
}

fn card(entries: &BTreeMap<&str, Vec<String>>, draft: &mut Draft<'_>) {
    draft.claim_as(FileKind::ModelCard);
    let license = first(entries, "license", draft);
    let name = first(entries, "pretty_name", draft).or_else(|| first(entries, "model_name", draft));
    let bases: Vec<String> = entries
        .get("base_model")
        .into_iter()
        .flatten()
        .map(|base| draft.value("base_model", 0, base.as_bytes()))
        .filter(|base| !base.is_empty())
        .collect();
    let model = draft.model();
    model.role = Some(ModelRole::Configuration);
    (model.name, model.license) = (name, license);
    model.base_models.extend(bases);
    for key in
        ["library_name", "pipeline_tag", "license_name", "license_link", "datasets", "language", "tags"]
    {
        let Some(values) = entries.get(key).filter(|values| !values.is_empty()) else { continue };
        let text = draft.value(key, 0, values.join(", ").as_bytes());
        draft.model().claimed.insert(key.to_string(), text);
    }
}

fn first(entries: &BTreeMap<&str, Vec<String>>, key: &str, draft: &mut Draft<'_>) -> Option<String> {
    let text = entries.get(key)?.first().filter(|text| !text.is_empty())?;
    Some(draft.value(key, 0, text.as_bytes()))
}

/// The keys at the margin with their values; `None` if the head does not end within the text.
fn entries(text: &str) -> Option<BTreeMap<&str, Vec<String>>> {
    let mut entries: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut open: Option<&str> = None;
    let mut folded = false;
    for line in text.lines().skip(1) {
        if line.trim_end() == "---" {
            return Some(entries);
        }
        let inner = line.trim_start();
        let margin = inner.len() == line.len();
        if inner.is_empty() || inner.starts_with('#') {
            continue;
        }
        if let Some(key) = open.filter(|_| !margin || inner.starts_with("- ")) {
            let values = entries.entry(key).or_default();
            if let Some(item) = inner.strip_prefix("- ") {
                values.push(plain(item));
            } else if folded {
                match values.first_mut() {
                    Some(text) => *text = format!("{text} {}", inner.trim_end()),
                    None => values.push(inner.trim_end().to_string()),
                }
            }
            continue;
        }
        let (key, value) = line.split_once(':')?;
        if key.is_empty()
            || !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            return None;
        }
        let value = value.trim();
        folded = value.is_empty() || value.starts_with(['>', '|']);
        open = Some(key);
        let values = entries.entry(key).or_default();
        if let Some(list) = value.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
            values.extend(list.split(',').map(plain).filter(|item| !item.is_empty()));
        } else if !folded {
            values.push(plain(value));
        }
    }
    None
}

fn plain(value: &str) -> String {
    let value = value.trim();
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .or_else(|| value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')));
    quoted.unwrap_or(value).to_string()
}

/// Without the character that the end of the probe may have cut.
fn cut_to_characters(bytes: &[u8]) -> &[u8] {
    match core::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => bytes.get(..error.valid_up_to()).unwrap_or(bytes),
        Ok(_) | Err(_) => bytes,
    }
}
