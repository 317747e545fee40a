//! One package's header: a table of tags and the values they point to. A value outside of it is left out.
//!
//! Source: rpm's docs/format_header.md and docs/manual/tags.md.

use alloc::string::String;
use alloc::vec::Vec;

use super::RpmPackage;

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCH: u32 = 1022;
const FILE_DIGESTS: u32 = 1035;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;
const FILE_DIGEST_ALGORITHM: u32 = 5011;
/// As OpenPGP numbers it (RFC 4880, section 9.4).
const SHA256: u32 = 8;
/// A header's two counts, and one entry of its table.
const COUNTS: usize = 8;
const ENTRY: usize = 16;
/// Entries of one header.
const TAGS: usize = 4096;
/// Files of one package.
const FILES: usize = 500_000;

/// One tag of a header.
struct Entry {
    tag: u32,
    offset: usize,
    count: usize,
}

pub(super) fn parse(number: i64, blob: &[u8]) -> Option<RpmPackage> {
    let tags = usize::try_from(word(blob, 0)?).ok().filter(|tags| *tags <= TAGS)?;
    let data_at = tags.checked_mul(ENTRY)?.checked_add(COUNTS)?;
    let data = blob.get(data_at..)?;
    let mut entries = Vec::new();
    for index in 0..tags {
        let at = index.checked_mul(ENTRY)?.checked_add(COUNTS)?;
        entries.push(Entry {
            tag: word(blob, at)?,
            offset: usize::try_from(word(blob, at.checked_add(8)?)?).ok()?,
            count: usize::try_from(word(blob, at.checked_add(12)?)?).ok()?,
        });
    }
    let entry = |tag: u32| entries.iter().find(|entry| entry.tag == tag);
    let texts = |tag: u32, most: usize| -> Vec<Vec<u8>> {
        let Some(entry) = entry(tag) else { return Vec::new() };
        let rest = data.get(entry.offset..).unwrap_or_default();
        let whole = rest.split(|byte| *byte == 0).take(entry.count.min(most));
        whole.map(<[u8]>::to_vec).collect()
    };
    let text = |tag: u32| {
        let first = texts(tag, 1).into_iter().next()?;
        String::from_utf8(first).ok().filter(|text| !text.is_empty() && !text.chars().any(char::is_control))
    };
    let numbers = |tag: u32| -> Vec<u32> {
        let Some(entry) = entry(tag) else { return Vec::new() };
        let places =
            (0..entry.count.min(FILES)).map(|index| index.saturating_mul(4).saturating_add(entry.offset));
        places.map_while(|place| word(data, place)).collect()
    };
    let epoch = numbers(EPOCH).first().copied().filter(|epoch| *epoch > 0);
    let version = [text(VERSION)?, text(RELEASE).unwrap_or_default()].join("-");
    let names = texts(BASE_NAMES, FILES);
    // Older packages have MD5, which proves nothing.
    let is_sha256 = numbers(FILE_DIGEST_ALGORITHM).first() == Some(&SHA256);
    Some(RpmPackage {
        number,
        name: text(NAME)?,
        version: match epoch {
            Some(epoch) => alloc::format!("{epoch}:{version}"),
            None => version,
        },
        architecture: text(ARCH),
        directories: texts(DIR_NAMES, FILES),
        digests: if is_sha256 { texts(FILE_DIGESTS, FILES) } else { Vec::new() },
        files: numbers(DIR_INDEXES).into_iter().zip(names).collect(),
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_be_bytes(*bytes))
}
