"""How often a run waits for the disk: counted apart from the timed runs, since tracing slows them."""

import os
import re
import shutil
import subprocess

from row import Row
from scratch import Scratch

CALLS = "fsync,fdatasync,sync_file_range,msync"


def count(scratch: Scratch, row: Row) -> str:
    """The sync calls of one run, or `?` where strace can not be used."""
    strace = shutil.which("strace")
    if strace is None:
        return "?"
    log = scratch.folder / "strace.log"
    trace = [strace, "-f", "-qq", "-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(log)]
    with open(row.stdin or os.devnull, "rb") as stdin:
        done = subprocess.run([*trace, *row.argv], env=scratch.environment(row.env), cwd=row.cwd or scratch.folder,
                              stdin=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        return "?"
    return str(len(re.findall(rf"\b(?:{CALLS.replace(',', '|')})\(", log.read_text())))
