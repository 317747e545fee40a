//! A chat template in a file of its own, `chat_template.jinja`.
//!
//! Source: the chat template page of transformers. It is a Jinja program over `messages`, each with a role; a template
//! that makes web pages has neither.

use alloc::string::ToString;

use bom_core::metadata::{FileKind, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;
use crate::template;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::ChatTemplate, wants, extract };

fn wants(prefix: &[u8], _len: u64) -> bool {
    let text = prefix.strip_prefix(b"\xef\xbb\xbf").unwrap_or(prefix);
    let text = text.trim_ascii_start();
    text.starts_with(b"{%") || text.starts_with(b"{{") || text.starts_with(b"{#")
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    // A template longer than this is stepped over inside model files too.
    if reader.len() > draft.limits.string_bytes {
        return Ok(());
    }
    let bytes = reader.bytes(reader.len())?;
    let Ok(text) = core::str::from_utf8(&bytes) else { return Ok(()) };
    let has = |what: &str| text.contains(what);
    let roles = ["['role']", "[\"role\"]", ".role"].iter().any(|role| has(role));
    let foreign = has("get_flashed_messages") || has("<html") || has("<div");
    if !has("{%") || !has("messages") || !(roles || has("add_generation_prompt")) || foreign {
        return Ok(());
    }
    draft.claim();
    draft.model().role = Some(ModelRole::Prompt);
    template::record(draft, "chat_template".to_string(), 0, &bytes);
    Ok(())
}
