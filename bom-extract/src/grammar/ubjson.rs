//! UBJSON, as an [`Outline`].
//!
//! Source: the specification, draft 12. A value is a type letter and its bytes, most significant first; a container may
//! state the type of all its elements and their number, and then their bytes stand in one run, which is stepped over.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, IssueCode};

use super::json_outline::{Outline, Scalar};
use crate::draft::{Draft, Stop};
use crate::reader::Reader;

/// Containers below this depth are stepped over.
const DEPTH_KEPT: usize = 5;
const DEPTH: usize = 64;
/// Members and elements that are kept.
const MEMBERS: u64 = 256;
const ELEMENTS: u64 = 16;
const KEY_BYTES: u64 = 1024;

struct Frame {
    object: bool,
    members: u64,
    /// Stated number of members still to come; `None` if a bracket ends them.
    left: Option<u64>,
    /// Stated type of the members.
    kind: Option<u8>,
    path: usize,
    kept: bool,
}

/// Reads a document that starts at the start of the file.
pub(crate) fn scan(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(Outline, Option<Stop>), Stop> {
    reader.seek(0);
    let mut outline = Outline::default();
    match document(&mut outline, reader, draft) {
        Ok(()) => {
            outline.complete = true;
            Ok((outline, None))
        }
        Err(Stop::Read(error)) => Err(Stop::Read(error)),
        Err(stop) => Ok((outline, Some(stop))),
    }
}

fn document(outline: &mut Outline, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut path = String::new();
    let kind = reader.u8()?;
    if kind != b'{' {
        return Err(broken(0, "no object"));
    }
    open(kind, true, &mut frames, &path, outline, reader)?;
    while let Some(frame) = frames.last_mut() {
        let at = reader.pos();
        let ended = match frame.left {
            Some(0) => true,
            Some(left) => {
                frame.left = Some(left.saturating_sub(1));
                false
            }
            None => {
                let close = if frame.object { b'}' } else { b']' };
                let next = reader.u8()?;
                if next != close {
                    reader.seek(at);
                }
                next == close
            }
        };
        if ended {
            path.truncate(frame.path);
            if frame.kept {
                outline.keep_count(&path, frame.object, frame.members);
            }
            frames.pop();
            continue;
        }
        let limit = if frame.object { MEMBERS } else { ELEMENTS };
        let keep = frame.kept && frame.members < limit;
        path.truncate(frame.path);
        if frame.object {
            let bytes = size(reader)?;
            if keep && bytes <= KEY_BYTES {
                let key = reader.bytes(bytes)?;
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&String::from_utf8_lossy(&key));
            } else {
                reader.skip(bytes)?;
            }
        } else if keep {
            path.push_str(&format!("[{}]", frame.members));
        }
        frame.members = frame.members.saturating_add(1);
        let kind = match frame.kind {
            Some(kind) => kind,
            None => reader.u8()?,
        };
        value(kind, keep, &mut frames, &path, outline, reader, draft)?;
    }
    Ok(())
}

fn value(
    kind: u8,
    keep: bool,
    frames: &mut Vec<Frame>,
    path: &str,
    outline: &mut Outline,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<(), Stop> {
    let at = reader.pos();
    let scalar = match kind {
        b'{' | b'[' => return open(kind, keep, frames, path, outline, reader),
        b'S' | b'H' => {
            let bytes = size(reader)?;
            if !keep || bytes > draft.limits.string_bytes {
                return reader.skip(bytes);
            }
            let text = reader.bytes(bytes)?;
            Scalar::Text(draft.value("a text", at, &text))
        }
        b'C' => {
            reader.skip(1)?;
            return Ok(());
        }
        b'T' | b'F' => Scalar::Bool(kind == b'T'),
        b'Z' | b'N' => Scalar::Null,
        b'd' => Scalar::Number(f32::from_bits(reader.u32(ByteOrder::Big)?).to_string()),
        b'D' => Scalar::Number(f64::from_bits(reader.u64(ByteOrder::Big)?).to_string()),
        _ => Scalar::Number(integer(kind, reader)?.to_string()),
    };
    if keep { outline.keep(path, at, scalar, reader) } else { Ok(()) }
}

fn open(
    bracket: u8,
    keep: bool,
    frames: &mut Vec<Frame>,
    path: &str,
    outline: &mut Outline,
    reader: &mut Reader<'_>,
) -> Result<(), Stop> {
    let at = reader.pos();
    if frames.len() >= DEPTH {
        return Err(Stop::limit(IssueCode::NestingTooDeep, at, format!("nested deeper than {DEPTH}")));
    }
    let object = bracket == b'{';
    let (mut kind, mut left) = (None, None);
    if peek(reader)? == b'$' {
        reader.skip(1)?;
        kind = Some(reader.u8()?);
    }
    if peek(reader)? == b'#' {
        reader.skip(1)?;
        left = Some(size(reader)?);
    } else if kind.is_some() {
        return Err(broken(at, "a type without a number"));
    }
    let kept = keep && frames.len() < DEPTH_KEPT;
    if kept {
        reader.keep(path.len())?;
        outline.keep_count(path, object, left.unwrap_or(0));
    }
    if let (false, Some(kind), Some(count)) = (object, kind, left)
        && let Some(width) = width(kind)
    {
        // One run, stepped over.
        let left = reader.left();
        let Some(bytes) = count.checked_mul(width).filter(|bytes| *bytes <= left) else {
            let detail = format!("array length {count} does not fit in the {left} bytes left");
            return Err(Stop::broken(IssueCode::CountExceedsFile, at, detail));
        };
        return reader.skip(bytes);
    }
    if let Some(count) = left.filter(|count| *count > reader.left()) {
        let detail = format!("{count} members do not fit in the {} bytes left", reader.left());
        return Err(Stop::broken(IssueCode::CountExceedsFile, at, detail));
    }
    frames.push(Frame { object, members: 0, left, kind, path: path.len(), kept });
    Ok(())
}

fn peek(reader: &mut Reader<'_>) -> Result<u8, Stop> {
    let at = reader.pos();
    let byte = reader.u8()?;
    reader.seek(at);
    Ok(byte)
}

/// A length: an integer of any width that is not negative.
fn size(reader: &mut Reader<'_>) -> Result<u64, Stop> {
    let at = reader.pos();
    let kind = reader.u8()?;
    let value = integer(kind, reader)?;
    let size = u64::try_from(value).map_err(|_| broken(at, "a length below zero"))?;
    if size > reader.left() {
        let detail = format!("length {size} exceeds the {} bytes left in the file", reader.left());
        return Err(Stop::broken(IssueCode::LengthExceedsFile, at, detail));
    }
    Ok(size)
}

fn integer(kind: u8, reader: &mut Reader<'_>) -> Result<i64, Stop> {
    let order = ByteOrder::Big;
    Ok(match kind {
        b'i' => i64::from(reader.u8()?.cast_signed()),
        b'U' => i64::from(reader.u8()?),
        b'I' => i64::from(reader.u16(order)?.cast_signed()),
        b'l' => i64::from(reader.u32(order)?.cast_signed()),
        b'L' => reader.u64(order)?.cast_signed(),
        _ => return Err(broken(reader.pos().saturating_sub(1), "an unknown type")),
    })
}

/// Bytes of a value whose size is fixed.
fn width(kind: u8) -> Option<u64> {
    match kind {
        // They have no bytes at all, whatever their number.
        b'Z' | b'N' | b'T' | b'F' => Some(0),
        b'i' | b'U' | b'C' => Some(1),
        b'I' => Some(2),
        b'l' | b'd' => Some(4),
        b'L' | b'D' => Some(8),
        _ => None,
    }
}

fn broken(at: u64, what: &str) -> Stop {
    Stop::broken(IssueCode::MalformedHeader, at, format!("{what} in the UBJSON").to_string())
}
