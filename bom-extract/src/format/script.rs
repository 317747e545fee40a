//! Scripts: what the kernel starts by the program named in the first line; and zip applications of Python, which are such
//! a line in front of an archive.
//!
//! Source: execve(2), "Interpreter scripts" (the kernel reads 256 bytes); Python's zipapp.

use bom_core::metadata::{CodeMetadata, FileKind};

use super::archive;
use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::zip::Archive;
use crate::reader::{Reader, u64_of};

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Script, wants, extract };

const MARK: &[u8] = b"#!";
/// BINPRM_BUF_SIZE.
const LINE_BYTES: u64 = 256;

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(MARK)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let line = reader.bytes(reader.len().min(LINE_BYTES))?;
    let line = line.get(MARK.len()..).unwrap_or_default();
    let end = line.iter().position(|byte| matches!(byte, b'\n' | b'\r' | 0)).unwrap_or(line.len());
    let line = line.get(..end).unwrap_or_default().trim_ascii();
    // A path, as the kernel wants it: Rust's `#![attributes]` start alike.
    if line.first() != Some(&b'/') {
        return Ok(());
    }
    draft.claim_plain(FileKind::Script);
    let interpreter = draft.value("the interpreter of a script", u64_of(MARK.len()), line);
    draft.extracted.code =
        Some(CodeMetadata { interpreter: Some(interpreter), ..CodeMetadata::default() }.into());
    match Archive::read(reader, draft)? {
        Some(members) => archive::zip(&members, reader, draft),
        None => Ok(()),
    }
}
