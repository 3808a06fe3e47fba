"""What a command makes of signals: signals.py NUMBERS MODE COMMAND...

For each one, the command is started with a program that counts it, and with one that does not
know it. MODE is plain, leader (of a session without a terminal), terminal (a job in the foreground
of one), first (PID 1 of a container) or first-terminal. What stops is continued, and said."""

import os
import pty
import signal
import subprocess
import sys

numbers, mode, command = sys.argv[1], sys.argv[2], sys.argv[3:]
COUNTS = """
import os, signal, sys, time
number, seen = int(sys.argv[1]), []
signal.signal(number, lambda *_: seen.append(1))
signal.pthread_sigmask(signal.SIG_SETMASK, [])
os.write(int(sys.argv[2]), b"ready")
until = time.monotonic() + 10
while not seen and time.monotonic() < until:
    time.sleep(0.01)
time.sleep(0.15)
sys.exit(100 + len(seen))
"""
DEFAULT = """
import os, signal, sys, time
signal.signal(int(sys.argv[1]), signal.SIG_DFL)
os.write(int(sys.argv[2]), b"ready")
# What is ignored, and all that would end PID 1, is waited for in vain; the others come, on a busy
# machine a while later.
ignored = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH}
stops = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
number = int(sys.argv[1])
time.sleep(0.25 if number in ignored or os.getpid() == 1 else 1 if number in stops else 10)
sys.exit(7)
"""
FIRST = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
STOPS = {signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
first, terminal = mode.startswith("first"), mode.endswith("terminal")
answer_to = sys.stdout


def job() -> None:
    """In the new process: a job of its own, in the foreground."""
    os.setpgid(0, 0)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTTOU])
    os.tcsetpgrp(0, os.getpgrp())
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ended(pid: int) -> list[str]:
    """What becomes of a process until its end. Who stops is continued with its job."""
    stops = []
    while True:
        status = os.waitpid(pid, os.WUNTRACED)[1]
        if not os.WIFSTOPPED(status):
            code = os.waitstatus_to_exitcode(status)
            return [*stops, str(128 - code if code < 0 else code)]
        stops.append("stopped")
        os.killpg(pid, signal.SIGCONT)


def answers() -> None:
    for number in map(int, numbers.split(",")):
        said = []
        for script in (COUNTS, DEFAULT):
            # Nobody is there to continue it, or nobody who may stop.
            if script is DEFAULT and number in STOPS and mode != "terminal":
                continue
            ready, tells = os.pipe()
            words = [*command, sys.executable, "-c", script, str(number), str(tells)]
            words = [*FIRST, *words] if first else words
            started = subprocess.Popen(words, start_new_session=mode == "leader", pass_fds=[tells],
                                       preexec_fn=job if terminal else None)
            os.close(tells)
            assert os.read(ready, 5) == b"ready"
            os.close(ready)
            target = started.pid
            if first:
                with open(f"/proc/{target}/task/{target}/children") as children:
                    target = int(children.read().split()[0])
            os.kill(target, number)
            said += ended(started.pid)
        print(number, *said, file=answer_to, flush=True)


if terminal:
    answer_to = os.fdopen(os.dup(1), "w")
    master, slave = pty.openpty()
    shell = os.fork()
    if shell == 0:
        os.close(master)
        os.login_tty(slave)
        answers()
        os._exit(0)
    os.close(slave)
    screen = b""
    try:
        while piece := os.read(master, 4096):
            screen += piece
    except OSError:
        pass
    code = os.waitstatus_to_exitcode(os.waitpid(shell, 0)[1])
    sys.exit(screen.decode(errors="replace") if code else 0)
answers()
