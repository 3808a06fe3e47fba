"""One row of the table: a way to start a program with secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

TRUE = ["/bin/true"]
ENV = ["/usr/bin/env", "-0"]
DURABLE_APPEND = "dd (one durable append)"


class Missing(Exception):
    """A tool that is not here, with the reason."""


def environment_of(output: bytes) -> Mapping[str, str]:
    """The variables in what `env -0` printed."""
    pairs = (entry.split(b"=", 1) for entry in output.split(b"\0") if b"=" in entry)
    return {name.decode(): value.decode(errors="replace") for name, value in pairs}


@dataclass
class Row:
    name: str
    prefix: list[str]
    """What stands before the program to run."""
    encrypted: str
    """Are the values encrypted at rest: `yes`, `no`, or why the question does not apply."""
    env: dict[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    program: list[str] = field(default_factory=lambda: TRUE)
    """The program measured; empty when `prefix` is a whole command."""
    proof: list[str] = field(default_factory=lambda: ENV)
    """Stands in for `program` when the row is checked before measuring."""
    read: Callable[[bytes], Mapping[str, str]] | None = environment_of
    """Finds the secrets in the proof's output; `None` for a row that delivers none."""
    stdin: Path | None = None
    audit: str = "none"
    """What the tool records of each run."""
    note: str = ""
    status: int = 0
    """The exit code it ends with."""

    @property
    def injects(self) -> bool:
        return self.read is environment_of

    @property
    def argv(self) -> list[str]:
        return self.prefix + self.program
