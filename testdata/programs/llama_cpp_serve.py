"""llama.cpp as a server (xllamacpp) over a GGUF file; a child process asks it over HTTP on loopback."""

import subprocess
import sys
from pathlib import Path

import truth

truth.follow(sys.argv[1])
state = Path(sys.argv[2])

import quiet  # noqa: E402, F401
import xllamacpp  # noqa: E402

params = xllamacpp.CommonParams()
params.model.path = str(state / "tiny.gguf")
params.n_ctx = 128
params.n_parallel = 1
params.warmup = False
params.cpuparams.n_threads = 1
params.hostnames = ["127.0.0.1"]
params.port = 0
server = xllamacpp.Server(params)
# The caller has nothing but Python's own library and writes no answer of its own.
asked = subprocess.run(
    [sys.executable, str(Path(__file__).parent / "llama_cpp_ask.py"), sys.argv[1], server.listening_address],
    check=False,
)
assert asked.returncode == 0, asked
