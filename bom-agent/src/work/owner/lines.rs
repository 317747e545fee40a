//! Lines of a file of any size in bounded memory.

use std::fs::File;

use bom_core::input::Reason;

use crate::work::watch::Watch;
use bom_extract::read_some;

/// A longer line cannot be a path with its digest (a path has at most 4096 bytes), and is passed over.
const LINE_BYTES: usize = 10 << 10;
const PIECE: usize = 64 << 10;

/// What ends a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    Newline,
    /// A newline outside of double quotes (RFC 4180).
    NewlineOutsideQuotes,
}

/// Lends one line after the other.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    file: &'a File,
    watch: &'a Watch,
    ends: Ends,
    piece: usize,
    buffer: Vec<u8>,
    /// Offset of the buffer in the file.
    base: u64,
    /// Start of the next line in the buffer.
    start: usize,
    /// Bytes of the file that may still be read.
    left: u64,
    whole: bool,
    at_end: bool,
    skipping: bool,
}

impl<'a> Lines<'a> {
    /// Reads at most `limit` bytes of the file.
    pub(super) fn new(file: &'a File, ends: Ends, limit: u64, watch: &'a Watch) -> Self {
        Self {
            file,
            watch,
            ends,
            piece: PIECE,
            buffer: Vec::new(),
            base: 0,
            start: 0,
            left: limit,
            whole: true,
            at_end: false,
            skipping: false,
        }
    }

    /// The line at `offset`, as a check of what an index says stands there.
    pub(super) fn at(file: &'a File, ends: Ends, offset: u32, watch: &'a Watch) -> Self {
        let limit = u64::try_from(LINE_BYTES).unwrap_or(u64::MAX);
        Self { base: offset.into(), piece: 512, ..Self::new(file, ends, limit, watch) }
    }

    /// The next line without its end, and its offset in the file.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &[u8])>, Reason> {
        loop {
            if let Some(length) = self.length() {
                let from = self.start;
                self.start += length + 1;
                if std::mem::take(&mut self.skipping) {
                    continue;
                }
                return Ok(Some((self.offset(from), trim(&self.buffer[from..from + length]))));
            }
            let rest = self.buffer.len() - self.start;
            if self.at_end {
                let from = std::mem::replace(&mut self.start, self.buffer.len());
                if rest == 0 || self.skipping || !self.whole {
                    return Ok(None);
                }
                return Ok(Some((self.offset(from), trim(&self.buffer[from..]))));
            }
            if self.skipping || rest > LINE_BYTES {
                self.skipping = true;
                self.start = self.buffer.len();
            }
            self.refill()?;
        }
    }

    /// Whether the limit was large enough so far.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    fn offset(&self, index: usize) -> u64 {
        self.base + u64::try_from(index).unwrap_or(u64::MAX)
    }

    /// Length of the next line, if its end is in the buffer.
    fn length(&self) -> Option<usize> {
        let rest = &self.buffer[self.start..];
        // The end of a line that is passed over is the next newline: its quotes are not to be trusted.
        if self.ends == Ends::Newline || self.skipping {
            return rest.iter().position(|&byte| byte == b'\n');
        }
        let mut quoted = false;
        let mut previous = b',';
        for (index, &byte) in rest.iter().enumerate() {
            match byte {
                b'"' if quoted => quoted = false,
                // Opens at the start of a field, or again after it closed (a doubled quote).
                b'"' if previous == b',' || previous == b'"' => quoted = true,
                b'\n' if !quoted => return Some(index),
                _ => {}
            }
            previous = byte;
        }
        None
    }

    fn refill(&mut self) -> Result<(), Reason> {
        self.watch.beat()?;
        self.base = self.offset(self.start);
        self.buffer.drain(..self.start);
        self.start = 0;
        let kept = self.buffer.len();
        let wanted = self.piece.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.buffer.resize(kept + wanted, 0);
        let at = self.offset(kept);
        let count = read_some(self.file, &mut self.buffer[kept..], at).map_err(|_| Reason::ReadFailed)?;
        self.buffer.truncate(kept + count);
        self.left -= u64::try_from(count).unwrap_or_default().min(self.left);
        if wanted == 0 {
            // Whether anything stands behind the limit decides what a miss means.
            self.whole = read_some(self.file, &mut [0], at).map_err(|_| Reason::ReadFailed)? == 0;
        }
        self.at_end = count == 0;
        Ok(())
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}
