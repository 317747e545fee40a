//! ClientHellos (RFC 8446 §4.1.2).

use super::{behind8, behind16};

#[derive(Clone, Default)]
pub(crate) struct Hello {
    extensions: Vec<(u16, Vec<u8>)>,
}

pub(crate) fn hello() -> Hello {
    Hello::default()
}

impl Hello {
    pub(crate) fn name(self, name: &str) -> Self {
        let entry = [vec![0], behind16(name.as_bytes())].concat();
        self.extension(0, behind16(&entry))
    }

    pub(crate) fn alpn(self, names: &[&str]) -> Self {
        let list: Vec<u8> = names.iter().flat_map(|name| behind8(name.as_bytes())).collect();
        self.extension(16, behind16(&list))
    }

    pub(crate) fn versions(self, versions: &[u16]) -> Self {
        let list: Vec<u8> = versions.iter().flat_map(|version| version.to_be_bytes()).collect();
        self.extension(43, behind8(&list))
    }

    /// An outer hello's `encrypted_client_hello`, with this much ciphertext.
    pub(crate) fn ech(self, length: usize) -> Self {
        let content =
            [&[0, 0, 1, 0, 1, 42][..], &behind16(&[7; 32]), &behind16(&vec![0xec; length])].concat();
        self.extension(0xfe0d, content)
    }

    /// A key share as large as X25519MLKEM768 needs.
    pub(crate) fn post_quantum(self) -> Self {
        let share = [&[0x11, 0xec][..], &behind16(&[0x5a; 1216])].concat();
        self.extension(51, behind16(&share))
    }

    pub(crate) fn extension(mut self, kind: u16, content: Vec<u8>) -> Self {
        self.extensions.push((kind, content));
        self
    }

    /// The handshake message.
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend(behind8(&[9; 32]));
        body.extend(behind16(&[0x13, 0x01, 0x13, 0x02]));
        body.extend(behind8(&[0]));
        let extension =
            |(kind, content): &(u16, Vec<u8>)| [&kind.to_be_bytes()[..], &behind16(content)].concat();
        body.extend(behind16(&self.extensions.iter().flat_map(extension).collect::<Vec<u8>>()));
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[1][..], &length[1..], &body].concat()
    }

    /// In one record.
    pub(crate) fn stream(&self) -> Vec<u8> {
        self.records(16_384)
    }

    /// In records of at most `size` bytes.
    pub(crate) fn records(&self, size: usize) -> Vec<u8> {
        self.message().chunks(size).flat_map(|part| [&[22, 3, 1][..], &behind16(part)].concat()).collect()
    }
}
