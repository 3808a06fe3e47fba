"""A server over a database, under load over HTTP."""

import base64
import json
import os
import socket
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path

from served import UNLIMITED, Process, load
from table import columns

# Vaults that are written to, and connections of those who write: one each.
WRITERS = 16
# Connections of those who only read.
READERS = 64
RELAXED = ["--database-lag", "1s"]
# What is done, options of the server, and after how many reads a commit comes; without a number none does.
WORKS = [
    ("200, strong", [], None),
    ("304, strong", [], None),
    ("200, up to 1 s old", RELAXED, None),
    ("304, up to 1 s old", RELAXED, None),
    ("commit", [], 0),
    ("19 reads, 200, to a commit", [], 19),
]


@dataclass
class Served:
    """What a server did for those who ask, on cores that it shares with them and with the database."""

    work: str
    secrets: int
    connections: int
    per_second: float
    server_us: float
    """CPU of the server for each."""
    database_us: float
    """CPU of the database for each."""
    p50_ms: float
    p99_ms: float
    idle_mib: float
    """Before anybody asked it."""
    peak_mib: float
    refused: int
    """Answers that said to ask again."""

    def per_core(self) -> float:
        """A second, of a core that server and database share."""
        return 1e6 / (self.server_us + self.database_us)


def etag(authority: str, request: bytes) -> str:
    """What the answer to a request is known by."""
    host, port = authority.split(":")
    with socket.create_connection((host, int(port))) as stream:
        stream.sendall(request)
        answer = HTTPResponse(stream)
        answer.begin()
        answer.read()
        return answer.headers["ETag"]


def unless(requests: list[str], held: str) -> list[str]:
    """The same requests, of somebody who holds the answer."""
    end = f"\r\nIf-None-Match: {held}\r\n\r\n".encode()
    return [base64.b64encode(base64.b64decode(it).removesuffix(b"\r\n\r\n") + end).decode() for it in requests]


def turns(name: str, each: int | None, vaults: list[dict], authority: str) -> list[dict]:
    """What each connection sends."""
    if each is not None:
        return [{"reads": vault["reads"], "writes": vault["writes"][0], "each": each} for vault in vaults]
    reads = [vault["reads"] for vault in vaults]
    if name.startswith("304"):
        reads = [unless(those, etag(authority, base64.b64decode(those[0]))) for those in reads]
    return [{"reads": reads[number % WRITERS]} for number in range(READERS)]


def work(database, url: str, secrets: int, number: int, options, scratch: Path) -> Served:
    name, more, each = WORKS[number]
    secret, home = os.urandom(24).hex(), scratch / f"home-{secrets}-{number}"
    environment = {"PATH": os.environ["PATH"], "HOME": str(scratch), "ZMS_HOME": str(home), "ZMS_DATABASE": url, "ZMS_REGISTRATION": secret}
    server = Process([options.zms, "start", "--json", "--listen", "127.0.0.1:0", *UNLIMITED, *more], environment, "\n}\n")
    try:
        authority, idle = json.loads(server.said)["listen"][0], server.rss_mib()
        count = 1 if each is None else options.seconds * 1600 // WRITERS // (1 + each // 2)
        vaults = load(options.load, "commits", authority, WRITERS, 1, count, given=secret)
        made = load(options.load, "ask", authority, 600, given=json.dumps([{"writes": it["make"], "each": 0} for it in vaults]))
        if not {"200", "201"} <= set(made["statuses"]):
            raise RuntimeError(f"{name}: the vaults were answered {made['statuses']}")
        given = json.dumps(turns(name, each, vaults, authority))
        noted = database.entries()
        before, database_before = server.cpu(), database.cpu_us()
        found = load(options.load, "ask", authority, options.seconds, given=given)
        used, of_database = (server.cpu() - before) * 1e6, database.cpu_us() - database_before
        statuses = found["statuses"]
        refused = statuses.pop("503", 0)
        if set(statuses) != {"304" if name.startswith("304") else "200"}:
            raise RuntimeError(f"{name}: answered {statuses}")
        done, noted = sum(statuses.values()), database.entries() - noted
        if noted < done:
            raise RuntimeError(f"{name}: {done} were answered and {noted} noted")
        return Served(name, secrets, len(json.loads(given)), done / found["seconds"], used / done, of_database / done,
                      found["p50"] / 1e3, found["p99"] / 1e3, idle, server.peak_mib(), refused)
    finally:
        server.close()


def table(rows: list[Served]) -> str:
    lines = [["over HTTP", "secrets", "connections", "a second", "a core", "server us", "database us", "p50 ms", "p99 ms",
              "idle MiB", "peak MiB", "refused"]]
    for row in rows:
        lines.append([row.work, f"{row.secrets:,}", str(row.connections), f"{row.per_second:,.0f}", f"{row.per_core():,.0f}",
                      f"{row.server_us:.0f}", f"{row.database_us:.0f}", f"{row.p50_ms:.2f}", f"{row.p99_ms:.2f}",
                      f"{row.idle_mib:.0f}", f"{row.peak_mib:.0f}", f"{row.refused:,}"])
    return columns(lines, {0})
