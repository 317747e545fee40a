"""onnxruntime with tokenizers: cuts a text into tokens and runs a model over them."""

import sys
from pathlib import Path

import truth

truth.follow(sys.argv[1])
state = Path(sys.argv[2])

import quiet  # noqa: E402, F401
import numpy  # noqa: E402
import onnxruntime  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402

tokenizer = Tokenizer.from_file(str(state / "tokenizer.json"))
tokens = tokenizer.encode("nothing is invented, every loss is declared").ids
assert tokens
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(str(state / "content-type.onnx"), options, providers=["CPUExecutionProvider"])
wanted = session.get_inputs()[0]
length = wanted.shape[-1]
padded = numpy.resize(numpy.array(tokens, dtype=numpy.int32), (1, length))
scores = session.run(None, {wanted.name: padded})[0]
assert numpy.isfinite(scores).all()
