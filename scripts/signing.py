"""Signs requests to an engine as a token does: spec/engine.md#requests."""

import base64
import copy
import hashlib
import hmac
import os
import pathlib
import socket
import ssl
import sys
import time

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "spec/reader"))
import formats  # noqa: E402

COVERED = '("@method" "@authority" "@path" "@query" "content-digest")'


class Signer:
    """A token's request key, and whose it is."""

    def __init__(self, token):
        seed = formats.parse_seed(token)[-1]
        self.key = formats.derive(seed, "zms/v1/principal/request")
        sign = Ed25519PrivateKey.from_private_bytes(formats.derive(seed, "zms/v1/principal/sign"))
        raw = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.principal = formats.principal_id(sign.public_key().public_bytes(*raw)).hex()

    def registering(self, secret):
        """The same, with the key of a registration secret."""
        other = copy.copy(self)
        other.key = formats.derive(hashlib.sha256(secret.encode()).digest(), "zms/v1/register")
        return other

    def headers(self, method, authority, path, query, body=b""):
        """The three headers of a request."""
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
        created, nonce = int(time.time()), os.urandom(16).hex()
        parameters = (
            f'{COVERED};created={created};keyid="{self.principal}";alg="hmac-sha256";'
            f'expires={created + 60};nonce="{nonce}";tag="zms-v1"'
        )
        base = "\n".join(
            [
                f'"@method": {method}',
                f'"@authority": {authority}',
                f'"@path": {path}',
                f'"@query": ?{query}',
                f'"content-digest": {digest}',
                f'"@signature-params": {parameters}',
            ]
        )
        mac = hmac.digest(self.key, base.encode(), "sha256")
        return {
            "Content-Digest": digest,
            "Signature-Input": f"zms={parameters}",
            "Signature": f"zms=:{base64.b64encode(mac).decode()}:",
        }

    def request(self, method, authority, path, query, more=None):
        """A whole request without a body, as it is sent."""
        headers = {"Host": authority} | self.headers(method, authority, path, query) | (more or {})
        target = f"{path}?{query}" if query else path
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def fetch(self, authority, tls, request):
        """Sends a request; the size of the answer's body, and its ETag."""
        host, _, port = authority.rpartition(":")
        stream = socket.create_connection((host, int(port)))
        if tls:
            context = ssl._create_unverified_context()
            stream = context.wrap_socket(stream)
        stream.sendall(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = b""
        while received := stream.recv(1 << 16):
            answer += received
        head, _, body = answer.partition(b"\r\n\r\n")
        if b" 200 " not in head.splitlines()[0]:
            raise SystemExit(head.decode(errors="replace"))
        etag = next(line for line in head.splitlines() if line.lower().startswith(b"etag: "))
        return len(body), etag.split(b": ")[1].decode()
