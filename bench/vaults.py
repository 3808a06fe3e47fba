"""Vaults of many secrets, each with the same scope of 100 that is measured in it."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from measure import check
from row import Missing, Row
from scratch import Scratch

PROJECT = ["-p", "project-0", "-e", "environment-0"]
READ = [*PROJECT, "-s", "read"]
WRITTEN = [*PROJECT, "-s", "written"]


@dataclass(frozen=True)
class Programs:
    """The binary, and the examples that are built beside it."""
    zms: str
    grow: str
    commit: str
    audit_cost: str

    @classmethod
    def beside(cls, zms: Path) -> "Programs":
        paths = [zms, *(zms.parent / "examples" / name for name in ["grow", "commit", "audit_cost"])]
        for path in paths:
            if not path.exists():
                raise Missing(f"{path} is not built yet: `just release` builds it")
        return cls(*map(str, paths))


@dataclass(frozen=True)
class Shape:
    projects: int
    environments: int
    services: int
    secrets: int

    @property
    def count(self) -> int:
        return self.projects * self.environments * self.services * self.secrets


@dataclass
class Grown:
    """What it took to grow a vault, and what it takes on the disk before anything else is done with it."""
    secrets: int
    commits: int
    seconds: float
    plain: int
    """Bytes of the same as NAME=VALUE lines."""
    database: int
    pins: int


@dataclass
class Vault:
    home: Path
    grown: Grown
    token: str

    @property
    def owner(self) -> dict[str, str]:
        return {"ZMS_HOME": str(self.home)}

    @property
    def reader(self) -> dict[str, str]:
        return self.owner | {"ZMS_TOKEN": self.token}


def grow(scratch: Scratch, programs: Programs, home: Path, shape: Shape) -> Grown:
    """A new vault in `home`, grown by commits of one project each."""
    scratch.call([programs.zms, "init"], {"ZMS_HOME": str(home)})
    numbers = [shape.projects, shape.environments, shape.services, shape.secrets]
    out = scratch.call([programs.grow, str(home), *map(str, numbers)], timeout=3600).split()
    pins = sum(file.stat().st_size for file in (home / "pins").rglob("*") if file.is_file())
    return Grown(int(out[0]), int(out[1]), float(out[2]), int(out[3]), database(home), pins)


def make(scratch: Scratch, programs: Programs, home: Path, shape: Shape) -> Vault:
    """A grown vault with two more scopes: one to be read, with a token for it, and one to be written."""
    grown = grow(scratch, programs, home, shape)
    owner = {"ZMS_HOME": str(home)}
    for place in [READ, WRITTEN]:
        scratch.call([programs.zms, "service", "create", place[-1], *PROJECT], owner)
        source = scratch.file("import.env", scratch.dotenv.read_text())
        scratch.call([programs.zms, "import", str(source), "--keep", *place], owner)
    token = scratch.call([programs.zms, "token", "create", "bench", "--read", *READ], owner)
    return Vault(home, grown, token.decode().strip())


def kept(scratch: Scratch, programs: Programs, folder: Path, fresh: bool,
         shape: Shape) -> tuple[Vault, bool]:
    """The vault that an earlier run left in `folder` and whether it did; else a new one, left there for the next run.

    The scope that is read holds random secrets of the run that made it: from now on they are this run's."""
    facts, plain = folder / "facts.json", folder / "plain.env"
    if facts.exists() and not fresh:
        found = json.loads(facts.read_text())
        vault = Vault(folder / "home", Grown(**found["grown"]), found["token"])
        scratch.take(plain)
        try:
            if found["shape"] == asdict(shape):
                check(scratch, reading(programs, vault, "run", vault.reader))
                return vault, True
        except Missing:
            pass  # Made by a version of ZMS whose vaults this one does not open.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    shutil.copy(scratch.dotenv, plain)
    vault = make(scratch, programs, folder / "home", shape)
    facts.write_text(json.dumps({"shape": asdict(shape), "grown": asdict(vault.grown), "token": vault.token}))
    facts.chmod(0o600)
    return vault, False


def exported(output: bytes) -> dict[str, str]:
    return json.loads(output)


def reading(programs: Programs, vault: Vault, command: str, env: dict[str, str], name: str = "") -> Row:
    """The scope of 100 secrets, read by one command."""
    if command == "run":
        return Row(name, [programs.zms, "run", *READ, "--"], "yes", env)
    prefix = [programs.zms, "export", "--format", "json", *READ]
    return Row(name, prefix, "yes", env, program=[], proof=[], read=exported)


def database(home: Path) -> int:
    """Bytes of the database; its log is beside it, and gone after a commit."""
    return (home / "zms.db").stat().st_size


def log(home: Path) -> int:
    path = home / "zms.db-wal"
    return path.stat().st_size if path.exists() else 0

