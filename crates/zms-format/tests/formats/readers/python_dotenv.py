"""Reads dotenv files with python-dotenv, and prints what it got as JSON.

One object per file, reader -> name -> value as hexadecimal UTF-8 (null for a name without `=`;
the whole reader is null if it raises).

Call: python python_dotenv.py FILE...
"""

import json
import logging
import os
import sys

import dotenv

logging.disable(logging.CRITICAL)


def shown(values):
    return {
        name: None if value is None else value.encode("utf-8", "surrogateescape").hex()
        for name, value in values.items()
    }


def loaded(path):
    """`load_dotenv()` into this process's own environment."""
    before = dict(os.environ)
    os.environ.clear()
    try:
        dotenv.load_dotenv(path)
        return shown(os.environ)
    finally:
        os.environ.clear()
        os.environ.update(before)


def attempt(read, path):
    try:
        return read(path)
    except (ValueError, UnicodeError):
        return None


answers = [
    {
        "values": attempt(lambda path: shown(dotenv.dotenv_values(path)), path),
        "load": attempt(loaded, path),
    }
    for path in sys.argv[1:]
]
json.dump(answers, sys.stdout)
