//! Coverage: what we could and could not see, a value beside the inventory.
//!
//! Only shortfalls are stored, so that a merge can never make a claim stronger: what is complete
//! is what has a window and no gap. `rules` is the table of every known way past a probe.

mod escapes;
mod gap;
pub mod light;
mod page;
pub mod rules;
mod standing;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use gap::Gap;
pub use standing::is_standing;

use crate::{
    join::{Intervals, Join, Max, Min},
    key::{ProcessKey, SubjectKey},
};

/// What coverage is stated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Models,
    Libraries,
    Packages,
    Endpoints,
    Programs,
}

impl Class {
    pub const ALL: [Self; 5] =
        [Self::Models, Self::Libraries, Self::Packages, Self::Endpoints, Self::Programs];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Models => "models",
            Self::Libraries => "libraries",
            Self::Packages => "packages",
            Self::Endpoints => "endpoints",
            Self::Programs => "programs",
        }
    }
}

/// One probe of one epoch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProbeState {
    /// `bom_common::record::probe`.
    pub number: u16,
    pub name: String,
    pub status: ProbeStatus,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProbeStatus {
    Attached,
    /// The kernel's own words.
    Refused(String),
    /// Not asked for.
    LeftOut,
    /// Attached, but it did not tell of something that was done for it to tell of.
    Silent,
}

/// Coverage of one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    pub cells: BTreeMap<(SubjectKey, Class), Cell>,
    pub probes: BTreeSet<ProbeState>,
    /// Cause and, if it is known, the subject it concerns.
    pub losses: BTreeMap<(String, Option<SubjectKey>), Loss>,
    /// Processes of the subject that outlived the observation.
    pub still_running: BTreeMap<SubjectKey, BTreeSet<ProcessKey>>,
    /// What the probes counted, for reference.
    pub counters: BTreeMap<String, Max<u64>>,
    /// Those of them that are known to concern one subject.
    pub subject_counters: BTreeMap<SubjectKey, BTreeMap<String, Max<u64>>>,
}

crate::join::join_fields!(Coverage: cells, probes, losses, still_running, counters, subject_counters);

/// Coverage of one class for one subject: when it was watched, and what stands against "complete".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Nanoseconds of CLOCK_BOOTTIME.
    pub window: Intervals,
    pub gaps: BTreeSet<Gap>,
}

crate::join::join_fields!(Cell: window, gaps);

impl Cell {
    pub fn is_complete(&self) -> bool {
        self.window.first().is_some() && self.gaps.is_empty()
    }
}

/// A number of things that did not arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub count: Max<u64>,
    /// The interval within which it happened, nanoseconds of CLOCK_BOOTTIME.
    pub from_ns: Min<u64>,
    pub to_ns: Max<u64>,
}

crate::join::join_fields!(Loss: count, from_ns, to_ns);

impl Coverage {
    /// Whether the class is complete for the subject; `None` if it was not looked at.
    pub fn is_complete(&self, subject: &SubjectKey, class: Class) -> Option<bool> {
        self.cells.get(&(subject.clone(), class)).map(Cell::is_complete)
    }

    /// Records a loss; its count replaces a smaller one of the same cause.
    pub fn lose(&mut self, cause: &str, subject: Option<SubjectKey>, count: u64, from_ns: u64, to_ns: u64) {
        let loss = Loss { count: Max(count), from_ns: Min(from_ns), to_ns: Max(to_ns) };
        let mut one = BTreeMap::new();
        one.insert((cause.to_owned(), subject), loss);
        self.losses.join(one);
    }
}
