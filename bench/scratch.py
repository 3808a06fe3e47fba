"""What every tool is given: the same secrets, an empty home, a small environment."""

import os
import secrets
import shutil
import string
import subprocess
from contextlib import ExitStack
from pathlib import Path

from row import Missing

ALPHABET = string.ascii_letters + string.digits


def random_secrets(count: int) -> dict[str, str]:
    """`count` names with random values of 32 to 64 characters that every dotenv dialect reads alike."""
    def value() -> str:
        return "".join(secrets.choice(ALPHABET) for _ in range(32 + secrets.randbelow(33)))

    return {f"BENCH_{number:03}": value() for number in range(count)}


class Scratch:
    """A folder for one count of secrets; `closing` ends what a peer started."""

    def __init__(self, folder: Path, tools: Path, count: int, closing: ExitStack):
        self.folder, self.tools, self.closing = folder, tools, closing
        self.secrets = random_secrets(count)
        self.home = self.subfolder("home")
        self.dotenv = self.file("plain.env", "".join(f"{k}={v}\n" for k, v in self.secrets.items()))

    def take(self, dotenv: Path) -> None:
        """From now on these are the secrets, and not those that were drawn."""
        self.dotenv = dotenv
        self.secrets = dict(line.split("=", 1) for line in dotenv.read_text().splitlines())

    def subfolder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir(parents=True)
        return path

    def file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def tool(self, path: str, peer: str) -> str:
        """The path of an installed tool, or `Missing` with the reason that `bench/setup` left."""
        found = self.tools / path
        if found.exists():
            return str(found)
        reason = self.tools / "missing" / peer
        raise Missing(reason.read_text().strip() if reason.exists() else "run bench/setup")

    def environment(self, extra: dict[str, str]) -> dict[str, str]:
        node = shutil.which("node")
        path = ["/usr/bin", "/bin"] if node is None else ["/usr/bin", "/bin", os.path.dirname(node)]
        return {"HOME": str(self.home), "PATH": ":".join(path), "LANG": "C.UTF-8"} | extra

    def call(self, argv: list[str], env: dict[str, str] | None = None, cwd: Path | None = None,
             stdin: Path | None = None, timeout: float = 120) -> bytes:
        """Runs one step of preparation and gives its stdout; a failure is `Missing`, with its last words."""
        with open(stdin or os.devnull, "rb") as source:
            done = subprocess.run(argv, env=self.environment(env or {}), cwd=cwd or self.folder, stdin=source,
                                  capture_output=True, timeout=timeout, check=False)
        if done.returncode != 0:
            words = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
            command = " ".join([Path(argv[0]).name, *argv[1:3]])
            raise Missing(f"`{command}` exited {done.returncode}: {words[-1] if words else 'no message'}")
        return done.stdout

    def ends(self, argv: list[str], env: dict[str, str]) -> int:
        """The exit code of a command, whose words nobody reads."""
        return subprocess.run(argv, env=self.environment(env), cwd=self.folder, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120, check=False).returncode
