//! Bounded, buffered reading of an [`Input`].
//!
//! Headers are read in two manners: one long run (a GGUF vocabulary) and many small islands (the tensors of an ONNX
//! graph, between gigabytes of weights). One buffer serves both: it starts small after a jump and doubles while the
//! reading goes on where it ended.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, IssueCode};

use crate::draft::Stop;
use crate::input::{Input, ReadError};
use crate::limits::Limits;

/// Bytes asked for after a jump.
const SMALL_WINDOW: usize = 1 << 10;
/// Bytes asked for at once in a long run.
const LARGE_WINDOW: usize = 256 << 10;
/// Bookkeeping charged for each kept value on top of its bytes: a node of a map and two string headers, rounded up.
const KEPT_OVERHEAD: u64 = 96;

/// A position in an [`Input`] and what is left of the budget.
pub(crate) struct Reader<'a> {
    input: &'a dyn Input,
    len: u64,
    pos: u64,
    window: Vec<u8>,
    window_at: u64,
    next_window: usize,
    bytes_left: u64,
    reads_left: u32,
    kept_left: u64,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a dyn Input, limits: &Limits) -> Self {
        Self {
            input,
            len: input.len(),
            pos: 0,
            window: Vec::new(),
            window_at: 0,
            next_window: SMALL_WINDOW,
            bytes_left: limits.read_bytes,
            reads_left: limits.reads,
            kept_left: limits.kept_bytes,
        }
    }

    /// Size of the file.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn pos(&self) -> u64 {
        self.pos
    }

    /// Bytes from here to the end of the file.
    pub(crate) fn left(&self) -> u64 {
        self.len.saturating_sub(self.pos)
    }

    /// Goes to `pos`, which may lie past the end: the next read says so.
    pub(crate) fn seek(&mut self, pos: u64) {
        self.pos = pos;
    }

    /// Steps over `count` bytes, all of which have to exist.
    pub(crate) fn skip(&mut self, count: u64) -> Result<(), Stop> {
        if count > self.left() {
            return Err(self.past_end(count));
        }
        self.pos = self.pos.saturating_add(count);
        Ok(())
    }

    /// The next `count` bytes as a copy. The caller has checked `count` against a limit.
    pub(crate) fn bytes(&mut self, count: u64) -> Result<Vec<u8>, Stop> {
        if count > self.left() {
            return Err(self.past_end(count));
        }
        if count > self.bytes_left {
            return Err(self.spent("bytes"));
        }
        let mut out = Vec::new();
        let mut wanted = usize::try_from(count).map_err(|_| self.spent("memory"))?;
        while wanted > 0 {
            let piece = wanted.min(LARGE_WINDOW);
            out.extend_from_slice(self.view(piece)?);
            self.pos = self.pos.saturating_add(u64_of(piece));
            wanted = wanted.saturating_sub(piece);
        }
        Ok(out)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let out = self.view(N)?.first_chunk().copied().unwrap_or([0; N]);
        self.pos = self.pos.saturating_add(u64_of(N));
        Ok(out)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Stop> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(crate) fn u16(&mut self, order: ByteOrder) -> Result<u16, Stop> {
        let bytes = self.array()?;
        Ok(match order {
            ByteOrder::Little => u16::from_le_bytes(bytes),
            ByteOrder::Big => u16::from_be_bytes(bytes),
        })
    }

    pub(crate) fn u32(&mut self, order: ByteOrder) -> Result<u32, Stop> {
        let bytes = self.array()?;
        Ok(match order {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        })
    }

    pub(crate) fn u64(&mut self, order: ByteOrder) -> Result<u64, Stop> {
        let bytes = self.array()?;
        Ok(match order {
            ByteOrder::Little => u64::from_le_bytes(bytes),
            ByteOrder::Big => u64::from_be_bytes(bytes),
        })
    }

    /// What is held of the file from here on, at least one byte; empty at the end. For scanners, which take what is
    /// there and [`advance`](Self::advance).
    pub(crate) fn chunk(&mut self) -> Result<&[u8], Stop> {
        let held = self.held();
        let count = if self.left() == 0 { 0 } else { held.max(1) };
        // `held` may reach past an end that was drawn in.
        let count = u64_of(count).min(self.left());
        self.view(usize::try_from(count).unwrap_or(0))
    }

    /// Steps over `count` bytes of a chunk.
    pub(crate) fn advance(&mut self, count: usize) {
        self.pos = self.pos.saturating_add(u64_of(count));
    }

    /// Runs `part` on `start..end` as if the file ended there, and goes back. Offsets stay those of the file.
    pub(crate) fn within<T>(&mut self, start: u64, end: u64, part: impl FnOnce(&mut Self) -> T) -> T {
        let (len, pos) = (self.len, self.pos);
        self.len = len.min(end);
        self.pos = start;
        let outcome = part(self);
        self.len = len;
        self.pos = pos;
        outcome
    }

    /// Runs `part` on `start..end` as a file of its own, whose offsets start at zero, and goes back.
    pub(crate) fn shifted<T>(&mut self, start: u64, end: u64, part: impl FnOnce(&mut Reader<'_>) -> T) -> T {
        let piece = Piece { input: self.input, start, len: end.min(self.len).saturating_sub(start) };
        let mut inner = Reader {
            input: &piece,
            len: piece.len,
            pos: 0,
            window: Vec::new(),
            window_at: 0,
            next_window: SMALL_WINDOW,
            bytes_left: self.bytes_left,
            reads_left: self.reads_left,
            kept_left: self.kept_left,
        };
        let outcome = part(&mut inner);
        self.bytes_left = inner.bytes_left;
        self.reads_left = inner.reads_left;
        self.kept_left = inner.kept_left;
        outcome
    }

    /// Runs `part` on bytes that were unpacked from the file. They cost no reads; memory is charged to the same budget.
    pub(crate) fn inside<T>(&mut self, unpacked: &dyn Input, part: impl FnOnce(&mut Reader<'_>) -> T) -> T {
        let mut inner = Reader {
            input: unpacked,
            len: unpacked.len(),
            pos: 0,
            window: Vec::new(),
            window_at: 0,
            next_window: SMALL_WINDOW,
            bytes_left: u64::MAX,
            reads_left: u32::MAX,
            kept_left: self.kept_left,
        };
        let outcome = part(&mut inner);
        self.kept_left = inner.kept_left;
        outcome
    }

    /// What is left of the memory budget.
    pub(crate) fn kept_left(&self) -> u64 {
        self.kept_left
    }

    /// Charges the memory budget for a value of `count` bytes that will be held.
    pub(crate) fn keep(&mut self, count: usize) -> Result<(), Stop> {
        let cost = u64_of(count).saturating_add(KEPT_OVERHEAD);
        self.kept_left = self.kept_left.checked_sub(cost).ok_or_else(|| self.spent("memory"))?;
        Ok(())
    }

    fn past_end(&self, wanted: u64) -> Stop {
        let detail = format!("{wanted} bytes wanted, {} left in the file", self.left());
        Stop::broken(IssueCode::LengthExceedsFile, self.pos, detail)
    }

    fn spent(&self, what: &str) -> Stop {
        Stop::limit(IssueCode::BudgetSpent, self.pos, format!("the budget of {what} is spent"))
    }

    /// The next `count` bytes without moving on. `count` is at most [`LARGE_WINDOW`].
    fn view(&mut self, count: usize) -> Result<&[u8], Stop> {
        if u64_of(count) > self.left() {
            return Err(self.past_end(u64_of(count)));
        }
        if self.held() < count {
            self.fill(count)?;
        }
        if self.held() < count {
            let end = self.window_at.saturating_add(u64_of(self.window.len()));
            let detail = format!("the file ended before its size of {} bytes", self.len);
            return Err(Stop::broken(IssueCode::ShortRead, end, detail));
        }
        let start = usize::try_from(self.pos.saturating_sub(self.window_at)).unwrap_or(usize::MAX);
        Ok(self.window.get(start..).and_then(|rest| rest.get(..count)).unwrap_or_default())
    }

    /// How many bytes of the window lie at and after the position.
    fn held(&self) -> usize {
        let start = self.pos.checked_sub(self.window_at).and_then(|start| usize::try_from(start).ok());
        start.and_then(|start| self.window.get(start..)).map_or(0, <[u8]>::len)
    }

    /// Moves the window to the position and reads at least `count` bytes into it, unless the file ends first.
    fn fill(&mut self, count: usize) -> Result<(), Stop> {
        let window_end = self.window_at.saturating_add(u64_of(self.window.len()));
        let goes_on = self.pos >= self.window_at && self.pos <= window_end && !self.window.is_empty();
        self.next_window =
            if goes_on { self.next_window.saturating_mul(2).min(LARGE_WINDOW) } else { SMALL_WINDOW };
        let wanted = u64_of(self.next_window.max(count)).min(self.left()).min(self.bytes_left);
        let wanted = usize::try_from(wanted).unwrap_or(count);
        self.window.clear();
        self.window_at = self.pos;
        if wanted < count {
            return Err(self.spent("bytes"));
        }
        self.window.resize(wanted, 0);
        let mut filled = 0_usize;
        while filled < count {
            let got = self.read_into(filled)?;
            if got == 0 {
                break;
            }
            filled = filled.saturating_add(got);
        }
        self.window.truncate(filled);
        Ok(())
    }

    /// One read into the window from `filled` on, paid for by the budget.
    fn read_into(&mut self, filled: usize) -> Result<usize, Stop> {
        self.reads_left = self.reads_left.checked_sub(1).ok_or_else(|| self.spent("reads"))?;
        let offset = self.pos.saturating_add(u64_of(filled));
        let Some(buf) = self.window.get_mut(filled..) else { return Ok(0) };
        let wanted = buf.len();
        let got = self.input.read_at(offset, buf).map_err(Stop::Read)?;
        if got > wanted {
            let source = Box::from("the input reported more bytes than it was asked for");
            return Err(Stop::Read(ReadError { offset, wanted, source }));
        }
        self.bytes_left = self.bytes_left.saturating_sub(u64_of(got));
        Ok(got)
    }
}

/// A part of a file, as an input.
struct Piece<'a> {
    input: &'a dyn Input,
    start: u64,
    len: u64,
}

impl Input for Piece<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize, ReadError> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let room = buf.len().min(left);
        match buf.get_mut(..room) {
            Some(buf) => self.input.read_at(self.start.saturating_add(offset), buf),
            None => Ok(0),
        }
    }
}

/// `usize` is never wider than 64 bits on a target we build for; the fallback only makes this total.
pub(crate) fn u64_of(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
