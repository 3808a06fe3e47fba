"""Encoded bundles and bundle files: bundle.md#encoded, bundle.md#file."""

import base64

from formats import Malformed, decode_cbor, parse_revision, parse_roster, read_map, require, sha256

MAGIC = b"ZMB\x01"
LONGEST = 64 << 20
BEGIN, END = "-----BEGIN ZMS BUNDLE-----\n", "-----END ZMS BUNDLE-----\n"

BUNDLE = [
    (1, "vault", bytes, False), (2, "roster", dict, False), (3, "rosters", list, False),
    (4, "members", list, False), (5, "scopes", list, False), (6, "everyone", bytes, True),
]
SIGNED = [(1, "message", bytes, False), (2, "signature", bytes, False)]
MEMBER = [
    (1, "principal", bytes, False), (2, "line", bytes, False), (3, "proof", bytes, False),
    (4, "keyring", bytes, False), (5, "escrow", bytes, False),
]
SCOPE = [
    (1, "id", bytes, False), (2, "head", dict, False), (3, "messages", list, False),
    (4, "records", list, True), (5, "children", list, True), (6, "past", dict, True),
]
RECORD = [
    (1, "name_index", bytes, False), (2, "rev_from", int, False), (3, "epoch", int, False),
    (4, "envelope", bytes, False), (5, "rev_to", int, True),
]
CHILD = [
    (1, "child_index", bytes, False), (2, "child", bytes, False), (3, "child_epoch", int, False),
    (4, "envelope", bytes, False),
]
PAST = [(1, "signatures", list, False), (2, "ended", list, False), (3, "epochs", list, False)]
NUMBERED = [(1, "revision", int, False), (2, "signature", bytes, False)]
EPOCH = [(1, "epoch", int, False), (2, "envelope", bytes, False)]


def ascending(items, *keys):
    found = [tuple(item[key] for key in keys) for item in items]
    require(all(one < other for one, other in zip(found, found[1:])))
    return items


def long(message):
    require(type(message) is bytes and 100 <= len(message) <= 4 << 20)
    return message


def part(found):
    require(len(found) == 32 or len(found) >= 172)
    return found


def number(found, bits):
    require(found is None or found < 1 << bits)
    return found


def signed(value):
    found = read_map(value, SIGNED)
    require(len(found["signature"]) == 64)
    return long(found["message"]), found["signature"]


def member(value):
    found = read_map(value, MEMBER)
    proof, rest = found["proof"], len(found["proof"]) % 33
    steps = [(proof[at], proof[at + 1 : at + 33]) for at in range(0, len(proof) - rest, 33)]
    require(len(found["principal"]) == 16 and not rest and len(steps) <= 40)
    require(all(side in (0, 1) for side, _ in steps))
    long(found["line"]), part(found["keyring"]), part(found["escrow"])
    return {**found, "proof": [(side == 1, node) for side, node in steps]}


def record(value, ended):
    found = read_map(value, RECORD)
    require(len(found["name_index"]) == 16 and (found["rev_to"] is not None) == ended)
    number(found["epoch"], 32), part(found["envelope"])
    number(found["rev_from"], 64), number(found["rev_to"], 64)
    return found


def child(value):
    found = read_map(value, CHILD)
    require(len(found["child_index"]) == len(found["child"]) == 16)
    number(found["child_epoch"], 32), require(len(found["envelope"]) >= 172)
    return found


def scope(value):
    found = read_map(value, SCOPE)
    require(len(found["id"]) == 16)
    found["head"], found["messages"] = signed(found["head"]), [*map(long, found["messages"])]
    found["records"] = ascending([record(each, False) for each in found["records"] or []], "name_index")
    found["children"] = ascending([child(each) for each in found["children"] or []], "child_index")
    if found["past"] is not None:
        past = read_map(found["past"], PAST)
        ascending([record(each, True) for each in past["ended"]], "name_index", "rev_from")
        kept = ascending([read_map(each, NUMBERED) for each in past["signatures"]], "revision")
        require(all(len(each["signature"]) == 64 and each["revision"] < 1 << 64 for each in kept))
        ways = ascending([read_map(each, EPOCH) for each in past["epochs"]], "epoch")
        require(all(each["epoch"] < 1 << 32 for each in ways))
    return found


class Encoded:
    """An encoded bundle. Nothing in it is believed."""

    def __init__(self, encoding):
        require(encoding[:4] == MAGIC and len(encoding) <= LONGEST)
        found = read_map(decode_cbor(encoding[4:]), BUNDLE)
        self.vault, everyone = found["vault"], found["everyone"] or b""
        require(len(self.vault) == 16 and len(everyone) % 112 == 0)
        ascending([{"part": everyone[at : at + 112]} for at in range(0, len(everyone), 112)], "part")
        self.newest, self.rosters = signed(found["roster"]), [*map(long, found["rosters"])]
        members = ascending([*map(member, found["members"])], "principal")
        scopes = ascending([*map(scope, found["scopes"])], "id")
        self.members = {each["principal"]: each for each in members}
        self.scopes = {each["id"]: each for each in scopes}

    def departed(self, principal):
        return False

    def member(self, principal):
        found = self.members.get(principal)
        return found and (found["line"], digest(found["escrow"]), digest(found["keyring"]), found["proof"])

    def keyring(self, principal):
        sealed = self.members[principal]["keyring"]
        return None if len(sealed) == 32 else sealed

    def roster(self):
        return self.newest

    def roster_messages(self, after):
        return behind(self.rosters, after, parse_roster, "version")

    def head(self, scope):
        return self.scopes[scope]["head"] if scope in self.scopes else None

    def revision_messages(self, scope, after):
        return behind(self.scopes[scope]["messages"], after, parse_revision, "revision")

    def records(self, scope):
        for each in self.scopes[scope]["records"]:
            found = each["envelope"]
            whole = None if len(found) == 32 else found
            yield each["name_index"], each["rev_from"], each["epoch"], whole, digest(found)

    def children(self, scope):
        for each in self.scopes[scope]["children"]:
            yield each["child_index"], each["child"], each["child_epoch"], each["envelope"]


def digest(found):
    return found if len(found) == 32 else sha256(found)


def behind(messages, after, parse, key):
    return [message for message in messages if parse(message)[key] > after]


def starts(encoding):
    """Where lines must begin in good CBOR: at maps and at long byte strings."""
    at, found = 4, {0, 4}
    while at < len(encoding):
        kind, short = encoding[at] >> 5, encoding[at] & 31
        width = 0 if short < 24 else 1 << short - 24
        size = int.from_bytes(encoding[at + 1 : at + 1 + width], "big") if width else short
        if kind == 5 or kind == 2 and size >= 64:
            found.add(at)
        at += 1 + width + (size if kind == 2 else 0)
    return sorted(found)


def write_file(encoding):
    text, edges = BEGIN, [*starts(encoding), len(encoding)]
    for start, end in zip(edges, edges[1:]):
        for at in range(start, end, 57):
            text += base64.b64encode(encoding[at : min(at + 57, end)]).decode() + "\n"
    return text + base64.b64encode(sha256(encoding)).decode() + "\n" + END


def read_file(text):
    """The bundle of a file, which must be exactly the one of its bundle."""
    require(text.startswith(BEGIN) and text.endswith(END))
    try:
        lines = [base64.b64decode(line, validate=True) for line in text[len(BEGIN) : -len(END)].split("\n")[:-1]]
    except ValueError:
        raise Malformed from None
    encoding = b"".join(lines[:-1])
    bundle = Encoded(encoding)
    require(write_file(encoding) == text)
    return bundle
