"""What a Python process has really imported, as it knows itself: the answer that an observer's is compared with.

A program calls `follow(FOLDER)` before it imports anything else. When its interpreter ends, `FOLDER/<pid>.json` says
which distributions own a module of `sys.modules`, with the versions that importlib.metadata gives. What ran and is not
in `sys.modules` any more (an import that raised, a module that took itself out) is told apart from it, under `ran`.
"""

import atexit
import json
import os
import sys
import types

# The source tree is left as it is.
sys.dont_write_bytecode = True


def follow(folder):
    ran = set()

    def hear(event, arguments):
        # Raised for each code object that is run as a module or a script (sys.addaudithook, "exec").
        if event == "exec" and arguments and isinstance(arguments[0], types.CodeType):
            ran.add(arguments[0].co_filename)

    sys.addaudithook(hear)
    # The first to be registered is the last to be called.
    atexit.register(write, folder, ran)


def write(folder, ran):
    imported = {resolved(file) for file in files_of_modules()}
    ran = {resolved(file) for file in ran} - imported
    packages, others = owners(imported), owners(ran)
    truth = {
        "process": os.getpid(),
        "language": "python",
        "program": sys.argv[0],
        "interpreter": os.path.realpath(sys.executable),
        "packages": packages,
        "ran": [package for package in others if package not in packages],
    }
    path = os.path.join(folder, f"{os.getpid()}.json")
    with open(path + ".part", "w", encoding="utf-8") as out:
        json.dump(truth, out, indent=1, sort_keys=True)
    os.rename(path + ".part", path)


def files_of_modules():
    for module in list(sys.modules.values()):
        # Not isinstance, which asks the object: sys.modules has things that only pretend.
        if not issubclass(type(module), types.ModuleType):
            continue
        # A module that waits to be loaded would be by the first attribute it is asked for, so it is not asked.
        if type(module).__name__ == "_LazyModule" and type(module).__module__ == "importlib.util":
            continue
        about = types.ModuleType.__getattribute__(module, "__dict__")
        spec = about.get("__spec__")
        for file in (about.get("__file__"), getattr(spec, "origin", None) if getattr(spec, "has_location", False) else None):
            if isinstance(file, str):
                yield file


def resolved(file):
    return os.path.realpath(file)


def owners(files):
    """The distributions that list one of the files, as sorted `{"name", "version"}`.

    Opens METADATA and RECORD of every distribution there is, which must not make an observer believe that all are used.
    """
    from importlib import metadata

    found = {}
    for distribution in metadata.distributions():
        for file in distribution.files or []:
            if file.suffix in (".py", ".so", ".pyc") and resolved(distribution.locate_file(file)) in files:
                found[distribution.metadata["Name"]] = distribution.version
                break
    return [{"name": name, "version": version} for name, version in sorted(found.items())]
