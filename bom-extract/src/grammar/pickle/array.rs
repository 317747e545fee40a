//! Arrays that joblib writes into the middle of a pickle.
//!
//! Source: `NumpyArrayWrapper` in `joblib/numpy_pickle.py`.

use alloc::format;

use bom_core::metadata::IssueCode;

use super::{Id, Machine, Node};
use crate::draft::{Draft, Stop};
use crate::reader::Reader;

/// Entries of a description that are looked at. It has six; a search through many, once for each array, would take ages.
const FIELDS: usize = 16;
/// Most dimensions of an array.
const RANK: usize = 64;

impl Machine {
    /// joblib writes the bytes of an array right behind the instruction that finishes its description.
    pub(super) fn array(
        &mut self,
        object: Id,
        reader: &mut Reader<'_>,
        draft: &mut Draft<'_>,
    ) -> Result<(), Stop> {
        if self.maker(object).is_none_or(|made| made != ("joblib.numpy_pickle", "NumpyArrayWrapper")) {
            return Ok(());
        }
        let at = reader.pos();
        let unclear =
            |what: &str| Stop::broken(IssueCode::InvalidValue, at, format!("an array of joblib {what}"));
        let shape = self
            .field(object, "shape")
            .and_then(|shape| self.tuple(shape))
            .filter(|shape| shape.len() <= RANK);
        let count = shape.ok_or_else(|| unclear("has no shape"))?.iter().try_fold(1_u64, |all, size| {
            self.int(*size).and_then(|size| u64::try_from(size).ok()).and_then(|size| all.checked_mul(size))
        });
        let count = count.ok_or_else(|| unclear("has a shape that makes no sense"))?;
        let dtype = self.field(object, "dtype").ok_or_else(|| unclear("has no type"))?;
        self.arrays = self.arrays.saturating_add(1);
        match self.item_bytes(dtype).ok_or_else(|| unclear("has a type of unknown width"))? {
            // An array of objects is a pickle of its own.
            None => self.nested(at, reader, draft),
            Some(width) => {
                if self.field(object, "numpy_array_alignment_bytes").is_some() {
                    let padding = u64::from(reader.u8()?);
                    reader.skip(padding)?;
                }
                let bytes = count.checked_mul(width).ok_or_else(|| unclear("has a size past 64 bits"))?;
                reader.skip(bytes)
            }
        }
    }

    fn field(&self, object: Id, key: &str) -> Option<Id> {
        let mut fields = self.entries(object).iter().take(FIELDS);
        fields.find(|(name, _)| self.text(*name) == Some(key)).map(|(_, value)| *value)
    }

    fn nested(&mut self, at: u64, reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
        if self.depth >= draft.limits.depth {
            let detail = format!("pickles are nested deeper than {}", self.depth);
            return Err(Stop::limit(IssueCode::NestingTooDeep, at, detail));
        }
        let mut inner = Self::new();
        inner.depth = self.depth.saturating_add(1);
        inner.instructions = self.instructions;
        inner.imports = core::mem::take(&mut self.imports);
        inner.flagged = core::mem::take(&mut self.flagged);
        let outcome = inner.walk(reader, draft);
        self.imports = inner.imports;
        self.flagged = inner.flagged;
        self.instructions = inner.instructions;
        self.arrays = self.arrays.saturating_add(inner.arrays);
        outcome
    }

    /// Width in bytes of an element of a `numpy.dtype`; `Some(None)` for Python objects.
    fn item_bytes(&self, dtype: Id) -> Option<Option<u64>> {
        let Node::Call { arguments, .. } = self.node(dtype) else { return None };
        let text = self.text(*self.tuple(*arguments)?.first()?)?;
        let text = text.trim_start_matches(['<', '>', '|', '=']);
        let mut letters = text.chars();
        let kind = letters.next()?;
        let width: Option<u64> = letters.as_str().parse().ok();
        match kind {
            'O' => Some(None),
            // Characters of four bytes.
            'U' => width?.checked_mul(4).map(Some),
            _ => width.map(Some),
        }
    }
}
