//! An ELF file: header, program headers, then the pieces they point to. No section headers, like after `sstrip`.

use super::elf_symbols::Symbols;

/// Builder of an ELF file.
#[derive(Clone, Debug)]
pub struct Elf {
    wide: bool,
    big: bool,
    kind: u16,
    machine: u16,
    soname: Option<Vec<u8>>,
    needed: Vec<Vec<u8>>,
    interp: Option<String>,
    build_id: Option<Vec<u8>>,
    pie_flag: bool,
    has_dynamic: bool,
    symbols: Symbols,
    end_mark: bool,
    segment_count: Option<u16>,
    segment_size: Option<u16>,
    strings_address: Option<u64>,
    dynamic_size: Option<u64>,
    note_size: Option<u32>,
    far: u64,
    cut: Option<usize>,
}

/// A shared library for x86_64, `libtiny.so.1.2.3`, that needs `libc.so.6`.
#[must_use]
pub fn elf() -> Elf {
    Elf {
        wide: true,
        big: false,
        kind: 3,
        machine: 62,
        soname: Some(b"libtiny.so.1.2.3".to_vec()),
        needed: vec![b"libc.so.6".to_vec()],
        interp: None,
        build_id: Some(vec![0xab; 20]),
        pie_flag: false,
        has_dynamic: true,
        symbols: Symbols::default(),
        end_mark: true,
        segment_count: None,
        segment_size: None,
        strings_address: None,
        dynamic_size: None,
        note_size: None,
        far: 0,
        cut: None,
    }
}

impl Elf {
    /// 32-bit addresses.
    #[must_use]
    pub fn narrow(mut self) -> Self {
        self.wide = false;
        self
    }

    /// Most significant byte first.
    #[must_use]
    pub fn big_endian(mut self) -> Self {
        self.big = true;
        self
    }

    /// `e_type`: 1 object, 2 program, 3 shared, 4 core.
    #[must_use]
    pub fn kind(mut self, kind: u16) -> Self {
        self.kind = kind;
        self
    }

    /// `e_machine`.
    #[must_use]
    pub fn machine(mut self, machine: u16) -> Self {
        self.machine = machine;
        self
    }

    /// Another soname, or none.
    #[must_use]
    pub fn soname(mut self, soname: Option<&[u8]>) -> Self {
        self.soname = soname.map(<[u8]>::to_vec);
        self
    }

    /// One more needed library.
    #[must_use]
    pub fn needed(mut self, library: &[u8]) -> Self {
        self.needed.push(library.to_vec());
        self
    }

    /// No needed library.
    #[must_use]
    pub fn no_needed(mut self) -> Self {
        self.needed.clear();
        self
    }

    /// The dynamic loader.
    #[must_use]
    pub fn interp(mut self, path: &str) -> Self {
        self.interp = Some(path.to_owned());
        self
    }

    /// Another build-id, or none.
    #[must_use]
    pub fn build_id(mut self, id: Option<&[u8]>) -> Self {
        self.build_id = id.map(<[u8]>::to_vec);
        self
    }

    /// Sets the flag of position-independent programs.
    #[must_use]
    pub fn pie_flag(mut self) -> Self {
        self.pie_flag = true;
        self
    }

    /// One more function that is defined here. With the first symbol comes a GNU hash table.
    #[must_use]
    pub fn exported(mut self, name: &str) -> Self {
        self.symbols.list.push((name.to_owned(), true));
        self
    }

    /// One more function that another library has to define.
    #[must_use]
    pub fn imported(mut self, name: &str) -> Self {
        self.symbols.list.push((name.to_owned(), false));
        self
    }

    /// Puts the imported symbols into the GNU hash table as well, where they do not belong.
    #[must_use]
    pub fn imports_hashed(mut self) -> Self {
        self.symbols.imports_hashed = true;
        self
    }

    /// A hash table of the old kind beside the GNU one.
    #[must_use]
    pub fn sysv_hash(mut self) -> Self {
        self.symbols.sysv = true;
        self
    }

    /// 64-bit entries in the hash table of the old kind.
    #[must_use]
    pub fn sysv_wide(mut self) -> Self {
        self.symbols.sysv_wide = true;
        self
    }

    /// No GNU hash table.
    #[must_use]
    pub fn no_gnu_hash(mut self) -> Self {
        self.symbols.no_gnu = true;
        self
    }

    /// This address of the GNU hash table instead of the true one.
    #[must_use]
    pub fn gnu_hash_address(mut self, address: u64) -> Self {
        self.symbols.gnu_address = Some(address);
        self
    }

    /// This size of the filter of the GNU hash table instead of the true one.
    #[must_use]
    pub fn filter_words(mut self, words: u32) -> Self {
        self.symbols.filter_words = Some(words);
        self
    }

    /// This number of hash buckets instead of the true one.
    #[must_use]
    pub fn bucket_count(mut self, count: u32) -> Self {
        self.symbols.bucket_count = Some(count);
        self
    }

    /// This first symbol of the GNU hash table instead of the true one.
    #[must_use]
    pub fn first_hashed(mut self, symbol: u32) -> Self {
        self.symbols.first_symbol = Some(symbol);
        self
    }

    /// Every hash bucket leads to this symbol.
    #[must_use]
    pub fn bucket(mut self, symbol: u32) -> Self {
        self.symbols.bucket = Some(symbol);
        self
    }

    /// No hash chain has an end: GNU ones run on through a thousand empty entries, old ones lead back into themselves.
    #[must_use]
    pub fn endless_chains(mut self) -> Self {
        self.symbols.endless = true;
        self
    }

    /// This address of the symbol table instead of the true one.
    #[must_use]
    pub fn symbols_address(mut self, address: u64) -> Self {
        self.symbols.table_address = Some(address);
        self
    }

    /// So many bytes of other things between any two of the symbol, hash and string tables.
    #[must_use]
    pub fn apart(mut self, bytes: usize) -> Self {
        self.symbols.apart = bytes;
        self
    }

    /// A dynamic section that does not say where the symbols are.
    #[must_use]
    pub fn no_symbol_table(mut self) -> Self {
        self.symbols.no_table = true;
        self
    }

    /// No dynamic section.
    #[must_use]
    pub fn no_dynamic(mut self) -> Self {
        self.has_dynamic = false;
        self
    }

    /// A dynamic section without its last, empty entry.
    #[must_use]
    pub fn no_end_mark(mut self) -> Self {
        self.end_mark = false;
        self
    }

    /// This number of program headers instead of the true one.
    #[must_use]
    pub fn segment_count(mut self, count: u16) -> Self {
        self.segment_count = Some(count);
        self
    }

    /// This size of a program header instead of the true one.
    #[must_use]
    pub fn segment_size(mut self, size: u16) -> Self {
        self.segment_size = Some(size);
        self
    }

    /// This address of the string table instead of the true one.
    #[must_use]
    pub fn strings_address(mut self, address: u64) -> Self {
        self.strings_address = Some(address);
        self
    }

    /// This size of the dynamic section instead of the true one.
    #[must_use]
    pub fn dynamic_size(mut self, size: u64) -> Self {
        self.dynamic_size = Some(size);
        self
    }

    /// This length of the build-id instead of the true one.
    #[must_use]
    pub fn note_size(mut self, size: u32) -> Self {
        self.note_size = Some(size);
        self
    }

    /// So many bytes of code between the program headers and the rest.
    #[must_use]
    pub fn far(mut self, bytes: u64) -> Self {
        self.far = bytes;
        self
    }

    /// Only the first `bytes` bytes of the file.
    #[must_use]
    pub fn cut(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    /// The file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let (header_size, segment_size) = if self.wide { (64, 56) } else { (52, 32) };
        let count = 1
            + usize::from(self.interp.is_some())
            + usize::from(self.has_dynamic)
            + usize::from(self.build_id.is_some());
        let mut at = (header_size + segment_size * count).next_multiple_of(16) + self.far as usize;
        let body_start = at;
        let mut body = Out { bytes: Vec::new(), big: self.big };
        let mut segments: Vec<(u32, u64, u64)> = Vec::new();

        if let Some(path) = &self.interp {
            body.bytes.extend_from_slice(path.as_bytes());
            body.bytes.push(0);
            segments.push((3, at as u64, path.len() as u64 + 1));
        }
        if let Some(id) = &self.build_id {
            body.pad(16);
            at = body_start + body.bytes.len();
            body.u32(4);
            body.u32(self.note_size.unwrap_or(id.len() as u32));
            body.u32(3);
            body.bytes.extend_from_slice(b"GNU\0");
            body.bytes.extend_from_slice(id);
            body.pad(4);
            segments.push((4, at as u64, (body_start + body.bytes.len() - at) as u64));
        }
        if self.has_dynamic {
            body.pad(16);
            let (mut strings, mut entries) = self.strings();
            let base = ADDRESS + body_start as u64;
            entries.extend(self.symbols.write(&mut strings, &mut body, base, self.wide));
            let strings_at = body_start + body.bytes.len();
            body.bytes.extend_from_slice(&strings);
            body.pad(16);
            at = body_start + body.bytes.len();
            entries.push((5, self.strings_address.unwrap_or(ADDRESS + strings_at as u64)));
            entries.push((10, strings.len() as u64));
            if self.pie_flag {
                entries.push((0x6fff_fffb, 0x0800_0000));
            }
            if self.end_mark {
                entries.push((0, 0));
            }
            for (tag, value) in entries {
                body.address(tag, self.wide);
                body.address(value, self.wide);
            }
            let size = (body_start + body.bytes.len() - at) as u64;
            segments.push((2, at as u64, self.dynamic_size.unwrap_or(size)));
        }
        let end = (body_start + body.bytes.len()) as u64;
        segments.insert(0, (1, 0, end));

        let mut out = Out { bytes: b"\x7fELF".to_vec(), big: self.big };
        self.header(&mut out, header_size as u16, segment_size as u16, count as u16);
        for (kind, offset, size) in segments {
            self.segment(&mut out, kind, offset, size);
        }
        out.bytes.resize(body_start, 0xcc);
        out.bytes.extend_from_slice(&body.bytes);
        out.bytes.truncate(self.cut.unwrap_or(usize::MAX));
        out.bytes
    }

    /// The string table and the dynamic entries that point into it.
    fn strings(&self) -> (Vec<u8>, Vec<(u64, u64)>) {
        let mut strings = vec![0];
        let mut entries = Vec::new();
        for library in &self.needed {
            entries.push((1, strings.len() as u64));
            strings.extend_from_slice(library);
            strings.push(0);
        }
        if let Some(soname) = &self.soname {
            entries.push((14, strings.len() as u64));
            strings.extend_from_slice(soname);
            strings.push(0);
        }
        (strings, entries)
    }

    fn header(&self, out: &mut Out, header_size: u16, segment_size: u16, count: u16) {
        out.bytes.extend([if self.wide { 2 } else { 1 }, if self.big { 2 } else { 1 }, 1, 0]);
        out.bytes.extend([0; 8]);
        out.u16(self.kind);
        out.u16(self.machine);
        out.u32(1);
        out.address(ADDRESS, self.wide);
        out.address(u64::from(header_size), self.wide);
        out.address(0, self.wide);
        out.u32(0);
        out.u16(header_size);
        out.u16(self.segment_size.unwrap_or(segment_size));
        out.u16(self.segment_count.unwrap_or(count));
        out.u16(0);
        out.u16(0);
        out.u16(0);
    }

    fn segment(&self, out: &mut Out, kind: u32, offset: u64, size: u64) {
        out.u32(kind);
        if self.wide {
            out.u32(5);
        }
        for value in [offset, ADDRESS + offset, ADDRESS + offset, size, size] {
            out.address(value, self.wide);
        }
        if !self.wide {
            out.u32(5);
        }
        out.address(4, self.wide);
    }
}

/// Where the file is mapped, so that an address is never mistaken for an offset.
const ADDRESS: u64 = 0x40_0000;

/// Bytes in the order of the machine.
pub(super) struct Out {
    pub(super) bytes: Vec<u8>,
    big: bool,
}

impl Out {
    pub(super) fn u16(&mut self, value: u16) {
        self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    pub(super) fn address(&mut self, value: u64, wide: bool) {
        if wide {
            self.bytes.extend(if self.big { value.to_be_bytes() } else { value.to_le_bytes() });
        } else {
            self.u32(value as u32);
        }
    }

    pub(super) fn pad(&mut self, step: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(step), 0);
    }
}
