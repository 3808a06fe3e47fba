"""Runs every vector through the independent reader.

Prints what failed, and `N passed, 0 failed` at the end; exits with 1 where anything failed.
"""

import json
import pathlib
import sys

import formats
from encoded import Encoded, read_file
from formats import Failure, Malformed, Unopened, lp, sha256, u8, u32, u64
from zms_reader import open_case, open_secrets, root_from_proof

SPEC = pathlib.Path(__file__).parent.parent
VECTORS = SPEC / "vectors"
FROZEN = SPEC.parent / "tests" / "frozen"


def unhex(case, *keys):
    return [bytes.fromhex(case[key]) for key in keys]


def accepted(case, check):
    """Whether a check that may refuse does so exactly where the case says."""
    try:
        result = check()
    except (Malformed, Unopened):
        return not case["valid"]
    return case["valid"] and result


def text(case):
    def check():
        _, word, seed = formats.parse_seed(case["text"])
        return (word, seed.hex()) == (case["kind"], case["seed"])

    return accepted(case, check)


def names(case):
    checks = {
        "segment": formats.check_segment,
        "secret": formats.check_secret_name,
        "path": formats.parse_path,
    }
    return accepted(case, lambda: checks[case["kind"]](case["text"]) is not NotImplemented)


def spelt(value):
    """A value as the vectors spell it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: spelt(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spelt(item) for item in value]
    return value


def messages(case):
    parsers = {
        "line": formats.parse_line,
        "roster": formats.parse_roster,
        "revision": formats.parse_revision,
    }

    def check():
        found = parsers[case["form"]](bytes.fromhex(case["bytes"]))
        for name in ("rights", "pending"):
            if name in found:
                found[name] = [[scope.hex(), right] for scope, right in found[name].items()]
        return spelt(found) == case["fields"]

    return accepted(case, check)


def signatures(case):
    return formats.verifies(*unhex(case, "vk", "message", "signature")) == case["valid"]


def envelope(case):
    opens = {"seal": formats.open_seal, "box": formats.open_box}[case["form"]]
    parts = unhex(case, "key", "aad", "sealed")
    return accepted(case, lambda: opens(*parts).hex() == case["plain"])


def padding(case):
    return formats.padded(case["message"]) == case["padded"]


def tree(case):
    if "proof" in case:
        proof = [(side == "left", bytes.fromhex(node)) for side, node in case["proof"]]
        root = root_from_proof(bytes.fromhex(case["part"]), proof)
        return (root == bytes.fromhex(case["root"])) == case["valid"]
    return tree_head([bytes.fromhex(part) for part in case["parts"]]).hex() == case["root"]


def tree_head(parts):
    """RFC 6962 section 2.1."""
    if len(parts) < 2:
        return sha256(b"\0" + parts[0]) if parts else sha256(b"")
    middle = 1 << (len(parts) - 1).bit_length() - 1
    return sha256(b"\1" + tree_head(parts[:middle]) + tree_head(parts[middle:]))


def derivation(case):
    (key,), asked, derive = unhex(case, "key"), case["text"], formats.derive
    sign = lambda: formats.verifying_key(key, "zms/v1/principal/sign")
    data = lambda: derive(key, "zms/v1/scope/data")
    answers = {
        "label": lambda: derive(key, asked),
        "verifying-key": sign,
        "principal-id": lambda: formats.principal_id(sign()),
        "authority": lambda: formats.verifying_key(key, "zms/v1/vault/authority"),
        "commitment": lambda: derive(data(), "zms/v1/data/commit"),
        "name-index": lambda: formats.blind_index(derive(data(), "zms/v1/data/index"), asked),
        "child-index": lambda: formats.blind_index(derive(key, "zms/v1/scope/child-index"), asked),
    }
    return answers[case["form"]]().hex() == case["out"]


def audit(case):
    """The first entry that does not fit; 0 where all do."""
    (vault,), before = unhex(case, "vault"), bytes(32)
    for at, entry in enumerate(case["entries"], 1):
        principal, scope, prev = unhex(entry, "principal", "scope", "prev_hash")
        hashed = sha256(lp(
            b"zms/v1/audit", vault, u64(entry["chain"]), u64(entry["seq"]), u64(entry["time"]),
            principal, u8(entry["action"]), scope, u64(entry["revision"]), u8(entry["outcome"]), prev,
        ))
        if entry["seq"] != at or prev != before or hashed.hex() != entry["hash"]:
            return case["first_bad"] == at
        before = hashed
    return case["first_bad"] == 0


def checkpoint(case):
    return accepted(case, lambda: spelt(formats.checkpoint(case["note"], *unhex(case, "vk"))) == case["fields"])


def key_file(case):
    try:
        outer = bytes.fromhex(case["key"]) if "key" in case else None
        seed, vault = formats.read_key_file(case["text"], case["passphrase"], outer)
    except Failure as failure:
        return failure.name == case["class"]
    return "seed" in case and (seed.hex(), vault.hex()) == (case["seed"], case["vault"])


def backup(case):
    try:
        vault, plain = formats.read_backup(*unhex(case, "file", "seed"))
    except Failure as failure:
        return failure.name == case["class"]
    return not case["class"] and (vault.hex(), plain.hex()) == (case["vault"], case["plain"])


def new_tokens(case):
    try:
        vault, heirs = formats.read_new_tokens(case["text"], *unhex(case, "seed"))
    except Malformed:
        return "heirs" not in case
    return "heirs" in case and (vault.hex(), heirs) == (case["vault"], case["heirs"])


def wrapped(case):
    try:
        name, vault, content = formats.open_wrapped(case["token"], *unhex(case, "sealed"))
    except (Malformed, Unopened):
        return "wrapped" not in case
    told = (name.hex(), vault.hex(), spelt(content))
    return "wrapped" in case and told == (case["id"], case["vault"], case["wrapped"])


def personal(case):
    try:
        held = formats.open_personal(*unhex(case, "seed", "vault", "sealed"))
    except (Malformed, Unopened):
        return "values" not in case
    told = [{**value, "path": "/".join(value["path"]), "value": value["value"].hex()} for value in held]
    return "values" in case and told == case["values"]


def past(case):
    node, vault, scope, sealed = unhex(case, "node", "vault", "scope", "sealed")
    aad = lp(b"zms/v1/aad/past", vault, scope, u32(case["epoch"] - 1))

    def check():
        keys = formats.open_seal(formats.derive(node, "zms/v1/scope/past"), aad, sealed)
        commitment = formats.derive(keys[:32], "zms/v1/data/commit").hex()
        return [keys[:32].hex(), keys[32:].hex(), commitment] == [
            case["data"], case["past"], case["commitment"],
        ]

    return accepted(case, check)


def cbor(case):
    return accepted(case, lambda: fields_of(case) == case["fields"])


def fields_of(case):
    """Opens the sealed form, which must hold the plain one, and names its fields."""
    plain, bound = bytes.fromhex(case["cbor"]), case.get("sealed")
    if case["form"] == "reference":
        path, name = formats.parse_reference(plain)
        return {"path": path, "name": name}
    if case["form"] == "about":
        return spelt(formats.parse_about(plain))
    key, vault = unhex(bound, "key", "vault")
    if case["form"] in ("keyring", "escrow"):
        return of_member(case["form"], plain, bound, key, vault)
    place = [b"zms/v1/aad/" + (b"record" if case["form"] == "payload" else b"child"), vault]
    place += [*unhex(bound, "scope"), u32(bound["epoch"])]
    if case["form"] == "payload":
        return of_record(plain, bound, key, place)
    return of_child(plain, bound, key, place)


def opened(key, aad, bound, plain):
    if formats.open_box(key, lp(*aad), bytes.fromhex(bound["sealed"])) != plain:
        raise AssertionError("sealed and plain differ")
    return plain


def of_member(form, plain, bound, key, vault):
    aad = [f"zms/v1/aad/{form}".encode(), vault, *unhex(bound, "principal")]
    if form == "keyring":
        return spelt(formats.parse_keyring(opened(key, aad, bound, plain), vault))
    key = formats.derive(key, "zms/v1/vault/escrow")
    return spelt(formats.parse_escrow(opened(key, aad, bound, plain)))


def of_record(plain, bound, key, place):
    (index,) = unhex(bound, "name_index")
    record_key = formats.derive(key, "zms/v1/data/record")
    aad = [*place, index, u64(bound["rev_from"])]
    payload = formats.parse_payload(opened(record_key, aad, bound, plain))
    index_key = formats.derive(key, "zms/v1/data/index")
    formats.require(formats.blind_index(index_key, payload["name"]) == index)
    kind, note = formats.KINDS[payload["kind"]], payload["note"] or ""
    return spelt({**payload, "kind": kind, "note": note})


def of_child(plain, bound, key, place):
    index, child = unhex(bound, "child_index", "child")
    aad = [*place, index, child, u32(bound["child_epoch"])]
    child_key = formats.derive(key, "zms/v1/scope/child")
    content = formats.parse_child(opened(child_key, aad, bound, plain))
    index_key = formats.derive(key, "zms/v1/scope/child-index")
    formats.require(formats.blind_index(index_key, content["name"]) == index)
    return spelt(content)


def encoded(case):
    if "file" in case:
        return accepted(case, lambda: read_file(case["file"]) is not None)
    return accepted(case, lambda: seen_in(Encoded(bytes.fromhex(case["encoding"])), case))


def seen_in(bundle, case):
    kind, _, seed = formats.parse_seed(case["token"])
    path = formats.parse_path(case["path"])
    return comes_out(case["expect"], lambda: open_secrets(bundle, kind, seed, path, case["now"]))


def bundle(book, case):
    return comes_out(case["expect"], lambda: open_case(book, case))


def comes_out(expect, opened):
    try:
        reader, values, unreadable = opened()
    except Failure as failure:
        return expect == {"class": failure.name}
    roster = {name: reader.roster[name] for name in ("generation", "version")}
    heads = [
        {"lineage": [scope.hex() for scope in lineage], "revision": revision, "hash": digest.hex()}
        for lineage, (revision, digest) in sorted(reader.seen.items())
    ]
    return expect == {
        "secrets": {name: value.hex() for name, value in values.items()},
        "unreadable": unreadable,
        "pins_void": reader.pins_void,
        "seen": {"roster": {**roster, "hash": reader.roster_hash.hex()}, "heads": heads},
    }


CHECKS = {
    "audit": audit, "backup": backup, "bundle-encoded": encoded, "cbor": cbor, "checkpoint": checkpoint, "derivation": derivation, "envelope": envelope,
    "key-file": key_file, "messages": messages, "names": names, "new-tokens": new_tokens, "padding": padding,
    "past": past, "personal": personal, "signatures": signatures, "text": text, "tree": tree, "wrapped": wrapped,
}


def results():
    """Every case of every file, and whether it came out as stated."""
    for path in [*sorted(VECTORS.glob("*.json")), *sorted(FROZEN.glob("vectors-*/*.json"))]:
        book = json.loads(path.read_text("ascii"))
        for case in book.get("cases", []):
            yield f"{path.parent.name}/{path.name}: {case['name']}", bundle(book, case)
        for case in book.get("vectors", []):
            yield f"{path.parent.name}/{path.name}: {case['name']}", CHECKS[path.stem](case)


def main():
    passed, failed = 0, 0
    for name, holds in results():
        passed, failed = passed + bool(holds), failed + (not holds)
        if not holds:
            print(f"FAILED {name}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed) or not passed)


if __name__ == "__main__":
    main()
