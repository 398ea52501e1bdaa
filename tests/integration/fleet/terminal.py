# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program on a terminal, and the text that its user sees."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from waits import RUN_LIMIT

COLUMNS, ROWS = 100, 40
_CONTROL = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r|\n")


def run(
    command: list[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    until: Callable[[str], bool] | None = None,
    send: int | str = 0,
    seen: Callable[[str], None] | None = None,
    timeout: float = RUN_LIMIT,
) -> tuple[int, str]:
    """Run a command and return its exit status (negative: the signal) and output.

    until   condition on the output so far at which `send` is sent: a signal, or what the user types
    seen    called with the output so far
    """
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvpe(command[0], command, dict(environment))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    output = b""
    end = time.monotonic() + timeout
    with contextlib.suppress(OSError):  # EIO: the other side is closed
        while True:
            left = end - time.monotonic()
            ready = left > 0 and select.select([terminal], [], [], left)[0]
            assert ready, f"{command} did not end within {timeout:g} s:\n{output.decode(errors='replace')}"
            piece = os.read(terminal, 65536)
            if not piece:
                break
            output += piece
            text = output.decode(errors="replace")
            if seen:
                seen(text)
            if send and until and until(text):
                if isinstance(send, str):
                    os.write(terminal, send.encode())
                else:
                    os.kill(child, send)
                send = 0
    _unused, status = os.waitpid(child, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), output.decode(errors="replace")


def screen(output: str) -> str:
    """Return the lines on the screen, colours included. Knows only the control sequences that rich's live display uses."""
    lines, row, place = [""], 0, 0
    for control in _CONTROL.finditer(output):
        lines[row] += output[place : control.start()]
        place = control.end()
        if control[0] == "\n":
            row += 1
            if row == len(lines):
                lines.append("")
        elif control[2] == "A":
            row = max(0, row - int(control[1] or 1))
        elif control[2] == "K":
            lines[row] = ""
        elif control[2] == "m":
            lines[row] += control[0]
    lines[row] += output[place:]
    return "\n".join(lines)


def plain(text: str) -> str:
    """Return the text without colours and other control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)
