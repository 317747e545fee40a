//! llamafile: a program that runs on several systems, with a zip archive at its end that holds the weights unpacked.
//!
//! Source: the llamafile documentation and the Actually Portable Executable format: `MZqFpD=` at the start, or an ELF
//! header once it was installed for one system. The archive's GGUF members are stored, aligned, and mapped from there.

use alloc::string::ToString;

use bom_core::metadata::FileKind;

use super::{elf, gguf};
use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::zip::Archive;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Llamafile, wants, extract };

const PORTABLE: &[u8] = b"MZqFpD=";
const ELF: &[u8] = b"\x7fELF";
/// The end record of an archive without a comment: the one small read that settles it for every other program.
const END_BYTES: u64 = 22;

fn wants(prefix: &[u8], len: u64) -> bool {
    (prefix.starts_with(PORTABLE) || prefix.starts_with(ELF)) && len > END_BYTES
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let installed = reader.array()? == *b"\x7fELF";
    reader.seek(reader.len().saturating_sub(END_BYTES));
    if reader.array()? != *b"PK\x05\x06" {
        return Ok(());
    }
    let Some(archive) = Archive::read(reader, draft)? else { return Ok(()) };
    let mut weights = archive.members.iter().filter(|member| member.name.ends_with(".gguf"));
    let Some(member) = weights.next() else { return Ok(()) };
    let more = weights.count();
    draft.claim_as(FileKind::Llamafile);
    if let Some((start, end)) = member.stored(reader, draft)? {
        reader.shifted(start, end, |inner| gguf::inside(inner, draft))?;
    }
    let name = draft.value("the member's name", 0, member.name.as_bytes());
    draft.model().claimed.insert("archive.member".to_string(), name);
    if more > 0 {
        draft.hyperparameter("further_weight_files", more);
    }
    if installed {
        reader.seek(0);
        let outcome = elf::inside(reader, draft);
        draft.absorb(outcome)?;
    }
    Ok(())
}
