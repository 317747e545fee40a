//! What instructions do to the objects on the stack.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use bom_core::metadata::IssueCode;

use super::imports::danger;
use super::machine::{OTHER, SLOTS};
use super::step::TEXT_BYTES;
use super::{Id, Machine, Node};
use crate::draft::{Draft, Stop, brief};
use crate::reader::Reader;

/// Most different imports listed.
const IMPORTS: usize = 4096;

impl Machine {
    pub(super) fn string(
        &mut self,
        bytes: u64,
        is_text: bool,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        if !is_text || bytes > TEXT_BYTES {
            reader.skip(bytes)?;
            return self.push(Node::Other, reader, draft);
        }
        let text = reader.bytes(bytes)?;
        self.push(Node::Text(String::from_utf8_lossy(&text).into_owned()), reader, draft)
    }

    pub(super) fn extend(&mut self, at: u64, items: &[Id], reader: &mut Reader<'_>) -> Result<(), Stop> {
        let list = self.top(at)?;
        let room = reader.keep(items.len().saturating_mul(4)).is_ok();
        if let Some(Node::List(all)) = usize::try_from(list).ok().and_then(|id| self.nodes.get_mut(id)) {
            if room { all.extend_from_slice(items) } else { self.cut = true }
        }
        Ok(())
    }

    pub(super) fn set(&mut self, at: u64, items: &[Id], reader: &mut Reader<'_>) -> Result<(), Stop> {
        let object = self.top(at)?;
        let room = reader.keep(items.len().saturating_mul(4)).is_ok();
        if !room {
            self.cut = true;
            return Ok(());
        }
        let index = usize::try_from(object).unwrap_or(usize::MAX);
        let next = Id::try_from(self.nodes.len()).unwrap_or(OTHER);
        match self.nodes.get_mut(index) {
            Some(Node::Dict(all)) => all.extend(pairs(items)),
            // A subclass of dict.
            Some(Node::Call { items: slot, .. }) => match *slot {
                Some(there) => {
                    let there = usize::try_from(there).unwrap_or(usize::MAX);
                    if let Some(Node::Dict(all)) = self.nodes.get_mut(there) {
                        all.extend(pairs(items));
                    }
                }
                None => {
                    *slot = Some(next);
                    self.nodes.push(Node::Dict(pairs(items)));
                }
            },
            Some(_) | None => {}
        }
        Ok(())
    }

    /// The entries of an `OrderedDict` that is made from a list of pairs, as Python 2 pickled it.
    pub(super) fn listed(
        &mut self,
        callable: Id,
        arguments: Id,
        reader: &mut Reader<'_>,
        draft: &Draft<'_>,
    ) -> Option<Id> {
        // Once there is no room, copying a list that cannot be kept would only take time.
        if self.cut || self.name(callable) != Some(("collections", "OrderedDict")) {
            return None;
        }
        let [list] = self.tuple(arguments)? else { return None };
        let entry = |id: &Id| match self.tuple(*id) {
            Some([key, value]) => Some((*key, *value)),
            Some(_) | None => None,
        };
        let entries: Option<Vec<(Id, Id)>> = self.tuple(*list)?.iter().map(entry).collect();
        Some(self.make(Node::Dict(entries?), reader, draft))
    }

    pub(super) fn memo(
        &mut self,
        put: bool,
        slot: Option<u32>,
        at: u64,
        reader: &Reader<'_>,
    ) -> Result<(), Stop> {
        if !put {
            let id = slot.and_then(|slot| self.memo.get(&slot)).copied().unwrap_or(OTHER);
            return self.push_id(id, reader);
        }
        let top = self.top(at)?;
        self.memoized = self.memoized.saturating_add(1);
        if let Some(slot) = slot
            && self.memo.len() < SLOTS
        {
            self.memo.insert(slot, top);
        }
        Ok(())
    }

    pub(super) fn import(
        &mut self,
        module: &[u8],
        name: &[u8],
        at: u64,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Id {
        let module = draft.value("a module's name", at, module);
        let name = draft.value("an imported name", at, name);
        let full = format!("{module}.{name}");
        if danger(&module, &name) && self.flagged.len() < IMPORTS && self.flagged.insert(full.clone()) {
            let detail = format!("a pickle imports {}", brief(&full));
            draft.issue(IssueCode::DangerousImport, Some(at), detail);
        }
        if self.imports.len() < IMPORTS {
            if reader.keep(full.len()).is_ok() {
                self.imports.entry(full).or_insert(at);
            } else {
                self.cut = true;
            }
        } else if !self.imports.contains_key(&full) {
            draft.extracted.truncated = true;
        }
        self.make(Node::Name(module, name), reader, draft)
    }
}

pub(super) fn pairs(items: &[Id]) -> Vec<(Id, Id)> {
    items
        .chunks_exact(2)
        .filter_map(|pair| match pair {
            [key, value] => Some((*key, *value)),
            _ => None,
        })
        .collect()
}
