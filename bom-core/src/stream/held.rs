//! Bytes that are zeroed when they are let go.

use zeroize::Zeroize;

/// Payload. Anybody can make one, only this room can look into it; it cannot be copied, printed or
/// written down.
#[derive(Default)]
pub struct Held(Vec<u8>);

impl Held {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds bytes. Where the vector has to move, the place it leaves is zeroed as well.
    pub(super) fn extend(&mut self, more: &[u8]) {
        let need = self.0.len().saturating_add(more.len());
        if need > self.0.capacity() {
            let mut larger = Vec::with_capacity(need.next_power_of_two());
            larger.extend_from_slice(&self.0);
            self.0.zeroize();
            self.0 = larger;
        }
        self.0.extend_from_slice(more);
    }
}

impl From<Vec<u8>> for Held {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Held {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} bytes", self.0.len())
    }
}
