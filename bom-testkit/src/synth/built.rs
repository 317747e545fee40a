//! Programs that say what they were built from: the pieces of an ELF file that Go and cargo-auditable put there, written
//! after debug/buildinfo and PARSING.md.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};

/// A 64-bit program of one readable and one writable segment, with section headers.
#[derive(Clone, Debug, Default)]
pub struct Built {
    constants: Vec<u8>,
    data: Vec<u8>,
    section: Option<(String, Vec<u8>)>,
    section_size: Option<u64>,
}

/// A program without anything in it.
#[must_use]
pub fn built() -> Built {
    Built::default()
}

/// `mod`, `dep` and other lines as `go build` writes them, with the marks at both ends.
#[must_use]
pub fn go_modules(lines: &[&str]) -> Vec<u8> {
    let mark =
        [0xf9_u8, 0x32, 0x43, 0x31, 0x86, 0x18, 0x20, 0x72, 0x00, 0x82, 0x42, 0x10, 0x41, 0x16, 0xd8, 0xf2];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    [&mark[..], text.as_bytes(), &mark].concat()
}

impl Built {
    /// Go's blob, `before` bytes into the data segment.
    #[must_use]
    pub fn go(mut self, version: &str, modules: &[u8], before: usize) -> Self {
        self.data.resize(before, 0);
        self.data.extend_from_slice(b"\xff Go buildinf:\x08\x02");
        self.data.resize(before + 32, 0);
        for text in [version.as_bytes(), modules] {
            let mut left = text.len();
            while left >= 0x80 {
                self.data.push(left as u8 | 0x80);
                left >>= 7;
            }
            self.data.push(left as u8);
            self.data.extend_from_slice(text);
        }
        self
    }

    /// The blob of Go before 1.18: two pointers to strings.
    #[must_use]
    pub fn go_before_1_18(mut self, version: &str, modules: &[u8]) -> Self {
        let text_at = 64 + 32;
        self.data.extend_from_slice(b"\xff Go buildinf:\x08\x00");
        for header in [32, 48] {
            self.data.extend((self.address() + header).to_le_bytes());
        }
        let mut at = text_at;
        for text in [version.as_bytes(), modules] {
            self.data.extend((self.address() + at).to_le_bytes());
            self.data.extend((text.len() as u64).to_le_bytes());
            at += text.len() as u64;
        }
        self.data.resize(text_at as usize, 0);
        self.data.extend_from_slice(version.as_bytes());
        self.data.extend_from_slice(modules);
        self
    }

    /// cargo-auditable's section with this JSON.
    #[must_use]
    pub fn auditable(self, json: &str) -> Self {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed.write_all(json.as_bytes()).expect("memory is always writable");
        self.section(".dep-v0", &packed.finish().expect("memory is always writable"))
    }

    /// A section.
    #[must_use]
    pub fn section(mut self, name: &str, bytes: &[u8]) -> Self {
        self.section = Some((name.to_owned(), bytes.to_vec()));
        self
    }

    /// This size of the section instead of the true one.
    #[must_use]
    pub fn section_size(mut self, size: u64) -> Self {
        self.section_size = Some(size);
        self
    }

    /// Constants, `before` bytes into their segment.
    #[must_use]
    pub fn constants(mut self, before: usize, text: &[u8]) -> Self {
        self.constants.resize(before.max(self.constants.len()), b'.');
        self.constants.extend_from_slice(text);
        self
    }

    fn address(&self) -> u64 {
        0x60_0000
    }

    /// The file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let constants_at = (64 + 2 * 56_usize).next_multiple_of(16);
        let data_at = (constants_at + self.constants.len()).next_multiple_of(16);
        let section_at = data_at + self.data.len();
        let (name, section) = self.section.clone().unwrap_or_default();
        let names_at = section_at + section.len();
        let names = [b"\0.shstrtab\0", name.as_bytes(), b"\0"].concat();
        let table_at = (names_at + names.len()).next_multiple_of(8);
        let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        let mut put = |bytes: &[u8]| out.extend_from_slice(bytes);
        for half in [2_u16, 62] {
            put(&half.to_le_bytes());
        }
        put(&1_u32.to_le_bytes());
        for word in [0x40_0000_u64, 64, if self.section.is_some() { table_at as u64 } else { 0 }] {
            put(&word.to_le_bytes());
        }
        put(&0_u32.to_le_bytes());
        let sections = if self.section.is_some() { 3 } else { 0 };
        for half in [64_u16, 56, 2, 64, sections, 1] {
            put(&half.to_le_bytes());
        }
        for (flags, offset, address, size) in [
            (4_u32, constants_at, 0x40_0000 + constants_at as u64, self.constants.len()),
            (6, data_at, self.address(), self.data.len()),
        ] {
            put(&1_u32.to_le_bytes());
            put(&flags.to_le_bytes());
            for word in [offset as u64, address, address, size as u64, size as u64, 16] {
                put(&word.to_le_bytes());
            }
        }
        out.resize(constants_at, 0);
        out.extend_from_slice(&self.constants);
        out.resize(data_at, 0);
        out.extend_from_slice(&self.data);
        out.extend_from_slice(&section);
        out.extend_from_slice(&names);
        out.resize(table_at, 0);
        let rows = [
            (0_u32, 0, 0),
            (1, names_at as u64, names.len() as u64),
            (11, section_at as u64, self.section_size.unwrap_or(section.len() as u64)),
        ];
        for (name, offset, size) in rows {
            out.extend(name.to_le_bytes());
            out.extend(1_u32.to_le_bytes());
            for word in [0_u64, 0, offset, size] {
                out.extend(word.to_le_bytes());
            }
            out.extend([0; 8]);
            for word in [1_u64, 0] {
                out.extend(word.to_le_bytes());
            }
        }
        out
    }
}
