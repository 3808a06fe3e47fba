"""A full rotation of ten thousand secrets in a hundred scopes, with fifty tokens."""

import json

from bulk import HEAD, line
from measure import Samples, run_once
from row import Missing, Row
from scratch import Scratch
from table import columns
from vaults import Programs, Shape, exported, grow

SHAPE = Shape(2, 5, 10, 100)
TOKENS = 50


def place(number: int) -> list[str]:
    """One of the scopes that hold secrets."""
    service, environment, project = number % 10, number // 10 % 5, number // 50 % 2
    return ["-p", f"project-{project}", "-e", f"environment-{environment}", "-s", f"service-{service}"]


def everything(scratch: Scratch, programs: Programs, runs: int) -> tuple[str, list[Samples]]:
    """Both rotations, again and again in one vault. Afterwards every token of the last one opens its scope."""
    home = scratch.folder / "rotated"
    env = {"ZMS_HOME": str(home)}
    grow(scratch, programs, home, SHAPE)
    for number in range(TOKENS):
        scratch.call([programs.zms, "token", "create", f"bench-{number}", *place(2 * number)], env)
    old = scratch.call([programs.zms, "token", "create", "old", *place(0)], env).decode().strip()
    scratch.call([programs.zms, "token", "revoke", "old", "--yes"], env)

    def row(name: str, more: list[str]) -> Row:
        return Row(name, [programs.zms, "key", "rotate", *more, "--yes"], "yes", env, program=[], read=None)

    full, key = Samples(row("zms key rotate --full", ["--full"])), Samples(row("zms key rotate", []))
    for _ in range(runs):
        run_once(scratch, full.row, full)
        run_once(scratch, key.row, key)
    verify(scratch, programs, env, old)
    note = f"{SHAPE.count:,} secrets in 100 scopes, {TOKENS} tokens, one commit"
    return columns([HEAD, line(full, note), line(key, "the master key alone")], {0, 6}), [full, key]


def verify(scratch: Scratch, programs: Programs, env: dict[str, str], old: str) -> None:
    """A rotation that is fast because it loses something must not look fast."""
    done = json.loads(scratch.call([programs.zms, "key", "rotate", "--full", "--yes", "--json"], env))
    tokens = {token["name"]: token["token"] for token in done["tokens"]}
    if (len(tokens), done["secrets"]) != (TOKENS, SHAPE.count):
        raise Missing(f"a full rotation gave {len(tokens)} tokens and sealed {done['secrets']} secrets")
    for number in range(TOKENS):
        mine = env | {"ZMS_TOKEN": tokens[f"bench-{number}"]}
        found = exported(scratch.call([programs.zms, "export", "--format", "json", *place(2 * number)], mine))
        if len(found) != SHAPE.secrets:
            raise Missing(f"a new token opens {len(found)} of {SHAPE.secrets} secrets")
    try:
        scratch.call([programs.zms, "get", "A"], env | {"ZMS_TOKEN": old})
    except Missing:
        return
    raise Missing("an old token still opens something")
