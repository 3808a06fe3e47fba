"""What a run was measured on."""

import os
import platform
from pathlib import Path


def machine() -> str:
    models = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")]
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    busy = "" if load < 0.5 else "  (busy: expect noise)"
    return f"{models[0] if models else platform.machine()}, {cores} cores, Linux {platform.release()}, load {load:.2f}{busy}"
