"""Reads YAML and TOML files, and prints what it got as JSON.

One list per reader, in it one object per file: name -> value as hexadecimal UTF-8, null for a
value that is not a string; the whole object is null if the reader raises.

`yaml` is `safe_load`, `text` the same without any guess at types, `toml` is `tomllib`; of the
first two there is one in Python and one in C.

Call: python python_tables.py yaml|text|toml FILE...
"""

import json
import sys

import yaml

try:
    import tomllib
except ImportError:  # before Python 3.11
    import tomli as tomllib


def shown(values):
    if not isinstance(values, dict):
        return None
    return {
        name: value.encode("utf-8", "surrogatepass").hex() if isinstance(value, str) else None
        for name, value in values.items()
    }


def attempt(read, path):
    with open(path, "rb") as file:
        try:
            return shown(read(file))
        except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError):
            return None


def loads(loader):
    return lambda file: yaml.load(file, Loader=loader)


READERS = {
    "yaml": [loads(yaml.SafeLoader), loads(yaml.CSafeLoader)],
    "text": [loads(yaml.BaseLoader), loads(yaml.CBaseLoader)],
    "toml": [tomllib.load],
}

readers = READERS[sys.argv[1]]
json.dump([[attempt(read, path) for path in sys.argv[2:]] for read in readers], sys.stdout)
