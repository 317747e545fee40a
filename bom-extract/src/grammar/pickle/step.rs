//! One instruction. The letters and numbers are those of `pickletools.py`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::{ByteOrder, IssueCode};

use super::edit::pairs;
use super::machine::{OTHER, SLOTS, underflow};
use super::{Id, Machine, Node};
use crate::draft::{Draft, Stop};
use crate::reader::{Reader, u64_of};

/// Texts up to this length are kept: names of modules, classes, tensors.
pub(super) const TEXT_BYTES: u64 = 512;
/// Longest line of a text instruction.
const LINE_BYTES: usize = 1 << 16;

impl Machine {
    pub(super) fn step(
        &mut self,
        code: u8,
        at: u64,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        let order = ByteOrder::Little;
        match code {
            // PROTO, FRAME
            0x80 => self.protocol = self.protocol.max(reader.u8()?),
            0x95 => drop(reader.u64(order)?),
            // MARK, POP, POP_MARK, DUP
            b'(' => {
                if self.marks.len() >= SLOTS {
                    let detail = format!("more than {SLOTS} marks on the stack of a pickle");
                    return Err(Stop::limit(IssueCode::CountExceedsLimit, at, detail));
                }
                self.marks.push(self.stack.len());
            }
            b'0' => {
                if self.stack.pop().is_none() {
                    self.marks.pop();
                }
            }
            b'1' => drop(self.since_mark(at)?),
            b'2' => {
                let top = self.top(at)?;
                self.push_id(top, reader)?;
            }
            // Numbers.
            b'K' => {
                let value = i64::from(reader.u8()?);
                self.push(Node::Int(value), reader, draft)?;
            }
            b'M' => {
                let value = i64::from(reader.u16(order)?);
                self.push(Node::Int(value), reader, draft)?;
            }
            b'J' => {
                let value = i64::from(reader.u32(order)?.cast_signed());
                self.push(Node::Int(value), reader, draft)?;
            }
            0x8a | 0x8b => {
                let bytes =
                    if code == 0x8a { u64::from(reader.u8()?) } else { u64::from(reader.u32(order)?) };
                let node = long(bytes, reader)?;
                self.push(node, reader, draft)?;
            }
            b'I' | b'L' => {
                let line = line(reader)?;
                let text = core::str::from_utf8(&line).unwrap_or_default().trim_end_matches('L');
                let node = text.parse().map_or(Node::Other, Node::Int);
                self.push(node, reader, draft)?;
            }
            b'F' => {
                line(reader)?;
                self.push(Node::Other, reader, draft)?;
            }
            b'G' => {
                reader.skip(8)?;
                self.push(Node::Other, reader, draft)?;
            }
            // None, True, False
            b'N' | 0x88 | 0x89 => self.push(Node::Other, reader, draft)?,
            // Texts and bytes, by the width of their length. BINSTRING holds the texts of Python 2.
            b'U' | b'C' | 0x8c => {
                let bytes = u64::from(reader.u8()?);
                self.string(bytes, code != b'C', reader, draft)?;
            }
            b'T' | b'B' | b'X' => {
                let bytes = u64::from(reader.u32(order)?);
                self.string(bytes, code != b'B', reader, draft)?;
            }
            0x8d | 0x8e | 0x96 => {
                let bytes = reader.u64(order)?;
                self.string(bytes, code == 0x8d, reader, draft)?;
            }
            b'S' | b'V' => {
                let text = line(reader)?;
                let text = String::from_utf8_lossy(&text);
                let text = text.trim_matches(['\'', '"']).to_string();
                let node = if u64_of(text.len()) > TEXT_BYTES { Node::Other } else { Node::Text(text) };
                self.push(node, reader, draft)?;
            }
            0x97 => self.push(Node::Other, reader, draft)?,
            0x98 => drop(self.top(at)?),
            _ => return self.step_objects(code, at, reader, draft),
        }
        Ok(())
    }

    /// Instructions that put objects together.
    fn step_objects(
        &mut self,
        code: u8,
        at: u64,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        let order = ByteOrder::Little;
        match code {
            // Containers. Sets are lists here.
            b')' => self.push(Node::Tuple(Vec::new()), reader, draft)?,
            b']' | 0x8f => self.push(Node::List(Vec::new()), reader, draft)?,
            b'}' => self.push(Node::Dict(Vec::new()), reader, draft)?,
            0x85..=0x87 => {
                let count = usize::from(code.saturating_sub(0x84));
                let from = self.stack.len().checked_sub(count).ok_or_else(|| underflow(at))?;
                let items = self.stack.split_off(from);
                self.push(Node::Tuple(items), reader, draft)?;
            }
            b't' => {
                let items = self.since_mark(at)?;
                self.push(Node::Tuple(items), reader, draft)?;
            }
            b'l' | 0x91 => {
                let items = self.since_mark(at)?;
                self.push(Node::List(items), reader, draft)?;
            }
            b'd' => {
                let items = self.since_mark(at)?;
                self.push(Node::Dict(pairs(&items)), reader, draft)?;
            }
            b'a' => {
                let item = self.pop(at)?;
                self.extend(at, &[item], reader)?;
            }
            b'e' | 0x90 => {
                let items = self.since_mark(at)?;
                self.extend(at, &items, reader)?;
            }
            b's' => {
                let (value, key) = (self.pop(at)?, self.pop(at)?);
                self.set(at, &[key, value], reader)?;
            }
            b'u' => {
                let items = self.since_mark(at)?;
                self.set(at, &items, reader)?;
            }
            // Memo.
            b'p' | b'g' => {
                let text = line(reader)?;
                let slot = core::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok());
                self.memo(code == b'p', slot, at, reader)?;
            }
            b'q' | b'h' => {
                let slot = u32::from(reader.u8()?);
                self.memo(code == b'q', Some(slot), at, reader)?;
            }
            b'r' | b'j' => {
                let slot = reader.u32(order)?;
                self.memo(code == b'r', Some(slot), at, reader)?;
            }
            0x94 => {
                let slot = self.memoized;
                self.memo(true, Some(slot), at, reader)?;
            }
            _ => self.step_calls(code, at, reader, draft)?,
        }
        Ok(())
    }

    /// Instructions that import, call, or reach outside.
    fn step_calls(
        &mut self,
        code: u8,
        at: u64,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        match code {
            // GLOBAL
            b'c' => {
                let (module, name) = (line(reader)?, line(reader)?);
                let id = self.import(&module, &name, at, reader, draft);
                self.push_id(id, reader)?;
            }
            // STACK_GLOBAL
            0x93 => {
                let (name, module) = (self.pop(at)?, self.pop(at)?);
                let both = self.text(module).zip(self.text(name));
                let both = both.map(|(module, name)| (module.to_string(), name.to_string()));
                let id = match both {
                    Some((module, name)) => {
                        self.import(module.as_bytes(), name.as_bytes(), at, reader, draft)
                    }
                    None => {
                        let detail = "a pickle imports a name that it computes".to_string();
                        draft.issue(IssueCode::UnknownImport, Some(at), detail);
                        OTHER
                    }
                };
                self.push_id(id, reader)?;
            }
            // REDUCE, NEWOBJ
            b'R' | 0x81 => {
                let (arguments, callable) = (self.pop(at)?, self.pop(at)?);
                let items = self.listed(callable, arguments, reader, draft);
                self.push(Node::Call { callable, arguments, items, state: None }, reader, draft)?;
            }
            // NEWOBJ_EX
            0x92 => {
                let (_keywords, arguments, callable) = (self.pop(at)?, self.pop(at)?, self.pop(at)?);
                self.push(call(callable, arguments), reader, draft)?;
            }
            // INST
            b'i' => {
                let (module, name) = (line(reader)?, line(reader)?);
                let callable = self.import(&module, &name, at, reader, draft);
                let items = self.since_mark(at)?;
                let arguments = self.make(Node::Tuple(items), reader, draft);
                self.push(call(callable, arguments), reader, draft)?;
            }
            // OBJ
            b'o' => {
                let mut items = self.since_mark(at)?;
                if items.is_empty() {
                    return Err(underflow(at));
                }
                let callable = items.remove(0);
                let arguments = self.make(Node::Tuple(items), reader, draft);
                self.push(call(callable, arguments), reader, draft)?;
            }
            // BUILD
            b'b' => {
                let state = self.pop(at)?;
                let object = self.top(at)?;
                if let Some(Node::Call { state: slot, .. }) =
                    usize::try_from(object).ok().and_then(|id| self.nodes.get_mut(id))
                {
                    *slot = Some(state);
                }
                self.array(object, reader, draft)?;
            }
            // PERSID, BINPERSID
            b'P' => {
                line(reader)?;
                self.push(Node::Other, reader, draft)?;
            }
            b'Q' => {
                let id = self.pop(at)?;
                self.push(Node::Persistent(id), reader, draft)?;
            }
            // EXT1, EXT2, EXT4: names registered in the loading process, not told here.
            0x82..=0x84 => {
                let width = match code {
                    0x82 => 1,
                    0x83 => 2,
                    _ => 4,
                };
                reader.skip(width)?;
                let detail = "a pickle imports by a number of the extension registry".to_string();
                draft.issue(IssueCode::UnknownImport, Some(at), detail);
                self.push(Node::Other, reader, draft)?;
            }
            unknown => {
                let detail = format!("{unknown:#04x} is no pickle instruction");
                return Err(Stop::broken(IssueCode::MalformedHeader, at, detail));
            }
        }
        Ok(())
    }
}

fn call(callable: Id, arguments: Id) -> Node {
    Node::Call { callable, arguments, items: None, state: None }
}

/// A line without its end.
fn line(reader: &mut Reader<'_>) -> Result<Vec<u8>, Stop> {
    let at = reader.pos();
    let mut line = Vec::new();
    loop {
        let byte = reader.u8()?;
        if byte == b'\n' {
            return Ok(line);
        }
        if line.len() >= LINE_BYTES {
            let detail = format!("a line of a pickle is longer than {LINE_BYTES} bytes");
            return Err(Stop::limit(IssueCode::LengthExceedsLimit, at, detail));
        }
        line.push(byte);
    }
}

/// An integer in as few bytes as it takes; `Other` if it takes more than eight.
fn long(bytes: u64, reader: &mut Reader<'_>) -> Result<Node, Stop> {
    if bytes > 8 {
        reader.skip(bytes)?;
        return Ok(Node::Other);
    }
    let bytes = reader.bytes(bytes)?;
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut wide = if negative { [0xff; 8] } else { [0; 8] };
    for (to, from) in wide.iter_mut().zip(&bytes) {
        *to = *from;
    }
    Ok(Node::Int(i64::from_le_bytes(wide)))
}
