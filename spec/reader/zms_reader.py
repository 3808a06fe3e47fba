"""An independent reader of ZMS vaults, written from the pages beside it.

    zms_reader.py vector spec/vectors/bundle-read.json 'name of a case'
    zms_reader.py database zms.db shop/production < token
    zms_reader.py backup all.backup shop/production --key-file zms.master.key
    zms_reader.py bundle app.zms shop/production < token
    zms_reader.py database zms.db shop/production --key-file zms.master.key
    zms_reader.py personal ID.personal shop/production --key-file zms.master.key

It prints {name: base64 of the value}, or exits with 1 and names the class of failure. A token is
read from standard input, a key file's passphrase or outer key too; neither is an argument.
"""

import argparse
import base64
import json
import re
import sqlite3
import sys
import tempfile
import time

from encoded import read_file
from formats import (
    Failure, Malformed, Unopened, blind_index, derive, lp, open_box, parse_child, parse_keyring,
    parse_line, parse_path, parse_payload, parse_reference, parse_revision, parse_roster,
    parse_seed, principal_id, read_backup, read_key_file, read_personal, sha256, u32, u64, verifies, verifying_key,
)

EXACT, SUBTREE = 1, 2
WRITE, ADMINISTRATOR = 3, 3
CLOSED = bytes(32)
MAX_REFERENCES = 8


class Bundle:
    """A bundle as the vectors spell it. Nothing in it is believed."""

    def __init__(self, state):
        self.state = state

    @property
    def vault(self):
        return unhex(self.state.get("vault"))

    def departed(self, principal):
        return principal.hex() in self.state.get("departed", {})

    def member(self, principal):
        """Line, hash of the escrow, hash of the keyring, proof; None for a stranger."""
        member = self.state.get("members", {}).get(principal.hex())
        if member is None:
            return None
        proof = [(side == "left", bytes.fromhex(node)) for side, node in member["proof"]]
        return *(unhex(member[key]) for key in ("line", "escrow_hash", "keyring_hash")), proof

    def keyring(self, principal):
        return unhex(self.state["members"][principal.hex()].get("keyring"))

    def roster(self):
        return signed(self.state.get("roster"))

    def roster_messages(self, after):
        return behind(self.state.get("rosters", []), after)

    def head(self, scope):
        return signed(self.scope(scope).get("head"))

    def scope(self, scope):
        return self.state.get("scopes", {}).get(scope.hex(), {})

    def revision_messages(self, scope, after):
        return behind(self.scope(scope).get("messages", []), after)

    def records(self, scope):
        """(index, revision, epoch, envelope or None, hash of the envelope)"""
        for record in self.scope(scope).get("records", []):
            whole = unhex(record.get("envelope"))
            digest = unhex(record.get("envelope_hash")) if whole is None else sha256(whole)
            yield unhex(record["name_index"]), record["rev_from"], record["epoch"], whole, digest

    def children(self, scope):
        for child in self.scope(scope).get("children", []):
            index, below, envelope = (unhex(child[key]) for key in ("child_index", "child", "envelope"))
            yield index, below, child["child_epoch"], envelope


class Database:
    """A SQLite store: store.md#sqlite."""

    def __init__(self, path):
        self.rows = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.rows.execute("BEGIN")

    def one(self, query, *arguments):
        return self.rows.execute(query, arguments).fetchone()

    @property
    def vault(self):
        return (self.one("SELECT id FROM vault") or [None])[0]

    def departed(self, principal):
        return self.one("SELECT at FROM departed WHERE principal = ?", principal) is not None

    def member(self, principal):
        row = self.one("SELECT line FROM member WHERE principal = ?", principal)
        leaf = self.one("SELECT escrow, keyring, at FROM leaf WHERE principal = ?", principal)
        return row and leaf and (row[0], leaf[0], leaf[1], self.proof(leaf[2]))

    def proof(self, at):
        chunks, steps = dict(self.rows.execute("SELECT chunk, hashes FROM node")), []
        (width,), offset = self.one("SELECT members FROM vault"), 0
        while width > 1:
            if at ^ 1 < width:
                chunk, index = divmod(offset + (at ^ 1), 64)
                steps.append((at % 2 == 1, chunks.get(chunk, b"")[32 * index :][:32]))
            offset, width, at = offset + width, (width + 1) // 2, at // 2
        return steps

    def keyring(self, principal):
        return (self.one("SELECT keyring FROM member WHERE principal = ?", principal) or [None])[0]

    def roster(self):
        return self.one("SELECT message, signature FROM roster ORDER BY version DESC")

    def head(self, scope):
        newest = "SELECT message, signature FROM revision WHERE scope = ? ORDER BY revision DESC"
        return self.one(newest, scope)

    def records(self, scope):
        query = "SELECT name_index, rev_from, epoch, envelope FROM record WHERE scope = ?"
        for index, revision, epoch, envelope in self.rows.execute(query, [scope]):
            yield index, revision, epoch, envelope, sha256(envelope)

    def children(self, scope):
        query = "SELECT child_index, child, child_epoch, envelope FROM child WHERE scope = ?"
        return self.rows.execute(query, [scope])


def unhex(text):
    return None if text is None else bytes.fromhex(text)


def signed(message):
    return message and (unhex(message["message"]), unhex(message["signature"]))


def behind(messages, after):
    return [unhex(message["message"]) for message in messages if message["number"] > after]


def integrity(holds):
    if not holds:
        raise Failure("integrity")


def root_from_proof(part, proof):
    """roster.md#members-root"""
    if len(proof) > 40:
        return None
    node = sha256(b"\0" + part)
    for left, other in proof:
        node = sha256(b"\1" + other + node if left else b"\1" + node + other)
    return node


def covers(line, when):
    return line["not_before"] <= when and (not line["expires"] or when <= line["expires"])


def writes(line, lineage):
    return any(line["rights"].get(scope) == WRITE for scope in lineage)


def reaches(newest, digest, pinned, pinned_digest, between, key, parse):
    """Whether a chain leads back to a pin, numbers down by one. pins.md#reaching"""
    at, wanted = newest[key], newest["prev_hash"]
    if at <= pinned:
        return at == pinned and digest == pinned_digest
    for message in reversed(between(pinned) if at > pinned + 1 else []):
        link = parse(message)
        if link[key] != at - 1 or sha256(message) != wanted:
            return False
        at, wanted = link[key], link["prev_hash"]
    return at == pinned + 1 and wanted == pinned_digest


class Scope:
    """A proven scope: where it stands, its keys and its rows."""

    def __init__(self, path, lineage, epoch, node=None, data=None):
        self.path, self.lineage, self.epoch, self.node = path, lineage, epoch, node
        self.data = data or derive(node, "zms/v1/scope/data")
        self.records, self.children = [], []


class Reader:
    """Opens a bundle in the order of bundle.md#opening."""

    def __init__(self, bundle, kind, seed, now, pins=None):
        self.bundle, self.now, self.pins = bundle, now, pins or {}
        self.vault = bundle.vault
        if self.vault is None:
            raise Failure("no-vault")
        self.me = principal_id(verifying_key(seed, "zms/v1/principal/sign"))
        if bundle.departed(self.me):
            raise Failure("revoked")
        if bundle.member(self.me) is None:
            raise Failure("unknown")
        self.open_keyring(seed)
        self.verify_roster()
        self.verify_own_line(kind)
        self.check_roster_pin()
        self.places, self.seen = {}, {}

    def open_keyring(self, seed):
        self.sealed = self.bundle.keyring(self.me)
        integrity(self.sealed is not None)
        aad = lp(b"zms/v1/aad/keyring", self.vault, self.me)
        opened = open_box(derive(seed, "zms/v1/principal/wrap"), aad, self.sealed)
        self.keyring = parse_keyring(opened, self.vault)
        key = self.keyring["vault_key"]
        authority = key and verifying_key(key, "zms/v1/vault/authority")
        integrity(key is None or authority == self.keyring["authority"])

    def verify_roster(self):
        self.roster_signed = self.bundle.roster()
        integrity(self.roster_signed is not None)
        integrity(verifies(self.keyring["authority"], *self.roster_signed))
        self.roster = parse_roster(self.roster_signed[0])
        integrity(self.roster["vault"] == self.vault)

    def verify_own_line(self, kind):
        line = self.proven_line(self.me)
        integrity(self.bundle.member(self.me)[2] == sha256(self.sealed))
        administers = self.keyring["vault_key"] is not None and writes(line, [self.vault])
        integrity(line["kind"] == kind and (kind == ADMINISTRATOR) == administers)
        if line["expires"] and self.now > line["expires"]:
            raise Failure("expired")

    def proven_line(self, principal):
        integrity(not self.bundle.departed(principal))
        member = self.bundle.member(principal)
        integrity(member is not None)
        encoded, escrow, keyring, proof = member
        line = parse_line(encoded)
        part = principal + sha256(encoded) + escrow + keyring
        integrity(line["principal"] == principal)
        integrity(root_from_proof(part, proof) == self.roster["members_root"])
        return line

    def check_roster_pin(self):
        self.roster_hash = sha256(self.roster_signed[0])
        pin = self.pins.get("roster")
        self.pins_void = bool(pin) and self.roster["generation"] > pin["generation"]
        if not pin or self.pins_void:
            return
        between = self.bundle.roster_messages
        link = self.roster, self.roster_hash, pin["version"], unhex(pin["hash"]), between
        same = self.roster["generation"] == pin["generation"]
        if not same or not guarded(reaches, *link, "version", parse_roster):
            raise Failure("rolled-back")

    def way(self, path):
        """Steps 6 and 7: every scope from the highest that is held down to a path."""
        held = [entry for entry in self.keyring["entries"] if path[: len(entry["path"])] == entry["path"]]
        held.sort(key=lambda entry: len(entry["path"]))
        full = next((at for at, entry in enumerate(held) if entry["depth"] != EXACT), len(held))
        held = held[: full + 1]
        if not held or held[-1]["depth"] == EXACT and held[-1]["path"] != path:
            raise Failure("out-of-scope")
        lineage = held[-1]["lineage"]
        integrity(all(lineage[: len(entry["lineage"])] == entry["lineage"] for entry in held))
        scopes = [self.prove(scope_of(entry)) for entry in held]
        for name in path[len(held[-1]["path"]) :]:
            scopes.append(self.prove(self.below(scopes[-1], name)))
        return scopes

    def below(self, above, name):
        index = blind_index(derive(above.node, "zms/v1/scope/child-index"), name)
        for child_index, child, epoch, envelope in above.children:
            if child_index == index:
                place = self.vault, above.lineage[-1], u32(above.epoch), index, child, u32(epoch)
                key = derive(above.node, "zms/v1/scope/child")
                content = parse_child(open_box(key, lp(b"zms/v1/aad/child", *place), envelope))
                integrity(content["name"] == name)
                return Scope(above.path + [name], above.lineage + [child], epoch, content["node"])
        raise Failure("not-found")

    def prove(self, scope):
        """Step 6 for one scope."""
        scope.id = scope.lineage[-1]
        integrity(self.places.setdefault(scope.id, scope.lineage) == scope.lineage)
        message = self.bundle.head(scope.id)
        integrity(message is not None)
        head = self.proven_head(scope, message)
        if head["key_commitment"] == CLOSED:
            raise Failure("removed")
        integrity(head["epoch"] == scope.epoch)
        integrity(head["key_commitment"] == derive(scope.data, "zms/v1/data/commit"))
        self.prove_records(scope, head)
        if scope.node:
            self.prove_children(scope, head)
        self.check_head_pin(scope, head, sha256(message[0]))
        return scope

    def proven_head(self, scope, message):
        head = parse_revision(message[0])
        integrity((head["vault"], head["scope"]) == (self.vault, scope.id))
        integrity(head["generation"] == self.roster["generation"])
        author = self.proven_line(head["author"])
        integrity(verifies(author["vk"], *message))
        integrity(covers(author, head["created_at"]) and writes(author, scope.lineage))
        return head

    def prove_records(self, scope, head):
        scope.records = list(self.bundle.records(scope.id))
        parts = sorted(index + u64(rev) + digest for index, rev, _, _, digest in scope.records)
        integrity(sha256(lp(b"zms/v1/records", *parts)) == head["records_root"])
        integrity(all_differ(index for index, *_ in scope.records))
        integrity(all(epoch == head["epoch"] for _, _, epoch, _, _ in scope.records))
        integrity(len(scope.lineage) > 1 or not scope.records)
        # Every record is asked for here, so each must come whole.
        integrity(all(envelope is not None for *_, envelope, _ in scope.records))

    def prove_children(self, scope, head):
        scope.children = list(self.bundle.children(scope.id))
        parts = sorted(
            index + child + u32(epoch) + sha256(envelope)
            for index, child, epoch, envelope in scope.children
        )
        integrity(sha256(lp(b"zms/v1/children", *parts)) == head["children_root"])
        integrity(all_differ(index for index, *_ in scope.children))
        integrity(all_differ(child for _, child, *_ in scope.children))
        integrity(all(child not in scope.lineage for _, child, *_ in scope.children))

    def check_head_pin(self, scope, head, digest):
        lineage = [each.hex() for each in scope.lineage]
        pins = [] if self.pins_void else self.pins.get("heads", [])
        for pin in pins:
            if pin["lineage"] == lineage:
                between = lambda after: self.bundle.revision_messages(scope.id, after)
                link = head, digest, pin["revision"], unhex(pin["hash"]), between
                if not guarded(reaches, *link, "revision", parse_revision):
                    raise Failure("rolled-back")
        self.seen[tuple(scope.lineage)] = head["revision"], digest

    def open_records(self, scope):
        """Step 8."""
        payloads = {}
        index_key = derive(scope.data, "zms/v1/data/index")
        record_key = derive(scope.data, "zms/v1/data/record")
        for index, revision, epoch, envelope, _ in scope.records:
            place = self.vault, scope.id, u32(epoch), index, u64(revision)
            payload = parse_payload(open_box(record_key, lp(b"zms/v1/aad/record", *place), envelope))
            integrity(blind_index(index_key, payload["name"]) == index)
            if payload["kind"] != 6:
                payloads[payload["name"]] = payload
        return payloads

    def secrets(self, path):
        """Step 9: values by name, and why others can not be read."""
        held = [(scope.path, self.open_records(scope)) for scope in self.way(path)]
        winners = {name: at for at, (_, payloads) in enumerate(held) for name in payloads}
        values, unreadable = {}, {}
        for name, at in winners.items():
            try:
                values[name] = self.resolve(held, at, name)
            except Failure as failure:
                unreadable[name] = failure.name
        return values, unreadable

    def resolve(self, held, at, name):
        """merge.md#references"""
        for _ in range(MAX_REFERENCES + 1):
            payload = held[at][1][name]
            if payload["expires_at"] is not None and self.now > payload["expires_at"]:
                raise Failure("expired")
            if payload["kind"] != 4:
                return payload["value"]
            at, name = follow(held, at, payload["value"])
        raise Failure("reference")


def follow(held, at, value):
    try:
        path, name = parse_reference(value)
    except Malformed:
        raise Failure("reference") from None
    found = [to for to, (other, _) in enumerate(held) if other == path and to <= at]
    if not found or name not in held[found[0]][1]:
        raise Failure("reference")
    return found[0], name


def scope_of(entry):
    key = "node" if entry["depth"] == SUBTREE else "data"
    return Scope(entry["path"], entry["lineage"], entry["epoch"], **{key: entry["key"]})


def all_differ(found):
    found = list(found)
    return len(set(found)) == len(found)


def guarded(check, *arguments):
    try:
        return check(*arguments)
    except Malformed:
        return False


def open_secrets(bundle, kind, seed, path, now, pins=None):
    """The reader and what it sees; every failure is a Failure with its class."""
    def read():
        reader = Reader(bundle, kind, seed, now, pins)
        return reader, *reader.secrets(path)

    return opened(read)


def opened(read):
    try:
        return read()
    except (Malformed, Unopened):
        raise Failure("integrity") from None


def apply(state, changes):
    """What a case's changes make of the bundle of its file."""
    state = json.loads(json.dumps(state))
    for change in changes:
        if not change["at"]:
            state = change.get("to", {})
            continue
        place = state
        for key in change["at"][:-1]:
            place = place.setdefault(key, {})
        if "to" in change:
            place[change["at"][-1]] = change["to"]
        else:
            del place[change["at"][-1]]
    return state


def open_case(book, case):
    """Opens one case of a vector file."""
    try:
        kind, _, seed = parse_seed(case["token"])
    except Malformed:
        raise Failure("malformed") from None
    bundle = Bundle(apply(book["bundle"], case["change"]))
    return open_secrets(bundle, kind, seed, parse_path(case["path"]), case["now"], case["pins"])


def open_stored(arguments):
    """What a file holds for a place: by name the value, and why others can not be read."""
    kind, seed, vault = key_of(arguments)
    path = parse_path(arguments.path)
    if arguments.form == "personal":
        integrity(vault is not None)
        with open(arguments.file, encoding="ascii") as file:
            held = opened(lambda: read_personal(file.read(), seed, vault))
        return {value["name"]: value["value"] for value in held if value["path"] == path}, {}
    opens = {"database": Database, "bundle": open_file, "backup": lambda name: open_backup(name, seed)}
    bundle = opens[arguments.form](arguments.file)
    integrity(vault in (None, bundle.vault))
    now = int(time.time()) if arguments.now is None else arguments.now
    return open_secrets(bundle, kind, seed, path, now)[1:]


def key_of(arguments):
    """Kind and seed of who reads; of a key file its vault too."""
    if not arguments.key_file:
        kind, _, seed = parse_seed(sys.stdin.readline().strip().split("@")[0])
        return kind, seed, None
    given = None if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    with open(arguments.key_file, encoding="ascii") as file:
        outer = bytes.fromhex(given) if given and re.fullmatch("[0-9a-f]{64}", given) else None
        return ADMINISTRATOR, *read_key_file(file.read(), given or None, outer)


def open_backup(name, seed):
    with open(name, "rb") as file:
        vault, plain = read_backup(file.read(), seed)
    with tempfile.NamedTemporaryFile() as database:
        database.write(plain)
        database.flush()
        bundle = Database(database.name)
        integrity(bundle.vault == vault)
    return bundle


def open_file(name):
    with open(name, encoding="ascii", newline="") as file:
        return read_file(file.read())


def main():
    parser = argparse.ArgumentParser(description="Reads ZMS vaults, independently.")
    parser.add_argument("form", choices=["vector", "database", "bundle", "backup", "personal"])
    parser.add_argument("file")
    parser.add_argument("path", help="a path, or the name of a case")
    parser.add_argument("--key-file")
    parser.add_argument("--now", type=int, help="unix seconds instead of the clock")
    arguments = parser.parse_args()
    try:
        if arguments.form != "vector":
            values, unreadable = open_stored(arguments)
        else:
            with open(arguments.file, encoding="ascii") as file:
                book = json.load(file)
            case = next(case for case in book["cases"] if case["name"] == arguments.path)
            _, values, unreadable = open_case(book, case)
    except Malformed:
        sys.exit("malformed")
    except Failure as failure:
        sys.exit(failure.name)
    if unreadable:
        sys.exit("unreadable: " + ", ".join(f"{name} ({why})" for name, why in unreadable.items()))
    print(json.dumps({name: base64.b64encode(value).decode() for name, value in values.items()}))


if __name__ == "__main__":
    main()
