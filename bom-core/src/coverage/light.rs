//! The light profile: opens are told of by fanotify, and no system call exit is watched.
//!
//! Rules beside those of [`super::rules`], which go on to hold.

use super::{
    Class,
    rules::{Escape, Seen, Watch},
};

const FILES: &[Class] = &[Class::Models, Class::Libraries, Class::Packages];

/// The exits by which opens are seen, where they are watched.
pub const OPENING: &[&str] =
    &["sys_exit_open", "sys_exit_openat", "sys_exit_openat2", "sys_exit_creat", "sys_exit_open_by_handle_at"];
/// What stands in for all of them in the light profile.
pub const STANDS_IN: &str = "fanotify_open";

/// Ways past what stands in for the system call exits. They count where it does.
pub const LIGHT: &[Escape] = &[
    Escape {
        id: "unmarked-file-system",
        classes: FILES,
        watch: Watch::Probes(&["security_file_open"]),
        text: "files on a file system that is not watched: mounted meanwhile or in a mount namespace not met yet, hidden under \
               another mount, in no namespace at all (a memfd opened again), or served by a process (FUSE)",
    },
    Escape {
        id: "merged-open",
        classes: FILES,
        watch: Watch::Probes(&["security_file_open"]),
        text: "of several opens of a file by one process that wait in the kernel's queue only the first is told: which of \
               its programs opened it again is not known",
    },
    Escape {
        id: "device-open",
        classes: &[Class::Models, Class::Libraries, Class::Packages, Class::Endpoints],
        watch: Watch::Probes(&["security_file_open"]),
        text: "devices that were opened and closed between two sweeps: only opens of regular files are told",
    },
    Escape {
        id: "unknown-access",
        classes: FILES,
        watch: Watch::Probes(&["mm_filemap_get_pages", "mm_filemap_map_pages", "mm_filemap_fault"]),
        text: "whether a file was opened for reading: that is known only of what was read, by these probes",
    },
    Escape {
        id: "unopened-event",
        classes: FILES,
        watch: Watch::Probes(&["fanotify_errors"]),
        text: "opens of which the kernel does not tell because it could not open the file a second time",
    },
];

/// Escapes that need nothing else where it stands in: whoever opens a file and however, it passes there.
pub const LIGHT_CLOSES: &[&str] = &[
    "io-uring-open",
    "io-uring-direct-descriptor",
    "io-uring-silent-open",
    "compat-system-call",
    "descriptor-race",
    "descriptor-gone",
];

/// Whether opens are told of by what stands in for the exits.
pub(super) fn stands_in(seen: &Seen) -> bool {
    seen.alive.contains(STANDS_IN) && OPENING.iter().any(|probe| !seen.alive.contains(*probe))
}
