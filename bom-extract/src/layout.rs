//! Do the tensors of a file tile its data area? Anything else is a place where two readers can disagree, or where
//! another file can hide.

use alloc::format;
use alloc::vec::Vec;

use bom_core::metadata::IssueCode;

use crate::draft::Draft;

/// The bytes of one tensor: `begin..end`, relative to the data area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) begin: u64,
    pub(crate) end: u64,
}

/// Reports overlaps, holes, data past the end of the file, and bytes after the last tensor.
///
/// `data_start` is the offset of the data area in the file, `alignment` the step at which a tensor may start.
pub(crate) fn check(
    mut spans: Vec<Span>,
    data_start: u64,
    alignment: u64,
    file_len: u64,
    draft: &mut Draft<'_>,
) {
    // An empty tensor takes no bytes: it can neither overlap nor leave a hole.
    spans.retain(|span| span.begin != span.end);
    spans.sort_unstable();
    let mut covered = 0_u64;
    for span in &spans {
        let offset = data_start.checked_add(span.begin);
        if span.begin < covered {
            let shared = covered.min(span.end).saturating_sub(span.begin);
            draft.issue(IssueCode::Overlap, offset, format!("two tensors share {shared} bytes"));
        } else if span.begin > round_up(covered, alignment) {
            let gap = span.begin.saturating_sub(covered);
            draft.issue(
                IssueCode::Hole,
                data_start.checked_add(covered),
                format!("{gap} bytes belong to no tensor"),
            );
        }
        covered = covered.max(span.end);
    }
    let end = data_start.saturating_add(covered);
    if end > file_len {
        let detail = format!("tensor data ends at {end}, past the file size of {file_len}");
        draft.issue(IssueCode::LengthExceedsFile, Some(data_start), detail);
    } else if data_start.saturating_add(round_up(covered, alignment)) < file_len {
        let extra = file_len.saturating_sub(end);
        draft.issue(IssueCode::TrailingData, Some(end), format!("{extra} bytes follow the last tensor"));
    }
}

/// The next multiple of `step`; `value` itself if `step` is zero or the result does not fit.
pub(crate) fn round_up(value: u64, step: u64) -> u64 {
    value.checked_next_multiple_of(step).unwrap_or(value)
}
