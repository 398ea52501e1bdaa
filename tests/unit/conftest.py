"""Modules run in this process against moto, with a record of every call they make."""

from __future__ import annotations

import importlib
import socket
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache, partial
from typing import Any

import boto3
import botocore.session
import moto_log_groups
import pytest
from ansible.plugins.callback import CallbackBase
from ansible_collections.logreflector.aws.plugins.module_utils import _session
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import shared
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from ansible_collections.logreflector.aws.plugins.plugin_utils import _worker
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from botocore.awsrequest import AWSResponse
from botocore.stub import Stubber
from moto import mock_aws

REGION = "eu-west-1"
moto_log_groups.install()

READS = ("Assume", "Describe", "Filter", "Get", "List")


class AwsInProcess:
    """moto in this process; `calls` are the API operations of the last run, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        self.client = cache(self._client)
        self._stubbed: dict[str, Any] = {}
        original = _session.Target.client

        def recorded(target: _session.Target, service: str, **settings: Any) -> Any:
            if service in self._stubbed:
                return self._stubbed[service]
            known = set(map(id, target._clients.values()))
            client = original(target, service, **settings)
            if id(client) not in known:
                self._record(client)
            return client

        monkeypatch.setattr(_session.Target, "client", recorded)
        monkeypatch.setattr(shared, "new_rate_limiter", partial(RateLimiter, scale=1e6))  # moto has no rates

    @property
    def writes(self) -> list[str]:
        """The calls of the last run that write."""
        return [call for call in self.calls if not call.startswith(READS)]

    def run(self, module: str, *, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        """The result of a module's run; region is eu-west-1 unless given."""
        self.calls.clear()
        spec = importlib.import_module(f"ansible_collections.logreflector.aws.plugins.modules.{module}").SPEC
        arguments = {"region": REGION, **params} if spec.connects else params
        result = perform_in_process(spec, arguments, check_mode=check_mode)
        CallbackBase()._get_diff(deepcopy(result.get("diff", [])))  # what --diff shows; it raises for what it cannot
        return result

    def _client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client to prepare and inspect with; its calls are not recorded."""
        return boto3.client(service, region_name=region)

    def stub(self, service: str) -> Stubber:
        """An active Stubber that modules get instead of moto: for shapes that moto does not have."""
        client = self._client(service)
        self._record(client)
        self._stubbed[service] = client
        stubber = Stubber(client)
        stubber.activate()
        return stubber

    def answering(self, service: str, **operations: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Let modules get `operation(request)`, where a Stubber cannot know requests beforehand. The rest is moto's."""
        client, requests = self._client(service), []

        def keep(params: dict[str, Any], **_unused: Any) -> None:
            requests.append(params)

        def reply(model: Any, **_unused: Any) -> tuple[AWSResponse, dict[str, Any]]:
            return AWSResponse("", 200, {}, None), operations[model.name](requests.pop())

        for operation in operations:
            client.meta.events.register(f"provide-client-params.{service}.{operation}", keep)
            client.meta.events.register_first(f"before-call.{service}.{operation}", reply)
        self._record(client)
        self._stubbed[service] = client

    def _record(self, client: Any) -> None:
        client.meta.events.register("before-parameter-build", lambda model, **_unused: self.calls.append(model.name))


@pytest.fixture(scope="session", autouse=True)
def _nothing_leaves_this_machine() -> Iterator[None]:
    """A call that nothing here answers would go to AWS: a test would wait for it, and might even pass."""
    look_up = socket.getaddrinfo

    def refuse(host: Any, *rest: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in (None, "", "localhost", "0.0.0.0", "::", "::1") or name.startswith("127."):
            return look_up(host, *rest, **more)
        if name.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        pytest.fail(f"this test asks {name}")  # no Exception: nothing on the way catches it and tries again

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


@pytest.fixture(scope="session", autouse=True)
def _models_are_read_once() -> Iterator[None]:
    """Every boto3 session reads the services' models anew: half of the time that these tests took."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        patch.setattr(_worker, "MODELS", _session.read_models())  # those read before moto was imported do not know it
        yield


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsInProcess]:
    """A fresh emulated AWS for one test."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield AwsInProcess(monkeypatch)
