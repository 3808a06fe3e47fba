"""The formats of ZMS: bytes in, bytes out. Each function names the page it is written from."""

import base64
import hashlib
import hmac
import re
import unicodedata

import cbor2
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Failure(Exception):
    """Nothing is given out; the class says why."""

    def __init__(self, name):
        super().__init__(name)
        self.name = name


class Malformed(Exception):
    """Bytes that are no encoding of what was expected."""


class Unopened(Exception):
    """The one face of every failure to open."""


def sha256(message):
    return hashlib.sha256(message).digest()


def derive(key, label):
    """HK. keys.md#derivation"""
    return HKDF(hashes.SHA256(), 32, b"zms/v1", label.encode()).derive(key)


def blind_index(key, name):
    """names.md#blind-indexes"""
    return hmac.digest(key, lp(b"zms/v1/index", name.encode()), "sha256")[:16]


# Parts: encoding.md#parts


def u8(number):
    return number.to_bytes(1, "big")


def u32(number):
    return number.to_bytes(4, "big")


def u64(number):
    return number.to_bytes(8, "big")


def lp(*parts):
    return b"".join(u32(len(part)) + part for part in parts)


def split(encoded):
    """All parts of an LP encoding."""
    parts, at = [], 0
    while at < len(encoded):
        end = at + 4 + int.from_bytes(encoded[at : at + 4], "big")
        if at + 4 > len(encoded) or end > len(encoded):
            raise Malformed
        parts.append(encoded[at + 4 : end])
        at = end
    return parts


def fields(encoded, tag, layout):
    """The parts behind a tag, by name: a length in bytes, `int` lengths as (n, int), None for any."""
    parts = split(encoded)
    if len(parts) != len(layout) + 1 or parts[0] != tag:
        raise Malformed
    found = {}
    for part, (name, length, number) in zip(parts[1:], layout):
        if length is not None and len(part) != length:
            raise Malformed
        found[name] = int.from_bytes(part, "big") if number else part
    return found


def raw(name, length=None):
    return (name, length, False)


def number(name, length=8):
    return (name, length, True)


def rights(encoded):
    """roster.md#rights"""
    found, last = {}, b""
    for part in split(encoded):
        scope, right = part[:16], part[16:]
        if len(part) != 17 or right[0] not in (1, 2, 3) or scope <= last:
            raise Malformed
        found[scope], last = right[0], scope
    return found


def limits(encoded):
    """roster.md#limits"""
    if not encoded:
        return [], 0
    parts = split(encoded)
    if len(parts) != 2 or len(parts[1]) != 4:
        raise Malformed
    try:
        addresses = [part.decode() for part in split(parts[0])]
    except UnicodeDecodeError:
        raise Malformed from None
    uses = int.from_bytes(parts[1], "big")
    if not addresses and not uses:
        raise Malformed
    return addresses, uses


LINE = [
    raw("principal", 16), raw("vk", 32), number("kind", 1), number("not_before"),
    number("expires"), raw("rights"), raw("limits"),
]
ROSTER = [
    raw("vault", 16), number("generation"), number("version"), raw("prev_hash", 32),
    number("issued_at"), raw("members_root", 32), raw("pending"),
]
REVISION = [
    raw("vault", 16), raw("scope", 16), number("generation"), number("epoch", 4),
    number("revision"), raw("prev_hash", 32), raw("key_commitment", 32),
    raw("records_root", 32), raw("children_root", 32), raw("author", 16), number("created_at"),
]


def principal_id(vk):
    """principals.md#ids"""
    return sha256(lp(b"zms/v1/principal-id", vk))[:16]


def parse_line(encoded):
    """roster.md#line"""
    line = fields(encoded, b"zms/v1/line", LINE)
    line["rights"] = rights(line["rights"])
    line["addresses"], line["uses"] = limits(line.pop("limits"))
    if line["kind"] not in (1, 2, 3) or line["principal"] != principal_id(line["vk"]):
        raise Malformed
    return line


def parse_roster(encoded):
    """roster.md#message"""
    roster = fields(encoded, b"zms/v1/roster", ROSTER)
    roster["pending"] = rights(roster["pending"])
    if not roster["generation"] or not roster["version"]:
        raise Malformed
    return roster


def parse_revision(encoded):
    """revision.md#message"""
    revision = fields(encoded, b"zms/v1/revision", REVISION)
    numbered = all(revision[name] for name in ("generation", "epoch", "revision"))
    if not numbered or revision["revision"] > 2**62:
        raise Malformed
    return revision


# Signatures: keys.md#signatures

FIELD = 2**255 - 19
ORDER_8 = int.from_bytes(
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"
)
SMALL_ORDER = {0, 1, FIELD - 1, ORDER_8, FIELD - ORDER_8}


def is_strict(point):
    """Whether a point is spelt canonically and is not of small order."""
    y = int.from_bytes(point, "little") & (2**255 - 1)
    return y < FIELD and y not in SMALL_ORDER


def verifies(vk, message, signature):
    if len(signature) != 64 or not is_strict(vk) or not is_strict(signature[:32]):
        return False
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(vk).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verifying_key(seed, label):
    private = ed25519.Ed25519PrivateKey.from_private_bytes(derive(seed, label))
    form = serialization.Encoding.Raw, serialization.PublicFormat.Raw
    return private.public_key().public_bytes(*form)


# Envelopes: envelope.md

HEADER = b"ZM\x01\x01"


def xaes_key(key, nonce):
    """The key of one nonce's first half: CMAC in counter mode. envelope.md#cipher"""
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update
    first = int.from_bytes(block(bytes(16)), "big")
    mask = (first << 1) & (2**128 - 1) ^ (0x87 if first >> 127 else 0)
    halves = [bytes([0, at]) + b"X\0" + nonce[:12] for at in (1, 2)]
    return b"".join(block((int.from_bytes(half, "big") ^ mask).to_bytes(16, "big")) for half in halves)


def open_seal(key, aad, sealed):
    nonce, body = sealed[4:28], sealed[28:]
    if sealed[:4] != HEADER or len(body) < 16:
        raise Unopened
    try:
        return AESGCM(xaes_key(key, nonce)).decrypt(nonce[12:], body, HEADER + aad)
    except InvalidTag:
        raise Unopened from None


def padded(message_len):
    """envelope.md#padding"""
    length = 4 + message_len
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return max(128, (length + mask) & ~mask)


def open_box(key, aad, sealed):
    opened = open_seal(key, aad, sealed)
    length = int.from_bytes(opened[:4], "big")
    message, zeros = opened[4 : 4 + length], opened[4 + length :]
    if len(message) != length or len(opened) != padded(length) or any(zeros):
        raise Unopened
    return message


# CBOR: encoding.md#cbor


def decode_cbor(encoded):
    """The value of the one encoding; types are checked by who asks."""
    try:
        value = cbor2.loads(encoded)
        again = cbor2.dumps(value, canonical=True)
    except Exception:  # whatever the library stumbles over is no encoding of ours
        raise Malformed from None
    if again != encoded:
        raise Malformed
    return value


def decode_map(encoded, table):
    """A map by a table of (key, name, type, optional)."""
    return read_map(decode_cbor(encoded), table)


def read_map(value, table):
    known = {key for key, *_ in table}
    if type(value) is not dict or not set(value) <= known or any(type(key) is not int for key in value):
        raise Malformed
    found = {}
    for key, name, kind, optional in table:
        if key not in value and not optional:
            raise Malformed
        if key in value and (type(value[key]) is not kind or kind is int and value[key] < 0):
            raise Malformed
        found[name] = value.get(key)
    return found


PAYLOAD = [
    (1, "name", str, False), (2, "value", bytes, False), (3, "kind", int, False),
    (4, "note", str, True), (5, "created_at", int, False), (6, "expires_at", int, True),
]
ABOUT = [
    (1, "quiet", list, True), (2, "marks", list, True), (3, "custom", list, True),
    (4, "max_versions", int, True), (5, "cas_required", int, True), (6, "delete_after", int, True),
    (7, "forgotten", int, True), (8, "description", str, True),
]
CHILD = [(1, "name", str, False), (2, "node", bytes, False), (3, "protected", int, True)]
ESCROW = [(1, "wrap", bytes, False), (2, "label", str, False)]
KEYRING = [(1, "authority", bytes, False), (2, "vault_key", bytes, True), (3, "entries", list, False)]
ENTRY = [
    (1, "lineage", list, False), (2, "path", list, False), (3, "epoch", int, False),
    (4, "depth", int, False), (5, "key", bytes, False),
]
KINDS = {1: "secret", 2: "config", 3: "file", 4: "reference", 5: "json", 6: "about"}


def require(holds):
    if not holds:
        raise Malformed


def items(value, kind):
    require(all(type(item) is kind for item in value))
    return value


def parse_payload(encoded):
    """record.md#payload"""
    payload = decode_map(encoded, PAYLOAD)
    if payload["kind"] != 6:
        check_secret_name(payload["name"])
    require(payload["kind"] != 6 or payload["name"] == "=")
    require(payload["kind"] in KINDS and len(payload["value"]) <= 2**20)
    require(payload["note"] is None or 0 < len(payload["note"].encode()) <= 4096)
    return payload


def parse_about(encoded):
    """versions.md#about"""
    about = decode_map(encoded, ABOUT)
    for name, kind in (("quiet", int), ("marks", int), ("custom", str)):
        pairs = about[name] if about[name] is not None else []
        require(about[name] is None or pairs)
        require(all(type(pair) is list and len(pair) == 2 for pair in pairs))
        require(all(type(item) is kind for pair in pairs for item in pair))
        require(all(kind is str or 0 <= item < 1 << 64 for pair in pairs for item in pair))
        require(all(one[0].encode() < two[0].encode() if kind is str else one[0] < two[0] for one, two in zip(pairs, pairs[1:])))
        about[name] = [list(pair) for pair in pairs]
    require(about["max_versions"] is None or 0 < about["max_versions"] < 1 << 32)
    require(about["cas_required"] in (None, 1))
    for name in ("delete_after", "forgotten"):
        require(about[name] is None or 0 < about[name] < 1 << 64)
    require(about["description"] != "")
    return about


def parse_child(encoded):
    """scope.md#child-entries"""
    child = decode_map(encoded, CHILD)
    check_segment(child["name"])
    require(len(child["node"]) == 32 and child["protected"] in (None, 1))
    return child


def parse_escrow(encoded):
    """roster.md#escrow"""
    escrow = decode_map(encoded, ESCROW)
    require(len(escrow["wrap"]) == 32)
    return escrow


def parse_keyring(encoded, vault):
    """keyring.md#entries"""
    keyring = decode_map(encoded, KEYRING)
    require(len(keyring["authority"]) == 32)
    require(keyring["vault_key"] is None or len(keyring["vault_key"]) == 32)
    keyring["entries"] = [parse_entry(entry, vault) for entry in keyring["entries"]]
    scopes = [entry["lineage"][-1] for entry in keyring["entries"]]
    require(len(set(scopes)) == len(scopes))
    return keyring


def parse_entry(value, vault):
    entry = read_map(value, ENTRY)
    lineage, path = items(entry["lineage"], bytes), items(entry["path"], str)
    check_path(path)
    require(len(lineage) == len(path) + 1 and all(len(scope) == 16 for scope in lineage))
    require(lineage[0] == vault and entry["depth"] in (1, 2) and 0 < entry["epoch"] < 2**32)
    require(len(entry["key"]) == 32)
    return entry


def parse_reference(encoded):
    """merge.md#references"""
    value = decode_cbor(encoded)
    require(type(value) is list and [type(item) for item in value] == [list, str])
    check_path(items(value[0], str))
    check_secret_name(value[1])
    return value


# Names: names.md

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def check_name(name, longest, forbidden):
    require(0 < len(name.encode()) <= longest and forbidden not in name)
    require(not any(unicodedata.category(char) == "Cc" or char in BIDI for char in name))
    require(unicodedata.is_normalized("NFC", name))


def check_segment(name):
    check_name(name, 128, "/")
    require(name not in (".", ".."))


def check_secret_name(name):
    check_name(name, 255, "=")


def check_path(segments):
    require(len(segments) <= 16)
    for segment in segments:
        check_segment(segment)


def parse_path(text):
    segments = text.split("/") if text else []
    check_path(segments)
    return segments


# Text forms: text.md

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
PREFIXES = {
    "zms_st_1": (1, "service"), "zms_mcp_1": (2, "agent"), "zms_at_1": (3, "administrator"),
    "ZMS-MASTER-KEY-1": (3, "master"),
}


def bech32m_holds(prefix, values):
    check = 1
    spread = [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]
    for value in spread + values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit in range(5):
            check ^= GENERATOR[bit] if top >> bit & 1 else 0
    return check == 0x2BC830A3


def parse_seed(text):
    """Kind of line, word and seed of a text form."""
    prefix = next((prefix for prefix in PREFIXES if text.startswith(prefix)), None)
    if prefix is None or len(text) != len(prefix) + 58:
        raise Malformed
    data = text[len(prefix) :]
    alphabet = ALPHABET.upper() if prefix.isupper() else ALPHABET
    require(all(char in alphabet for char in data))
    values = [alphabet.index(char) for char in data]
    require(bech32m_holds(prefix[:-1].lower(), values))
    bits = int("".join(f"{value:05b}" for value in values[:52]), 2)
    require(bits & 0b1111 == 0)
    return *PREFIXES[prefix], (bits >> 4).to_bytes(32, "big")


def parse_wrapping(text):
    """Vault and seed of a wrapping token: text.md#wrapping-tokens"""
    require(text.startswith("zms_wt1") and len(text) == 90 and all(char in ALPHABET for char in text[7:]))
    values = [ALPHABET.index(char) for char in text[7:]]
    require(bech32m_holds("zms_wt", values))
    bits = int("".join(f"{value:05b}" for value in values[:77]), 2)
    require(bits & 1 == 0)
    held = (bits >> 1).to_bytes(48, "big")
    return held[:16], held[16:]


# Wrapped answers: wrapped.md

WRAPPED = [
    (1, "answer", bytes, False), (2, "path", str, False), (3, "created_at", int, False),
    (4, "ttl", int, False), (5, "principal", bytes, False), (6, "scopes", list, False),
]


def open_wrapped(token, sealed):
    """Id, vault and content of an answer that waits."""
    vault, seed = parse_wrapping(token)
    name = derive(seed, "zms/v1/wrapped/id")[:16]
    aad = lp(b"zms/v1/aad/wrapped", vault, name)
    wrapped = decode_map(open_box(derive(seed, "zms/v1/wrapped/seal"), aad, sealed), WRAPPED)
    require(len(wrapped["answer"]) <= 2**20 and wrapped["ttl"] <= 32 * 86_400)
    require(len(wrapped["principal"]) == 16 and wrapped["created_at"] < 1 << 64)
    for scope in items(wrapped["scopes"], list):
        require([type(part) for part in scope] == [bytes, int] and len(scope[0]) == 16)
        require(0 <= scope[1] < 1 << 64)
    wrapped["scopes"] = [{"scope": scope, "revision": revision} for scope, revision in wrapped["scopes"]]
    return name, vault, wrapped


# Personal values: personal.md

PERSONAL = [(1, "values", list, False)]
PERSONAL_VALUE = [
    (1, "path", list, False), (2, "name", str, False), (3, "value", bytes, False),
    (4, "created_at", int, False),
]


def open_personal(seed, vault, sealed):
    """The values, by path and name."""
    owner = principal_id(verifying_key(seed, "zms/v1/principal/sign"))
    aad = lp(b"zms/v1/aad/personal", vault, owner)
    plain = open_box(derive(seed, "zms/v1/principal/personal"), aad, sealed)
    held = [read_map(value, PERSONAL_VALUE) for value in decode_map(plain, PERSONAL)["values"]]
    for value in held:
        check_path(items(value["path"], str))
        check_secret_name(value["name"])
        require(len(value["value"]) <= 2**20 and value["created_at"] < 1 << 64)
    places = [(value["path"], value["name"]) for value in held]
    require(all(one < next for one, next in zip(places, places[1:])))
    return held


def read_personal(text, seed, vault):
    """The same of a file."""
    try:
        sealed = base64.b64decode(text.rstrip(), validate=True)
    except ValueError:
        raise Malformed from None
    return open_personal(seed, vault, sealed)


# Key file: key-file.md

BEGIN, END = "-----BEGIN ZMS MASTER KEY-----", "-----END ZMS MASTER KEY-----"


def read_key_file(text, passphrase, outer=None):
    """Seed and vault of a key file, by a passphrase or a key; raises Failure with the class."""
    head, sealed = split_key_file(text)
    kind, salt = head[4], head[49:65]
    memory, passes, lanes = (int.from_bytes(head[at : at + 4], "big") for at in (5, 9, 13))
    if head[:4] != b"ZMK\x01" or kind not in (0, 1, 2, 3) or kind != 1 and any(head[5:17]):
        raise Failure("malformed")
    if kind == 1:
        cost = 19 * 1024 <= memory <= 2**21 and memory * passes <= 2**23
        if not cost or not 1 <= passes <= 16 or not 1 <= lanes <= 16:
            raise Failure("cost")
        if passphrase is None:
            raise Failure("locked")
        normal = unicodedata.normalize("NFC", passphrase).encode()
        argon = Argon2id(salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory)
        key = derive(argon.derive(normal), "zms/v1/key-file/passphrase")
    elif kind == 0:
        key = derive(salt + salt, "zms/v1/key-file/none")
    elif outer is None:
        raise Failure("locked")
    else:
        key = derive(outer, "zms/v1/key-file/" + ("keychain" if kind == 2 else "systemd"))
    try:
        seed = open_seal(key, head, sealed)
    except Unopened:
        raise Failure("unopened") from None
    if len(seed) != 32 or principal_id(verifying_key(seed, "zms/v1/principal/sign")) != head[17:33]:
        raise Failure("unopened")
    return seed, head[33:49]


def split_key_file(text):
    text = text.rstrip()
    if not text.startswith(BEGIN) or not text.endswith(END):
        raise Failure("malformed")
    body = "".join(text[len(BEGIN) : -len(END)].split())
    try:
        decoded = base64.b64decode(body, validate=True)
    except ValueError:
        raise Failure("malformed") from None
    if len(decoded) < 65:
        raise Failure("malformed")
    return decoded[:65], decoded[65:]


# New tokens: key-file.md#new-tokens


def read_new_tokens(text, seed):
    """Vault and heirs of a file of new tokens."""
    begin, end, text = "-----BEGIN ZMS NEW TOKENS-----", "-----END ZMS NEW TOKENS-----", text.rstrip()
    require(text.startswith(begin) and text.endswith(end))
    try:
        body = base64.b64decode("".join(text[len(begin) : -len(end)].split()), validate=True)
    except ValueError:
        raise Malformed from None
    head, sealed = body[:36], body[36:]
    require(len(head) == 36 and head[:4] == b"ZMT\x01")
    require(principal_id(verifying_key(seed, "zms/v1/principal/sign")) == head[4:20])
    try:
        content = open_seal(derive(seed, "zms/v1/principal/handover"), head, sealed)
    except Unopened:
        raise Malformed from None
    heirs = []
    for part in split(content):
        fields = split(part)
        require([len(each) for each in fields[:1] + fields[2:]] == [16, 1, 8, 32] and 1 <= fields[2][0] <= 3)
        name = fields[1].decode("utf-8", "replace")
        require(name.encode() == fields[1])
        check_segment(name)
        heirs.append({
            "replaces": fields[0].hex(), "name": name, "kind": fields[2][0],
            "expires": int.from_bytes(fields[3], "big"), "seed": fields[4].hex(),
        })
    return head[20:36], heirs


# The audit: audit.md#checkpoint


def checkpoint(note, vk):
    """audit.md#checkpoint"""
    text, rule, signed = note.partition("\n\n")
    name = "zms/principal/" + principal_id(vk).hex()
    tag, head, key = "\u2014 " + name + " ", text.split("\n"), name.encode() + b"\n\x01" + vk
    require(rule and len(note.encode()) <= 65536 and signed.startswith(tag) and signed[-1:] == "\n")
    signature = canonical_base64(signed[len(tag) : -1], 68)
    require(signature[:4] == sha256(key)[:4])
    require(verifies(vk, text.encode() + b"\n", signature[4:]))
    require(len(head) > 3)
    vault = re.fullmatch("zms/audit/([0-9a-f]{32})", head[0])
    generation, time = (re.fullmatch(word + " ([0-9]{1,20})", line) for word, line in zip(("generation", "time"), head[1:]))
    lines = [re.fullmatch("chain ([0-9]{1,20}) ([0-9]{1,20}) ([0-9A-Za-z+/]{43}=)", line) for line in head[3:]]
    require(vault and generation and time and all(lines))
    heads = [
        {"chain": decimal(line[1]), "seq": decimal(line[2]), "hash": canonical_base64(line[3], 32)}
        for line in lines
    ]
    chains = [each["chain"] for each in heads]
    require(chains == sorted(set(chains)) and all(each["seq"] for each in heads))
    found = {"vault": bytes.fromhex(vault[1]), "generation": decimal(generation[1]), "time": decimal(time[1])}
    require(found["generation"])
    return {**found, "heads": heads}


def decimal(text):
    require(str(int(text)) == text and int(text) < 1 << 64)
    return int(text)


def canonical_base64(text, length):
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        raise Malformed from None
    require(len(decoded) == length and base64.b64encode(decoded).decode() == text)
    return decoded


BACKUP = b"ZMS-BACKUP"


def read_backup(file, seed):
    """The vault of a backup and its database, as one of its holders: backup.md#reading"""
    if file[:10] != BACKUP:
        raise Failure("no-backup")
    if len(file) >= 12 and file[10:12] != b"\x01\x01":
        raise Failure("newer")
    behind = 16 + int.from_bytes(file[12:16], "big")
    if len(file) < 16 or behind > 16 + 2**20 or behind > len(file):
        raise Failure("integrity")
    try:
        return split_backup(file[:behind], file[behind:], seed)
    except (Malformed, Unopened):
        raise Failure("integrity") from None


def split_backup(start, rest, seed):
    layout = [raw("vault", 16), raw("made", 8), number("chunk", 4), raw("holders")]
    head = fields(start[16:], b"zms/v1/backup", layout)
    holders = [split(holder) for holder in split(head["holders"])]
    require(all(len(holder) == 2 and len(holder[0]) == 16 for holder in holders))
    ids = [holder[0] for holder in holders]
    require(ids == sorted(set(ids)) and 1 <= head["chunk"] <= 2**20)
    me = principal_id(verifying_key(seed, "zms/v1/principal/sign"))
    if me not in ids:
        raise Failure("denied")
    wrap = derive(derive(seed, "zms/v1/principal/wrap"), "zms/v1/backup/key")
    bound = lp(b"zms/v1/aad/backup-key", head["vault"], me, head["made"])
    key = open_seal(wrap, bound, dict(holders)[me])
    require(len(key) == 32)
    size, plain = head["chunk"] + 44, b""
    for at in range(0, max(len(rest), 1), size):
        last = u8(at + size >= len(rest))
        bound = lp(b"zms/v1/aad/backup", sha256(start), u64(at // size), last)
        part = open_seal(key, bound, rest[at : at + size])
        require(part)
        plain += part
    return head["vault"], plain
