#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""types.py PROMPT LINE COMMAND...: runs a command at a terminal of its own, types a line at its first prompt, and ends with its status."""
import os
import pty
import signal
import sys

prompt, line, *command = sys.argv[1:]
# Nothing is heard of a command that hangs.
signal.alarm(600)
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
seen, typed = b"", False
while True:
    try:
        piece = os.read(terminal, 4096)
    except OSError:
        # The other end is closed.
        break
    if not piece:
        break
    sys.stdout.buffer.write(piece)
    seen += piece
    if not typed and prompt.encode() in seen:
        os.write(terminal, line.encode() + b"\r")
        typed = True
sys.stdout.flush()
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) if typed else 1)
