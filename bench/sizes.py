"""What secrets, their past and the audit take on the disk."""

from scratch import Scratch
from table import columns
from vaults import WRITTEN, Grown, Programs, Vault, database, log

ENTRIES = 10_000
READS = 100
HEAD = ["secrets", "database", "bytes a secret", "plain .env", "ratio", "pins", "grown in s", "secrets/s", "commits"]


def mib(count: float) -> str:
    return f"{count / 2**20:.2f} MiB"


def table(grown: list[Grown]) -> str:
    rows = [[f"{g.secrets:,}", mib(g.database), f"{g.database / g.secrets:,.0f}", f"{g.plain / g.secrets:,.0f}",
             f"{g.database / g.plain:.1f}", mib(g.pins), f"{g.seconds:.2f}", f"{g.secrets / g.seconds:,.0f}",
             f"{g.commits:,}"] for g in grown]
    return columns([HEAD, *rows], set())


def fold(scratch: Scratch, programs: Programs, vault: Vault) -> None:
    """A commit, which leaves all in one file."""
    value = scratch.file("value", next(iter(scratch.secrets.values())))
    scratch.call([programs.zms, "set", "FOLDED", *WRITTEN], vault.owner, stdin=value)


def an_audit_entry(scratch: Scratch, programs: Programs, vault: Vault) -> float:
    """Bytes of the database for each entry of the audit."""
    fold(scratch, programs, vault)
    before = database(vault.home)
    scratch.call([programs.audit_cost, str(vault.home / "zms.db"), str(ENTRIES)], timeout=600)
    fold(scratch, programs, vault)
    return (database(vault.home) - before) / ENTRIES


def the_log(scratch: Scratch, programs: Programs, vault: Vault) -> int:
    """Bytes that reads leave beside the database, at most."""
    fold(scratch, programs, vault)
    most = 0
    for _ in range(READS):
        scratch.call([programs.zms, "export", *WRITTEN], vault.owner)
        most = max(most, log(vault.home))
    return most


def words(scratch: Scratch, programs: Programs, vault: Vault, a_version: float) -> str:
    longest = the_log(scratch, programs, vault)
    return (f"a version kept in the past: {a_version:,.0f} bytes, with the revision that brought it and its audit entry\n"
            f"an audit entry: {an_audit_entry(scratch, programs, vault):,.0f} bytes\n"
            f"the log beside the database: none after a commit, at most {mib(longest)} in {READS} reads")
