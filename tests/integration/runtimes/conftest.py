# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The functions' packages as the roles build them, under every Lambda Python of this machine, with a sink."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import pytest
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
    """A version, the control node's among them."""
    version: str = request.param
    return version


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Built by the tasks of the roles."""
    folder = tmp_path_factory.mktemp("packages")
    built = Packages(folder / "reflector.zip", folder / "subscriber.zip")
    tasks = [
        {
            "ansible.builtin.include_role": {"name": f"logreflector.aws.{role}", "tasks_from": "package"},
            "vars": {f"{role}_package_file": str(getattr(built, role))},
        }
        for role in ("reflector", "subscriber")
    ]
    _build(folder, tasks)
    return built


@pytest.fixture(scope="session")
def native(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The reflector's package with compiled libraries, for a version of Lambda's and this machine; built by the role's tasks."""

    @cache
    def package(version: str) -> Path:
        folder = tmp_path_factory.mktemp("native")
        variables = {
            "reflector_native": True,
            "reflector_runtime": f"python{version}",
            "reflector_architecture": {"aarch64": "arm64"}.get(platform.machine(), platform.machine()),
            "reflector_package_file": str(folder / "reflector.zip"),
        }
        task = {"ansible.builtin.include_role": {"name": "logreflector.aws.reflector", "tasks_from": "package"}}
        _build(folder, [{**task, "vars": variables}])
        (built,) = folder.glob("reflector*.zip")
        return built

    return package


def _build(folder: Path, tasks: list[dict[str, Any]]) -> None:
    """Runs tasks; wheels are brought into a cache beside what they build."""
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
    (folder / "packages.yml").write_text(json.dumps([play]))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "XDG_CACHE_HOME": str(folder),
    }
    command = [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", folder / "packages.yml"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture
def start(python: str) -> Iterator[Start]:
    """Starts functions, which end with the test: `start(package, ...)` as Runtime takes it."""
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
    """An embedded AWS with one account, the functions'."""
    with EmbeddedAws(Configuration(organization=Organization(management=ACCOUNT, members=()))) as aws:
        yield aws


@pytest.fixture
def aws_variables(aws: RunningAws) -> dict[str, str]:
    """What leads a function's boto3 there, with an access key that the emulator knows the account by."""
    return {"AWS_ENDPOINT_URL": aws.endpoint_url, "AWS_ACCESS_KEY_ID": ACCOUNT}
