//! One reason why a class is not complete.

use super::rules;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// A probe the class depends on did not run.
    Probe(String),
    /// A probe the class depends on was attached and told nothing.
    Silent(String),
    /// Facts of this kind were lost for this cause.
    Lost(String),
    /// A known way past the probes that nothing watches; an id of [`rules::ESCAPES`].
    Unwatched(&'static str),
    /// A known way past the probes that may have been used; an id of [`rules::ESCAPES`].
    Suspected(&'static str),
    /// The subject was running before we looked.
    AlreadyRunning,
    /// The subject outlived the observation.
    StillRunning,
    /// What these files are could not be found out.
    Unreadable,
    /// The observation never came to its end: it was cut off, and its last losses are not known.
    Unfinished,
}

impl Gap {
    /// Stable kebab-case code.
    pub fn code(&self) -> String {
        match self {
            Self::Probe(name) => format!("probe-missing:{name}"),
            Self::Silent(name) => format!("probe-silent:{name}"),
            Self::Lost(cause) => format!("lost:{cause}"),
            Self::Unwatched(id) => format!("unwatched:{id}"),
            Self::Suspected(id) => format!("suspected:{id}"),
            Self::AlreadyRunning => "already-running".to_owned(),
            Self::StillRunning => "still-running".to_owned(),
            Self::Unreadable => "unreadable-files".to_owned(),
            Self::Unfinished => "unfinished".to_owned(),
        }
    }

    /// One sentence for a person.
    pub fn text(&self) -> String {
        match self {
            Self::Probe(name) => format!("probe {name} did not run"),
            Self::Silent(name) => format!("probe {name} told nothing of what it was to tell of"),
            Self::Lost(cause) => format!("records were lost: {cause}"),
            Self::Unwatched(id) => format!("not watched: {}", rules::describe(id)),
            Self::Suspected(id) => format!("may have happened unseen: {}", rules::describe(id)),
            Self::AlreadyRunning => "was running before the observation began".to_owned(),
            Self::StillRunning => "was still running when the observation ended".to_owned(),
            Self::Unreadable => "some opened files could not be read to tell what they are".to_owned(),
            Self::Unfinished => "the observation was cut off before its end".to_owned(),
        }
    }
}
