//! Identifiers of the node and of its boot, and the kernel's name.

use std::{ffi::CStr, io, mem::MaybeUninit};

use sha2::{Digest, Sha256};

/// Release and machine, as uname(2) gives them.
pub(super) fn kernel() -> io::Result<(String, String)> {
    let mut name = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the pointer is to a live utsname that the kernel fills.
    if unsafe { libc::uname(name.as_mut_ptr()) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: utsname is integers only, and all of them were zeroed before.
    let name = unsafe { name.assume_init() };
    Ok((text(&name.release), text(&name.machine)))
}

fn text(field: &[libc::c_char]) -> String {
    // Characters are signed on some processors and not on others.
    let bytes: Vec<u8> = field.iter().flat_map(|c| c.to_ne_bytes()).collect();
    CStr::from_bytes_until_nul(&bytes).unwrap_or_default().to_string_lossy().into_owned()
}

/// A UUID as random(4) writes it.
pub(super) fn boot_id(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?.trim_end_matches('\n');
    let uuid = text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => is_hex(byte),
        });
    uuid.then(|| text.to_owned())
}

/// 32 hex digits, machine-id(5). An image that was never booted has "uninitialized" or nothing there.
pub(super) fn machine_id(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?.trim_end_matches('\n');
    let id = text.len() == 32 && text.bytes().all(is_hex) && text.bytes().any(|byte| byte != b'0');
    id.then(|| text.to_owned())
}

const fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// 32 hex digits of a keyed digest: the machine id is confidential by its own documentation.
pub(super) fn digest(id: &str) -> String {
    let digest = Sha256::new().chain_update("aibom-node").chain_update(id).finalize();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_boot_ids() {
        for (text, ok) in [
            (&b"3f2b8c9e-0000-4000-8000-1234567890ab\n"[..], true),
            (b"3f2b8c9e-0000-4000-8000-1234567890AB\n", false),
            (b"3f2b8c9e00000-4000-8000-1234567890ab\n", false),
            (b"3f2b8c9e-0000-4000-8000-1234567890ab extra", false),
            (b"\xff", false),
            (b"", false),
        ] {
            assert_eq!(boot_id(text).is_some(), ok, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn digest_is_stable() {
        // printf aibom-node0123456789abcdef0123456789abcdef | sha256sum
        assert_eq!(digest("0123456789abcdef0123456789abcdef"), "16a0221017e4fd91e7c8beda7ae5eaea");
    }
}
