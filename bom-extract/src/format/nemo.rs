//! A model of NVIDIA NeMo: a tar archive of a configuration and weights.
//!
//! Source: NeMo, `nemo/core/connectors/save_restore_connector.py`; POSIX.1-2001 pax, `ustar`. The archive is told by its
//! two members, `model_config.yaml` and weights. One that is packed by gzip is not looked into.

use alloc::format;
use alloc::string::{String, ToString};

use bom_core::metadata::{FileKind, IssueCode, ModelRole};

use crate::draft::{Draft, Stop, brief};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Nemo, wants, extract };

const BLOCK: u64 = 512;
/// Members looked at. An archive has a configuration, weights, and vocabularies beside them.
const MEMBERS: u32 = 256;
/// Bytes of the configuration looked at.
const CONFIG: u64 = 64 << 10;

fn wants(prefix: &[u8], len: u64) -> bool {
    let starts: [&[u8]; 4] = [b"./\0", b"./model_", b"model_config", b"model_weights"];
    len >= 4 * BLOCK && starts.iter().any(|start| prefix.starts_with(start))
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let (mut config, mut weights) = (None, None);
    let (mut at, mut members) = (0_u64, 0_u32);
    while at.saturating_add(BLOCK) <= reader.len() && members < MEMBERS {
        reader.seek(at);
        let header = reader.array::<512>()?;
        if header.get(257..262) != Some(b"ustar") {
            break;
        }
        let name = header.get(..100).unwrap_or_default();
        let name: String =
            String::from_utf8_lossy(name.split(|&byte| byte == 0).next().unwrap_or_default()).to_string();
        let Some(size) = header.get(124..136).and_then(octal) else {
            let detail = format!("the size of {} is no number", brief(&name));
            draft.issue(IssueCode::InvalidValue, Some(at), detail);
            break;
        };
        let content = at.saturating_add(BLOCK);
        match name.trim_start_matches("./") {
            "model_config.yaml" => config = Some((content, size)),
            plain if plain.starts_with("model_weights") => weights = Some((plain.to_string(), content, size)),
            _ => {}
        }
        members = members.saturating_add(1);
        at = content.saturating_add(size.checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX));
    }
    let (Some((config, size)), Some((weights, from, weight))) = (config, weights) else { return Ok(()) };
    draft.claim();
    draft.model().role = Some(ModelRole::Model);
    draft.hyperparameter("members", members);
    if from.checked_add(weight).is_none_or(|end| end > reader.len()) {
        let detail = format!("{} of {weight} bytes leads out of the file", brief(&weights));
        draft.issue(IssueCode::LengthExceedsFile, Some(from), detail);
    }
    draft.hyperparameter("weights_bytes", weight);
    reader.seek(config);
    let text = reader.bytes(size.min(CONFIG).min(reader.left()))?;
    let text = String::from_utf8_lossy(&text).to_string();
    // Keys at the margin alone: the class, and the version that wrote it.
    for (key, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        let value = draft.value(key, config, value.trim().trim_matches(['"', '\'']).as_bytes());
        match key {
            "target" => draft.model().architecture = Some(value),
            "nemo_version" => {
                draft.model().producer = Some("nemo".to_string());
                draft.model().producer_version = Some(value);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Octal digits, blanks and a zero byte around them.
fn octal(field: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(field).ok()?;
    u64::from_str_radix(text.trim_matches(['\0', ' ']), 8).ok()
}
