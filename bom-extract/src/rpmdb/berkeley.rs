//! Headers as values of a hash table of Berkeley DB, `Packages`: the key is the package's number, and 0 is a counter.
//!
//! The pages are read one after another instead of bucket by bucket: each pair stands on exactly one page, and pages that
//! are free have a kind of their own. A header longer than a page stands in a chain of pages.
//!
//! Source: Berkeley DB 5.3, src/dbinc/db_page.h (pages, items) and src/dbinc/hash.h; rpm 4.15, lib/backend/db3.c.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, IssueCode};

use super::{HEADER_BYTES, Headers};
use crate::draft::Stop;
use crate::reader::{Reader, u64_of};

const MAGIC: u32 = 0x0006_1561;
/// Of the hash format: Berkeley DB 3 to 18.
const VERSIONS: core::ops::RangeInclusive<u32> = 7..=10;
/// The first page describes the file; so much of it is looked at.
const META_BYTES: u64 = 72;
/// What stands before the items of a page.
const PAGE_HEAD: usize = 26;
const COUNTER: [u8; 4] = [0; 4];

/// Kinds of pages.
mod page {
    pub(super) const FREE: u8 = 0;
    pub(super) const HASH_UNSORTED: u8 = 2;
    pub(super) const OVERFLOW: u8 = 7;
    pub(super) const HASH_META: u8 = 8;
    pub(super) const HASH: u8 = 13;
}

/// Kinds of items.
mod item {
    /// The bytes themselves.
    pub(super) const HERE: u8 = 1;
    /// They begin on another page.
    pub(super) const ELSEWHERE: u8 = 3;
}

pub(super) struct Berkeley<'r, 'a> {
    reader: &'r mut Reader<'a>,
    /// That of the machine that made the file.
    order: ByteOrder,
    page_bytes: u64,
    last_page: u32,
}

impl<'r, 'a> Berkeley<'r, 'a> {
    /// `None` if this is another file.
    pub(super) fn open(reader: &'r mut Reader<'a>) -> Result<Option<Self>, Stop> {
        if reader.len() < META_BYTES {
            return Ok(None);
        }
        reader.seek(12);
        let order = match reader.array()? {
            magic if u32::from_le_bytes(magic) == MAGIC => ByteOrder::Little,
            magic if u32::from_be_bytes(magic) == MAGIC => ByteOrder::Big,
            _ => return Ok(None),
        };
        let version = reader.u32(order)?;
        let page_bytes = u64::from(reader.u32(order)?);
        let [cipher, kind, _, _] = reader.array()?;
        reader.seek(32);
        let last_page = reader.u32(order)?;
        let parts = reader.u32(order)?;
        if !VERSIONS.contains(&version) || kind != page::HASH_META || cipher != 0 || parts != 0 {
            let detail = format!("hash of version {version}, kind {kind}, cipher {cipher}, {parts} parts");
            return Err(broken(16, detail));
        }
        if !page_bytes.is_power_of_two() || !(512..=65_536).contains(&page_bytes) {
            return Err(broken(20, format!("page of {page_bytes} bytes")));
        }
        let bytes = u64::from(last_page).saturating_add(1).saturating_mul(page_bytes);
        if bytes > reader.len() {
            return Err(broken(32, format!("pages of {bytes} bytes in a file of {}", reader.len())));
        }
        Ok(Some(Self { reader, order, page_bytes, last_page }))
    }

    fn page(&mut self, number: u32) -> Result<Page, Stop> {
        let start = u64::from(number).saturating_mul(self.page_bytes);
        if number == 0 || number > self.last_page {
            return Err(broken(start, format!("page {number} of {}", self.last_page)));
        }
        self.reader.seek(start);
        let bytes = self.reader.bytes(self.page_bytes)?;
        Ok(Page { start, order: self.order, bytes })
    }

    /// The value at that place of a page: its kind, and what follows.
    fn value(&mut self, page: &Page, index: usize) -> Result<Vec<u8>, Stop> {
        let wrong = || broken(page.start, format!("item {index} of the page is no header"));
        let (kind, rest) = page.item(index).and_then(<[u8]>::split_first).ok_or_else(wrong)?;
        if *kind == item::HERE {
            return Ok(rest.to_vec());
        }
        // Three bytes are unused; then the first page, and the length.
        let place = rest.get(3..7).and_then(<[u8]>::first_chunk).map(|place| page.number(*place));
        let bytes = rest.get(7..11).and_then(<[u8]>::first_chunk).map(|bytes| page.number(*bytes));
        let (item::ELSEWHERE, Some(first), Some(bytes)) = (*kind, place, bytes) else { return Err(wrong()) };
        self.chain(first, u64::from(bytes))
    }

    fn chain(&mut self, first: u32, bytes: u64) -> Result<Vec<u8>, Stop> {
        if bytes > HEADER_BYTES {
            let detail = format!("header of {bytes} bytes exceeds the limit of {HEADER_BYTES}");
            let offset = u64::from(first).saturating_mul(self.page_bytes);
            return Err(Stop::limit(IssueCode::LengthExceedsLimit, offset, detail));
        }
        let (mut value, mut next) = (Vec::new(), first);
        while u64_of(value.len()) < bytes {
            let page = self.page(next)?;
            let part = (page.kind() == page::OVERFLOW).then(|| page.part()).flatten();
            let Some(part) = part.filter(|part| !part.is_empty()) else {
                return Err(broken(page.start, format!("page {next} does not go on with a header")));
            };
            value.extend_from_slice(part);
            next = page.next();
        }
        if u64_of(value.len()) == bytes && next == 0 {
            return Ok(value);
        }
        let offset = u64::from(first).saturating_mul(self.page_bytes);
        Err(broken(offset, format!("header of {bytes} bytes goes on after its end")))
    }
}

impl Headers for Berkeley<'_, '_> {
    fn walk(&mut self, found: &mut dyn FnMut(i64, Option<Vec<u8>>) -> bool) -> Result<(), Stop> {
        for number in 1..=self.last_page {
            let page = self.page(number)?;
            match page.kind() {
                page::HASH | page::HASH_UNSORTED => {}
                page::FREE | page::OVERFLOW => continue,
                kind => return Err(broken(page.start, format!("page of kind {kind}"))),
            }
            for key in (0..page.items()?).step_by(2) {
                let value = key.saturating_add(1);
                match page.item(key) {
                    Some([item::HERE, counter @ ..]) if *counter == COUNTER => continue,
                    Some([item::HERE, number @ ..]) if number.len() == 4 => {}
                    _ => return Err(broken(page.start, format!("item {key} is no number of a package"))),
                }
                let header = self.value(&page, value)?;
                if !found(place(number, value), Some(header)) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn one(&mut self, number: i64) -> Result<Option<Vec<u8>>, Stop> {
        let number = number.cast_unsigned();
        let page = u32::try_from(number.wrapping_shr(16)).ok();
        let Some(page) = page.filter(|page| (1..=self.last_page).contains(page)) else { return Ok(None) };
        let page = self.page(page)?;
        let index = usize::try_from(number & 0xffff).unwrap_or(usize::MAX);
        let is_hash = matches!(page.kind(), page::HASH | page::HASH_UNSORTED);
        if !is_hash || index >= page.items()? { Ok(None) } else { self.value(&page, index).map(Some) }
    }
}

/// The number of an item: its page and its index.
fn place(page: u32, index: usize) -> i64 {
    i64::from(page).wrapping_shl(16) | i64::try_from(index).unwrap_or(0)
}

struct Page {
    start: u64,
    order: ByteOrder,
    bytes: Vec<u8>,
}

impl Page {
    fn kind(&self) -> u8 {
        self.bytes.get(25).copied().unwrap_or(page::FREE)
    }

    /// How many items it has: keys and values in turn.
    fn items(&self) -> Result<usize, Stop> {
        let count = usize::from(self.short(20).unwrap_or(0));
        let fits = count.saturating_mul(2).saturating_add(PAGE_HEAD) <= self.bytes.len();
        if count.is_multiple_of(2) && fits {
            Ok(count)
        } else {
            Err(broken(self.start, format!("{count} items on the page")))
        }
    }

    /// Items are placed from the end of the page on; each ends where the one before it begins.
    fn item(&self, index: usize) -> Option<&[u8]> {
        let offset = |index: usize| self.short(index.checked_mul(2)?.checked_add(PAGE_HEAD)?);
        let end = match index.checked_sub(1) {
            Some(before) => usize::from(offset(before)?),
            None => self.bytes.len(),
        };
        let start = usize::from(offset(index)?);
        self.bytes.get(start..end).filter(|_| start >= PAGE_HEAD)
    }

    /// What a page of a chain holds.
    fn part(&self) -> Option<&[u8]> {
        self.bytes.get(PAGE_HEAD..)?.get(..usize::from(self.short(22)?))
    }

    /// The page after it; 0 for none.
    fn next(&self) -> u32 {
        self.bytes.get(16..).and_then(<[u8]>::first_chunk).map_or(0, |next| self.number(*next))
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(match self.order {
            ByteOrder::Little => u16::from_le_bytes(bytes),
            ByteOrder::Big => u16::from_be_bytes(bytes),
        })
    }

    fn number(&self, bytes: [u8; 4]) -> u32 {
        match self.order {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        }
    }
}

fn broken(offset: u64, detail: String) -> Stop {
    Stop::broken(IssueCode::InvalidValue, offset, detail)
}
