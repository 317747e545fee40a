//! Pickles: imports are listed and the dangerous ones flagged, nothing is run, and no bomb goes off.

use bom_extract::Limits;
use bom_testkit::synth::{joblib, pickle, torch_legacy};

use crate::check::{check, check_within};
use crate::seeds::state;

#[test]
fn lists_imports_and_flags_the_dangerous() {
    for (name, file, expected) in [
        (
            "reduce",
            pickle().global("posix", "system").text("id").raw(b"\x85R"),
            vec![
                "kind=pickle",
                "model.role=data",
                "model.imports.0=posix.system",
                "! a pickle imports posix.system",
            ],
        ),
        (
            "protocol_4",
            pickle().protocol_4().stack_global("builtins", "exec").text("1").raw(b"\x85R"),
            vec![
                "model.format_version=4",
                "model.imports.0=builtins.exec",
                "! a pickle imports builtins.exec",
            ],
        ),
        (
            "memoized_names",
            pickle().text("os").raw(b"q\x000").text("system").raw(b"q\x010h\x00h\x01\x93)R"),
            vec!["model.imports.0=os.system", "! a pickle imports os.system"],
        ),
        (
            "instance",
            pickle().raw(b"(").text("id").raw(b"isubprocess\nPopen\n"),
            vec!["model.imports.0=subprocess.Popen", "! a pickle imports subprocess.Popen"],
        ),
        (
            "submodule",
            pickle().global("importlib.machinery", "SourceFileLoader").raw(b")R"),
            vec!["! a pickle imports importlib.machinery.SourceFileLoader"],
        ),
        (
            "attribute_of_an_attribute",
            pickle().stack_global("collections", "OrderedDict.__init__.__globals__"),
            vec!["! a pickle imports collections.OrderedDict.__init__.__globals__"],
        ),
        (
            "computed_name",
            pickle().text("os").int(1).raw(b"\x93)R"),
            vec!["no model.imports", "! a pickle imports a name that it computes"],
        ),
        (
            "extension_registry",
            pickle().global("collections", "deque").raw(b"0\x82\x01)R"),
            vec!["! by a number of the extension registry"],
        ),
        ("harmless", pickle().ordered(), vec!["model.imports.0=collections.OrderedDict"]),
        ("named_alike", pickle().global("osmium", "Node").raw(b")R"), vec!["model.imports.0=osmium.Node"]),
        ("told_once", pickle().global("os", "system").global("os", "system"), vec!["! os.system"]),
    ] {
        check(name, &file.build(), &expected);
    }
}

#[test]
fn reads_models() {
    for (name, file, expected) in [
        (
            "joblib",
            joblib(3, 24),
            vec![
                "kind=joblib",
                "model.role=model",
                "model.architecture=sklearn.linear_model._logistic.LogisticRegression",
                "model.producer=scikit-learn",
                "model.producer_version=1.9.1",
                "model.imports.2=sklearn.linear_model._logistic.LogisticRegression",
            ],
        ),
        // What the array is said to hold decides where the pickle goes on: a lie leads into the data.
        (
            "joblib_array_too_long",
            joblib(1 << 30, 24),
            vec!["kind=joblib", "no model.producer", "! bytes wanted"],
        ),
        (
            "joblib_array_below_zero",
            joblib(-1, 24),
            vec!["no model.producer", "! has a shape that makes no sense"],
        ),
        (
            "legacy",
            torch_legacy(&state(), &["0", "1", "2"]),
            vec![
                "kind=pytorch-legacy",
                "model.format_version=1001",
                "model.parameter_count=32",
                "model.tensor_count=3",
                "model.dtype=float32",
                "model.hyperparameters.storages=3",
                "no model.architecture",
            ],
        ),
        (
            "legacy_evil",
            torch_legacy(&pickle().global("os", "system").text("id").raw(b"\x85R").build(), &[]),
            vec!["kind=pytorch-legacy", "model.architecture=os.system", "! a pickle imports os.system"],
        ),
        (
            "legacy_cut",
            torch_legacy(&state(), &[])[..200].to_vec(),
            vec!["kind=pytorch-legacy", "no model.parameter_count", "! left in the file"],
        ),
        (
            "checkpoint",
            torch_legacy(
                &pickle()
                    .raw(b"}(")
                    .text("optimizer")
                    .state(&[("m", "FloatStorage", &[1000])])
                    .text("state_dict")
                    .state(&[("w", "BFloat16Storage", &[10, 10])])
                    .raw(b"u")
                    .build(),
                &[],
            ),
            vec!["model.parameter_count=100", "model.dtype=bfloat16"],
        ),
        (
            "state_of_python_2",
            torch_legacy(
                &pickle()
                    .global("collections", "OrderedDict")
                    .raw(b"](](")
                    .text("w")
                    .tensor("FloatStorage", "0", 0, &[7, 3])
                    .raw(b"ee\x85R")
                    .build(),
                &[],
            ),
            vec!["model.parameter_count=21", "model.tensor_count=1"],
        ),
        (
            "whole_module",
            torch_legacy(
                &pickle()
                    .global("my.nets", "Net")
                    .raw(b")\x81}")
                    .text("_parameters")
                    .state(&[("w", "FloatStorage", &[5])])
                    .raw(b"sb")
                    .build(),
                &[],
            ),
            vec![
                "model.architecture=my.nets.Net",
                "model.hyperparameters.stored_elements=5",
                "no model.parameter_count",
            ],
        ),
    ] {
        check(name, &file, &expected);
    }
}

#[test]
fn leaves_other_files_alone() {
    for (name, bytes) in [
        ("two_bytes", b"\x80\x02".to_vec()),
        ("no_stop", b"\x80\x02]q\x00(K\x01K\x02".to_vec()),
        ("random_behind_proto", b"\x80\x03\xff\xff\xff\xff".to_vec()),
        ("early_without_stop", b"cos\nsystem\n(S'id'\ntR".to_vec()),
        ("text", b"cat\ndog\n.more text".to_vec()),
        ("zlib_of_text", b"\x78\x9c\x4b\xcb\xcf\x07\x00\x02\x82\x01\x45".to_vec()),
    ] {
        check(name, &bytes, &["not ours"]);
    }
}

#[test]
fn survives_bombs() {
    // A list that holds itself twice, doubled: 2^40 elements for whoever would build it.
    let doubled = (0..40).fold(pickle().raw(b"]"), |pickle, _| pickle.raw(b"2a2a"));
    let deep = pickle().raw(&b"(".repeat(300_000)).raw(&b"l".repeat(300_000));
    let nested = pickle().raw(b")").raw(&b"\x85".repeat(200_000)).global("os", "system");
    let limits = Limits::default();
    for (name, file, limits, expected) in [
        ("doubled", doubled, limits.clone(), vec!["kind=pickle"]),
        ("marks", deep.global("os", "system"), limits.clone(), vec!["not ours"]),
        (
            "nested_tuples",
            nested,
            limits.clone(),
            // The import is behind everything that was not remembered, and is seen.
            vec![
                "kind=pickle",
                "truncated=true",
                "model.imports.0=os.system",
                "! a pickle imports os.system",
            ],
        ),
        (
            "long_text",
            pickle().raw(b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f").global("os", "system"),
            limits.clone(),
            vec!["not ours"],
        ),
        (
            "length_past_the_end",
            pickle().global("os", "system").raw(b"\x8e\0\0\0\0\0\0\0\x80"),
            limits.clone(),
            vec!["! a pickle imports os.system", "! bytes wanted"],
        ),
        (
            "underflow",
            pickle().global("os", "system").raw(b"RRR"),
            limits.clone(),
            vec!["! a pickle imports os.system", "! takes more from its stack than is there"],
        ),
        (
            // A list of arguments that gets the result of the call: a parameter that wraps itself.
            "circle",
            pickle()
                .raw(b"}")
                .text("w")
                .global("torch._utils", "_rebuild_parameter")
                .raw(b"]q\x00Rq\x010h\x00h\x01a0h\x01s"),
            limits.clone(),
            vec!["kind=pickle", "model.imports.0=torch._utils._rebuild_parameter"],
        ),
        (
            "after_the_end",
            pickle().global("os", "getcwd").raw(b")R.more"),
            limits.clone(),
            vec!["! a pickle imports os.getcwd", "! bytes follow the pickle"],
        ),
        (
            "instructions",
            pickle().global("os", "system").raw(&b"N0".repeat(100)),
            Limits { instructions: 50, ..limits },
            vec!["truncated=true", "! a pickle imports os.system", "! more than 50 pickle instructions"],
        ),
    ] {
        check_within(name, &file.build(), &limits, &expected);
    }
}
