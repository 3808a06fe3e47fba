"""python.py FILE: what python-dotenv makes of a file, in hex."""

import json
import sys

import dotenv

read = dotenv.dotenv_values(sys.argv[1])
print(json.dumps({name: value.encode().hex() for name, value in read.items()}))
