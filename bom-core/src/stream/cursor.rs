//! Big-endian reading that cannot run over the end.

#[derive(Clone, Copy)]
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1).and_then(|bytes| bytes.first().copied())
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take(2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes)
    }

    pub(super) fn u24(&mut self) -> Option<usize> {
        let high = usize::from(self.u8()?);
        let low = usize::from(self.u16()?);
        Some(high << 16 | low)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take(4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes)
    }

    /// A block behind its one-byte length.
    pub(super) fn block8(&mut self) -> Option<Self> {
        let length = usize::from(self.u8()?);
        self.take(length).map(Cursor)
    }

    /// A block behind its two-byte length.
    pub(super) fn block16(&mut self) -> Option<Self> {
        let length = usize::from(self.u16()?);
        self.take(length).map(Cursor)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
