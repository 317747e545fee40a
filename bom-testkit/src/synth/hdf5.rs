//! HDF5 files of the oldest kind, as h5py writes them by default: superblock 0, groups as B-trees, object headers of
//! version 1, one attribute message for each text.

const UNDEFINED: u64 = u64::MAX;

/// A node of the tree: a group with attributes, or a data set of 32-bit floats.
#[derive(Clone, Debug)]
pub enum Node {
    Group { attributes: Vec<(String, Text)>, children: Vec<(String, Node)> },
    Floats(Vec<u64>),
}

/// A text as an attribute holds it.
#[derive(Clone, Debug)]
pub enum Text {
    /// In the attribute itself.
    Fixed(String),
    /// In the global heap.
    Variable(String),
}

/// A group without attributes.
#[must_use]
pub fn hdf5_group(children: Vec<(&str, Node)>) -> Node {
    hdf5_root(Vec::new(), children)
}

/// A group with attributes.
#[must_use]
pub fn hdf5_root(attributes: Vec<(&str, Text)>, children: Vec<(&str, Node)>) -> Node {
    Node::Group {
        attributes: attributes.into_iter().map(|(name, text)| (name.to_owned(), text)).collect(),
        children: children.into_iter().map(|(name, node)| (name.to_owned(), node)).collect(),
    }
}

/// The file.
#[must_use]
pub fn hdf5(root: &Node) -> Vec<u8> {
    let mut out = b"\x89HDF\r\n\x1a\n".to_vec();
    // Versions, widths of addresses and lengths, sizes of the nodes, flags.
    out.extend([0, 0, 0, 0, 0, 8, 8, 0, 4, 0, 16, 0, 0, 0, 0, 0]);
    let end_at = out.len() + 16;
    for address in [0, UNDEFINED, 0, UNDEFINED] {
        word(&mut out, address);
    }
    word(&mut out, 0);
    let root_at = out.len();
    word(&mut out, 0);
    out.extend([0; 24]);
    let place = node(&mut out, root);
    out[root_at..root_at + 8].copy_from_slice(&(place as u64).to_le_bytes());
    let end = out.len() as u64;
    out[end_at..end_at + 8].copy_from_slice(&end.to_le_bytes());
    out
}

/// Writes what is below, then the object header; where that is.
fn node(out: &mut Vec<u8>, node: &Node) -> usize {
    let mut messages = Vec::new();
    match node {
        Node::Floats(sizes) => {
            messages.push((1, dataspace(sizes)));
            messages
                .push((3, vec![0x11, 0x20, 0x1f, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0]));
        }
        Node::Group { attributes, children } => {
            let places: Vec<usize> = children.iter().map(|(_, child)| self::node(out, child)).collect();
            let mut table = Vec::new();
            let (tree, heap) = symbols(out, children, &places);
            word(&mut table, tree as u64);
            word(&mut table, heap as u64);
            messages.push((0x11, table));
            for (name, text) in attributes {
                let attribute = attribute(out, name, text);
                messages.push((0x0c, attribute));
            }
        }
    }
    align(out);
    let start = out.len();
    let body: Vec<u8> = messages.iter().flat_map(|(kind, bytes)| message(*kind, bytes)).collect();
    out.extend([1, 0]);
    out.extend((messages.len() as u16).to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend((body.len() as u32).to_le_bytes());
    out.extend([0; 4]);
    out.extend(body);
    start
}

fn message(kind: u16, bytes: &[u8]) -> Vec<u8> {
    let padded = bytes.len().next_multiple_of(8);
    let mut out = kind.to_le_bytes().to_vec();
    out.extend((padded as u16).to_le_bytes());
    out.extend([0; 4]);
    out.extend(bytes);
    out.resize(8 + padded, 0);
    out
}

/// A local heap of the names, one symbol node, and a B-tree of it.
fn symbols(out: &mut Vec<u8>, children: &[(String, Node)], places: &[usize]) -> (usize, usize) {
    let mut names = vec![0; 8];
    let mut offsets = Vec::new();
    for (name, _) in children {
        offsets.push(names.len());
        names.extend(name.as_bytes());
        names.push(0);
        names.resize(names.len().next_multiple_of(8), 0);
    }
    align(out);
    let data = out.len();
    out.extend(&names);
    let heap = out.len();
    out.extend(b"HEAP\0\0\0\0");
    for value in [names.len() as u64, UNDEFINED, data as u64] {
        word(out, value);
    }
    let node = out.len();
    out.extend(b"SNOD\x01\x00");
    out.extend((children.len() as u16).to_le_bytes());
    for (offset, place) in offsets.iter().zip(places) {
        word(out, *offset as u64);
        word(out, *place as u64);
        out.extend([0; 24]);
    }
    let tree = out.len();
    out.extend(b"TREE\0\0");
    out.extend(u16::from(!children.is_empty()).to_le_bytes());
    for value in [UNDEFINED, UNDEFINED, 0, node as u64, 0] {
        word(out, value);
    }
    (tree, heap)
}

fn attribute(out: &mut Vec<u8>, name: &str, text: &Text) -> Vec<u8> {
    let (datatype, data) = match text {
        Text::Fixed(text) => {
            let mut datatype = vec![0x13, 0, 0, 0];
            datatype.extend((text.len() as u32).to_le_bytes());
            (datatype, text.as_bytes().to_vec())
        }
        Text::Variable(text) => {
            align(out);
            let heap = out.len();
            let padded = text.len().next_multiple_of(8);
            out.extend(b"GCOL\x01\0\0\0");
            word(out, (16 + 16 + padded + 16) as u64);
            out.extend([1, 0, 1, 0, 0, 0, 0, 0]);
            word(out, text.len() as u64);
            out.extend(text.as_bytes());
            out.resize(heap + 32 + padded + 16, 0);
            let mut data = (text.len() as u32).to_le_bytes().to_vec();
            word(&mut data, heap as u64);
            data.extend(1_u32.to_le_bytes());
            let mut datatype = vec![0x19, 0x01, 0x01, 0, 16, 0, 0, 0];
            datatype.extend([0x10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 8, 0]);
            (datatype, data)
        }
    };
    let space = dataspace(&[]);
    let mut attribute = vec![1, 0];
    for length in [name.len() + 1, datatype.len(), space.len()] {
        attribute.extend((length as u16).to_le_bytes());
    }
    let mut part = |bytes: &[u8]| {
        attribute.extend(bytes);
        attribute.resize(attribute.len() + bytes.len().next_multiple_of(8) - bytes.len(), 0);
    };
    part(&[name.as_bytes(), &[0]].concat());
    part(&datatype);
    part(&space);
    attribute.extend(data);
    attribute
}

fn dataspace(sizes: &[u64]) -> Vec<u8> {
    let mut out = vec![1, sizes.len() as u8, 0, 0, 0, 0, 0, 0];
    sizes.iter().for_each(|size| word(&mut out, *size));
    out
}

fn word(out: &mut Vec<u8>, value: u64) {
    out.extend(value.to_le_bytes());
}

fn align(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(8), 0);
}
