//! Formats of fixed fields.

use bom_testkit::synth::{
    self, ctranslate2, faiss, fasttext, flax, ggjt, hnswlib, parquet, u32s, usearch, whisper, xgboost_binary,
    xgboost_ubjson,
};

use crate::{check::check, seeds};

fn with(mut file: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    file[at..at + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn reads_indexes() {
    for (name, file, expected) in [
        (
            "faiss",
            faiss(b"IHNf", 768, 4, 0),
            vec![
                "kind=faiss",
                "model.role=vector-index",
                "model.architecture=IHNf",
                "model.hyperparameters.dimension=768",
                "model.hyperparameters.vectors=4",
                "model.hyperparameters.metric=inner-product",
                "model.hyperparameters.trained=true",
            ],
        ),
        (
            "faiss_count_lies",
            faiss(b"IxF2", 8, 1 << 63, 1),
            vec!["kind=faiss", "no model.hyperparameters.vectors", "! vector count 9223372036854775808"],
        ),
        (
            "hnswlib",
            hnswlib(3, 10, 16, 32),
            vec![
                "kind=hnswlib",
                "model.role=vector-index",
                "model.hyperparameters.vectors=3",
                "model.hyperparameters.max_vectors=10",
                "model.hyperparameters.m=16",
                "model.hyperparameters.vector_bytes=32",
            ],
        ),
        (
            "usearch",
            usearch(10, 32, 8),
            vec![
                "kind=usearch",
                "model.format_version=2.26.6",
                "model.hyperparameters.dimension=8",
                "model.hyperparameters.vectors=10",
                "model.hyperparameters.metric=cosine",
            ],
        ),
        (
            "parquet",
            parquet(&["text", "label"], 1000),
            vec![
                "kind=parquet",
                "model.role=dataset",
                "model.format_version=2",
                "model.hyperparameters.rows=1000",
                "model.hyperparameters.columns=2",
                "model.hyperparameters.column_names=text, label",
                "model.producer=parquet-cpp-arrow version 26.0.1",
                "model.claimed.huggingface={\"info\": {}}",
            ],
        ),
        (
            "parquet_cut",
            parquet(&["text"], 1).split_last().expect("a byte").1.to_vec(),
            vec!["kind=parquet", "! it was cut short"],
        ),
        (
            "parquet_footer_lies",
            {
                let file = parquet(&["a"], 1);
                let at = file.len() - 8;
                with(file, at, &u32::MAX.to_le_bytes())
            },
            vec!["kind=parquet", "! footer length 4294967295 exceeds file size"],
        ),
        (
            "parquet_deep",
            // Field 9, a list of lists of lists: nothing but heads.
            {
                let deep = b"\x99".iter().chain(&b"\x19".repeat(100)).copied().collect::<Vec<u8>>();
                [&b"PAR1"[..], &deep, &(deep.len() as u32).to_le_bytes(), b"PAR1"].concat()
            },
            vec!["kind=parquet", "truncated=true", "! nested too deep"],
        ),
    ] {
        check(name, &file, &expected);
    }
}

#[test]
fn reads_models() {
    for (name, file, expected) in [
        (
            "ctranslate2",
            ctranslate2("WhisperSpec", &[("w", &[2, 3], 0, 24), ("q", &[100], 1, 100), ("heads", &[], 3, 4)]),
            vec![
                "kind=ctranslate2",
                "model.format_version=6",
                "model.architecture=WhisperSpec",
                "model.parameter_count=106",
                "model.tensor_count=3",
                "model.dtype=int8",
                "model.quantization=int8",
                "model.hyperparameters.revision=7",
            ],
        ),
        (
            "ctranslate2_size_lies",
            ctranslate2("WhisperSpec", &[("w", &[2, 3], 0, 20)]),
            vec!["kind=ctranslate2", "no model.parameter_count", "! has 20 bytes for its shape"],
        ),
        (
            "ctranslate2_count_lies",
            with(ctranslate2("WhisperSpec", &[]), 22, &u32::MAX.to_le_bytes()),
            vec!["kind=ctranslate2", "! variable count 4294967295 does not fit"],
        ),
        (
            "ctranslate2_strange_type",
            ctranslate2("WhisperSpec", &[("w", &[1], 99, 4)]),
            vec!["no model.parameter_count", "! has the unknown type 99"],
        ),
        (
            "fasttext",
            fasttext(3, 2),
            vec![
                "kind=fasttext",
                "model.architecture=supervised",
                "model.hyperparameters.dim=16",
                "model.hyperparameters.loss=hierarchical-softmax",
                "model.hyperparameters.words=3",
                "model.hyperparameters.labels=2",
            ],
        ),
        (
            "fasttext_count_lies",
            with(fasttext(3, 2), 68, &u32::MAX.to_le_bytes()),
            vec!["kind=fasttext", "no model.hyperparameters.words", "! words do not fit"],
        ),
        (
            "whisper",
            whisper(),
            vec![
                "kind=ggml",
                "model.format_version=ggml",
                "model.architecture=whisper",
                "model.dtype=F16",
                "model.hyperparameters.size=tiny",
                "model.hyperparameters.n_vocab=51865",
            ],
        ),
        (
            "llama",
            ggjt(b"tjgg", 3),
            vec![
                "kind=ggml",
                "model.format_version=ggjt 3",
                "model.architecture=llama",
                "model.quantization=Q4_0",
                "model.hyperparameters.n_layer=32",
            ],
        ),
        (
            "adapter",
            [&b"algg"[..], &u32s(&[1, 16, 32])].concat(),
            vec!["kind=ggml", "model.role=adapter", "model.hyperparameters.r=16"],
        ),
        (
            "ggml_of_something_else",
            [&b"lmgg"[..], &u32s(&[1; 11])].concat(),
            vec!["kind=ggml", "no model.architecture"],
        ),
        (
            "flax",
            flax(),
            vec![
                "kind=flax-msgpack",
                "model.tensor_count=1",
                "model.parameter_count=12",
                "model.dtype=float32",
            ],
        ),
        (
            "flax_cut_behind_an_array",
            [&flax()[..flax().len() - 6], b"\xc1"].concat(),
            vec!["kind=flax-msgpack", "model.format=flax-msgpack", "! 0xc1 is no MessagePack value"],
        ),
        (
            "flax_count_lies",
            [&flax()[..flax().len() - 6], b"\xdf\xff\xff\xff\xff"].concat(),
            vec!["kind=flax-msgpack", "! values do not fit"],
        ),
        (
            "xgboost_ubjson",
            xgboost_ubjson(),
            vec![
                "kind=xgboost",
                "model.architecture=gbtree",
                "model.producer_version=3.2.0",
                "model.hyperparameters.num_trees=1",
                "model.hyperparameters.num_feature=4",
                "model.hyperparameters.objective=binary:logistic",
            ],
        ),
        (
            "xgboost_binary",
            xgboost_binary(),
            vec![
                "kind=xgboost",
                "model.format_version=binary",
                "model.architecture=gbtree",
                "model.producer_version=1.2",
                "model.hyperparameters.num_feature=126",
            ],
        ),
        (
            "tensorrt",
            b"ftrt\0\0\0\0".to_vec(),
            vec!["kind=tensorrt", "no model.format_version", "no model.producer"],
        ),
        (
            "tensorrt_of_ultralytics",
            [&51_u32.to_le_bytes()[..], br#"{"author":"U","version":"8.3","license":"AGPL-3.0"}"#, b"ftrt"]
                .concat(),
            vec!["kind=tensorrt", "model.license=AGPL-3.0", "model.producer_version=8.3"],
        ),
    ] {
        check(name, &file, &expected);
    }
}

/// Counts of things that take no bytes: the walk ends at once, not after as many steps as they say.
#[test]
fn counts_of_nothing_cost_nothing() {
    let file = xgboost_ubjson();
    let at = file.windows(8).position(|window| window == b"[#L\0\0\0\0\0").expect("a list of trees");
    let mut nothing = file[..at].to_vec();
    nothing.extend(b"[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff");
    nothing.extend(&file[at + 12..]);
    let pairs = [&b"PAR1"[..], b"\x9b\xff\xff\xff\xff\x7f\x11", &7_u32.to_le_bytes(), b"PAR1"].concat();
    for (name, file, expected) in [
        ("ubjson", nothing, vec!["kind=xgboost", "! exceeds the"]),
        ("thrift", pairs, vec!["kind=parquet", "! bytes wanted"]),
    ] {
        check(name, &file, &expected);
    }
}

#[test]
fn leaves_other_files_alone() {
    for (name, file) in [
        ("faiss_without_its_numbers", with(faiss(b"IxF2", 8, 1, 1), 16, &[0; 16])),
        ("binary_faiss_whose_bits_and_bytes_differ", [&b"IBxF"[..], &u32s(&[64, 9, 0, 0, 0, 0, 0])].concat()),
        ("hnswlib_whose_links_do_not_fit", with(hnswlib(1, 1, 16, 8), 64, &9_u64.to_le_bytes())),
        ("usearch_without_its_word", with(usearch(4, 8, 2), 40, b"other!!")),
        ("name_that_is_no_spec", with(ctranslate2("WhisperSpec", &[]), 6, b"Whisper!pec")),
        ("messagepack_without_arrays", b"\x82\xa1a\x01\xa1b\xa3abc".to_vec()),
        ("messagepack_with_another_extension", b"\x81\xa1a\xd6\xff\0\0\0\0".to_vec()),
        ("ubjson_of_nobody", b"{L\0\0\0\0\0\0\0\x07learner{}}".to_vec()),
        ("fasttext_of_the_future", with(fasttext(1, 1), 4, &[99])),
        ("binf_of_nobody", [&b"binf"[..], &[0xff; 200]].concat()),
        ("zeros", vec![0; 4096]),
        ("ones", vec![0xff; 4096]),
    ] {
        check(name, &file, &["not ours"]);
    }
}

#[test]
fn reads_indexes_and_archives_of_others() {
    let checkpoint = || synth::tf_checkpoint(1, &[("a/kernel", &[3, 4]), ("b", &[])]);
    let nemo =
        |config: &str| synth::tar(&[("model_config.yaml", config.as_bytes()), ("model_weights.ckpt", b"w")]);
    let cut = |bytes: Vec<u8>, left: usize| bytes[bytes.len() - left..].to_vec();
    for (name, file, expected) in [
        (
            "checkpoint",
            checkpoint(),
            vec![
                "kind=tf-checkpoint",
                "model.tensor_count=2",
                "model.hyperparameters.shards=1",
                "model.hyperparameters.elements=13",
                "no model.parameter_count",
            ],
        ),
        (
            "checkpoint_of_huge_tensors",
            synth::tf_checkpoint(1, &[("a", &[1 << 40, 1 << 40])]),
            vec!["model.tensor_count=1", "no model.hyperparameters.elements"],
        ),
        ("checkpoint_without_its_end", checkpoint()[..60].to_vec(), vec!["not ours"]),
        ("checkpoint_without_its_start", cut(checkpoint(), 48), vec!["not ours"]),
        (
            "checkpoint_whose_blocks_are_elsewhere",
            {
                let len = checkpoint().len();
                with(checkpoint(), len - 48, &[0xff; 12])
            },
            vec!["kind=tf-checkpoint", "! a number of more than ten bytes"],
        ),
        (
            "nemo",
            nemo(seeds::NEMO),
            vec![
                "kind=nemo",
                "model.role=model",
                "model.architecture=nemo.collections.asr.models.EncDecCTCModel",
                "model.producer_version=2.3.0",
                "model.hyperparameters.weights_bytes=1",
            ],
        ),
        ("another_tar", synth::tar(&[("model_config.yaml", b"a: b"), ("x", b"y")]), vec!["kind=archive"]),
        (
            "nemo_that_lies",
            with(nemo("a: b"), 1024 + 124, b"77777777777"),
            vec!["kind=nemo", "! leads out of the file"],
        ),
        (
            "nemo_packed",
            synth::gzip(&nemo(seeds::NEMO)),
            vec![
                "kind=nemo",
                "model.architecture=nemo.collections.asr.models.EncDecCTCModel",
                "model.hyperparameters.weights_bytes=1",
                "model.hyperparameters.packed=gzip",
            ],
        ),
        ("nemo_packed_and_cut", synth::gzip(&nemo(seeds::NEMO))[..60].to_vec(), vec!["kind=archive"]),
        (
            "another_packed_tar",
            synth::gzip(&synth::tar(&[("model_config.yaml", b"a: b"), ("x", b"y")])),
            vec!["kind=archive"],
        ),
        (
            "nemo_of_a_gigabyte_packed",
            synth::gzip(&[nemo(seeds::NEMO), vec![0; 64 << 20]].concat()),
            vec!["kind=nemo", "model.hyperparameters.weights_bytes=1"],
        ),
        (
            "lance",
            synth::lance(&["id", "vector"], &[], 1000),
            vec![
                "kind=lance",
                "model.role=dataset",
                "model.format_version=2.1",
                "model.hyperparameters.rows=1000",
                "model.hyperparameters.columns=2",
                "model.hyperparameters.column_names=id, vector",
            ],
        ),
        (
            "lance_index",
            synth::lance(&["__flat_marker"], &["lance:index"], 2),
            vec!["kind=lance", "model.role=vector-index"],
        ),
        ("lance_manifest", synth::lance_message(b"about"), vec!["kind=lance", "model.format_version=0.2"]),
        ("lance_magic_alone", [vec![1; 60], b"\x02\0\x01\0LANC".to_vec()].concat(), vec!["not ours"]),
        (
            "lance_of_more_columns_than_fit",
            {
                let len = synth::lance(&["a"], &[], 1).len();
                with(synth::lance(&["a"], &[], 1), len - 12, &u32::MAX.to_le_bytes())
            },
            vec!["not ours"],
        ),
        (
            "lance_whose_schema_is_elsewhere",
            {
                let file = synth::lance(&["a"], &[], 1);
                let at = file.len() - 40 - 16;
                with(file, at, &[0xff; 8])
            },
            vec!["kind=lance", "! leads out of the file"],
        ),
        ("chroma", synth::sqlite_schema(seeds::CHROMA), vec!["kind=chroma", "model.role=vector-index"]),
        ("another_database", synth::sqlite_schema(&["CREATE TABLE embeddings_queue (a)"]), vec!["not ours"]),
        (
            "spacy_config",
            seeds::SPACY_CONFIG.as_bytes().to_vec(),
            vec![
                "kind=spacy",
                "model.hyperparameters.lang=en",
                "model.hyperparameters.pipeline=tok2vec, ner",
                "model.hyperparameters.factories=ner, tok2vec",
            ],
        ),
        ("another_config", b"[paths]\na = b\n[nlp]\nlang = \"en\"\n".to_vec(), vec!["not ours"]),
        (
            "early_pickle",
            seeds::PICKLE_0.to_vec(),
            vec!["kind=pickle", "model.format_version=0", "model.imports.0=collections.OrderedDict"],
        ),
        (
            "early_pickle_that_runs",
            b"cos\nsystem\np0\n(S'id'\np1\ntp2\nRp3\n.".to_vec(),
            vec!["kind=pickle", "model.imports.0=os.system", "! a pickle imports os.system"],
        ),
        ("protocol_1", b"}q\x00U\x01aq\x01K\x01s.".to_vec(), vec!["kind=pickle", "no model.imports"]),
        (
            "early_pickle_that_runs_and_more",
            b"cos\nsystem\n(S'id'\ntR.text".to_vec(),
            vec!["kind=pickle", "! a pickle imports os.system", "! 4 bytes follow"],
        ),
        ("early_pickle_and_more", [seeds::PICKLE_0, b"text"].concat(), vec!["not ours"]),
        ("text", b"config\nvalue\nmore text. And more.".to_vec(), vec!["not ours"]),
    ] {
        check(name, &file, &expected);
    }
}
