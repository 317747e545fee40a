//! The tensors that the pickle of a PyTorch file describes.
//!
//! Source: `torch/_utils.py` (`_rebuild_tensor_v2` and its kin) and `torch/serialization.py` (persistent ids). A tensor
//! is a call `_rebuild_tensor_v2(storage, offset, size, stride, ..)`; its storage is the persistent id `("storage",
//! torch.FloatStorage, key, location, elements)`. Nothing is called: the arguments are read off the stack.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};

use bom_core::metadata::ModelRole;

use crate::draft::Draft;
use crate::grammar::pickle::{Id, Machine, Node};

/// Keys under which training programs put the weights of a checkpoint.
const WEIGHTS: &[&str] =
    &["state_dict", "model_state_dict", "model_state", "model", "module", "params", "params_ema"];

/// Most dimensions of a tensor.
const RANK: usize = 64;

/// One tensor. Two with the same place are one weight under two names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tensor {
    storage: String,
    offset: Option<i64>,
    elements: Option<u64>,
    dtype: Option<&'static str>,
}

/// Writes what the tensors add up to. Of a checkpoint only the weights are counted, not what an optimizer keeps; where
/// it is not clear which tensors are weights, only their number is told.
pub(super) fn conclude(machine: &Machine, draft: &mut Draft<'_>) {
    let Some(root) = machine.result else { return };
    let weights = weights(machine, root);
    let entries = weights.map_or(&[][..], |id| machine.entries(id));
    let mut tensors = BTreeSet::new();
    let mut names = (0_u64, 0_u64);
    for (name, value) in entries {
        let Some(tensor) = tensor(machine, *value) else { continue };
        let name = machine.text(*name).unwrap_or_default();
        names.0 = names.0.saturating_add(1);
        if name.contains("lora_") {
            names.1 = names.1.saturating_add(1);
        }
        tensors.insert(tensor);
    }
    // Outside of a state dictionary there is no telling weights from buffers, inputs and moments.
    let counted = !tensors.is_empty() && !machine.cut;
    if tensors.is_empty() {
        tensors = all(machine);
    }
    let (mut parameters, mut bits) = (Some(0_u64), BTreeMap::<&str, u64>::new());
    for tensor in &tensors {
        let Some((elements, dtype)) = tensor.elements.zip(tensor.dtype) else {
            parameters = None;
            continue;
        };
        let total = bits.entry(dtype).or_default();
        *total = total.saturating_add(elements.saturating_mul(width(dtype)));
        if !matches!(dtype, "int64" | "bool") {
            parameters = parameters.and_then(|sum| sum.checked_add(elements));
        }
    }
    if tensors.is_empty() {
        return;
    }
    let model = draft.model();
    model.dtype = bits.into_iter().max_by_key(|(_, bits)| *bits).map(|(dtype, _)| dtype.to_string());
    if counted {
        model.parameter_count = parameters;
        model.tensor_count = Some(names.0);
    } else if let (Some(elements), false) = (parameters, machine.cut) {
        model.hyperparameters.insert("stored_elements".to_string(), elements.to_string());
    }
    if names.0 > 0 && names.1.saturating_mul(2) >= names.0 {
        model.role = Some(ModelRole::Adapter);
    }
}

/// Class of a whole module that was saved with its class, as `module.name`.
pub(super) fn architecture(machine: &Machine) -> Option<String> {
    let (module, name) = machine.maker(machine.result?)?;
    let plain = matches!(module, "collections" | "builtins" | "__builtin__" | "torch._utils");
    (!plain).then(|| alloc::format!("{module}.{name}"))
}

/// The dictionary that maps names to tensors: the object itself, or the best known key of a checkpoint.
fn weights(machine: &Machine, root: Id) -> Option<Id> {
    let is_weights = |id: Id| machine.entries(id).iter().any(|(_, value)| tensor(machine, *value).is_some());
    // A class of its own is no state dictionary, though its state may have tensors in it.
    let plain = architecture(machine).is_none();
    if plain && is_weights(root) {
        return Some(root);
    }
    WEIGHTS.iter().filter_map(|key| machine.entry(root, key)).find(|id| is_weights(*id))
}

fn all(machine: &Machine) -> BTreeSet<Tensor> {
    machine.nodes().filter_map(|node| rebuilt(machine, node)).collect()
}

/// A tensor, or a parameter, which wraps one. Wrappers of wrappers are not followed: a pickle can make them a circle.
fn tensor(machine: &Machine, id: Id) -> Option<Tensor> {
    let node = machine.node(id);
    if let Node::Call { callable, arguments, .. } = node
        && machine.name(*callable) == Some(("torch._utils", "_rebuild_parameter"))
    {
        let wrapped = machine.tuple(*arguments)?.first()?;
        return rebuilt(machine, machine.node(*wrapped));
    }
    rebuilt(machine, node)
}

fn rebuilt(machine: &Machine, node: &Node) -> Option<Tensor> {
    let Node::Call { callable, arguments, .. } = node else { return None };
    let (module, name) = machine.name(*callable)?;
    let arguments = machine.tuple(*arguments)?;
    match (module, name) {
        ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2" | "_rebuild_tensor_v3") => {
            let [storage, offset, size, rest @ ..] = arguments else { return None };
            let Node::Persistent(id) = machine.node(*storage) else { return None };
            let place = machine.tuple(*id)?;
            let [_kind, class, key, ..] = place else { return None };
            let sizes = machine.tuple(*size).filter(|sizes| sizes.len() <= RANK)?;
            let elements = sizes.iter().try_fold(1_u64, |all, size| {
                let size = machine.int(*size).and_then(|size| u64::try_from(size).ok())?;
                all.checked_mul(size)
            });
            let stated = machine.name(*class).and_then(|(_, class)| storage_type(class));
            // Since version 3 the storage has no type and the tensor does: the fifth argument after the stride.
            let own = rest.iter().filter_map(|id| machine.name(*id)).find(|(module, _)| *module == "torch");
            Some(Tensor {
                storage: machine.text(*key).unwrap_or_default().to_string(),
                offset: machine.int(*offset),
                elements,
                dtype: stated.or_else(|| own.and_then(|(_, name)| dtype(name))),
            })
        }
        _ => None,
    }
}

fn storage_type(class: &str) -> Option<&'static str> {
    Some(match class {
        "FloatStorage" => "float32",
        "HalfStorage" => "float16",
        "BFloat16Storage" => "bfloat16",
        "DoubleStorage" => "float64",
        "LongStorage" => "int64",
        "IntStorage" => "int32",
        "ShortStorage" => "int16",
        "CharStorage" => "int8",
        "ByteStorage" => "uint8",
        "BoolStorage" => "bool",
        "ComplexFloatStorage" => "complex64",
        "ComplexDoubleStorage" => "complex128",
        "QInt8Storage" => "qint8",
        "QUInt8Storage" => "quint8",
        "QInt32Storage" => "qint32",
        _ => return None,
    })
}

fn dtype(name: &str) -> Option<&'static str> {
    const NAMES: &[&str] = &[
        "float32",
        "float16",
        "bfloat16",
        "float64",
        "int64",
        "int32",
        "int16",
        "int8",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bool",
        "complex64",
        "complex128",
        "float8_e4m3fn",
        "float8_e4m3fnuz",
        "float8_e5m2",
        "float8_e5m2fnuz",
        "float8_e8m0fnu",
        "float4_e2m1fn_x2",
    ];
    NAMES.iter().find(|known| **known == name).copied()
}

fn width(dtype: &str) -> u64 {
    match dtype {
        "complex128" => 128,
        "float64" | "int64" | "uint64" | "complex64" => 64,
        "float32" | "int32" | "uint32" | "qint32" => 32,
        "float16" | "bfloat16" | "int16" | "uint16" => 16,
        _ => 8,
    }
}
