"""Makes small models by the official libraries of their formats: a joblib pipeline, and a GGUF file that answers."""

import sys
from pathlib import Path

import gguf
import joblib
import numpy
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

sys.dont_write_bytecode = True
folder = Path(sys.argv[1])

data = load_iris()
pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)).fit(data.data, data.target)
joblib.dump(pipeline, folder / "iris.joblib")

# One layer of a llama with random weights and a vocabulary of single bytes.
WIDTH, INNER, HEADS, CONTEXT = 32, 64, 4, 256
words = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + ["\u2581", "a", "e", "n"]
kinds = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
kinds += [gguf.TokenType.BYTE] * 256 + [gguf.TokenType.NORMAL] * 4
random = numpy.random.default_rng(7)


def weights(*shape):
    return (random.standard_normal(shape) / 8).astype(numpy.float32)


writer = gguf.GGUFWriter(str(folder / "tiny.gguf"), "llama")
writer.add_name("tiny")
writer.add_license("Apache-2.0")
writer.add_context_length(CONTEXT)
writer.add_embedding_length(WIDTH)
writer.add_block_count(1)
writer.add_feed_forward_length(INNER)
writer.add_head_count(HEADS)
writer.add_head_count_kv(HEADS)
writer.add_rope_dimension_count(WIDTH // HEADS)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_vocab_size(len(words))
writer.add_file_type(gguf.LlamaFileType.ALL_F32)
writer.add_tokenizer_model("llama")
writer.add_token_list(words)
writer.add_token_scores([0.0] * len(words))
writer.add_token_types(kinds)
writer.add_bos_token_id(1)
writer.add_eos_token_id(2)
writer.add_tensor("token_embd.weight", weights(len(words), WIDTH))
writer.add_tensor("output_norm.weight", numpy.ones(WIDTH, numpy.float32))
writer.add_tensor("output.weight", weights(len(words), WIDTH))
writer.add_tensor("blk.0.attn_norm.weight", numpy.ones(WIDTH, numpy.float32))
writer.add_tensor("blk.0.ffn_norm.weight", numpy.ones(WIDTH, numpy.float32))
for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
    writer.add_tensor(f"blk.0.{name}.weight", weights(WIDTH, WIDTH))
for name, shape in (("ffn_gate", (INNER, WIDTH)), ("ffn_up", (INNER, WIDTH)), ("ffn_down", (WIDTH, INNER))):
    writer.add_tensor(f"blk.0.{name}.weight", weights(*shape))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
