//! tiktoken ranks: a token in base64, a space, its rank, on each line.
//!
//! Source: `tiktoken/load.py`. There is no magic: every line has to be that, with ranks one after the other, and there
//! have to be the 256 single bytes that every such vocabulary starts with.

use alloc::vec::Vec;

use bom_core::metadata::{FileKind, IssueCode, ModelRole};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Tiktoken, wants, extract };

/// Longest line: a token of half a kilobyte.
const LINE_BYTES: usize = 1024;
/// Lines that prove the format.
const PROOF: u64 = 256;

fn wants(prefix: &[u8], _len: u64) -> bool {
    let mut lines = prefix.split(|byte| *byte == b'\n');
    lines.next().and_then(rank).is_some() && prefix.contains(&b'\n')
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut next = None;
    let mut count = 0_u64;
    let mut line = Vec::new();
    while reader.left() > 0 {
        let at = reader.pos();
        line.clear();
        read_line(&mut line, reader)?;
        let Some(found) = rank(&line).filter(|rank| next.is_none_or(|next| next == *rank)) else {
            if draft.is_claimed() {
                let detail =
                    alloc::format!("line {} is no token with the next rank", count.saturating_add(1));
                return Err(Stop::broken(IssueCode::MalformedHeader, at, detail));
            }
            return Ok(());
        };
        next = found.checked_add(1);
        count = count.saturating_add(1);
        if count == PROOF {
            draft.claim();
            draft.model().role = Some(ModelRole::Tokenizer);
        }
    }
    if draft.is_claimed() {
        draft.hyperparameter("vocab_size", count);
    }
    Ok(())
}

fn read_line(line: &mut Vec<u8>, reader: &mut Reader<'_>) -> Result<(), Stop> {
    loop {
        let chunk = reader.chunk()?;
        if chunk.is_empty() {
            return Ok(());
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
        let taken = part.len();
        if line.len().saturating_add(taken) > LINE_BYTES {
            let detail = alloc::format!("a line is longer than {LINE_BYTES} bytes");
            return Err(Stop::broken(IssueCode::LengthExceedsLimit, reader.pos(), detail));
        }
        line.extend_from_slice(part);
        reader.advance(taken.saturating_add(usize::from(end.is_some())));
        if end.is_some() {
            return Ok(());
        }
    }
}

/// The rank on a line.
fn rank(line: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(line).ok()?;
    let (token, rank) = text.trim_end_matches('\r').split_once(' ')?;
    let letters = token.trim_end_matches('=');
    let padding = token.len().saturating_sub(letters.len());
    let base64 = letters.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    // A vocabulary in wide use ends with a token of no bytes, written as padding alone.
    let fits = token == "=" || (token.len() % 4 == 0 && padding <= 2 && !letters.is_empty());
    let digits = !rank.is_empty() && rank.bytes().all(|byte| byte.is_ascii_digit());
    if base64 && fits && digits { rank.parse().ok() } else { None }
}
