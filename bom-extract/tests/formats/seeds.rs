//! One small file of each format and encoding: where the laws start from.

use bom_testkit::synth::{self, Node, Text};

/// A `config.json` of transformers.
pub(crate) const MODEL_CONFIG: &str = r#"{
  "architectures": ["Qwen2ForCausalLM"],
  "model_type": "qwen2",
  "hidden_size": 896,
  "max_position_embeddings": 32768,
  "num_hidden_layers": 24,
  "quantization_config": {"quant_method": "gptq", "bits": 4},
  "torch_dtype": "bfloat16",
  "transformers_version": "4.51.3"
}"#;
pub(crate) const ADAPTER_CONFIG: &str = r#"{"alpha_pattern": {}, "auto_mapping": null,
 "base_model_name_or_path": "org/base", "lora_alpha": 32, "peft_type": "LORA", "r": 16, "revision": "0a1b",
 "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"}"#;
pub(crate) const WEIGHTS_INDEX: &str = r#"{"metadata": {"total_size": 988097824, "total_parameters": 494032768},
 "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors",
 "c": "model-00002-of-00002.safetensors"}}"#;
pub(crate) const TOKENIZER: &str = r#"{"version": "1.0", "truncation": null, "padding": null,
 "added_tokens": [{"id": 0, "content": "<s>", "special": true}], "normalizer": null, "pre_tokenizer": null,
 "post_processor": null, "decoder": null, "model": {"type": "BPE", "vocab": {"<s>": 0, "a": 1, "b": 2},
 "merges": ["a b"]}}"#;
pub(crate) const TOKENIZER_CONFIG: &str = r#"{"add_bos_token": false, "chat_template":
 "{% for message in messages %}{{ message['role'] }}{% endfor %}", "eos_token": "</s>", "model_max_length": 131072,
 "tokenizer_class": "Qwen2Tokenizer"}"#;
pub(crate) const XGBOOST: &str = r#"{"learner":{"attributes":{},"gradient_booster":{"model":{"gbtree_model_param":
 {"num_trees":"3"},"trees":[{},{},{}]},"name":"gbtree"},"learner_model_param":{"num_class":"0","num_feature":"4"},
 "objective":{"name":"binary:logistic"}},"version":[3,2,0]}"#;
pub(crate) const MCP: &str = r#"{"mcpServers": {
 "files": {"command": "npx", "args": ["-y", "server", "--token=secret-argument"], "env": {"KEY": "secret-variable"}},
 "remote": {"type": "http", "url": "https://user:secret@mcp.example.com:8443/path?key=secret-query"}}}"#;
pub(crate) const SPACY: &str = r#"{"lang":"en","name":"core_web_sm","version":"3.8.0","spacy_version":">=3.8.0,<3.9.0",
 "description":"English","author":"Explosion","email":"","license":"MIT","pipeline":["tok2vec","tagger"],
 "components":["tok2vec","tagger","senter"],"vectors":{"width":0,"vectors":0}}"#;
pub(crate) const SPACY_CONFIG: &str = "[paths]\ntrain = null\n\n[nlp]\nlang = \"en\"\npipeline = [\"tok2vec\",\"ner\"]\n\n\
    [components]\n\n[components.ner]\nfactory = \"ner\"\n\n[components.tok2vec]\nfactory = \"tok2vec\"\n";
pub(crate) const NEMO: &str = "name: tiny\ntarget: nemo.collections.asr.models.EncDecCTCModel\nnemo_version: 2.3.0\nsub:\n  target: x\n";
pub(crate) const CHROMA: &[&str] = &[
    "CREATE TABLE migrations (dir TEXT NOT NULL)",
    "CREATE TABLE embeddings_queue (seq_id INTEGER PRIMARY KEY)",
    "CREATE TABLE collection_metadata (collection_id TEXT)",
    "CREATE TABLE embedding_metadata (id INTEGER)",
];
/// As CPython writes `[collections.OrderedDict, 1]` with protocol 0.
pub(crate) const PICKLE_0: &[u8] = b"(lp0\nccollections\nOrderedDict\np1\naI1\na.";
pub(crate) const PACKAGE: &str = r#"{"fileFormatVersion": "1.0.0", "itemInfoEntries": {"A": {"author":
 "com.apple.CoreML", "path": "com.apple.CoreML/model.mlmodel"}}, "rootModelIdentifier": "A"}"#;
pub(crate) const PADDLE: &str =
    r#"{"base_code":{"magic":"pir","trainable":true,"version":4},"program":{"regions":[]}}"#;
pub(crate) const CATBOOST: &str = r#"{"features_info":{"float_features":[]},"model_info":{"model_guid":"0-1",
 "catboost_version_info":"Git info:\n    Branch: tags/v1.2.10\n"},"oblivious_trees":[{},{}]}"#;
pub(crate) const LIGHTGBM: &str = "tree\nversion=v4\nnum_class=3\nnum_tree_per_iteration=3\nmax_feature_idx=2\n\
    objective=multiclass num_class:3\naverage_output\ntree_sizes=10 11 12\n\nTree=0\nnum_leaves=2\n";
pub(crate) const NCNN: &str = "7767517\n2 2\nInput data 0 1 data 0=3\nConvolution conv 1 1 data out 0=16\n";
pub(crate) const OPENVINO: &str = r#"<?xml version="1.0"?>
<net name="Model0" version="11">
	<layers>
		<layer id="0" name="x" type="Parameter" version="opset1"><data shape="1,4" element_type="f32" /></layer>
		<layer id="1" name="w" type="Const" version="opset1">
			<data element_type="f16" shape="4, 3" offset="0" size="24" />
		</layer>
	</layers>
	<rt_info><Runtime_version value="2026.4.1" />
		<conversion_parameters><framework value="onnx" /></conversion_parameters></rt_info>
</net>
"#;
pub(crate) const SKILL: &str = "---\nname: pdf-forms\ndescription: >\n  Fills forms\n  in PDF files.\nlicense: MIT\nallowed-tools: [Read, Bash]\n---\n# Do\n";
pub(crate) const CARD: &str = "---\nlicense: apache-2.0\nbase_model:\n- org/base\n- org/other\nlibrary_name: transformers\n\
    tags:\n- text\n---\n# Model\n";
pub(crate) const TEMPLATE: &str =
    "{%- for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] }}{%- endfor %}";

/// The ranks of the 256 bytes and a few more tokens.
pub(crate) fn tiktoken(lines: usize) -> Vec<u8> {
    (0..lines)
        .flat_map(|rank| format!("{}== {rank}\n", ["IQ", "Ig", "Iw", "JA"][rank % 4]).into_bytes())
        .collect()
}

pub(crate) fn keras_hdf5() -> Vec<u8> {
    let config = r#"{"class_name": "Sequential", "config": {"name": "net", "layers": [{}, {}]}}"#;
    let layer =
        synth::hdf5_group(vec![("kernel", Node::Floats(vec![4, 3])), ("bias", Node::Floats(vec![3]))]);
    let moments = synth::hdf5_group(vec![("m", Node::Floats(vec![4, 3]))]);
    synth::hdf5(&synth::hdf5_root(
        vec![
            ("keras_version", Text::Fixed("3.15.1".to_owned())),
            ("backend", Text::Fixed("jax".to_owned())),
            ("model_config", Text::Variable(config.to_owned())),
        ],
        vec![("model_weights", synth::hdf5_group(vec![("dense", layer)])), ("optimizer_weights", moments)],
    ))
}

pub(crate) fn keras() -> synth::Zip {
    let weights = synth::hdf5(&synth::hdf5_group(vec![(
        "layers",
        synth::hdf5_group(vec![("dense", Node::Floats(vec![4, 3]))]),
    )]));
    synth::zip()
        .stored("metadata.json", br#"{"keras_version": "3.15.1", "date_saved": "2026-01-02@03:04:05"}"#)
        .stored(
            "config.json",
            br#"{"module": "keras", "class_name": "Functional", "config": {"name": "net", "layers": [{}]}}"#,
        )
        .stored("model.weights.h5", &weights)
}

pub(crate) fn skops() -> synth::Zip {
    synth::zip().stored("1.npy", &synth::npy("'<f8'", "(1,)", &[0; 8])).deflated(
        "schema.json",
        br#"{"__class__": "Pipeline", "__module__": "sklearn.pipeline", "__loader__": "ObjectNode", "content": {},
            "protocol": 2, "_skops_version": "0.16.0"}"#,
    )
}

pub(crate) fn state() -> Vec<u8> {
    synth::pickle()
        .state(&[
            ("a.weight", "FloatStorage", &[4, 6]),
            ("b.weight", "HalfStorage", &[8]),
            ("n", "LongStorage", &[]),
        ])
        .build()
}

pub(crate) fn llamafile() -> Vec<u8> {
    synth::zip()
        .stored(".args", b"-m\n")
        .stored("model.gguf", &synth::gguf().build())
        .front(b"MZqFpD='\n\n")
        .build()
}

fn engine_of_ultralytics() -> Vec<u8> {
    let json = br#"{"author":"U","version":"8.3","license":"AGPL-3.0"}"#;
    [&(json.len() as u32).to_le_bytes()[..], json, b"ftrt"].concat()
}

/// Name and file.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("safetensors", synth::safetensors().build()),
        ("gguf", synth::gguf().build()),
        ("gguf_big_endian", synth::gguf().version(1).big_endian().build()),
        ("gguf_nested", synth::gguf().nested("a", 5).build()),
        (
            "onnx",
            synth::onnx().nested(2, 1, &[3], 12).external("w", 1, &[9], "w.bin").function("F", "f").build(),
        ),
        ("elf", synth::elf().interp("/lib/ld.so").build()),
        ("elf_big_endian", synth::elf().narrow().big_endian().build()),
        (
            "elf_symbols",
            synth::elf().imported("free").exported("ggml_init").exported("OrtGetApiBase").build(),
        ),
        ("elf_old_hash", synth::elf().narrow().exported("Py_BytesMain").sysv_hash().no_gnu_hash().build()),
        (
            "go_program",
            synth::built()
                .go("go1.22.1", &synth::go_modules(&["mod\ta\tv1\th1:", "dep\tb\tv2\th1:", "=>\tc\tv3"]), 16)
                .build(),
        ),
        (
            "rust_program",
            synth::built().auditable(r#"{"packages":[{"name":"a","version":"1","root":true}]}"#).build(),
        ),
        ("script", text("#!/usr/bin/env python3\n")),
        (
            "jar",
            synth::zip()
                .stored("a/A.class", b"")
                .deflated("META-INF/maven/a/b/pom.properties", b"groupId=a\nartifactId=b\nversion=1\n")
                .build(),
        ),
        ("pytorch", synth::torch_zip(&state()).build()),
        ("torchscript", synth::torch_zip(&state()).stored("model/constants.pkl", &state()).build()),
        (
            "torch_export",
            synth::zip().stored("m/archive_format", b"pt2").stored("m/data/aotinductor/m.so", b"").build(),
        ),
        (
            "torchserve",
            synth::zip()
                .stored("MAR-INF/MANIFEST.json", br#"{"model": {"modelName": "m", "handler": "h.py"}}"#)
                .build(),
        ),
        ("pytorch_legacy", synth::torch_legacy(&state(), &["0", "1", "2"])),
        ("pickle", synth::pickle().global("builtins", "eval").text("1").raw(b"\x85R").build()),
        ("joblib", synth::joblib(3, 24)),
        ("skops", skops().build()),
        ("keras", keras().build()),
        ("keras_hdf5", keras_hdf5()),
        ("npy", synth::npy("'<f4'", "(3, 4)", &[0; 48])),
        (
            "npz",
            synth::zip()
                .stored("a.npy", &synth::npy("'<f4'", "(2,)", &[0; 8]))
                .deflated("b.npy", &synth::npy("'<f4'", "(3,)", &[0; 12]))
                .build(),
        ),
        ("llamafile", llamafile()),
        ("tflite", synth::tflite(&["Custom"])),
        ("executorch", synth::executorch()),
        ("onnx_runtime", synth::onnx_runtime()),
        ("mnn", synth::mnn(&["conv", "relu"], &["x", "y"])),
        ("catboost", synth::catboost(3)),
        ("arrow_stream", synth::arrow(&["text", "label"], false)),
        ("arrow_file", synth::arrow(&["text", "label"], true)),
        ("parquet", synth::parquet(&["text", "label"], 1000)),
        ("sentencepiece", synth::sentencepiece(&["<unk>", "<s>", "a"], 2)),
        ("coreml", synth::coreml(502)),
        ("tensorflow_graph", synth::tensorflow_graph(&[synth::tensorflow_const("w", 1, &[3, 4])])),
        (
            "saved_model",
            synth::saved_model(&synth::tensorflow_graph(&[synth::tensorflow_node("r", "ReadFile")])),
        ),
        ("paddle", synth::paddle_program(&[("w", synth::paddle_tensor(5, &[3, 4]))])),
        ("paddle_parameters", synth::paddle_parameters(&[(synth::paddle_tensor(5, &[3, 4]), 48)])),
        ("tf_checkpoint", synth::tf_checkpoint(1, &[("a/kernel", &[3, 4]), ("b", &[])])),
        (
            "nemo",
            synth::tar(&[("./model_config.yaml", NEMO.as_bytes()), ("./model_weights.ckpt", b"weights")]),
        ),
        (
            "nemo_packed",
            synth::gzip(&synth::tar(&[
                ("./model_config.yaml", NEMO.as_bytes()),
                ("./model_weights.ckpt", b"weights"),
            ])),
        ),
        ("lance", synth::lance(&["id", "vector"], &[], 1000)),
        ("lance_manifest", synth::lance_message(b"about")),
        ("chroma", synth::sqlite_schema(CHROMA)),
        ("faiss", synth::faiss(b"IxF2", 16, 4, 1)),
        ("hnswlib", synth::hnswlib(3, 10, 16, 32)),
        ("usearch", synth::usearch(10, 32, 8)),
        ("ctranslate2", synth::ctranslate2("WhisperSpec", &[("w", &[2, 3], 0, 24), ("q", &[10], 1, 10)])),
        ("fasttext", synth::fasttext(3, 2)),
        ("whisper", synth::whisper()),
        ("ggjt", synth::ggjt(b"tjgg", 3)),
        ("flax", synth::flax()),
        ("xgboost_binary", synth::xgboost_binary()),
        ("xgboost_ubjson", synth::xgboost_ubjson()),
        ("tensorrt", text("ftrt\0\0\0\0")),
        ("tensorrt_described", engine_of_ultralytics()),
        ("ncnn", text(NCNN)),
        ("ncnn_binary", synth::u32s(&[7_767_517, 1, 1, 16, 0, 1])),
        ("lightgbm", text(LIGHTGBM)),
        ("openvino", text(OPENVINO)),
        ("tiktoken", tiktoken(300)),
        ("model_config", text(MODEL_CONFIG)),
        ("adapter_config", text(ADAPTER_CONFIG)),
        ("weights_index", text(WEIGHTS_INDEX)),
        ("tokenizer", text(TOKENIZER)),
        ("tokenizer_config", text(TOKENIZER_CONFIG)),
        ("xgboost", text(XGBOOST)),
        ("mcp", text(MCP)),
        ("spacy", text(SPACY)),
        ("spacy_config", text(SPACY_CONFIG)),
        ("pickle_protocol_0", PICKLE_0.to_vec()),
        ("coreml_package", text(PACKAGE)),
        ("paddle_json", text(PADDLE)),
        ("catboost_json", text(CATBOOST)),
        ("skill", text(SKILL)),
        ("card", text(CARD)),
        ("template", text(TEMPLATE)),
    ]
}
