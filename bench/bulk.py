"""Ten thousand secrets in and out at once, and the past of a scope with a thousand revisions."""

import json
from pathlib import Path

from commits import SECRETS, command
from measure import Samples, measure, run_once
from row import Missing, Row
from scratch import Scratch
from table import columns
from vaults import PROJECT, Programs, Shape, database, exported, grow

MANY = 10_000
REVISIONS = 1_000
HEAD = ["what", "wall ms", "(min..max)", "cpu ms", "peak MiB", "runs", "note"]


def line(samples: Samples, note: str = "") -> list[str]:
    return [samples.row.name, f"{samples.wall:.1f}", f"({min(samples.wall_ms):.1f}..{max(samples.wall_ms):.1f})",
            f"{samples.cpu:.1f}", f"{samples.peak:.1f}", str(len(samples.wall_ms)), note]


def revision(scratch: Scratch, zms: str, place: list[str], home: Path) -> int:
    out = scratch.call([zms, "log", "--json", "-n", "1", *place], {"ZMS_HOME": str(home)})
    return json.loads(out)["revisions"][0]["revision"]


def through(scratch: Scratch, programs: Programs, runs: int) -> tuple[str, list[Samples]]:
    """Import into new vaults, export of the last of them. `scratch` holds the many secrets."""
    imports, home = None, scratch.folder
    for number in range(runs):
        home = scratch.folder / f"imported-{number}"
        env = {"ZMS_HOME": str(home)}
        scratch.call([programs.zms, "init"], env)
        before = revision(scratch, programs.zms, [], home)
        source = scratch.file("import.env", scratch.dotenv.read_text())
        row = Row(f"zms import, {MANY:,} secrets", [programs.zms, "import", str(source), "--keep"], "yes", env, program=[],
                  read=None)
        imports = imports or Samples(row)
        run_once(scratch, row, imports)
        made = revision(scratch, programs.zms, [], home) - before
        if made != 1:
            raise Missing(f"an import took {made} revisions")
    assert imports is not None
    export = Row(f"zms export, {MANY:,} secrets", [programs.zms, "export", "--format", "json"], "yes",
                 {"ZMS_HOME": str(home)}, program=[], proof=[], read=exported)
    out = measure(scratch, [export], runs * 4, 10)
    text = columns([HEAD, line(imports, "1 revision each, a new vault each (budget 1000 ms)"),
                    line(out[0], "every value compared with the file")], {0, 6})
    return text, [imports, *out]


def past(scratch: Scratch, programs: Programs, runs: int) -> tuple[str, list[Samples], float]:
    """Reads of a scope with a thousand revisions, beside one with two. Also what a kept version takes on the disk."""
    home = scratch.folder / "past"
    env = {"ZMS_HOME": str(home)}
    grow(scratch, programs, home, Shape(1, 1, 2, 0))
    go = scratch.file("go", "\n")
    for service in [0, 1]:
        scratch.call(command(programs, home, service, SECRETS, 600, 1), stdin=go)
    before = database(home)
    scratch.call(command(programs, home, 0, 1, 600, REVISIONS), stdin=go, timeout=600)
    a_version = (database(home) - before) / REVISIONS
    old, new = [*PROJECT, "-s", "service-0"], [*PROJECT, "-s", "service-1"]
    shown = json.loads(scratch.call([programs.zms, "log", "--json", *old], env))["revisions"]
    if len(shown) != REVISIONS + 2:
        raise Missing(f"the log shows {len(shown)} revisions")

    def row(name: str, words: list[str], place: list[str]) -> Row:
        return Row(name, [programs.zms, *words, *place], "yes", env, program=[], read=None)

    rows = [
        row("zms log", ["log"], old),
        row("zms log -n 10", ["log", "-n", "10"], old),
        row("zms history NAME", ["history", "SECRET_07"], old),
        row("zms diff", ["diff", "10", str(REVISIONS)], old),
        row("zms export", ["export"], old),
        row("zms log, 2 revisions", ["log"], new),
        row("zms export, 2 revisions", ["export"], new),
    ]
    samples = measure(scratch, rows, runs * 4, 10)
    return columns([HEAD, *(line(each) for each in samples)], {0, 6}), samples, a_version
