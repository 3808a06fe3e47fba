"""Reads files as systemd reads an `EnvironmentFile=`, by systemd's own library, and prints what it
got as JSON: one object per file, name -> value as hexadecimal; null if it refuses the file.

`load_env_file` reads the file and `strv_env_clean_with_callback` drops what no environment may
hold: what `exec_context_load_environment` of the service manager does with the file.

Call: python systemd_environment.py FILE...
"""

import ctypes
import glob
import json
import sys

[path, *_] = glob.glob("/usr/lib/*/systemd/libsystemd-shared-*.so") + glob.glob(
    "/usr/lib/systemd/libsystemd-shared-*.so"
)
systemd = ctypes.CDLL(path)
Strings = ctypes.POINTER(ctypes.c_char_p)
systemd.load_env_file.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(Strings)]
systemd.load_env_file.restype = ctypes.c_int
clean = systemd.strv_env_clean_with_callback
clean.argtypes = [Strings, ctypes.c_void_p, ctypes.c_void_p]
clean.restype = Strings


def read(file):
    variables = Strings()
    if systemd.load_env_file(None, file.encode(), ctypes.byref(variables)) < 0:
        return None
    if not variables:
        return {}
    variables = clean(variables, None, None)
    pairs = {}
    for variable in variables:
        if variable is None:
            return pairs
        name, _, value = variable.partition(b"=")
        pairs[name.decode("utf-8", "surrogateescape")] = value.hex()


json.dump([read(file) for file in sys.argv[1:]], sys.stdout)
