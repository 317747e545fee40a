//! What a pickle makes, as far as its instructions tell, and how to look at it.

use alloc::string::String;
use alloc::vec::Vec;

use super::Machine;

/// Number of an object.
pub(crate) type Id = u32;

/// An object, as far as the instructions tell.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// Something of no interest, or past the limit.
    Other,
    Int(i64),
    Text(String),
    /// An import: module and name.
    Name(String, String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// What was called and with what; the entries then put into the result, and the state it was given.
    Call {
        callable: Id,
        arguments: Id,
        items: Option<Id>,
        state: Option<Id>,
    },
    /// Something the loader fetches from outside the pickle.
    Persistent(Id),
}

impl Machine {
    pub(crate) fn node(&self, id: Id) -> &Node {
        usize::try_from(id).ok().and_then(|id| self.nodes.get(id)).unwrap_or(&Node::Other)
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    pub(crate) fn text(&self, id: Id) -> Option<&str> {
        if let Node::Text(text) = self.node(id) { Some(text) } else { None }
    }

    pub(crate) fn int(&self, id: Id) -> Option<i64> {
        if let Node::Int(value) = self.node(id) { Some(*value) } else { None }
    }

    pub(crate) fn tuple(&self, id: Id) -> Option<&[Id]> {
        if let Node::Tuple(items) | Node::List(items) = self.node(id) { Some(items) } else { None }
    }

    /// Module and name of an import.
    pub(crate) fn name(&self, id: Id) -> Option<(&str, &str)> {
        if let Node::Name(module, name) = self.node(id) { Some((module, name)) } else { None }
    }

    /// The entries of a dictionary, or of an object that stands for one (`OrderedDict`), or of an object's state.
    pub(crate) fn entries(&self, id: Id) -> &[(Id, Id)] {
        let Node::Call { items, state, .. } = self.node(id) else { return self.pairs_of(id) };
        // An `OrderedDict` has entries, and a state beside them.
        let Some(holder) = items.or(*state) else { return &[] };
        // `(state, slots)` is the second form of BUILD.
        let first = if let Node::Tuple(parts) = self.node(holder) { parts.first().copied() } else { None };
        self.pairs_of(first.unwrap_or(holder))
    }

    fn pairs_of(&self, id: Id) -> &[(Id, Id)] {
        if let Node::Dict(entries) = self.node(id) { entries } else { &[] }
    }

    pub(crate) fn entry(&self, id: Id, key: &str) -> Option<Id> {
        self.entries(id).iter().find(|(name, _)| self.text(*name) == Some(key)).map(|(_, value)| *value)
    }

    /// Module and name of the class or function an object was made by.
    pub(crate) fn maker(&self, id: Id) -> Option<(&str, &str)> {
        let Node::Call { callable, arguments, .. } = self.node(id) else { return None };
        let (module, name) = self.name(*callable)?;
        // Protocols below 2 make objects through this function, with the class as its first argument.
        if matches!((module, name), ("copy_reg" | "copyreg", "_reconstructor" | "__newobj__")) {
            let class = self.tuple(*arguments).and_then(<[Id]>::first)?;
            return self.name(*class);
        }
        Some((module, name))
    }
}
