//! Files that are pickles: plain ones, joblib's with raw arrays in them, PyTorch's before 1.6.
//!
//! Sources: `pickletools.py`; `joblib/numpy_pickle.py`; `_legacy_save` in `torch/serialization.py`. A pickle of protocol
//! 2 or later starts with PROTO and is claimed once the walk reaches STOP, or has imported something: two bytes are no
//! proof. Earlier ones are plain instructions, as which nearly any text can start: such a file is claimed if the walk
//! reaches STOP with the last byte of the file, or with the result of a call.

use alloc::format;
use alloc::string::ToString;

use bom_core::metadata::{FileKind, IssueCode, ModelRole};

use super::torch_tensors;
use crate::draft::{Draft, Stop};
use crate::extractor::Extractor;
use crate::grammar::pickle::{Id, Machine, Node};
use crate::grammar::zip::inflate_zlib;
use crate::reader::Reader;

pub(crate) const EXTRACTOR: Extractor = Extractor { kind: FileKind::Pickle, wants, extract };

/// LONG1 of ten bytes and STOP: the number 0x1950a86a20f9469cfc6c, which PyTorch writes as its first pickle.
const TORCH: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// Protocols there are.
const PROTOCOLS: core::ops::RangeInclusive<u8> = 2..=5;

fn wants(prefix: &[u8], len: u64) -> bool {
    match prefix {
        [0x80, protocol, next, ..] => {
            let starts = match protocol {
                // FRAME, unless the pickle is too short for one.
                4 | 5 => *next == 0x95 || len < 8,
                // Nearly any instruction that pushes.
                _ => next.is_ascii_graphic() || (0x80..=0x97).contains(next),
            };
            PROTOCOLS.contains(protocol) && starts
        }
        // zlib with a window of 32 KiB, as joblib writes it.
        [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => true,
        _ => is_early(prefix),
    }
}

/// How pickles of protocols 0 and 1 begin that hold more than one value: a container that is remembered at once, or a
/// name to import.
fn is_early(prefix: &[u8]) -> bool {
    match prefix {
        [b'}' | b']', b'q', 0, ..] | [b'(', b'd' | b'l', b'p', b'0'..=b'9', ..] => true,
        [b'(', b'i' | b'c', name @ ..] | [b'c', name @ ..] => {
            let mut lines = name.split(|&byte| byte == b'\n');
            let word = |line: Option<&[u8]>| {
                let line = line.unwrap_or_default();
                let fits = |&byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
                !line.is_empty() && line.iter().all(fits)
            };
            name.contains(&b'\n') && word(lines.next()) && word(lines.next())
        }
        _ => false,
    }
}

fn extract(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    if reader.array()? == [0x78] {
        return unpacked(reader, draft);
    }
    reader.seek(0);
    // An eighth of the pickles in the field are shorter than the number.
    let is_torch = reader.len() > 15 && reader.array::<15>()?.as_slice() == TORCH;
    reader.seek(0);
    if is_torch { legacy(reader, draft) } else { plain(reader, draft) }
}

/// A zlib stream; ours if what is in it is a pickle.
fn unpacked(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let limit = draft.limits.inflated_bytes;
    // Git's objects and many caches are zlib too: look before reading on.
    reader.seek(0);
    let probe = reader.len().min(4096);
    let probe = reader.bytes(probe)?;
    let start = inflate_zlib(&probe, 64);
    if !matches!(start.as_slice(), [0x80, protocol, ..] if PROTOCOLS.contains(protocol)) {
        return Ok(());
    }
    reader.seek(0);
    let packed = reader.len().min(crate::reader::u64_of(limit));
    let packed = reader.bytes(packed)?;
    let bytes = inflate_zlib(&packed, limit);
    drop(packed);
    let whole = bytes.len() < limit;
    let outcome = reader.inside(&bytes, |inner| plain(inner, draft));
    if !whole && draft.is_claimed() {
        draft.extracted.truncated = true;
        let detail = format!("more than {limit} bytes are packed in the stream");
        draft.issue(IssueCode::RatioExceedsLimit, None, detail);
    }
    outcome
}

fn plain(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    let mut machine = Machine::new();
    let announced = reader.array::<1>()? == [0x80];
    reader.seek(0);
    let outcome = machine.walk(reader, draft);
    if outcome.is_err() && machine.imports.is_empty() {
        return outcome;
    }
    if !announced {
        // Text does not call anything; what follows a call that was made is no excuse.
        let calls = machine.result.is_some_and(|id| matches!(machine.node(id), Node::Call { .. }));
        if outcome.is_err() || reader.left() > 0 && !calls {
            return Ok(());
        }
    }
    let is_joblib =
        machine.arrays > 0 || machine.imports.keys().any(|name| name.starts_with("joblib.numpy_pickle"));
    draft.claim_as(if is_joblib { FileKind::Joblib } else { FileKind::Pickle });
    draft.model().format_version = Some(machine.protocol.to_string());
    imports(&machine, draft);
    let whole = outcome.is_ok();
    draft.absorb(outcome)?;
    draft.model().role = Some(ModelRole::Data);
    if whole {
        objects(&machine, draft);
        if reader.left() > 0 {
            let detail = format!("{} bytes follow the pickle", reader.left());
            draft.issue(IssueCode::TrailingData, Some(reader.pos()), detail);
        }
    }
    Ok(())
}

/// What the object at the top is, if it is one of a library of models.
fn objects(machine: &Machine, draft: &mut Draft<'_>) {
    let Some(root) = machine.result else { return };
    // Boosters keep their model under a wrapper of the same package.
    const LIBRARIES: &[&str] =
        &["sklearn", "xgboost", "lightgbm", "catboost", "imblearn", "statsmodels", "torch", "keras"];
    let Some((module, name)) = machine.maker(root) else { return };
    let library = module.split('.').next().unwrap_or_default();
    draft.model().architecture = Some(format!("{module}.{name}"));
    if !LIBRARIES.contains(&library) {
        return;
    }
    draft.model().role = Some(ModelRole::Model);
    if let Some(version) = sklearn_version(machine, root) {
        draft.model().producer = Some("scikit-learn".to_string());
        draft.model().producer_version = Some(version);
    }
}

/// scikit-learn writes its version into the state of each of its objects.
fn sklearn_version(machine: &Machine, root: Id) -> Option<alloc::string::String> {
    let id = machine.entry(root, "_sklearn_version")?;
    machine.text(id).map(ToString::to_string)
}

/// Five pickles (a magic number, the protocol, facts of the machine, the object, the keys of the storages), then the
/// storages.
fn legacy(reader: &mut Reader<'_>, draft: &mut Draft<'_>) -> Result<(), Stop> {
    draft.claim_as(FileKind::PytorchLegacy);
    let mut machine = Machine::new();
    machine.walk(reader, draft)?;
    machine.walk(reader, draft)?;
    let version = machine.result.and_then(|id| machine.int(id));
    draft.model().format_version = version.map(|version| version.to_string());
    machine.walk(reader, draft)?;
    let outcome = machine.walk(reader, draft);
    imports(&machine, draft);
    outcome?;
    draft.model().architecture = torch_tensors::architecture(&machine);
    torch_tensors::conclude(&machine, draft);
    let mut keys = Machine::new();
    keys.walk(reader, draft)?;
    if let Some(Node::List(keys)) = keys.result.map(|id| keys.node(id)) {
        draft.hyperparameter("storages", keys.len());
    }
    Ok(())
}

/// Lists what loading would import.
pub(super) fn imports(machine: &Machine, draft: &mut Draft<'_>) {
    // Names of TorchScript are classes of the archive itself.
    let names = machine.imports.keys().filter(|name| !name.starts_with("__torch__."));
    draft.model().imports.extend(names.cloned());
    if machine.cut {
        draft.extracted.truncated = true;
    }
}
