//! HDF5, as far as groups, attributes of text, and the shapes of data sets.
//!
//! Source: "HDF5 File Format Specification", versions 1.0 to 3.0: superblock (II.A), B-trees of version 1 (III.A.1),
//! symbol tables (III.B to III.D), global heap (III.E), object headers (IV.A), messages 0x0001 dataspace, 0x0003
//! datatype, 0x0006 link, 0x000c attribute, 0x0010 continuation, 0x0011 symbol table. Links and attributes in fractal
//! heaps, which large groups of newer files use, are not followed; that is an issue, not an absence.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, IssueCode};

use crate::draft::{Draft, Stop, brief};
use crate::layout::round_up;
use crate::reader::{Reader, u64_of};

const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
const ORDER: ByteOrder = ByteOrder::Little;
/// An address that leads nowhere.
const UNDEFINED: u64 = u64::MAX;
/// Longest message read. Attributes cannot be longer: their length has 16 bits.
const MESSAGE_BYTES: u64 = 64 << 10;
/// Longest name of a link or attribute.
const NAME_BYTES: u64 = 4096;
/// Most pieces of one object header.
const CHUNKS: usize = 256;
/// Most objects looked at.
const OBJECTS: usize = 20_000;
/// Most messages, nodes, links and heap entries looked at in one file. Offsets may lead to one place again and again, so
/// that the size of the file is no bound.
const STEPS: u32 = 1_000_000;

/// Whether a file starts as one of HDF5 does. A user block in front, which the format allows, is not looked for.
pub(crate) fn signature_may_be(prefix: &[u8]) -> bool {
    prefix.starts_with(&SIGNATURE)
}

/// What was read of the superblock.
pub(crate) struct File {
    offset_bytes: u8,
    length_bytes: u8,
    root: u64,
    seen: BTreeSet<u64>,
    steps: u32,
}

/// One object.
#[derive(Debug, Default)]
pub(crate) struct Group {
    /// Attributes that are one text.
    pub(crate) attributes: BTreeMap<String, String>,
    /// Addresses of the objects in it.
    pub(crate) links: BTreeMap<String, u64>,
    elements: Option<Option<u64>>,
    dtype: Option<&'static str>,
}

/// What data sets add up to.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    pub(crate) tensors: u64,
    /// Elements of those that hold floating point numbers; `None` if that cannot be told.
    pub(crate) elements: Option<u64>,
    pub(crate) dtype: Option<&'static str>,
}

impl File {
    pub(crate) fn open(reader: &mut Reader<'_>, _draft: &mut Draft<'_>) -> Result<Self, Stop> {
        reader.seek(0);
        if reader.array()? != SIGNATURE {
            return Err(broken(0, "no HDF5 signature"));
        }
        let version = reader.u8()?;
        let mut file =
            Self { offset_bytes: 8, length_bytes: 8, root: UNDEFINED, seen: BTreeSet::new(), steps: 0 };
        match version {
            0 | 1 => {
                reader.skip(4)?;
                (file.offset_bytes, file.length_bytes) = (reader.u8()?, reader.u8()?);
                file.widths()?;
                reader.skip(if version == 0 { 9 } else { 13 })?;
                // Base, free space, end of file, driver block; then the entry of the root group.
                reader.skip(u64::from(file.offset_bytes).saturating_mul(4))?;
                file.address(reader)?;
                file.root = file.address(reader)?;
            }
            2 | 3 => {
                (file.offset_bytes, file.length_bytes) = (reader.u8()?, reader.u8()?);
                file.widths()?;
                reader.skip(1)?;
                reader.skip(u64::from(file.offset_bytes).saturating_mul(3))?;
                file.root = file.address(reader)?;
            }
            _ => {
                let detail = format!("HDF5 superblock version {version} is not 0 to 3");
                return Err(Stop::broken(IssueCode::UnsupportedVersion, 8, detail));
            }
        }
        Ok(file)
    }

    pub(crate) fn root(&mut self, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<Group, Stop> {
        let root = self.root;
        self.object(root, reader, draft)
    }

    /// Adds up the data sets in and below some objects.
    pub(crate) fn sum(
        &mut self,
        tops: &[u64],
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<Sums, Stop> {
        let mut sums = Sums { elements: Some(0), ..Sums::default() };
        let mut waiting: Vec<u64> = tops.to_vec();
        let mut bits = BTreeMap::<&str, u64>::new();
        while let Some(at) = waiting.pop() {
            // Links may form a circle.
            if !self.seen.insert(at) {
                continue;
            }
            if self.seen.len() > OBJECTS {
                let detail = format!("more than {OBJECTS} objects");
                return Err(Stop::limit(IssueCode::CountExceedsLimit, at, detail));
            }
            let object = self.object(at, reader, draft)?;
            waiting.extend(object.links.values());
            let (Some(elements), Some(dtype)) = (object.elements, object.dtype) else { continue };
            sums.tensors = sums.tensors.saturating_add(1);
            if dtype.starts_with("float") {
                sums.elements = sums.elements.zip(elements).and_then(|(sum, more)| sum.checked_add(more));
            }
            let total = bits.entry(dtype).or_default();
            *total = total.saturating_add(elements.unwrap_or(0));
        }
        sums.dtype = bits.into_iter().max_by_key(|(_, count)| *count).map(|(dtype, _)| dtype);
        Ok(sums)
    }

    fn object(&mut self, at: u64, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<Group, Stop> {
        let mut group = Group::default();
        reader.seek(at);
        let start: [u8; 4] = reader.array()?;
        // Pieces still to be read: `start..end`.
        let mut chunks = Vec::new();
        let mut header = Header { new: start == *b"OHDR", ordered: false };
        if header.new {
            reader.skip(1)?;
            let flags = reader.u8()?;
            header.ordered = flags & 0x04 != 0;
            reader.skip(if flags & 0x20 == 0 { 0 } else { 16 })?;
            reader.skip(if flags & 0x10 == 0 { 0 } else { 4 })?;
            let bytes = match flags & 3 {
                0 => u64::from(reader.u8()?),
                1 => u64::from(reader.u16(ORDER)?),
                2 => u64::from(reader.u32(ORDER)?),
                _ => reader.u64(ORDER)?,
            };
            chunks.push((reader.pos(), reader.pos().saturating_add(bytes)));
        } else if start.first() == Some(&1) {
            reader.skip(4)?;
            let bytes = u64::from(reader.u32(ORDER)?);
            reader.skip(4)?;
            chunks.push((reader.pos(), reader.pos().saturating_add(bytes)));
        } else {
            return Err(broken(at, "no HDF5 object where one has to be"));
        }
        let mut visited = 0_usize;
        while let Some((start, end)) = chunks.pop() {
            visited = visited.saturating_add(1);
            if visited > CHUNKS {
                return Err(broken(at, "an HDF5 object of too many pieces"));
            }
            if end > reader.len() {
                return Err(broken(start, "an HDF5 object ends past the file"));
            }
            self.messages((start, end), &header, &mut group, &mut chunks, reader, draft)?;
        }
        Ok(group)
    }

    fn messages(
        &mut self,
        (start, end): (u64, u64),
        header: &Header,
        group: &mut Group,
        chunks: &mut Vec<(u64, u64)>,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        let head: u64 = if !header.new {
            8
        } else if header.ordered {
            6
        } else {
            4
        };
        let mut at = start;
        while at.saturating_add(head) <= end {
            self.step(at)?;
            reader.seek(at);
            let (kind, bytes) = if header.new {
                let kind = u16::from(reader.u8()?);
                (kind, u64::from(reader.u16(ORDER)?))
            } else {
                (reader.u16(ORDER)?, u64::from(reader.u16(ORDER)?))
            };
            let body = at.saturating_add(head);
            let next = body.saturating_add(bytes);
            if next > end || bytes > MESSAGE_BYTES {
                return Err(broken(at, "an HDF5 message is longer than its object"));
            }
            reader.seek(body);
            match kind {
                0x01 => group.elements = Some(dataspace(reader, self.length_bytes)?),
                0x03 => group.dtype = Some(datatype(reader)?.0),
                0x06 => self.link(group, reader, draft)?,
                0x0c => {
                    let outcome = self.attribute(next, group, reader, draft);
                    draft.absorb(outcome)?;
                }
                0x10 => {
                    let place = self.address(reader)?;
                    let bytes = self.length(reader)?;
                    // In new files a piece starts with a signature and ends with a checksum.
                    let (skip, tail) = if header.new { (4, 4) } else { (0, 0) };
                    let end = place.saturating_add(bytes).saturating_sub(tail);
                    chunks.push((place.saturating_add(skip), end));
                }
                0x11 => {
                    let tree = self.address(reader)?;
                    let heap = self.address(reader)?;
                    self.symbols(tree, heap, group, reader, draft)?;
                }
                // Link info, attribute info: names in a heap of another kind.
                0x02 | 0x15 => {
                    let heap = self.heap_of(kind, reader)?;
                    if heap != UNDEFINED {
                        draft.extracted.truncated = true;
                        let detail = "names in a fractal heap are not read".to_string();
                        draft.issue(IssueCode::UnsupportedVersion, Some(at), detail);
                    }
                }
                _ => {}
            }
            at = next;
        }
        Ok(())
    }

    /// Address of the fractal heap that a link info or attribute info message names.
    fn heap_of(&self, kind: u16, reader: &mut Reader<'_>) -> Result<u64, Stop> {
        reader.skip(1)?;
        let flags = reader.u8()?;
        let indexed = flags & 1 != 0;
        reader.skip(match (kind, indexed) {
            (_, false) => 0,
            (0x02, true) => 8,
            (_, true) => 2,
        })?;
        self.address(reader)
    }

    /// A group of the old kind: a B-tree of symbol nodes, names in a local heap.
    fn symbols(
        &mut self,
        tree: u64,
        heap: u64,
        group: &mut Group,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        let mut nodes = alloc::vec![(tree, draft.limits.depth)];
        reader.seek(heap);
        if reader.array()? != *b"HEAP" {
            return Err(broken(heap, "no heap of names where one has to be"));
        }
        reader.skip(4)?;
        let heap_bytes = self.length(reader)?;
        self.length(reader)?;
        let names = self.address(reader)?;
        let mut visited = 0_usize;
        while let Some((at, depth)) = nodes.pop() {
            visited = visited.saturating_add(1);
            if visited > OBJECTS || depth == 0 {
                return Err(Stop::limit(
                    IssueCode::NestingTooDeep,
                    at,
                    "a B-tree of too many nodes".to_string(),
                ));
            }
            reader.seek(at);
            match reader.array()? {
                [b'T', b'R', b'E', b'E'] => {
                    reader.skip(2)?;
                    let entries = reader.u16(ORDER)?;
                    self.address(reader)?;
                    self.address(reader)?;
                    for _ in 0..entries {
                        self.step(at)?;
                        self.length(reader)?;
                        nodes.push((self.address(reader)?, depth.saturating_sub(1)));
                    }
                }
                [b'S', b'N', b'O', b'D'] => {
                    reader.skip(2)?;
                    let entries = reader.u16(ORDER)?;
                    let mut found = Vec::new();
                    for _ in 0..entries {
                        found.push((self.length(reader)?, self.address(reader)?));
                        reader.skip(24)?;
                    }
                    for (offset, object) in found {
                        self.step(at)?;
                        if offset >= heap_bytes {
                            return Err(broken(at, "a name outside of its heap"));
                        }
                        let name = text_at(names.saturating_add(offset), reader)?;
                        reader.keep(name.len())?;
                        let name = draft.value("the name of a link", at, &name);
                        group.links.insert(name, object);
                    }
                }
                _ => return Err(broken(at, "no B-tree node where one has to be")),
            }
        }
        Ok(())
    }

    /// A link of the new kind.
    fn link(&self, group: &mut Group, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        let at = reader.pos();
        reader.skip(1)?;
        let flags = reader.u8()?;
        let kind = if flags & 0x08 == 0 { 0 } else { reader.u8()? };
        reader.skip(if flags & 0x04 == 0 { 0 } else { 8 })?;
        reader.skip(if flags & 0x10 == 0 { 0 } else { 1 })?;
        let bytes = match flags & 3 {
            0 => u64::from(reader.u8()?),
            1 => u64::from(reader.u16(ORDER)?),
            2 => u64::from(reader.u32(ORDER)?),
            _ => reader.u64(ORDER)?,
        };
        if bytes > NAME_BYTES {
            return Err(broken(at, "a link of too long a name"));
        }
        let name = reader.bytes(bytes)?;
        let name = draft.value("the name of a link", at, &name);
        match kind {
            0 => {
                let object = self.address(reader)?;
                reader.keep(name.len())?;
                group.links.insert(name, object);
            }
            // A name in another file.
            64 => {
                let detail = format!("{} is a link into another file", brief(&name));
                draft.issue(IssueCode::ExternalPathEscapes, Some(at), detail);
            }
            _ => {}
        }
        Ok(())
    }

    /// An attribute; kept if it is one text.
    fn attribute(
        &mut self,
        end: u64,
        group: &mut Group,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        let at = reader.pos();
        let version = reader.u8()?;
        reader.skip(1)?;
        let name_bytes = u64::from(reader.u16(ORDER)?);
        let type_bytes = u64::from(reader.u16(ORDER)?);
        let space_bytes = u64::from(reader.u16(ORDER)?);
        if version == 3 {
            reader.skip(1)?;
        }
        // The first version fills each part up to a multiple of eight.
        let padded = |bytes: u64| if version == 1 { round_up(bytes, 8) } else { bytes };
        if !(1..=3).contains(&version) || name_bytes > NAME_BYTES {
            return Err(broken(at, "an HDF5 attribute of an unknown kind"));
        }
        let name_at = reader.pos();
        let name = reader.bytes(name_bytes)?;
        let name = draft.value(
            "the name of an attribute",
            at,
            name.split(|byte| *byte == 0).next().unwrap_or_default(),
        );
        let type_at = name_at.saturating_add(padded(name_bytes));
        reader.seek(type_at);
        let (class, size) = datatype(reader)?;
        let space_at = type_at.saturating_add(padded(type_bytes));
        reader.seek(space_at);
        let elements = dataspace(reader, self.length_bytes)?;
        if elements != Some(1) {
            return Ok(());
        }
        let data = space_at.saturating_add(padded(space_bytes));
        reader.seek(data);
        let text = match class {
            "text" if size <= end.saturating_sub(data) => reader.bytes(size)?,
            "variable text" => {
                let bytes = u64::from(reader.u32(ORDER)?);
                let heap = self.address(reader)?;
                let index = reader.u32(ORDER)?;
                self.shared(heap, index, bytes, reader, draft)?
            }
            _ => return Ok(()),
        };
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        reader.keep(name.len().saturating_add(text.len()))?;
        group.attributes.insert(name, String::from_utf8_lossy(text).into_owned());
        Ok(())
    }

    /// An object of the global heap.
    fn shared(
        &mut self,
        heap: u64,
        index: u32,
        bytes: u64,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<Vec<u8>, Stop> {
        reader.seek(heap);
        if reader.array()? != *b"GCOL" {
            return Err(broken(heap, "no global heap where one has to be"));
        }
        reader.skip(4)?;
        let size = self.length(reader)?;
        let end = heap.saturating_add(size).min(reader.len());
        while reader.pos().saturating_add(16) <= end {
            self.step(heap)?;
            let number = reader.u16(ORDER)?;
            reader.skip(6)?;
            let length = self.length(reader)?;
            if u32::from(number) == index && number != 0 {
                let wanted = bytes.min(length);
                let limit = draft.limits.inflated_bytes;
                if wanted > u64_of(limit) {
                    let detail = format!("a text of {wanted} bytes exceeds the limit of {limit}");
                    return Err(Stop::limit(IssueCode::LengthExceedsLimit, reader.pos(), detail));
                }
                return reader.bytes(wanted);
            }
            if number == 0 {
                break;
            }
            reader.skip(round_up(length, 8))?;
        }
        Err(broken(heap, "a text that is not in its heap"))
    }

    fn step(&mut self, at: u64) -> Result<(), Stop> {
        self.steps = self.steps.saturating_add(1);
        if self.steps > STEPS {
            let detail = format!("more than {STEPS} steps through an HDF5 file");
            return Err(Stop::limit(IssueCode::BudgetSpent, at, detail));
        }
        Ok(())
    }

    fn widths(&self) -> Result<(), Stop> {
        if matches!(self.offset_bytes, 2 | 4 | 8) && matches!(self.length_bytes, 2 | 4 | 8) {
            return Ok(());
        }
        Err(broken(9, "HDF5 addresses of an unknown width"))
    }

    fn address(&self, reader: &mut Reader<'_>) -> Result<u64, Stop> {
        number(self.offset_bytes, reader)
    }

    fn length(&self, reader: &mut Reader<'_>) -> Result<u64, Stop> {
        number(self.length_bytes, reader)
    }
}

struct Header {
    new: bool,
    ordered: bool,
}

/// A number of so many bytes; all ones mean "undefined" in any width.
fn number(bytes: u8, reader: &mut Reader<'_>) -> Result<u64, Stop> {
    Ok(match bytes {
        2 => match reader.u16(ORDER)? {
            u16::MAX => UNDEFINED,
            value => u64::from(value),
        },
        4 => match reader.u32(ORDER)? {
            u32::MAX => UNDEFINED,
            value => u64::from(value),
        },
        _ => reader.u64(ORDER)?,
    })
}

/// Number of elements; `None` past 64 bits.
fn dataspace(reader: &mut Reader<'_>, length_bytes: u8) -> Result<Option<u64>, Stop> {
    let at = reader.pos();
    let version = reader.u8()?;
    let rank = reader.u8()?;
    reader.skip(match version {
        1 => 6,
        2 => 2,
        _ => return Err(broken(at, "an HDF5 dataspace of an unknown version")),
    })?;
    let mut elements = Some(1_u64);
    for _ in 0..rank {
        let size = number(length_bytes, reader)?;
        elements = elements.and_then(|all| all.checked_mul(size));
    }
    Ok(elements)
}

/// Name and size of a datatype.
fn datatype(reader: &mut Reader<'_>) -> Result<(&'static str, u64), Stop> {
    let class = reader.u8()? & 0x0f;
    let flags = reader.u8()?;
    reader.skip(2)?;
    let size = u64::from(reader.u32(ORDER)?);
    Ok((
        match (class, size) {
            (0, 1) => "int8",
            (0, 2) => "int16",
            (0, 4) => "int32",
            (0, _) => "int64",
            (1, 2) => "float16",
            (1, 4) => "float32",
            (1, _) => "float64",
            (3, _) => "text",
            (9, _) if flags & 0x0f == 1 => "variable text",
            _ => "other",
        },
        size,
    ))
}

/// Text up to its zero.
fn text_at(at: u64, reader: &mut Reader<'_>) -> Result<Vec<u8>, Stop> {
    reader.seek(at);
    let mut text = Vec::new();
    while u64_of(text.len()) < NAME_BYTES {
        match reader.u8()? {
            0 => return Ok(text),
            byte => text.push(byte),
        }
    }
    Err(broken(at, "a name of too many bytes"))
}

fn broken(at: u64, what: &str) -> Stop {
    Stop::broken(IssueCode::MalformedHeader, at, what.to_string())
}
