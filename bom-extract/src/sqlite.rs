//! Rows of one table of a SQLite database, read without SQL and without trust.
//!
//! Source: sqlite.org/fileformat2.html, sections 1.3 (header), 1.6 (b-tree pages), 2.1 (records). Only table b-trees are
//! walked. Changes that stand in a write-ahead log are not seen; whoever opens the file looks for one beside it.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, IssueCode};

use crate::draft::Stop;
use crate::reader::{Reader, u64_of};

const MAGIC: &[u8] = b"SQLite format 3\0";
const HEADER_BYTES: u64 = 100;
const INTERIOR: u8 = 5;
const LEAF: u8 = 13;
/// Deepest tree; SQLite's own bound.
const DEPTH: usize = 20;
const SCHEMA_ROWS: u64 = 10_000;

/// An open database.
pub(crate) struct Database<'r, 'a> {
    reader: &'r mut Reader<'a>,
    page_bytes: u64,
    /// Bytes of a page that may be used.
    usable: u64,
    pages: u64,
    /// Longest record put together.
    record_bytes: u64,
}

/// A value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    /// A floating point number; nobody asks for its value.
    Real,
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl<'r, 'a> Database<'r, 'a> {
    /// `None` if this is no SQLite database.
    pub(crate) fn open(reader: &'r mut Reader<'a>, record_bytes: u64) -> Result<Option<Self>, Stop> {
        if reader.len() < HEADER_BYTES {
            return Ok(None);
        }
        reader.seek(0);
        if reader.bytes(u64_of(MAGIC.len()))? != MAGIC {
            return Ok(None);
        }
        let page_bytes = match reader.u16(ByteOrder::Big)? {
            1 => 65_536,
            bytes if bytes >= 512 && bytes.is_power_of_two() => u64::from(bytes),
            bytes => {
                let detail = format!("page of {bytes} bytes");
                return Err(Stop::broken(IssueCode::InvalidValue, 16, detail));
            }
        };
        reader.seek(20);
        let usable = page_bytes.saturating_sub(reader.u8()?.into());
        if usable < 480 {
            let detail = format!("{usable} usable bytes of a page");
            return Err(Stop::broken(IssueCode::InvalidValue, 20, detail));
        }
        let pages = reader.len().checked_div(page_bytes).unwrap_or(0);
        Ok(Some(Self { reader, page_bytes, usable, pages, record_bytes }))
    }

    /// The root page of a table.
    pub(crate) fn table(&mut self, name: &str) -> Result<Option<u64>, Stop> {
        let mut root = None;
        let mut rows = 0_u64;
        self.walk(1, &mut |_, record| {
            rows = rows.saturating_add(1);
            let values = values(&record).unwrap_or_default();
            if let [Value::Text(kind), Value::Text(own), _, Value::Integer(page), ..] = values.as_slice()
                && kind == b"table"
                && own == name.as_bytes()
            {
                root = u64::try_from(*page).ok();
            }
            root.is_none() && rows < SCHEMA_ROWS
        })?;
        Ok(root)
    }

    /// Every row of the table in the order of their numbers, until `row` says `false`.
    pub(crate) fn walk(&mut self, root: u64, row: &mut dyn FnMut(i64, Vec<u8>) -> bool) -> Result<(), Stop> {
        // What is still to be visited; the last is next. No page can be listed more often than there are pages.
        let mut waiting = alloc::vec![(root, 0_usize)];
        let mut visited = 0_u64;
        while let Some((page, depth)) = waiting.pop() {
            visited = visited.saturating_add(1);
            if visited > self.pages.saturating_add(1) || depth > DEPTH {
                return Err(self.broken(page, "the tree has more pages than the file".to_string()));
            }
            let (kind, cells) = self.cells(page)?;
            if kind == INTERIOR {
                let mut children = Vec::new();
                for cell in cells {
                    self.reader.seek(cell);
                    children.push((u64::from(self.reader.u32(ByteOrder::Big)?), depth.saturating_add(1)));
                }
                self.reader.seek(self.start(page)?.saturating_add(if page == 1 { 108 } else { 8 }));
                children.push((u64::from(self.reader.u32(ByteOrder::Big)?), depth.saturating_add(1)));
                waiting.extend(children.into_iter().rev());
                continue;
            }
            for cell in cells {
                let (number, record) = self.record(page, cell)?;
                if !row(number, record) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The row of that number.
    pub(crate) fn row(&mut self, root: u64, wanted: i64) -> Result<Option<Vec<u8>>, Stop> {
        let mut page = root;
        for _ in 0..DEPTH {
            let (kind, cells) = self.cells(page)?;
            if kind == LEAF {
                for cell in cells {
                    self.reader.seek(cell);
                    self.varint()?;
                    if self.varint()? == wanted.cast_unsigned() {
                        return self.record(page, cell).map(|(_, record)| Some(record));
                    }
                }
                return Ok(None);
            }
            self.reader.seek(self.start(page)?.saturating_add(if page == 1 { 108 } else { 8 }));
            let mut next = u64::from(self.reader.u32(ByteOrder::Big)?);
            for cell in cells {
                self.reader.seek(cell);
                let child = u64::from(self.reader.u32(ByteOrder::Big)?);
                if wanted <= self.varint()?.cast_signed() {
                    next = child;
                    break;
                }
            }
            page = next;
        }
        Err(self.broken(page, "the tree is too deep".to_string()))
    }

    fn start(&self, page: u64) -> Result<u64, Stop> {
        let inside = page >= 1 && page <= self.pages;
        let start = page.saturating_sub(1).saturating_mul(self.page_bytes);
        if inside { Ok(start) } else { Err(self.broken(page, format!("page {page} of {}", self.pages))) }
    }

    /// The kind of a page of a table's tree, and where its cells are in the file.
    fn cells(&mut self, page: u64) -> Result<(u8, Vec<u64>), Stop> {
        let start = self.start(page)?;
        let header = if page == 1 { start.saturating_add(HEADER_BYTES) } else { start };
        self.reader.seek(header);
        let kind = self.reader.u8()?;
        let head = match kind {
            INTERIOR => 12,
            LEAF => 8,
            other => return Err(self.broken(page, format!("page of kind {other} in the tree of a table"))),
        };
        self.reader.seek(header.saturating_add(3));
        let count = self.reader.u16(ByteOrder::Big)?;
        if u64::from(count).saturating_mul(2).saturating_add(head) > self.page_bytes {
            return Err(self.broken(page, format!("{count} cells in one page")));
        }
        self.reader.seek(header.saturating_add(head));
        let mut cells = Vec::new();
        for _ in 0..count {
            let at = u64::from(self.reader.u16(ByteOrder::Big)?);
            if at >= self.page_bytes {
                return Err(self.broken(page, format!("cell at {at} of a page of {}", self.page_bytes)));
            }
            cells.push(start.saturating_add(at));
        }
        Ok((kind, cells))
    }

    /// Number and record of a leaf's cell, with what overflowed into other pages.
    fn record(&mut self, page: u64, cell: u64) -> Result<(i64, Vec<u8>), Stop> {
        self.reader.seek(cell);
        let size = self.varint()?;
        let number = self.varint()?.cast_signed();
        if size > self.record_bytes || size > self.reader.len() {
            let detail = format!("record of {size} bytes exceeds the limit of {}", self.record_bytes);
            return Err(Stop::limit(IssueCode::LengthExceedsLimit, cell, detail));
        }
        let most = self.usable.saturating_sub(35);
        if size <= most {
            return Ok((number, self.reader.bytes(size)?));
        }
        let least = self
            .usable
            .saturating_sub(12)
            .saturating_mul(32)
            .checked_div(255)
            .unwrap_or(0)
            .saturating_sub(23);
        let over = size.saturating_sub(least).checked_rem(self.usable.saturating_sub(4)).unwrap_or(0);
        let here = if least.saturating_add(over) <= most { least.saturating_add(over) } else { least };
        let mut record = self.reader.bytes(here)?;
        let mut next = u64::from(self.reader.u32(ByteOrder::Big)?);
        while u64_of(record.len()) < size {
            if next == 0 {
                return Err(self.broken(page, format!("record of {size} bytes ends after {}", record.len())));
            }
            self.reader.seek(self.start(next)?);
            next = u64::from(self.reader.u32(ByteOrder::Big)?);
            let left = size.saturating_sub(u64_of(record.len()));
            record.extend(self.reader.bytes(left.min(self.usable.saturating_sub(4)))?);
        }
        Ok((number, record))
    }

    fn varint(&mut self) -> Result<u64, Stop> {
        let mut value = 0_u64;
        for _ in 0..8 {
            let byte = self.reader.u8()?;
            value = value.wrapping_shl(7) | u64::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Ok(value.wrapping_shl(8) | u64::from(self.reader.u8()?))
    }

    fn broken(&self, page: u64, detail: String) -> Stop {
        let offset = page.saturating_sub(1).saturating_mul(self.page_bytes);
        Stop::broken(IssueCode::InvalidValue, offset, detail)
    }
}

/// The values of a record. `None` if it is shorter than it says.
pub(crate) fn values(record: &[u8]) -> Option<Vec<Value>> {
    let mut at = 0;
    let header = usize::try_from(varint(record, &mut at)?).ok()?;
    let mut body = header;
    let mut values = Vec::new();
    while at < header {
        let kind = varint(record, &mut at)?;
        let width = match kind {
            0 | 8 | 9 => 0,
            1..=4 => usize::try_from(kind).ok()?,
            5 => 6,
            6 | 7 => 8,
            10 | 11 => return None,
            long => usize::try_from(long.checked_sub(12)?.checked_div(2)?).ok()?,
        };
        let bytes = record.get(body..body.checked_add(width)?)?;
        body = body.checked_add(width)?;
        values.push(match kind {
            0 => Value::Null,
            7 => Value::Real,
            8 => Value::Integer(0),
            9 => Value::Integer(1),
            1..=6 => {
                let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
                let start = if negative { -1_i64 } else { 0 };
                Value::Integer(
                    bytes.iter().fold(start, |value, byte| value.wrapping_shl(8) | i64::from(*byte)),
                )
            }
            blob if blob.is_multiple_of(2) => Value::Blob(bytes.to_vec()),
            _ => Value::Text(bytes.to_vec()),
        });
    }
    Some(values)
}

fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for step in 0..9 {
        let byte = *bytes.get(*at)?;
        *at = at.checked_add(1)?;
        if step == 8 {
            return Some(value.wrapping_shl(8) | u64::from(byte));
        }
        value = value.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(value)
}
