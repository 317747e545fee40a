//! The packages of an rpm database, with the files of each.
//!
//! Three formats have been in use: SQLite (`rpmdb.sqlite`, rpm 4.16 and later), rpm's own (`Packages.db`, SUSE), Berkeley
//! DB (`Packages`, before 4.16). Each gives the same headers.

mod berkeley;
mod header;
mod ndb;
mod rows;

use alloc::string::String;
use alloc::vec::Vec;

use berkeley::Berkeley;
use header::parse;
use ndb::Ndb;
use rows::Rows;

use crate::draft::Stop;
use crate::input::{Input, ReadError};
use crate::limits::Limits;
use crate::reader::Reader;

/// Longest header: that of a kernel's debug package has 20 MiB.
const HEADER_BYTES: u64 = 64 << 20;
/// The whole database of a large installation has 300 MiB.
const DATABASE_BYTES: u64 = 1 << 30;

/// One installed package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RpmPackage {
    /// Where its header is in the database: a row, a slot, an item of a page.
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
    /// SHA-256 of each file in hexadecimal; empty for what has no content, and none at all of an older package.
    digests: Vec<Vec<u8>>,
}

impl RpmPackage {
    /// Its files, as absolute paths.
    pub fn files(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.files.iter().filter_map(|(directory, name)| {
            let directory = self.directories.get(usize::try_from(*directory).ok()?)?;
            Some([directory.as_slice(), name.as_slice()].concat())
        })
    }

    /// SHA-256 that the package recorded for one of its files, in lower-case hexadecimal.
    pub fn sha256(&self, path: &[u8]) -> Option<String> {
        let is_it = |(directory, name): &(u32, Vec<u8>)| {
            let directory = usize::try_from(*directory).ok().and_then(|index| self.directories.get(index));
            directory
                .is_some_and(|directory| path.strip_prefix(directory.as_slice()) == Some(name.as_slice()))
        };
        let digest = self.digests.get(self.files.iter().position(is_it)?)?;
        let is_digest =
            digest.len() == 64 && digest.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        String::from_utf8(digest.clone()).ok().filter(|_| is_digest)
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

/// What each format has to give. `Stop` when it is broken or larger than the limits.
trait Headers {
    /// Every header with its number, until `found` says `false`; `None` for one that cannot be told.
    fn walk(&mut self, found: &mut dyn FnMut(i64, Option<Vec<u8>>) -> bool) -> Result<(), Stop>;

    /// The header of that number.
    fn one(&mut self, number: i64) -> Result<Option<Vec<u8>>, Stop>;
}

/// Gives every package to `package`, until that says `false`.
///
/// # Errors
/// Only when a read fails.
pub fn rpm_packages(
    input: &dyn Input,
    package: &mut dyn FnMut(RpmPackage) -> bool,
) -> Result<RpmOutcome, ReadError> {
    let mut damaged = false;
    let outcome = inside(input, &mut |headers| {
        headers.walk(&mut |number, blob| match blob.and_then(|blob| parse(number, &blob)) {
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
    match inside(input, &mut |headers| headers.one(number)) {
        Ok(blob) => Ok(blob.flatten().and_then(|blob| parse(number, &blob))),
        Err(Stop::Limit(_) | Stop::Broken(_)) => Ok(None),
        Err(Stop::Read(error)) => Err(error),
    }
}

/// Runs `part` on the database, whichever it is; `None` if it is none.
fn inside<T>(
    input: &dyn Input,
    part: &mut dyn FnMut(&mut dyn Headers) -> Result<T, Stop>,
) -> Result<Option<T>, Stop> {
    let limits = Limits { read_bytes: DATABASE_BYTES, reads: u32::MAX, ..Limits::default() };
    let mut reader = Reader::new(input, &limits);
    if let Some(mut rows) = Rows::open(&mut reader)? {
        return part(&mut rows).map(Some);
    }
    if let Some(mut slots) = Ndb::open(&mut reader)? {
        return part(&mut slots).map(Some);
    }
    match Berkeley::open(&mut reader)? {
        Some(mut pages) => part(&mut pages).map(Some),
        None => Ok(None),
    }
}
