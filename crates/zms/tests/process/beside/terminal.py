"""Runs a command on a terminal of its own and plays a dialogue: terminal.py STEPS COMMAND...

STEPS is JSON, [[wait for, then type], ...]; for what is typed, [rows, columns] give the terminal that
size. Prints the screen, then how the command ended and how
many steps were played."""

import fcntl
import json
import os
import pty
import select
import struct
import sys
import termios
import time

steps = json.loads(sys.argv[1])
terminal, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.close(terminal)
    os.login_tty(slave)
    os.execvp(sys.argv[2], sys.argv[2:])
screen, seen, played, status, begun = b"", 0, 0, None, time.monotonic()
while time.monotonic() - begun < 60:
    if select.select([terminal], [], [], 0.1)[0]:
        screen += os.read(terminal, 65536)
    elif played < len(steps) and steps[played][0].encode() in screen[seen:]:
        seen = len(screen)
        keys = steps[played][1]
        if isinstance(keys, str):
            os.write(terminal, keys.encode())
        else:
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *keys, 0, 0))
        played += 1
    elif status is not None:
        break
    if status is None:
        ended, code = os.waitpid(child, os.WNOHANG)
        status = code if ended else None
else:
    os.kill(child, 9)
sys.stdout.buffer.write(screen.replace(b"\r\n", b"\n"))
ended = "never" if status is None else os.waitstatus_to_exitcode(status)
kept = "kept" if termios.tcgetattr(slave) == before else "changed"
print(f"\nended {ended}, played {played} of {len(steps)}, terminal {kept}")
