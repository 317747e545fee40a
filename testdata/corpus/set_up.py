"""Make the corpus: an environment with the official libraries, the files they write, and stores of models.

    python3 testdata/corpus/set_up.py target/agents/corpus

Makes FOLDER/venv, FOLDER/files (make_corpus.py) and FOLDER/stores (make_stores.py). PyTorch is Debian's, as the one on
PyPI is gigabytes: what it makes is added by the system's Python. Needs the network the first time; what is made already
is left alone.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = HERE.parent / "packages"
sys.dont_write_bytecode = True
sys.path.insert(0, str(PACKAGES))

from make_venv import make_venv  # noqa: E402


def main(folder):
    python = make_venv(PACKAGES / "corpus.lock", folder / "venv")
    scripts = [HERE / "make_corpus.py", HERE / "make_stores.py"]
    wanted = hashlib.sha256((PACKAGES / "corpus.lock").read_bytes())
    for script in scripts:
        wanted.update(script.read_bytes())
    stamp = folder / "made-from"
    if stamp.is_file() and stamp.read_text() == wanted.hexdigest():
        return
    corpus, stores = scripts
    environment = {**os.environ, "KERAS_BACKEND": "openvino", "PYTHONDONTWRITEBYTECODE": "1"}
    for command in [
        [python, corpus, folder / "files"],
        [sys.executable, corpus, "--add", "torch", folder / "files"],
        [python, stores, folder / "stores"],
    ]:
        subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr, env=environment)
    stamp.write_text(wanted.hexdigest())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: set_up.py FOLDER")
    main(Path(sys.argv[1]))
