"""One scope of 100 secrets, read in a small vault and in a large one."""

import os
from pathlib import Path
from statistics import median

from measure import Samples, measure, run_once
from row import Row
from scratch import Scratch
from table import columns
from vaults import WRITTEN, Programs, Vault, reading

BUDGET = 2.0
HEAD = ["command", "as", "wall ms", "in large", "ratio", "over true", "in large", "ratio", "cpu ms", "in large", "ratio",
        "peak MiB", "in large", "ratio", "rounds"]


def rows(scratch: Scratch, programs: Programs, vault: Vault, size: str) -> list[Row]:
    name, value = next(iter(scratch.secrets.items()))
    write = Row(f"zms set|owner|{size}", [programs.zms, "set", name, *WRITTEN], "yes", vault.owner, program=[], read=None,
                stdin=scratch.file("value", value))
    read = [reading(programs, vault, command, env, f"zms {command}|{who}|{size}")
            for command in ["run", "export"] for who, env in [("token", vault.reader), ("owner", vault.owner)]]
    return [*read, write]


def forget(vault: Vault) -> None:
    """Has the system drop the database from the page cache. What was written must be on the disk first."""
    file = os.open(vault.home / "zms.db", os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


def cold(scratch: Scratch, programs: Programs, small: Vault, large: Vault, rounds: int) -> str:
    """The read of a database that is not in the page cache."""
    times: list[list[float]] = [[], []]
    for _ in range(rounds):
        for vault, into in zip([small, large], times, strict=True):
            forget(vault)
            into.append(run_once(scratch, reading(programs, vault, "run", vault.reader)))
    a, b = map(median, times)
    return (f"zms run (token), database not in the page cache: {a:.2f} and {b:.2f} ms, ratio {b / a:.2f} ({rounds} rounds; "
            f"read-ahead {read_ahead(large)} KiB)")


def read_ahead(vault: Vault) -> str:
    """How much the system reads where a page is missing."""
    device = os.stat(vault.home).st_dev
    at = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve()
    # A partition has the queue of its disk.
    found = [queue for queue in [at / "queue", at.parent / "queue"] if queue.is_dir()]
    return (found[0] / "read_ahead_kb").read_text().strip() if found else "?"


def compare(scratch: Scratch, programs: Programs, small: Vault, large: Vault, rounds: int,
            seconds: float) -> tuple[str, list[Samples]]:
    """The table, and what is behind it. Small and large take turns."""
    pairs = zip(rows(scratch, programs, small, "small"), rows(scratch, programs, large, "large"), strict=True)
    true = Row("true", [], "-", read=None)
    samples = measure(scratch, [true, *(row for pair in pairs for row in pair)], rounds, seconds)
    bare, rest = samples[0], samples[1:]
    lines, ratios = [HEAD], []
    for a, b in zip(rest[::2], rest[1::2], strict=True):
        command, who, _ = a.row.name.split("|")
        line = [command, who]
        for x, y in [(a.wall, b.wall), (a.wall - bare.wall, b.wall - bare.wall), (a.cpu, b.cpu), (a.peak, b.peak)]:
            line += [f"{x:.2f}", f"{y:.2f}", f"{y / x:.2f}"]
        lines.append([*line, f"{len(a.wall_ms)}, {len(b.wall_ms)}"])
        ratios.append((max(b.wall / a.wall, b.peak / a.peak), f"{command} ({who})"))
    worst, where = max(ratios)
    words = f"worst ratio of wall or peak: {worst:.2f}, {where} (budget {BUDGET:g})"
    at_first = cold(scratch, programs, small, large, min(rounds, 30))
    return f"{columns(lines, {0, 1})}\n\nbare true: {bare.wall:.2f} ms\n{at_first}\n{words}", samples
