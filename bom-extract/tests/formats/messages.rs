//! Protobuf messages and flatbuffers.

use bom_testkit::synth::{
    Slot, arrow, catboost, coreml, executorch, flatbuffer, message, mnn, number, onnx_runtime,
    paddle_parameters, paddle_program, paddle_tensor, saved_model, sentencepiece, tensorflow_const,
    tensorflow_graph, tensorflow_node, tflite,
};

use crate::check::check;

#[test]
fn reads_messages() {
    let graph = tensorflow_graph(&[
        tensorflow_const("w", 1, &[3, 4]),
        tensorflow_const("axes", 3, &[100]),
        tensorflow_node("call", "PyFunc"),
    ]);
    for (name, file, expected) in [
        (
            "sentencepiece",
            sentencepiece(&["<unk>", "<s>", "</s>", "a"], 1),
            vec![
                "kind=sentencepiece",
                "model.role=tokenizer",
                "model.architecture=unigram",
                "model.hyperparameters.vocab_size=4",
                "model.hyperparameters.normalizer=nmt_nfkc",
            ],
        ),
        (
            "coreml",
            coreml(500),
            vec![
                "kind=coreml",
                "model.format_version=7",
                "model.architecture=neuralNetwork",
                "model.author=somebody",
                "model.license=MIT",
                "model.claimed.source=torch==2.3",
                "model.claimed.version=1.2",
            ],
        ),
        (
            "graph",
            graph.clone(),
            vec![
                "kind=tf-graph",
                "model.format_version=1395",
                "model.parameter_count=12",
                "model.dtype=DT_FLOAT",
                "model.hyperparameters.node_count=3",
                "! the operator PyFunc reaches out of the graph",
            ],
        ),
        (
            "saved_model",
            saved_model(&graph),
            vec![
                "kind=tf-saved-model",
                "model.producer_version=2.16.1",
                "model.hyperparameters.tags=serve",
                "model.hyperparameters.signatures=serving_default",
                // The weights are in other files.
                "no model.parameter_count",
                "! the operator PyFunc reaches out of the graph",
            ],
        ),
        (
            "shape_past_64_bits",
            tensorflow_graph(&[tensorflow_const("w", 1, &[1 << 40, 1 << 40])]),
            vec!["kind=tf-graph", "no model.parameter_count"],
        ),
        (
            "paddle",
            paddle_program(&[("w", paddle_tensor(5, &[3, 4])), ("n", paddle_tensor(3, &[9]))]),
            vec![
                "kind=paddle",
                "model.format_version=2006000",
                "model.parameter_count=12",
                "model.tensor_count=2",
                "model.dtype=FP32",
                "model.hyperparameters.operators=1",
            ],
        ),
        (
            "paddle_cut",
            paddle_program(&[("w", paddle_tensor(5, &[3, 4]))])[..30].to_vec(),
            vec![
                "kind=paddle",
                "model.format=paddle",
                "no model.parameter_count",
                "no model.hyperparameters",
                "! field 1 length",
                "! field 3 length",
                "! field 2 length",
            ],
        ),
        (
            "paddle_parameters",
            paddle_parameters(&[(paddle_tensor(5, &[3, 4]), 48), (paddle_tensor(4, &[2]), 4)]),
            vec!["kind=paddle-parameters", "model.parameter_count=14", "model.dtype=FP32"],
        ),
        (
            "paddle_parameters_lie",
            paddle_parameters(&[(paddle_tensor(5, &[1 << 61]), 48)]),
            vec!["no model.parameter_count", "! 9223372036854775808 bytes wanted"],
        ),
        (
            "paddle_parameters_past_64_bits",
            paddle_parameters(&[(paddle_tensor(5, &[1 << 63]), 48)]),
            vec!["no model.parameter_count", "! cannot be told"],
        ),
        (
            "paddle_parameters_cut",
            paddle_parameters(&[(paddle_tensor(5, &[100]), 48)]),
            vec!["no model.parameter_count", "! left in the file"],
        ),
    ] {
        check(name, &file, &expected);
    }
}

#[test]
fn reads_flatbuffers() {
    for (name, file, expected) in [
        (
            "tflite",
            tflite(&[]),
            vec![
                "kind=tflite",
                "model.format_version=3",
                "model.name=Corpus",
                "model.author=somebody",
                "model.license=Apache-2.0",
                // 3 × 4 and 2 × 5; the shape is no weight, the input has no data.
                "model.parameter_count=22",
                "model.tensor_count=4",
                "model.dtype=FLOAT32",
                "model.claimed.min_runtime_version=2.2.0",
                "model.claimed.description=Converted.",
                "model.claimed.graph.name=main",
            ],
        ),
        ("tflite_custom", tflite(&["Mine"]), vec!["kind=tflite", "! need a native plug-in: Mine"]),
        (
            "executorch",
            executorch(),
            vec![
                "kind=executorch",
                "model.hyperparameters.methods=forward",
                "model.hyperparameters.delegates=XnnpackBackend",
            ],
        ),
        (
            "onnx_runtime",
            onnx_runtime(),
            vec![
                "kind=onnx-runtime",
                "model.format_version=6",
                "model.producer=pytorch",
                "model.hyperparameters.ir_version=9",
                "model.claimed.owner=somebody",
            ],
        ),
        (
            "mnn",
            mnn(&["conv"], &["x", "y"]),
            vec![
                "kind=mnn",
                "model.hyperparameters.operators=1",
                "model.hyperparameters.tensors=2",
                "model.claimed.source=onnx",
                "model.claimed.mnn_uuid=0000-uuid",
            ],
        ),
        (
            "catboost",
            catboost(3),
            vec![
                "kind=catboost",
                "model.hyperparameters.num_trees=3",
                "model.hyperparameters.float_features=3",
                "model.producer_version=1.2.10",
                "model.claimed.model_guid=0-1-2",
                "no model.claimed.params",
            ],
        ),
        (
            "arrow",
            arrow(&["text", "label"], false),
            vec![
                "kind=arrow",
                "model.role=dataset",
                "model.format_version=stream",
                "model.hyperparameters.columns=2",
                "model.hyperparameters.column_names=text, label",
                "model.claimed.huggingface={\"info\": {}}",
            ],
        ),
        ("arrow_file", arrow(&["text"], true), vec!["kind=arrow", "model.format_version=file"]),
        ("root_leads_nowhere", b"\xff\xff\xff\x7fTFL3".to_vec(), vec!["kind=tflite", "! leads nowhere"]),
        ("root_is_itself", b"\0\0\0\0TFL3\0\0\0\0".to_vec(), vec!["kind=tflite", "! leads nowhere"]),
        (
            "list_is_longer_than_the_file",
            {
                let mut file =
                    flatbuffer(b"TFL3", &[Slot::U32(3), Slot::None, Slot::None, Slot::U32s(vec![7])]);
                let at = file.len() - 8;
                file[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
                file
            },
            vec!["kind=tflite", "! a list of 4294967295 elements does not fit"],
        ),
        (
            "core_is_longer_than_the_file",
            {
                let mut file = catboost(1);
                file[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
                file
            },
            vec!["kind=catboost", "model.hyperparameters.num_trees=1", "! core length 4294967295 exceeds"],
        ),
    ] {
        check(name, &file, &expected);
    }
}

/// A list whose entries all lead to one table: visited as often as the limit allows, not as often as it says.
#[test]
fn many_offsets_to_one_place_cost_no_more_than_the_limits() {
    let mut file = tflite(&[]);
    let names = file.windows(4).position(|window| window == b"main").expect("a graph");
    file.truncate(names + 8);
    let found =
        bom_extract::extract(&file, &bom_extract::Limits::default()).expect("memory is always readable");
    assert!(found.is_some());
}

#[test]
fn leaves_other_messages_alone() {
    let piece = |text: &[u8]| message(1, text);
    for (name, file) in [
        // Any message whose first field is a message with a text first.
        ("two_texts", message(1, &[piece(b"name"), message(2, b"op")].concat())),
        ("nodes_without_versions", message(1, &tensorflow_node("a", "Add"))),
        ("nodes_in_small_letters", tensorflow_graph(&[tensorflow_node("a", "add two")])),
        ("pieces_without_a_trainer", {
            let file = sentencepiece(&["<unk>", "a"], 1);
            let end = file.windows(10).position(|window| window == b"corpus.txt").expect("a trainer");
            file[..end - 4].to_vec()
        }),
        ("description_without_a_model", [number(1, 5), message(2, b"\x0a\x00")].concat()),
        ("strange_kind_of_model", coreml(777)),
        ("schema_version_alone", number(1, 1)),
        ("graph_without_information", [number(1, 1), message(2, b"")].concat()),
        ("zeros", vec![0; 256]),
        ("mnn_without_operators", mnn(&[], &["x"])),
        ("mnn_without_names", mnn(&["conv"], &[])),
        ("mnn_with_control_characters", mnn(&["conv"], &["\u{1}"])),
        ("flatbuffer_of_nobody", flatbuffer(b"", &[Slot::U32(1), Slot::Text("x".to_owned())])),
    ] {
        check(name, &file, &["not ours"]);
    }
}
