"""What this process has really imported: the truth that an observer's answer is compared with."""

import sys
from importlib import metadata
from pathlib import Path


def imported_packages():
    """The distributions that own at least one imported module, as sorted `{"name", "version"}` objects.

    Ask last: the search opens METADATA and RECORD of *every* installed distribution, as many real packages do while
    they are imported, and that must not make an observer believe that all of them are in use.
    """
    modules = set()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if file:
            modules.add(Path(file).resolve())
    packages = {}
    for distribution in metadata.distributions():
        files = distribution.files or []
        if any(file.suffix in (".py", ".so") and Path(distribution.locate_file(file)).resolve() in modules for file in files):
            packages[distribution.metadata["Name"]] = distribution.version
    return [{"name": name, "version": version} for name, version in sorted(packages.items())]
