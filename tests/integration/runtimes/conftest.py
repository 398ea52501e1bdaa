# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The functions' packages as the roles build them, under every Lambda Python of this machine, with a sink."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._options.option import read
from ansible_collections.logreflector.aws.plugins.module_utils._options.reflector import ReflectorOptions
from ansible_collections.logreflector.aws.plugins.module_utils._options.subscriber import SubscriberOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.packages import (
    reflector_package,
    subscriber_package,
)
from embedded_aws import Configuration, EmbeddedAws, Organization, RunningAws, Sink

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "runtimes"))

from lambda_pythons import found, summary  # noqa: E402
from lambda_runtime import ACCOUNT, Runtime  # noqa: E402
from packages import Packages, Start  # noqa: E402


def pytest_report_header() -> str:
    return summary()


@pytest.fixture(params=found())
def python(request: pytest.FixtureRequest) -> str:
    """Return a version of Python."""
    version: str = request.param
    return version


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Return the packages that a deployment builds."""
    folder = tmp_path_factory.mktemp("packages")
    built = Packages(folder / "reflector.zip", folder / "subscriber.zip")
    reflector_package(read(ReflectorOptions, {"package_file": str(built.reflector)}), check_mode=False)
    subscriber_package(read(SubscriberOptions, {"package_file": str(built.subscriber)}), check_mode=False)
    return built


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the reflector's package with compiled libraries, for a version of Lambda's and this machine."""

    @cache
    def package(version: str) -> Path:
        options = {
            "native": True,
            "runtime": f"python{version}",
            "architecture": {"aarch64": "arm64"}.get(platform.machine(), platform.machine()),
            "package_file": str(tmp_path_factory.mktemp("native") / "reflector.zip"),
        }
        built = reflector_package(read(ReflectorOptions, options), check_mode=False)
        return Path(built.path)

    return package


@pytest.fixture
def start(python: str) -> Iterator[Start]:
    """Return a function that starts a Lambda function until the end of the test: `start(package, ...)`, as Runtime."""
    with ExitStack() as stack:

        def started(package: Path, **options: Any) -> Runtime:
            return stack.enter_context(Runtime(package, python=python, **options))

        yield started


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture(scope="session")
def aws() -> Iterator[RunningAws]:
    """Start an embedded AWS with the functions' account."""
    with EmbeddedAws(Configuration(organization=Organization(management=ACCOUNT, members=()))) as aws:
        yield aws


@pytest.fixture
def aws_variables(aws: RunningAws) -> dict[str, str]:
    """Return variables for a function's boto3: the endpoint, and an access key by which the emulator knows the account."""
    return {"AWS_ENDPOINT_URL": aws.endpoint_url, "AWS_ACCESS_KEY_ID": ACCOUNT}
