//! Recall and precision: of each program, and of all together.

use std::collections::BTreeSet;

use bom_testkit::trial::Failed;

use crate::rows::Program;

/// Ecosystem, name as its index compares it, version.
pub(crate) type Package = (String, String, String);

/// How many packages of a program are on which side.
#[derive(Clone, Copy, Default)]
pub(crate) struct Figures {
    both: usize,
    only_theirs: usize,
    only_ours: usize,
}

impl Figures {
    pub(crate) fn of(theirs: &BTreeSet<Package>, ours: &BTreeSet<Package>) -> Self {
        Self {
            both: theirs.intersection(ours).count(),
            only_theirs: theirs.difference(ours).count(),
            only_ours: ours.difference(theirs).count(),
        }
    }
}

impl Figures {
    fn verdict(self) -> Result<(), Failed> {
        let Self { both, only_theirs, only_ours } = self;
        if (only_theirs + only_ours) * 100 > both + only_theirs + only_ours {
            return Err(format!("{only_theirs} missing and {only_ours} too many beside {both}").into());
        }
        Ok(())
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { both, only_theirs, only_ours } = *self;
        write!(
            out,
            "{:>4} imported, {:>4} in the BOM, recall {:>7}, precision {:>7}",
            both + only_theirs,
            both + only_ours,
            percent(both, both + only_theirs),
            percent(both, both + only_ours),
        )
    }
}

/// In hundredths, rounded down: 100 is said of nothing less.
fn percent(part: usize, whole: usize) -> String {
    let hundredths = (part * 10_000).checked_div(whole).unwrap_or_default();
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// All programs that ran and are not made to differ.
#[derive(Default)]
pub(crate) struct Accuracy {
    programs: usize,
    together: Figures,
}

impl Accuracy {
    /// Prints what came of one; an error if more than one package in a hundred differs.
    pub(crate) fn add(&mut self, program: &Program, figures: Figures) -> Result<(), Failed> {
        println!("    {:<16} {figures}", program.name);
        if program.contrived {
            return Ok(());
        }
        self.programs += 1;
        self.together.both += figures.both;
        self.together.only_theirs += figures.only_theirs;
        self.together.only_ours += figures.only_ours;
        figures.verdict()
    }

    pub(crate) fn verdict(&self) -> Result<(), Failed> {
        println!("    {} programs      {}", self.programs, self.together);
        self.together.verdict()
    }
}
