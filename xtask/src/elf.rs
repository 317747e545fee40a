//! Whether a program needs a loader.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The bytes of a program that is linked statically; any other is an error.
pub(crate) fn must_be_static(path: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
    // Where there is no dynamic loader such a program would only say "not found".
    if is_dynamic(&bytes) {
        bail!("{} is not linked statically", path.display());
    }
    Ok(bytes)
}

/// Whether the program asks for a loader: a program header of type PT_INTERP (elf(5), 64-bit little-endian).
fn is_dynamic(elf: &[u8]) -> bool {
    let number = |at: usize, length: usize| {
        let bytes = elf.get(at..at.checked_add(length)?)?;
        bytes
            .iter()
            .rev()
            .try_fold(0_usize, |sum, &byte| sum.checked_mul(256)?.checked_add(usize::from(byte)))
    };
    let (Some(start), Some(size), Some(count)) = (number(32, 8), number(54, 2), number(56, 2)) else {
        return false;
    };
    (0..count)
        .any(|header| size.checked_mul(header).and_then(|at| number(at.checked_add(start)?, 4)) == Some(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_dynamic_programs() {
        let ours = fs::read("/proc/self/exe").expect("our own program");
        assert!(is_dynamic(&ours), "a test of the GNU target has a loader");
        assert!(!is_dynamic(b"\x7fELF"));
        let mut none = ours;
        // No program headers: e_phnum.
        none[56] = 0;
        none[57] = 0;
        assert!(!is_dynamic(&none));
    }
}
