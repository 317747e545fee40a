//! GGUF, versions 1 to 3, either byte order.
//!
//! Source: the GGUF specification and `gguf.cpp` of llama.cpp. Layout: magic, version, tensor count, entry count;
//! the entries (key, type, value); the tensor list (name, dimensions, type, offset); padding; data. Version 1 has
//! 32-bit counts and lengths, later versions 64-bit ones.
//!
//! The tensor list comes after the vocabulary, whose arrays of strings have no index and must be walked string by
//! string. That walk, not the tensor list, is what costs; arrays of numbers are stepped over.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, FileKind, IssueCode, ModelRole};

use super::ggml_types::{file_type, is_plain};
use crate::draft::{Draft, Stop, brief};
use crate::extractor::Extractor;
use crate::reader::Reader;
use crate::template;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Gguf, wants, extract };

const MAGIC: &[u8] = b"GGUF";
/// Where tensor data starts to count if `general.alignment` is absent.
const ALIGNMENT: u64 = 32;
/// Lists of strings up to this length (tags, languages) are values; longer ones are tables.
const LIST_ITEMS: u64 = 64;

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.starts_with(MAGIC)
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    inside(reader, draft)
}

/// A file that may be the member of an archive.
pub(super) fn inside(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.model();
    let at = reader.pos();
    if reader.array()? != *b"GGUF" {
        let detail = "no GGUF file where one has to be".to_string();
        return Err(Stop::broken(IssueCode::MalformedHeader, at, detail));
    }
    let mut walk = Walk {
        reader,
        draft,
        order: ByteOrder::Little,
        narrow: false,
        alignment: ALIGNMENT,
        has_vocabulary: false,
    };
    walk.header()
}

/// The state of one walk through a header.
pub(super) struct Walk<'w, 'a, 'l> {
    pub(super) reader: &'w mut Reader<'a>,
    pub(super) draft: &'w mut Draft<'l>,
    pub(super) order: ByteOrder,
    /// Version 1: counts and lengths are 32 bits wide.
    narrow: bool,
    pub(super) alignment: u64,
    has_vocabulary: bool,
}

/// A value as far as it is of interest.
enum Value {
    /// A number or switch, as text, and as an integer if it is one that is not negative.
    Scalar(String, Option<u64>),
    /// A string: its offset and its bytes.
    Text(u64, Vec<u8>),
    /// A short list of strings, joined by `, `.
    List(String),
    /// An array that was stepped over: how many elements.
    Table(u64),
    /// Something too long to be read, with an issue already made.
    Skipped,
}

impl Walk<'_, '_, '_> {
    fn header(&mut self) -> Result<(), Stop> {
        let raw = self.reader.u32(ByteOrder::Little)?;
        // The version is small, so the half that is zero shows the byte order; there is no other mark.
        let version = if raw.trailing_zeros() >= 16 && raw != 0 {
            self.order = ByteOrder::Big;
            raw.swap_bytes()
        } else {
            raw
        };
        self.narrow = version == 1;
        let order = self.order;
        let model = self.draft.model();
        model.byte_order = order;
        model.format_version = Some(version.to_string());
        if !(1..=3).contains(&version) {
            let detail = format!("version {version} is not 1 to 3");
            return Err(Stop::broken(IssueCode::UnsupportedVersion, 4, detail));
        }
        let counts_at = self.reader.pos();
        let tensors = self.size()?;
        let entries = self.size()?;
        let least_tensor = if self.narrow { 20 } else { 24 };
        let tensors_fit =
            self.count_fits("tensor count", counts_at, tensors, least_tensor, self.draft.limits.tensors);
        let least_entry = if self.narrow { 9 } else { 13 };
        let entries_fit =
            self.count_fits("key count", counts_at, entries, least_entry, self.draft.limits.entries);
        if tensors_fit {
            self.draft.model().tensor_count = Some(tensors);
        }
        if !entries_fit {
            return Ok(());
        }
        self.entries(entries)?;
        if self.has_vocabulary && tensors == 0 && self.draft.model().role.is_none() {
            self.draft.model().role = Some(ModelRole::Vocabulary);
        }
        if tensors_fit { self.tensors(tensors) } else { Ok(()) }
    }

    /// A count that cannot be true is an issue, and the entries it announces are not walked.
    fn count_fits(&mut self, what: &str, at: u64, count: u64, least_bytes: u64, limit: u64) -> bool {
        let left = self.reader.left();
        match count.checked_mul(least_bytes) {
            Some(needed) if needed <= left && count <= limit => true,
            Some(needed) if needed <= left => {
                self.draft.extracted.truncated = true;
                let detail = format!("{what} {count} exceeds the limit of {limit}");
                self.draft.issue(IssueCode::CountExceedsLimit, Some(at), detail);
                false
            }
            Some(_) | None => {
                let detail = format!("{what} {count} does not fit in the {left} bytes left");
                self.draft.issue(IssueCode::CountExceedsFile, Some(at), detail);
                false
            }
        }
    }

    fn entries(&mut self, count: u64) -> Result<(), Stop> {
        let mut seen = BTreeSet::new();
        for _ in 0..count {
            let at = self.reader.pos();
            let key = self.key(at)?;
            let kind = self.reader.u32(self.order)?;
            let listed = key.as_deref().is_some_and(is_listed);
            let value = self.value(kind, listed, 0)?;
            let Some(key) = key else { continue };
            self.reader.keep(key.len())?;
            self.store(&key, at, value)?;
            if !seen.insert(key.clone()) {
                let detail = format!("key {} appears twice", brief(&key));
                self.draft.issue(IssueCode::DuplicateKey, Some(at), detail);
            }
        }
        Ok(())
    }

    /// `None` for a key that is too long to be one.
    fn key(&mut self, at: u64) -> Result<Option<String>, Stop> {
        let len = self.size()?;
        self.must_fit("key length", at, len)?;
        let limit = self.draft.limits.key_bytes;
        if len > limit {
            let detail = format!("key length {len} exceeds the limit of {limit}");
            self.draft.issue(IssueCode::LengthExceedsLimit, Some(at), detail);
            self.reader.skip(len)?;
            return Ok(None);
        }
        let bytes = self.reader.bytes(len)?;
        Ok(Some(self.draft.value("a key", at, &bytes)))
    }

    fn value(&mut self, kind: u32, listed: bool, depth: u32) -> Result<Value, Stop> {
        let at = self.reader.pos();
        let order = self.order;
        Ok(match kind {
            0 => unsigned(u64::from(self.reader.u8()?)),
            1 => signed(i64::from(i8::from_le_bytes(self.reader.array()?))),
            2 => unsigned(u64::from(self.u16()?)),
            3 => signed(i64::from(self.u16()?.cast_signed())),
            4 => unsigned(u64::from(self.reader.u32(order)?)),
            5 => signed(i64::from(self.reader.u32(order)?.cast_signed())),
            6 => Value::Scalar(format!("{:?}", f32::from_bits(self.reader.u32(order)?)), None),
            7 => Value::Scalar((self.reader.u8()? != 0).to_string(), None),
            8 => self.string(at)?,
            9 => self.array(at, listed, depth)?,
            10 => unsigned(self.reader.u64(order)?),
            11 => signed(self.reader.u64(order)?.cast_signed()),
            12 => Value::Scalar(format!("{:?}", f64::from_bits(self.reader.u64(order)?)), None),
            // The size of an unknown type is unknown, so nothing after it can be found.
            unknown => {
                let detail = format!("value type {unknown} is not in the list");
                return Err(Stop::broken(IssueCode::UnknownType, at, detail));
            }
        })
    }

    fn string(&mut self, at: u64) -> Result<Value, Stop> {
        let len = self.size()?;
        self.must_fit("string length", at, len)?;
        let limit = self.draft.limits.string_bytes;
        if len > limit {
            let detail = format!("string length {len} exceeds the limit of {limit}");
            self.draft.issue(IssueCode::LengthExceedsLimit, Some(at), detail);
            self.reader.skip(len)?;
            return Ok(Value::Skipped);
        }
        let start = self.reader.pos();
        Ok(Value::Text(start, self.reader.bytes(len)?))
    }

    fn array(&mut self, at: u64, listed: bool, depth: u32) -> Result<Value, Stop> {
        if depth >= self.draft.limits.depth {
            let detail = format!("arrays are nested deeper than {depth}");
            return Err(Stop::limit(IssueCode::NestingTooDeep, at, detail));
        }
        let kind = self.reader.u32(self.order)?;
        let count = self.size()?;
        let width = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            10..=12 => 8,
            8 if self.narrow => 4,
            8 => 8,
            9 if self.narrow => 8,
            9 => 12,
            unknown => {
                let detail = format!("array type {unknown} is not in the list");
                return Err(Stop::broken(IssueCode::UnknownType, at, detail));
            }
        };
        let left = self.reader.left();
        let Some(least) = count.checked_mul(width).filter(|least| *least <= left) else {
            let detail = format!("array length {count} does not fit in the {left} bytes left");
            return Err(Stop::broken(IssueCode::CountExceedsFile, at, detail));
        };
        if !matches!(kind, 8 | 9) {
            self.reader.skip(least)?;
            return Ok(Value::Table(count));
        }
        let limit = self.draft.limits.array_items;
        if count > limit {
            let detail = format!("array length {count} exceeds the limit of {limit}");
            return Err(Stop::limit(IssueCode::CountExceedsLimit, at, detail));
        }
        self.items(kind, count, listed, depth)
    }

    /// Elements that have no fixed size: strings and arrays.
    fn items(&mut self, kind: u32, count: u64, listed: bool, depth: u32) -> Result<Value, Stop> {
        let wanted = listed && kind == 8 && count <= LIST_ITEMS;
        let mut list = Vec::new();
        for _ in 0..count {
            let at = self.reader.pos();
            if kind == 9 {
                self.array(at, false, depth.saturating_add(1))?;
            } else if wanted {
                if let Value::Text(start, bytes) = self.string(at)? {
                    let text = self.draft.value("a list item", start, &bytes);
                    self.reader.keep(text.len())?;
                    list.push(text);
                }
            } else {
                let len = self.size()?;
                self.must_fit("string length", at, len)?;
                self.reader.skip(len)?;
            }
        }
        Ok(if wanted { Value::List(list.join(", ")) } else { Value::Table(count) })
    }

    /// Puts a value where it belongs.
    fn store(&mut self, key: &str, at: u64, value: Value) -> Result<(), Stop> {
        let (text, number) = match value {
            Value::Text(start, bytes) if key.starts_with("tokenizer.chat_template") => {
                template::record(self.draft, key.to_string(), start, &bytes);
                return Ok(());
            }
            Value::Text(start, bytes) => (self.draft.value(brief(key), start, &bytes), None),
            Value::Scalar(text, number) => (text, number),
            Value::List(text) => (text, None),
            Value::Table(count) if key == "tokenizer.ggml.tokens" => {
                self.has_vocabulary = true;
                self.draft.model().hyperparameters.insert(format!("{key}.count"), count.to_string());
                return Ok(());
            }
            Value::Table(_) | Value::Skipped => return Ok(()),
        };
        self.reader.keep(text.len())?;
        match key {
            "general.architecture" => self.draft.model().architecture = Some(text),
            "general.name" => self.draft.model().name = Some(text),
            "general.type" => self.draft.model().role = role(&text),
            "general.file_type" => self.file_type(at, text, number),
            "general.alignment" => self.alignment(at, text, number),
            _ => self.store_by_group(key, text, number),
        }
        Ok(())
    }

    fn store_by_group(&mut self, key: &str, text: String, number: Option<u64>) {
        let model = self.draft.model();
        if let Some((architecture, "context_length")) = key.rsplit_once('.')
            && model.architecture.as_deref() == Some(architecture)
        {
            model.context_length = number;
        }
        match key {
            "general.license" => model.license = Some(text.clone()),
            "general.author" => model.author = Some(text.clone()),
            "general.organization" if model.author.is_none() => model.author = Some(text.clone()),
            _ => {}
        }
        // `general.base_model.0.name` and `….repo_url`.
        if key.starts_with("general.base_model.") && (key.ends_with(".name") || key.ends_with(".repo_url")) {
            model.base_models.insert(text.clone());
        }
        let claim = key.starts_with("general.") && key != "general.quantization_version";
        let group = if claim { &mut model.claimed } else { &mut model.hyperparameters };
        group.insert(key.to_string(), text);
    }

    fn file_type(&mut self, at: u64, text: String, number: Option<u64>) {
        match number.and_then(file_type) {
            Some(name) if is_plain(name) => self.draft.model().dtype = Some(name.to_string()),
            Some(name) => self.draft.model().quantization = Some(name.to_string()),
            None => {
                let detail = format!("general.file_type {text} is not in the list");
                self.draft.issue(IssueCode::UnknownType, Some(at), detail);
            }
        }
        self.draft.model().hyperparameters.insert("general.file_type".to_string(), text);
    }

    fn alignment(&mut self, at: u64, text: String, number: Option<u64>) {
        match number {
            Some(step) if step.is_power_of_two() => self.alignment = step,
            Some(_) | None => {
                let detail = format!("general.alignment {text} is not a power of two");
                self.draft.issue(IssueCode::InvalidValue, Some(at), detail);
            }
        }
        self.draft.model().hyperparameters.insert("general.alignment".to_string(), text);
    }

    /// A count or length: 32 bits in version 1, 64 bits later.
    pub(super) fn size(&mut self) -> Result<u64, Stop> {
        if self.narrow { self.reader.u32(self.order).map(u64::from) } else { self.reader.u64(self.order) }
    }

    fn u16(&mut self) -> Result<u16, Stop> {
        let bytes = self.reader.array()?;
        Ok(match self.order {
            ByteOrder::Little => u16::from_le_bytes(bytes),
            ByteOrder::Big => u16::from_be_bytes(bytes),
        })
    }

    pub(super) fn must_fit(&self, what: &str, at: u64, len: u64) -> Result<(), Stop> {
        let left = self.reader.left();
        if len <= left {
            return Ok(());
        }
        let detail = format!("{what} {len} exceeds the {left} bytes left in the file");
        Err(Stop::broken(IssueCode::LengthExceedsFile, at, detail))
    }
}

fn unsigned(value: u64) -> Value {
    Value::Scalar(value.to_string(), Some(value))
}

fn signed(value: i64) -> Value {
    Value::Scalar(value.to_string(), u64::try_from(value).ok())
}

/// Keys whose short lists of strings are values, not tables.
fn is_listed(key: &str) -> bool {
    key.starts_with("general.") || key.starts_with("adapter.")
}

fn role(text: &str) -> Option<ModelRole> {
    match text {
        "model" => Some(ModelRole::Model),
        "adapter" => Some(ModelRole::Adapter),
        "mmproj" => Some(ModelRole::Projector),
        "imatrix" => Some(ModelRole::ImportanceMatrix),
        _ => None,
    }
}
