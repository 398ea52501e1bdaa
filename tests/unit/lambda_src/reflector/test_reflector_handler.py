"""The whole function, as Lambda calls it."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from reflector import __version__
from reflector.secrets import resolve
from reflector_support import ROOT, TOKEN, Function, hang, ok_then_close, payload, sample, status, subscription_event

METRICS = [
    "ReceivedEvents",
    "ReceivedBytes",
    "DroppedEvents",
    "DeliveredEvents",
    "FailedEvents",
    "Requests",
    "Retries",
    "DurationMs",
]


def events(outcome):
    counts = outcome.counts or outcome.account
    return tuple(counts[name] for name in ("ReceivedEvents", "DroppedEvents", "DeliveredEvents", "FailedEvents"))


# --- accounting ---


def test_the_account_of_an_invocation(function, sink):
    sink.script.append(status(503))
    outcome = function.forward("private", "private", AWS_LAMBDA_FUNCTION_NAME="reflector")
    account = outcome.account
    assert outcome.counts == {name: account[name] for name in METRICS}
    assert (account["logGroup"], account["logStream"], account["owner"]) == ("/app/orders", "web/1", "222222222222")
    assert account["FunctionName"] == "reflector"
    assert events(outcome) == (2, 0, 2, 0)
    assert (account["Requests"], account["Retries"]) == (2, 1)
    assert account["ReceivedBytes"] == len(json.dumps(payload(["private", "private"])))
    assert 0 <= account["DurationMs"] < 5000
    assert "error" not in account
    assert "private" not in outcome.printed


def test_the_account_is_in_the_embedded_metric_format(function):
    account = function.forward("a").account
    assert abs(account["_aws"]["Timestamp"] / 1000 - time.time()) < 60
    (directive,) = account["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "LogReflector"
    assert [metric["Name"] for metric in directive["Metrics"]] == METRICS
    assert {metric["Unit"] for metric in directive["Metrics"]} == {"Count", "Bytes", "Milliseconds"}
    assert all(isinstance(account[name], int) for name in METRICS)
    assert all(isinstance(account[name], str) for dimensions in directive["Dimensions"] for name in dimensions)


def test_a_failed_delivery_is_accounted_for_and_raised(function, sink):
    sink.script.extend([status(200), status(400)])
    outcome = function.forward("private" * 100_000, "private" * 100_000)
    assert type(outcome.error).__name__ == "DeliveryFailed"
    assert str(outcome.error) == "After 1 attempt: the sink answered 400. 1 of 2 events were delivered."
    assert events(outcome) == (2, 0, 1, 1)
    assert outcome.account["error"] == "DeliveryFailed"
    assert "private" not in outcome.printed


def test_a_payload_that_cannot_be_read_is_accounted_for_and_raised(function, sink):
    outcome = function.invoke({"awslogs": {"data": "private!"}})
    assert type(outcome.error).__name__ == "PayloadError"
    assert events(outcome) == (0, 0, 0, 0)
    assert outcome.account["error"] == "PayloadError"
    assert outcome.account["logGroup"] == ""
    assert "private" not in outcome.printed + str(outcome.error)
    assert not sink.received


@pytest.mark.parametrize(
    "setting", [{"SUMO_ENDPOINT": ""}, {"SUMO_ENDPOINT": f"http://example.com/{TOKEN}"}, {"COMPRESS_DATA": "maybe"}]
)
def test_a_bad_setting_fails_every_event_with_one_sentence(function, sink, setting):
    outcome = function.forward("private", "private", **setting)
    assert type(outcome.error).__name__ == "SettingsError"
    assert next(iter(setting)) in str(outcome.error)
    assert events(outcome) == (2, 0, 0, 2)
    assert not sink.received
    assert TOKEN not in outcome.printed + str(outcome.error)


# --- rules ---


def test_a_control_message_is_dropped(function, sink):
    outcome = function.invoke(sample("control_message.json"))
    assert outcome.error is None
    assert events(outcome) == (1, 1, 0, 0)
    assert outcome.account["droppedBy"] == "control message"
    assert not sink.received


def test_the_own_log_group_is_dropped_even_when_nothing_else_works(function, sink):
    outcome = function.forward(
        "a", "b", log_group="/custom/own", AWS_LAMBDA_LOG_GROUP_NAME="/custom/own", SUMO_ENDPOINT=""
    )
    assert outcome.error is None
    assert (outcome.counts["ReceivedEvents"], outcome.counts["DroppedEvents"]) == (2, 2)
    assert outcome.printed == ""  # the accounting line would be the next event
    assert not sink.received


def test_the_own_log_group_is_known_from_the_context_too(function, sink):
    outcome = function.forward("a", log_group="/aws/lambda/reflector")
    assert (outcome.counts["DroppedEvents"], outcome.printed) == (1, "")


def test_a_log_group_that_resembles_the_own_is_forwarded(function, sink):
    assert events(function.forward("a", log_group="/aws/lambda/reflector-2")) == (1, 0, 1, 0)


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
def test_log_stream_prefixes(function, sink, prefixes, stream, forwarded):
    outcome = function.forward("a", "b", log_stream=stream, LOG_STREAM_PREFIX=prefixes)
    assert events(outcome) == ((2, 0, 2, 0) if forwarded else (2, 2, 0, 0))
    assert bool(sink.received) is forwarded
    assert outcome.account.get("droppedBy") == (None if forwarded else "log stream prefix")


def test_a_payload_without_events_sends_nothing(function, sink):
    assert events(function.forward()) == (0, 0, 0, 0)
    assert not sink.received


# --- over invocations ---


def test_the_connection_outlives_the_invocation(function, sink):
    for _unused in range(3):
        function.forward("a")
    assert len({request.client_port for request in sink.received}) == 1


def test_a_connection_that_died_between_invocations_costs_no_retry(function, sink):
    sink.script.append(ok_then_close())
    function.forward("a")
    time.sleep(0.05)
    outcome = function.forward("b")
    assert (outcome.counts["DeliveredEvents"], outcome.counts["Retries"]) == (1, 0)


def test_the_invocation_ends_in_time(function, sink):
    sink.script.append(hang(3))
    started = time.monotonic()
    outcome = function.forward("a", seconds=0.8)
    assert type(outcome.error).__name__ == "DeliveryFailed"
    assert time.monotonic() - started < 0.8
    assert events(outcome) == (1, 0, 0, 1)


# --- secrets ---


@pytest.fixture
def secrets(monkeypatch):
    for name, value in {
        "AWS_ACCESS_KEY_ID": "t",
        "AWS_SECRET_ACCESS_KEY": "t",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    resolve.cache_clear()
    with mock_aws():
        yield boto3.client("secretsmanager")
    resolve.cache_clear()


def test_the_endpoint_may_be_a_secret(function, sink, secrets):
    arn = secrets.create_secret(Name="sumo", SecretString=json.dumps({"SUMO_ENDPOINT": sink.url}))["ARN"]
    assert events(function.forward("a", SUMO_ENDPOINT=arn)) == (1, 0, 1, 0)
    assert sink.received[0].path.endswith(TOKEN)


def test_a_secret_that_is_no_endpoint_is_not_quoted(function, sink, secrets):
    arn = secrets.create_secret(Name="sumo", SecretString=f"http://example.com/{TOKEN}")["ARN"]
    outcome = function.forward("a", SUMO_ENDPOINT=arn)
    assert "SUMO_ENDPOINT must be an https URL" in str(outcome.error)
    assert TOKEN not in str(outcome.error) + outcome.printed


# --- the package ---


def test_nothing_but_the_standard_library_is_needed_until_a_secret_is():
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


def test_the_version_is_the_collections():
    galaxy = (Path(ROOT).parents[1] / "galaxy.yml").read_text()
    assert re.search(r"(?m)^version: (\S+)$", galaxy)[1] == __version__


def test_another_function_is_not_disturbed_by_an_earlier_ones_settings(sink):
    first, second = Function(sink), Function(None)
    assert events(first.forward("a")) == (1, 0, 1, 0)
    assert "SUMO_ENDPOINT is not set" in str(second.forward("a").error)
    assert events(first.invoke(subscription_event(payload(["b"])))) == (1, 0, 1, 0)
