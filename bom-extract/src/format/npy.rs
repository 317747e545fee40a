//! NumPy arrays: `.npy`, and `.npz`, a zip archive of them.
//!
//! Source: `numpy/lib/format.py`. Magic, version, length of the header, and the header: a Python literal, a dictionary
//! of `descr`, `fortran_order` and `shape`. It is read as text, never evaluated. MLX and others write the same.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

use bom_core::metadata::{ByteOrder, FileKind, IssueCode, ModelRole};

use crate::draft::{Draft, Stop, brief};
use crate::extractor::Extractor;
use crate::grammar::zip::Archive;
use crate::reader::{Reader, u64_of};

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Npy, wants, extract };

const MAGIC: &[u8] = b"\x93NUMPY";
/// Longest header read. numpy itself refuses to evaluate more than 10 000 characters.
const HEADER_BYTES: u64 = 16 << 10;

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(MAGIC)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    draft.model().role = Some(ModelRole::Data);
    let array = Array::read(reader, draft)?;
    let data = reader.left();
    draft.model().format_version = Some(array.version.clone());
    draft.model().dtype = Some(array.descr.clone());
    draft.hyperparameter("shape", &array.shape);
    if array.descr.starts_with('>') {
        draft.model().byte_order = ByteOrder::Big;
    }
    array.objects(None, draft);
    let Some(elements) = array.elements else {
        let detail = "the shape does not fit in 64 bits".to_string();
        return Err(Stop::broken(IssueCode::ArithmeticOverflow, 0, detail));
    };
    draft.hyperparameter("elements", elements);
    if let Some(bytes) = array.width.and_then(|width| elements.checked_mul(width))
        && bytes != data
    {
        let detail = format!("{data} bytes for {elements} elements of {}", brief(&array.descr));
        draft.issue(IssueCode::SizeMismatch, Some(reader.pos()), detail);
    }
    Ok(())
}

/// An archive whose members are all arrays.
pub(super) fn archive(
    archive: &Archive,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<bool, Stop> {
    let is_array = |name: &str| name.strip_suffix(".npy").is_some_and(|name| !name.is_empty());
    if archive.members.is_empty() || !archive.members.iter().all(|member| is_array(&member.name)) {
        return Ok(false);
    }
    let (mut elements, mut bits) = (Some(0_u64), BTreeMap::<String, u64>::new());
    let mut adapters = 0_usize;
    for (at, member) in archive.members.iter().enumerate() {
        if u64_of(at) >= draft.limits.graph_tensors {
            let detail = format!("more than {} arrays", draft.limits.graph_tensors);
            return Err(Stop::limit(IssueCode::CountExceedsLimit, 0, detail));
        }
        let limit = usize::try_from(HEADER_BYTES).unwrap_or(usize::MAX);
        let array = match member.stored(reader, draft)? {
            Some((start, end)) => reader.within(start, end, |reader| Array::read(reader, draft)),
            None => {
                // Only the start is unpacked: what follows is the array.
                let start = member.start(limit, reader, draft)?;
                reader.inside(&start, |inner| Array::read(inner, draft))
            }
        };
        let array = match array {
            Ok(array) => array,
            Err(Stop::Read(error)) => return Err(Stop::Read(error)),
            Err(stop) if draft.is_claimed() => {
                elements = None;
                draft.absorb(Err(stop))?;
                continue;
            }
            // The first member is no array: some other archive with names that end alike.
            Err(_) => return Ok(false),
        };
        draft.claim_as(FileKind::Npz);
        array.objects(Some(&member.name), draft);
        adapters = adapters.saturating_add(usize::from(member.name.contains("lora_")));
        elements = elements.zip(array.elements).and_then(|(sum, more)| sum.checked_add(more));
        let total = bits.entry(array.descr).or_default();
        let bytes = array.elements.unwrap_or(0).saturating_mul(array.width.unwrap_or(0));
        *total = total.saturating_add(bytes);
    }
    let model = draft.model();
    model.role = Some(ModelRole::Data);
    if adapters.saturating_mul(2) >= archive.members.len() {
        model.role = Some(ModelRole::Adapter);
    }
    model.tensor_count = u64::try_from(archive.members.len()).ok().filter(|_| !archive.cut);
    model.dtype = bits.into_iter().max_by_key(|(_, bits)| *bits).map(|(descr, _)| descr);
    if let Some(elements) = elements.filter(|_| !archive.cut) {
        draft.hyperparameter("elements", elements);
    }
    Ok(true)
}

struct Array {
    version: String,
    /// The type as numpy spells it: `<f4`, or the whole list of fields.
    descr: String,
    shape: String,
    /// `None` past 64 bits.
    elements: Option<u64>,
    /// Bytes of an element, for the types that say.
    width: Option<u64>,
}

impl Array {
    /// Reads up to the first byte of the data.
    fn read(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<Self, Stop> {
        let at = reader.pos();
        let broken = |what: &str| {
            Stop::broken(IssueCode::MalformedHeader, at, format!("the header of an array {what}"))
        };
        if reader.array::<6>()? != *b"\x93NUMPY" {
            return Err(broken("has no magic"));
        }
        let [major, minor] = reader.array()?;
        let bytes = match major {
            1 => u64::from(reader.u16(ByteOrder::Little)?),
            2 | 3 => u64::from(reader.u32(ByteOrder::Little)?),
            _ => {
                let detail = format!("version {major}.{minor} of an array is not 1 to 3");
                return Err(Stop::broken(IssueCode::UnsupportedVersion, at, detail));
            }
        };
        if bytes > HEADER_BYTES {
            let detail = format!("header length {bytes} exceeds the limit of {HEADER_BYTES}");
            return Err(Stop::limit(IssueCode::LengthExceedsLimit, at, detail));
        }
        let header = reader.bytes(bytes)?;
        let header = String::from_utf8_lossy(&header);
        let descr = literal(&header, "'descr':").ok_or_else(|| broken("has no type"))?;
        let shape = literal(&header, "'shape':").ok_or_else(|| broken("has no shape"))?;
        let shape = shape.trim_start_matches('(').trim_end_matches(')');
        let mut elements = Some(1_u64);
        let mut sizes = alloc::vec::Vec::new();
        for size in shape.split(',').map(str::trim).filter(|size| !size.is_empty()) {
            // Python 2 wrote long numbers with a letter.
            let size: u64 =
                size.trim_end_matches('L').parse().map_err(|_| broken("has a shape of no numbers"))?;
            elements = elements.and_then(|all| all.checked_mul(size));
            sizes.push(size.to_string());
        }
        let descr = descr.trim_matches(['\'', '"']);
        let descr_text = draft.value("the type of an array", at, descr.as_bytes());
        let shape = draft.value("the shape of an array", at, sizes.join(", ").as_bytes());
        Ok(Self {
            version: format!("{major}.{minor}"),
            width: width(descr),
            descr: descr_text,
            shape,
            elements,
        })
    }

    /// Says that the elements are Python objects: a pickle follows, which loads only if the reader allows it.
    fn objects(&self, member: Option<&str>, draft: &mut Draft<'_>) {
        if self.descr == "|O" || self.descr.contains("'|O'") {
            let name = member.map_or("the array", brief);
            let detail = format!("{name} holds Python objects: its data is a pickle");
            draft.issue(IssueCode::HiddenCode, None, detail);
        }
    }
}

/// The literal behind a key of the header: up to the comma that is in no bracket and in no text.
fn literal<'h>(header: &'h str, key: &str) -> Option<&'h str> {
    let (_, rest) = header.split_once(key)?;
    let (mut depth, mut quote) = (0_u32, None);
    for (at, letter) in rest.char_indices() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(letter),
            (None, '(' | '[' | '{') => depth = depth.saturating_add(1),
            (None, ')' | ']' | '}') if depth > 0 => depth = depth.saturating_sub(1),
            (None, ',' | '}') if depth == 0 => return rest.get(..at).map(str::trim),
            (None, _) => {}
        }
    }
    None
}

/// Bytes of an element of a plain type: a byte order, a letter, a width.
fn width(descr: &str) -> Option<u64> {
    let mut letters = descr.chars();
    let order = letters.next()?;
    let kind = letters.next()?;
    let width: u64 = letters.as_str().parse().ok()?;
    if !matches!(order, '<' | '>' | '|' | '=') {
        return None;
    }
    match kind {
        'U' => width.checked_mul(4),
        'b' | 'i' | 'u' | 'f' | 'c' | 'S' | 'V' => Some(width),
        _ => None,
    }
}
