//! Packages as installers, build tools and manifests name them, in whatever ecosystem.

use serde::{Deserialize, Serialize};

use crate::{
    bom::{Purl, PurlError},
    path::SeenPath,
};

/// The world that a package's name and version belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ecosystem {
    /// Distributions of Python, by their names as METADATA writes them.
    Pypi,
    /// Packages of Node, `@scope/name` or `name`.
    Npm,
    /// Java artifacts, `group:artifact`; the artifact alone where nothing says the group.
    Maven,
    Gem,
    /// Modules of Go, by their paths.
    Golang,
    /// Crates of Rust.
    Cargo,
    Conda,
    Deb,
    Apk,
    Rpm,
    /// The library that comes with an interpreter, as `cpython`.
    Runtime,
}

impl Ecosystem {
    pub const ALL: [Self; 11] = [
        Self::Pypi,
        Self::Npm,
        Self::Maven,
        Self::Gem,
        Self::Golang,
        Self::Cargo,
        Self::Conda,
        Self::Deb,
        Self::Apk,
        Self::Rpm,
        Self::Runtime,
    ];

    /// The word in catalogs and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pypi => "pypi",
            Self::Npm => "npm",
            Self::Maven => "maven",
            Self::Gem => "gem",
            Self::Golang => "golang",
            Self::Cargo => "cargo",
            Self::Conda => "conda",
            Self::Deb => "deb",
            Self::Apk => "apk",
            Self::Rpm => "rpm",
            Self::Runtime => "runtime",
        }
    }
}

/// What makes a file part of a package, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The installer's list has this very file.
    List,
    /// It lies below the manifest of a package, where an installer puts packages.
    Manifest,
    /// It lies below the manifest of a project: whoever wrote the code named it.
    Project,
    /// Only the directory says so.
    Place,
}

impl Basis {
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Manifest => "manifest",
            Self::Project => "project",
            Self::Place => "place",
        }
    }

    /// Whether an installer put it there, as far as can be seen.
    pub const fn is_installed(self) -> bool {
        match self {
            Self::List | Self::Manifest => true,
            Self::Project | Self::Place => false,
        }
    }
}

/// A package that a file belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackageOwner {
    pub ecosystem: Ecosystem,
    pub basis: Basis,
    pub name: String,
    /// `None` if nothing says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// The list or manifest.
    pub source: SeenPath,
    /// SHA-256 that the list gives for the file, lower-case hex; claimed by the installer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_sha256: Option<String>,
}

/// A package that a file says it contains: a module linked into a program, a distribution inside an archive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListedPackage {
    pub ecosystem: Ecosystem,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Digest of the package's source, as the list gives it: `h1:…` of Go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// Package lists that were there and are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnreadList {
    /// `Packages`, which is no hash table of Berkeley DB as rpm before 4.16 made it.
    RpmBerkeley,
    /// `Packages.db`, which has not the format of rpm's own that SUSE uses.
    RpmNdb,
    /// `rpmdb.sqlite-wal` has changes that are not in the database yet.
    RpmWriteAhead,
}

impl UnreadList {
    pub const fn name(self) -> &'static str {
        match self {
            Self::RpmBerkeley => "rpm-berkeley",
            Self::RpmNdb => "rpm-ndb",
            Self::RpmWriteAhead => "rpm-write-ahead",
        }
    }
}

/// The package URL. `distribution` is ID and VERSION_ID of the system, which those of its own packages need.
///
/// # Errors
/// A part is missing or not allowed in a package URL.
pub fn purl(
    ecosystem: Ecosystem,
    name: &str,
    version: Option<&str>,
    architecture: Option<&str>,
    distribution: Option<(&str, &str)>,
) -> Result<Purl, PurlError> {
    let version = version.filter(|version| !version.is_empty());
    let distro = distribution.map(|(id, version)| format!("{id}-{version}"));
    let (vendor, distro) = (distribution.map_or("", |(id, _)| id), distro.as_deref());
    match ecosystem {
        Ecosystem::Pypi => Purl::pypi(name, version),
        Ecosystem::Npm => match name.split_once('/') {
            Some((scope, name)) => Purl::npm(Some(scope), name, version),
            None => Purl::npm(None, name, version),
        },
        Ecosystem::Maven => {
            let (group, artifact) =
                name.split_once(':').map_or((None, name), |(group, artifact)| (Some(group), artifact));
            Purl::plain("maven", group, artifact, version)
        }
        Ecosystem::Golang => {
            let (namespace, name) =
                name.rsplit_once('/').map_or((None, name), |(namespace, name)| (Some(namespace), name));
            Purl::plain("golang", namespace, name, version)
        }
        Ecosystem::Gem => Purl::plain("gem", None, name, version),
        Ecosystem::Cargo => Purl::plain("cargo", None, name, version),
        Ecosystem::Conda => Purl::plain("conda", None, name, version),
        Ecosystem::Deb => Purl::deb(vendor, name, version, architecture, distro),
        Ecosystem::Apk => Purl::system("apk", vendor, name, version, architecture, distro),
        Ecosystem::Rpm => Purl::system("rpm", vendor, name, version, architecture, distro),
        Ecosystem::Runtime => Purl::generic(name, version, None),
    }
}
