"""Servers that are under load, and what loads them."""

import json
import os
import re
import subprocess
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
# Who asks is one, and asks as often as it can.
UNLIMITED = ["--rate-address", "0", "--rate-token", "0", "--rate-refused", "0"]


class Running:
    """A process, its CPU time and its memory."""

    def __init__(self, child):
        self.child = child

    def cpu(self):
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def rss_mib(self):
        return self.memory_mib("VmRSS")

    def peak_mib(self):
        return self.memory_mib("VmHWM")

    def memory_mib(self, which):
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(rf"{which}:\s+(\d+)", status)[1]) / 1024

    def close(self):
        self.child.kill()
        self.child.wait()


class Process(Running):
    """A server that says when it is ready."""

    def __init__(self, words, environment, end):
        super().__init__(subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
        self.said = ""
        while not self.said.endswith(end):
            line = self.child.stdout.readline()
            if not line:
                raise SystemExit(f"{words[0]} ended")
            self.said += line


def load(program, *words, given):
    """What `examples/load` answers."""
    done = subprocess.run([str(word) for word in (program, *words)], input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)
