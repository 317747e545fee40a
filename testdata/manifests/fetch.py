"""Fetch the packages of packages.tsv again and compare what is kept of them, byte for byte.

    python3 testdata/manifests/fetch.py FOLDER

Run by `cargo xtask manifests`. Downloads go to FOLDER by each registry's own client (pip, npm, cargo); an archive whose
SHA-256 is not the one of the table is an error. Nothing of a package is installed; pip asks the build backend of a
source archive for its name.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def run(*words, **options):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, **options)


def pypi(folder, name, version, sha256):
    python = folder.parent / "venv/bin/python"
    if not python.exists():
        run(sys.executable, "-m", "venv", str(folder.parent / "venv"))
    wish = folder / "wish.txt"
    wish.write_text(f"{name}=={version} --hash=sha256:{sha256}\n")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    run(*pip, "download", "--quiet", "--no-deps", "--require-hashes", "--dest", str(folder), "-r", str(wish))
    wish.unlink()
    return checked(folder, sha256)


def npm(folder, name, version, sha256):
    run("npm", "pack", "--silent", "--ignore-scripts", f"{name}@{version}", cwd=folder)
    return checked(folder, sha256)


def crates(folder, name, version, sha256):
    """Cargo keeps the archive's digest beside what it unpacks, after it compared it with the registry's."""
    (folder / "src").mkdir()
    (folder / "src/lib.rs").touch()
    manifest = '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\n'
    (folder / "Cargo.toml").write_text(f'{manifest}{name} = "={version}"\n')
    run("cargo", "vendor", "--quiet", "--versioned-dirs", cwd=folder, stderr=subprocess.DEVNULL)
    made = folder / f"vendor/{name}-{version}"
    found = json.loads((made / ".cargo-checksum.json").read_text())["package"]
    if found != sha256:
        sys.exit(f"{name} {version} has SHA-256 {found}, not {sha256}")
    return {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*") if path.is_file()}


def checked(folder, sha256):
    [archive] = [path for path in folder.iterdir() if path.is_file()]
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != sha256:
        sys.exit(f"{archive.name} has SHA-256 {found}, not {sha256}")
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return {name: opened.read(name) for name in opened.namelist()}
    # The first folder of an archive is its own name.
    with tarfile.open(archive) as opened:
        files = [member for member in opened.getmembers() if member.isfile()]
        return {member.name.split("/", 1)[1]: opened.extractfile(member).read() for member in files}


def main(downloads):
    total = 0
    for line in (HERE / "packages.tsv").read_text().splitlines():
        if line.startswith("#"):
            continue
        kept, registry, name, version, sha256, _licence, count = line.split("\t")
        folder = downloads / kept
        if folder.exists():
            run("rm", "-r", str(folder))
        folder.mkdir(parents=True)
        brought = {"pypi": pypi, "npm": npm, "crates": crates}[registry](folder, name, version, sha256)
        root = HERE / "kept" / kept
        files = [path for path in sorted(root.rglob("*")) if path.is_file()]
        for path in files:
            if brought.get(str(path.relative_to(root))) != path.read_bytes():
                sys.exit(f"{path} is not what {name} {version} brings")
        if len(files) != int(count):
            sys.exit(f"{kept}: {len(files)} files are kept, and the table says {count}")
        run("rm", "-r", str(folder))
        total += len(files)
        print(f"{kept}: {len(files)} files as in {registry} {name} {version}", file=sys.stderr)
    print(f"{total} files, each as its package brings it", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: fetch.py FOLDER")
    main(Path(sys.argv[1]).resolve())
