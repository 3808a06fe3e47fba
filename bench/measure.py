"""Checks that a row delivers the secrets, then measures all rows in turns."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from statistics import median

from row import Missing, Row
from scratch import Scratch

FEWEST_RUNS = 5
WARM_UPS = 3


@dataclass
class Samples:
    row: Row
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)

    @property
    def wall(self) -> float:
        return median(self.wall_ms)

    @property
    def cpu(self) -> float:
        return median(self.cpu_ms)

    @property
    def peak(self) -> float:
        return max(self.peak_mib)


def check(scratch: Scratch, row: Row) -> None:
    """A tool that is fast because it delivers nothing must not look fast."""
    if row.read is None:
        return
    output = scratch.call(row.prefix + row.proof, row.env, row.cwd, row.stdin)
    found = row.read(output)
    wrong = [name for name, value in scratch.secrets.items() if found.get(name) != value]
    if wrong:
        raise Missing(f"delivers {len(wrong)} of {len(scratch.secrets)} secrets wrong or not at all: {wrong[0]}")


def run_once(scratch: Scratch, row: Row, samples: Samples | None = None) -> float:
    """One run under the launcher, in milliseconds of wall time."""
    with open(row.stdin or os.devnull, "rb") as stdin:
        done = subprocess.run([str(scratch.tools / "launch"), *row.argv], env=scratch.environment(row.env),
                              cwd=row.cwd or scratch.folder, stdin=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{row.name}: {done.stderr.decode(errors='replace').strip()}")
    wall_ns, cpu_us, peak_kib, status = map(int, done.stdout.split())
    if status != row.status << 8:
        raise RuntimeError(f"{row.name} ended with wait status {status}: {done.stderr.decode(errors='replace').strip()}")
    if samples is not None:
        samples.wall_ms.append(wall_ns / 1e6)
        samples.cpu_ms.append(cpu_us / 1e3)
        samples.peak_mib.append(peak_kib / 1024)
    return wall_ns / 1e6


def warm_up(scratch: Scratch, row: Row) -> float:
    """A few runs that are not counted; the fastest of them, in milliseconds."""
    times = []
    for _ in range(WARM_UPS):
        times.append(run_once(scratch, row))
        if times[-1] > 1000:
            break
    return min(times)


def measure(scratch: Scratch, rows: list[Row], runs: int, seconds: float) -> list[Samples]:
    """Round after round, every row once. A slow row sits out some rounds, evenly, to stay within `seconds`."""
    for row in rows:
        check(scratch, row)
    turns = [min(runs, max(FEWEST_RUNS, int(seconds * 1000 / warm_up(scratch, row)))) for row in rows]
    samples = [Samples(row) for row in rows]
    shown = 0.0
    for number in range(runs):
        for row, turn, into in zip(rows, turns, samples, strict=True):
            if number * turn // runs != (number + 1) * turn // runs:
                run_once(scratch, row, into)
        if sys.stderr.isatty() and time.monotonic() - shown > 0.2:
            shown = time.monotonic()
            print(f"\r{len(scratch.secrets)} secrets: round {number + 1} of {runs} ", end="", file=sys.stderr)
    if shown:
        print(file=sys.stderr)
    return samples
