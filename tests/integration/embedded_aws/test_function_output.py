# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A function's log has all its output, even if the reading thread is late."""

from __future__ import annotations

import queue
import subprocess
import sys

from embedded_aws.gaps.function_output import Output

PRINTS = """
import sys
for number in range(3000):
    print(number, file=sys.stderr)
print("no newline", end="", file=sys.stderr, flush=True)
print("answer", flush=True)
sys.stdin.read()
"""


def test_output_is_complete_as_soon_as_the_function_has_answered() -> None:
    command = [sys.executable, "-c", PRINTS]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines: queue.Queue[str] = queue.Queue()
        output = Output(process, lines)
        assert process.stdout.readline() == "answer\n"
        assert output.read_available()
        assert list(lines.queue) == [str(number) for number in range(3000)]
        process.stdin.close()
        output.read_to_end()
    assert lines.queue[-1] == "no newline"
