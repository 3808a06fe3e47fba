"""Runs a command on a terminal of its own, sends Ctrl-C when it says ready, prints what it said."""

import os
import pty
import select
import sys

terminal, slave = pty.openpty()
child = os.fork()
if child == 0:
    os.close(terminal)
    os.login_tty(slave)
    os.execvp(sys.argv[1], sys.argv[1:])
# The other end stays open here: once nobody holds it, what was not read yet may be lost.
said, status, pressed = b"", None, False
while True:
    if select.select([terminal], [], [], 0.1)[0]:
        said += os.read(terminal, 4096)
        if b"ready" in said and not pressed:
            pressed = True
            os.write(terminal, b"\x03")
    elif status is not None:
        break
    if status is None:
        ended, code = os.waitpid(child, os.WNOHANG)
        status = code if ended else None
sys.stdout.buffer.write(said.replace(b"\r\n", b"\n"))
print("ended", os.waitstatus_to_exitcode(status))
