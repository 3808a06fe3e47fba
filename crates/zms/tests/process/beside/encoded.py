"""Prints each secret as Python's encoders write it."""

import json
import os
from urllib.parse import quote, quote_plus, urlencode

for name, value in os.environ.items():
    if name != "ALL" and not (name[0] == "S" and name[1:].isdigit()):
        continue
    forms = {
        "json": json.dumps(value)[1:-1],
        "json utf-8": json.dumps(value, ensure_ascii=False)[1:-1],
        "quote": quote(value),
        "quote all": quote(value, safe=""),
        "quote_plus": quote_plus(value),
        "urlencode": urlencode({"": value})[1:],
    }
    for kind, form in forms.items():
        os.write(1, f"{name} {kind} <{form}>\n".encode())
