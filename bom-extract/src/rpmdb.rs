//! The packages of an rpm database in SQLite (`rpmdb.sqlite`, rpm 4.16 and later), with the files of each.
//!
//! Source: rpm's lib/backend/sqlite.c (table `Packages`: number and header), docs/format_header.md and
//! docs/manual/tags.md for the header. A header is a table of tags and the values they point to; a value outside of it is
//! left out.

use alloc::string::String;
use alloc::vec::Vec;

use crate::draft::Stop;
use crate::input::{Input, ReadError};
use crate::limits::Limits;
use crate::reader::Reader;
use crate::sqlite::{Database, Value, values};

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const ARCH: u32 = 1022;
const DIR_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIR_NAMES: u32 = 1118;
/// A header's two counts, and one entry of its table.
const COUNTS: usize = 8;
const ENTRY: usize = 16;
/// Entries of one header.
const TAGS: usize = 4096;
/// Files of one package.
const FILES: usize = 500_000;
/// Longest header: that of a kernel's debug package has 20 MiB.
const HEADER_BYTES: u64 = 64 << 20;
/// The whole database of a large installation has 300 MiB.
const DATABASE_BYTES: u64 = 1 << 30;

/// One installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpmPackage {
    /// Number of its header in the database.
    pub number: i64,
    /// `NAME`.
    pub name: String,
    /// `[EPOCH:]VERSION-RELEASE`, as rpm writes it.
    pub version: String,
    /// `ARCH`; none of `gpg-pubkey`.
    pub architecture: Option<String>,
    directories: Vec<Vec<u8>>,
    /// Directory and name.
    files: Vec<(u32, Vec<u8>)>,
}

impl RpmPackage {
    /// Its files, as absolute paths.
    pub fn files(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.files.iter().filter_map(|(directory, name)| {
            let directory = self.directories.get(usize::try_from(*directory).ok()?)?;
            Some([directory.as_slice(), name.as_slice()].concat())
        })
    }
}

/// How far a database was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RpmOutcome {
    /// To its end.
    Whole,
    /// It is broken, or larger than the limits: there may be more packages.
    Partial,
    /// It is no such database.
    Other,
}

/// Gives every package to `package`, until that says `false`.
///
/// # Errors
/// Only when a read fails.
pub fn rpm_packages(
    input: &dyn Input,
    package: &mut dyn FnMut(RpmPackage) -> bool,
) -> Result<RpmOutcome, ReadError> {
    let limits = limits();
    let mut reader = Reader::new(input, &limits);
    let mut damaged = false;
    let outcome = inside(&mut reader, |database, root| {
        database.walk(root, &mut |number, record| match header(&record).and_then(|blob| parse(number, &blob))
        {
            Some(found) => package(found),
            None => {
                damaged = true;
                true
            }
        })
    });
    match outcome {
        Ok(Some(())) if !damaged => Ok(RpmOutcome::Whole),
        Ok(Some(())) | Err(Stop::Limit(_) | Stop::Broken(_)) => Ok(RpmOutcome::Partial),
        Ok(None) => Ok(RpmOutcome::Other),
        Err(Stop::Read(error)) => Err(error),
    }
}

/// The package of that number; `None` if there is none, or it cannot be read.
///
/// # Errors
/// Only when a read fails.
pub fn rpm_package(input: &dyn Input, number: i64) -> Result<Option<RpmPackage>, ReadError> {
    let limits = limits();
    let mut reader = Reader::new(input, &limits);
    match inside(&mut reader, |database, root| database.row(root, number)) {
        Ok(record) => {
            Ok(record.flatten().and_then(|record| header(&record)).and_then(|blob| parse(number, &blob)))
        }
        Err(Stop::Limit(_) | Stop::Broken(_)) => Ok(None),
        Err(Stop::Read(error)) => Err(error),
    }
}

fn limits() -> Limits {
    Limits { read_bytes: DATABASE_BYTES, reads: u32::MAX, ..Limits::default() }
}

fn inside<T>(
    reader: &mut Reader<'_>,
    part: impl FnOnce(&mut Database<'_, '_>, u64) -> Result<T, Stop>,
) -> Result<Option<T>, Stop> {
    let Some(mut database) = Database::open(reader, HEADER_BYTES)? else { return Ok(None) };
    let Some(root) = database.table("Packages")? else { return Ok(None) };
    part(&mut database, root).map(Some)
}

/// The second column; the first is the number, which SQLite keeps elsewhere.
fn header(record: &[u8]) -> Option<Vec<u8>> {
    match values(record)?.into_iter().nth(1)? {
        Value::Blob(blob) | Value::Text(blob) => Some(blob),
        Value::Null | Value::Integer(_) | Value::Real => None,
    }
}

/// One tag of a header.
struct Entry {
    tag: u32,
    offset: usize,
    count: usize,
}

fn parse(number: i64, blob: &[u8]) -> Option<RpmPackage> {
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
    Some(RpmPackage {
        number,
        name: text(NAME)?,
        version: match epoch {
            Some(epoch) => alloc::format!("{epoch}:{version}"),
            None => version,
        },
        architecture: text(ARCH),
        directories: texts(DIR_NAMES, FILES),
        files: numbers(DIR_INDEXES).into_iter().zip(names).collect(),
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map(|bytes| u32::from_be_bytes(*bytes))
}
