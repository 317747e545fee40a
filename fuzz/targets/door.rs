//! What every extractor target asserts of any bytes.

use std::cell::Cell;

use bom_extract::{END_BYTES, FileKind, Input, Limits, PREFIX_BYTES, ReadError, extract, sniff, sniff_end};
use libfuzzer_sys::Corpus;

/// Counts what is read.
struct Metered<'a> {
    bytes: &'a [u8],
    reads: Cell<u32>,
    read: Cell<u64>,
}

impl Input for Metered<'_> {
    fn len(&self) -> u64 {
        Input::len(&self.bytes)
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let count = self.bytes.read_at(offset, buf)?;
        self.reads.set(self.reads.get() + 1);
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

/// Extracts; files of other kinds than those of this target stay out of its corpus.
pub fn survive(kinds: &[FileKind], bytes: &[u8]) -> Corpus {
    // Small enough that a few hundred bytes reach the limits too.
    let limits = Limits {
        read_bytes: 64 << 10,
        reads: 64,
        kept_bytes: 16 << 10,
        array_items: 1000,
        graph_tensors: 50,
        depth: 6,
        value_bytes: 64,
        probe_bytes: 1 << 10,
        directory_bytes: 16 << 10,
        inflated_bytes: 64 << 10,
        instructions: 10_000,
        objects: 1000,
        issues: 8,
        ..Limits::default()
    };
    let input = Metered { bytes, reads: Cell::new(0), read: Cell::new(0) };
    let extracted = extract(&input, &limits).expect("memory is always readable");
    assert!(input.reads.get() <= limits.reads);
    assert!(input.read.get() <= limits.read_bytes);
    let Some(extracted) = extracted else { return Corpus::Reject };
    let (start, end) =
        (&bytes[..bytes.len().min(PREFIX_BYTES)], &bytes[bytes.len().saturating_sub(END_BYTES)..]);
    let len = Input::len(&bytes);
    assert!(sniff(start, len).or_else(|| sniff_end(end, len)).is_some());
    assert!(extracted.issues.len() <= limits.issues + 1);
    assert_eq!(extracted.model.is_some(), extracted.kind.is_model());
    if kinds.contains(&extracted.kind) { Corpus::Keep } else { Corpus::Reject }
}
