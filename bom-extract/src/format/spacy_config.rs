//! `config.cfg` of a spaCy pipeline: language and components, and the functions that build them.
//!
//! Source: spaCy, "Training config system": sections in brackets, `key = JSON value`; `[nlp]` has language and
//! pipeline, `[components.NAME]` one component each.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};

use bom_core::metadata::{FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Spacy, wants, extract };

fn wants(prefix: &[u8], _len: u64) -> bool {
    ["[paths]", "[nlp]", "[system]"].iter().any(|section| prefix.starts_with(section.as_bytes()))
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let limit = draft.limits.probe_bytes.min(reader.len());
    let whole = limit == reader.len();
    let text = reader.bytes(limit)?;
    let text = String::from_utf8_lossy(&text).to_string();
    let mut section = "";
    let (mut language, mut pipeline) = (None, None);
    let mut factories: BTreeSet<&str> = BTreeSet::new();
    let mut sections: BTreeSet<&str> = BTreeSet::new();
    for line in text.lines().map(str::trim_end) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            sections.insert(name);
        } else if let Some((key, value)) = line.split_once(" = ") {
            match (section, key) {
                ("nlp", "lang") => language = Some(value.trim_matches('"')),
                ("nlp", "pipeline") => pipeline = Some(value),
                (component, "factory") if component.starts_with("components.") => {
                    factories.insert(value.trim_matches('"'));
                }
                _ => {}
            }
        }
    }
    let (Some(language), Some(pipeline), true) = (language, pipeline, sections.contains("components")) else {
        return Ok(());
    };
    draft.claim();
    draft.extracted.truncated |= !whole;
    draft.model().role = Some(ModelRole::Configuration);
    draft.model().producer = Some("spacy".to_string());
    let language = draft.value("the language", 0, language.as_bytes());
    draft.hyperparameter("lang", language);
    let names: alloc::vec::Vec<&str> =
        pipeline.trim_matches(['[', ']']).split(',').map(|name| name.trim().trim_matches('"')).collect();
    let names = draft.value("the pipeline", 0, names.join(", ").as_bytes());
    draft.hyperparameter("pipeline", names);
    let factories: alloc::vec::Vec<&str> = factories.into_iter().collect();
    let factories = draft.value("the factories", 0, factories.join(", ").as_bytes());
    draft.hyperparameter("factories", factories);
    Ok(())
}
