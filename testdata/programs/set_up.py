"""Make what the programs need: environments and a folder of models.

    python3 testdata/programs/set_up.py normal target/agents/programs
    python3 testdata/programs/set_up.py long target/agents/programs

`normal` makes FOLDER/venv, FOLDER/node (by npm, from the lock file) and FOLDER/state; `long` makes FOLDER/new-venv and
FOLDER/old-venv and adds models to FOLDER/state. Needs the network the first time; what is made already is left alone.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = HERE.parent / "packages"
sys.dont_write_bytecode = True
sys.path.insert(0, str(PACKAGES))

from make_venv import make_venv  # noqa: E402


def normal(folder):
    python = make_venv(PACKAGES / "programs.lock", folder / "venv")
    make_node(folder / "node")
    make_models(python, "make_tokenizer.py", folder / "state", ["tokenizer.json", "content-type.onnx"])


def long(folder):
    python = make_venv(PACKAGES / "programs-new.lock", folder / "new-venv")
    make_venv(PACKAGES / "programs-old.lock", folder / "old-venv")
    make_models(python, "make_models.py", folder / "state", ["iris.joblib", "tiny.gguf"])


def make_node(folder):
    """The programs beside their node_modules: Node looks for packages above the program, wherever it is called from."""
    sources = HERE / "node"
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources.glob("*.*"):
        shutil.copyfile(source, folder / source.name)
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    wanted = version + hashlib.sha256((sources / "package-lock.json").read_bytes()).hexdigest()
    stamp = folder / "made-from"
    if stamp.is_file() and stamp.read_text() == wanted and (folder / "node_modules").is_dir():
        return
    # No script of a package is run, and npm takes nothing whose digest is not in the lock.
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True, stdout=sys.stderr)
    stamp.write_text(wanted)


def make_models(python, script, folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / f"{script}.made-from"
    wanted = hashlib.sha256((HERE / script).read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted and all((folder / name).is_file() for name in names):
        return
    subprocess.run([str(python), str(HERE / script), str(folder)], check=True, stdout=sys.stderr)
    stamp.write_text(wanted)


SET_UPS = {"normal": normal, "long": long}
if len(sys.argv) != 3 or sys.argv[1] not in SET_UPS:
    sys.exit("usage: set_up.py normal|long FOLDER")
SET_UPS[sys.argv[1]](Path(sys.argv[2]).absolute())
