//! `AIBOM-VM ROW VERDICT DETAIL`: the lines that a machine prints for us (`bom-testkit/vm/src/line.rs`).

use std::collections::BTreeMap;

use anyhow::{Result, bail};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Seen,
    Declared,
    Impossible,
    Failed,
    Note,
}

impl Verdict {
    const ALL: [(&'static str, Self); 5] = [
        ("seen", Self::Seen),
        ("declared", Self::Declared),
        ("impossible", Self::Impossible),
        ("failed", Self::Failed),
        ("note", Self::Note),
    ];

    pub(super) fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, verdict)| *verdict == self).map_or("?", |(word, _)| word)
    }
}

/// What one machine said: row → verdict and detail. The row is `TIER/NAME`, or a name without a tier.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) rows: BTreeMap<String, (Verdict, String)>,
}

impl Lines {
    /// Reads a console. Without the last line of the list the machine was cut short, and nothing it said counts.
    pub(super) fn read(console: &[String]) -> Result<Self> {
        let mut lines = Self::default();
        for line in console.iter().filter_map(|line| line.strip_prefix("AIBOM-VM ")) {
            let mut words = line.splitn(3, ' ');
            let (Some(row), Some(word)) = (words.next(), words.next()) else {
                bail!("the machine printed a line that is cut short: {line}");
            };
            let Some((_, verdict)) = Verdict::ALL.iter().find(|(known, _)| *known == word) else {
                bail!("the machine printed a verdict nobody knows: {line}");
            };
            let detail = words.next().unwrap_or_default().trim().to_owned();
            if lines.rows.insert(row.to_owned(), (*verdict, detail)).is_some() {
                bail!("the machine printed a row twice: {row}");
            }
        }
        if lines.rows.remove("end").is_none() {
            bail!("the machine did not come to its last row");
        }
        Ok(lines)
    }

    pub(super) fn detail(&self, row: &str) -> &str {
        self.rows.get(row).map_or("", |(_, detail)| detail)
    }

    /// Rows that say something about the product, in order.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = (&str, Verdict, &str)> {
        let rows = self.rows.iter().filter(|(_, (verdict, _))| *verdict != Verdict::Note);
        rows.map(|(row, (verdict, detail))| (row.as_str(), *verdict, detail.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Lines> {
        Lines::read(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn reads_a_console() {
        let lines = read("[ 0.1] boot\nAIBOM-VM kernel note 6.1.0\n\nAIBOM-VM base/open seen probe 4\nAIBOM-VM end note x\n")
            .expect("complete");
        assert_eq!(lines.detail("kernel"), "6.1.0");
        assert_eq!(lines.verdicts().collect::<Vec<_>>(), [("base/open", Verdict::Seen, "probe 4")]);
    }

    #[test]
    fn refuses_what_is_not_whole() {
        for (name, text, expected) in [
            ("nothing", "", "last row"),
            ("cut_short", "AIBOM-VM base/open seen\n", "last row"),
            ("word", "AIBOM-VM base/open fine x\nAIBOM-VM end note x\n", "nobody knows"),
            ("half_a_line", "AIBOM-VM base/open\nAIBOM-VM end note\n", "cut short"),
            ("twice", "AIBOM-VM a seen x\nAIBOM-VM a failed y\nAIBOM-VM end note\n", "twice"),
        ] {
            let error = read(text).expect_err(name).to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}
