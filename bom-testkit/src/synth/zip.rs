//! Zip archives.

use std::io::Write;

use flate2::{Compression, write::DeflateEncoder};

/// Builder of an archive.
#[derive(Clone, Debug, Default)]
pub struct Zip {
    front: Vec<u8>,
    members: Vec<Member>,
    count: Option<u16>,
    shift: u32,
    comment: Vec<u8>,
}

#[derive(Clone, Debug)]
struct Member {
    name: String,
    own_name: Option<String>,
    packed: Vec<u8>,
    size: u32,
    stated: Option<u32>,
    method: u16,
    flags: u16,
    align: usize,
}

/// An empty archive.
#[must_use]
pub fn zip() -> Zip {
    Zip::default()
}

impl Zip {
    /// A member that is not compressed.
    #[must_use]
    pub fn stored(self, name: &str, bytes: &[u8]) -> Self {
        self.member(name, bytes.to_vec(), bytes.len(), 0)
    }

    /// A compressed member.
    #[must_use]
    pub fn deflated(self, name: &str, bytes: &[u8]) -> Self {
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(bytes).expect("memory is always writable");
        self.member(name, packed.finish().expect("memory is always writable"), bytes.len(), 8)
    }

    /// A compressed member that unpacks to `bytes` zeros.
    #[must_use]
    pub fn bomb(self, name: &str, bytes: usize) -> Self {
        self.deflated(name, &vec![0; bytes])
    }

    /// The data of the last member starts at a multiple of this.
    #[must_use]
    pub fn aligned(mut self, step: usize) -> Self {
        self.last().align = step;
        self
    }

    /// The last member has another name in its own header.
    #[must_use]
    pub fn own_name(mut self, name: &str) -> Self {
        self.last().own_name = Some(name.to_owned());
        self
    }

    /// The directory gives the last member this size, packed and unpacked.
    #[must_use]
    pub fn stated_size(mut self, size: u32) -> Self {
        self.last().stated = Some(size);
        self
    }

    /// The last member says it is packed by this method, and these flags.
    #[must_use]
    pub fn method(mut self, method: u16, flags: u16) -> Self {
        (self.last().method, self.last().flags) = (method, flags);
        self
    }

    /// The end announces this many members.
    #[must_use]
    pub fn count(mut self, count: u16) -> Self {
        self.count = Some(count);
        self
    }

    /// Bytes in front of the archive, which its offsets do not count.
    #[must_use]
    pub fn front(mut self, bytes: &[u8]) -> Self {
        self.front = bytes.to_vec();
        self
    }

    /// A comment at the end.
    #[must_use]
    pub fn comment(mut self, bytes: &[u8]) -> Self {
        self.comment = bytes.to_vec();
        self
    }

    /// Added to the offset of the directory.
    #[must_use]
    pub fn directory_shift(mut self, shift: u32) -> Self {
        self.shift = shift;
        self
    }

    fn member(mut self, name: &str, packed: Vec<u8>, size: usize, method: u16) -> Self {
        self.members.push(Member {
            name: name.to_owned(),
            own_name: None,
            packed,
            size: size as u32,
            stated: None,
            method,
            flags: 0,
            align: 1,
        });
        self
    }

    fn last(&mut self) -> &mut Member {
        self.members.last_mut().expect("a member")
    }

    /// The file.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut out = self.front.clone();
        let mut directory = Vec::new();
        for member in &self.members {
            let offset = (out.len() - self.front.len()) as u32;
            let own = member.own_name.as_ref().unwrap_or(&member.name);
            let packed = member.stated.unwrap_or(member.packed.len() as u32);
            let size = member.stated.unwrap_or(member.size);
            let data = out.len() + 30 + own.len();
            let padding = data.next_multiple_of(member.align) - data;
            out.extend(b"PK\x03\x04\x14\x00");
            out.extend(member.flags.to_le_bytes());
            out.extend(member.method.to_le_bytes());
            out.extend([0; 8]);
            out.extend(packed.to_le_bytes());
            out.extend(size.to_le_bytes());
            out.extend((own.len() as u16).to_le_bytes());
            out.extend((padding as u16).to_le_bytes());
            out.extend(own.as_bytes());
            out.resize(out.len() + padding, 0);
            out.extend(&member.packed);
            directory.extend(b"PK\x01\x02\x14\x03\x14\x00");
            directory.extend(member.flags.to_le_bytes());
            directory.extend(member.method.to_le_bytes());
            directory.extend([0; 8]);
            directory.extend(packed.to_le_bytes());
            directory.extend(size.to_le_bytes());
            directory.extend((member.name.len() as u16).to_le_bytes());
            directory.extend([0; 12]);
            directory.extend(offset.to_le_bytes());
            directory.extend(member.name.as_bytes());
        }
        let start = (out.len() - self.front.len()) as u32 + self.shift;
        let bytes = directory.len() as u32;
        out.extend(directory);
        let count = self.count.unwrap_or(self.members.len() as u16);
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(count.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(bytes.to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend((self.comment.len() as u16).to_le_bytes());
        out.extend(&self.comment);
        out
    }
}
