# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reflector's package under every Lambda Python, called by AWS's own runtime client."""

from __future__ import annotations

import base64
import gzip
import json
import platform
import random
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from embedded_aws import Behaviour, RunningAws, Sink
from lambda_pythons import declared, found
from lambda_runtime import ACCOUNT, REGION, Invocation, Runtime
from packages import Packages, Start

PRIVATE = "pr1vate-words-of-a-log-line"
UNITS = {"Bytes", "Count", "Milliseconds", "None"}
# A handler that wraps the package's handler. It can end the process, and reports the imported modules.
AROUND = """
import sys, time
before = {*sys.modules}
import handler

def around(event, context):
    time.sleep(event.get("stall", 0))
    counts = handler.handler(event, context)
    names = {name.partition(".")[0] for name in sys.modules.keys() - before}
    return {"counts": counts, "imported": sorted(names - sys.stdlib_module_names)}
"""


def data_message(*messages: str, log_group: str = "/app/orders") -> dict[str, Any]:
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "222222222222",
        "logGroup": log_group,
        "logStream": "web/1",
        "subscriptionFilters": ["app-orders"],
        "logEvents": [
            {"id": f"{number:056d}", "timestamp": 1_700_000_000_000 + number, "message": message}
            for number, message in enumerate(messages)
        ],
    }


def event_of(payload: bytes) -> dict[str, Any]:
    """Return the event that CloudWatch Logs makes of these bytes."""
    return {"awslogs": {"data": base64.b64encode(gzip.compress(payload)).decode()}}


def subscription_event(*messages: str, **payload: Any) -> dict[str, Any]:
    return event_of(json.dumps(data_message(*messages, **payload), separators=(",", ":")).encode())


def account(invocation: Invocation) -> dict[str, Any]:
    """Return the one accounting line, checked against AWS's "Specification: Embedded metric format"."""
    (line,) = [json.loads(line) for line in invocation.log_lines if line.startswith("{")]
    assert abs(line["_aws"]["Timestamp"] / 1000 - time.time()) < 60
    fails = any(line[name] for name in ("FailedEvents", "DeadLetteredEvents", "UndecodablePayloads"))
    assert bool(line["_aws"]["CloudWatchMetrics"]) is fails
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert 1 <= len(directive["Namespace"]) <= 1024
        for dimensions in directive["Dimensions"]:
            assert len(dimensions) <= 30
            assert all(isinstance(line[name], str) and line[name] for name in dimensions)
        assert 1 <= len(directive["Metrics"]) <= 100
        for metric in directive["Metrics"]:
            assert metric["Unit"] in UNITS
            assert isinstance(line[metric["Name"]], int | float)
            assert not isinstance(line[metric["Name"]], bool)
    return line


def messages(sink: Sink) -> list[Any]:
    return [line["message"] for line in sink.lines()]


def failure(invocation: Invocation) -> tuple[str, str]:
    """Return the error's type and message. Neither these nor the log may hold anything of a payload."""
    assert invocation.kind == "error"
    assert PRIVATE not in json.dumps(invocation.payload)
    assert not any(PRIVATE in line for line in invocation.log_lines)
    return invocation.payload["errorType"], invocation.payload["errorMessage"]


@pytest.fixture
def function(start: Start, packages: Packages, sink: Sink) -> Runtime:
    return start(packages.reflector, environment={"SUMO_ENDPOINT": sink.url})


def with_around(reflector: Path, folder: Path) -> Path:
    """Return a zip of the reflector with AROUND."""
    package = folder / "around.zip"
    package.write_bytes(reflector.read_bytes())
    with zipfile.ZipFile(package, "a") as archive:
        archive.writestr("around.py", AROUND)
    return package


@pytest.fixture
def package_around(packages: Packages, tmp_path: Path) -> Path:
    return with_around(packages.reflector, tmp_path)


@pytest.fixture
def wrapped(start: Start, package_around: Path, sink: Sink) -> Runtime:
    return start(package_around, handler="around.around", environment={"SUMO_ENDPOINT": sink.url})


def test_reflector_delivers_and_accounts(function: Runtime, sink: Sink) -> None:
    invocation = function.invoke(subscription_event("one\n", '{"two": 2.50}', "drei: ü"))
    assert invocation.kind == "ok"
    (received,) = sink.requests()
    assert [(line["timestamp"], line["message"]) for line in received.lines] == [
        (1_700_000_000_000, "one"),
        (1_700_000_000_001, {"two": 2.5}),
        (1_700_000_000_002, "drei: ü"),
    ]
    assert {"x-sumo-name": "web/1", "x-sumo-host": "/app/orders"}.items() <= {
        name.lower(): value for name, value in received.headers
    }.items()
    line = account(invocation)
    assert invocation.log_lines == (json.dumps(line, separators=(",", ":")),), "it prints nothing else"
    assert line["FunctionName"] == "log-reflector"
    assert (line["ReceivedEvents"], line["DeliveredEvents"], line["Requests"], line["Retries"]) == (3, 3, 1, 0)
    assert invocation.payload.items() <= line.items()


def test_reflector_warm_invocation_reuses_connection(function: Runtime, sink: Sink) -> None:
    cold, *warm = [function.invoke(subscription_event(f"event {number}")) for number in range(3)]
    assert [cold.report.cold, *(invocation.report.cold for invocation in warm)] == [True, False, False]
    assert messages(sink) == ["event 0", "event 1", "event 2"]
    assert len({received.port for received in sink.requests()}) == 1
    assert [account(invocation)["DeliveredEvents"] for invocation in (cold, *warm)] == [1, 1, 1]


def test_reflector_closed_connection_loses_no_event(function: Runtime, sink: Sink) -> None:
    function.invoke(subscription_event("before"))
    sink.behave(Behaviour(kind="close", times=1))
    invocation = function.invoke(subscription_event("after"))
    assert invocation.kind == "ok"
    assert messages(sink) == ["before", "after"]
    assert account(invocation)["DeliveredEvents"] == 1


BROKEN = {
    "no subscription event": {"detail": PRIVATE},
    "no base64": {"awslogs": {"data": PRIVATE + "!"}},
    "no gzip": {"awslogs": {"data": base64.b64encode(PRIVATE.encode()).decode()}},
    "gzip that breaks off": {"awslogs": {"data": base64.b64encode(gzip.compress(PRIVATE.encode())[:-9]).decode()}},
    "no JSON": event_of(f'{{"messageType": "DATA_MESSAGE", "logEvents": [{{"message": "{PRIVATE}"'.encode()),
    "no UTF-8": event_of(PRIVATE.encode() + b"\xff\xfe"),
    "no object": event_of(json.dumps([PRIVATE]).encode()),
    "no events": event_of(json.dumps({**data_message(), "logEvents": {PRIVATE: 1}}).encode()),
    "unknown message type": event_of(json.dumps({**data_message(), "messageType": PRIVATE}).encode()),
}


@pytest.mark.parametrize("event", BROKEN.values(), ids=BROKEN)
def test_reflector_broken_payload_error_hides_content(function: Runtime, sink: Sink, event: Any) -> None:
    invocation = function.invoke(event)
    kind, message = failure(invocation)
    assert kind == "PayloadError"
    assert message.endswith(".")
    assert invocation.payload["requestId"] == invocation.request_id
    data = event.get("awslogs", {}).get("data", PRIVATE)
    assert not any(data in line for line in (message, *invocation.payload["stackTrace"], *invocation.log_lines))
    line = account(invocation)
    assert (line["error"], line["ReceivedEvents"]) == ("PayloadError", 0)
    (traceback,) = [line for line in invocation.log_lines if line.startswith("[ERROR]")]
    assert traceback.startswith(f"[ERROR] PayloadError: {message}\r")
    assert sink.requests() == []
    after = function.invoke(subscription_event("whole"))
    assert (after.kind, after.report.cold, messages(sink)) == ("ok", False, ["whole"])


def test_reflector_refusing_sink_error_hides_events(function: Runtime, sink: Sink) -> None:
    sink.behave(Behaviour(status=400))
    invocation = function.invoke(subscription_event(PRIVATE))
    kind, message = failure(invocation)
    assert (kind, "400" in message) == ("DeliveryFailed", True)
    assert not any("/receiver/" in line for line in (json.dumps(invocation.payload), *invocation.log_lines))
    line = account(invocation)
    assert (line["error"], line["ReceivedEvents"], line["DeliveredEvents"]) == ("DeliveryFailed", 1, 0)


@pytest.mark.parametrize("hangs", [Behaviour(kind="hang"), Behaviour(status=503)], ids=["silent", "busy"])
def test_reflector_stops_before_lambdas_timeout(function: Runtime, sink: Sink, hangs: Behaviour) -> None:
    sink.behave(hangs)
    invocation = function.invoke(subscription_event(PRIVATE, PRIVATE))
    assert failure(invocation)[0] == "DeliveryFailed"
    assert invocation.report.seconds < 3
    line = account(invocation)
    assert (line["error"], line["ReceivedEvents"], line["DeliveredEvents"]) == ("DeliveryFailed", 2, 0)
    sink.behave()
    again = function.invoke(subscription_event("one", "two"))  # as Lambda does
    assert (again.kind, again.report.cold) == ("ok", False)
    assert messages(sink) == ["one", "two"]
    assert account(again)["DeliveredEvents"] == 2


def test_reflector_works_after_a_killed_invocation(wrapped: Runtime, sink: Sink) -> None:
    before = wrapped.invoke(subscription_event("before"))
    killed = wrapped.invoke({**subscription_event(PRIVATE), "stall": 60})
    assert failure(killed)[0] == "Sandbox.Timedout"
    after = wrapped.invoke(subscription_event("after"))
    assert [(it.kind, it.report.cold) for it in (before, after)] == [("ok", True), ("ok", True)]
    assert messages(sink) == ["before", "after"]
    first, second = sink.requests()
    assert first.port != second.port


def test_reflector_imports_only_standard_library(wrapped: Runtime, sink: Sink) -> None:
    told = wrapped.invoke(subscription_event("one", '{"two": 2}'))
    assert told.payload["imported"] == ["handler", "reflector"]
    assert messages(sink) == ["one", {"two": 2}]


# The libraries are Lambda's, for Linux. Which Pythons this machine lacks is in the summary of tests/runtimes/lambda_pythons.py.
NATIVE_PYTHONS = [version for version in found() if version in declared() and platform.system() == "Linux"]

if NATIVE_PYTHONS:

    @pytest.mark.parametrize("python", NATIVE_PYTHONS)
    def test_reflector_native_package_delivers_the_same(
        start: Start, python: str, native: Callable[[str], Path], tmp_path: Path, sink: Sink
    ) -> None:
        package = with_around(native(python), tmp_path)
        wrapped = start(package, handler="around.around", environment={"SUMO_ENDPOINT": sink.url})
        told = wrapped.invoke(subscription_event("one\n", '{"two": 2.50}', "drei: ü"))
        assert told.payload["counts"]["DeliveredEvents"] == 3
        assert told.payload["imported"] == ["handler", "isal", "orjson", "reflector"]
        assert messages(sink) == ["one", {"two": 2.5}, "drei: ü"]


def test_reflector_drops_control_message_and_own_log_group(function: Runtime, sink: Sink) -> None:
    control = {**data_message("CWL CONTROL MESSAGE: Checking health."), "messageType": "CONTROL_MESSAGE"}
    checked = function.invoke(event_of(json.dumps(control).encode()))
    assert checked.kind == "ok"
    assert account(checked)["DroppedEvents"] == 1
    looped = function.invoke(subscription_event(PRIVATE, log_group="/aws/lambda/log-reflector"))
    assert (looped.kind, looped.log_lines) == ("ok", ()), "a line about it would be the next event of its own group"
    assert sink.requests() == []


SETTINGS = {
    "none": ({}, "SUMO_ENDPOINT"),
    "not encrypted": ({"SUMO_ENDPOINT": f"http://192.0.2.1/{PRIVATE}"}, "https"),
    "no boolean": ({"SUMO_ENDPOINT": f"https://192.0.2.1/{PRIVATE}", "COMPRESS_DATA": PRIVATE}, "COMPRESS_DATA"),
}


@pytest.mark.parametrize(("environment", "says"), SETTINGS.values(), ids=SETTINGS)
def test_reflector_wrong_setting_is_named(
    start: Start, packages: Packages, environment: dict[str, str], says: str
) -> None:
    function = start(packages.reflector, environment=environment)
    for _unused in range(2):  # warm, too
        invocation = function.invoke(subscription_event(PRIVATE))
        kind, message = failure(invocation)
        assert (kind, says in message) == ("SettingsError", True)
        assert account(invocation)["error"] == "SettingsError"


@pytest.fixture(scope="session")
def large() -> bytes:
    """The payload has 30 MB of text, a bit more than 1 MB of gzip."""
    chance = random.Random(1)
    states = ("accepted by the next one in line", "refused for want of an address", "delayed until it opens", "paid")
    texts = [
        f"{number} GET /orders/{chance.randrange(10**6)} 200 {', '.join(chance.choices(states, k=chance.randrange(10, 50)))}"
        for number in range(36_000)
    ]
    return json.dumps(data_message(*texts), separators=(",", ":")).encode()


def test_reflector_large_payload_fits_smallest_function(
    start: Start, packages: Packages, sink: Sink, large: bytes
) -> None:
    """Lambda's smallest function has 128 MB, including AWS's client."""
    function = start(packages.reflector, environment={"SUMO_ENDPOINT": sink.url}, timeout=60, memory=128)
    event, texts = event_of(large), [item["message"] for item in json.loads(large)["logEvents"]]
    for _unused in range(3):
        sink.clear()
        invocation = function.invoke(event)
        assert invocation.kind == "ok"
        line = account(invocation)
        assert (line["ReceivedBytes"], line["DeliveredEvents"]) == (len(large), len(texts))
        assert messages(sink) == texts
        assert all(len(received.body) <= 1_000_000 for received in sink.requests())
        assert within(128, invocation)


@pytest.mark.parametrize("how", ["bomb", "broken at the beginning", "broken at the end", "refused"])
def test_reflector_repeated_failures_leak_nothing(
    start: Start, packages: Packages, sink: Sink, large: bytes, how: str
) -> None:
    """AWS's client keeps each error in a cycle with its traceback, and with that all objects of its frames and its context."""
    payloads = {"bomb": b" " * 100_000_000, "broken at the beginning": b"-" + large, "broken at the end": large[:-1000]}
    event = event_of(payloads.get(how, large))
    sink.behave(Behaviour(status=400))
    function = start(packages.reflector, environment={"SUMO_ENDPOINT": sink.url}, timeout=60, memory=256)
    for _unused in range(5):
        invocation = function.invoke(event)
        assert failure(invocation)[0] == ("DeliveryFailed" if how == "refused" else "PayloadError")
        assert within(256, invocation)


def within(megabytes: int, invocation: Invocation) -> bool:
    """Return whether the process used no more than that. Only Linux reports it."""
    peak = invocation.report.max_rss
    return peak is None or peak < megabytes * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Queue:
    """A dead-letter queue."""

    sqs: Any
    name: str
    url: str

    def receive(self) -> list[dict[str, Any]]:
        """Return the messages as SQS does."""
        received = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return received.get("Messages", [])


def open_dead_letter(message: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the metadata of a dead letter, and its log events."""
    body = json.loads(message["Body"])
    return body["deadLetter"], json.loads(gzip.decompress(base64.b64decode(body["awslogs"]["data"])))["logEvents"]


def sqs_event(*received: dict[str, Any]) -> dict[str, Any]:
    """Return the event that an event source mapping makes of messages (AWS page "Using Lambda with Amazon SQS")."""
    records = [
        {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": {"ApproximateReceiveCount": "1"},
            "messageAttributes": {},
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:{REGION}:{ACCOUNT}:queue",
            "awsRegion": REGION,
        }
        for message in received
    ]
    return {"Records": records}


@pytest.fixture
def queue(aws: RunningAws) -> Queue:
    sqs = aws.client("sqs", ACCOUNT, REGION)
    name = f"dead-letters-{uuid.uuid4()}"
    return Queue(sqs, name, sqs.create_queue(QueueName=name)["QueueUrl"])


@pytest.fixture
def queued(start: Start, packages: Packages, sink: Sink, queue: Queue, aws_variables: dict[str, str]) -> Runtime:
    """Return the function with that queue."""
    environment = {**aws_variables, "SUMO_ENDPOINT": sink.url, "DEAD_LETTER_QUEUE": queue.name}
    # A busy machine needs more than the second that a short timeout leaves for the queue.
    return start(packages.reflector, environment=environment, timeout=20)


@pytest.mark.parametrize("trouble", [Behaviour(status=400), Behaviour(kind="hang")], ids=["refuses", "hangs"])
def test_reflector_undelivered_events_go_to_queue(
    queued: Runtime, queue: Queue, sink: Sink, trouble: Behaviour
) -> None:
    sink.behave(trouble)
    event = data_message(f"{PRIVATE} 1", f"{PRIVATE} 2")
    invocation = queued.invoke(event_of(json.dumps(event).encode()))
    assert invocation.kind == "ok"
    assert not any(PRIVATE in line for line in invocation.log_lines)
    line = account(invocation)
    assert (line["ReceivedEvents"], line["DeliveredEvents"], line["DeadLetteredEvents"]) == (2, 0, 2)
    (message,) = queue.receive()
    about, events = open_dead_letter(message)
    assert events == event["logEvents"]
    assert (about["sink"], about["events"], about["function"]) == ("sumologic", 2, "log-reflector")

    # the same function sends it when the sink works again
    sink.behave(Behaviour(status=400))
    refused = queued.invoke(sqs_event(message))
    assert [item["itemIdentifier"] for item in refused.payload["batchItemFailures"]] == [message["MessageId"]]
    sink.behave()
    accepted = queued.invoke(sqs_event(message))
    assert accepted.payload["batchItemFailures"] == []
    assert account(accepted)["DeliveredEvents"] == 2
    assert messages(sink) == [f"{PRIVATE} 1", f"{PRIVATE} 2"]


def test_reflector_broken_payload_goes_to_queue_unchanged(queued: Runtime, queue: Queue) -> None:
    event = BROKEN["gzip that breaks off"]
    invocation = queued.invoke(event)
    assert invocation.kind == "ok"
    assert not any(event["awslogs"]["data"] in line for line in invocation.log_lines)
    assert account(invocation)["ReceivedEvents"] == 0
    (message,) = queue.receive()
    body = json.loads(message["Body"])
    assert body["awslogs"] == event["awslogs"]
    assert (body["deadLetter"]["sink"], body["deadLetter"]["events"]) == (None, 0)


def test_reflector_refusing_queue_fails_invocation(
    start: Start, packages: Packages, sink: Sink, aws_variables: dict[str, str]
) -> None:
    sink.behave(Behaviour(status=400))
    environment = {**aws_variables, "SUMO_ENDPOINT": sink.url, "DEAD_LETTER_QUEUE": "of-another-account"}
    invocation = start(packages.reflector, environment=environment, timeout=6).invoke(subscription_event(PRIVATE))
    kind, message = failure(invocation)
    assert (kind, "of-another-account" in message) == ("DeliveryFailed", True)
    line = account(invocation)
    assert (line["FailedEvents"], line["DeadLetteredEvents"]) == (1, 0)


def test_reflector_imports_sdk_for_queue_only(
    start: Start, package_around: Path, sink: Sink, queue: Queue, aws_variables: dict[str, str]
) -> None:
    environment = {**aws_variables, "SUMO_ENDPOINT": sink.url, "DEAD_LETTER_QUEUE": queue.name}
    wrapped = start(package_around, handler="around.around", environment=environment, timeout=6)
    assert "boto3" not in wrapped.invoke(subscription_event("one")).payload["imported"]
    sink.behave(Behaviour(status=400))
    assert "boto3" in wrapped.invoke(subscription_event("two")).payload["imported"]
