"""What a command makes of signals: signals.py NUMBERS MODE COMMAND...

For each one, the command is started with a program that counts it, and with one that does not
know it. MODE is plain, leader (of a session without a terminal) or first (PID 1 of a container)."""

import os
import signal
import subprocess
import sys

numbers, mode, command = sys.argv[1], sys.argv[2], sys.argv[3:]
COUNTS = """
import os, signal, sys, time
number, seen = int(sys.argv[1]), []
signal.signal(number, lambda *_: seen.append(1))
signal.pthread_sigmask(signal.SIG_SETMASK, [])
print("ready", flush=True)
until = time.monotonic() + 10
while not seen and time.monotonic() < until:
    time.sleep(0.01)
time.sleep(0.15)
sys.exit(100 + len(seen))
"""
DEFAULT = """
import signal, sys, time
signal.signal(int(sys.argv[1]), signal.SIG_DFL)
print("ready", flush=True)
time.sleep(0.25)
sys.exit(7)
"""
FIRST = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
STOPS = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
for number in map(int, numbers.split(",")):
    answers = []
    for script in (COUNTS, DEFAULT):
        if script is DEFAULT and number in STOPS:
            continue
        words = [*command, sys.executable, "-c", script, str(number)]
        words = [*FIRST, *words] if mode == "first" else words
        started = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=mode == "leader")
        assert started.stdout.readline() == b"ready\n"
        target = started.pid
        if mode == "first":
            with open(f"/proc/{target}/task/{target}/children") as children:
                target = int(children.read().split()[0])
        os.kill(target, number)
        code = started.wait()
        answers.append(str(128 - code if code < 0 else code))
    print(number, *answers)
