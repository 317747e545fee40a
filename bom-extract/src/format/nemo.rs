//! A model of NVIDIA NeMo: a tar archive of a configuration and weights.
//!
//! Source: NeMo, `nemo/core/connectors/save_restore_connector.py`; POSIX.1-2001 pax, `ustar`. The archive is told by its
//! two members, `model_config.yaml` and weights. Older versions packed it by gzip (RFC 1952): of such a one, so much is
//! unpacked as leads to the header of the weights.

use alloc::format;
use alloc::string::{String, ToString};

use bom_core::metadata::{FileKind, IssueCode, ModelRole};

use crate::draft::{Draft, Stop, brief};
use crate::extractor::Extractor;
use crate::grammar::zip::inflate;
use crate::reader::{Reader, u64_of};

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Nemo, wants, extract };

const BLOCK: u64 = 512;
/// Members looked at. An archive has a configuration, weights, and vocabularies beside them.
const MEMBERS: u32 = 256;
/// Bytes of the configuration looked at.
const CONFIG: u64 = 64 << 10;

/// Packed bytes that are looked at: the first, and where those are the beginning of such an archive.
const PROBE: u64 = 4 << 10;
const PACKED: u64 = 256 << 10;
/// Bytes they may become.
const UNPACKED: usize = 1 << 20;
/// Of a gzip header: magic and method, and which fields there are.
const GZIP: &[u8] = b"\x1f\x8b\x08";
const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;

fn wants(prefix: &[u8], len: u64) -> bool {
    prefix.starts_with(GZIP) || len >= 4 * BLOCK && begins(prefix)
}

fn begins(prefix: &[u8]) -> bool {
    let starts: [&[u8]; 4] = [b"./\0", b"./model_", b"model_config", b"model_weights"];
    starts.iter().any(|start| prefix.starts_with(start))
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let start = reader.bytes(reader.len().min(u64_of(GZIP.len())))?;
    if start != GZIP {
        return members(reader, draft, false);
    }
    let unpack = |reader: &mut Reader<'_>, most: u64, limit: usize| {
        reader.seek(0);
        let packed = reader.bytes(reader.len().min(most))?;
        Ok::<_, Stop>(after_header(&packed).map(|rest| inflate(rest, limit)).unwrap_or_default())
    };
    // Most files of gzip are something else.
    if !begins(&unpack(reader, PROBE, 512)?) {
        return Ok(());
    }
    let limit = UNPACKED.min(draft.limits.inflated_bytes);
    let unpacked = unpack(reader, PACKED, limit)?;
    reader.inside(&unpacked, |inner| members(inner, draft, true))?;
    if draft.is_claimed() {
        draft.hyperparameter("packed", "gzip");
    }
    Ok(())
}

/// What is behind the header of a gzip member.
fn after_header(packed: &[u8]) -> Option<&[u8]> {
    let flags = *packed.get(3)?;
    let mut rest = packed.get(10..)?;
    if flags & FEXTRA != 0 {
        let (length, behind) = rest.split_first_chunk::<2>()?;
        rest = behind.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for field in [FNAME, FCOMMENT] {
        if flags & field != 0 {
            let end = rest.iter().position(|&byte| byte == 0)?;
            rest = rest.get(end.checked_add(1)?..)?;
        }
    }
    if flags & FHCRC != 0 { rest.get(2..) } else { Some(rest) }
}

/// The members of the archive. `packed`: it is the beginning of one, and its end is not known.
fn members(reader: &mut Reader<'_>, draft: &mut Draft<'_>, packed: bool) -> Result<(), Stop> {
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
    if !packed && from.checked_add(weight).is_none_or(|end| end > reader.len()) {
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
