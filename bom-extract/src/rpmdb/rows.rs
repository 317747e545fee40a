//! Headers as rows of a SQLite table.
//!
//! Source: rpm's lib/backend/sqlite.c: table `Packages`, number and header.

use alloc::vec::Vec;

use super::{HEADER_BYTES, Headers};
use crate::draft::Stop;
use crate::reader::Reader;
use crate::sqlite::{Database, Value, values};

pub(super) struct Rows<'r, 'a> {
    database: Database<'r, 'a>,
    root: u64,
}

impl<'r, 'a> Rows<'r, 'a> {
    /// `None` if this is another file.
    pub(super) fn open(reader: &'r mut Reader<'a>) -> Result<Option<Self>, Stop> {
        let Some(mut database) = Database::open(reader, HEADER_BYTES)? else { return Ok(None) };
        let root = database.table("Packages")?;
        Ok(root.map(|root| Self { database, root }))
    }
}

impl Headers for Rows<'_, '_> {
    fn walk(&mut self, found: &mut dyn FnMut(i64, Option<Vec<u8>>) -> bool) -> Result<(), Stop> {
        self.database.walk(self.root, &mut |number, record| found(number, header(&record)))
    }

    fn one(&mut self, number: i64) -> Result<Option<Vec<u8>>, Stop> {
        Ok(self.database.row(self.root, number)?.and_then(|record| header(&record)))
    }
}

/// The second column; the first is the number, which SQLite keeps elsewhere.
fn header(record: &[u8]) -> Option<Vec<u8>> {
    match values(record)?.into_iter().nth(1)? {
        Value::Blob(blob) | Value::Text(blob) => Some(blob),
        Value::Null | Value::Integer(_) | Value::Real => None,
    }
}
