"""The rows of ZMS. When its command line changes, `vault` is the place to follow."""

import contextlib
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from row import Missing, Row
from scratch import Scratch

MEMORY = Path("/dev/shm")
MAIN = "zms run (token)"
IN_MEMORY = "zms run (token, vault in memory)"
START = "zms --version"
COMPLETION = "completion of names"
LOCKED = "completion, locked"
FULL = "zms get, disk full"
FROZEN = "zms get, disk read-only"
NO_AUDIT = 8
"""The exit code of a command that can not note what it reads."""


def vault(scratch: Scratch, zms: str, home: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Makes a vault in `home` with the secrets; the environments of its owner and of a token that reads."""
    owner = {"ZMS_HOME": str(home)}
    scratch.call([zms, "init"], owner)
    # A copy, since the import may offer to delete what it has read.
    scratch.call([zms, "import", str(scratch.file("import.env", scratch.dotenv.read_text())), "--keep"], owner)
    token = scratch.call(
        [zms, "token", "create", "bench", "--env", "development", "--read", "--ttl", "90d"], owner)
    return owner, owner | {"ZMS_TOKEN": token.decode().strip()}


def audit_cost(zms: Path, database: Path) -> str:
    """Milliseconds of the audit commit alone, timed in-process by an example that is built beside `zms`."""
    example = zms.parent / "examples/audit_cost"
    if not example.exists():
        raise Missing("not built yet: `just bench` builds it")
    done = subprocess.run([example, database, "200"], stdout=subprocess.PIPE, check=True)
    return f"commit {float(done.stdout) / 1000:.2f} ms"


def rows(scratch: Scratch, zms: Path) -> list[tuple[str, Callable[[], Row]]]:
    """Every row with how to prepare it; one that can not be prepared does not stop the rest."""
    made: dict[Path, tuple[dict[str, str], dict[str, str]]] = {}

    def at(home: Path) -> tuple[dict[str, str], dict[str, str]]:
        if not zms.exists():
            raise Missing("not built yet: `cargo build --release -p zms`, or name it with --zms")
        if home not in made:
            made[home] = vault(scratch, str(zms), home)
        return made[home]

    disk = scratch.folder / "zms"
    writes = scratch.folder / "zms-set"
    name, value = next(iter(scratch.secrets.items()))

    def row(label: str, command: list[str], env: dict[str, str], **more) -> Row:
        cost = audit_cost(zms, Path(env["ZMS_HOME"]) / "zms.db")
        return Row(label, [str(zms), *command], "yes", env, audit=cost, **more)

    def in_memory() -> Row:
        if not MEMORY.is_dir():
            raise Missing(f"no {MEMORY} here")
        home = scratch.closing.enter_context(tempfile.TemporaryDirectory(prefix="zms-bench-", dir=MEMORY))
        return row(IN_MEMORY, ["run", "--"], at(Path(home) / "zms")[1])

    def start() -> Row:
        at(disk)
        return Row(START, [str(zms), "--version"], "-", program=[], read=None, note="start of the process only")

    def get() -> Row:
        return row("zms get KEY", ["get", name], at(disk)[1], program=[], proof=[],
                   read=lambda out: scratch.secrets | {name: out.decode().rstrip("\n")}, note="one value, no program")

    def write() -> Row:
        return row("zms set KEY", ["set", name], at(writes)[0], program=[], read=None,
                   stdin=scratch.file("value", value), note="one durable write, own vault")

    # As a shell asks while `zms get` is typed.
    asked = {"ZMS_COMPLETE": "bash", "_CLAP_COMPLETE_INDEX": "2", "_CLAP_IFS": "\n"}
    completing = ["--", "zms", "get", ""]

    def completion() -> Row:
        names = lambda out: {it: scratch.secrets[it] for it in out.decode().split("\n") if it in scratch.secrets}
        return row(COMPLETION, completing, at(disk)[1] | asked, program=[], proof=[], read=names,
                   note="names offered while `zms get` is typed")

    def completion_locked() -> Row:
        home = scratch.folder / "zms-locked"
        owner = at(home)[0]
        scratch.call([str(zms), "key", "protect", "systemd", "--credential", str(scratch.folder / "zms-key")], owner)
        if any(scratch.call([str(zms), *completing], owner | asked).decode().count(it) for it in scratch.secrets):
            raise RuntimeError("a locked vault offers names")
        return Row(LOCKED, [str(zms), *completing], "yes", owner | asked, program=[], read=None,
                   note="flags alone, and no question")

    def refused(label: str, name: str, spoil: Callable[[Path], None]) -> Row:
        """A read that can not be noted, on a file system of its own."""
        home = scratch.folder / name
        home.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", home], capture_output=True, check=False).returncode:
            raise Missing("a file system can be mounted by root alone")
        scratch.closing.callback(subprocess.run, ["umount", "-l", home], check=False)
        reader = at(home / "zms")[1]
        spoil(home)
        # What is left in the log's own pages takes a few entries more.
        command = [str(zms), "get", next(iter(scratch.secrets))]
        for _ in range(500):
            if scratch.ends(command, reader) == NO_AUDIT:
                break
        return Row(label, command, "yes", reader, program=[], read=None, audit="none: it ends with exit 8",
                   note="nothing may be read that can not be noted", status=NO_AUDIT)

    def fill(home: Path) -> None:
        with open(home / "full", "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass

    def freeze(home: Path) -> None:
        subprocess.run(["mount", "-o", "remount,ro", home], check=True)

    return [
        (MAIN, lambda: row(MAIN, ["run", "--"], at(disk)[1])),
        ("zms run (master key)", lambda: row("zms run (master key)", ["run", "--"], at(disk)[0])),
        (IN_MEMORY, in_memory),
        (START, start),
        ("zms get KEY", get),
        ("zms set KEY", write),
        (COMPLETION, completion),
        (LOCKED, completion_locked),
        (FULL, lambda: refused(FULL, "zms-full", fill)),
        (FROZEN, lambda: refused(FROZEN, "zms-frozen", freeze)),
    ]
