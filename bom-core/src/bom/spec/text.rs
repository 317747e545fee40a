//! JSON text into a tree, within limits, with the places of keys that stand twice in one object: the checker tells them,
//! where the reader of the model refuses the document.

use serde_json::Value;

use super::walk::Place;
use crate::bom::read::tree::{self, Along};
use crate::bom::read::{Limits, ReadError};

/// Repeated keys that are kept.
const KEPT: usize = 100;

/// A document as a tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// The document; of a key that stands twice the last value.
    pub value: Value,
    /// Places of keys that stand twice; the first hundred.
    pub repeated: Vec<String>,
}

/// Reads any JSON within the limits.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Parsed, ReadError> {
    let mut repeats = Repeats { place: Place::root(), repeated: Vec::new() };
    let value = tree::parse(bytes, limits, &mut repeats)?;
    Ok(Parsed { value: value.into(), repeated: repeats.repeated })
}

/// Where the reader is, and the repeated keys so far.
struct Repeats {
    place: Place,
    repeated: Vec<String>,
}

impl Along for Repeats {
    fn enter_item(&mut self, index: usize) {
        self.place.enter_item(index);
    }

    fn enter_field(&mut self, key: &str) {
        self.place.enter_field(key);
    }

    fn leave(&mut self) {
        self.place.leave();
    }

    fn repeated(&mut self, _: &str) -> Result<(), String> {
        if self.repeated.len() < KEPT {
            self.repeated.push(self.place.to_string());
        }
        Ok(())
    }
}
