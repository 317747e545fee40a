//! The lines that leave the machine: `AIBOM-VM ROW VERDICT DETAIL`, one for each row, on the serial console.
//!
//! The console mixes them with the kernel's own messages, so a line begins on a fresh line and is written in one piece;
//! nothing in it can be a line break. `xtask/src/vm/lines.rs` reads them.

use std::fmt::Display;

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The document has the fact.
    Seen,
    /// It has not, and names a reason that covers it.
    Declared,
    /// It has not and says nothing, or aibom itself failed.
    Failed,
    /// This kernel cannot do what the row does.
    Impossible,
    /// Something to be shown that is neither good nor bad: a version, the state of a probe.
    Note,
}

impl Verdict {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Declared => "declared",
            Self::Failed => "failed",
            Self::Impossible => "impossible",
            Self::Note => "note",
        }
    }
}

pub(crate) fn print(row: &str, verdict: Verdict, detail: impl Display) {
    let detail = detail.to_string();
    let clean: String = detail.chars().map(|c| if c.is_control() { ' ' } else { c }).take(2000).collect();
    println!("\nAIBOM-VM {row} {} {clean}", verdict.word());
}
