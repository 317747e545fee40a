"""Makes small files with the official library of each format, and writes down what that library says of them.

    make_corpus.py FOLDER
    make_corpus.py --add MAKER FOLDER

The second adds what one maker makes, with another interpreter.

FOLDER/expected.json is a list of {"file", "by", "facts"}: the file's name, the library and version, and facts in the
notation of bom-extract/tests/formats/check.rs. A fact is computed by asking the library about the file it just wrote
(or by what it was told to write), never by reading the file the way aibom does. Files have no extension. A library
that is not installed is listed under "missing"; the test that reads the list decides whether that is a failure.
"""

import importlib
import importlib.metadata
import json
import pathlib
import pickle
import shutil
import sys

OUT = pathlib.Path(sys.argv[-1])
ROWS = []
MISSING = {}
MAKERS = []


def needs(*modules):
    """Registers a maker that runs if all modules import; it gets them as arguments."""

    def register(maker):
        MAKERS.append((modules, maker))
        return maker

    return register


def row(name, by, facts):
    assert (OUT / name).is_file(), name
    ROWS.append({"file": name, "by": f"{by} {importlib.metadata.version(by)}", "facts": sorted(facts)})


def path(name):
    return str(OUT / name)


@needs("numpy", "safetensors", "safetensors.numpy")
def safetensors(np, st, _):
    tensors = {
        "embed.weight": np.zeros((16, 8), np.float32),
        "norm.weight": np.ones((8,), np.float32),
        "ids": np.zeros((4,), np.int64),
    }
    st.numpy.save_file(tensors, path("safetensors"), metadata={"format": "np"})
    with st.safe_open(path("safetensors"), framework="np") as opened:
        names = list(opened.keys())
        floats = [opened.get_tensor(name) for name in names]
        row("safetensors", "safetensors", [
            "kind=safetensors",
            f"model.tensor_count={len(names)}",
            f"model.parameter_count={sum(t.size for t in floats if t.dtype.kind == 'f')}",
            f"model.claimed.format={opened.metadata()['format']}",
        ])


@needs("gguf", "numpy")
def gguf(gguf, np):
    writer = gguf.GGUFWriter(path("gguf"), "llama")
    writer.add_name("Corpus Llama")
    writer.add_author("somebody")
    writer.add_license("apache-2.0")
    writer.add_context_length(2048)
    writer.add_block_count(1)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_token_list(["a", "b", "c"])
    writer.add_chat_template("{{ messages[0].content }}")
    writer.add_tensor("token_embd.weight", np.zeros((3, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    reader = gguf.GGUFReader(path("gguf"))
    text = lambda key: reader.fields[key].contents()
    row("gguf", "gguf", [
        "kind=gguf",
        f"model.architecture={text('general.architecture')}",
        f"model.name={text('general.name')}",
        f"model.license={text('general.license')}",
        f"model.author={text('general.author')}",
        f"model.context_length={text('llama.context_length')}",
        f"model.tensor_count={len(reader.tensors)}",
        f"model.parameter_count={sum(int(t.n_elements) for t in reader.tensors)}",
    ])


@needs("onnx", "numpy")
def onnx(onnx, np):
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.zeros((5, 7), np.float32), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph(
        [node],
        "corpus",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 5])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 7])],
        [weight],
    )
    model = helper.make_model(graph, producer_name="corpus", opset_imports=[helper.make_opsetid("", 21)])
    onnx.save(model, path("onnx"))
    back = onnx.load(path("onnx"))
    count = sum(int(np.prod(t.dims)) for t in back.graph.initializer)
    row("onnx", "onnx", [
        "kind=onnx",
        f"model.format_version={back.ir_version}",
        f"model.producer={back.producer_name}",
        f"model.parameter_count={count}",
        f"model.hyperparameters.opset.ai.onnx={back.opset_import[0].version}",
    ])
    onnx.save(
        back,
        path("onnx_external"),
        save_as_external_data=True,
        location="onnx_external_data",
        size_threshold=0,
    )
    header = onnx.load(path("onnx_external"), load_external_data=False)
    location = header.graph.initializer[0].external_data[0].value
    row("onnx_external", "onnx", [f"model.external_files.0={location}", f"model.parameter_count={count}"])


@needs("numpy")
def numpy(np):
    np.save(path("npy"), np.zeros((3, 4), np.float16))
    (OUT / "npy.npy").rename(OUT / "npy")
    back = np.load(path("npy"))
    row("npy", "numpy", [
        "kind=npy",
        f"model.dtype={back.dtype.str}",
        f"model.hyperparameters.elements={back.size}",
        "model.hyperparameters.shape=" + ", ".join(map(str, back.shape)),
    ])
    np.save(path("npy_object"), np.array([{"a": 1}], dtype=object), allow_pickle=True)
    (OUT / "npy_object.npy").rename(OUT / "npy_object")
    row("npy_object", "numpy", ["kind=npy", "model.dtype=|O", "! holds Python objects"])
    for name, save in [("npz", np.savez), ("npz_compressed", np.savez_compressed)]:
        with open(path(name), "wb") as file:
            save(file, a=np.zeros((2, 3), np.float32), b=np.zeros(5, np.float32))
        with np.load(path(name)) as back:
            row(name, "numpy", [
                "kind=npz",
                f"model.tensor_count={len(back.files)}",
                f"model.hyperparameters.elements={sum(back[n].size for n in back.files)}",
                f"model.dtype={back['a'].dtype.str}",
            ])


@needs("sklearn", "joblib", "numpy")
def sklearn(sklearn, joblib, np):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    forest = RandomForestClassifier(n_estimators=4, random_state=0).fit(x, y)
    for name, model in [("pipeline", pipeline), ("forest", forest)]:
        top = f"{type(model).__module__}.{type(model).__qualname__}"
        facts = [
            f"model.architecture={top}",
            "model.producer=scikit-learn",
            f"model.producer_version={sklearn.__version__}",
        ]
        for protocol in range(6):
            file = f"sklearn_{name}_p{protocol}"
            (OUT / file).write_bytes(pickle.dumps(model, protocol=protocol))
            row(file, "scikit-learn", ["kind=pickle", *facts])
        joblib.dump(model, path(f"joblib_{name}"))
        row(f"joblib_{name}", "joblib", ["kind=joblib", *facts])
        joblib.dump(model, path(f"joblib_{name}_zlib"), compress=("zlib", 3))
        row(f"joblib_{name}_zlib", "joblib", ["kind=joblib", *facts])


@needs("skops", "skops.io", "sklearn")
def skops(skops, io, sklearn):
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
    io.dump(model, path("skops"))
    top = f"{type(io.load(path('skops'))).__module__}.{type(model).__qualname__}"
    row("skops", "skops", ["kind=skops", f"model.architecture={top}"])


@needs("xgboost", "numpy")
def xgboost(xgb, np):
    data = xgb.DMatrix(np.eye(8, 4), label=np.arange(8) % 2)
    booster = xgb.train({"objective": "binary:logistic", "max_depth": 2}, data, 3)
    for name, suffix in [("xgboost_json", ".json"), ("xgboost_ubj", ".ubj")]:
        booster.save_model(path(name + suffix))
        (OUT / (name + suffix)).rename(OUT / name)
        back = xgb.Booster(model_file=path(name))
        config = json.loads(back.save_config())
        row(name, "xgboost-cpu", [
            "kind=xgboost",
            "model.architecture=" + config["learner"]["gradient_booster"]["name"],
            "model.hyperparameters.objective=" + config["learner"]["objective"]["name"],
            f"model.hyperparameters.num_feature={back.num_features()}",
            f"model.hyperparameters.num_trees={back.num_boosted_rounds()}",
            f"model.producer_version={xgb.__version__}",
        ])


@needs("lightgbm", "numpy")
def lightgbm(lgb, np):
    rng = np.random.default_rng(0)
    data = lgb.Dataset(rng.normal(size=(200, 3)), label=rng.integers(0, 2, 200))
    booster = lgb.train({"objective": "binary", "verbose": -1}, data, 5)
    booster.save_model(path("lightgbm"))
    back = lgb.Booster(model_file=path("lightgbm"))
    row("lightgbm", "lightgbm", [
        "kind=lightgbm",
        f"model.hyperparameters.num_trees={back.num_trees()}",
        f"model.hyperparameters.num_feature={back.num_feature()}",
        f"model.hyperparameters.num_class={back.num_model_per_iteration()}",
        "model.hyperparameters.objective=" + back.dump_model()["objective"],
    ])


@needs("catboost")
def catboost(catboost):
    model = catboost.CatBoostClassifier(iterations=3, depth=2, verbose=False, allow_writing_files=False)
    model.fit([[0, 1], [1, 0], [2, 2], [3, 1]], [0, 1, 0, 1])
    model.save_model(path("catboost"))
    back = catboost.CatBoostClassifier().load_model(path("catboost"))
    meta = dict(back.get_metadata().items())
    row("catboost", "catboost", [
        "kind=catboost",
        f"model.hyperparameters.num_trees={back.tree_count_}",
        "model.claimed.model_guid=" + meta["model_guid"],
        f"model.producer_version={catboost.__version__}",
    ])


@needs("sentencepiece")
def sentencepiece(spm):
    text = OUT / "sentences.txt"
    text.write_text("the quick brown fox jumps over the lazy dog\n" * 50)
    for kind in ["unigram", "bpe"]:
        spm.SentencePieceTrainer.train(
            input=str(text), model_prefix=path("spm"), vocab_size=40, model_type=kind, minloglevel=2,
            hard_vocab_limit=False,
        )
        (OUT / "spm.model").rename(OUT / f"sentencepiece_{kind}")
        (OUT / "spm.vocab").unlink()
        back = spm.SentencePieceProcessor(model_file=path(f"sentencepiece_{kind}"))
        row(f"sentencepiece_{kind}", "sentencepiece", [
            "kind=sentencepiece",
            "model.role=tokenizer",
            f"model.architecture={kind}",
            f"model.hyperparameters.vocab_size={back.get_piece_size()}",
        ])
    text.unlink()


@needs("tokenizers")
def tokenizers(tk):
    for kind, model, trainer in [
        ("BPE", tk.models.BPE(unk_token="[UNK]"), tk.trainers.BpeTrainer),
        ("WordPiece", tk.models.WordPiece(unk_token="[UNK]"), tk.trainers.WordPieceTrainer),
        ("WordLevel", tk.models.WordLevel(unk_token="[UNK]"), tk.trainers.WordLevelTrainer),
        ("Unigram", tk.models.Unigram(), tk.trainers.UnigramTrainer),
    ]:
        tokenizer = tk.Tokenizer(model)
        tokenizer.pre_tokenizer = tk.pre_tokenizers.Whitespace()
        special = {"special_tokens": ["[UNK]"]}
        if kind == "Unigram":
            special["unk_token"] = "[UNK]"
        tokenizer.train_from_iterator(["the quick brown fox"] * 5, trainer(vocab_size=60, **special))
        for pretty in [False, True]:
            name = f"tokenizer_{kind.lower()}{'_pretty' if pretty else ''}"
            tokenizer.save(path(name), pretty=pretty)
            back = tk.Tokenizer.from_file(path(name))
            row(name, "tokenizers", [
                "kind=tokenizer-json",
                "model.role=tokenizer",
                f"model.architecture={kind}",
                f"model.hyperparameters.vocab_size={back.get_vocab_size(with_added_tokens=False)}",
            ])


@needs("pyarrow", "pyarrow.parquet")
def pyarrow(pa, pq):
    table = pa.table({"text": ["a", "b", "c"], "label": [0, 1, 0]})
    pq.write_table(table, path("parquet"))
    meta = pq.read_metadata(path("parquet"))
    row("parquet", "pyarrow", [
        "kind=parquet",
        "model.role=dataset",
        f"model.hyperparameters.rows={meta.num_rows}",
        f"model.hyperparameters.columns={meta.num_columns}",
        "model.hyperparameters.column_names=" + ", ".join(meta.schema.names),
        f"model.producer={meta.created_by}",
    ])
    with pa.ipc.new_file(path("arrow_file"), table.schema) as writer:
        writer.write_table(table)
    with pa.ipc.new_stream(path("arrow_stream"), table.schema) as writer:
        writer.write_table(table)
    for name in ["arrow_file", "arrow_stream"]:
        row(name, "pyarrow", [
            "kind=arrow",
            "model.role=dataset",
            f"model.hyperparameters.columns={len(table.schema.names)}",
            "model.hyperparameters.column_names=" + ", ".join(table.schema.names),
        ])


@needs("faiss", "numpy")
def faiss(faiss, np):
    rows = np.random.default_rng(0).normal(size=(256, 16)).astype("float32")
    for spec in ["Flat", "HNSW8,Flat", "IVF4,Flat", "PQ4x4", "SQ8", "IDMap,Flat", "PCA8,Flat"]:
        index = faiss.index_factory(16, spec)
        index.train(rows)
        if spec.startswith("IDMap"):
            index.add_with_ids(rows, np.arange(256))
        else:
            index.add(rows)
        name = "faiss_" + spec.replace(",", "_").lower()
        faiss.write_index(index, path(name))
        back = faiss.read_index(path(name))
        metric = {faiss.METRIC_L2: "L2", faiss.METRIC_INNER_PRODUCT: "inner-product"}[back.metric_type]
        row(name, "faiss-cpu", [
            "kind=faiss",
            "model.role=vector-index",
            f"model.hyperparameters.dimension={back.d}",
            f"model.hyperparameters.vectors={back.ntotal}",
            f"model.hyperparameters.metric={metric}",
        ])


@needs("hnswlib", "numpy")
def hnswlib(hnswlib, np):
    index = hnswlib.Index(space="l2", dim=8)
    index.init_index(max_elements=50, M=12)
    index.add_items(np.random.default_rng(0).normal(size=(20, 8)).astype("float32"))
    index.save_index(path("hnswlib"))
    back = hnswlib.Index(space="l2", dim=8)
    back.load_index(path("hnswlib"))
    row("hnswlib", "hnswlib", [
        "kind=hnswlib",
        f"model.hyperparameters.vectors={back.get_current_count()}",
        f"model.hyperparameters.max_vectors={back.get_max_elements()}",
        f"model.hyperparameters.m={back.M}",
    ])


@needs("usearch", "usearch.index", "numpy")
def usearch(_, usearch, np):
    index = usearch.Index(ndim=8, metric="cos", dtype="f32")
    index.add(np.arange(10), np.random.default_rng(0).normal(size=(10, 8)).astype("float32"))
    index.save(path("usearch"))
    meta = usearch.Index.metadata(path("usearch"))
    row("usearch", "usearch", [
        "kind=usearch",
        f"model.hyperparameters.dimension={meta['dimensions']}",
        f"model.hyperparameters.vectors={len(usearch.Index.restore(path('usearch')))}",
    ])


@needs("keras", "h5py", "numpy")
def keras(keras, h5py, np):
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    for name, suffix in [("keras", ".keras"), ("keras_hdf5", ".h5")]:
        model.save(path(name + suffix))
        (OUT / (name + suffix)).rename(OUT / name)
        row(name, "keras", [
            "kind=" + ("keras" if suffix == ".keras" else "keras-hdf5"),
            f"model.architecture={type(model).__name__}",
            f"model.name={model.name}",
            f"model.producer_version={keras.__version__}",
        ])
    model.save_weights(path("w.weights.h5"))
    (OUT / "w.weights.h5").rename(OUT / "keras_weights")
    row("keras_weights", "keras", ["kind=keras-hdf5"])
    with h5py.File(path("hdf5"), "w") as file:
        file["x"] = np.zeros(3)
    row("hdf5", "h5py", ["kind=hdf5", "model.role=data"])


@needs("flax", "flax.serialization", "numpy")
def flax(_, serialization, np):
    state = {"params": {"dense": {"kernel": np.zeros((4, 3), np.float32), "bias": np.zeros(3, np.float32)}}}
    (OUT / "flax").write_bytes(serialization.msgpack_serialize(state))
    back = serialization.msgpack_restore((OUT / "flax").read_bytes())["params"]["dense"]
    row("flax", "flax", [
        "kind=flax-msgpack",
        f"model.tensor_count={len(back)}",
        f"model.parameter_count={sum(a.size for a in back.values())}",
    ])


@needs("torch")
def torch(torch):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Linear(4, 3), torch.nn.Linear(3, 2)

        def forward(self, x):
            return self.second(self.first(x))

    net = Net()
    for name, zipped in [("torch_zip", True), ("torch_legacy", False)]:
        torch.save(net.state_dict(), path(name), _use_new_zipfile_serialization=zipped)
        back = torch.load(path(name))
        row(name, "torch", [
            "kind=" + ("pytorch" if zipped else "pytorch-legacy"),
            f"model.tensor_count={len(back)}",
            f"model.parameter_count={sum(t.numel() for t in back.values())}",
            *{f"model.dtype={str(t.dtype).removeprefix('torch.')}" for t in back.values()},
        ])
    script = torch.jit.script(net)
    script.save(path("torchscript"))
    script._save_for_lite_interpreter(path("torchscript_mobile"))
    for name in ["torchscript", "torchscript_mobile"]:
        back = torch.jit.load(path(name)) if name == "torchscript" else script
        row(name, "torch", [
            "kind=torchscript",
            f"model.architecture={back._c._type().qualified_name()}",
            f"model.hyperparameters.stored_elements={sum(p.numel() for p in back.parameters())}",
        ])


@needs("openvino", "openvino.opset13", "numpy")
def openvino(ov, ops, np):
    given = ops.parameter([1, 4], np.float32)
    product = ops.matmul(given, ops.constant(np.ones((4, 3), np.float32)), False, False)
    ov.save_model(ov.Model([product], [given], "corpus"), path("openvino.xml"), compress_to_fp16=False)
    back = ov.Core().read_model(path("openvino.xml"))
    constants = [op for op in back.get_ops() if op.get_type_name() == "Constant"]
    (OUT / "openvino.xml").rename(OUT / "openvino")
    row("openvino", "openvino", [
        "kind=openvino",
        f"model.name={back.friendly_name}",
        f"model.parameter_count={sum(op.data.size for op in constants)}",
    ])


@needs("ai_edge_litert.schema_py_generated")
def tflite(schema):
    # Not imported, as that needs much besides: a folder with a model in it.
    found = [file for file in importlib.metadata.files("basic-pitch") if file.name == "nmp.tflite"]
    shutil.copyfile(found[0].locate(), path("tflite"))
    model = schema.ModelT.InitFromPackedBuf(bytearray((OUT / "tflite").read_bytes()), 0)
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    # Two tensors can have the same content; it is stored once.
    floats = {tensor.buffer for tensor in tensors if tensor.type == schema.TensorType.FLOAT32}
    stored = [model.buffers[buffer].data for buffer in floats]
    count = sum(len(data) // 4 for data in stored if data is not None)
    row("tflite", "ai-edge-litert", [
        "kind=tflite",
        f"model.parameter_count={count}",
        f"model.tensor_count={len(tensors)}",
        f"model.claimed.description={model.description.decode()}",
        f"model.hyperparameters.operators={len(model.operatorCodes)}",
    ])


@needs("spacy")
def spacy(spacy):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.meta["license"], nlp.meta["author"] = "MIT", "somebody"
    nlp.to_disk(OUT / "spacy_folder")
    back = spacy.load(OUT / "spacy_folder")
    (OUT / "spacy_folder/meta.json").rename(OUT / "spacy_meta")
    (OUT / "spacy_folder/config.cfg").rename(OUT / "spacy_config")
    shutil.rmtree(OUT / "spacy_folder")
    row("spacy_meta", "spacy", [
        "kind=spacy",
        f"model.license={back.meta['license']}",
        f"model.author={back.meta['author']}",
        f"model.name={back.lang}_{back.meta['name']}",
    ])
    row("spacy_config", "spacy", ["kind=spacy"])


def main():
    if "--add" in sys.argv:
        known = json.loads((OUT / "expected.json").read_text())
        ROWS.extend(known["rows"])
        MISSING.update(known["missing"])
        MISSING.pop(sys.argv[2], None)
    else:
        shutil.rmtree(OUT, ignore_errors=True)
        OUT.mkdir(parents=True)
    for modules, maker in MAKERS:
        if "--add" in sys.argv and maker.__name__ != sys.argv[2]:
            continue
        try:
            found = [importlib.import_module(module) for module in modules]
        except ImportError as error:
            MISSING[maker.__name__] = str(error)
            continue
        maker(*found)
    (OUT / "expected.json").write_text(json.dumps({"rows": ROWS, "missing": MISSING}, indent=1))
    print(f"{len(ROWS)} files, missing: {MISSING or 'none'}")


main()
