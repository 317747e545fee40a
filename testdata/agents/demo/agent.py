"""A small real agent: listens to a voice note, asks two providers about it, and looks something up through MCP.

    agent.py --state DIR [--tools-python PYTHON]

It is made to be observed. Everything in it happens as in production (real SDKs at their default addresses, real
models in a real runtime, a real MCP server in a process of its own), and next to it lies what must *not* be reported:
a model that nobody opens and packages that nobody imports. At the end it prints the truth about the run as JSON on
stdout. README.md beside this file has the list; set_up.py makes DIR and the environments.
"""

import argparse
import importlib
import json
import os
import sys
import sysconfig
from pathlib import Path

# The agent's own modules lie in the source tree, which a run leaves as it is.
sys.dont_write_bytecode = True

OPENAI_MODEL = "gpt-4o-mini"
EMBEDDING_MODEL = "text-embedding-3-small"
ANTHROPIC_MODEL = "claude-sonnet-5"
# A model that a package ships; the package itself is never imported.
NOTES_MODEL = "basic_pitch/saved_models/icassp_2022/nmp.onnx"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", required=True, type=Path)
    parser.add_argument("--tools-python", type=Path, default=Path(sys.prefix).parent / "tools-venv/bin/python")
    options = parser.parse_args()
    state = options.state.resolve()
    quiet_environment()

    installed_model = Path(sysconfig.get_path("purelib"), NOTES_MODEL)
    notes = hear_notes(installed_model)
    speech = detect_speech(state / "models/voice-activity")
    weights, weight_sum = map_weights(state / "models/voice-encoder.safetensors")
    question = f"{notes} notes, speech probability {speech:.3f}, weights {weight_sum:.3f}: what is it?"
    answer = ask_openai(question)
    review = ask_anthropic(answer)
    reply = call_tool(options.tools_python, state, "models[?task=='speech'].name | [0]")
    # Closed only now: a model stays mapped for as long as an agent works with it.
    del weights

    # set_up.py wrote down the digests, so that no file is read once more to tell them.
    made = json.loads((state / "manifest.json").read_text())
    # After everything else, see there.
    from ground_truth import imported_packages

    truth = {
        "answer": review,
        "processes": {"agent": os.getpid(), "child": reply["process"], "grandchild": reply["grandchild"]["process"]},
        "models": [
            {"path": str(installed_model), "format": "onnx", "loaded_by": "read", "owner": "basic-pitch"}
            | {"sha256": made["installed_model"]},
            {"path": str(state / "models/voice-activity"), "format": "onnx", "loaded_by": "read", "owner": None}
            | {"sha256": made["models"]["voice-activity"]},
            {"path": str(state / "models/voice-encoder.safetensors"), "format": "safetensors", "loaded_by": "mmap"}
            | {"owner": None, "sha256": made["models"]["voice-encoder.safetensors"]},
        ],
        "packages": {"agent": imported_packages(), "child": reply["packages"]},
        "imported_under_a_computed_name": "json_repair",
        "endpoints": [
            {"host": "api.anthropic.com", "port": 443, "provider": "anthropic", "requests": 1},
            {"host": "api.openai.com", "port": 443, "provider": "openai", "requests": 2},
        ],
        "remote_models": sorted([ANTHROPIC_MODEL, EMBEDDING_MODEL, OPENAI_MODEL]),
        "mcp": {"server": "catalogue", "tool": "look_up", "python": str(options.tools_python), "reply": reply["found"]},
        "data": {"child": [str(state / "catalogue.yaml")], "grandchild": [reply["grandchild"]["path"]]},
        "decoys": {
            "models": [{"path": str(state / "models/unused.onnx"), "sha256": made["models"]["unused.onnx"]}],
            "packages": ["ollama", "silero-vad"],
        },
    }
    json.dump(truth, sys.stdout, indent=1, sort_keys=True)
    print()


def quiet_environment():
    """The default addresses and nothing else: no gateway, no proxy, no telemetry, no key that is worth anything."""
    for name in list(os.environ):
        if name.upper().endswith(("_BASE_URL", "_PROXY")) or name.startswith("OTEL_"):
            del os.environ[name]
    # onnxruntime reports its use to its vendor after a few seconds, and keeps a device identifier under ~/.cache,
    # unless this is set before it is imported (Privacy.md in its wheel).
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    os.environ.setdefault("OPENAI_API_KEY", "sk-not-a-key")
    os.environ.setdefault("ANTHROPIC_API_KEY", "sk-ant-not-a-key")


def session(model):
    """An inference session for a path or for the bytes of a model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def hear_notes(path):
    """Runs a model that onnxruntime opens by its path; the number of notes in two seconds of silence."""
    import numpy

    model = session(str(path))
    audio = numpy.zeros((1, 43844, 1), dtype=numpy.float32)
    onsets = model.run(None, {model.get_inputs()[0].name: audio})[0]
    return int((onsets > 0.5).sum())


def detect_speech(path):
    """Runs a model that Python reads into memory first, from a file whose name does not say what it is."""
    import numpy

    model = session(path.read_bytes())
    state = numpy.zeros((2, 1, 128), dtype=numpy.float32)
    audio = numpy.zeros((1, 576), dtype=numpy.float32)
    probability, _ = model.run(None, {"input": audio, "state": state, "sr": numpy.array(16000, dtype=numpy.int64)})
    return float(probability[0][0])


def map_weights(path):
    """Maps a safetensors file and uses every tensor of it; returns the open file and a checksum."""
    from safetensors import safe_open

    weights = safe_open(str(path), framework="numpy")
    return weights, sum(float(abs(weights.get_tensor(name)).sum()) for name in weights.keys())


def ask_openai(question):
    """Two requests over one connection, and an answer that is read leniently."""
    import openai

    client = openai.OpenAI(max_retries=0, timeout=60)
    vectors = client.embeddings.create(model=EMBEDDING_MODEL, input=[question, "silence"])
    chat = client.chat.completions.create(model=OPENAI_MODEL, messages=[{"role": "user", "content": question}])
    client.close()
    # No import statement and no whole name for a reader of the source to find.
    repair = importlib.import_module("_".join(["json", "repair"]))
    text = "{'answer': '" + chat.choices[0].message.content + "', 'vectors': " + str(len(vectors.data))
    return repair.loads(text)


def ask_anthropic(answer):
    import anthropic

    client = anthropic.Anthropic(max_retries=0, timeout=60)
    question = [{"role": "user", "content": json.dumps(answer)}]
    message = client.messages.create(model=ANTHROPIC_MODEL, max_tokens=64, messages=question)
    client.close()
    return message.content[0].text


def call_tool(python, state, query):
    """Starts the MCP server with an interpreter of another environment and calls its one tool."""
    import anyio
    import mcp

    script = Path(__file__).resolve().parent / "catalogue_server.py"
    server = mcp.StdioServerParameters(command=str(python), args=[str(script), "--state", str(state)])

    async def talk():
        async with mcp.Client(server, read_timeout_seconds=60) as client:
            return await client.call_tool("look_up", {"query": query})

    result = anyio.run(talk)
    if result.is_error:
        raise SystemExit(f"agent: the tool failed: {result.content}")
    return json.loads(result.content[0].text)


main()
