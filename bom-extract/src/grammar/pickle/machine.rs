//! The machine: its memory, its stack, and the loop over a pickle's instructions.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::IssueCode;

use super::{Id, Node};
use crate::draft::{Draft, Stop};
use crate::reader::Reader;

/// Most numbers on the stack or in the memo. The real ones stay under a thousand and under a few hundred thousand.
pub(super) const SLOTS: usize = 1 << 18;

/// The machine after a walk.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(super) nodes: Vec<Node>,
    pub(super) stack: Vec<Id>,
    pub(super) marks: Vec<usize>,
    pub(super) memo: BTreeMap<u32, Id>,
    pub(super) memoized: u32,
    /// Names that would be imported, `module.name`, with the offset of the first time.
    pub(crate) imports: BTreeMap<String, u64>,
    /// What the last instruction left.
    pub(crate) result: Option<Id>,
    /// Highest protocol announced.
    pub(crate) protocol: u8,
    /// Raw arrays of joblib were stepped over.
    pub(crate) arrays: u64,
    /// Some objects were not remembered.
    pub(crate) cut: bool,
    pub(super) flagged: BTreeSet<String>,
    pub(super) instructions: u64,
    /// Nested pickles inside object arrays of joblib.
    pub(super) depth: u32,
}

/// Node 0, so that there always is one.
pub(super) const OTHER: Id = 0;

impl Machine {
    pub(crate) fn new() -> Self {
        Self {
            nodes: alloc::vec![Node::Other],
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
            memoized: 0,
            imports: BTreeMap::new(),
            result: None,
            protocol: 0,
            arrays: 0,
            cut: false,
            flagged: BTreeSet::new(),
            instructions: 0,
            depth: 0,
        }
    }

    /// Walks from the reader's position to the first STOP and leaves the reader behind it. One machine can walk several
    /// pickles; imports add up.
    pub(crate) fn walk(&mut self, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        self.stack.clear();
        self.marks.clear();
        self.memo.clear();
        self.memoized = 0;
        self.result = None;
        loop {
            self.instructions = self.instructions.saturating_add(1);
            if self.instructions > draft.limits.instructions {
                let detail = format!("more than {} pickle instructions", draft.limits.instructions);
                return Err(Stop::limit(IssueCode::CountExceedsLimit, reader.pos(), detail));
            }
            let at = reader.pos();
            let code = reader.u8()?;
            if code == b'.' {
                self.result = self.stack.pop();
                return Ok(());
            }
            self.step(code, at, reader, draft)?;
        }
    }

    pub(super) fn push(
        &mut self,
        node: Node,
        reader: &mut Reader<'_>,
        draft: &Draft<'_>,
    ) -> Result<(), Stop> {
        let id = self.make(node, reader, draft);
        self.push_id(id, reader)
    }

    pub(super) fn push_id(&mut self, id: Id, reader: &Reader<'_>) -> Result<(), Stop> {
        if self.stack.len() >= SLOTS {
            let detail = format!("more than {SLOTS} objects on the stack of a pickle");
            return Err(Stop::limit(IssueCode::CountExceedsLimit, reader.pos(), detail));
        }
        self.stack.push(id);
        Ok(())
    }

    /// A number for a new object; that of `Other` once there are too many.
    pub(super) fn make(&mut self, node: Node, reader: &mut Reader<'_>, draft: &Draft<'_>) -> Id {
        if matches!(node, Node::Other) {
            return OTHER;
        }
        let size = match &node {
            Node::Text(text) => text.len(),
            Node::Name(module, name) => module.len().saturating_add(name.len()),
            Node::Tuple(items) | Node::List(items) => items.len().saturating_mul(4),
            Node::Dict(entries) => entries.len().saturating_mul(8),
            Node::Other | Node::Int(_) | Node::Call { .. } | Node::Persistent(_) => 0,
        };
        // Half of the memory stays for what is made of the objects.
        let room = reader.kept_left() > draft.limits.kept_bytes / 2;
        if self.nodes.len() >= draft.limits.objects || !room || reader.keep(size).is_err() {
            self.cut = true;
            return OTHER;
        }
        let id = Id::try_from(self.nodes.len()).unwrap_or(OTHER);
        self.nodes.push(node);
        id
    }

    pub(super) fn pop(&mut self, at: u64) -> Result<Id, Stop> {
        self.stack.pop().ok_or_else(|| underflow(at))
    }

    pub(super) fn top(&self, at: u64) -> Result<Id, Stop> {
        self.stack.last().copied().ok_or_else(|| underflow(at))
    }

    /// Everything above the last mark.
    pub(super) fn since_mark(&mut self, at: u64) -> Result<Vec<Id>, Stop> {
        let from = self.marks.pop().filter(|from| *from <= self.stack.len()).ok_or_else(|| underflow(at))?;
        Ok(self.stack.split_off(from))
    }
}

pub(super) fn underflow(at: u64) -> Stop {
    let detail = "a pickle takes more from its stack than is there".to_string();
    Stop::broken(IssueCode::MalformedHeader, at, detail)
}
