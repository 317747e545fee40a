"""Write NAME.lock from NAME.in: every package, transitive ones too, pinned, with the SHA-256 of its wheels.

    python3 testdata/packages/relock.py agent agent-tools validators

Needs the network and a pip of 23.1 or later. A lock holds the hashes of the wheels that pip would choose on Linux
x86-64 with glibc for each CPython in PYTHONS, so that one lock serves them all; it holds no source archives, because
building one runs its code. The versions are resolved for the interpreter that runs this script.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
# Old and new glibc (minor versions): a package may offer one wheel for each, and pip takes the newest it can use.
GLIBCS = [28, 36, 41]
NO_DEPS = "# without dependencies"


def report(requirements, *options):
    """What pip would install for these requirement lines: (name, version, sha256) triples."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "requirements")
        listed.write_text("\n".join(requirements) + "\n")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--only-binary", ":all:", "--report", f"{folder}/report", "-r", str(listed), *options]
        subprocess.run(command, check=True)
        installs = json.loads(Path(folder, "report").read_text())["install"]
    return [
        (one["metadata"]["name"], one["metadata"]["version"], one["download_info"]["archive_info"]["hashes"]["sha256"])
        for one in installs
    ]


def each(pins, options):
    """The same for all pins at once, or one by one if some pin has no wheel for these options."""
    try:
        return report(pins, *options)
    except subprocess.CalledProcessError:
        found = []
    for pin in pins:
        try:
            found += report([pin], *options)
        except subprocess.CalledProcessError:
            print(f"no wheel: {pin} {' '.join(options)}", file=sys.stderr)
    return found


def relock(name):
    lines = [line.strip() for line in (HERE / f"{name}.in").read_text().splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    alone = [line.removesuffix(NO_DEPS).strip() for line in lines if line.endswith(NO_DEPS)]
    resolved = report([line for line in lines if not line.endswith(NO_DEPS)])
    if alone:
        resolved += report(alone, "--no-deps")
    hashes = {(package, version): {sha256} for package, version, sha256 in resolved}
    pins = [f"{package}=={version}" for package, version in hashes]
    for python in PYTHONS:
        for newest in GLIBCS:
            platforms = [f"--platform=manylinux_2_{minor}_x86_64" for minor in range(newest, 16, -1)]
            platforms.append("--platform=manylinux2014_x86_64")
            options = ["--no-deps", f"--python-version={python}", "--target=/nonexistent", *platforms]
            for package, version, sha256 in each(pins, options):
                hashes[package, version].add(sha256)
    out = [f"# Written by relock.py from {name}.in; do not edit."]
    for (package, version), known in sorted(hashes.items(), key=lambda item: item[0][0].lower()):
        out.append(" \\\n    ".join([f"{package}=={version}", *(f"--hash=sha256:{one}" for one in sorted(known))]))
    (HERE / f"{name}.lock").write_text("\n".join(out) + "\n")


for argument in sys.argv[1:]:
    relock(argument)
