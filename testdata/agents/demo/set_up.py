"""Make what the demo agent needs: two environments and its folder of models.

    python3 testdata/agents/demo/set_up.py target/agents

makes target/agents/venv (the agent), target/agents/tools-venv (its MCP server) and target/agents/state, and prints
the command that runs the agent. Needs the network the first time; what is made already is not made again.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = HERE.parents[1] / "packages"
sys.dont_write_bytecode = True
sys.path.insert(0, str(PACKAGES))

from make_venv import make_venv  # noqa: E402

NOTES_MODEL = "basic_pitch/saved_models/icassp_2022/nmp.onnx"
# Real models out of the silero-vad package, under the names that the agent knows. The first has lost its extension.
MODELS = {
    "voice-activity": "silero_vad/data/silero_vad_16k_op15.onnx",
    "voice-encoder.safetensors": "silero_vad/data/silero_vad_16k.safetensors",
    "unused.onnx": "silero_vad/data/silero_vad_half.onnx",
}


def set_up(into):
    python = make_venv(PACKAGES / "agent.lock", into / "venv")
    make_venv(PACKAGES / "agent-tools.lock", into / "tools-venv")
    query = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(query, check=True, capture_output=True, text=True).stdout.strip())

    state = into / "state"
    (state / "models").mkdir(parents=True, exist_ok=True)
    digests = {}
    for name, source in MODELS.items():
        digests[name] = copy(site / source, state / "models" / name)
    for name in ("catalogue.yaml", "notes.txt"):
        copy(HERE / name, state / name)
    manifest = {"models": digests, "installed_model": digest((site / NOTES_MODEL).read_bytes())}
    (state / "manifest.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    print(python, HERE / "agent.py", "--state", state)


def copy(source, target):
    """Copies unless the target is the same already; returns the SHA-256 in hexadecimal."""
    content = source.read_bytes()
    if not target.is_file() or target.read_bytes() != content:
        shutil.copyfile(source, target)
    return digest(content)


def digest(content):
    return hashlib.sha256(content).hexdigest()


if len(sys.argv) != 2:
    sys.exit("usage: set_up.py FOLDER")
set_up(Path(sys.argv[1]).absolute())
