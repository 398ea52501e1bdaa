# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole function, as Lambda calls it. test_reflector_faults.py tests it with random faults."""

import base64
import contextlib
import gzip
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from reflector import __version__, http
from reflector.dead_letters import current_queue
from reflector_support import (
    LONG,
    ROOT,
    TOKEN,
    Context,
    Function,
    hang,
    load_handler,
    ok_then_close,
    opened,
    payload,
    sample,
    sqs_event,
    status,
    subscription_event,
)


def events(outcome):
    """Return received, dropped, delivered, dead-lettered and failed events."""
    counts = outcome.counts or outcome.account
    return tuple(counts[f"{name}Events"] for name in ("Received", "Dropped", "Delivered", "DeadLettered", "Failed"))


def second_sink(sink, **rules):
    """Return rules with one more sink on the same server."""
    second = {"type": "sumologic", "endpoint": f"{sink.url}-2", "include_event_id": True}
    return json.dumps({"sinks": {"second": second}, **rules})


# --- accounting ---


def test_handler_prints_accounting_line(function, sink):
    sink.script.append(status(503))
    outcome = function.forward("private", "private", AWS_LAMBDA_FUNCTION_NAME="reflector")
    account = outcome.account
    assert outcome.counts == {name: account[name] for name in outcome.counts}
    assert len(outcome.counts) == 10
    assert (account["logGroup"], account["logStream"], account["owner"]) == ("/app/orders", "web/1", "222222222222")
    assert (account["FunctionName"], account["requestId"]) == ("reflector", Context().aws_request_id)
    assert events(outcome) == (2, 0, 2, 0, 0)
    assert (account["Requests"], account["Retries"]) == (2, 1)
    assert account["ReceivedBytes"] == len(json.dumps(payload(["private", "private"])))
    assert 0 <= account["DurationMs"] < 5000
    assert "error" not in account
    assert "private" not in outcome.printed


def test_handler_failed_delivery_raises(function, sink):
    sink.script.extend([status(200), status(400)])
    outcome = function.forward("private" * 100_000, "private" * 100_000)
    assert type(outcome.error).__name__ == "DeliveryFailed"
    assert str(outcome.error) == (
        "sumologic: the sink answered 400. Of 2 events 1 were delivered, 0 dropped by rule, 0 put into the dead-letter queue."
    )
    assert events(outcome) == (2, 0, 1, 0, 1)
    assert outcome.account["error"] == "DeliveryFailed"
    assert "private" not in outcome.printed


def test_handler_unreadable_payload_raises(function, sink):
    outcome = function.invoke({"awslogs": {"data": "private!"}})
    assert type(outcome.error).__name__ == "PayloadError"
    assert events(outcome) == (0, 0, 0, 0, 0)
    assert outcome.account["error"] == "PayloadError"
    assert outcome.account["logGroup"] == ""
    assert "private" not in outcome.printed + str(outcome.error)
    assert not sink.received


@pytest.mark.parametrize(
    "setting", [{"SUMO_ENDPOINT": ""}, {"SUMO_ENDPOINT": f"http://example.com/{TOKEN}"}, {"COMPRESS_DATA": "maybe"}]
)
def test_handler_bad_setting_fails_with_one_sentence(function, sink, setting):
    outcome = function.forward("private", "private", **setting)
    assert type(outcome.error).__name__ == "SettingsError"
    assert next(iter(setting)) in str(outcome.error)
    assert events(outcome) == (2, 0, 0, 0, 2)
    assert not sink.received
    assert TOKEN not in outcome.printed + str(outcome.error)


# --- rules ---


def test_handler_control_message_is_dropped(function, sink):
    outcome = function.invoke(sample("control_message.json"))
    assert outcome.error is None
    assert events(outcome) == (1, 1, 0, 0, 0)
    assert outcome.account["droppedBy"] == {"control message": 1}
    assert not sink.received


def test_handler_own_log_group_is_dropped_without_settings(function, sink):
    outcome = function.forward(
        "a", "b", log_group="/custom/own", AWS_LAMBDA_LOG_GROUP_NAME="/custom/own", SUMO_ENDPOINT=""
    )
    assert outcome.error is None
    assert (outcome.counts["ReceivedEvents"], outcome.counts["DroppedEvents"]) == (2, 2)
    assert outcome.printed == ""  # the accounting line would be the next event
    assert not sink.received


def test_handler_own_log_group_from_context_is_dropped(function, sink):
    outcome = function.forward("a", log_group="/aws/lambda/reflector")
    assert (outcome.counts["DroppedEvents"], outcome.printed) == (1, "")


def test_handler_similar_log_group_is_forwarded(function, sink):
    assert events(function.forward("a", log_group="/aws/lambda/reflector-2")) == (1, 0, 1, 0, 0)


@pytest.mark.parametrize(
    ("prefixes", "stream", "forwarded"),
    [
        ("batch/", "Batch/1", True),
        ("web, BATCH/", "batch/1", True),
        ("batch/", "x/batch/", False),
        ("b.tch", "batch/1", False),
        ("", "any", True),
        (" , ", "any", True),
        ("straße", "STRASSE/1", True),
    ],
)
def test_handler_log_stream_prefixes_select_streams(function, sink, prefixes, stream, forwarded):
    outcome = function.forward("a", "b", log_stream=stream, LOG_STREAM_PREFIX=prefixes)
    assert events(outcome) == ((2, 0, 2, 0, 0) if forwarded else (2, 2, 0, 0, 0))
    assert bool(sink.received) is forwarded
    assert outcome.account.get("droppedBy") == (None if forwarded else {"log stream prefix": 2})


def test_handler_payload_without_events_sends_nothing(function, sink):
    assert events(function.forward()) == (0, 0, 0, 0, 0)
    assert not sink.received


# --- the dead-letter queue ---


def dead_letters_in(queue):
    """Return (ids, metadata) of each dead letter in the queue."""
    found = [opened(record["body"]) for record in queue.take()]
    return [([int(event["id"]) for event in got["logEvents"]], metadata) for got, metadata in found]


def test_handler_refused_events_go_to_queue(function, sink, queue):
    sink.script.extend([status(200), status(400)])
    outcome = function.forward("private" * 100_000, "private" * 100_000, DEAD_LETTER_QUEUE=queue.name)
    assert outcome.error is None
    assert events(outcome) == (2, 0, 1, 1, 0)
    ((ids, metadata),) = dead_letters_in(queue)
    assert ids == [1]
    assert (metadata["sink"], metadata["reason"], metadata["attempts"], metadata["events"]) == (
        ("sumologic", "the sink answered 400", 1, 1)
    )
    assert outcome.account["reasons"] == [{"sink": "sumologic", "reason": "the sink answered 400", "events": 1}]
    assert "private" not in outcome.printed


def test_handler_complete_delivery_calls_no_aws(function, sink, queue):
    with mock.patch("reflector.dead_letters.call") as asked:
        assert events(function.forward("a", DEAD_LETTER_QUEUE=queue.name)) == (1, 0, 1, 0, 0)
    assert not asked.called


def test_handler_refusing_queue_fails_invocation(function, sink, aws):
    sink.script.append(status(400))
    outcome = function.forward("private", DEAD_LETTER_QUEUE="gone")
    assert type(outcome.error).__name__ == "DeliveryFailed"
    assert events(outcome) == (1, 0, 0, 0, 1)
    assert str(outcome.error).startswith(
        "sumologic: the sink answered 400, and GetQueueUrl to the queue gone was refused: "
    )
    assert "private" not in outcome.printed + str(outcome.error)


def test_handler_queue_refusing_a_part_fails_for_that_part(function, sink, queue):
    sink.script.append(status(400))
    with mock.patch("reflector.dead_letters.MAX_MESSAGE_BYTES", 100), fail_at("SendMessage", 2):
        outcome = function.forward("a", "b", "c", DEAD_LETTER_QUEUE=queue.name)
    assert type(outcome.error).__name__ == "DeliveryFailed"
    assert events(outcome) == (3, 0, 0, 2, 1)
    assert sorted(ids for ids, _mark in dead_letters_in(queue)) == [[0], [2]]


@contextlib.contextmanager
def fail_at(operation, number):
    """Let AWS refuse that call of the operation."""
    made = itertools.count(1)
    original = BaseClient._make_api_call

    def call(self, name, parameters):
        if name == operation and next(made) == number:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, name)
        return original(self, name, parameters)

    with mock.patch.object(BaseClient, "_make_api_call", call):
        yield


@pytest.mark.parametrize(
    "event",
    [
        {"awslogs": {"data": "private!"}},
        {"awslogs": {"data": base64.b64encode(gzip.compress(b"private"))[:-9].decode()}},
        subscription_event(b"private"),
        subscription_event({**payload(["private"]), "messageType": "private"}),
        {"private": [1]},
    ],
)
def test_handler_unreadable_payload_goes_to_queue_unchanged(function, sink, queue, event):
    outcome = function.invoke(event, DEAD_LETTER_QUEUE=queue.name)
    assert outcome.error is None
    assert events(outcome) == (0, 0, 0, 0, 0)
    assert outcome.account["UndecodablePayloads"] == 1
    (record,) = queue.take()
    body = json.loads(record["body"])
    metadata = body.pop("deadLetter")
    assert body == event
    assert (metadata["sink"], metadata["events"]) == (None, 0)
    assert outcome.account["reasons"] == [{"sink": "", "reason": metadata["reason"], "events": 1}]
    assert "private" not in outcome.printed


def test_handler_unreadable_payload_and_refusing_queue_raises(function, aws):
    outcome = function.invoke({"awslogs": {"data": "private!"}}, DEAD_LETTER_QUEUE="gone")
    assert type(outcome.error).__name__ == "PayloadError"
    assert "The payload is not valid base64" in str(outcome.error)
    assert "private" not in outcome.printed + str(outcome.error)


def test_handler_zip_bomb_goes_to_queue(function, sink, queue):
    bomb = subscription_event(payload(["x" * 3_000_000]))
    memory = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "8"}
    outcome = function.invoke(bomb, DEAD_LETTER_QUEUE=queue.name, **memory)
    assert outcome.error is None
    (record,) = queue.take()
    # And with more memory it can be sent.
    outcome = function.invoke(sqs_event(record["body"]), DEAD_LETTER_QUEUE=queue.name)
    assert outcome.counts["failures"] == {}
    assert len(sink.received) == 1


def test_handler_short_invocation_reserves_time_for_queue(function, sink, queue):
    sink.script.append(hang(LONG))
    started = time.monotonic()
    outcome = function.forward("a", seconds=2.0, DEAD_LETTER_QUEUE=queue.name)
    assert time.monotonic() - started < LONG / 2
    assert events(outcome) == (1, 0, 0, 1, 0)
    ((ids, metadata),) = dead_letters_in(queue)
    assert (ids, metadata["reason"]) == ([0], "the sink did not answer in time")


@pytest.mark.parametrize(
    ("queue_name", "seconds", "for_sinks"),
    [("q", 900.0, 885.0), ("q", 60.0, 45.0), ("q", 40.0, 30.0), ("q", 1.0, 0.5), ("", 60.0, 59.5), ("", 1.0, 0.5)],
)
def test_handler_reserved_time(monkeypatch, queue_name, seconds, for_sinks):
    monkeypatch.setenv("DEAD_LETTER_QUEUE", queue_name)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: seconds * 1000)
    assert load_handler()._clock(context, current_queue())() == for_sinks


# --- several sinks ---


def test_handler_one_of_two_sinks_fails(function, sink, queue):
    sink.script.append(lambda handler: status(400 if handler.path.endswith("-2") else 200)(handler))
    sink.script.append(sink.script[0])
    outcome = function.forward("a", "b", REFLECTOR_RULES=second_sink(sink), DEAD_LETTER_QUEUE=queue.name)
    assert outcome.error is None
    assert events(outcome) == (2, 0, 0, 2, 0)
    assert outcome.account["sinks"] == {
        "sumologic": {"delivered": 2, "deadLettered": 0, "failed": 0},
        "second": {"delivered": 0, "deadLettered": 2, "failed": 0},
    }
    ((ids, metadata),) = dead_letters_in(queue)
    assert (ids, metadata["sink"]) == ([0, 1], "second")


def test_handler_failure_without_queue_names_every_sink(function, sink):
    sink.script.extend([status(400)] * 2)
    outcome = function.forward(
        "a", "noise", REFLECTOR_RULES=second_sink(sink, routes=[{"log_groups": ["*"], "drop": ["noise"]}])
    )
    assert type(outcome.error).__name__ == "DeliveryFailed"
    assert {"sumologic: the sink answered 400", "second: the sink answered 400"} == set(
        str(outcome.error).partition(". ")[0].split("; ")
    )
    assert events(outcome) == (2, 0, 0, 0, 2)


def test_handler_routes_select_and_redact(function, sink):
    rules = second_sink(
        sink,
        routes=[
            {"log_groups": ["/app/*"], "sinks": ["second"], "drop": ["debug"], "redact": ["email"]},
            {"log_groups": ["*"], "sinks": []},
        ],
    )
    outcome = function.forward("me@example.com", "debug", REFLECTOR_RULES=rules)
    assert events(outcome) == (2, 1, 1, 0, 0)
    (request,) = sink.received
    assert request.path.endswith("-2")
    assert [record["message"] for record in request.records] == ["[email]"]
    assert events(function.forward("a", log_group="/other", REFLECTOR_RULES=rules)) == (1, 1, 0, 0, 0)


def test_handler_bad_rules_fail_with_the_place(function, sink):
    outcome = function.forward("private", REFLECTOR_RULES='{"routes":[{"log_groups":["/a"]}]}')
    assert str(outcome.error).startswith(
        "REFLECTOR_RULES: routes[0].log_groups: the last route must match every log group"
    )
    assert events(outcome) == (1, 0, 0, 0, 1)


# --- replay ---


def test_handler_replay_makes_the_same_lines(function, sink, queue):
    request = "2ea49a23-ff39-4bf5-8761-439f99b7c5f6"
    texts = [f"START RequestId: {request}", "x" * 700_000, '{"a":1.10}' + " " * 700_000 + "\n", "y" * 700_000]
    options = {"INCLUDE_EVENT_ID": "true", "DEAD_LETTER_QUEUE": queue.name}
    function.forward(*texts, **options)
    wanted = [request.text for request in sink.received]
    sink.reset()
    sink.script.extend([status(400)] * 4)
    function.forward(*texts, **options)
    sink.reset()
    bodies = [record["body"] for record in queue.take()]
    outcome = function.invoke(sqs_event(*bodies), **options)
    assert (outcome.error, outcome.counts["batchItemFailures"]) == (None, [])
    assert sorted(line for request in sink.received for line in request.lines) == sorted(
        line for text in wanted for line in text.split(b"\n")
    )
    assert outcome.account["ReceivedEvents"] == outcome.counts["DeliveredEvents"] == 4


def test_handler_replay_failures_are_answered_and_counted(function, sink, queue):
    sink.script.extend([status(400)] * 2)
    function.forward("a", DEAD_LETTER_QUEUE=queue.name)
    (record,) = queue.take()
    outcome = function.invoke({"Records": [record]}, DEAD_LETTER_QUEUE=queue.name)
    assert outcome.error is None
    assert outcome.counts["batchItemFailures"] == [{"itemIdentifier": record["messageId"]}]
    assert outcome.counts["failures"] == {record["messageId"]: "the sink answered 400"}
    assert events(outcome) == (1, 0, 0, 1, 0)
    assert queue.take() == []


# --- over invocations ---


def test_handler_connection_outlives_invocation(function, sink):
    for _unused in range(3):
        function.forward("a")
    assert len({request.client_port for request in sink.received}) == 1


def test_handler_closed_connection_is_reopened_without_retry(function, sink):
    closed = threading.Event()
    sink.script.append(ok_then_close(closed))
    function.forward("a")
    assert closed.wait(LONG)
    outcome = function.forward("b")
    assert (outcome.counts["DeliveredEvents"], outcome.counts["Retries"]) == (1, 0)


def test_handler_invocation_ends_in_time(function, sink):
    sink.script.append(hang(LONG))
    started = time.monotonic()
    outcome = function.forward("a", seconds=1.5)
    assert type(outcome.error).__name__ == "DeliveryFailed"
    assert time.monotonic() - started < LONG / 2
    assert events(outcome) == (1, 0, 0, 0, 1)


# --- secrets ---


@pytest.fixture
def secrets(aws):
    return boto3.client("secretsmanager")


def test_handler_endpoint_from_secret(function, sink, secrets):
    arn = secrets.create_secret(Name="sumo", SecretString=json.dumps({"SUMO_ENDPOINT": sink.url}))["ARN"]
    assert events(function.forward("a", SUMO_ENDPOINT=arn)) == (1, 0, 1, 0, 0)
    assert sink.received[0].path.endswith(TOKEN)


def test_handler_secret_without_url_is_not_quoted(function, sink, secrets):
    arn = secrets.create_secret(Name="sumo", SecretString=f"http://example.com/{TOKEN}")["ARN"]
    outcome = function.forward("a", SUMO_ENDPOINT=arn)
    assert "SUMO_ENDPOINT: must be an https URL" in str(outcome.error)
    assert TOKEN not in str(outcome.error) + outcome.printed


@pytest.mark.parametrize("forms", [1, 2])
def test_handler_renewed_endpoint_is_used_at_once(function, sink, secrets, forms):
    secrets.create_secret(Name="sumo", SecretString=sink.url)
    arn = secrets.describe_secret(SecretId="sumo")["ARN"] if forms == 1 else "secretsmanager:sumo"
    assert events(function.forward("a", SUMO_ENDPOINT=arn)) == (1, 0, 1, 0, 0)
    secrets.put_secret_value(SecretId="sumo", SecretString=f"{sink.url}-new")
    sink.script.append(status(401))
    assert events(function.forward("b", SUMO_ENDPOINT=arn)) == (1, 0, 1, 0, 0)
    assert [request.path[-4:] for request in sink.received] == [TOKEN[-4:], TOKEN[-4:], "-new"]


# --- the package ---


def test_handler_imports_only_standard_library_without_secrets():
    # -S: without site-packages, so that an import of anything else fails.
    code = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import handler
print(sorted(name for name in sys.modules if name.startswith(("boto", "urllib3", "requests"))))
"""
    environment = {**os.environ, "SUMO_ENDPOINT": "https://example.com/x"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_version_is_the_collections():
    galaxy = (Path(ROOT).parents[1] / "galaxy.yml").read_text()
    assert re.search(r"(?m)^version: (\S+)$", galaxy)[1] == __version__


def test_handler_settings_of_another_function_are_separate(sink):
    first, second = Function(sink), Function(None)
    assert events(first.forward("a")) == (1, 0, 1, 0, 0)
    assert "SUMO_ENDPOINT is not set" in str(second.forward("a").error)
    assert events(first.invoke(subscription_event(payload(["b"])))) == (1, 0, 1, 0, 0)


@pytest.mark.parametrize(
    ("environment", "loads"),
    [
        ({"SUMO_ENDPOINT": "https://example.com/x"}, True),
        ({"SUMO_ENDPOINT": "secretsmanager:sumo"}, True),
        ({"SUMO_ENDPOINT": "http://127.0.0.1:1/x"}, False),
        ({"REFLECTOR_RULES": '{"sinks": {"a": {"type": "datadog", "api_key": "k"}}}'}, True),
        ({"REFLECTOR_RULES": '{"sinks": {"a": {"type": "s3", "bucket": "logs"}}}'}, False),
        ({"REFLECTOR_RULES": "ssm:rules"}, True),
        ({"REFLECTOR_RULES": "{"}, False),
        ({}, False),
    ],
)
def test_prepare_loads_tls_context_only_if_a_sink_may_use_it(monkeypatch, environment, loads):
    """It was loaded for sinks of AWS, too, which do not use it."""
    handler = load_handler()
    for name in ("SUMO_ENDPOINT", "REFLECTOR_RULES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    http.tls_context.cache_clear()
    handler.prepare()
    assert http.tls_context.cache_info().currsize == loads
