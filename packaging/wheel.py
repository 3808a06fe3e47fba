"""Packs the binary as a wheel (binary distribution format 1.0): pip puts it among the scripts.

Call: python wheel.py BINARY VERSION ARCH FOLDER
"""

import base64
import hashlib
import os
import pathlib
import sys
import time
import zipfile

binary, version, arch, folder = sys.argv[1:]
# The binary is static: any C library will do.
tag = f"py3-none-manylinux_2_17_{arch}.manylinux2014_{arch}.musllinux_1_1_{arch}"
info = f"zms-{version}.dist-info"
date = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", "315532800")))[:6]
files = {
    f"zms-{version}.data/scripts/zms": pathlib.Path(binary).read_bytes(),
    f"{info}/METADATA": (
        f"Metadata-Version: 2.1\nName: zms\nVersion: {version}\n"
        "Summary: Ends plaintext .env files: vault everything, mint one token, run\n"
        "License: Apache-2.0 OR MIT\n"
    ).encode(),
    f"{info}/WHEEL": (
        "Wheel-Version: 1.0\nGenerator: zms\nRoot-Is-Purelib: false\n"
        + "".join(f"Tag: py3-none-{platform}\n" for platform in tag.split("-")[2].split("."))
    ).encode(),
    f"{info}/LICENSE-MIT": pathlib.Path("LICENSE-MIT").read_bytes(),
    f"{info}/LICENSE-APACHE": pathlib.Path("LICENSE-APACHE").read_bytes(),
}
record = f"{info}/RECORD"
lines = []
for name, content in files.items():
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    lines.append(f"{name},sha256={digest},{len(content)}\n")
files[record] = "".join([*lines, f"{record},,\n"]).encode()

path = pathlib.Path(folder) / f"zms-{version}-{tag}.whl"
with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
    for name, content in files.items():
        entry = zipfile.ZipInfo(name, date)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
        wheel.writestr(entry, content)
