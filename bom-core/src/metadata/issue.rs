use core::fmt;

use serde::{Deserialize, Serialize};

/// What kind of thing is wrong with a file. The text form is stable and kebab-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssueCode {
    /// A length or offset points past the end of the file.
    LengthExceedsFile,
    /// A count of entries cannot fit in what is left of the file.
    CountExceedsFile,
    /// A length is larger than we are willing to read.
    LengthExceedsLimit,
    /// A count is larger than we are willing to walk.
    CountExceedsLimit,
    /// A product or sum of numbers in the header does not fit in 64 bits.
    ArithmeticOverflow,
    /// The reader's budget of bytes, reads or kept memory was spent.
    BudgetSpent,
    /// The file ended before the length it had when it was opened.
    ShortRead,
    /// The version is not one this extractor knows.
    UnsupportedVersion,
    /// The header does not follow the grammar of its format.
    MalformedHeader,
    /// A field the format requires is not there.
    MissingField,
    /// A field is there but its value makes no sense.
    InvalidValue,
    /// Text that has to be UTF-8 is not; the bad bytes were replaced.
    InvalidUtf8,
    /// A stored value was cut to the limit for kept text.
    ValueCut,
    /// A key or tensor name appears twice: two readers may disagree on its value.
    DuplicateKey,
    /// A type number or name is not in the format's list.
    UnknownType,
    /// Bytes between two tensors belong to neither.
    Hole,
    /// Two tensors share bytes.
    Overlap,
    /// The shape and the data of a tensor disagree.
    SizeMismatch,
    /// Bytes follow the last tensor: cut short by nobody, read by nobody, good for hiding another file.
    TrailingData,
    /// Values are nested deeper than the limit.
    NestingTooDeep,
    /// A weight file is named by a path that leaves the model's folder.
    ExternalPathEscapes,
    /// Operators come from a domain that only a native plug-in can provide.
    CustomOperatorDomain,
    /// A chat template reaches for the interpreter behind the template engine.
    SuspiciousTemplate,
    /// Loading the file imports something that runs commands or code, or reaches files or the network.
    DangerousImport,
    /// The file carries code that runs when it is loaded or used: serialised functions, native libraries, source to import.
    HiddenCode,
    /// An import is made whose name cannot be told without running the file.
    UnknownImport,
    /// A compressed part grows beyond the limit for what is unpacked.
    RatioExceedsLimit,
    /// Two places of a container that have to agree on a name or size do not.
    NameMismatch,
    /// There were more issues than are kept; the detail says how many.
    IssuesDropped,
}

impl IssueCode {
    /// The stable name, the same as in recordings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LengthExceedsFile => "length-exceeds-file",
            Self::CountExceedsFile => "count-exceeds-file",
            Self::LengthExceedsLimit => "length-exceeds-limit",
            Self::CountExceedsLimit => "count-exceeds-limit",
            Self::ArithmeticOverflow => "arithmetic-overflow",
            Self::BudgetSpent => "budget-spent",
            Self::ShortRead => "short-read",
            Self::UnsupportedVersion => "unsupported-version",
            Self::MalformedHeader => "malformed-header",
            Self::MissingField => "missing-field",
            Self::InvalidValue => "invalid-value",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::ValueCut => "value-cut",
            Self::DuplicateKey => "duplicate-key",
            Self::UnknownType => "unknown-type",
            Self::Hole => "hole",
            Self::Overlap => "overlap",
            Self::SizeMismatch => "size-mismatch",
            Self::TrailingData => "trailing-data",
            Self::NestingTooDeep => "nesting-too-deep",
            Self::ExternalPathEscapes => "external-path-escapes",
            Self::CustomOperatorDomain => "custom-operator-domain",
            Self::SuspiciousTemplate => "suspicious-template",
            Self::DangerousImport => "dangerous-import",
            Self::HiddenCode => "hidden-code",
            Self::UnknownImport => "unknown-import",
            Self::RatioExceedsLimit => "ratio-exceeds-limit",
            Self::NameMismatch => "name-mismatch",
            Self::IssuesDropped => "issues-dropped",
        }
    }
}

impl fmt::Display for IssueCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing wrong with a file, or worth a second look.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Issue {
    /// What kind.
    pub code: IssueCode,
    /// Byte offset in the file of the field concerned; `None` if it concerns the file as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// One line, lower case, with the numbers: `header length 9000 exceeds file size 1024`. It can contain text from
    /// the file and must be escaped before it reaches a terminal.
    pub detail: String,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            Some(offset) => write!(f, "{} at offset {offset}: {}", self.code, self.detail),
            None => write!(f, "{}: {}", self.code, self.detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `as_str` and serde are two spellings of the same name; one of them could be forgotten.
    #[test]
    fn code_names_agree_with_recordings() {
        for code in [
            IssueCode::LengthExceedsFile,
            IssueCode::InvalidUtf8,
            IssueCode::ExternalPathEscapes,
            IssueCode::IssuesDropped,
        ] {
            let json = serde_json::to_string(&code).unwrap_or_default();
            assert_eq!(json, format!("\"{code}\""));
        }
    }
}
