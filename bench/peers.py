"""The peers: how each is given the secrets, and how it is run. Every one in its leanest fair form."""

import json
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from row import Missing, Row
from scratch import Scratch

UNAVAILABLE = {
    "sops": "not in Debian; the npm package downloads a binary from elsewhere; PyPI holds the retired Python 1.x",
    "doppler": "no package of its CLI found in Debian, PyPI or npm",
}


def age_key(scratch: Scratch) -> tuple[str, Path, str]:
    """The age program, a new identity file and its recipient."""
    age = scratch.tool("debian/usr/bin/age", "debian")
    identity = scratch.folder / "age.key"
    if not identity.exists():
        scratch.call([f"{age}-keygen", "-o", str(identity)])
    return age, identity, scratch.call([f"{age}-keygen", "-y", str(identity)]).decode().strip()


def age_sh(scratch: Scratch) -> Row:
    age, identity, recipient = age_key(scratch)
    exports = scratch.file("exports.sh", "".join(f"export {k}='{v}'\n" for k, v in scratch.secrets.items()))
    sealed = scratch.folder / "exports.age"
    scratch.call([age, "-r", recipient, "-o", str(sealed), str(exports)])
    exports.unlink()
    script = 'eval "$("$0" -d -i "$1" "$2")" && shift 2 && exec "$@"'
    return Row("age + sh", ["/bin/sh", "-c", script, age, str(identity), str(sealed)], "yes",
               note="one file, eval of its export lines")


def secretspec(scratch: Scratch) -> Row:
    tool = scratch.tool("cargo/bin/secretspec", "secretspec")
    age, identity, recipient = age_key(scratch)
    folder = scratch.subfolder("secretspec")
    scratch.call([age, "-r", recipient, "-o", str(folder / "secrets.age"), str(scratch.dotenv)])
    names = "".join(f'{name} = {{ description = "bench", required = true }}\n' for name in scratch.secrets)
    (folder / "secretspec.toml").write_text(
        f'[project]\nname = "bench"\nrevision = "1.0"\n\n[profiles.default]\n{names}')
    provider = f"age://{folder}/secrets.age?identity={identity}"
    return Row("secretspec (age)", [tool, "run", "--provider", provider, "--"], "yes", cwd=folder,
               audit="log line", note="one file; built with the age provider only")


def fnox(scratch: Scratch) -> Row:
    tool = scratch.tool("fnox/fnox", "fnox")
    _, identity, recipient = age_key(scratch)
    folder = scratch.subfolder("fnox")
    (folder / "fnox.toml").write_text(f'[providers.age]\ntype = "age"\nrecipients = ["{recipient}"]\n')
    env = {"FNOX_AGE_KEY_FILE": str(identity)}
    scratch.call([tool, "--no-daemon", "import", "--force", "--provider", "age", "-i", str(scratch.dotenv)],
                 env, folder)
    return Row("fnox (age)", [tool, "--no-daemon", "exec", "--"], "yes", env, folder,
               note="each value sealed by itself; without its daemon")


def dotenvx(scratch: Scratch) -> Row:
    tool = scratch.tool("node/node_modules/.bin/dotenvx", "node")
    folder = scratch.subfolder("dotenvx")
    (folder / ".env").write_text(scratch.dotenv.read_text())
    local = ["--no-armor", "--no-native", "--no-1password", "--no-bitwarden"]
    scratch.call([tool, "encrypt", *local], cwd=folder)
    text = (folder / ".env").read_text()
    if text.count("encrypted:") != len(scratch.secrets):
        raise Missing("`dotenvx encrypt` left values in plain")
    return Row("dotenvx", [tool, "run", "--quiet", *local, "--"], "yes", cwd=folder,
               note="each value sealed by itself; key in .env.keys")


def bao(scratch: Scratch) -> Row:
    tool = scratch.tool("bao", "python")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    env = {"BAO_ADDR": f"http://{address}", "BAO_TOKEN": "bench"}
    server = subprocess.Popen(
        [tool, "server", "-dev", "-dev-no-store-token", "-dev-root-token-id=bench", f"-dev-listen-address={address}"],
        env=scratch.environment({}), cwd=scratch.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    scratch.closing.callback(server.wait)
    scratch.closing.callback(server.terminate)
    secrets = scratch.file("bao.json", json.dumps(scratch.secrets))
    put = [tool, "kv", "put", "-mount=secret", "bench", f"@{secrets}"]
    for attempt in range(50):
        try:
            scratch.call(put, env)
            break
        except Missing:
            if attempt == 49 or server.poll() is not None:
                raise
            time.sleep(0.2)
    return Row("bao kv get", [tool, "kv", "get", "-format=json", "-mount=secret", "bench"], "dev: memory",
               env, program=[], proof=[], read=lambda out: json.loads(out)["data"]["data"],
               note="fetch only, nothing injected; its server is not counted")


def direnv(scratch: Scratch) -> Row:
    tool = scratch.tool("debian/usr/bin/direnv", "debian")
    folder = scratch.subfolder("direnv")
    (folder / ".envrc").write_text("".join(f"export {k}='{v}'\n" for k, v in scratch.secrets.items()))
    env = {"DIRENV_LOG_FORMAT": ""}
    scratch.call([tool, "allow", str(folder / ".envrc")], env)
    return Row("direnv exec", [tool, "exec", str(folder)], "no", env, note="starts bash")


def dotenv_cli(scratch: Scratch) -> Row:
    tool = scratch.tool("node/node_modules/.bin/dotenv", "node")
    return Row("dotenv-cli (node)", [tool, "-e", str(scratch.dotenv), "--"], "no")


def python_dotenv(scratch: Scratch) -> Row:
    tool = scratch.tool("python/bin/dotenv", "python")
    return Row("python-dotenv", [tool, "-f", str(scratch.dotenv), "run", "--"], "no")


def plain_sh(scratch: Scratch) -> Row:
    script = 'set -a && . "$0" && exec "$@"'
    return Row("sh + plain .env", ["/bin/sh", "-c", script, str(scratch.dotenv)], "no", note="what ZMS replaces")


def unavailable(reason: str) -> Callable[[], Row]:
    def prepare() -> Row:
        raise Missing(reason)

    return prepare


def rows(scratch: Scratch) -> list[tuple[str, Callable[[], Row]]]:
    """Every peer with how to prepare it."""
    here = {
        "secretspec (age)": secretspec, "age + sh": age_sh, "fnox (age)": fnox, "dotenvx": dotenvx, "bao kv get": bao,
        "sh + plain .env": plain_sh, "direnv exec": direnv, "dotenv-cli (node)": dotenv_cli,
        "python-dotenv": python_dotenv,
    }
    prepared = [(name, lambda prepare=prepare: prepare(scratch)) for name, prepare in here.items()]
    return prepared + [(name, unavailable(reason)) for name, reason in UNAVAILABLE.items()]
