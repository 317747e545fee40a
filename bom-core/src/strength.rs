//! Loaded, or merely touched: what each thing that was recorded of a file says of its use. The only place where it is
//! said; docs/confidence.md shows this table, and a test compares the two.

use crate::fact::Strength;

/// Something recorded of a process and a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// Opened by a descriptor that cannot read: a path only (O_PATH), or write only.
    OpenedNotToRead,
    /// Opened by a descriptor that can read, received as one from another process, or held as one by a sweep's account.
    OpenedToRead,
    /// Content was read, by whatever call.
    Read,
    /// Mapped into memory as data.
    MappedAsData,
    /// Mapped as code.
    MappedAsCode,
    /// A sweep met it mapped.
    SweptMapped,
    /// Started as a program.
    Executed,
    /// Whatever was done, by a program whose work is to handle files without loading them ([`crate::identify::Handler`]).
    Handled,
}

/// What was recorded, what it counts as, and why.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub deed: Deed,
    pub strength: Strength,
    pub text: &'static str,
    pub why: &'static str,
}

pub const RULES: &[Rule] = &[
    Rule {
        deed: Deed::OpenedNotToRead,
        strength: Strength::Enumerated,
        text: "opened by a descriptor that cannot read (O_PATH, write only)",
        why: "a look at what is there, or a file being made",
    },
    Rule {
        deed: Deed::OpenedToRead,
        strength: Strength::Opened,
        text: "opened by a descriptor that can read, or received or held as one",
        why: "it could be read; whether it was is another record",
    },
    Rule {
        deed: Deed::Read,
        strength: Strength::ReadOrMapped,
        text: "content taken, by any call",
        why: "a header that is read looks the same as weights that are",
    },
    Rule {
        deed: Deed::MappedAsData,
        strength: Strength::ReadOrMapped,
        text: "mapped into memory as data",
        why: "libraries of weights map the whole file, whatever they want of it",
    },
    Rule {
        deed: Deed::SweptMapped,
        strength: Strength::ReadOrMapped,
        text: "met mapped by a sweep",
        why: "how it came there was not seen",
    },
    Rule {
        deed: Deed::MappedAsCode,
        strength: Strength::Executed,
        text: "mapped as code",
        why: "what a loader does with a library; which of its code ran is not known",
    },
    Rule {
        deed: Deed::Executed,
        strength: Strength::Executed,
        text: "started as a program",
        why: "the kernel did it",
    },
    Rule {
        deed: Deed::Handled,
        strength: Strength::Enumerated,
        text: "any of these, by a copier, hasher, archiver, scanner or package manager that is what its package installed",
        why: "it handles files and loads none; the fact stays, with what was seen",
    },
];

/// What a deed counts as.
pub const fn of(deed: Deed) -> Strength {
    match deed {
        Deed::OpenedNotToRead | Deed::Handled => Strength::Enumerated,
        Deed::OpenedToRead => Strength::Opened,
        Deed::Read | Deed::MappedAsData | Deed::SweptMapped => Strength::ReadOrMapped,
        Deed::MappedAsCode | Deed::Executed => Strength::Executed,
    }
}

/// The deed of an open.
pub const fn opened(can_read: bool) -> Strength {
    of(if can_read { Deed::OpenedToRead } else { Deed::OpenedNotToRead })
}

/// The deed of a mapping.
pub const fn mapped(as_code: bool) -> Strength {
    of(if as_code { Deed::MappedAsCode } else { Deed::MappedAsData })
}

#[cfg(test)]
mod tests {
    use super::{RULES, of};

    #[test]
    fn the_table_says_what_the_code_does() {
        for rule in RULES {
            assert_eq!(of(rule.deed), rule.strength, "{:?}", rule.deed);
        }
        assert_eq!(RULES.len(), 8, "one row for each deed");
    }
}
