//! The versions that a library gives its symbols.
//!
//! Source: the LSB core specification, symbol versioning (`DT_VERDEF`, `Elfxx_Verdef`, `Elfxx_Verdaux`). The entries are
//! linked by distances; each step is counted and has to lead forward.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bom_core::metadata::IssueCode;
use goblin::elf::program_header::ProgramHeader;

use super::elf::file_offset;
use crate::draft::{Draft, Stop};
use crate::reader::Reader;

/// The entry that names the library itself.
const VER_FLG_BASE: u16 = 1;
/// Entries looked at; glibc has about forty.
const ENTRIES: u64 = 256;
/// Longest version.
const NAME_BYTES: u64 = 256;

/// Where the dynamic section says that the table is.
pub(super) struct Table<'s> {
    pub(super) segments: &'s [ProgramHeader],
    pub(super) order: bom_core::metadata::ByteOrder,
    /// `DT_VERDEF` and `DT_VERDEFNUM`.
    pub(super) address: u64,
    pub(super) count: u64,
    /// File offset and size of the string table.
    pub(super) strings: (u64, u64),
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
    table: &Table<'_>,
    versions: &mut Vec<String>,
) -> Result<(), Stop> {
    let Some(mut at) = file_offset(table.segments, table.address) else {
        let detail = format!("version table address {:#x} lies in no segment", table.address);
        return Err(Stop::broken(IssueCode::InvalidValue, 0, detail));
    };
    for _ in 0..table.count.min(ENTRIES) {
        reader.seek(at.saturating_add(2));
        let flags = reader.u16(table.order)?;
        reader.skip(8)?;
        let auxiliary = reader.u32(table.order)?;
        let next = reader.u32(table.order)?;
        if flags & VER_FLG_BASE == 0 {
            reader.seek(at.saturating_add(auxiliary.into()));
            let name = reader.u32(table.order)?;
            if let Some(version) = name_at(reader, draft, table.strings, name.into())? {
                reader.keep(version.len())?;
                versions.push(version);
            }
        }
        if next == 0 {
            return Ok(());
        }
        at = at.saturating_add(next.into());
    }
    if table.count > ENTRIES {
        let detail = format!("{} versions of symbols are read up to {ENTRIES}", table.count);
        return Err(Stop::limit(IssueCode::CountExceedsLimit, at, detail));
    }
    Ok(())
}

fn name_at(
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
    (start, size): (u64, u64),
    index: u64,
) -> Result<Option<String>, Stop> {
    let Some(place) = start.checked_add(index).filter(|place| index < size && *place < reader.len()) else {
        return Ok(None);
    };
    let room = size.saturating_sub(index).min(reader.len().saturating_sub(place)).min(NAME_BYTES);
    reader.seek(place);
    let bytes = reader.bytes(room)?;
    let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(Some(draft.value("a symbol's version", place, name)))
}
