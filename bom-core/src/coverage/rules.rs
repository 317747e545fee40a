//! What is said of a class: the known ways past the probes (`escapes`), and what closes or watches each, applied to one
//! subject.

use std::collections::BTreeSet;

use super::{
    Class, Gap,
    light::{self, LIGHT, LIGHT_CLOSES, OPENING, STANDS_IN},
};

pub use super::{
    escapes::{ESCAPES, REQUIRED, UPPER},
    page::page,
};

/// What the rules are applied to: one subject of one epoch.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Names of the probes that were attached.
    pub alive: BTreeSet<String>,
    /// Names of those that were, and told nothing when they should have.
    pub silent: BTreeSet<String>,
    /// Detectors that went off.
    pub detected: BTreeSet<Detector>,
}

/// Something that is counted because a fact may hide behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detector {
    /// A process of the subject had more than one thread.
    Threads,
    /// A descriptor was gone or replaced before the probe looked.
    UnresolvedDescriptor,
    /// io_uring opened a file into a direct descriptor.
    DirectDescriptor,
    /// A connection whose name is not known.
    Nameless,
    /// A connection whose real name is encrypted.
    EncryptedHello,
    /// A stream head or datagram that could not be decoded.
    Undecoded,
    /// An image that is in no file system was executed.
    MemoryImage,
    /// A packet had headers the probe does not parse.
    UnparsedPacket,
    /// Code of a package was read by a program that is not known to run it.
    UnknownReader,
    /// A process of the subject made an io_uring.
    Uring,
    /// A process whose start was not seen: it was moved in from outside.
    EarlierLife,
    /// A packet of a cgroup that no task had shown.
    Unattributed,
    /// A process could run code that is no file's own content.
    ExecutableMemory,
    /// A process had memory that 32-bit system calls can point to.
    LowMemory,
    /// An open that was handed to io_uring, of which no completion was seen.
    UringSilent,
    /// A mapping whose file could not be looked at.
    UnresolvedMapping,
    /// A whole block device was read.
    BlockDevice,
    /// A device that takes whole packets from a process was opened.
    PacketDevice,
    /// A socket was received from another process.
    SocketPassed,
    /// A file was not the same at the end as when it was opened, was gone, or could be written to through a mapping.
    ChangedAfterOpen,
    /// A file could have been opened unseen: one of [`UNSEEN`].
    UnseenOpening,
    /// Data of a socket that no process of the subject was seen to connect.
    SocketUnknown,
    /// A unix socket was connected to a process outside the subject.
    UnixPeer,
    /// A unix datagram socket, which can send to any name without being connected.
    UnixDatagram,
    /// A peer on this machine that is not known to belong to the subject.
    LocalPeer,
    /// A socket of a family or protocol that is not followed.
    OtherFamily,
    /// A process of the subject was in none of its cgroups, or made a socket there.
    LeftCgroup,
    /// A request in plain text to a proxy, after which others can go elsewhere.
    PlainProxy,
    /// An interpreter opened code that no installer's list or manifest names.
    UnlistedCode,
    /// An interpreter of a language whose packages are not told apart was executed.
    OtherInterpreter,
    /// A program was executed that no list names and that does not say what it was built from.
    UnlistedProgram,
    /// An archive was opened of whose members something is not known.
    ArchiveOpened,
    /// A dynamic loader was executed by name, or a program's file was loaded by something else than the kernel.
    LoadedProgram,
    /// A process of the subject called bpf(), and was let.
    BpfCalled,
    /// A large file was read whose format is not known.
    UnknownFormat,
    /// A unix socket of the subject waits to be called.
    UnixListener,
    /// A connection was not closed when the observation ended: it is not known how much came over it.
    OpenConnection,
    /// Content can have come out of a pipe, or out of the memory of another process.
    OtherSource,
    /// Much came over the network, or content can have come otherwise than from a file: one of [`STREAMING`].
    Streamed,
    /// The same, however little came over the network.
    StreamedCode,
}

/// What keeps an escape from making a class incomplete.
#[derive(Clone, Copy, Debug)]
pub enum Watch {
    /// These probes see it.
    Probes(&'static [&'static str]),
    /// This detector would have gone off, given that these probes ran.
    Detector(Detector, &'static [&'static str]),
    /// The first of these whose probes run.
    First(&'static [Watch]),
}

#[derive(Clone, Copy, Debug)]
pub struct Escape {
    pub id: &'static str,
    pub classes: &'static [Class],
    pub watch: Watch,
    pub text: &'static str,
}

/// Detectors of the ways in which a file can be opened without a record of it.
pub const UNSEEN: [Detector; 6] = [
    Detector::Threads,
    Detector::UnresolvedDescriptor,
    Detector::DirectDescriptor,
    Detector::UringSilent,
    Detector::LowMemory,
    Detector::EarlierLife,
];

/// Detectors of the ways in which content can come from somewhere else than a file, without its bytes being counted.
pub const STREAMING: [Detector; 12] = [
    Detector::OpenConnection,
    Detector::OtherSource,
    Detector::UnixPeer,
    Detector::UnixListener,
    Detector::UnixDatagram,
    Detector::SocketPassed,
    Detector::SocketUnknown,
    Detector::OtherFamily,
    Detector::PacketDevice,
    Detector::UnparsedPacket,
    Detector::LeftCgroup,
    Detector::Uring,
];

impl Watch {
    /// What watches here: `None` if its probes did not run.
    fn of(self, seen: &Seen) -> Option<Self> {
        match self {
            Self::Probes(probes) | Self::Detector(_, probes) => {
                missing(probes, seen).next().is_none().then_some(self)
            }
            Self::First(all) => all.iter().find_map(|watch| watch.of(seen)),
        }
    }

    /// Every probe it names.
    pub fn probes(self) -> Vec<&'static str> {
        match self {
            Self::Probes(probes) | Self::Detector(_, probes) => probes.to_vec(),
            Self::First(all) => all.iter().flat_map(|watch| watch.probes()).collect(),
        }
    }

    /// A cell of docs/coverage.md.
    pub(super) fn text(self) -> String {
        match self {
            Self::Probes(probes) => format!("seen by {}", probes.join(", ")),
            Self::Detector(detector, []) => format!("detector {detector:?}"),
            Self::Detector(detector, probes) => {
                format!("detector {detector:?}, while {} run", probes.join(", "))
            }
            Self::First(all) => all.iter().map(|watch| watch.text()).collect::<Vec<_>>().join("; else "),
        }
    }
}

/// Whether the upper tier sees it.
fn closed_above(id: &str, seen: &Seen) -> bool {
    UPPER.iter().any(|(closed, probes)| *closed == id && missing(probes, seen).next().is_none())
        || light::stands_in(seen) && LIGHT_CLOSES.contains(&id)
}

/// The gaps of one class.
pub fn gaps(class: Class, seen: &Seen) -> BTreeSet<Gap> {
    let mut gaps = BTreeSet::new();
    for (classes, probes) in REQUIRED {
        if classes.contains(&class) {
            gaps.extend(missing(probes, seen));
        }
    }
    let light = if light::stands_in(seen) { LIGHT } else { &[] };
    for escape in ESCAPES.iter().chain(light).filter(|escape| escape.classes.contains(&class)) {
        if closed_above(escape.id, seen) {
            continue;
        }
        match escape.watch.of(seen) {
            Some(Watch::Probes(_)) => {}
            Some(Watch::Detector(detector, _)) => {
                if seen.detected.contains(&detector) {
                    gaps.insert(Gap::Suspected(escape.id));
                }
            }
            Some(Watch::First(_)) | None => {
                gaps.insert(Gap::Unwatched(escape.id));
            }
        }
    }
    gaps
}

fn missing<'a>(probes: &'a [&'a str], seen: &'a Seen) -> impl Iterator<Item = Gap> + 'a {
    let alive = |probe: &str| {
        seen.alive.contains(probe) || OPENING.contains(&probe) && seen.alive.contains(STANDS_IN)
    };
    probes.iter().filter(move |&&probe| !alive(probe)).map(|&probe| {
        // Who was to stand in for it told nothing.
        let stood_in = OPENING.contains(&probe) && seen.silent.contains(STANDS_IN);
        let probe = if stood_in { STANDS_IN } else { probe };
        match seen.silent.contains(probe) {
            true => Gap::Silent(probe.to_owned()),
            false => Gap::Probe(probe.to_owned()),
        }
    })
}

/// The sentence of an escape.
pub fn describe(id: &str) -> &'static str {
    ESCAPES
        .iter()
        .chain(LIGHT)
        .find(|escape| escape.id == id)
        .map_or("an escape this build does not know", |escape| escape.text)
}
