//! Archives of code: jars, Python's zip applications, wheels and eggs, the packages of yarn; and those that are not
//! looked into, which are told for what they are.
//!
//! Source: the JAR specification (META-INF/MANIFEST.MF), Maven's archiver (pom.properties), Spring Boot's nested jars,
//! packaging.python.org (core metadata, binary distributions), yarn's cache. What an archive says it contains is its
//! builder's word; that it has members of which nothing is known is told by `opaque`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use bom_core::metadata::{CodeMetadata, FileKind, Language};
use bom_core::package::{Ecosystem, ListedPackage};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::zip::{Archive, Member};
use crate::reader::{Reader, u64_of};

/// Archives and compressed files that are not looked into.
pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Archive, wants, extract };

/// Longest manifest read.
const MANIFEST_BYTES: usize = 64 << 10;
const MAGICS: &[&[u8]] = &[
    // gzip, xz, bzip2, zstd, lz4, 7z, rar, squashfs, cpio, ar (and Debian's packages), lzip.
    b"\x1f\x8b\x08",
    b"\xfd7zXZ\0",
    b"BZh",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"hsqs",
    b"070701",
    b"!<arch>\n",
    b"LZIP\x01",
];
/// Of a tar header: where its mark stands, and the longest name in front of it.
const TAR_MARK: u64 = 257;
const TAR_BLOCK: u64 = 512;

/// Members by whose names it is plain that they are neither code nor models.
const HARMLESS: &[&str] = &[
    "txt",
    "md",
    "rst",
    "html",
    "css",
    "json",
    "xml",
    "xsd",
    "dtd",
    "properties",
    "toml",
    "cfg",
    "ini",
    "yaml",
    "yml",
    "csv",
    "mf",
    "sf",
    "rsa",
    "dsa",
    "ec",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "ico",
    "woff",
    "woff2",
    "ttf",
    "map",
    "pyi",
    "pth",
    "typed",
    "kotlin_module",
    "license",
    "java",
    "c",
    "h",
];

fn wants(prefix: &[u8], len: u64) -> bool {
    MAGICS.iter().any(|magic| prefix.starts_with(magic)) || looks_like_tar(prefix, len)
}

/// A name, then nothing but zeros; or a name that goes on.
fn looks_like_tar(prefix: &[u8], len: u64) -> bool {
    let end = prefix.iter().position(|byte| *byte == 0).unwrap_or(prefix.len());
    let (name, rest) = prefix.split_at_checked(end).unwrap_or_default();
    len >= TAR_BLOCK
        && !name.is_empty()
        && name.iter().all(|byte| !byte.is_ascii_control())
        && rest.iter().all(|byte| *byte == 0)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let prefix = reader.bytes(reader.len().min(8))?;
    if !MAGICS.iter().any(|magic| prefix.starts_with(magic.get(..8).unwrap_or(magic))) {
        if reader.len() < TAR_BLOCK {
            return Ok(());
        }
        reader.seek(TAR_MARK);
        if reader.array()? != *b"ustar" {
            return Ok(());
        }
    }
    draft.claim_plain(FileKind::Archive);
    draft.extracted.code = Some(CodeMetadata { opaque: true, ..CodeMetadata::default() }.into());
    Ok(())
}

/// A zip archive that is no model.
pub(crate) fn zip(archive: &Archive, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim_plain(FileKind::Archive);
    let mut code = draft.extracted.code.take().map(|code| *code).unwrap_or_default();
    let outcome = members(archive, reader, draft, &mut code, true);
    code.opaque |= archive.cut || outcome.is_err();
    // Several distributions, or code beside one: whose a module is would have to be looked up file by file.
    let distributions = code.packages.iter().filter(|package| package.ecosystem == Ecosystem::Pypi).count();
    code.opaque |= code.languages.contains(&Language::Python) && distributions != 1;
    draft.extracted.code = Some(code.into());
    outcome
}

fn members(
    archive: &Archive,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
    code: &mut CodeMetadata,
    outermost: bool,
) -> Result<(), Stop> {
    let before = code.packages.len();
    for member in archive.members.iter().filter(|member| !member.name.ends_with('/')) {
        if u64_of(code.packages.len()) >= draft.limits.packages {
            code.opaque = true;
            break;
        }
        match Part::of(&member.name) {
            Part::Code(language) => drop(code.languages.insert(language)),
            Part::Metadata => {
                let text = text(member, reader, draft)?;
                let found = listed(Ecosystem::Pypi, header(&text, "Name"), header(&text, "Version"));
                code.opaque |= found.is_none();
                code.packages.extend(found);
            }
            Part::Pom => {
                let text = text(member, reader, draft)?;
                let name = value(&text, "groupId", '=')
                    .zip(value(&text, "artifactId", '='))
                    .map(|(group, artifact)| [&group, ":", &artifact].concat());
                let found = listed(Ecosystem::Maven, name, value(&text, "version", '='));
                code.opaque |= found.is_none();
                code.packages.extend(found);
            }
            Part::PackageJson => {
                let text = text(member, reader, draft)?;
                let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
                let field =
                    |name: &str| json.get(name).and_then(serde_json::Value::as_str).map(ToOwned::to_owned);
                let found = listed(Ecosystem::Npm, field("name"), field("version"));
                code.opaque |= found.is_none();
                code.packages.extend(found);
            }
            Part::Jar if outermost => nested(member, reader, draft, code)?,
            Part::Manifest | Part::Harmless => {}
            Part::Jar | Part::Unknown => code.opaque = true,
        }
    }
    // A jar that Maven did not make says what it is in its manifest, or not at all.
    if code.packages.len() == before && code.languages.contains(&Language::Java) {
        let found = match archive.get("META-INF/MANIFEST.MF") {
            Some(member) => manifest(&text(member, reader, draft)?),
            None => None,
        };
        code.opaque |= found.is_none();
        code.packages.extend(found);
    }
    Ok(())
}

/// A jar in a jar, stored as it is so that it can be mapped.
fn nested(
    member: &Member,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
    code: &mut CodeMetadata,
) -> Result<(), Stop> {
    let Some((start, end)) = member.stored(reader, draft)? else {
        code.opaque = true;
        return Ok(());
    };
    reader.shifted(start, end, |inner| {
        let Some(archive) = Archive::read(inner, draft)? else {
            code.opaque = true;
            return Ok(());
        };
        code.opaque |= archive.cut;
        members(&archive, inner, draft, code, false)
    })
}

/// What a member is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Code(Language),
    /// METADATA of a distribution, or PKG-INFO of an egg.
    Metadata,
    /// pom.properties.
    Pom,
    /// Of a package, not of a folder inside one.
    PackageJson,
    Manifest,
    Jar,
    Harmless,
    Unknown,
}

impl Part {
    fn of(path: &str) -> Self {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let above = folder.rsplit('/').next().unwrap_or_default();
        match name {
            "METADATA" if above.ends_with(".dist-info") => return Self::Metadata,
            "PKG-INFO" if above == "EGG-INFO" => return Self::Metadata,
            "pom.properties" if path.contains("META-INF/maven/") => return Self::Pom,
            "MANIFEST.MF" => return Self::Manifest,
            "package.json" if is_package_folder(folder) => return Self::PackageJson,
            _ => {}
        }
        let Some((_, suffix)) = name.rsplit_once('.') else {
            // LICENSE, RECORD, WHEEL, INDEX.LIST, services; a file without suffix elsewhere can be anything.
            let known = above.ends_with(".dist-info") || above == "EGG-INFO" || path.starts_with("META-INF/");
            let capitals = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            return if known || capitals { Self::Harmless } else { Self::Unknown };
        };
        match suffix.to_ascii_lowercase().as_str() {
            "py" | "pyc" => Self::Code(Language::Python),
            "class" => Self::Code(Language::Java),
            "js" | "mjs" | "cjs" | "ts" | "mts" | "cts" => Self::Code(Language::Node),
            "rb" => Self::Code(Language::Ruby),
            "jar" => Self::Jar,
            other if HARMLESS.contains(&other) => Self::Harmless,
            _ => Self::Unknown,
        }
    }
}

/// `…node_modules/name` or `…node_modules/@scope/name`.
fn is_package_folder(folder: &str) -> bool {
    let Some((_, inside)) = folder.rsplit_once("node_modules/") else { return false };
    match inside.split_once('/') {
        None => true,
        Some((scope, name)) => scope.starts_with('@') && !name.contains('/'),
    }
}

fn text(member: &Member, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<String, Stop> {
    let bytes: Vec<u8> = member.start(MANIFEST_BYTES, reader, draft)?;
    reader.keep(bytes.len().min(1024))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A field of the headers in front of the first empty line.
fn header(text: &str, name: &str) -> Option<String> {
    let head = text.lines().take_while(|line| !line.is_empty());
    let found = head.filter_map(|line| line.split_once(':')).find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.and_then(|(_, value)| plain(value))
}

fn value(text: &str, name: &str, separator: char) -> Option<String> {
    let fields = text.lines().filter_map(|line| line.split_once(separator));
    fields.filter(|(key, _)| key.trim() == name).find_map(|(_, value)| plain(value))
}

/// Names that a jar's manifest gives it, the surest first: OSGi's is unique, a title is anything.
fn manifest(text: &str) -> Option<ListedPackage> {
    let field = |name| header(text, name);
    let name =
        field("Bundle-SymbolicName").map(|name| name.split(';').next().unwrap_or_default().trim().to_owned());
    let version = field("Bundle-Version");
    if let (Some(name), Some(version)) = (name, version) {
        return listed(Ecosystem::Maven, Some(name), Some(version));
    }
    let name = field("Automatic-Module-Name").or_else(|| field("Implementation-Title"));
    let version = field("Implementation-Version")?;
    listed(Ecosystem::Maven, name, Some(version))
}

fn listed(ecosystem: Ecosystem, name: Option<String>, version: Option<String>) -> Option<ListedPackage> {
    Some(ListedPackage { ecosystem, name: name?, version, checksum: None })
}

/// Text that can be a name or a version.
fn plain(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}
