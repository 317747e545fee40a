//! Containers of others in which models and indexes lie: a LevelDB table as a TensorFlow checkpoint writes it, a tar
//! archive, the first page of an SQLite database.

use super::wire::{message, number, varint};

/// The index of a checkpoint with tensors of these names and shapes, in the order of names.
#[must_use]
pub fn tf_checkpoint(shards: u64, tensors: &[(&str, &[u64])]) -> Vec<u8> {
    // BundleHeaderProto: number of shards, then the version of the producer.
    let header = [number(1, shards), message(3, &number(1, 1))].concat();
    let mut data = entry(b"", &header);
    for (name, shape) in tensors {
        let dims: Vec<u8> = shape.iter().flat_map(|&size| message(2, &number(1, size))).collect();
        // BundleEntryProto: float, shape, bytes.
        let about = [number(1, 1), message(2, &dims), number(5, 4)].concat();
        data.extend(entry(name.as_bytes(), &about));
    }
    let mut out = Vec::new();
    let data = put(&mut out, &data);
    let metaindex = put(&mut out, &[]);
    let index = put(&mut out, &entry(b"\xff", &data));
    let mut footer = [metaindex, index].concat();
    footer.resize(40, 0);
    out.extend(footer);
    out.extend([0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]);
    out
}

/// Shared, own and value length; nothing is shared.
fn entry(key: &[u8], value: &[u8]) -> Vec<u8> {
    [vec![0], varint(key.len() as u64), varint(value.len() as u64), key.to_vec(), value.to_vec()].concat()
}

/// A block with one restart, its type and a check sum; gives its place.
fn put(out: &mut Vec<u8>, entries: &[u8]) -> Vec<u8> {
    let at = out.len() as u64;
    out.extend_from_slice(entries);
    out.extend([0, 0, 0, 0, 1, 0, 0, 0]);
    let size = out.len() as u64 - at;
    out.extend([0; 5]);
    [varint(at), varint(size)].concat()
}

/// A tar archive (`ustar`) of these files.
#[must_use]
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, content) in files {
        let mut header = vec![0; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        let size = format!("{:011o}", content.len());
        header[124..135].copy_from_slice(size.as_bytes());
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        out.extend(header);
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// Packed by gzip, with a name in its header.
#[must_use]
pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed =
        flate2::GzBuilder::new().filename("x.tar").write(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut packed, content).expect("memory");
    packed.finish().expect("memory")
}

/// The first page of a database whose schema has these statements.
#[must_use]
pub fn sqlite_schema(statements: &[&str]) -> Vec<u8> {
    let mut page = b"SQLite format 3\0".to_vec();
    page.resize(96, 0);
    page.extend(3_045_000_u32.to_be_bytes());
    page.resize(512, 0);
    for statement in statements {
        page.extend_from_slice(statement.as_bytes());
        page.push(0);
    }
    page.resize(4096, 0);
    page
}
