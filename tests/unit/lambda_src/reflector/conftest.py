# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: the reflector's package as Lambda imports it, a sink with real sockets, and a dead-letter queue."""

import gc
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import boto3
import botocore.session
import pytest
from hypothesis import settings
from moto import mock_aws

# The root of the function's zip.
sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "lambda_src" / "reflector"))

from reflector import aws as reflector_aws
from reflector import dead_letters
from reflector_support import DeadLetters, Function, Sink

# lambda_pythons.py uses this profile, without tests/conftest.py.
settings.register_profile("runtimes", settings.get_profile("ci"), max_examples=int(os.environ.get("EXAMPLES") or 20))


def pytest_collection_finish() -> None:
    """Take tests and modules from the garbage collector, as tests/conftest.py does."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _models_are_read_once() -> Iterator[None]:
    """Share botocore's service models. tests/unit/conftest.py does it too, but is not loaded under a further Python."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session")
def _server() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.stop()


@pytest.fixture
def sink(_server: Sink) -> Sink:
    """Return an HTTP sink on loopback without earlier requests."""
    _server.reset()
    return _server


@pytest.fixture
def function(sink: Sink) -> Function:
    """Return the Lambda function with the sink as its endpoint."""
    return Function(sink)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start a separate AWS account of moto in this process."""
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
    """Return the queue `dead-letters`. `function` uses it with `DEAD_LETTER_QUEUE=queue.name`."""
    return DeadLetters(boto3.client("sqs"))
