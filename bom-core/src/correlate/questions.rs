//! How questions about files are numbered, and which answers fit them.
//!
//! A recording has an answer under the number of its question, and nothing else says which file it is about. So no two
//! questions that wait may have one number, and an answer that does not fit its question is none.

use std::collections::BTreeMap;

use crate::{
    identify::of_name,
    input::{Answer, Request, Work},
    path::SeenPath,
};

/// Set in the number of a question that an answer gave rise to; the second, where that number waits already, and so on.
/// The numbers of all others are then what they are in recordings in which it was never asked.
const FOLLOWS: [u64; 4] = [1 << 62, 1 << 60, 1 << 59, 1 << 58];

/// The number of a question that the answer to `done` gives rise to; `None` if all of them wait.
pub(super) fn following(done: u64, waiting: &BTreeMap<u64, Work>) -> Option<u64> {
    FOLLOWS.into_iter().map(|mark| done | mark).find(|number| !waiting.contains_key(number))
}

/// Whether this can be an answer to that question: in a recording of other questions than ours it may not be.
pub(super) fn fits(request: Request, answer: &Answer) -> bool {
    match answer {
        Answer::Inspected(_) => request == Request::Inspect,
        Answer::Digest(_) | Answer::EarlierDigest(_) => request == Request::Digest,
        Answer::Owner(_) => request == Request::Owner,
        Answer::Located { .. } => request == Request::Locate,
        Answer::Unchanged => request == Request::Recheck,
        Answer::Origins(_) => request == Request::Origin,
        Answer::Verified(_) => request == Request::Verify,
        Answer::Claims(_) => request == Request::Claims,
        Answer::Unknown(_) => true,
    }
}

/// Source, byte code and extension modules: what an import opens; and the `.pth` files that lead to code elsewhere, so
/// that the installation they belong to is known before the code is met. Whose file it is decides an installer's list,
/// not this name.
pub(super) fn is_code(path: &SeenPath) -> bool {
    let name = path.file_name();
    name.ends_with(b".so") || name.ends_with(b".pth") || of_name(path).is_some()
}

/// 64 lower-case hexadecimal digits.
pub(super) fn is_sha256(digest: &str) -> bool {
    digest.len() == 64 && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
