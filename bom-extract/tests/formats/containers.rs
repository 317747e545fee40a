//! Zip archives and HDF5: models in them, and what is only shaped like one.

use bom_extract::Limits;
use bom_testkit::synth::{
    self, Node, Text, gguf, hdf5, hdf5_group, hdf5_root, npy, npy_header, pickle, torch_zip, zip,
};

use crate::check::{check, check_within};
use crate::seeds::{keras, keras_hdf5, llamafile, skops, state};

#[test]
fn reads_pytorch() {
    let lora =
        pickle().state(&[("q.lora_A", "FloatStorage", &[2, 3]), ("q.lora_B", "FloatStorage", &[3, 2])]);
    for (name, file, expected) in [
        (
            "state",
            torch_zip(&state()),
            vec![
                "kind=pytorch",
                "model.format_version=3",
                // 4 × 6 and 8; the number that counts batches is none.
                "model.parameter_count=32",
                "model.tensor_count=3",
                "model.dtype=float32",
                "model.claimed.archive_name=model",
                "model.imports.0=collections.OrderedDict",
                "no model.architecture",
                "no model.role",
            ],
        ),
        ("adapter", torch_zip(&lora.build()), vec!["model.role=adapter", "model.parameter_count=12"]),
        (
            "script",
            torch_zip(&state()).stored("model/constants.pkl", &pickle().raw(b")").build()),
            vec!["kind=torchscript"],
        ),
        (
            "compressed",
            zip().deflated("archive/data.pkl", &state()),
            vec!["kind=pytorch", "model.parameter_count=32", "no model.claimed"],
        ),
        (
            "evil",
            torch_zip(&pickle().global("os", "system").text("id").raw(b"\x85R").build()),
            vec!["kind=pytorch", "model.imports.0=os.system", "! a pickle imports os.system"],
        ),
        (
            "exported_with_native_code",
            zip().stored("m/archive_format", b"pt2").stored("m/archive_version", b"0").stored("m/data/aotinductor/x.so", b"\x7fELF"),
            vec!["kind=torch-export", "model.format_version=0", "! the native library m/data/aotinductor/x.so"],
        ),
        (
            "served",
            zip().stored(
                "MAR-INF/MANIFEST.json",
                br#"{"model": {"modelName": "m", "serializedFile": "m.pt", "handler": "h.py"}, "specificationVersion": "1"}"#,
            ).stored("h.py", b"import os").stored("m.pt", b""),
            vec![
                "kind=torchserve-archive",
                "model.name=m",
                "model.external_files.0=m.pt",
                "! brings its own program h.py",
            ],
        ),
        (
            "name_differs",
            zip().stored("a/data.pkl", &state()).own_name("b/data.pkl"),
            vec!["kind=pytorch", "! has another name in its own header"],
        ),
        (
            "name_leaves",
            torch_zip(&state()).stored("../../etc/cron.d/x", b""),
            vec!["! a zip member is named ../../etc/cron.d/x"],
        ),
        (
            "size_lies",
            zip().stored("a/data.pkl", &state()).stated_size(u32::MAX - 1),
            vec!["kind=pytorch", "model.parameter_count=32", "! bytes left in the file"],
        ),
        ("count_lies", torch_zip(&state()).count(7), vec!["kind=pytorch", "! 4 zip members where 7 are announced"]),
        (
            "behind_something",
            torch_zip(&state()).front(b"PK\x03\x04 in front").comment(b"and behind"),
            vec!["kind=pytorch", "model.parameter_count=32"],
        ),
    ] {
        check(name, &file.build(), &expected);
    }
}

#[test]
fn reads_arrays() {
    for (name, file, expected) in [
        (
            "array",
            npy("'>f8'", "(2, 5)", &[0; 80]),
            vec![
                "kind=npy",
                "model.role=data",
                "model.format_version=1.0",
                "model.dtype=>f8",
                "model.byte_order=big",
                "model.hyperparameters.shape=2, 5",
                "model.hyperparameters.elements=10",
                "no model.parameter_count",
            ],
        ),
        ("scalar", npy("'<f4'", "()", &[0; 4]), vec!["model.hyperparameters.elements=1"]),
        ("of_python_2", npy("'<f4'", "(2L,)", &[0; 8]), vec!["model.hyperparameters.elements=2"]),
        ("structured", npy("[('a', '<f4'), ('b', '|O')]", "(1,)", &[]), vec!["! holds Python objects"]),
        ("objects", npy("'|O'", "(1,)", b"\x80\x04."), vec!["model.dtype=|O", "! holds Python objects"]),
        ("data_is_short", npy("'<f4'", "(3,)", &[0; 8]), vec!["! 8 bytes for 3 elements"]),
        (
            "shape_past_64_bits",
            npy("'<f4'", "(9223372036854775807, 4)", &[]),
            vec!["no model.hyperparameters.elements", "! does not fit in 64 bits"],
        ),
        ("shape_of_words", npy("'<f4'", "(x,)", &[]), vec!["kind=npy", "! has a shape of no numbers"]),
        ("no_shape", npy_header("{'descr': '<f4'}", &[]), vec!["! has no shape"]),
        ("version", b"\x93NUMPY\x09\x00\x02\x00{}".to_vec(), vec!["! version 9.0 of an array is not 1 to 3"]),
        ("header_past_the_end", b"\x93NUMPY\x01\x00\xff\x1f{}".to_vec(), vec!["! bytes wanted"]),
        (
            "archive",
            zip()
                .stored("a.npy", &npy("'<f4'", "(2,)", &[0; 8]))
                .deflated("b.npy", &npy("'<f8'", "(3,)", &[0; 24]))
                .build(),
            vec![
                "kind=npz",
                "model.role=data",
                "model.tensor_count=2",
                "model.dtype=<f8",
                "model.hyperparameters.elements=5",
            ],
        ),
        // A member that unpacks to a thousand times its size costs its header.
        ("bomb", zip().bomb("a.npy", 16 << 20).build(), vec!["kind=archive", "code.opaque=true"]),
        (
            "member_is_broken",
            zip().stored("a.npy", &npy("'<f4'", "(2,)", &[0; 8])).stored("b.npy", b"no array").build(),
            vec!["kind=npz", "no model.hyperparameters.elements", "! has no magic"],
        ),
    ] {
        check(name, &file, &expected);
    }
}

#[test]
fn reads_keras() {
    let lambda =
        br#"{"class_name": "Functional", "config": {"layers": [{"class_name": "Lambda", "config": {}}]}}"#;
    let metadata = br#"{"keras_version": "3.0.0"}"#;
    for (name, file, expected) in [
        (
            "archive",
            keras().build(),
            vec![
                "kind=keras",
                "model.architecture=Functional",
                "model.name=net",
                "model.producer=keras",
                "model.producer_version=3.15.1",
                "model.parameter_count=12",
                "model.hyperparameters.layers=1",
                "model.claimed.date_saved=2026-01-02@03:04:05",
                "no model.role",
            ],
        ),
        (
            "code",
            zip().stored("metadata.json", metadata).deflated("config.json", lambda).build(),
            vec!["kind=keras", "! a Lambda layer brings byte code"],
        ),
        (
            "weights_are_compressed",
            zip()
                .stored("metadata.json", metadata)
                .stored("config.json", b"{}")
                .bomb("model.weights.h5", 1 << 20)
                .build(),
            vec!["kind=keras", "truncated=true", "! is compressed and was not read"],
        ),
        (
            "hdf5",
            keras_hdf5(),
            vec![
                "kind=keras-hdf5",
                "model.architecture=Sequential",
                "model.name=net",
                "model.producer_version=3.15.1",
                "model.claimed.backend=jax",
                // The optimizer's moments are no parameters.
                "model.parameter_count=15",
                "model.tensor_count=2",
                "model.dtype=float32",
                "model.hyperparameters.layers=2",
            ],
        ),
        (
            "hdf5_of_somebody_else",
            hdf5(&hdf5_root(
                vec![("author", Text::Fixed("x".to_owned()))],
                vec![("x", Node::Floats(vec![3]))],
            )),
            vec!["kind=hdf5", "model.role=data", "no model.parameter_count"],
        ),
        (
            "shape_past_64_bits",
            hdf5(&hdf5_group(vec![(
                "layers",
                hdf5_group(vec![("w", Node::Floats(vec![1 << 40, 1 << 40]))]),
            )])),
            vec!["kind=keras-hdf5", "model.tensor_count=1", "no model.parameter_count"],
        ),
        (
            "heap_entry_past_64_bits",
            {
                let mut file = keras_hdf5();
                let heap = file.windows(4).position(|window| window == b"GCOL").expect("a heap");
                file[heap + 16] = 2;
                file[heap + 24..heap + 32].copy_from_slice(&u64::MAX.to_le_bytes());
                file
            },
            vec!["kind=keras-hdf5", "no model.architecture", "! bytes wanted"],
        ),
        ("hdf5_cut", keras_hdf5()[..96].to_vec(), vec!["kind=hdf5", "! left in the file"]),
    ] {
        check(name, &file, &expected);
    }
}

/// Groups that hold each other: the walk visits each once.
#[test]
fn circles_end() {
    let file = keras_hdf5();
    let place = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|window| window == what);
    let node = place(&file, b"SNOD").expect("a symbol node");
    let second = node + 4 + place(&file[node + 4..], b"SNOD").expect("another one");
    let mut circle = file.clone();
    // The inner group's entries lead to the outer group's object.
    let outer = file[second + 16..second + 24].to_vec();
    circle[node + 16..node + 24].copy_from_slice(&outer);
    circle[node + 56..node + 64].copy_from_slice(&outer);
    let found = bom_extract::extract(&circle, &Limits::default()).expect("memory is always readable");
    assert!(found.is_some());
}

/// A B-tree whose entries all lead back to it costs a fixed number of steps.
#[test]
fn trees_of_themselves_end() {
    let mut file = keras_hdf5();
    let trees: Vec<usize> = (0..file.len() - 4).filter(|at| &file[*at..*at + 4] == b"TREE").collect();
    let root = (*trees.last().expect("a tree") as u64).to_le_bytes();
    // The root's message names a tree behind everything else.
    let named = file.windows(8).rposition(|window| window == root).expect("a symbol table");
    let tree = file.len();
    file[named..named + 8].copy_from_slice(&(tree as u64).to_le_bytes());
    file.extend(b"TREE\0\0");
    file.extend(2000_u16.to_le_bytes());
    file.extend([0xff; 16]);
    for _ in 0..2000 {
        file.extend(0_u64.to_le_bytes());
        file.extend((tree as u64).to_le_bytes());
    }
    let found = bom_extract::extract(&file, &Limits::default()).expect("memory is always readable");
    let issues = found.expect("the signature is there").issues;
    assert!(issues.iter().any(|issue| issue.detail.contains("too many nodes")), "{issues:?}");
}

#[test]
fn reads_llamafile() {
    let elf = synth::elf().build();
    for (name, file, expected) in [
        (
            "portable",
            llamafile(),
            vec![
                "kind=llamafile",
                "model.name=Tiny Llama",
                "model.claimed.archive.member=model.gguf",
                "no elf",
            ],
        ),
        (
            "installed",
            zip().stored("model.gguf", &gguf().build()).front(&elf).build(),
            vec!["kind=llamafile", "model.name=Tiny Llama", "elf.machine=x86_64"],
        ),
        (
            "two_weights",
            zip()
                .stored("a.gguf", &gguf().build())
                .stored("b.gguf", &gguf().build())
                .front(b"MZqFpD='")
                .build(),
            vec!["model.hyperparameters.further_weight_files=1"],
        ),
        (
            "weights_are_none",
            zip().stored("model.gguf", b"nothing").front(b"MZqFpD='").build(),
            vec!["kind=llamafile", "! no GGUF file where one has to be"],
        ),
        ("program_with_another_archive", zip().stored("main.py", b"").front(&elf).build(), vec!["kind=elf"]),
        (
            "program_without_weights",
            zip().stored("main.py", b"").front(b"MZqFpD='").build(),
            vec!["not ours"],
        ),
    ] {
        check(name, &file, &expected);
    }
}

#[test]
fn reads_skops() {
    check(
        "skops",
        &skops().build(),
        &[
            "kind=skops",
            "model.role=model",
            "model.architecture=sklearn.pipeline.Pipeline",
            "model.producer_version=0.16.0",
        ],
    );
}

#[test]
fn takes_other_archives_for_no_model() {
    let check = |name: &str, file: synth::Zip, expected: &[&str]| {
        let bytes = file.build();
        let found = bom_extract::extract(&bytes, &Limits::default()).expect("no input fails");
        assert!(found.is_none_or(|found| found.model.is_none()), "{name}");
        check(name, &bytes, expected);
    };
    let archive = ["kind=archive", "no model"];
    check("empty", zip(), &["not ours"]);
    check("schema_of_another_kind", zip().stored("schema.json", br#"{"type": "object"}"#), &archive);
    let config = zip().stored("metadata.json", b"{}").stored("config.json", b"{}");
    check("config_without_keras", config, &archive);
    let strange = zip().stored("schema.json", b"{}");
    check(
        "encrypted",
        strange.clone().method(0, 1),
        &["kind=archive", "truncated=true", "! packed by method"],
    );
    check("packed_by_a_stranger", strange.method(99, 0), &["kind=archive", "! packed by method 99"]);
    let elsewhere = zip().stored("a.npy", &npy("'<f4'", "()", &[0; 4])).directory_shift(1 << 20);
    check("directory_is_elsewhere", elsewhere, &["not ours"]);
}

/// What one archive may cost is a limit, and reaching it is said.
#[test]
fn keeps_to_its_limits() {
    let many = (0..50).fold(zip(), |zip, at| zip.stored(&format!("{at}.npy"), &npy("'<f4'", "()", &[0; 4])));
    let limits = Limits::default();
    for (name, file, limits, expected) in [
        (
            "members",
            many.build(),
            Limits { entries: 10, ..limits.clone() },
            vec!["kind=npz", "truncated=true", "no model.tensor_count", "! more than 10 zip members"],
        ),
        (
            "directory",
            many.build(),
            Limits { directory_bytes: 500, ..limits.clone() },
            vec!["kind=npz", "truncated=true", "! exceeds the limit of 500"],
        ),
        (
            "inflated",
            zip().bomb("a/data.pkl", 16 << 20).build(),
            limits,
            vec![
                "kind=pytorch",
                "truncated=true",
                "! of 16777216 bytes of a/data.pkl were unpacked",
                "! is no pickle instruction",
            ],
        ),
    ] {
        check_within(name, &file, &limits, &expected);
    }
}
