"""Resources of module_utils against moto in this process and the embedded AWS: each checks things that the other accepts.

`-k moto` runs without the embedded AWS. The marker `backend("moto")` or `backend("embedded")` limits a test to one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace

import moto_patches
import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _retry
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import shared
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from aws_in_tests import (  # noqa: F401  # pylint: disable=unused-import
    Cloud,
    answer_one_call_at_a_time,
    read_models_once,
    refuse_calls_to_other_machines,
)
from embedded_aws import Configuration, EmbeddedAws, Organization
from functions_in_tests import pauses, settings, short_waits  # noqa: F401  # pylint: disable=unused-import
from moto import mock_aws

ACCOUNT = "111111111111"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "backend(name): run a test of the fixture `cloud` on this backend only")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses `cloud` on both backends, or on the one that its marker names."""
    if "cloud" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("backend")
        metafunc.parametrize("cloud", marker.args if marker else ("moto", "embedded"), indirect=True)


@pytest.fixture(scope="session", autouse=True)
def _remove_rate_limits() -> Iterator[None]:
    """Neither backend limits rates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "new_rate_limiter", partial(RateLimiter, scale=1e6))
        yield


@pytest.fixture(scope="session", autouse=True)
def _retry_at_once() -> Iterator[None]:
    """Retry after 10 ms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_retry, "random", SimpleNamespace(uniform=lambda _low, _high: 0.01))
        yield


@pytest.fixture(scope="session")
def _embedded() -> Iterator[tuple[str, str]]:
    """Return access key and endpoint of one embedded AWS for all tests."""
    with EmbeddedAws(Configuration(organization=Organization(management=ACCOUNT, members=()))) as aws:
        yield ACCOUNT, aws.endpoint_url


@pytest.fixture
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """Yield a backend. moto is empty. The embedded AWS has the resources of earlier tests, so each test uses its own names."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_URL"):
        monkeypatch.delenv(name, raising=False)
    if request.param == "embedded":
        yield Cloud("embedded", *request.getfixturevalue("_embedded"))
        return
    moto_patches.install()
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield Cloud("moto")
