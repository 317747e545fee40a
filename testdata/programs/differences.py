"""What an observer cannot tell from an import: code that ran and raised, and source that was read as text."""

import sys
import sysconfig
from pathlib import Path

import truth

truth.follow(sys.argv[1])

# Installed without what it depends on: its first lines run and then raise. Whoever asks for something optional by
# importing it does no other.
try:
    import lpips  # noqa: F401
except ImportError:
    pass
else:
    raise SystemExit("lpips has what it depends on")

# An agent that reads code opens the same files as one that runs it.
source = Path(sysconfig.get_path("purelib"), "fsspec", "registry.py").read_text(encoding="utf-8")
assert "def " in source
