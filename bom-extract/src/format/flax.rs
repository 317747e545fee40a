//! Flax checkpoints: MessagePack, with arrays as extension type 1.
//!
//! Source: `flax/serialization.py` and the MessagePack specification. An array is itself packed: shape, name of the type,
//! bytes. Any other MessagePack is left alone.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use bom_core::metadata::{ByteOrder, FileKind, IssueCode};

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::FlaxMsgpack, wants, extract };

const ORDER: ByteOrder = ByteOrder::Big;
/// `_MsgpackExtType.ndarray`.
const ARRAY: u8 = 1;
/// Values before the first array has to have come.
const VALUES_BEFORE: u64 = 4096;
const NAME_BYTES: u64 = 64;

/// A map whose first key is a short text.
fn wants(prefix: &[u8], _len: u64) -> bool {
    let rest = match prefix {
        [0x81..=0x8f, rest @ ..] | [0xde, _, _, rest @ ..] | [0xdf, _, _, _, _, rest @ ..] => rest,
        _ => return false,
    };
    match rest {
        [length @ 0xa1..=0xbf, text @ ..] => {
            let length = usize::from(length & 0x1f);
            text.get(..length).is_some_and(|text| text.iter().all(u8::is_ascii_graphic))
        }
        _ => false,
    }
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut sums = Sums::default();
    // How many values are still to come, at all depths together: the tree needs no stack to be walked.
    let mut left = 1_u64;
    let mut values = 0_u64;
    while left > 0 {
        values = values.saturating_add(1);
        if values > draft.limits.array_items {
            let detail = alloc::format!("more than {} values", draft.limits.array_items);
            return Err(Stop::limit(IssueCode::CountExceedsLimit, reader.pos(), detail));
        }
        if sums.tensors == 0 && values > VALUES_BEFORE {
            return Ok(());
        }
        left = left.saturating_sub(1).saturating_add(value(&mut sums, reader, draft)?);
    }
    if sums.tensors > 0 {
        sums.conclude(draft);
    }
    Ok(())
}

/// Reads one value; how many values it announces.
fn value(sums: &mut Sums, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<u64, Stop> {
    let at = reader.pos();
    let code = reader.u8()?;
    let mut inner = 0;
    let skip = match code {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => 0,
        0x80..=0x8f => {
            inner = u64::from(code & 0x0f).saturating_mul(2);
            0
        }
        0x90..=0x9f => {
            inner = u64::from(code & 0x0f);
            0
        }
        0xa0..=0xbf => u64::from(code & 0x1f),
        0xc4 | 0xd9 => u64::from(reader.u8()?),
        0xc5 | 0xda => u64::from(reader.u16(ORDER)?),
        0xc6 | 0xdb => u64::from(reader.u32(ORDER)?),
        0xcc | 0xd0 => 1,
        0xcd | 0xd1 => 2,
        0xce | 0xd2 | 0xca => 4,
        0xcf | 0xd3 | 0xcb => 8,
        0xd4..=0xd8 | 0xc7..=0xc9 => return extension(code, sums, reader, draft).map(|()| 0),
        0xdc => {
            inner = u64::from(reader.u16(ORDER)?);
            0
        }
        0xdd => {
            inner = u64::from(reader.u32(ORDER)?);
            0
        }
        0xde => {
            inner = u64::from(reader.u16(ORDER)?).saturating_mul(2);
            0
        }
        0xdf => {
            inner = u64::from(reader.u32(ORDER)?).saturating_mul(2);
            0
        }
        0xc1 => {
            return Err(Stop::broken(
                IssueCode::MalformedHeader,
                at,
                "0xc1 is no MessagePack value".to_string(),
            ));
        }
    };
    if inner > reader.left() {
        let detail = alloc::format!("{inner} values do not fit in the {} bytes left", reader.left());
        return Err(Stop::broken(IssueCode::CountExceedsFile, at, detail));
    }
    reader.skip(skip)?;
    Ok(inner)
}

fn extension(code: u8, sums: &mut Sums, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let bytes = match code {
        0xd4 => 1,
        0xd5 => 2,
        0xd6 => 4,
        0xd7 => 8,
        0xd8 => 16,
        0xc7 => u64::from(reader.u8()?),
        0xc8 => u64::from(reader.u16(ORDER)?),
        _ => u64::from(reader.u32(ORDER)?),
    };
    let kind = reader.u8()?;
    let start = reader.pos();
    let end = start.saturating_add(bytes);
    reader.skip(bytes)?;
    if kind == ARRAY {
        reader.within(start, end, |reader| sums.array(reader, draft))?;
        reader.seek(end);
    }
    Ok(())
}

#[derive(Default)]
struct Sums {
    tensors: u64,
    overflow: bool,
    elements: BTreeMap<String, u64>,
}

impl Sums {
    /// An array of three: sizes, a type, bytes.
    fn array(&mut self, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        if reader.u8()? != 0x93 {
            return Ok(());
        }
        let head = reader.u8()?;
        let rank = match head {
            0x90..=0x9f => head & 0x0f,
            _ => return Ok(()),
        };
        let mut elements = Some(1_u64);
        for _ in 0..rank {
            let size = match reader.u8()? {
                size @ 0..=0x7f => u64::from(size),
                0xcc => u64::from(reader.u8()?),
                0xcd => u64::from(reader.u16(ORDER)?),
                0xce => u64::from(reader.u32(ORDER)?),
                0xcf => reader.u64(ORDER)?,
                _ => return Ok(()),
            };
            elements = elements.and_then(|all| all.checked_mul(size));
        }
        let length = match reader.u8()? {
            length @ 0xa0..=0xbf => u64::from(length & 0x1f),
            0xd9 => u64::from(reader.u8()?),
            _ => return Ok(()),
        };
        if length > NAME_BYTES {
            return Ok(());
        }
        let at = reader.pos();
        let name = reader.bytes(length)?;
        if !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            return Ok(());
        }
        draft.claim();
        let name = draft.value("a type", at, &name);
        self.tensors = self.tensors.saturating_add(1);
        if !self.elements.contains_key(&name) {
            reader.keep(name.len())?;
        }
        let total = self.elements.entry(name).or_default();
        match elements.and_then(|elements| total.checked_add(elements)) {
            Some(sum) => *total = sum,
            None => self.overflow = true,
        }
        Ok(())
    }

    fn conclude(self, draft: &mut Draft<'_>) {
        let weights = self.elements.iter().filter(|(name, _)| name.contains("float"));
        let count = weights.clone().try_fold(0_u64, |sum, (_, count)| sum.checked_add(*count));
        let dominant = self.elements.iter().max_by_key(|(_, count)| **count).map(|(name, _)| name.clone());
        let model = draft.model();
        model.tensor_count = Some(self.tensors);
        model.parameter_count = count.filter(|count| !self.overflow && *count > 0);
        model.dtype = dominant;
    }
}
