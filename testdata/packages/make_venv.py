"""Make a virtual environment that holds exactly what a lock file says.

    python3 testdata/packages/make_venv.py testdata/packages/validators.lock target/validators

Every wheel must have a hash from the lock, nothing is built from source and nothing outside the lock is installed.
pip and setuptools are taken out again at the end, because setuptools would put itself into every start of the
interpreter. An environment that is already made from the same lock by the same interpreter is left alone, so the
second run needs no network.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path


def make_venv(lock, folder):
    """Returns the path of the environment's interpreter, `FOLDER/bin/python`."""
    lock, folder = Path(lock), Path(folder)
    python = folder / "bin" / "python"
    stamp = folder / "made-from"
    wanted = f"{sys.version}\n{sys.executable}\n{folder.absolute()}\n{hashlib.sha256(lock.read_bytes()).hexdigest()}\n"
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    # A half-made environment is not repaired but made again.
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    strict = ["--require-hashes", "--only-binary", ":all:", "--no-deps", "--no-warn-script-location"]
    subprocess.run([*pip, "install", "--quiet", *strict, "-r", str(lock)], check=True)
    listed = subprocess.run([*pip, "list", "--format=freeze"], check=True, capture_output=True, text=True).stdout
    tools = [line.split("==")[0] for line in listed.splitlines()]
    tools = [name for name in tools if name.lower() in ("pip", "setuptools", "wheel")]
    subprocess.run([*pip, "uninstall", "--quiet", "--yes", *tools], check=True)
    stamp.write_text(wanted)
    return python


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: make_venv.py LOCK FOLDER")
    print(make_venv(sys.argv[1], sys.argv[2]))
