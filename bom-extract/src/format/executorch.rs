//! ExecuTorch programs: a flatbuffer with the identifier `ET12`.
//!
//! Source: `schema/program.fbs`: `Program` 0 version, 1 execution plans; `ExecutionPlan` 0 name, 6 operators, 7 delegates;
//! `Operator` 0 name; `BackendDelegate` 0 id.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bom_core::metadata::FileKind;

use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::flatbuffer::{self, Table};
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Executorch, wants, extract };

/// Plans, and names in each, that are looked at.
const PLANS: u64 = 32;
const NAMES: u64 = 64;

fn wants(prefix: &[u8], _len: u64) -> bool {
    prefix.get(4..8) == Some(b"ET12")
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim();
    draft.model();
    let program = flatbuffer::root(0, reader)?;
    let version = program.u32(0, reader)?.unwrap_or(0);
    draft.model().format_version = Some(version.to_string());
    let Some(plans) = program.tables(1, reader)? else { return Ok(()) };
    let mut methods = Vec::new();
    let mut delegates = BTreeSet::new();
    for index in 0..plans.count.min(PLANS) {
        let plan = plans.table(index, reader)?;
        methods.extend(plan.text(0, "a method", reader, draft)?);
        delegates.extend(names(&plan, 7, reader, draft)?);
    }
    if !methods.is_empty() {
        draft.hyperparameter("methods", methods.join(", "));
    }
    if !delegates.is_empty() {
        let names: Vec<String> = delegates.into_iter().collect();
        draft.hyperparameter("delegates", names.join(", "));
    }
    Ok(())
}

/// Field 0 of each table of a list.
fn names(
    table: &Table,
    field: u16,
    reader: &mut Reader<'_>,
    draft: &mut Draft<'_>,
) -> Result<BTreeSet<String>, Stop> {
    let mut found = BTreeSet::new();
    if let Some(list) = table.tables(field, reader)? {
        for index in 0..list.count.min(NAMES) {
            found.extend(list.table(index, reader)?.text(0, "a name", reader, draft)?);
        }
    }
    Ok(found)
}
