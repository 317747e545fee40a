//! NumPy arrays.

/// One array: its type, its shape as Python writes it, and its data.
#[must_use]
pub fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy_header(&format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"), data)
}

/// An array with any header.
#[must_use]
pub fn npy_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut header = header.to_owned();
    while !(10 + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.as_bytes());
    out.extend_from_slice(data);
    out
}
