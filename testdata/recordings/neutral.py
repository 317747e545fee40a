"""Take out of a recording what tells which machine it was made on, and pack it tightly.

    python3 testdata/recordings/neutral.py FRESH.aibomrec testdata/recordings/demo.aibomrec

The node's digest and the boot's id become zeroes, and the kernel's release loses its local part. Nothing else is
changed: the times, paths, identifiers and answers are those of the run.
"""

import gzip
import io
import json
import sys


def neutral(line):
    value = json.loads(line)
    if "Start" in value:
        start = value["Start"]
        start["epoch"] |= {"node": "0" * 32, "boot": "00000000-0000-4000-8000-000000000000"}
        start["host"]["kernel"] = start["host"]["kernel"].split("-")[0]
        return json.dumps(value, separators=(",", ":")).encode() + b"\n"
    return line


with gzip.open(sys.argv[1]) as recording:
    lines = [neutral(line) for line in recording]
packed = io.BytesIO()
# No name and no time in the header: the same recording gives the same bytes.
with gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=9, mtime=0) as file:
    file.writelines(lines)
with open(sys.argv[2], "wb") as file:
    file.write(packed.getvalue())
