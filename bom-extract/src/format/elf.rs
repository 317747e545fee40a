//! ELF: programs and shared libraries.
//!
//! Source: the System V gABI, chapters 4 and 5, and the GNU build-id note. Only what the loader uses is read: the
//! program headers, the dynamic section, its strings one by one, a few symbols, and the notes. Section headers are not looked at: a
//! stripped or hostile file has none, or wrong ones, and runs all the same.
//!
//! The structures are goblin's, each given one bounded piece of the file; it never sees the whole.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{
    ByteOrder, ElfClass, ElfMetadata, ElfType, FileKind, IssueCode, PackageNote, version_from_soname,
};
use goblin::container::{Container, Ctx};
use goblin::elf::Elf;
use goblin::elf::dynamic::{
    DF_1_PIE, DT_FLAGS_1, DT_GNU_HASH, DT_HASH, DT_NEEDED, DT_NULL, DT_SONAME, DT_STRSZ, DT_STRTAB,
    DT_SYMTAB, DT_VERDEF, DT_VERDEFNUM, Dynamic,
};
use goblin::elf::header::{self, Header};
use goblin::elf::note::{NT_GNU_BUILD_ID, NoteDataIterator};
use goblin::elf::program_header::{PT_DYNAMIC, PT_INTERP, PT_LOAD, PT_NOTE, ProgramHeader};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::format::elf_exports::{self, Tables};
use crate::format::{elf_built, elf_versions};
use crate::reader::{Reader, u64_of};
use crate::template::hex;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Elf, wants, extract };

/// The 64-bit header; the 32-bit one is 52 bytes.
const HEADER_BYTES: u64 = 64;
const HEADER32_BYTES: u64 = 52;
/// Longest library name or interpreter path.
const STRING_BYTES: u64 = 4096;
/// A build-id is 8 to 32 bytes in practice.
const BUILD_ID_BYTES: usize = 64;
/// The note of a package (systemd.io/ELF_PACKAGE_METADATA).
const NT_PACKAGE: u32 = 0xcafe_1a7e;
/// Note segments looked at.
const NOTE_SEGMENTS: usize = 16;

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(header::ELFMAG)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    inside(reader, draft)
}

/// Reads the header of a file that may be more than a program.
pub(super) fn inside(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let wanted = reader.len().min(HEADER_BYTES);
    let bytes = reader.bytes(wanted.max(HEADER32_BYTES))?;
    let header = Elf::parse_header(&bytes).map_err(|error| malformed(0, &error))?;
    let (container, order) = (header.container(), header.endianness());
    let container = container.map_err(|error| malformed(4, &error))?;
    let order = order.map_err(|error| malformed(5, &error))?;
    let mut walk = Walk {
        ctx: Ctx::new(container, order),
        reader,
        draft,
        elf: empty(&header, container, order.is_little()),
        machine: header.e_machine,
        position_independent: false,
        has_interp: None,
        segments: Vec::new(),
    };
    let outcome = walk.segments(&header);
    let outcome = walk.draft.absorb(outcome);
    let Walk { mut elf, position_independent, has_interp, segments, .. } = walk;
    elf.elf_type = elf_type(&header, &elf, position_independent);
    let program = matches!(elf.elf_type, ElfType::Executable | ElfType::PieExecutable);
    // Without an interpreter segment the kernel starts the program itself, whatever else the file says.
    elf.is_static = has_interp.map(|has_interp| program && !has_interp);
    elf.version = elf.soname.as_deref().and_then(version_from_soname).map(ToString::to_string);
    draft.extracted.elf = Some(elf);
    outcome?;
    elf_built::read(reader, draft, &header, Ctx::new(container, order), &segments)
}

struct Walk<'w, 'a, 'l> {
    ctx: Ctx,
    reader: &'w mut Reader<'a>,
    draft: &'w mut Draft<'l>,
    elf: ElfMetadata,
    /// `e_machine`.
    machine: u16,
    position_independent: bool,
    /// `None` until the program headers were read.
    has_interp: Option<bool>,
    /// As far as they could be read.
    segments: Vec<ProgramHeader>,
}

impl Walk<'_, '_, '_> {
    fn segments(&mut self, header: &Header) -> Result<(), Stop> {
        let count = header.e_phnum;
        let limit = self.draft.limits.segments;
        if count > limit {
            let detail = format!("program header count {count} exceeds the limit of {limit}");
            return Err(Stop::limit(IssueCode::CountExceedsLimit, header.e_phoff, detail));
        }
        if count == 0 || header.e_type == header::ET_CORE {
            return Ok(());
        }
        let size = ProgramHeader::size(self.ctx);
        if usize::from(header.e_phentsize) != size {
            let detail = format!("program header size {} is not {size}", header.e_phentsize);
            return Err(Stop::broken(IssueCode::InvalidValue, 0, detail));
        }
        let table =
            self.piece("program headers", header.e_phoff, u64::from(count).saturating_mul(u64_of(size)))?;
        let segments = ProgramHeader::parse(&table, 0, usize::from(count), self.ctx)
            .map_err(|error| malformed(header.e_phoff, &error))?;
        let interp = find(&segments, PT_INTERP);
        self.has_interp = Some(interp.is_some());
        if let Some(segment) = interp {
            let outcome = self.interp(segment);
            self.draft.absorb(outcome)?;
        }
        if let Some(segment) = find(&segments, PT_DYNAMIC) {
            let outcome = self.dynamic(segment, &segments);
            self.draft.absorb(outcome)?;
        }
        for segment in segments.iter().filter(|segment| segment.p_type == PT_NOTE).take(NOTE_SEGMENTS) {
            let outcome = self.notes(segment);
            self.draft.absorb(outcome)?;
        }
        self.segments = segments;
        Ok(())
    }

    fn interp(&mut self, segment: &ProgramHeader) -> Result<(), Stop> {
        if segment.p_filesz > STRING_BYTES {
            let detail =
                format!("interpreter path of {} bytes exceeds the limit of {STRING_BYTES}", segment.p_filesz);
            return Err(Stop::limit(IssueCode::LengthExceedsLimit, segment.p_offset, detail));
        }
        let path = self.piece("interpreter path", segment.p_offset, segment.p_filesz)?;
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
        self.elf.interp = Some(self.draft.value("the interpreter path", segment.p_offset, path));
        Ok(())
    }

    fn dynamic(&mut self, segment: &ProgramHeader, segments: &[ProgramHeader]) -> Result<(), Stop> {
        let at = segment.p_offset;
        let bytes = self.limited("dynamic section", segment)?;
        let here = ProgramHeader { p_offset: 0, p_filesz: u64_of(bytes.len()), ..segment.clone() };
        let dynamic = Dynamic::parse(&bytes, &[here], self.ctx).map_err(|error| malformed(at, &error))?;
        let Some(dynamic) = dynamic else { return Ok(()) };
        let value = |tag| dynamic.dyns.iter().find(|entry| entry.d_tag == tag).map(|entry| entry.d_val);
        if !dynamic.dyns.iter().any(|entry| entry.d_tag == DT_NULL) {
            let detail = "the dynamic section has no end mark".to_string();
            self.draft.issue(IssueCode::MissingField, Some(at), detail);
        }
        self.position_independent = value(DT_FLAGS_1).is_some_and(|flags| flags & DF_1_PIE != 0);
        let outcome = self.names(at, &dynamic, segments);
        self.draft.absorb(outcome)?;
        let outcome = self.versions(value(DT_VERDEF), value(DT_VERDEFNUM), &dynamic, segments);
        self.draft.absorb(outcome)?;
        let tables = Tables {
            at,
            segments,
            ctx: self.ctx,
            order: self.elf.byte_order,
            // The psABI of s390x made the entries of DT_HASH as wide as its addresses, against the gABI.
            sysv_entry: match (self.elf.class, self.machine) {
                (ElfClass::Bits64, header::EM_S390) => 8,
                (ElfClass::Bits64 | ElfClass::Bits32, _) => 4,
            },
            gnu_hash: value(DT_GNU_HASH),
            sysv_hash: value(DT_HASH),
            symbols: value(DT_SYMTAB),
            strings: value(DT_STRTAB),
            strings_size: value(DT_STRSZ).unwrap_or(u64::MAX),
        };
        elf_exports::find(self.reader, self.draft, &tables, &mut self.elf.exports)
    }

    /// The soname and the needed libraries.
    fn names(&mut self, at: u64, dynamic: &Dynamic, segments: &[ProgramHeader]) -> Result<(), Stop> {
        let value = |tag| dynamic.dyns.iter().find(|entry| entry.d_tag == tag).map(|entry| entry.d_val);
        let wanted = dynamic.dyns.iter().filter(|entry| matches!(entry.d_tag, DT_NEEDED | DT_SONAME));
        if wanted.clone().next().is_none() {
            return Ok(());
        }
        let address = value(DT_STRTAB).unwrap_or(0);
        let Some(strings) = file_offset(segments, address) else {
            let detail = format!("string table address {address:#x} lies in no segment");
            return Err(Stop::broken(IssueCode::InvalidValue, at, detail));
        };
        let size = value(DT_STRSZ).unwrap_or(u64::MAX);
        for entry in wanted {
            if self.elf.needed.len() >= self.draft.limits.needed {
                let detail = format!("more than {} needed libraries", self.elf.needed.len());
                return Err(Stop::limit(IssueCode::CountExceedsLimit, at, detail));
            }
            let Some(name) = self.string(at, strings, size, entry.d_val)? else { continue };
            if entry.d_tag == DT_SONAME {
                self.elf.soname = Some(name);
            } else {
                self.elf.needed.push(name);
            }
        }
        Ok(())
    }

    fn versions(
        &mut self,
        address: Option<u64>,
        count: Option<u64>,
        dynamic: &Dynamic,
        segments: &[ProgramHeader],
    ) -> Result<(), Stop> {
        let value = |tag| dynamic.dyns.iter().find(|entry| entry.d_tag == tag).map(|entry| entry.d_val);
        let (Some(address), Some(count)) = (address, count) else { return Ok(()) };
        let Some(strings) = value(DT_STRTAB).and_then(|at| file_offset(segments, at)) else { return Ok(()) };
        let table = elf_versions::Table {
            segments,
            order: self.elf.byte_order,
            address,
            count,
            strings: (strings, value(DT_STRSZ).unwrap_or(u64::MAX)),
        };
        elf_versions::read(self.reader, self.draft, &table, &mut self.elf.symbol_versions)
    }

    /// One string of the string table: `index` of `size` bytes that start at `strings` in the file.
    fn string(&mut self, at: u64, strings: u64, size: u64, index: u64) -> Result<Option<String>, Stop> {
        let place = strings.checked_add(index).filter(|_| index < size);
        let Some(place) = place.filter(|place| *place < self.reader.len()) else {
            let detail = format!("string {index} lies outside the string table");
            self.draft.issue(IssueCode::InvalidValue, Some(at), detail);
            return Ok(None);
        };
        let room = size.saturating_sub(index).min(self.reader.len().saturating_sub(place)).min(STRING_BYTES);
        self.reader.seek(place);
        let mut bytes = Vec::new();
        for _ in 0..room {
            let byte = self.reader.u8()?;
            if byte == 0 {
                self.reader.keep(bytes.len())?;
                return Ok(Some(self.draft.value("a library name", place, &bytes)));
            }
            bytes.push(byte);
        }
        let detail = format!("string {index} has no end within {room} bytes");
        self.draft.issue(IssueCode::InvalidValue, Some(place), detail);
        Ok(None)
    }

    fn notes(&mut self, segment: &ProgramHeader) -> Result<(), Stop> {
        let at = segment.p_offset;
        let data = self.limited("note segment", segment)?;
        // Some linkers write 0 or 1 for "no alignment", which means four.
        let alignment = if segment.p_align == 8 { 8 } else { 4 };
        let notes = NoteDataIterator { data: &data, size: data.len(), offset: 0, ctx: (alignment, self.ctx) };
        for note in notes {
            let note = note.map_err(|error| malformed(at, &error))?;
            if note.n_type == NT_PACKAGE && note.name == "FDO" {
                self.package_note(at, note.desc);
            }
            if note.n_type != NT_GNU_BUILD_ID || note.name != "GNU" {
                continue;
            }
            if note.desc.is_empty() || note.desc.len() > BUILD_ID_BYTES {
                let detail = format!("build-id of {} bytes", note.desc.len());
                self.draft.issue(IssueCode::InvalidValue, Some(at), detail);
            } else if self.elf.build_id.replace(hex(note.desc)).is_some() {
                self.draft.issue(IssueCode::DuplicateKey, Some(at), "two build-id notes".to_string());
            }
        }
        Ok(())
    }

    /// JSON, ended by zeros (systemd.io/ELF_PACKAGE_METADATA).
    fn package_note(&mut self, at: u64, bytes: &[u8]) {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let text = bytes.get(..end).unwrap_or_default();
        let limit = self.draft.limits.value_bytes;
        match serde_json::from_slice::<PackageNote>(text) {
            Ok(note) if text.len() <= limit => self.elf.package_note = Some(note),
            Ok(_) | Err(_) => {
                let detail = format!("package note of {} bytes cannot be read", text.len());
                self.draft.issue(IssueCode::InvalidValue, Some(at), detail);
            }
        }
    }

    /// The bytes of a segment, at most as many as the limit; a longer one is read up to there.
    fn limited(&mut self, what: &str, segment: &ProgramHeader) -> Result<Vec<u8>, Stop> {
        let limit = self.draft.limits.segment_bytes;
        let size = segment.p_filesz;
        if size > limit {
            self.draft.extracted.truncated = true;
            let detail = format!("{what} of {size} bytes is read up to {limit} bytes");
            self.draft.issue(IssueCode::LengthExceedsLimit, Some(segment.p_offset), detail);
        }
        self.piece(what, segment.p_offset, size.min(limit))
    }

    fn piece(&mut self, what: &str, offset: u64, len: u64) -> Result<Vec<u8>, Stop> {
        if offset.checked_add(len).is_none_or(|end| end > self.reader.len()) {
            let detail = format!("{what} at {offset} of {len} bytes exceeds file size {}", self.reader.len());
            return Err(Stop::broken(IssueCode::LengthExceedsFile, offset, detail));
        }
        self.reader.seek(offset);
        self.reader.bytes(len)
    }
}

fn find(segments: &[ProgramHeader], kind: u32) -> Option<&ProgramHeader> {
    segments.iter().find(|segment| segment.p_type == kind)
}

/// Where the byte at a virtual address stands in the file.
pub(crate) fn file_offset(segments: &[ProgramHeader], address: u64) -> Option<u64> {
    segments.iter().filter(|segment| segment.p_type == PT_LOAD).find_map(|segment| {
        let inside = address.checked_sub(segment.p_vaddr).filter(|inside| *inside < segment.p_filesz)?;
        segment.p_offset.checked_add(inside)
    })
}

fn empty(header: &Header, container: Container, little: bool) -> ElfMetadata {
    ElfMetadata {
        class: match container {
            Container::Little => ElfClass::Bits32,
            Container::Big => ElfClass::Bits64,
        },
        byte_order: if little { ByteOrder::Little } else { ByteOrder::Big },
        machine: machine(header.e_machine),
        elf_type: ElfType::Other,
        is_static: None,
        soname: None,
        version: None,
        build_id: None,
        needed: Vec::new(),
        symbol_versions: Vec::new(),
        package_note: None,
        interp: None,
        exports: BTreeSet::new(),
    }
}

/// `ET_DYN` is both a library and a program. The flag decides; linkers that do not write it leave an interpreter, which
/// the C library has too, but that one has a soname.
fn elf_type(header: &Header, elf: &ElfMetadata, position_independent: bool) -> ElfType {
    match header.e_type {
        header::ET_EXEC => ElfType::Executable,
        header::ET_DYN if position_independent => ElfType::PieExecutable,
        header::ET_DYN if elf.interp.is_some() && elf.soname.is_none() => ElfType::PieExecutable,
        header::ET_DYN => ElfType::SharedLibrary,
        header::ET_REL => ElfType::Relocatable,
        header::ET_CORE => ElfType::Core,
        _ => ElfType::Other,
    }
}

fn machine(number: u16) -> String {
    let name = match number {
        header::EM_386 => "i386",
        header::EM_MIPS => "mips",
        header::EM_PPC64 => "ppc64",
        header::EM_S390 => "s390",
        header::EM_ARM => "arm",
        header::EM_X86_64 => "x86_64",
        header::EM_AARCH64 => "aarch64",
        header::EM_CUDA => "cuda",
        header::EM_AMDGPU => "amdgpu",
        header::EM_RISCV => "riscv",
        header::EM_BPF => "bpf",
        header::EM_LOONGARCH => "loongarch",
        other => return format!("machine-{other}"),
    };
    name.to_string()
}

fn malformed(offset: u64, error: &goblin::error::Error) -> Stop {
    Stop::broken(IssueCode::MalformedHeader, offset, error.to_string())
}
