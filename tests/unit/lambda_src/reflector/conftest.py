"""The reflector's package as Lambda imports it, a sink with real sockets, and the account's dead-letter queue."""

import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

# The root of the function's zip.
sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "lambda_src" / "reflector"))

from reflector_support import DeadLetters, Function, Sink, without_native

with without_native():  # as in the default package; test_reflector_codec.py compares it with the other one
    from reflector import aws as reflector_aws
    from reflector import dead_letters


@pytest.fixture(scope="session")
def _server() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.stop()


@pytest.fixture
def sink(_server: Sink) -> Sink:
    """An HTTP sink on loopback without a past."""
    _server.reset()
    return _server


@pytest.fixture
def function(sink: Sink) -> Function:
    """The Lambda function, with the sink as its endpoint."""
    return Function(sink)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account of its own, in this process."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    _forget_aws()
    with mock_aws():
        yield
    _forget_aws()


def _forget_aws() -> None:
    reflector_aws.client.cache_clear()
    dead_letters._url.cache_clear()


@pytest.fixture
def queue(aws: None) -> DeadLetters:
    """The queue `dead-letters`; `function` knows of it when it is given `DEAD_LETTER_QUEUE=queue.name`."""
    return DeadLetters(boto3.client("sqs"))
