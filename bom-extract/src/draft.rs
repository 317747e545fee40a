//! The result while it is being filled, and the reasons to stop filling it.

use alloc::format;
use alloc::string::{String, ToString};

use bom_core::metadata::{Extracted, FileKind, Issue, IssueCode, ModelMetadata};

use crate::input::ReadError;
use crate::limits::Limits;

/// Why a parser gave up on the file or on one part of it.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The input failed.
    Read(ReadError),
    /// We are not willing to go on; the file may be fine.
    Limit(Issue),
    /// The file is not what it says.
    Broken(Issue),
}

impl Stop {
    pub(crate) fn broken(code: IssueCode, offset: u64, detail: String) -> Self {
        Self::Broken(Issue { code, offset: Some(offset), detail })
    }

    pub(crate) fn limit(code: IssueCode, offset: u64, detail: String) -> Self {
        Self::Limit(Issue { code, offset: Some(offset), detail })
    }
}

/// An [`Extracted`] under construction. What a parser wrote stays, however it ends.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) extracted: Extracted,
    pub(crate) limits: &'a Limits,
    /// Set once the content proves the format; until then the result is "not ours".
    ours: bool,
    /// Something was met that is shorter than it says.
    cut: bool,
    issues_dropped: u64,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(kind: FileKind, limits: &'a Limits) -> Self {
        Self { extracted: Extracted::new(kind), limits, ours: false, cut: false, issues_dropped: 0 }
    }

    /// Says that the file is of this format, broken or not.
    pub(crate) fn claim(&mut self) {
        self.ours = true;
        // However early the reading ends, the result of a model format has a model in it.
        if self.extracted.kind.is_model() {
            self.model();
        }
    }

    /// Says which of the formats that start alike this one is.
    pub(crate) fn claim_as(&mut self, kind: FileKind) {
        self.ours = true;
        self.extracted.kind = kind;
        self.model().format = kind;
    }

    /// Says that it is something that is no model.
    pub(crate) fn claim_plain(&mut self, kind: FileKind) {
        self.ours = true;
        self.extracted.kind = kind;
    }

    /// Whether the format was proved.
    pub(crate) fn is_claimed(&self) -> bool {
        self.ours
    }

    /// Whether a length or a count leads out of the file, at any depth: a sum over the parts is then no sum.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(crate) fn model(&mut self) -> &mut ModelMetadata {
        let kind = self.extracted.kind;
        self.extracted.model.get_or_insert_with(|| ModelMetadata::new(kind))
    }

    pub(crate) fn issue(&mut self, code: IssueCode, offset: Option<u64>, detail: String) {
        self.push(Issue { code, offset, detail });
    }

    /// A number or switch that shapes the model. `value` is a number, or was cut to the limit.
    pub(crate) fn hyperparameter(&mut self, key: &str, value: impl ToString) {
        self.model().hyperparameters.insert(key.to_string(), value.to_string());
    }

    /// Turns the end of one part into issues, so that the next part can still be tried. Only a failed read goes on up.
    pub(crate) fn absorb(&mut self, outcome: Result<(), Stop>) -> Result<(), Stop> {
        match outcome {
            Ok(()) => Ok(()),
            Err(Stop::Read(error)) => Err(Stop::Read(error)),
            Err(Stop::Limit(issue)) => {
                self.extracted.truncated = true;
                self.push(issue);
                Ok(())
            }
            Err(Stop::Broken(issue)) => {
                self.push(issue);
                Ok(())
            }
        }
    }

    /// Text of the file as a value to store: replaced where it is not UTF-8, cut at the limit, both with an issue.
    pub(crate) fn value(&mut self, what: &str, offset: u64, bytes: &[u8]) -> String {
        let limit = self.limits.value_bytes;
        let text = String::from_utf8_lossy(bytes);
        if core::str::from_utf8(bytes).is_err() {
            self.issue(IssueCode::InvalidUtf8, Some(offset), format!("{what} is not UTF-8"));
        }
        if text.len() <= limit {
            return text.into_owned();
        }
        let detail = format!("{what} of {} bytes is kept up to {limit} bytes", bytes.len());
        self.issue(IssueCode::ValueCut, Some(offset), detail);
        cut(&text, limit).to_string()
    }

    /// The result, or `None` if the file is of another format.
    pub(crate) fn finish(mut self) -> Option<Extracted> {
        if !self.ours {
            return None;
        }
        if self.issues_dropped > 0 {
            let detail = format!("{} more issues", self.issues_dropped);
            self.extracted.issues.push(Issue { code: IssueCode::IssuesDropped, offset: None, detail });
        }
        Some(self.extracted)
    }

    fn push(&mut self, issue: Issue) {
        self.cut |= matches!(issue.code, IssueCode::LengthExceedsFile | IssueCode::CountExceedsFile);
        if self.extracted.issues.len() < self.limits.issues {
            self.extracted.issues.push(issue);
        } else {
            self.issues_dropped = self.issues_dropped.saturating_add(1);
        }
    }
}

/// A name from the file, short enough to stand inside an issue.
pub(crate) fn brief(name: &str) -> &str {
    cut(name, 80)
}

/// The longest prefix of `text` that has at most `limit` bytes and ends on a character.
fn cut(text: &str, limit: usize) -> &str {
    (0..=limit.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}
