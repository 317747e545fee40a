//! Zip archives that are models or belong to one. The names of the members decide; an archive of another kind is an
//! archive of code, or of nothing that is known.

use bom_core::metadata::FileKind;

use super::{archive, keras, npy, pytorch, skops};
use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::zip::Archive;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Pytorch, wants, extract };

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(b"PK\x03\x04")
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let Some(members) = Archive::read(reader, draft)? else { return Ok(()) };
    for format in [pytorch::extract, keras::archive, skops::extract, npy::archive] {
        if format(&members, reader, draft)? {
            return Ok(());
        }
    }
    archive::zip(&members, reader, draft)
}
