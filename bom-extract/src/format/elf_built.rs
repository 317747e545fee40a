//! What a program says it was built from: Go's build information and cargo-auditable's list; and the AI engines whose own
//! texts are in it, which a static program has without any library.
//!
//! Source: Go's debug/buildinfo (the blob is aligned to 16 bytes and stands in the data segment), runtime/debug for the
//! text in it; cargo-auditable's PARSING.md (zlib-compressed JSON in the section `.dep-v0`). All of it is the builder's
//! word: the linker put it there, and anybody can put it elsewhere.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, CodeMetadata, IssueCode};
use bom_core::package::{Ecosystem, ListedPackage};
use goblin::container::Ctx;
use goblin::elf::header::Header;
use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_LOAD, ProgramHeader};
use goblin::elf::section_header::SectionHeader;
use memchr::memmem;
use serde::Deserialize;

use super::elf::file_offset;
use crate::draft::{Draft, Stop};
use crate::grammar::zip::inflate_zlib;
use crate::reader::{Reader, u64_of};

const GO_MAGIC: &[u8] = b"\xff Go buildinf:";
/// The header of Go's blob: magic, size of a pointer, flags, and room for two pointers.
const GO_HEADER: u64 = 32;
const GO_ALIGNMENT: usize = 16;
/// Flags of Go's header.
const GO_BIG_ENDIAN: u8 = 1;
const GO_INLINE: u8 = 2;
/// Bytes of the data segment that are searched. Go's linker puts the blob at its start; only relocated data precedes it.
const GO_SEARCH: u64 = 1 << 20;
const DATA_SEGMENTS: usize = 4;
/// Go puts this before and behind the text, so that a string search finds no half of it.
const GO_SENTINEL: usize = 16;
const AUDITABLE: &[u8] = b".dep-v0";
/// Section headers looked at for the one by that name.
const SECTIONS: u16 = 512;
/// Files smaller than this hold no engine.
const SMALLEST_ENGINE: u64 = 128 << 10;
/// Bytes searched at once, and how far the pieces overlap: as long as the longest text.
const PIECE: u64 = 256 << 10;
const OVERLAP: u64 = 64;

/// An engine and the texts that are all in it. Written backwards: this program must not have them itself.
const ENGINES: &[(&str, &[&str])] = &[
    ("ggml", &["deliaf )s%(TRESSA_LMGG"]),
    ("llama.cpp", &["q_ntta.d%.klb", "erutcetihcra.lareneg"]),
    ("whisper.cpp", &["daol_ledom_repsihw"]),
    ("onnxruntime", &["ylno emitnuR XNNO"]),
    ("openvino", &["rorre ONIVnepO lanretnI"]),
    ("tensorflow-lite", &["/etil/wolfrosnet", "3LFT"]),
    ("ctranslate2", &["2etalsnartc fo noisrev tnerruc"]),
];

/// Reads what `code` says of this file; what is broken becomes an issue.
pub(super) fn read(
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
    header: &Header,
    ctx: Ctx,
    segments: &[ProgramHeader],
) -> Result<(), Stop> {
    let mut code = CodeMetadata::default();
    let order = if ctx.le.is_little() { ByteOrder::Little } else { ByteOrder::Big };
    let outcome = go(reader, draft, segments, order, &mut code);
    draft.absorb(outcome)?;
    let outcome = auditable(reader, draft, header, ctx, &mut code);
    draft.absorb(outcome)?;
    if reader.len() >= SMALLEST_ENGINE {
        let outcome = engines(reader, draft, segments, &mut code.engines);
        draft.absorb(outcome)?;
    }
    if code != CodeMetadata::default() {
        draft.extracted.code = Some(code.into());
    }
    Ok(())
}

/// The loaded segments with these flags, and where they are in the file.
fn loaded(segments: &[ProgramHeader], flags: u32) -> impl Iterator<Item = (u64, u64)> + '_ {
    let wanted = move |segment: &&ProgramHeader| {
        segment.p_type == PT_LOAD && segment.p_flags & (PF_R | PF_W | PF_X) == flags
    };
    segments.iter().filter(wanted).map(|segment| (segment.p_offset, segment.p_filesz))
}

fn go(
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
    segments: &[ProgramHeader],
    order: ByteOrder,
    code: &mut CodeMetadata,
) -> Result<(), Stop> {
    // A program that can be placed anywhere has its relocated data in a segment of its own.
    for (start, size) in loaded(segments, PF_R | PF_W).take(DATA_SEGMENTS) {
        let size = size.min(GO_SEARCH).min(reader.len().saturating_sub(start));
        reader.seek(start);
        let data = reader.bytes(size)?;
        let mut hits = memmem::find_iter(&data, GO_MAGIC).filter(|at| at.is_multiple_of(GO_ALIGNMENT));
        if let Some(at) = hits.next() {
            let at = start.saturating_add(u64_of(at));
            return go_blob(reader, draft, segments, order, at, code);
        }
    }
    Ok(())
}

fn go_blob(
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
    segments: &[ProgramHeader],
    order: ByteOrder,
    at: u64,
    code: &mut CodeMetadata,
) -> Result<(), Stop> {
    reader.seek(at.saturating_add(u64_of(GO_MAGIC.len())));
    let (pointer, flags) = (reader.u8()?, reader.u8()?);
    let limit = draft.limits.string_bytes;
    let (version, module) = if flags & GO_INLINE != 0 {
        reader.seek(at.saturating_add(GO_HEADER));
        let version = varint_string(reader, limit)?;
        let module = varint_string(reader, limit)?;
        (version, module)
    } else {
        let order = if flags & GO_BIG_ENDIAN != 0 { ByteOrder::Big } else { order };
        let mut pointed = |index: u64| {
            reader.seek(at.saturating_add(16).saturating_add(index.saturating_mul(pointer.into())));
            pointed_string(reader, segments, pointer, order, limit)
        };
        (pointed(0)?, pointed(1)?)
    };
    let toolchain = draft.value("the Go version", at, &version);
    if !toolchain.is_empty() {
        // Scanners know the standard library as a module of the toolchain's version.
        let version = toolchain.split(' ').next().and_then(|word| word.strip_prefix("go"));
        code.packages.insert(package(Ecosystem::Golang, "stdlib", version, None));
        code.toolchain = Some(toolchain);
    }
    let text = match module.len().checked_sub(GO_SENTINEL.saturating_mul(2)) {
        Some(inner) => module.get(GO_SENTINEL..GO_SENTINEL.saturating_add(inner)).unwrap_or_default(),
        None => &[],
    };
    modules(reader, draft, at, text, code)
}

/// `mod`, `dep` and `=>` lines: path, version, digest, separated by tabs.
fn modules(
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
    at: u64,
    text: &[u8],
    code: &mut CodeMetadata,
) -> Result<(), Stop> {
    let mut last: Option<ListedPackage> = None;
    for line in text.split(|&byte| byte == b'\n') {
        let line = draft.value("Go build information", at, line);
        let mut fields = line.split('\t');
        let kind = fields.next().unwrap_or_default();
        let (path, version, sum) = (fields.next(), fields.next(), fields.next());
        let Some(path) = path.filter(|path| !path.is_empty()) else { continue };
        // A replacement in a directory has no version: what is in it is not what the name says.
        let version = version.filter(|version| !version.is_empty() && *version != "(devel)");
        let found = || package(Ecosystem::Golang, path, version, sum.filter(|sum| !sum.is_empty()));
        match kind {
            "mod" => code.main = Some(found()),
            "dep" => {
                if let Some(last) = last.replace(found()) {
                    keep(reader, draft, code, last)?;
                }
            }
            "=>" => last = Some(found()),
            _ => {}
        }
    }
    last.map_or(Ok(()), |last| keep(reader, draft, code, last))
}

fn keep(
    reader: &mut Reader<'_>,
    draft: &Draft<'_>,
    code: &mut CodeMetadata,
    package: ListedPackage,
) -> Result<(), Stop> {
    if u64_of(code.packages.len()) >= draft.limits.packages {
        let detail = format!("more than {} packages", draft.limits.packages);
        return Err(Stop::limit(IssueCode::CountExceedsLimit, reader.pos(), detail));
    }
    reader.keep(package.name.len())?;
    code.packages.insert(package);
    Ok(())
}

fn varint_string(reader: &mut Reader<'_>, limit: u64) -> Result<Vec<u8>, Stop> {
    let at = reader.pos();
    let (mut length, mut shift) = (0_u64, 0_u32);
    loop {
        let byte = reader.u8()?;
        length |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            break;
        }
        shift = shift.saturating_add(7);
        if shift > 63 {
            return Err(Stop::broken(IssueCode::InvalidValue, at, "length has no end".to_string()));
        }
    }
    limited(reader, at, length, limit)
}

/// A string of the time before Go 1.18: a pointer to a pointer and a length.
fn pointed_string(
    reader: &mut Reader<'_>,
    segments: &[ProgramHeader],
    pointer: u8,
    order: ByteOrder,
    limit: u64,
) -> Result<Vec<u8>, Stop> {
    let at = reader.pos();
    let word = |reader: &mut Reader<'_>| match pointer {
        4 => reader.u32(order).map(u64::from),
        _ => reader.u64(order),
    };
    let outside = |address: u64| {
        Stop::broken(IssueCode::InvalidValue, at, format!("address {address:#x} lies in no segment"))
    };
    let address = word(reader)?;
    if address == 0 {
        return Ok(Vec::new());
    }
    reader.seek(file_offset(segments, address).ok_or_else(|| outside(address))?);
    let (start, length) = (word(reader)?, word(reader)?);
    reader.seek(file_offset(segments, start).ok_or_else(|| outside(start))?);
    limited(reader, at, length, limit)
}

fn limited(reader: &mut Reader<'_>, at: u64, length: u64, limit: u64) -> Result<Vec<u8>, Stop> {
    if length > limit {
        let detail = format!("text of {length} bytes exceeds the limit of {limit}");
        return Err(Stop::limit(IssueCode::LengthExceedsLimit, at, detail));
    }
    reader.bytes(length)
}

/// cargo-auditable's list.
#[derive(Deserialize)]
struct Audit {
    packages: Vec<AuditPackage>,
}

#[derive(Deserialize)]
struct AuditPackage {
    name: String,
    version: String,
    /// `build` for what ran at build time alone.
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    root: bool,
}

fn auditable(
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
    header: &Header,
    ctx: Ctx,
    code: &mut CodeMetadata,
) -> Result<(), Stop> {
    let Some((at, size)) = section(reader, header, ctx, AUDITABLE)? else { return Ok(()) };
    let limit = draft.limits.inflated_bytes;
    if size > u64_of(limit) || at.checked_add(size).is_none_or(|end| end > reader.len()) {
        let detail = format!("cargo-auditable list of {size} bytes");
        return Err(Stop::broken(IssueCode::LengthExceedsFile, at, detail));
    }
    reader.seek(at);
    let packed = reader.bytes(size)?;
    let text = inflate_zlib(&packed, limit);
    let audit: Audit = serde_json::from_slice(&text).map_err(|error| {
        Stop::broken(IssueCode::InvalidValue, at, format!("cargo-auditable list: {error}"))
    })?;
    for found in audit.packages {
        if found.kind.as_deref() == Some("build") {
            continue;
        }
        let name = draft.value("a crate's name", at, found.name.as_bytes());
        let version = draft.value("a crate's version", at, found.version.as_bytes());
        let package = package(Ecosystem::Cargo, &name, Some(&version), None);
        if found.root {
            code.main = Some(package);
        } else {
            keep(reader, draft, code, package)?;
        }
    }
    Ok(())
}

/// Place and size of a section. A file without section headers has none, and runs all the same.
fn section(
    reader: &mut Reader<'_>,
    header: &Header,
    ctx: Ctx,
    wanted: &[u8],
) -> Result<Option<(u64, u64)>, Stop> {
    let size = u64_of(SectionHeader::size(ctx));
    let (at, count) = (header.e_shoff, header.e_shnum);
    let bytes = size.saturating_mul(count.into());
    let fits = at.checked_add(bytes).is_some_and(|end| end <= reader.len());
    if at == 0 || count == 0 || count > SECTIONS || u64::from(header.e_shentsize) != size || !fits {
        return Ok(None);
    }
    reader.seek(at);
    // goblin takes a table at 0 for none.
    let before = SectionHeader::size(ctx);
    let mut table = alloc::vec![0; before];
    table.extend_from_slice(&reader.bytes(bytes)?);
    let Ok(sections) = SectionHeader::parse(&table, before, count.into(), ctx) else { return Ok(None) };
    let Some(names) = sections.get(usize::from(header.e_shstrndx)) else { return Ok(None) };
    for section in &sections {
        let place = names.sh_offset.saturating_add(u64_of(section.sh_name));
        let length = u64_of(wanted.len()).saturating_add(1);
        if place.checked_add(length).is_none_or(|end| end > reader.len()) {
            continue;
        }
        reader.seek(place);
        let name = reader.bytes(length)?;
        if name.strip_suffix(&[0]) == Some(wanted) {
            return Ok(Some((section.sh_offset, section.sh_size)));
        }
    }
    Ok(None)
}

/// Searches what is neither code nor written to for the texts of the engines.
fn engines(
    reader: &mut Reader<'_>,
    draft: &Draft<'_>,
    segments: &[ProgramHeader],
    found: &mut BTreeSet<String>,
) -> Result<(), Stop> {
    let texts: Vec<(usize, Vec<u8>)> = ENGINES
        .iter()
        .enumerate()
        .flat_map(|(engine, (_, texts))| texts.iter().map(move |text| (engine, text.bytes().rev().collect())))
        .collect();
    let mut missing: Vec<(usize, memmem::Finder<'_>)> =
        texts.iter().map(|(engine, text)| (*engine, memmem::Finder::new(text))).collect();
    // Old linkers put constants beside the code.
    let flags = if loaded(segments, PF_R).next().is_some() { PF_R } else { PF_R | PF_X };
    let mut left = draft.limits.engine_bytes;
    for (start, size) in loaded(segments, flags) {
        let end = start.saturating_add(size.min(left)).min(reader.len());
        left = left.saturating_sub(size);
        let mut at = start;
        while at < end && !missing.is_empty() {
            reader.seek(at);
            let piece = reader.bytes(end.saturating_sub(at).min(PIECE))?;
            missing.retain(|(_, finder)| finder.find(&piece).is_none());
            let step = u64_of(piece.len()).saturating_sub(OVERLAP);
            at = if at.saturating_add(u64_of(piece.len())) >= end {
                end
            } else {
                at.saturating_add(step.max(1))
            };
        }
    }
    for (engine, (name, _)) in ENGINES.iter().enumerate() {
        if !missing.iter().any(|(of, _)| *of == engine) {
            found.insert((*name).to_owned());
        }
    }
    Ok(())
}

fn package(ecosystem: Ecosystem, name: &str, version: Option<&str>, checksum: Option<&str>) -> ListedPackage {
    ListedPackage {
        ecosystem,
        name: name.to_owned(),
        version: version.map(ToOwned::to_owned),
        checksum: checksum.map(ToOwned::to_owned),
    }
}
