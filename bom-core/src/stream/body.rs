//! The name of the model in the body of a request: a top-level `"model": "…"` of a JSON object, within
//! the bytes that are there. Only entered when it was asked for.

use super::{Held, head::ModelName, http::Framing};

/// The longest name that is kept, bytes.
const NAME: usize = 256;

/// Looks for the name in what is there of a body. `None` if more bytes can change the result.
pub(super) fn model(there: &[u8], framing: Framing) -> Option<ModelName> {
    match framing {
        Framing::None => Some(ModelName::Absent),
        Framing::Unknown => Some(ModelName::Unknown),
        Framing::Length(0) => Some(ModelName::Absent),
        Framing::Length(length) => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            let body = there.get(..length);
            top_level(body.unwrap_or(there), body.is_some())
        }
        Framing::Chunked => {
            let (body, complete) = chunks(there)?;
            top_level(body.bytes(), complete)
        }
    }
}

/// What is there of a chunked body (RFC 9112 §7.1), and whether that is all of it.
fn chunks(there: &[u8]) -> Option<(Held, bool)> {
    let mut body = Held::default();
    let mut rest = there;
    loop {
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else { return Some((body, false)) };
        let (line, behind) = rest.split_at(end + 1);
        let digits = line.split(|byte| matches!(byte, b';' | b'\r' | b'\n')).next().unwrap_or_default();
        let size = std::str::from_utf8(digits.trim_ascii()).ok();
        let Some(size) = size.and_then(|text| usize::from_str_radix(text, 16).ok()) else {
            return Some((body, true));
        };
        if size == 0 {
            return Some((body, true));
        }
        let Some((chunk, behind)) = behind.split_at_checked(size) else {
            body.extend(behind);
            return Some((body, false));
        };
        body.extend(chunk);
        rest = behind.strip_prefix(b"\r\n").or_else(|| behind.strip_prefix(b"\n")).unwrap_or(behind);
    }
}

/// Why the scan of a body stopped.
enum Stop {
    /// The bytes ended.
    Short,
    /// Not JSON, or not an object.
    Not,
}

fn top_level(body: &[u8], complete: bool) -> Option<ModelName> {
    let mut scan = Scan { bytes: body, at: 0 };
    match scan.object() {
        Ok(name) => Some(name),
        Err(Stop::Short) if !complete => None,
        Err(Stop::Short | Stop::Not) => Some(ModelName::Unknown),
    }
}

/// A walk over JSON (RFC 8259) that keeps nothing and needs no stack.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// The value of the first `model` of the object that starts here.
    fn object(&mut self) -> Result<ModelName, Stop> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            return Ok(ModelName::Absent);
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            if unescape(key).is_some_and(|key| key.bytes() == b"model") {
                if self.peek()? != b'"' {
                    return Ok(ModelName::Unknown);
                }
                return Ok(claimed(self.string()?));
            }
            self.value()?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => return Ok(ModelName::Absent),
                _ => return Err(Stop::Not),
            }
        }
    }

    /// Passes over one value, however deep it is.
    fn value(&mut self) -> Result<(), Stop> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                b'-' | b'0'..=b'9' | b'a'..=b'z' => self.word()?,
                _ => return Err(Stop::Not),
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Passes over a number or a literal.
    fn word(&mut self) -> Result<(), Stop> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = rest.iter().position(|byte| !part(byte)).ok_or(Stop::Short)?;
        self.at += length;
        Ok(())
    }

    /// The content of the string that starts here, escapes and all.
    fn string(&mut self) -> Result<&'a [u8], Stop> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.bytes.get(self.at).ok_or(Stop::Short)? {
                b'"' => {
                    let content = self.bytes.get(start..self.at).unwrap_or_default();
                    self.at += 1;
                    return Ok(content);
                }
                b'\\' => self.at += 2,
                0..0x20 => return Err(Stop::Not),
                _ => self.at += 1,
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.peek()? != byte {
            return Err(Stop::Not);
        }
        self.at += 1;
        Ok(())
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Result<u8, Stop> {
        loop {
            match self.bytes.get(self.at).ok_or(Stop::Short)? {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                &byte => return Ok(byte),
            }
        }
    }
}

fn claimed(raw: &[u8]) -> ModelName {
    let text = unescape(raw).filter(|name| !name.is_empty());
    let text = text.and_then(|name| std::str::from_utf8(name.bytes()).ok().map(str::to_owned));
    text.map_or(ModelName::Unknown, ModelName::Claimed)
}

/// The text of a string (RFC 8259 §7); `None` if it is malformed or longer than a name.
fn unescape(raw: &[u8]) -> Option<Held> {
    if raw.len() > NAME * 6 {
        return None;
    }
    let mut text = Held::default();
    let mut rest = raw.iter();
    let mut high: Option<u32> = None;
    while let Some(&byte) = rest.next() {
        if byte != b'\\' {
            text.extend(&[byte]);
            continue;
        }
        let plain = match rest.next()? {
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            byte @ (b'"' | b'\\' | b'/') => *byte,
            b'u' => {
                let digits: &[u8] = rest.as_slice().get(..4)?;
                rest = rest.as_slice().get(4..)?.iter();
                let unit = u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                let unit = match (high.take(), unit) {
                    (None, 0xd800..=0xdbff) => {
                        high = Some(unit);
                        // Its second half has to follow.
                        if !rest.as_slice().starts_with(b"\\u") {
                            return None;
                        }
                        continue;
                    }
                    (Some(high), 0xdc00..=0xdfff) => 0x1_0000 + ((high - 0xd800) << 10) + (unit - 0xdc00),
                    (Some(_), _) => return None,
                    (None, _) => unit,
                };
                text.extend(char::from_u32(unit)?.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        };
        text.extend(&[plain]);
    }
    (text.len() <= NAME && high.is_none()).then_some(text)
}
