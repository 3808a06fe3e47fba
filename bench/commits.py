"""How many commits a second reach the disk, and what the disk itself gives."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import syncs
from measure import run_once
from row import Row
from scratch import Scratch
from table import columns
from vaults import PROJECT, Programs, Shape, grow

MEMORY = Path("/dev/shm")
WRITERS = 16
SECRETS = 100
HEAD = ["writers", "commits/s", "(min..max)", "secrets/s", "x disk", "conflicts", "median ms", "slowest ms", "syncs", "note"]


@dataclass
class Pace:
    """What one turn gave."""
    commits: int
    seconds: float
    conflicts: int = 0
    middle: float = 0
    slowest: float = 0
    group: int = 1

    @property
    def rate(self) -> float:
        return self.commits / self.seconds


@dataclass
class Line:
    name: str
    turn: Callable[[], Pace]
    note: str = ""
    syncs: str = ""


def appends(path: Path, seconds: float) -> Pace:
    """4 KiB at the end of a file, waited for, again and again."""
    block, times = os.urandom(4096), []
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        began = time.monotonic()
        os.write(file, block)
        os.fsync(file)
        times.append((time.monotonic() - began) * 1e3)
    elapsed = time.monotonic() - start
    os.close(file)
    return Pace(len(times), elapsed, 0, median(times), max(times))


def set_in_a_loop(scratch: Scratch, programs: Programs, home: Path, seconds: float) -> Pace:
    """A new process for each commit."""
    value, times = scratch.file("value", next(iter(scratch.secrets.values()))), []
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        name = f"SECRET_{len(times) % SECRETS:02}"
        row = Row("zms set", [programs.zms, "set", name, *PROJECT, "-s", "service-0"], "yes", {"ZMS_HOME": str(home)},
                  program=[], read=None, stdin=value)
        times.append(run_once(scratch, row))
    return Pace(len(times), time.monotonic() - start, 0, median(times), max(times))


def command(programs: Programs, home: Path, service: int, group: int, seconds: float, most: int,
            secrets: range = range(SECRETS)) -> list[str]:
    path = f"project-0/environment-0/service-{service}"
    numbers = [secrets.start, len(secrets), group, round(seconds), most]
    return [programs.commit, str(home), path, *map(str, numbers)]


def writers(programs: Programs, home: Path, scopes: list[int], group: int, seconds: float) -> Pace:
    """A process for each scope named, all begun at once; they go on for `seconds`. Who shares a scope has secrets of
    its own there: two who write the same one at once are told so, and do not try again."""
    each = SECRETS // scopes.count(scopes[0])
    secrets = [range(at * each, at * each + each) if each < SECRETS else range(SECRETS) for at in range(len(scopes))]
    running = [subprocess.Popen(command(programs, home, scope, group, seconds, 10**9, own), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
               for scope, own in zip(scopes, secrets, strict=True)]
    for process in running:
        process.stdout.readline()
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [process.communicate() for process in running]
    failed = [words for process, (_, words) in zip(running, ended, strict=True) if process.returncode != 0]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(scopes)} writers failed: {failed[0].strip()}")
    parts = [[float(word) for word in out.split()] for out, _ in ended]
    commits, conflicts, elapsed, middle, slowest = zip(*parts, strict=True)
    return Pace(int(sum(commits)), max(elapsed), int(sum(conflicts)), median(middle), max(slowest), group)


def waits(scratch: Scratch, programs: Programs, home: Path, group: int) -> str:
    """How often one commit of many in a process waits for the disk, on average."""
    most = 100
    go = scratch.file("go", "\n")
    counted = syncs.count(scratch, Row("", command(programs, home, 0, group, 60, most), "-", program=[], stdin=go))
    return counted if counted == "?" else f"{int(counted) / most:.1f}"


def lines(scratch: Scratch, programs: Programs, seconds: float) -> list[Line]:
    made: list[Path] = []

    def home(folder: Path = scratch.folder) -> Path:
        path = folder / f"writers-{len(made)}"
        made.append(path)
        grow(scratch, programs, path, Shape(1, 1, WRITERS, 0))
        return path

    def of(name: str, scopes: list[int], group: int = 1, at: Path = scratch.folder, note: str = "") -> Line:
        vault = home(at)
        count = waits(scratch, programs, vault, group) if len(scopes) == 1 else ""
        return Line(name, lambda: writers(programs, vault, scopes, group, seconds), note, count)

    looped = home()
    value = scratch.file("value", next(iter(scratch.secrets.values())))
    one_set = Row("zms set", [programs.zms, "set", "SECRET_00", *PROJECT, "-s", "service-0"], "yes",
                  {"ZMS_HOME": str(looped)}, program=[], read=None, stdin=value)
    every = list(range(WRITERS))
    found = [
        Line("disk: 4 KiB appended, fsync", lambda: appends(scratch.folder / "appends", seconds), syncs="1"),
        Line("zms set, in a loop", lambda: set_in_a_loop(scratch, programs, looped, seconds), "a process per commit",
             syncs.count(scratch, one_set)),
        of("1 process", [0], note="through Session"),
        of("4 processes, a scope each", every[:4]),
        of("16 processes, a scope each", every),
        of("4 processes, one scope", [0] * 4),
        of("16 processes, one scope", [0] * WRITERS),
        of(f"1 process, {SECRETS} secrets a commit", [0], SECRETS),
    ]
    if MEMORY.is_dir():
        folder = scratch.closing.enter_context(tempfile.TemporaryDirectory(prefix="zms-bench-", dir=MEMORY))
        found.append(of("1 process, vault in memory", [0], at=Path(folder), note="where a sync is free"))
    return found


def table(scratch: Scratch, programs: Programs, seconds: float, turns: int) -> tuple[str, dict[str, list[float]]]:
    """All lines in turns; the medians of the turns, and each turn's rate."""
    found = lines(scratch, programs, seconds)
    paces: dict[str, list[Pace]] = {line.name: [] for line in found}
    for _ in range(turns):
        for line in found:
            paces[line.name].append(line.turn())
    disk = median(pace.rate for pace in paces[found[0].name])
    out = [HEAD]
    for line in found:
        these = paces[line.name]
        rates = [pace.rate for pace in these]
        rate, commits = median(rates), sum(pace.commits for pace in these)
        conflicts = sum(pace.conflicts for pace in these)
        secrets = "-" if line is found[0] else f"{rate * these[0].group:,.0f}"
        out.append([line.name, f"{rate:,.0f}", f"({min(rates):,.0f}..{max(rates):,.0f})", secrets, f"{rate / disk:.2f}",
                    f"{conflicts:,} ({conflicts / commits:.0%})" if conflicts else "0",
                    f"{median(pace.middle for pace in these):.2f}", f"{max(pace.slowest for pace in these):.1f}",
                    line.syncs, line.note])
    return columns(out, {0, 9}), {name: [pace.rate for pace in these] for name, these in paces.items()}
