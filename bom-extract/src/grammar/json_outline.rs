//! The upper levels of a JSON document of any size, in one pass and bounded memory.
//!
//! Source: RFC 8259. Tokenizers and gradient-boosted trees are JSON of tens of megabytes, of which a few names and
//! counts are wanted. The scanner keeps scalars near the root by path, counts the members of containers, and steps
//! over the rest. It does not recurse.
//!
//! A path is the keys joined by `.`, with `[3]` for the fourth element of an array.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::IssueCode;

use crate::draft::{Draft, Stop};
use crate::reader::{Reader, u64_of};

/// Containers below this depth are counted but not looked into.
const DEPTH_KEPT: usize = 5;
/// Deepest nesting walked. The scanner's own stack costs a few bytes per level.
const DEPTH: usize = 512;
/// Members of an object that are kept, at the root and below.
const MEMBERS: (u64, u64) = (1024, 128);
/// Elements of an array that are kept.
const ELEMENTS: u64 = 16;
/// Longest key.
const KEY_BYTES: usize = 1024;
/// Longest number or word.
const WORD_BYTES: usize = 64;
/// Most different values remembered of the objects in [`SETS`].
const SET_ITEMS: usize = 4096;
/// Objects whose values are wanted as a set: the files of an index.
const SETS: &[&str] = &["weight_map"];
/// Texts that are artifacts of their own and kept up to the longer limit.
const LONG_TEXTS: &str = "template";

/// A value that is no container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Text(String),
    /// As it is written.
    Number(String),
    Bool(bool),
    Null,
}

/// What was kept.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// With the offset of the value in the file.
    scalars: BTreeMap<String, (u64, Scalar)>,
    /// Members of containers, with whether it is an object.
    counts: BTreeMap<String, (bool, u64)>,
    /// Values of the objects of [`SETS`], all of them.
    pub(crate) values: BTreeSet<String>,
    /// The document was read to its end.
    pub(crate) complete: bool,
}

impl Outline {
    /// Scans from the start of the file. Once [`Limits::probe_bytes`](crate::Limits::probe_bytes) are read, goes on only
    /// if `promising` says so: `None` if it does not.
    pub(crate) fn scan(
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
        promising: fn(&Self) -> bool,
    ) -> Result<Option<(Self, Option<Stop>)>, Stop> {
        reader.seek(0);
        let mut scan = Scan {
            outline: Self::default(),
            frames: Vec::new(),
            path: String::new(),
            promising,
            probing: Some(draft.limits.probe_bytes),
            value_bytes: draft.limits.value_bytes,
            text_bytes: usize::try_from(draft.limits.string_bytes).unwrap_or(usize::MAX),
        };
        match scan.document(reader) {
            Ok(Outcome::Dropped) => Ok(None),
            Ok(Outcome::Done) => {
                scan.outline.complete = true;
                Ok(Some((scan.outline, None)))
            }
            Err(Stop::Read(error)) => Err(Stop::Read(error)),
            Err(stop) => Ok(Some((scan.outline, Some(stop)))),
        }
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match self.scalars.get(path) {
            Some((_, Scalar::Text(text))) => Some(text),
            Some((_, Scalar::Number(_) | Scalar::Bool(_) | Scalar::Null)) | None => None,
        }
    }

    pub(crate) fn number(&self, path: &str) -> Option<&str> {
        match self.scalars.get(path) {
            Some((_, Scalar::Number(text))) => Some(text),
            Some((_, Scalar::Text(_) | Scalar::Bool(_) | Scalar::Null)) | None => None,
        }
    }

    /// A text, number or switch as text.
    pub(crate) fn shown(&self, path: &str) -> Option<String> {
        match self.scalars.get(path) {
            Some((_, Scalar::Text(text) | Scalar::Number(text))) => Some(text.clone()),
            Some((_, Scalar::Bool(value))) => Some(value.to_string()),
            Some((_, Scalar::Null)) | None => None,
        }
    }

    pub(crate) fn integer(&self, path: &str) -> Option<u64> {
        self.number(path).and_then(|text| text.parse().ok())
    }

    pub(crate) fn offset(&self, path: &str) -> Option<u64> {
        self.scalars.get(path).map(|(at, _)| *at)
    }

    /// Number of members, if it is an object.
    pub(crate) fn object(&self, path: &str) -> Option<u64> {
        self.counts.get(path).filter(|(object, _)| *object).map(|(_, count)| *count)
    }

    /// Number of elements, if it is an array.
    pub(crate) fn array(&self, path: &str) -> Option<u64> {
        self.counts.get(path).filter(|(object, _)| !*object).map(|(_, count)| *count)
    }

    /// Whether there is anything at all under a path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.scalars.contains_key(path) || self.counts.contains_key(path)
    }

    /// Scalars whose path starts so, in order.
    pub(crate) fn under<'o>(&'o self, prefix: &'o str) -> impl Iterator<Item = (&'o str, u64, &'o Scalar)> {
        let from = self.scalars.range(prefix.to_string()..);
        from.take_while(move |(path, _)| path.starts_with(prefix))
            .map(|(path, (at, scalar))| (path.as_str(), *at, scalar))
    }

    /// The keys of the object at the root, as far as they were kept.
    pub(crate) fn keys(&self) -> BTreeSet<&str> {
        let paths = self.scalars.keys().chain(self.counts.keys());
        paths.filter_map(|path| path.split(['.', '[']).next()).filter(|key| !key.is_empty()).collect()
    }

    /// The elements of a short array of texts, joined.
    pub(crate) fn list(&self, path: &str) -> Option<String> {
        let count = self.array(path)?;
        let items: Vec<&str> =
            (0..count.min(ELEMENTS)).filter_map(|at| self.text(&format!("{path}[{at}]"))).collect();
        (!items.is_empty()).then(|| items.join(", "))
    }
}

enum Outcome {
    Done,
    Dropped,
}

struct Frame {
    object: bool,
    members: u64,
    /// Length of the path of the container itself.
    path: usize,
    kept: bool,
    /// Its values are wanted as a set.
    set: bool,
}

struct Scan {
    outline: Outline,
    frames: Vec<Frame>,
    path: String,
    promising: fn(&Outline) -> bool,
    probing: Option<u64>,
    value_bytes: usize,
    text_bytes: usize,
}

impl Scan {
    fn document(&mut self, reader: &mut Reader<'_>) -> Result<Outcome, Stop> {
        let first = token(reader)?;
        if first != b'{' {
            return Ok(Outcome::Dropped);
        }
        self.open(true, reader)?;
        while !self.frames.is_empty() {
            if self.probing.is_some_and(|limit| reader.pos() > limit) {
                self.probing = None;
                if !(self.promising)(&self.outline) {
                    return Ok(Outcome::Dropped);
                }
            }
            self.member(reader)?;
        }
        if self.probing.is_some() && !(self.promising)(&self.outline) {
            return Ok(Outcome::Dropped);
        }
        blank(reader)?;
        if reader.left() > 0 {
            return Err(malformed(reader.pos(), "something follows the JSON document"));
        }
        Ok(Outcome::Done)
    }

    /// One member of the innermost container, or its end.
    fn member(&mut self, reader: &mut Reader<'_>) -> Result<(), Stop> {
        let mut byte = token(reader)?;
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        let close = if frame.object { b'}' } else { b']' };
        let first = frame.members == 0;
        if byte == close {
            self.close();
            return Ok(());
        }
        if !first {
            if byte != b',' {
                return Err(malformed(reader.pos(), "no comma between two members"));
            }
            byte = token(reader)?;
        }
        let (object, base) = (frame.object, frame.path);
        let members = frame.members;
        frame.members = members.saturating_add(1);
        let limit = match (object, base) {
            (false, _) => ELEMENTS,
            (true, 0) => MEMBERS.0,
            (true, _) => MEMBERS.1,
        };
        let keep = frame.kept && members < limit;
        let set = frame.set;
        self.path.truncate(base);
        if object {
            if byte != b'"' {
                return Err(malformed(reader.pos(), "a key that is no text"));
            }
            let key = text(reader, if keep { KEY_BYTES } else { 0 })?;
            if token(reader)? != b':' {
                return Err(malformed(reader.pos(), "no colon behind a key"));
            }
            byte = token(reader)?;
            if keep {
                if base > 0 {
                    self.path.push('.');
                }
                self.path.push_str(&key.text);
            }
        } else if keep {
            self.path.push_str(&format!("[{members}]"));
        }
        self.value(byte, keep, set, reader)
    }

    fn value(&mut self, byte: u8, keep: bool, set: bool, reader: &mut Reader<'_>) -> Result<(), Stop> {
        let at = reader.pos().saturating_sub(1);
        let scalar = match byte {
            b'{' | b'[' => return self.nest(byte == b'{', keep, reader),
            b'"' => {
                let long = keep && self.path.contains(LONG_TEXTS);
                let limit = if long { self.text_bytes } else { self.value_bytes };
                let read = text(reader, if keep || set { limit } else { 0 })?;
                if set && self.outline.values.len() < SET_ITEMS && !self.outline.values.contains(&read.text) {
                    reader.keep(read.text.len())?;
                    self.outline.values.insert(read.text.clone());
                }
                // A text cut short is not the text: a template would have another digest.
                if read.cut && long { Scalar::Null } else { Scalar::Text(read.text) }
            }
            b't' | b'f' | b'n' | b'-' | b'0'..=b'9' => word(byte, at, reader)?,
            _ => return Err(malformed(at, "no JSON value where one has to be")),
        };
        if keep {
            let size = match &scalar {
                Scalar::Text(text) | Scalar::Number(text) => text.len(),
                Scalar::Bool(_) | Scalar::Null => 0,
            };
            reader.keep(size.saturating_add(self.path.len()))?;
            // Of two values under one key, the last: that is what the loaders take.
            self.outline.scalars.insert(self.path.clone(), (at, scalar));
        }
        Ok(())
    }

    fn nest(&mut self, object: bool, keep: bool, reader: &mut Reader<'_>) -> Result<(), Stop> {
        if self.frames.len() >= DEPTH {
            let detail = format!("JSON is nested deeper than {DEPTH}");
            return Err(Stop::limit(IssueCode::NestingTooDeep, reader.pos(), detail));
        }
        let kept = keep && self.frames.len() < DEPTH_KEPT;
        if kept {
            reader.keep(self.path.len())?;
            self.outline.counts.insert(self.path.clone(), (object, 0));
        }
        let set = kept && object && SETS.contains(&self.path.as_str());
        let path = self.path.len();
        self.frames.push(Frame { object, members: 0, path, kept, set });
        Ok(())
    }

    fn open(&mut self, object: bool, reader: &mut Reader<'_>) -> Result<(), Stop> {
        self.nest(object, true, reader)
    }

    fn close(&mut self) {
        let Some(frame) = self.frames.pop() else { return };
        if frame.kept {
            self.path.truncate(frame.path);
            self.outline.counts.insert(self.path.clone(), (frame.object, frame.members));
        }
    }
}

/// The next byte that is not white space.
fn token(reader: &mut Reader<'_>) -> Result<u8, Stop> {
    blank(reader)?;
    reader.u8()
}

/// Steps over white space.
fn blank(reader: &mut Reader<'_>) -> Result<(), Stop> {
    loop {
        let chunk = reader.chunk()?;
        let count = chunk.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
        let ended = count < chunk.len() || chunk.is_empty();
        reader.advance(count);
        if ended {
            return Ok(());
        }
    }
}

struct Text {
    text: String,
    cut: bool,
}

/// A text behind its opening quote, up to `limit` bytes of it.
fn text(reader: &mut Reader<'_>, limit: usize) -> Result<Text, Stop> {
    let mut kept = Vec::new();
    let mut cut = false;
    loop {
        if reader.left() == 0 {
            // The end of the file inside a text: let the reader say so.
            reader.u8()?;
        }
        let chunk = reader.chunk()?;
        let plain = chunk.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(chunk.len());
        let room = limit.saturating_sub(kept.len());
        cut |= plain > room;
        kept.extend_from_slice(chunk.get(..plain.min(room)).unwrap_or_default());
        let ends = plain < chunk.len();
        reader.advance(plain);
        if !ends {
            continue;
        }
        let at = reader.pos();
        if reader.u8()? == b'"' {
            return Ok(Text { text: String::from_utf8_lossy(&kept).into_owned(), cut });
        }
        let character = escape(at, reader)?;
        let mut buffer = [0; 4];
        let encoded = character.encode_utf8(&mut buffer).as_bytes();
        if encoded.len() <= limit.saturating_sub(kept.len()) {
            kept.extend_from_slice(encoded);
        } else {
            cut = true;
        }
    }
}

/// What an escape behind its backslash stands for. Half a pair becomes the replacement character.
fn escape(at: u64, reader: &mut Reader<'_>) -> Result<char, Stop> {
    Ok(match reader.u8()? {
        byte @ (b'"' | b'\\' | b'/') => char::from(byte),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let high = unit(at, reader)?;
            if !(0xd800..0xdc00).contains(&high) {
                return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            let back = reader.pos();
            if reader.left() >= 6 && reader.array()? == *b"\\u" {
                let low = unit(at, reader)?;
                if (0xdc00..0xe000).contains(&low) {
                    let both = (high & 0x3ff) << 10 | (low & 0x3ff);
                    let code = both.saturating_add(0x1_0000);
                    return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
            }
            reader.seek(back);
            char::REPLACEMENT_CHARACTER
        }
        _ => return Err(malformed(at, "an escape that JSON does not have")),
    })
}

fn unit(at: u64, reader: &mut Reader<'_>) -> Result<u32, Stop> {
    let digits: [u8; 4] = reader.array()?;
    let text = core::str::from_utf8(&digits).unwrap_or_default();
    u32::from_str_radix(text, 16).map_err(|_| malformed(at, "an escape that JSON does not have"))
}

/// A number, `true`, `false` or `null` that starts with `first`.
fn word(first: u8, at: u64, reader: &mut Reader<'_>) -> Result<Scalar, Stop> {
    let mut word = Vec::from([first]);
    loop {
        let chunk = reader.chunk()?;
        let Some(byte) = chunk.first().copied() else { break };
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) {
            break;
        }
        if word.len() >= WORD_BYTES {
            return Err(malformed(at, "a number of too many digits"));
        }
        word.push(byte);
        reader.advance(1);
    }
    Ok(match word.as_slice() {
        b"true" => Scalar::Bool(true),
        b"false" => Scalar::Bool(false),
        b"null" => Scalar::Null,
        digits => {
            let text = core::str::from_utf8(digits).unwrap_or_default();
            if text.parse::<f64>().is_err() {
                return Err(malformed(at, "no JSON value where one has to be"));
            }
            Scalar::Number(text.to_string())
        }
    })
}

fn malformed(at: u64, what: &str) -> Stop {
    Stop::broken(IssueCode::MalformedHeader, at, what.to_string())
}

/// Whether the start of a file may be that of a JSON object.
pub(crate) fn may_be_object(prefix: &[u8]) -> bool {
    let mut rest = prefix.iter().copied().skip_while(u8::is_ascii_whitespace);
    rest.next() == Some(b'{')
        && rest.find(|byte| !byte.is_ascii_whitespace()).is_none_or(|byte| byte == b'"')
        && u64_of(prefix.len()) > 2
}

/// For documents that are JSON in another encoding.
impl Outline {
    /// Keeps a scalar, if there is room.
    pub(crate) fn keep(
        &mut self,
        path: &str,
        at: u64,
        scalar: Scalar,
        reader: &mut Reader<'_>,
    ) -> Result<(), Stop> {
        let size = match &scalar {
            Scalar::Text(text) | Scalar::Number(text) => text.len(),
            Scalar::Bool(_) | Scalar::Null => 0,
        };
        reader.keep(size.saturating_add(path.len()))?;
        self.scalars.insert(path.to_string(), (at, scalar));
        Ok(())
    }

    /// Keeps the number of members of a container.
    pub(crate) fn keep_count(&mut self, path: &str, object: bool, count: u64) {
        self.counts.insert(path.to_string(), (object, count));
    }
}
