"""OpenBao's server, as a peer: in development mode (in memory) or with raft storage on disk, its audit on."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

# What `bench/setup` has installed.
INSTALLED = pathlib.Path(__file__).resolve().parent.parent / "target/bench"
SIZES = (1, 10, 100)


def find():
    """Where it is, if anywhere."""
    return shutil.which(str(INSTALLED / "bao")) or shutil.which("bao")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(address, method, path, token=None, body=None):
    data = json.dumps(body).encode() if body is not None else None
    headers = {"X-Vault-Token": token} if token else {}
    request = urllib.request.Request(address + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def until(check, what):
    for _ in range(200):
        try:
            return check()
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{what} does not answer")


def secrets(count):
    return {f"NAME_{at:03}": os.urandom(24).hex() for at in range(count)}


class Server:
    """A server with three paths of secrets, and the token of a reader and a writer."""

    def __init__(self, name, command, address, environment, log):
        self.name, self.address = name, address
        self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def fill(self, root):
        self.root = root
        for size in SIZES:
            ask(self.address, "POST", f"/v1/secret/data/app/size-{size}", root, {"data": secrets(size)})

    def end(self):
        self.process.terminate()
        self.process.wait()


def start(program, folder, log, raft):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "BAO_ADDR": address}
    audit = f'audit "file" "file" {{ options {{ file_path = "{folder}/audit.log" }} }}\n'
    if raft:
        (folder / "raft").mkdir(parents=True)
        config = folder / "bao.hcl"
        config.write_text(
            audit + f'storage "raft" {{ path = "{folder}/raft" node_id = "one" }}\n'
            f'listener "tcp" {{ address = "127.0.0.1:{port}" tls_disable = true }}\n'
            f'api_addr = "{address}"\ncluster_addr = "http://127.0.0.1:{free_port()}"\n'
        )
        command = [program, "server", f"-config={config}"]
    else:
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "dev.hcl"
        config.write_text(audit)
        command = [program, "server", "-dev", "-dev-root-token-id=root", f"-dev-listen-address=127.0.0.1:{port}", f"-config={config}"]
    server = Server("openbao raft" if raft else "openbao dev", command, address, environment, log)
    until(lambda: ask(address, "GET", "/v1/sys/seal-status"), server.name)
    root = "root"
    if raft:
        made = ask(address, "PUT", "/v1/sys/init", None, {"secret_shares": 1, "secret_threshold": 1})
        ask(address, "PUT", "/v1/sys/unseal", None, {"key": made["keys"][0]})
        root = made["root_token"]

        def active():
            if ask(address, "GET", "/v1/sys/leader")["is_self"] is not True:
                raise OSError

        until(active, server.name)
        ask(address, "POST", "/v1/sys/mounts/secret", root, {"type": "kv", "options": {"version": "2"}})
        time.sleep(1)
    policy = 'path "secret/*" { capabilities = ["create", "read", "update", "list"] }'
    ask(address, "PUT", "/v1/sys/policies/acl/bench", root, {"policy": policy})
    made = ask(address, "POST", "/v1/auth/token/create", root, {"policies": ["bench"]})
    server.fill(root)
    server.reader = server.writer = made["auth"]["client_token"]
    return server
