//! What a conversion leaves out or changes.

use std::fmt;

/// Losses that are kept; the rest is counted.
const KEPT: usize = 100_000;
/// Characters of a detail that are kept.
const SHORT: usize = 200;

/// One thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lost {
    /// Where it was: a JSONPath into the document that was read.
    pub at: String,
    /// Why, or what stands there instead.
    pub detail: String,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.detail)
    }
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Losses {
    /// In the order of the document; the first hundred thousand.
    pub list: Vec<Lost>,
    /// Those beyond.
    pub further: u64,
}

impl Losses {
    /// How many.
    pub fn count(&self) -> u64 {
        u64::try_from(self.list.len()).unwrap_or(u64::MAX).saturating_add(self.further)
    }

    pub(super) fn add(&mut self, at: impl fmt::Display, detail: impl AsRef<str>) {
        if self.list.len() < KEPT {
            let detail = detail.as_ref().chars().take(SHORT).collect();
            self.list.push(Lost { at: at.to_string(), detail });
        } else {
            self.further = self.further.saturating_add(1);
        }
    }
}
