"""Signs what schemathesis sends, and shows the token where it is to be shown. Called by openapi-try."""

import os

import cbor2
import requests
import schemathesis

from signing import Signer


class Signed(requests.auth.AuthBase):
    """A token's signature over whatever is sent to the engine; the token itself for the gateway."""

    def __init__(self, token, secret):
        self.token, self.signer = token, Signer(token)
        self.register = self.signer.registering(secret)

    def __call__(self, request):
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        path, _, query = request.path_url.partition("?")
        authority = request.url.split("/")[2].lower()
        if path.startswith("/v1/secrets"):
            request.headers["X-ZMS-Token"] = self.token
            return request
        signer = self.register if path == "/v1/vaults" else self.signer
        request.headers.update(signer.headers(request.method, authority, path, query, body))
        return request


schemathesis.auth.set_from_requests(Signed(os.environ["ZMS_TEST_TOKEN"], os.environ["ZMS_TEST_REGISTRATION"]))


@schemathesis.serializer("application/cbor")
def cbor(context, value):
    """The schema says bytes, as numbers; anything else is a value to be encoded."""
    if isinstance(value, list) and all(isinstance(it, int) for it in value):
        return bytes(it & 0xFF for it in value)
    return cbor2.dumps(value, default=lambda encoder, other: encoder.encode(str(other)))


@schemathesis.hook
def before_call(context, case, kwargs):
    """Most requests are of the vault that there is, whoever made them up."""
    if "vault" in (case.path_parameters or {}) and os.urandom(1)[0] > 25:
        case.path_parameters["vault"] = "-"


@schemathesis.hook
def map_query(context, query):
    """Nobody waits for changes that do not come."""
    if query and isinstance(query.get("wait"), int):
        query["wait"] = min(query["wait"], 0)
    return query
