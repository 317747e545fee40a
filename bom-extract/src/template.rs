//! Chat templates: programs for a template engine that travel inside model files.
//!
//! A template runs on every request of every user. It is never evaluated here; it is measured, hashed and searched for
//! the few names through which a sandboxed template climbs out to the interpreter.

use alloc::format;
use alloc::string::String;
use core::fmt::Write;

use bom_core::metadata::{IssueCode, TextDigest};
use sha2::{Digest, Sha256};

use crate::draft::{Draft, brief};
use crate::reader::u64_of;

/// Attribute names and filters that an honest chat template has no use for.
const WAYS_OUT: &[&str] = &[
    "__class__",
    "__mro__",
    "__base__",
    "__bases__",
    "__subclasses__",
    "__globals__",
    "__builtins__",
    "__init__",
    "__import__",
    "__getattribute__",
    "|attr(",
    "| attr(",
];

/// Records the template stored under `key` whose text starts at `offset`.
pub(crate) fn record(draft: &mut Draft<'_>, key: String, offset: u64, text: &[u8]) {
    for way in WAYS_OUT {
        if text.windows(way.len()).any(|window| window == way.as_bytes()) {
            let detail = format!("{} contains {way}", brief(&key));
            draft.issue(IssueCode::SuspiciousTemplate, Some(offset), detail);
        }
    }
    let digest = TextDigest { bytes: u64_of(text.len()), sha256: hex(&Sha256::digest(text)) };
    draft.model().templates.insert(key, digest);
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        // Writing to a `String` does not fail.
        let _infallible = write!(out, "{byte:02x}");
    }
    out
}
