//! Header compression of HTTP/2 (RFC 7541), as far as the first block of a connection needs it: its
//! own insertions into the dynamic table, nothing from before.

use std::collections::VecDeque;

use super::{
    Held,
    cursor::Cursor,
    hpack_table::{HUFFMAN, STATIC},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HpackError {
    Integer,
    Cut,
    Huffman,
    Index,
    Size,
    TooMany,
}

/// The dynamic table's size before anything else was agreed on (RFC 9113 §6.5.2).
const TABLE: usize = 4096;
/// What an entry costs beside its bytes (RFC 7541 §4.1).
const ENTRY: usize = 32;
/// Fields read of one block.
const FIELDS: usize = 512;

/// Decodes a whole block; gives each field's name and value to `field`, and keeps none.
pub(super) fn decode(block: &[u8], mut field: impl FnMut(&[u8], &[u8])) -> Result<(), HpackError> {
    let mut table = Table { entries: VecDeque::new(), size: 0, capacity: TABLE };
    let mut rest = Cursor(block);
    for _ in 0..FIELDS {
        let Some(first) = rest.u8() else { return Ok(()) };
        match first {
            0x80.. => {
                let index = integer(first, 7, &mut rest)?;
                table.with(index, &mut field)?;
            }
            0x40..0x80 => {
                let (name, value) = literal(first, 6, &mut rest, &table)?;
                field(name.bytes(), value.bytes());
                table.insert(name, value);
            }
            0x20..0x40 => table.resize(integer(first, 5, &mut rest)?)?,
            0x00..0x20 => {
                let (name, value) = literal(first, 4, &mut rest, &table)?;
                field(name.bytes(), value.bytes());
            }
        }
    }
    Err(HpackError::TooMany)
}

fn literal(first: u8, bits: u32, rest: &mut Cursor<'_>, table: &Table) -> Result<(Held, Held), HpackError> {
    let mut name = Held::default();
    match integer(first, bits, rest)? {
        0 => name = string(rest)?,
        index => table.with(index, &mut |known, _| name.extend(known))?,
    }
    Ok((name, string(rest)?))
}

/// An integer whose first `bits` bits are the lower ones of `first` (RFC 7541 §5.1).
fn integer(first: u8, bits: u32, rest: &mut Cursor<'_>) -> Result<usize, HpackError> {
    let most = (1_usize << bits) - 1;
    let mut value = usize::from(first) & most;
    if value < most {
        return Ok(value);
    }
    // Three more bytes reach two million, and nothing here is that long.
    for shift in [0, 7, 14] {
        let byte = rest.u8().ok_or(HpackError::Cut)?;
        value += usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(HpackError::Integer)
}

fn string(rest: &mut Cursor<'_>) -> Result<Held, HpackError> {
    let first = rest.u8().ok_or(HpackError::Cut)?;
    let length = integer(first, 7, rest)?;
    let bytes = rest.take(length).ok_or(HpackError::Cut)?;
    if first & 0x80 == 0 {
        return Ok(Held::from(bytes.to_vec()));
    }
    huffman(bytes)
}

/// Decodes a Huffman string (RFC 7541 §5.2).
fn huffman(bytes: &[u8]) -> Result<Held, HpackError> {
    let mut text = Held::default();
    let mut code = Code::default();
    for &byte in bytes {
        for shift in (0..8).rev() {
            let Some(symbol) = code.bit(u32::from(byte >> shift & 1)) else { continue };
            let symbol = u8::try_from(symbol?).map_err(|_| HpackError::Huffman)?;
            text.extend(&[symbol]);
            code = Code::default();
        }
    }
    // What is left is padding: fewer than eight bits, the beginning of the end symbol, all ones.
    let padding = code.length < 8 && code.value == (1 << code.length) - 1;
    padding.then_some(text).ok_or(HpackError::Huffman)
}

/// Bits of one code that were read so far.
#[derive(Default)]
struct Code {
    value: u32,
    length: u8,
    /// The row to look at next, and the lowest code of it.
    row: usize,
    lowest: u32,
    row_length: u8,
}

impl Code {
    fn bit(&mut self, bit: u32) -> Option<Result<u16, HpackError>> {
        self.value = self.value << 1 | bit;
        self.length += 1;
        let Some((length, symbols)) = HUFFMAN.get(self.row) else { return Some(Err(HpackError::Huffman)) };
        if self.row_length < *length {
            self.lowest <<= length - self.row_length;
            self.row_length = *length;
        }
        if self.length < *length {
            return None;
        }
        let place = usize::try_from(self.value.checked_sub(self.lowest)?).ok()?;
        if let Some(symbol) = symbols.get(place) {
            return Some(Ok(*symbol));
        }
        self.lowest += u32::try_from(symbols.len()).unwrap_or(u32::MAX);
        self.row += 1;
        None
    }
}

struct Table {
    /// The newest first.
    entries: VecDeque<(Held, Held)>,
    size: usize,
    capacity: usize,
}

impl Table {
    /// Gives the field at `index` away.
    fn with(&self, index: usize, field: &mut impl FnMut(&[u8], &[u8])) -> Result<(), HpackError> {
        let place = index.checked_sub(1).ok_or(HpackError::Index)?;
        if let Some((name, value)) = STATIC.get(place) {
            field(name.as_bytes(), value.as_bytes());
            return Ok(());
        }
        let (name, value) = self.entries.get(place - STATIC.len()).ok_or(HpackError::Index)?;
        field(name.bytes(), value.bytes());
        Ok(())
    }

    fn insert(&mut self, name: Held, value: Held) {
        self.size += name.len() + value.len() + ENTRY;
        self.entries.push_front((name, value));
        self.evict();
    }

    fn resize(&mut self, capacity: usize) -> Result<(), HpackError> {
        if capacity > TABLE {
            return Err(HpackError::Size);
        }
        self.capacity = capacity;
        self.evict();
        Ok(())
    }

    fn evict(&mut self) {
        while self.size > self.capacity {
            let Some((name, value)) = self.entries.pop_back() else { return };
            self.size -= name.len() + value.len() + ENTRY;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    fn fields(block: &str) -> Result<Vec<String>, HpackError> {
        let mut all = Vec::new();
        decode(&hex(block), |name, value| {
            all.push(format!("{}: {}", name.escape_ascii(), value.escape_ascii()));
        })?;
        Ok(all)
    }

    #[test]
    fn decodes_the_examples_of_rfc_7541_appendix_c() {
        let request = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
        for (name, block, expected) in [
            (
                "c_2_1_literal_with_indexing",
                "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
                vec!["custom-key: custom-header"],
            ),
            (
                "c_2_2_literal_without_indexing",
                "040c 2f73 616d 706c 652f 7061 7468",
                vec![":path: /sample/path"],
            ),
            (
                "c_2_3_literal_never_indexed",
                "1008 7061 7373 776f 7264 0673 6563 7265 74",
                vec!["password: secret"],
            ),
            ("c_2_4_indexed", "82", vec![":method: GET"]),
            ("c_3_1_request", "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", request.to_vec()),
            ("c_4_1_request_huffman", "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", request.to_vec()),
            // The second and third requests of C.4 refer to the first: sent as one block.
            (
                "c_4_all_in_one_block",
                "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff 8286 84be 5886 a8eb 1064 9cbf
                 8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
                [
                    &request[..],
                    &request[..],
                    &["cache-control: no-cache", ":method: GET", ":scheme: https", ":path: /index.html"],
                    &[":authority: www.example.com", "custom-key: custom-value"],
                ]
                .concat(),
            ),
            (
                "c_6_1_response_huffman",
                "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81
                 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
                vec![
                    ":status: 302",
                    "cache-control: private",
                    "date: Mon, 21 Oct 2013 20:13:21 GMT",
                    "location: https://www.example.com",
                ],
            ),
        ] {
            assert_eq!(fields(block).unwrap(), expected, "{name}");
        }
    }

    #[test]
    fn reads_integers_as_rfc_7541_appendix_c_1() {
        for (first, bits, more, expected) in [
            (10_u8, 5, vec![], Ok(10)),
            (31, 5, vec![0x9a, 0x0a], Ok(1337)),
            (42, 8, vec![], Ok(42)),
            (31, 5, vec![0x80], Err(HpackError::Cut)),
            (31, 5, vec![0xff, 0xff, 0xff, 0xff, 1], Err(HpackError::Integer)),
        ] {
            assert_eq!(integer(first, bits, &mut Cursor(&more)), expected, "{first} {bits} {more:?}");
        }
    }

    #[test]
    fn refuses_what_is_malformed() {
        for (name, block, expected) in [
            ("index_zero", "80", HpackError::Index),
            ("index_past_both_tables", "be", HpackError::Index),
            ("string_past_the_end", "400a 63", HpackError::Cut),
            ("padding_of_zeroes", "4481 1e 00", HpackError::Huffman),
            ("padding_of_a_whole_byte", "4482 1fff", HpackError::Huffman),
            ("end_symbol_in_a_string", "4484 ffff ffff", HpackError::Huffman),
            ("table_too_large", "3fe2 1f", HpackError::Size),
            ("evicted_by_size", "4103 612e 62 20 be", HpackError::Index),
        ] {
            assert_eq!(fields(block).unwrap_err(), expected, "{name}");
        }
        assert_eq!(fields(&"82".repeat(FIELDS)).unwrap_err(), HpackError::TooMany);
    }
}
