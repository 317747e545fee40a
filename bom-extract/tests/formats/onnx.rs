use bom_extract::Limits;
use bom_testkit::synth::onnx;

use crate::check::{check, check_within};

#[test]
fn reads_valid_files() {
    for (name, file, expected) in [
        (
            "default",
            onnx(),
            vec![
                "kind=onnx",
                "truncated=false",
                "model.format_version=8",
                "model.producer=pytorch",
                "model.producer_version=2.1",
                "model.parameter_count=6",
                "model.tensor_count=1",
                "model.dtype=FLOAT",
                "model.hyperparameters.opset.ai.onnx=17",
                "model.hyperparameters.node_count=1",
                "model.hyperparameters.inputs=x",
                "model.hyperparameters.outputs=y",
                "model.claimed.graph.name=main_graph",
                "model.claimed.author=somebody",
                "no model.quantization",
                "no model.external_files",
            ],
        ),
        // Seen in the field: weights in `Constant` nodes, no producer.
        (
            "weights_in_constants",
            onnx().producer("", "").no_initializers().constant(1, &[5, 5], 100),
            vec!["model.parameter_count=25", "no model.producer"],
        ),
        ("weights_in_subgraphs", onnx().nested(3, 10, &[7], 14), vec!["model.parameter_count=13"]),
        (
            "packed_dims",
            onnx().packed_dims().initializer("p", 1, &[300, 2], 8),
            vec!["model.parameter_count=606"],
        ),
        (
            "shapes_are_no_parameters",
            onnx().initializer("shape", 7, &[4], 32),
            vec!["model.parameter_count=6", "model.tensor_count=2"],
        ),
        (
            "large_weight_is_stepped_over",
            onnx().initializer("big", 1, &[1 << 20], 4 << 20),
            vec!["model.parameter_count=1048582"],
        ),
        (
            "weights_in_another_file",
            onnx().external("w", 1, &[1000], "model.onnx_data").external("v", 1, &[10], "model.onnx_data"),
            vec!["model.external_files.0=model.onnx_data", "model.parameter_count=1016"],
        ),
        ("quantised", onnx().node("DequantizeLinear", ""), vec!["model.quantization=qdq"]),
        ("blocks", onnx().node("MatMulNBits", "com.microsoft"), vec!["model.quantization=block-n-bits"]),
        ("dominant_type", onnx().initializer("q", 3, &[1000], 1000), vec!["model.dtype=INT8"]),
        ("adapter", onnx().no_initializers().initializer("q.lora_A", 1, &[2], 8), vec!["model.role=adapter"]),
        (
            "function_of_its_own",
            onnx().opset("my.lib", 1).function("F", "my.lib").node("F", "my.lib"),
            vec!["model.hyperparameters.opset.my.lib=1", "model.hyperparameters.node_count=3"],
        ),
        // An unknown field must be stepped over, whatever its wire type.
        (
            "unknown_fields",
            onnx().append(b"\xf9\x07abcdefgh\xfd\x07abcd\xf8\x07\x01"),
            vec!["model.parameter_count=6"],
        ),
    ] {
        check(name, &file.build(), &expected);
    }
}

#[test]
fn leaves_other_files_alone() {
    for (name, bytes) in [
        ("cut_before_the_graph", onnx().cut(10).build()),
        ("no_graph", onnx().no_graph().build()),
        ("no_opset", onnx().no_opset().build()),
        ("ir_version_1_is_a_saved_model", onnx().ir_version(1).build()),
        ("ir_version_1000", onnx().ir_version(1000).build()),
        ("backspaces", vec![8; 100]),
        // CoreML: version, then a description message.
        ("core_ml", b"\x08\x05\x12\x0a\x0a\x08\x0a\x05image\x1a\x00\xb2\x1f\x02\x0a\x00".to_vec()),
        // A graph of nothing we know.
        ("strange_graph", b"\x08\x08\x3a\x02\x78\x01\x42\x02\x10\x11".to_vec()),
    ] {
        check(name, &bytes, &["not ours"]);
    }
}

#[test]
fn survives_hostile_messages() {
    for (name, file, expected) in [
        (
            "graph_longer_than_file",
            onnx().graph_length(1 << 40),
            // What comes after the graph is inside it now; nothing is counted as complete.
            vec!["! field 7 length 1099511627776 exceeds", "! missing-field", "no model.parameter_count"],
        ),
        ("cut_in_the_graph", onnx().cut(40), vec!["! field 7", "! missing-field", "! field 2 length 10"]),
        (
            "varint_without_end",
            onnx().append(&[0xff; 20]),
            vec!["! a varint does not fit in 64 bits", "no model.parameter_count"],
        ),
        ("group", onnx().append(&[0x73]), vec!["! field 14 has the wire type 3"]),
        ("field_0", onnx().append(&[0x00, 0x00]), vec!["! field number 0"]),
        (
            "two_graphs",
            onnx().append(b"\x3a\x02\x0a\x00"),
            vec!["! the model has two graphs", "model.hyperparameters.node_count=1"],
        ),
        (
            "duplicate_property",
            onnx().property("author", "me"),
            vec!["! metadata property author appears twice"],
        ),
        (
            "custom_operator",
            onnx().node("Steal", "evil.ops").node("Steal", "evil.ops"),
            vec!["! custom-operator-domain at offset", "model.hyperparameters.node_count=3"],
        ),
        ("almost_known_domain", onnx().node("A", "com.microsoftish"), vec!["! com.microsoftish need"]),
        (
            "path_up",
            onnx().external("w", 1, &[1], "a/../../etc/passwd"),
            vec!["! named by the path a/../../etc"],
        ),
        ("path_absolute", onnx().external("w", 1, &[1], "/etc/passwd"), vec!["! external-path-escapes"]),
        ("path_windows", onnx().external("w", 1, &[1], "C:weights"), vec!["! external-path-escapes"]),
        ("path_backslash", onnx().external("w", 1, &[1], "a\\..\\b"), vec!["! external-path-escapes"]),
        ("path_url", onnx().external("w", 1, &[1], "https://a.example/w"), vec!["! external-path-escapes"]),
        (
            "path_with_dots_in_a_name",
            onnx().external("w", 1, &[1], "model..data"),
            vec!["model.external_files.0=model..data"],
        ),
        (
            "dimensions_overflow",
            onnx().initializer("w", 1, &[1 << 40, 1 << 40], 4),
            vec!["! arithmetic-overflow", "no model.parameter_count", "model.tensor_count=2"],
        ),
        (
            "sum_overflows",
            onnx().initializer("w", 1, &[1 << 63], 4).initializer("v", 1, &[1 << 63], 4),
            vec!["no model.parameter_count", "model.tensor_count=3"],
        ),
        (
            "negative_dimension",
            onnx().initializer("w", 1, &[u64::MAX, 2], 4),
            vec!["! arithmetic-overflow", "no model.parameter_count"],
        ),
        (
            "unknown_type",
            onnx().initializer("w", 99, &[2], 4),
            vec!["! tensor type 99", "no model.parameter_count"],
        ),
        (
            "graphs_too_deep",
            onnx().nested(40, 1, &[1], 4),
            vec!["truncated=true", "! graphs are nested deeper than 32", "no model.parameter_count"],
        ),
        (
            "long_property",
            onnx().property("character", &"字".repeat(5000)),
            vec!["! a metadata property of 15000 bytes is kept up to 4096 bytes"],
        ),
    ] {
        check(name, &file.build(), &expected);
    }
}

#[test]
fn stops_at_its_limits() {
    let file = onnx().initializer("v", 1, &[2], 8).build();
    let limits = Limits::default();
    for (name, limits, expected) in [
        ("graph_tensors", Limits { graph_tensors: 1, ..limits.clone() }, vec!["! more than 1 tensors"]),
        ("depth", Limits { depth: 0, ..limits.clone() }, vec!["! graphs are nested deeper than 0"]),
    ] {
        let expected = [&["truncated=true", "no model.parameter_count"], &expected[..]].concat();
        check_within(name, &file, &limits, &expected);
    }
    // Too little to prove the format: not recognised rather than guessed.
    check_within("read_bytes", &file, &Limits { read_bytes: 20, ..limits }, &["not ours"]);
}
