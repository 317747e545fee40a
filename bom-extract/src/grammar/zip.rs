//! Zip archives, by their central directory alone.
//!
//! Source: APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory), 4.3.14 to 4.3.16 (ends), 4.5.3
//! (64-bit sizes). A member is found from the directory at the end of the file, as every loader does, and its local
//! header has to agree: a reader that goes by the local headers must not see another archive.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, IssueCode};
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};

use crate::draft::{Draft, Stop, brief};
use crate::reader::{Reader, u64_of};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: [u8; 4] = *b"PK\x05\x06";
const END_64_PLACE: u32 = 0x0706_4b50;
const END_64: u32 = 0x0606_4b50;
const END_BYTES: u64 = 22;
const CENTRAL_BYTES: u64 = 46;
/// The end record and the longest comment behind it.
const END_REACH: u64 = END_BYTES + 0xffff;
const IN_64: u32 = u32::MAX;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
const ENCRYPTED: u16 = 1;

/// One member, as the directory states it.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) name: String,
    flags: u16,
    method: u16,
    packed: u64,
    pub(crate) size: u64,
    /// Offset of the local header in the file.
    header: u64,
}

/// The members in the order of the directory.
#[derive(Debug, Default)]
pub(crate) struct Archive {
    pub(crate) members: Vec<Member>,
    /// The directory could not be read to its end.
    pub(crate) cut: bool,
}

impl Archive {
    /// `None` if the file does not end as an archive does.
    pub(crate) fn read(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<Option<Self>, Stop> {
        let Some(end) = End::find(reader)? else { return Ok(None) };
        let mut archive = Self::default();
        let outcome = archive.directory(&end, reader, draft);
        archive.cut = outcome.is_err();
        draft.absorb(outcome)?;
        Ok(Some(archive))
    }

    /// The member of this name. Of several, the last: that is the one Python's `zipfile` takes.
    pub(crate) fn get(&self, name: &str) -> Option<&Member> {
        self.members.iter().rfind(|member| member.name == name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn directory(&mut self, end: &End, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        let limit = draft.limits.directory_bytes;
        if end.size > limit {
            let detail = format!("zip directory of {} bytes exceeds the limit of {limit}", end.size);
            draft.extracted.truncated = true;
            draft.issue(IssueCode::LengthExceedsLimit, Some(end.start), detail);
        }
        reader.seek(end.start);
        let stop = end.start.saturating_add(end.size.min(limit));
        while reader.pos().saturating_add(CENTRAL_BYTES) <= stop {
            let at = reader.pos();
            if reader.u32(ByteOrder::Little)? != CENTRAL {
                let detail = "no zip member where the directory has one".to_string();
                return Err(Stop::broken(IssueCode::MalformedHeader, at, detail));
            }
            let member = Self::member(at, end.shift, reader, draft)?;
            if u64_of(self.members.len()) >= draft.limits.entries {
                let detail = format!("more than {} zip members", draft.limits.entries);
                return Err(Stop::limit(IssueCode::CountExceedsLimit, at, detail));
            }
            reader.keep(member.name.len())?;
            if leaves(&member.name) {
                let detail = format!("a zip member is named {}", brief(&member.name));
                draft.issue(IssueCode::ExternalPathEscapes, Some(at), detail);
            }
            self.members.push(member);
        }
        if end.size <= limit && u64_of(self.members.len()) != end.count {
            let detail = format!("{} zip members where {} are announced", self.members.len(), end.count);
            draft.issue(IssueCode::SizeMismatch, Some(end.start), detail);
        }
        Ok(())
    }

    fn member(at: u64, shift: u64, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<Member, Stop> {
        let order = ByteOrder::Little;
        reader.skip(4)?;
        let flags = reader.u16(order)?;
        let method = reader.u16(order)?;
        reader.skip(8)?;
        let mut packed = u64::from(reader.u32(order)?);
        let mut size = u64::from(reader.u32(order)?);
        let name_bytes = u64::from(reader.u16(order)?);
        let extra_bytes = u64::from(reader.u16(order)?);
        let comment_bytes = u64::from(reader.u16(order)?);
        reader.skip(8)?;
        let mut header = u64::from(reader.u32(order)?);
        let name = reader.bytes(name_bytes)?;
        let name = draft.value("a zip member's name", at, &name);
        let extra_end = reader.pos().saturating_add(extra_bytes);
        while reader.pos().saturating_add(4) <= extra_end {
            let (tag, bytes) = (reader.u16(order)?, u64::from(reader.u16(order)?));
            let next = reader.pos().saturating_add(bytes);
            if tag == 1 {
                // Only the fields that did not fit are here, in this order.
                for field in [&mut size, &mut packed, &mut header] {
                    if *field == u64::from(IN_64) && reader.pos().saturating_add(8) <= next {
                        *field = reader.u64(order)?;
                    }
                }
            }
            reader.seek(next);
        }
        reader.seek(extra_end.saturating_add(comment_bytes));
        Ok(Member { name, flags, method, packed, size, header: header.saturating_add(shift) })
    }
}

impl Member {
    /// Where the bytes of a member that is not compressed stand: `start..end` in the file.
    pub(crate) fn stored(
        &self,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<Option<(u64, u64)>, Stop> {
        if self.method != STORED || self.flags & ENCRYPTED != 0 {
            return Ok(None);
        }
        self.place(reader, draft).map(Some)
    }

    /// The bytes, up to `limit`; `None` if they are encrypted or packed in a way we do not know.
    pub(crate) fn bytes(
        &self,
        limit: usize,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<Option<Vec<u8>>, Stop> {
        if self.flags & ENCRYPTED != 0 || !matches!(self.method, STORED | DEFLATED) {
            let detail = format!("zip member {} is packed by method {}", brief(&self.name), self.method);
            draft.issue(IssueCode::UnknownType, Some(self.header), detail);
            draft.extracted.truncated = true;
            return Ok(None);
        }
        let (start, end) = self.place(reader, draft)?;
        let there = end.saturating_sub(start);
        let wanted = there.min(u64_of(limit));
        reader.seek(start);
        let packed = reader.bytes(wanted)?;
        let bytes = if self.method == STORED { packed } else { inflate(&packed, limit) };
        if u64_of(bytes.len()) < self.size {
            let detail =
                format!("{} of {} bytes of {} were unpacked", bytes.len(), self.size, brief(&self.name));
            draft.extracted.truncated = true;
            draft.issue(IssueCode::RatioExceedsLimit, Some(self.header), detail);
        }
        Ok(Some(bytes))
    }

    /// The first bytes, at most `limit`: enough for the header of what is in there.
    pub(crate) fn start(
        &self,
        limit: usize,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<Vec<u8>, Stop> {
        let (start, end) = self.place(reader, draft)?;
        reader.seek(start);
        let packed = reader.bytes(end.saturating_sub(start).min(u64_of(limit)))?;
        Ok(match self.method {
            DEFLATED if self.flags & ENCRYPTED == 0 => inflate(&packed, limit),
            _ => packed,
        })
    }

    fn place(&self, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(u64, u64), Stop> {
        let order = ByteOrder::Little;
        reader.seek(self.header);
        if reader.u32(order)? != LOCAL {
            let detail = format!("zip member {} is not where the directory says", brief(&self.name));
            return Err(Stop::broken(IssueCode::MalformedHeader, self.header, detail));
        }
        reader.skip(22)?;
        let name_bytes = u64::from(reader.u16(order)?);
        let extra_bytes = u64::from(reader.u16(order)?);
        let name = reader.bytes(name_bytes)?;
        if String::from_utf8_lossy(&name) != self.name {
            let detail = format!("zip member {} has another name in its own header", brief(&self.name));
            draft.issue(IssueCode::NameMismatch, Some(self.header), detail);
        }
        reader.skip(extra_bytes)?;
        let start = reader.pos();
        if self.packed > reader.left() {
            let detail = format!(
                "zip member {} of {} bytes exceeds the {} bytes left in the file",
                brief(&self.name),
                self.packed,
                reader.left()
            );
            draft.issue(IssueCode::LengthExceedsFile, Some(self.header), detail);
        }
        Ok((start, start.saturating_add(self.packed.min(reader.left()))))
    }
}

/// Unpacks raw deflate data, at most `limit` bytes of it.
pub(crate) fn inflate(packed: &[u8], limit: usize) -> Vec<u8> {
    unpacked(decompress_to_vec_with_limit(packed, limit))
}

/// Unpacks a zlib stream, at most `limit` bytes of it. Empty if it is none.
pub(crate) fn inflate_zlib(packed: &[u8], limit: usize) -> Vec<u8> {
    unpacked(miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(packed, limit))
}

fn unpacked(outcome: Result<Vec<u8>, miniz_oxide::inflate::DecompressError>) -> Vec<u8> {
    match outcome {
        Ok(bytes) => bytes,
        // What came out before the limit or the damage is what a loader would get as well.
        Err(error) => match error.status {
            TINFLStatus::HasMoreOutput
            | TINFLStatus::NeedsMoreInput
            | TINFLStatus::FailedCannotMakeProgress
            | TINFLStatus::Failed
            | TINFLStatus::Adler32Mismatch
            | TINFLStatus::BadParam
            | TINFLStatus::Done => error.output,
            _ => Vec::new(),
        },
    }
}

/// Where the directory is.
struct End {
    start: u64,
    size: u64,
    count: u64,
    /// What has to be added to offsets, because something was put in front of the archive.
    shift: u64,
}

impl End {
    fn find(reader: &mut Reader<'_>) -> Result<Option<Self>, Stop> {
        let len = reader.len();
        if len < END_BYTES {
            return Ok(None);
        }
        // Nearly every writer leaves the comment out; one small read then settles it.
        let plain = len.saturating_sub(END_BYTES);
        reader.seek(plain);
        let at = if reader.array()? == END {
            plain
        } else {
            let reach = END_REACH.min(len);
            let from = len.saturating_sub(reach);
            reader.seek(from);
            let tail = reader.bytes(reach)?;
            let Some(found) = tail.windows(4).rposition(|window| window == END) else { return Ok(None) };
            let at = from.saturating_add(u64_of(found));
            if at > plain {
                return Ok(None);
            }
            at
        };
        Self::read(at, reader)
    }

    fn read(at: u64, reader: &mut Reader<'_>) -> Result<Option<Self>, Stop> {
        let order = ByteOrder::Little;
        reader.seek(at.saturating_add(10));
        let mut count = u64::from(reader.u16(order)?);
        let mut size = u64::from(reader.u32(order)?);
        let mut offset = u64::from(reader.u32(order)?);
        let mut end = at;
        if let Some(place) = at.checked_sub(20) {
            reader.seek(place);
            if reader.u32(order)? == END_64_PLACE {
                reader.skip(4)?;
                let stated = reader.u64(order)?;
                // Behind something put in front, the record stands right before its own pointer.
                let behind = place.saturating_sub(56);
                for candidate in [stated, behind] {
                    if candidate > place.saturating_sub(4) {
                        continue;
                    }
                    reader.seek(candidate);
                    if reader.u32(order)? == END_64 {
                        reader.skip(28)?;
                        count = reader.u64(order)?;
                        size = reader.u64(order)?;
                        offset = reader.u64(order)?;
                        end = candidate;
                        break;
                    }
                }
            }
        }
        let Some(start) = end.checked_sub(size) else { return Ok(None) };
        let Some(shift) = start.checked_sub(offset) else { return Ok(None) };
        Ok(Some(Self { start, size, count, shift }))
    }
}

/// Whether a name leads out of the folder an archive is unpacked to.
fn leaves(name: &str) -> bool {
    name.starts_with(['/', '\\']) || name.split(['/', '\\']).any(|part| part == "..")
}
