//! What differs between the processors that a machine can have.

use std::fmt;

/// The processor of an emulated machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Processor {
    Amd64,
    Arm64,
}

impl Processor {
    /// Debian's name.
    pub(super) const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The target of static programs.
    pub(super) const fn target(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-musl",
            Self::Arm64 => "aarch64-unknown-linux-musl",
        }
    }

    /// A linker that knows the target, if the system's does not. Nothing that is linked has C of its own.
    pub(super) const fn linker(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Amd64 => None,
            Self::Arm64 => Some(("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld")),
        }
    }

    /// The compiler of the bypass suite's programs.
    pub(super) const fn gcc(self) -> &'static str {
        match self {
            Self::Amd64 => "gcc",
            Self::Arm64 => "aarch64-linux-gnu-gcc",
        }
    }

    pub(super) const fn qemu(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    /// The machine: a processor that has what the kernels' packages are built for. Without `-cx16` QEMU 7.2 crashes on
    /// 6.12.
    pub(super) const fn machine(self) -> &'static [&'static str] {
        match self {
            Self::Amd64 => &["-cpu", "Haswell,-cx16"],
            // Pointer authentication is emulated by the slowest of algorithms otherwise.
            Self::Arm64 => &["-machine", "virt", "-cpu", "max,pauth-impdef=on"],
        }
    }

    /// The device of its first serial line.
    pub(super) const fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }
}

impl fmt::Display for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.debian())
    }
}
