//! `--fail-on`: which findings fail.

use crate::declared::Kind;
use crate::diff::{Finding, Severity, code};

/// Terms joined by `,` (any of them), of words joined by `+` (all of them), each with `!` in front for "not".
///
/// A word is a code, a kind, a severity (that or worse), `any` or `none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression(Vec<Vec<(bool, Word)>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Code(&'static str),
    Kind(Kind),
    Severity(Severity),
    Any,
    None,
}

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// A word that is nothing.
    #[error(
        "unknown word {word:?}: a finding's code, a kind ({}), note, warning, error, any or none",
        kinds()
    )]
    Unknown {
        /// The word.
        word: String,
    },
    /// Two commas, or nothing at all.
    #[error("an empty term")]
    Empty,
}

fn kinds() -> String {
    Kind::ALL.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(", ")
}

impl Expression {
    /// Reads an expression.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let terms = text.split(',').map(|term| term.split('+').map(factor).collect::<Result<Vec<_>, _>>());
        Ok(Self(terms.collect::<Result<_, _>>()?))
    }

    /// Whether a finding is meant.
    pub fn takes(&self, finding: &Finding) -> bool {
        self.0.iter().any(|term| term.iter().all(|(wanted, word)| word.takes(finding) == *wanted))
    }
}

impl Default for Expression {
    /// Errors.
    fn default() -> Self {
        Self(vec![vec![(true, Word::Severity(Severity::Error))]])
    }
}

impl Word {
    fn takes(&self, finding: &Finding) -> bool {
        match self {
            Self::Code(word) => finding.code.code == *word,
            Self::Kind(kind) => finding.kind == Some(*kind),
            Self::Severity(severity) => finding.severity >= *severity,
            Self::Any => true,
            Self::None => false,
        }
    }
}

fn factor(text: &str) -> Result<(bool, Word), ExpressionError> {
    let text = text.trim();
    let (wanted, word) = match text.strip_prefix('!') {
        Some(rest) => (false, rest.trim()),
        None => (true, text),
    };
    let found = match word {
        "" => return Err(ExpressionError::Empty),
        "any" => Word::Any,
        "none" => Word::None,
        _ => match (Severity::from_word(word), code(word), Kind::ALL.iter().find(|kind| kind.word() == word))
        {
            (Some(severity), _, _) => Word::Severity(severity),
            (None, Some(row), _) => Word::Code(row.code),
            (None, None, Some(kind)) => Word::Kind(*kind),
            (None, None, None) => {
                return Err(ExpressionError::Unknown { word: word.chars().take(64).collect() });
            }
        },
    };
    Ok((wanted, found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::codes;

    #[test]
    fn expressions_take_what_they_say() {
        let model = Finding::new(codes::UNDECLARED_MODEL, "w", Some(Kind::Model), "m", "");
        let note = Finding::new(codes::MOVED, "w", Some(Kind::Model), "m", "");
        for (text, takes_model, takes_note) in [
            ("error", true, false),
            ("note", true, true),
            ("moved", false, true),
            ("model", true, true),
            ("model+error", true, false),
            ("model+!error", false, true),
            ("moved,undeclared-model", true, true),
            ("none", false, false),
            ("any", true, true),
        ] {
            let expression = Expression::parse(text).expect(text);
            assert_eq!(
                (expression.takes(&model), expression.takes(&note)),
                (takes_model, takes_note),
                "{text}"
            );
        }
        for text in ["", "a,,b", "errors", "model+", "!"] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
