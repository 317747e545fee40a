//! Headers in rpm's own file, `Packages.db`: slots that say where each stands. Little endian throughout.
//!
//! Source: rpm's lib/backend/ndb/rpmpkg.c.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, IssueCode};

use super::{HEADER_BYTES, Headers};
use crate::draft::Stop;
use crate::reader::{Reader, u64_of};

const MAGIC: &[u8; 4] = b"RpmP";
const SLOT: &[u8; 4] = b"Slot";
const BLOB_START: &[u8; 4] = b"BlbS";
const BLOB_END: &[u8; 4] = b"BlbE";
/// Blobs are placed and counted in blocks of so many bytes.
const BLOCK: u64 = 16;
const SLOT_BYTES: u64 = 16;
const PAGE_BYTES: u64 = 4096;
/// The file's own header has the room of so many slots.
const FIRST_SLOT: u64 = 2;
/// What stands before and after a blob.
const HEAD_BYTES: u64 = 16;
const TAIL_BYTES: u64 = 12;

pub(super) struct Ndb<'r, 'a> {
    reader: &'r mut Reader<'a>,
    slots: u64,
}

/// Where a blob is; of an empty slot no blocks.
struct Slot {
    package: u32,
    block: u64,
    blocks: u64,
}

impl<'r, 'a> Ndb<'r, 'a> {
    /// `None` if this is another file.
    pub(super) fn open(reader: &'r mut Reader<'a>) -> Result<Option<Self>, Stop> {
        reader.seek(0);
        if reader.left() < FIRST_SLOT.saturating_mul(SLOT_BYTES) || reader.array()? != *MAGIC {
            return Ok(None);
        }
        let version = reader.u32(ByteOrder::Little)?;
        if version != 0 {
            return Err(broken(4, format!("version {version}")));
        }
        // The generation, which counts changes.
        reader.skip(4)?;
        let bytes = u64::from(reader.u32(ByteOrder::Little)?).saturating_mul(PAGE_BYTES);
        if bytes > reader.len() {
            return Err(broken(12, format!("slots of {bytes} bytes in a file of {}", reader.len())));
        }
        Ok(Some(Self { reader, slots: bytes.checked_div(SLOT_BYTES).unwrap_or(0) }))
    }

    fn slot(&mut self, number: u64) -> Result<Slot, Stop> {
        let at = number.saturating_mul(SLOT_BYTES);
        self.reader.seek(at);
        if self.reader.array()? != *SLOT {
            return Err(broken(at, "no slot where one has to be".into()));
        }
        let package = self.reader.u32(ByteOrder::Little)?;
        let block = u64::from(self.reader.u32(ByteOrder::Little)?);
        let blocks = u64::from(self.reader.u32(ByteOrder::Little)?);
        Ok(Slot { package, block, blocks })
    }

    fn blob(&mut self, slot: &Slot) -> Result<Vec<u8>, Stop> {
        let start = slot.block.saturating_mul(BLOCK);
        self.reader.seek(start);
        let is_start = self.reader.array()? == *BLOB_START;
        let package = self.reader.u32(ByteOrder::Little)?;
        self.reader.skip(4)?;
        let bytes = u64::from(self.reader.u32(ByteOrder::Little)?);
        let blocks = bytes.saturating_add(HEAD_BYTES).saturating_add(TAIL_BYTES).div_ceil(BLOCK);
        if !is_start || package != slot.package || blocks != slot.blocks {
            return Err(broken(start, format!("no header of package {} here", slot.package)));
        }
        if bytes > HEADER_BYTES {
            let detail = format!("header of {bytes} bytes exceeds the limit of {HEADER_BYTES}");
            return Err(Stop::limit(IssueCode::LengthExceedsLimit, start, detail));
        }
        let blob = self.reader.bytes(bytes)?;
        // The checksum is left to those who write: what was torn is told by its end.
        let end = start.saturating_add(blocks.saturating_mul(BLOCK)).saturating_sub(TAIL_BYTES);
        self.reader.seek(end.saturating_add(4));
        let again = u64::from(self.reader.u32(ByteOrder::Little)?);
        if again != u64_of(blob.len()) || self.reader.array()? != *BLOB_END {
            return Err(broken(end, format!("the header of package {} has another end", slot.package)));
        }
        Ok(blob)
    }
}

impl Headers for Ndb<'_, '_> {
    fn walk(&mut self, found: &mut dyn FnMut(i64, Option<Vec<u8>>) -> bool) -> Result<(), Stop> {
        for number in FIRST_SLOT..self.slots {
            let slot = self.slot(number)?;
            if slot.block == 0 {
                continue;
            }
            let blob = self.blob(&slot)?;
            if !found(number.cast_signed(), Some(blob)) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn one(&mut self, number: i64) -> Result<Option<Vec<u8>>, Stop> {
        let Some(number) =
            u64::try_from(number).ok().filter(|number| (FIRST_SLOT..self.slots).contains(number))
        else {
            return Ok(None);
        };
        let slot = self.slot(number)?;
        if slot.block == 0 { Ok(None) } else { self.blob(&slot).map(Some) }
    }
}

fn broken(offset: u64, detail: String) -> Stop {
    Stop::broken(IssueCode::InvalidValue, offset, detail)
}
