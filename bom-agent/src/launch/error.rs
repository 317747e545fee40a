//! Why the command did not start, and the exit code that says so.

use std::{ffi::OsString, io};

#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("find {program:?}, or the interpreter it names")]
    NotFound { program: OsString, source: io::Error },
    #[error("execute {program:?}")]
    NotExecutable { program: OsString, source: io::Error },
    #[error("an argument or environment variable holds a zero byte")]
    ZeroByte,
    #[error(
        "{variable}={value:?} is not a user or group number; say who runs the command: --user NAME or UID:GID"
    )]
    Sudo { variable: &'static str, value: OsString },
    #[error("{given:?} is not NAME, UID or UID:GID")]
    UserSyntax { given: String },
    #[error(
        "there is no user {given:?} here; for a number without an account give the group as well: UID:GID"
    )]
    UnknownUser { given: String },
    #[error("look up user {given:?}")]
    UserLookup { given: String, source: io::Error },
    #[error("run the command as user {uid}: only root can; run aibom with sudo or leave --user out")]
    SwitchRefused { uid: u32 },
    #[error("fork")]
    Fork(#[source] io::Error),
    #[error("in the new process, {stage}")]
    Prepare { stage: Stage, source: io::Error },
    #[error("learn from the new process whether it started")]
    Report(#[source] io::Error),
}

impl LaunchError {
    /// As env(1) and shells have it: 127 not found, 126 not executable, 125 it is our own failure.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
            Self::ZeroByte
            | Self::Sudo { .. }
            | Self::UserSyntax { .. }
            | Self::UnknownUser { .. }
            | Self::UserLookup { .. }
            | Self::SwitchRefused { .. }
            | Self::Fork(_)
            | Self::Prepare { .. }
            | Self::Report(_) => 125,
        }
    }
}

/// How far the new process came. The numbers travel through the error pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    Limits = 1,
    Signals = 2,
    Join = 3,
    Descriptors = 4,
    Capabilities = 5,
    Groups = 6,
    Group = 7,
    User = 8,
    Execute = 9,
}

impl Stage {
    pub(super) const fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            1 => Some(Self::Limits),
            2 => Some(Self::Signals),
            3 => Some(Self::Join),
            4 => Some(Self::Descriptors),
            5 => Some(Self::Capabilities),
            6 => Some(Self::Groups),
            7 => Some(Self::Group),
            8 => Some(Self::User),
            9 => Some(Self::Execute),
            _ => None,
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Limits => "restore resource limits",
            Self::Signals => "reset signals",
            Self::Join => "join the session's cgroup",
            Self::Descriptors => "close descriptors",
            Self::Capabilities => "clear capabilities",
            Self::Groups => "set the supplementary groups",
            Self::Group => "set the group",
            Self::User => "set the user",
            Self::Execute => "execute",
        })
    }
}
