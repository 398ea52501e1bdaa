# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shared by the tests' conftest files: their common fixtures, and the AWS backends of the tests."""

from __future__ import annotations

import importlib
import io
import json
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import moto_patches
import pytest
from ansible.plugins.callback import CallbackBase
from ansible_collections.logreflector.aws.plugins.module_utils import _plan
from ansible_collections.logreflector.aws.plugins.module_utils._resources.function import package
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import shared
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target, read_models
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from ansible_collections.logreflector.aws.plugins.plugin_utils import _worker
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from botocore.awsrequest import AWSResponse
from embedded_aws import Configuration, EmbeddedAws, Organization
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber

DEPLOYER_POLICY = Path(__file__).resolve().parents[1] / "docs" / "iam" / "deployer-policy.json"
REGION = "eu-west-1"
READS = ("Assume", "Describe", "Filter", "Get", "List", "Simulate")
LAMBDA_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
OWNER = {"managed-by": "logreflector.aws"}
"""The owner tag, as a dictionary."""
OWNER_LIST = [{"Key": "managed-by", "Value": "logreflector.aws"}]
"""The owner tag, as IAM, EventBridge, CloudWatch and Systems Manager write tags."""
Answer = Mapping[str, Any] | str


def zip_bytes(code: str = "def handler(event, context):\n    return event\n", name: str = "handler.py") -> bytes:
    """Return a zip archive of one file; the same content gives the same bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), code)
    return buffer.getvalue()


def spec_of(module: str) -> Any:
    """Return the spec of a module."""
    return importlib.import_module(f"ansible_collections.logreflector.aws.plugins.modules.{module}").SPEC


def is_write(operation: str) -> bool:
    """Return whether an API operation ("CreateQueue") writes."""
    return not operation.startswith(READS)


# A session takes more CPU time than most tests' calls, and a client as much as ten calls.
@cache
def _shared_session(keys: tuple[tuple[str, str], ...]) -> boto3.Session:
    return boto3.Session(region_name=REGION, **dict(keys))


@cache
def _shared_client(service: str, region: str, endpoint_url: str | None, keys: tuple[tuple[str, str], ...]) -> Any:
    return _shared_session(keys).client(service, region_name=region, endpoint_url=endpoint_url)


class Cloud:
    """One AWS backend. Resources and modules run against it in this process.

    name    "moto" or "embedded"
    calls   API operations of a resource's last run ("CreateQueue"), in order
    """

    def __init__(self, name: str, access_key: str = "testing", endpoint_url: str | None = None, **keys: str) -> None:
        self.name = name
        self.calls: list[str] = []
        self._keys = {"aws_access_key_id": access_key, "aws_secret_access_key": "of-the-owner", **keys}
        self._endpoint_url = endpoint_url
        self._connection = {"region": REGION}
        if endpoint_url:
            secret = self._keys["aws_secret_access_key"]
            self._connection |= {"endpoint_url": endpoint_url, "access_key": access_key, "secret_key": secret}
        self._clients: dict[str, Any] = {}
        self._answers: dict[str, list[Answer | Callable[[dict[str, Any]], Answer]]] = {}
        self._sent = threading.local()  # each thread's last request: resources read concurrently

    @cached_property
    def _recorded_session(self) -> boto3.Session:
        session = boto3.Session(region_name=REGION, **self._keys)
        session.events.register("before-parameter-build", self._record)
        session.events.register_first("before-call", self._replace_answer)
        return session

    @property
    def writes(self) -> list[str]:
        """Return the operations of the last run that write."""
        return list(filter(is_write, self.calls))

    @cached_property
    def role_arn(self) -> str:
        """Return the ARN of a role that Lambda may assume."""
        iam = self.client("iam")
        try:
            role = iam.create_role(RoleName="for-functions", AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST))
        except iam.exceptions.EntityAlreadyExistsException:
            role = iam.get_role(RoleName="for-functions")
        return str(role["Role"]["Arn"])

    @cached_property
    def account(self) -> str:
        """Return the account's id."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource of this account and region."""
        return f"arn:aws:{service}:{REGION}:{self.account}:{resource}"

    def target(self) -> Target:
        """Return a new Target whose calls are recorded."""
        target = Target(self._recorded_session, REGION, endpoint_url=self._endpoint_url)
        target._clients = self._clients  # constructing clients takes most of the time of a test
        return target

    def converge(
        self, resource_factory: Callable[[Target, Any], _plan.Resource], settings: Any, *, check_mode: bool = False
    ) -> dict[str, Any]:
        """Return the result of one run of a resource on a new Target. Raises ReflectorError."""
        self.calls.clear()
        return _showable(_plan.converge(resource_factory(self.target(), settings), check_mode=check_mode))

    def run(self, module: str, *, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        """Return the result of a module's run. The default region is eu-west-1."""
        self.calls.clear()
        spec = spec_of(module)
        arguments = {**self._connection, **params} if spec.connects else params
        return _showable(perform_in_process(spec, arguments, check_mode=check_mode))

    def converge_and_repeat(
        self, resource_factory: Callable[[Target, Any], _plan.Resource], settings: Any
    ) -> dict[str, Any]:
        """Return the result of a run that changes something; `calls` are of this run.

        Check mode before it must announce the same without a write, and the run after it must find nothing to do.
        """
        planned = self.converge(resource_factory, settings, check_mode=True)
        assert (planned["changed"], self.writes) == (True, [])
        done = self.converge(resource_factory, settings)
        assert (done["changes"], done["diff"]) == (planned["changes"], planned["diff"])
        calls = list(self.calls)
        again = self.converge(resource_factory, settings)
        assert (again["changes"], again["diff"], self.writes) == ([], [], [])
        self.calls[:] = calls
        return done

    def as_deployer(self, service: str) -> Cloud:
        """Return the same backend with the permissions for one service that docs/iam gives the deployer."""
        statements = json.loads(DEPLOYER_POLICY.read_text(encoding="utf-8"))["Statement"]
        allowed = [item for item in statements if f"{service}:" in str(item["Action"])]
        trust = [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]
        policy, name, iam = {"Version": "2012-10-17"}, f"deployer-{service}", self.client("iam")
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({**policy, "Statement": trust}))
        document = json.dumps({**policy, "Statement": allowed})
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=document)
        keys = self.client("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName=name)["Credentials"]
        return Cloud(
            self.name,
            keys["AccessKeyId"],
            self._endpoint_url,
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )

    def answer(self, operation: str, *answers: Answer | Callable[[dict[str, Any]], Answer]) -> None:
        """Give the next calls of an API operation these answers, then the backend's own again.

        An answer is the parsed response, or an error as "Code: message", or a function of the request that returns one.
        """
        self._answers[operation] = list(answers)

    def client(self, service: str, region: str = REGION) -> Any:
        """Return a boto3 client to prepare and inspect with, which other tests use too; its calls are not recorded."""
        return _shared_client(service, region, self._endpoint_url, tuple(self._keys.items()))

    def _client(self, service: str) -> Any:
        """Return a client of this test alone."""
        return _shared_session(tuple(self._keys.items())).client(service, endpoint_url=self._endpoint_url)

    def _record(self, params: dict[str, Any], model: Any, **_unused: Any) -> None:
        self.calls.append(model.name)
        self._sent.request = params

    def _replace_answer(self, model: Any, **_unused: Any) -> tuple[AWSResponse, dict[str, Any]] | None:
        request = self._sent.request
        if not self._answers.get(model.name):
            return None
        answer = self._answers[model.name].pop(0)
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, str):
            code, _colon, message = answer.partition(": ")
            return AWSResponse("", 400, {}, None), {"Error": {"Code": code, "Message": message}}
        return AWSResponse("", 200, {}, None), {"ResponseMetadata": {"HTTPStatusCode": 200}, **answer}


def _showable(result: dict[str, Any]) -> dict[str, Any]:
    """Return the result. Raise if --diff could not show it."""
    CallbackBase()._get_diff(deepcopy(result.get("diff", [])))
    return result


@pytest.fixture(scope="session", autouse=True)
def remove_rate_limits() -> Iterator[None]:
    """Neither backend limits rates."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "new_rate_limiter", partial(RateLimiter, scale=1e6))
        yield


@pytest.fixture(scope="session")
def embedded() -> Iterator[tuple[str, str]]:
    """Return access key and endpoint of one embedded AWS for all tests."""
    with EmbeddedAws(
        Configuration(organization=Organization(management="111111111111", members=("222222222222",)))
    ) as aws:
        yield "111111111111", aws.endpoint_url


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Start an empty moto in this process for one test."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    moto_patches.install()
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that uses `cloud` on both backends, or on the one that its marker names."""
    if "cloud" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("backend")
        metafunc.parametrize("cloud", marker.args if marker else ("moto", "embedded"), indirect=True)


@pytest.fixture
def cloud(request: pytest.FixtureRequest) -> Cloud:
    """Return a backend. moto is empty. The embedded AWS has the resources of earlier tests, so each test uses its own names."""
    found = request.getfixturevalue(request.param)
    return Cloud(request.param, *found) if found else Cloud(request.param)


@pytest.fixture(scope="session", autouse=True)
def refuse_calls_to_other_machines() -> Iterator[None]:
    """Fail a test that resolves the name of another machine: it would wait for AWS, and might even pass."""
    look_up = socket.getaddrinfo

    def refuse(host: Any, *rest: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in (None, "", "localhost", "0.0.0.0", "::", "::1") or name.startswith("127."):
            return look_up(host, *rest, **more)
        if name.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        pytest.fail(f"this test resolves {name}")  # not an Exception: no code under test catches and retries it

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


@pytest.fixture(scope="session", autouse=True)
def read_models_once() -> Iterator[None]:
    """Share botocore's service models between sessions: reading them takes 70 ms of CPU for each client."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session", autouse=True)
def compile_sources_once() -> Iterator[None]:
    """Check each source of a function once: it takes a twentieth of a second for each package that a test builds anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(package, "_refuse_broken", cache(package._refuse_broken))
        yield


@pytest.fixture(scope="session", autouse=True)
def models_that_know_moto(read_models_once: None) -> Iterator[None]:
    """Read the worker's models again: those that were read before the import of moto do not call it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_worker, "MODELS", read_models(_worker.SERVICES))
        yield


@pytest.fixture(scope="session", autouse=True)
def answer_one_call_at_a_time() -> Iterator[None]:
    """Serialize moto: our code calls from several threads, and moto compiles routes, which Python 3.11 cannot do in two
    threads at once ("AST constructor recursion depth mismatch")."""
    lock, answer = threading.RLock(), BotocoreStubber.__call__

    def locked(stubber: BotocoreStubber, *arguments: Any, **more: Any) -> Any:
        with lock:
            return answer(stubber, *arguments, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BotocoreStubber, "__call__", locked)
        yield
