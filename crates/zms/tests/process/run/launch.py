"""Starts a program in an unusual state: launch.py STATE PROGRAM ARGS..."""

import os
import resource
import signal
import sys

state, command = sys.argv[1], sys.argv[2:]

# Python ignores these for itself.
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)

if state == "pipe-ignored":
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
elif state == "much-ignored":
    for name in "HUP INT QUIT USR1 USR2 PIPE ALRM TERM CHLD SEGV BUS ABRT WINCH".split():
        signal.signal(getattr(signal, "SIG" + name), signal.SIG_IGN)
elif state == "blocked":
    signal.pthread_sigmask(signal.SIG_SETMASK, set(range(1, 65)) - {9, 19, 32, 33})
elif state == "limits":
    os.umask(0o027)
    resource.setrlimit(resource.RLIMIT_CORE, (4096, 1 << 20))
    resource.setrlimit(resource.RLIMIT_NOFILE, (123, 456))
    os.nice(3)
elif state == "no-core":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
elif state == "core":
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
elif state == "files":
    for number in (3, 7, 50):
        os.dup2(os.open("/dev/null", os.O_RDWR), number, inheritable=True)
elif state == "closed":
    os.close(0)
elif state != "plain":
    sys.exit("no such state")

os.execvp(command[0], command)
