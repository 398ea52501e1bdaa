# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Print text from a worker, also if nobody can read it (`| head`, a full disk)."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from functools import wraps
from typing import Any

from ansible.utils.display import Display


def print_lines(lines: Iterable[str]) -> None:
    """Print the lines above the result of the worker's task."""
    Display().display("\n".join(lines))


def survive_lost_output(display: Any) -> None:
    """Make `display` discard the output as soon as it cannot write a worker's text.

    The thread of ansible-core that prints these texts (`results_thread_main`, version 2.21 and before) ends silently at the
    first OSError. The run then waits for the worker's result forever. An interrupt instead could leave that thread's queue
    locked, so the run goes on to its own end and exit status.
    """
    write = display.display

    @wraps(write)
    def write_or_discard(*args: Any, **options: Any) -> None:
        try:
            write(*args, **options)
        except OSError as error:
            if threading.current_thread() is threading.main_thread():
                raise  # Ansible's callbacks print there, and Ansible handles their errors
            _discard(sys.stderr if options.get("stderr") else sys.stdout)
            display.warning(f"Could not write the output: {error.strerror}. The run continues without it.")

    display.display = write_or_discard


def _discard(stream: Any) -> None:
    """Make later writes to the stream succeed, as Python's documentation of SIGPIPE advises."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)


# Ansible imports an action plugin before it forks the workers. So this runs in the process that prints.
survive_lost_output(Display())
