# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SIGKILL at every call that leaves the process, in a delivery and in a replay. After AWS's retry nothing is lost."""

import gzip
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
from reflector_support import QuietHandler, Server, opened, payload, subscription_event

IDS = range(3)
SINKS = ("sumologic", "lines")
WANTED = {(sink, number) for sink in SINKS for number in IDS}


class Wire:
    """Two sinks, SQS and Secrets Manager. Kills the process `pid` at the call number `kill_at`, before or after its effect."""

    def __init__(self):
        self.lines_status = 200
        self.reset()
        wire = self

        class Handler(QuietHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                wire.serve(self, body)

        self._lock = threading.Lock()
        self._server = Server(Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def reset(self):
        self.at = Counter()
        self.queue = []

    def watch(self, pid, kill_at, effect):
        self.pid, self.kill_at, self.effect, self.calls = pid, kill_at, effect, 0

    def serve(self, handler, body):
        with self._lock:
            self.calls += 1
            is_due = self.calls == self.kill_at
            if is_due and self.effect == "before":
                os.kill(self.pid, signal.SIGKILL)
                return
            status, answer = self._answer(handler.path, handler.headers.get("X-Amz-Target", ""), body)
            if is_due:
                os.kill(self.pid, signal.SIGKILL)
                return
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        handler.wfile.write(answer)

    def _answer(self, path, target, body):
        operation = target.rpartition(".")[2]
        if operation == "SendMessage":
            text = json.loads(body)["MessageBody"]
            self.queue.append({"messageId": f"m{len(self.queue)}", "body": text, "eventSource": "aws:sqs"})
            return 200, json.dumps(
                {"MessageId": "m", "MD5OfMessageBody": hashlib.md5(text.encode()).hexdigest()}
            ).encode()
        if operation == "GetQueueUrl":
            return 200, json.dumps({"QueueUrl": f"{self.url}/queue"}).encode()
        if operation == "GetSecretValue":
            return 200, json.dumps({"SecretString": f"{self.url}/sumologic"}).encode()
        sink = path.strip("/")
        if sink == "lines" and self.lines_status != 200:
            return self.lines_status, b""
        self.at.update((sink, int(json.loads(line)["id"])) for line in body.splitlines())
        return 200, b""

    def stop(self):
        self._server.stop()

    @property
    def queued(self):
        found = Counter()
        for record in self.queue:
            content, metadata = opened(record["body"])
            found.update((metadata["sink"], int(event["id"])) for event in content["logEvents"])
        return found


class Environments:
    """Processes of the function: see sigkill_child.py."""

    def __init__(self, wire):
        self._wire = wire
        lines = {"type": "http", "endpoint": f"{wire.url}/lines", "max_events": 2}
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SUMO_"))},
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": wire.url,
            "SUMO_ENDPOINT": "secretsmanager:endpoint",
            "INCLUDE_EVENT_ID": "true",
            "DEAD_LETTER_QUEUE": "dead-letters",
            "REFLECTOR_RULES": json.dumps({"sinks": {"lines": lines}}),
        }
        command = [sys.executable, str(Path(__file__).with_name("sigkill_child.py"))]
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def invoke(self, event, kill_at=0, effect=""):
        """Return the function's answer, or None if it was killed."""
        self._say(json.dumps(event))
        self._wire.watch(int(self._process.stdout.readline()), kill_at, effect)
        self._say("")
        ended = json.loads(self._process.stdout.readline())
        assert ended["signal"] in (0, signal.SIGKILL)
        return None if ended["signal"] else json.loads(ended["answer"])

    def _say(self, text):
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def stop(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


@pytest.fixture(scope="module")
def wire():
    wire = Wire()
    yield wire
    wire.stop()


@pytest.fixture(scope="module")
def environments(wire):
    environments = Environments(wire)
    yield environments
    environments.stop()


@pytest.mark.parametrize("effect", ["before", "after"])
def test_sigkill_delivery_at_every_call_retry_loses_nothing(wire, environments, effect):
    wire.lines_status = 400  # so that there are calls to the queue as well
    event = subscription_event(payload(["x"] * len(IDS)))
    # At least: the secret, a request to one sink and two to the other, the queue's URL, a message.
    kill_at_every_call(wire, environments, event, effect, calls=6)


@pytest.mark.parametrize("effect", ["before", "after"])
def test_sigkill_replay_at_every_call_next_replay_loses_nothing(wire, environments, effect):
    wire.lines_status = 400
    wire.reset()
    environments.invoke(subscription_event(payload(["x"] * len(IDS))))
    letters, before = wire.queue, wire.at
    assert set(wire.queued) == {("lines", number) for number in IDS}
    wire.lines_status = 200
    kill_at_every_call(wire, environments, {"Records": letters}, effect, before, calls=1)


@pytest.mark.parametrize("effect", ["before", "after"])
def test_sigkill_replay_that_queues_a_part_again_loses_nothing(wire, environments, effect):
    wire.lines_status = 400
    body = json.dumps({"requestPayload": subscription_event(payload(["x"] * len(IDS)))})
    record = {"messageId": "record", "body": body, "eventSource": "aws:sqs"}
    kill_at_every_call(wire, environments, {"Records": [record]}, effect, calls=6)


def kill_at_every_call(wire, environments, event, effect, before=(), *, calls):
    """Kill at call 1, 2, ... until there is no such call. After AWS's retry, which is not killed, nothing is lost."""
    for number in range(1, 100):
        wire.reset()
        wire.at.update(before)
        if environments.invoke(event, number, effect) is not None:
            break
        # Lambda tries the event again after a minute. A replay has deleted no message, so that they are visible again.
        answer = environments.invoke(event)
        assert answer["FailedEvents"] == 0
        assert answer.get("batchItemFailures", []) == []
        there = wire.at + wire.queued
        assert set(there) == WANTED
        assert max(there.values()) <= 2  # the whole event again, once
    assert number > calls
