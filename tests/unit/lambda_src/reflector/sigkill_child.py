# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Execution environments of the reflector that can be killed: a fork of this process for each line of stdin, a JSON event.

It writes the fork's process id, waits for a line, runs the handler, and writes how the fork ended, as JSON. The environment is the
function's. The imports are made once, before the forks, as in a warm start.
"""

import json
import os
import sys
from functools import cache

import boto3
import botocore.session
from reflector_support import ROOT, Context


def say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    sys.path.insert(0, str(ROOT))
    from handler import handler  # noqa: PLC0415

    botocore.session.create_loader = cache(botocore.session.create_loader)  # reads the models once
    for service in ("sqs", "secretsmanager"):
        boto3.Session().client(service)
    while event := sys.stdin.readline():
        reader, writer = os.pipe()
        if pid := os.fork():
            os.close(writer)
            say(pid)
            _pid, status = os.waitpid(pid, 0)
            with os.fdopen(reader) as answer:
                say(json.dumps({"signal": os.WTERMSIG(status), "answer": answer.read()}))
            continue
        os.read(0, 1)
        os.dup2(2, 1)  # the accounting line is no answer
        answer = handler(json.loads(event), Context(60.0))
        os.write(writer, json.dumps(answer).encode())
        os._exit(0)


main()
