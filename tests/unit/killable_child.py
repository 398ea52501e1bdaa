# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes that can be killed: a fork of this process for each line of stdin, a job as JSON.

It writes the fork's process id, waits for a line, runs the job, and writes how the fork ended, as JSON. The program is a module
whose function `prepare` imports and patches before the forks, and returns the function that runs a job.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from functools import cache
from typing import Any

import botocore.session
from botocore.httpsession import URLLib3Session


def _say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _name_the_caller() -> None:
    """Send the process id with each call, so that a call of a killed process is known when it is read late."""
    send = URLLib3Session.send

    def send_with_id(session: URLLib3Session, request: Any) -> Any:
        request.headers["X-Caller"] = str(os.getpid())
        return send(session, request)

    URLLib3Session.send = send_with_id


def main() -> None:
    """Run the program of the command line."""
    _name_the_caller()
    botocore.session.create_loader = cache(botocore.session.create_loader)  # reads the models once
    run = importlib.import_module(sys.argv[1]).prepare()
    gc.collect()
    gc.freeze()  # the forks would copy what their collector visits
    while line := sys.stdin.readline():
        reader, writer = os.pipe()
        if pid := os.fork():
            os.close(writer)
            _say(pid)
            _pid, status = os.waitpid(pid, 0)
            with os.fdopen(reader) as answer:
                _say(json.dumps({"signal": os.WTERMSIG(status), "answer": answer.read()}))
            continue
        os.read(0, 1)
        os.dup2(2, 1)  # reports are no answers
        answer = run(json.loads(line))
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)


main()
