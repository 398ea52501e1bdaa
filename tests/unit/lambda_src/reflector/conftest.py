"""The reflector's package as Lambda imports it, and a sink with real sockets."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The root of the function's zip.
sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "lambda_src" / "reflector"))

from reflector_support import Function, Sink


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
