//! JSON and text: each format by keys that only it has together, and ordinary documents left alone.

use bom_extract::Limits;

use crate::check::{check, check_within};
use crate::seeds::{self, tiktoken};

#[test]
fn reads_json() {
    for (name, file, expected) in [
        (
            "model_config",
            seeds::MODEL_CONFIG,
            vec![
                "kind=model-config",
                "model.role=configuration",
                "model.architecture=Qwen2ForCausalLM",
                "model.context_length=32768",
                "model.dtype=bfloat16",
                "model.quantization=gptq-4bit",
                "model.producer=transformers",
                "model.producer_version=4.51.3",
                "model.hyperparameters.hidden_size=896",
                "model.claimed.model_type=qwen2",
                "no model.parameter_count",
            ],
        ),
        (
            "remote_code",
            r#"{"model_type": "x", "architectures": ["X"], "auto_map": {"AutoModel": "modeling_x.X"}}"#,
            vec!["kind=model-config", "! auto_map.AutoModel names the program modeling_x.X"],
        ),
        (
            "diffusers",
            r#"{"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.30.0", "sample_size": 64}"#,
            vec![
                "kind=model-config",
                "model.architecture=UNet2DConditionModel",
                "model.producer_version=0.30.0",
            ],
        ),
        (
            "adapter_config",
            seeds::ADAPTER_CONFIG,
            vec![
                "kind=adapter-config",
                "model.role=configuration",
                "model.base_models.0=org/base",
                "model.architecture=LORA",
                "model.hyperparameters.r=16",
                "model.hyperparameters.target_modules=q_proj, v_proj",
                "model.claimed.revision=0a1b",
            ],
        ),
        (
            "index",
            seeds::WEIGHTS_INDEX,
            vec![
                "kind=weights-index",
                "model.role=configuration",
                "model.parameter_count=494032768",
                "model.tensor_count=3",
                "model.external_files.0=model-00001-of-00002.safetensors",
                "model.external_files.1=model-00002-of-00002.safetensors",
                "model.hyperparameters.total_size=988097824",
            ],
        ),
        (
            "index_that_leaves",
            r#"{"weight_map": {"a": "../../other/model.safetensors"}}"#,
            vec!["kind=weights-index", "! weights are named by the path ../../other/model.safetensors"],
        ),
        (
            "tokenizer",
            seeds::TOKENIZER,
            vec![
                "kind=tokenizer-json",
                "model.role=tokenizer",
                "model.architecture=BPE",
                "model.format_version=1.0",
                "model.hyperparameters.vocab_size=3",
                "model.hyperparameters.merges=1",
                "model.hyperparameters.added_tokens=1",
            ],
        ),
        (
            "tokenizer_config",
            seeds::TOKENIZER_CONFIG,
            vec![
                "kind=tokenizer-config",
                "model.role=tokenizer",
                "model.architecture=Qwen2Tokenizer",
                "model.context_length=131072",
                "model.templates.chat_template.bytes=62",
            ],
        ),
        (
            "no_longest_input",
            r#"{"tokenizer_class": "T", "model_max_length": 1000000000000000019884624838656, "unk_token": "<unk>"}"#,
            vec!["kind=tokenizer-config", "no model.context_length"],
        ),
        (
            "named_templates",
            r#"{"tokenizer_class": "T", "chat_template": [{"name": "default", "template": "a"},
                {"name": "rag", "template": "{{ x.__class__ }}"}]}"#,
            vec![
                "model.templates.chat_template.default.bytes=1",
                "model.templates.chat_template.rag.bytes=17",
                "! chat_template.rag contains __class__",
            ],
        ),
        (
            "template_alone",
            r#"{"chat_template": "\u00e9\ud83d\ude00\n"}"#,
            // Escapes are resolved: the digest is that of the text.
            vec!["kind=chat-template", "model.role=prompt", "model.templates.chat_template.bytes=7"],
        ),
        (
            "xgboost",
            seeds::XGBOOST,
            vec!["kind=xgboost", "model.hyperparameters.num_trees=3", "model.producer_version=3.2.0"],
        ),
        (
            "spacy",
            seeds::SPACY,
            vec![
                "kind=spacy",
                "model.name=en_core_web_sm",
                "model.license=MIT",
                "model.author=Explosion",
                "model.hyperparameters.pipeline=tok2vec, tagger",
                "no model.claimed.email",
            ],
        ),
        (
            "mcp",
            seeds::MCP,
            vec![
                "kind=mcp-config",
                "model.role=tool-configuration",
                "model.hyperparameters.servers=2",
                "model.claimed.server.files=npx",
                "model.claimed.server.remote=https://mcp.example.com:8443",
            ],
        ),
        (
            "mcp_of_an_editor",
            r#"{"inputs": [], "servers": {"a": {"command": "uvx", "args": ["x"]}}}"#,
            vec!["kind=mcp-config", "model.claimed.server.a=uvx"],
        ),
        (
            "package",
            seeds::PACKAGE,
            vec!["kind=coreml-package", "model.external_files.0=com.apple.CoreML/model.mlmodel"],
        ),
        ("paddle", seeds::PADDLE, vec!["kind=paddle", "model.format_version=4"]),
        ("catboost", seeds::CATBOOST, vec!["kind=catboost", "model.hyperparameters.num_trees=2"]),
        (
            "of_two_values_the_last",
            r#"{"model_type": "a", "model_type": "b", "architectures": []}"#,
            vec!["model.claimed.model_type=b"],
        ),
        (
            "cut",
            &seeds::TOKENIZER[..seeds::TOKENIZER.len() - 30],
            vec!["kind=tokenizer-json", "no model.hyperparameters.vocab_size", "! left in the file"],
        ),
    ] {
        check(name, file.as_bytes(), &expected);
    }
}

/// Secrets of a list of servers are in arguments, environment and addresses; none gets out.
#[test]
fn keeps_no_secret_of_a_server() {
    let found =
        bom_extract::extract(&seeds::MCP.as_bytes(), &Limits::default()).expect("memory is always readable");
    let text = format!("{found:?}");
    assert!(text.contains("mcp.example.com") && !text.contains("secret"), "{text}");
}

#[test]
fn reads_text() {
    for (name, file, expected) in [
        (
            "lightgbm",
            seeds::LIGHTGBM.as_bytes().to_vec(),
            vec![
                "kind=lightgbm",
                "model.format_version=v4",
                "model.hyperparameters.num_class=3",
                "model.hyperparameters.num_feature=3",
                "model.hyperparameters.num_trees=3",
                "model.hyperparameters.objective=multiclass num_class:3",
            ],
        ),
        (
            "ncnn",
            seeds::NCNN.as_bytes().to_vec(),
            vec!["kind=ncnn", "model.format_version=text", "model.hyperparameters.layers=2"],
        ),
        (
            "openvino",
            seeds::OPENVINO.as_bytes().to_vec(),
            vec![
                "kind=openvino",
                "model.name=Model0",
                "model.format_version=11",
                "model.parameter_count=12",
                "model.dtype=f16",
                "model.producer_version=2026.4.1",
                "model.claimed.framework=onnx",
                "model.hyperparameters.layers=2",
            ],
        ),
        (
            "openvino_size_lies",
            seeds::OPENVINO.replace("size=\"24\"", "size=\"9999\"").into_bytes(),
            vec!["kind=openvino", "! 9999 bytes for a weight that takes 24"],
        ),
        (
            "openvino_shape_past_64_bits",
            seeds::OPENVINO.replace("4, 3", "9223372036854775807,9223372036854775807").into_bytes(),
            vec!["kind=openvino", "no model.parameter_count"],
        ),
        (
            "tiktoken",
            tiktoken(300),
            vec!["kind=tiktoken", "model.role=tokenizer", "model.hyperparameters.vocab_size=300"],
        ),
        (
            "tiktoken_with_a_gap",
            [tiktoken(300), b"IQ== 7\n".to_vec()].concat(),
            vec![
                "kind=tiktoken",
                "no model.hyperparameters.vocab_size",
                "! line 301 is no token with the next rank",
            ],
        ),
        (
            "skill",
            seeds::SKILL.as_bytes().to_vec(),
            vec![
                "kind=skill",
                "model.role=skill",
                "model.name=pdf-forms",
                "model.license=MIT",
                "model.claimed.description=Fills forms in PDF files.",
                "model.hyperparameters.allowed-tools=Read, Bash",
                "model.templates.skill.bytes=115",
            ],
        ),
        (
            "card",
            seeds::CARD.as_bytes().to_vec(),
            vec![
                "kind=model-card",
                "model.role=configuration",
                "model.license=apache-2.0",
                "model.base_models.0=org/base",
                "model.base_models.1=org/other",
                "model.claimed.library_name=transformers",
            ],
        ),
        (
            "template",
            seeds::TEMPLATE.as_bytes().to_vec(),
            vec!["kind=chat-template", "model.role=prompt", "model.templates.chat_template.bytes=99"],
        ),
        (
            "template_that_climbs",
            format!("{}{{{{ cycler.__init__.__globals__ }}}}", seeds::TEMPLATE).into_bytes(),
            vec!["kind=chat-template", "! contains __globals__", "! contains __init__"],
        ),
    ] {
        check(name, &file, &expected);
    }
}

/// Documents that look alike. A model that is none is worse than one that is missed.
#[test]
fn leaves_other_documents_alone() {
    for (name, file) in [
        (
            "package_json",
            r#"{"name": "x", "version": "1.0.0", "dependencies": {"a": "^1"}, "license": "MIT"}"#,
        ),
        ("compiler_options", r#"{"compilerOptions": {"target": "es2022"}, "files": []}"#),
        ("lock", r#"{"name": "x", "lockfileVersion": 3, "packages": {}}"#),
        ("composer", r#"{"type": "project", "model": "x", "vocab": {}}"#),
        ("a_model_of_cars", r#"{"model_type": "sedan", "doors": 4}"#),
        ("a_learner_of_languages", r#"{"learner": {"name": "x", "language": "fr"}}"#),
        ("servers_of_an_api", r#"{"openapi": "3.1.0", "servers": {"a": {"url": "https://x"}}}"#),
        ("servers_without_programs", r#"{"servers": {"a": {"weight": 1}}}"#),
        ("spacy_without_a_pipeline", r#"{"lang": "en", "name": "x", "spacy_version": "3"}"#),
        ("weights_of_people", r#"{"weight_map": {"anna": 61, "otto": 80}}"#),
        ("weights_beside_others", r#"{"weight_map": {"a": "b"}, "unit": "kg"}"#),
        ("an_array", r#"[{"model_type": "x", "architectures": []}]"#),
        ("broken", r#"{"model_type": "x" "architectures": []}"#),
        ("jinja_of_a_web_page", "{% for message in messages %}<div>{{ message.role }}</div>{% endfor %}"),
        ("jinja_of_a_list", "{% for item in items %}{{ item }}{% endfor %}"),
        ("front_matter_of_a_page", "---\ntitle: Home\nlayout: default\ntags: [a]\n---\n# Home\n"),
        ("front_matter_of_a_post", "---\nname: Ann Lee\ndescription: About me\n---\n"),
        ("front_matter_with_a_license_alone", "---\nlicense: mit\n---\n"),
        ("front_matter_without_an_end", "---\nname: x\ndescription: y\n"),
        ("markdown_rule", "---\n\n# Title\n"),
        ("yaml_documents", "---\napiVersion: v1\nkind: Pod\n---\napiVersion: v1\n"),
        ("tree", "tree\nversion=1\nnum_class=2\n"),
        ("phone_number", "7767517\n"),
        ("phone_numbers", "7767517\n7767518 7767519\nhello\n"),
        ("svg", "<?xml version=\"1.0\"?><svg version=\"1.1\"><layers/></svg>"),
        ("net_of_petri", "<net version=\"1\" name=\"x\"><place/></net>"),
        ("words_and_counts", "word 1\ntext 2\nlist 3\n"),
        ("few_ranks", "IQ== 0\nIg== 1\n"),
    ] {
        check(name, file.as_bytes(), &["not ours"]);
    }
}

#[test]
fn survives_hostile_documents() {
    let limits = Limits::default();
    let nested = |open: &str, count: usize| {
        format!("{{\"model_type\":\"x\",\"architectures\":[],\"a\":{}", open.repeat(count))
    };
    let vocabulary: Vec<String> = (0..100_000).map(|at| format!("\"{at}\":{at}")).collect();
    let large = seeds::TOKENIZER.replace("\"<s>\": 0, \"a\": 1, \"b\": 2", &vocabulary.join(","));
    let unknown = format!("{{{}}}", vocabulary.join(","));
    for (name, file, limits, expected) in [
        (
            "deep_arrays",
            nested("[", 100_000),
            limits.clone(),
            vec!["kind=model-config", "truncated=true", "! nested deeper than 512"],
        ),
        (
            "deep_objects",
            nested("{\"a\":", 100_000),
            limits.clone(),
            vec!["kind=model-config", "truncated=true", "! nested deeper than 512"],
        ),
        (
            "long_number",
            nested(&"9".repeat(1000), 1),
            limits.clone(),
            vec!["kind=model-config", "! a number of too many digits"],
        ),
        (
            "text_without_an_end",
            nested("\"x", 1),
            limits.clone(),
            vec!["kind=model-config", "! left in the file"],
        ),
        (
            "bad_escape",
            nested("\"\\x\"", 1),
            limits.clone(),
            vec!["kind=model-config", "! an escape that JSON does not have"],
        ),
        (
            "many_members",
            large.clone(),
            limits.clone(),
            vec!["kind=tokenizer-json", "model.hyperparameters.vocab_size=100000"],
        ),
        // Past what proves a format, a document of another kind is read no further.
        (
            "many_members_of_nothing",
            unknown,
            Limits { read_bytes: 400_000, ..limits.clone() },
            vec!["not ours"],
        ),
        (
            "budget",
            large,
            Limits { read_bytes: 200_000, ..limits },
            vec![
                "kind=tokenizer-json",
                "truncated=true",
                "no model.hyperparameters.vocab_size",
                "! the budget of bytes is spent",
            ],
        ),
    ] {
        check_within(name, file.as_bytes(), &limits, &expected);
    }
}
