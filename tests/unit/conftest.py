"""Modules in this process against moto, with a record of their API calls."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache, partial
from typing import Any

import boto3
import moto_patches
import pytest
from ansible.plugins.callback import CallbackBase
from ansible_collections.logreflector.aws.plugins.module_utils import _session
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import shared
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from ansible_collections.logreflector.aws.plugins.plugin_utils import _worker
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from aws_in_tests import (  # noqa: F401  # pylint: disable=unused-import
    REGION,
    answer_one_call_at_a_time,
    is_write,
    read_models_once,
    refuse_calls_to_other_machines,
    spec_of,
)
from botocore.awsrequest import AWSResponse
from botocore.stub import Stubber
from moto import mock_aws

moto_patches.install()


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
        """Return the calls of the last run that write."""
        return list(filter(is_write, self.calls))

    def run(self, module: str, *, check_mode: bool = False, **params: Any) -> dict[str, Any]:
        """Return the result of a module's run. The default region is eu-west-1."""
        self.calls.clear()
        spec = spec_of(module)
        arguments = {"region": REGION, **params} if spec.connects else params
        result = perform_in_process(spec, arguments, check_mode=check_mode)
        CallbackBase()._get_diff(deepcopy(result.get("diff", [])))  # --diff raises for values that it cannot show
        return result

    def _client(self, service: str, region: str = REGION) -> Any:
        """Return a boto3 client to prepare and inspect with; its calls are not recorded."""
        return boto3.client(service, region_name=region)

    def stub(self, service: str) -> Stubber:
        """Return an active Stubber, which replaces moto for this service in modules."""
        client = self._client(service)
        self._record(client)
        self._stubbed[service] = client
        stubber = Stubber(client)
        stubber.activate()
        return stubber

    def answering(self, service: str, **operations: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Answer a service's operations with functions of the request. moto answers the other operations."""
        client, request = self._client(service), threading.local()

        def keep(params: dict[str, Any], **_unused: Any) -> None:
            request.params = params

        def reply(model: Any, **_unused: Any) -> tuple[AWSResponse, dict[str, Any]]:
            return AWSResponse("", 200, {}, None), operations[model.name](request.params)

        for operation in operations:
            client.meta.events.register(f"provide-client-params.{service}.{operation}", keep)
            client.meta.events.register_first(f"before-call.{service}.{operation}", reply)
        self._record(client)
        self._stubbed[service] = client

    def _record(self, client: Any) -> None:
        client.meta.events.register("before-parameter-build", lambda model, **_unused: self.calls.append(model.name))


@pytest.fixture(scope="session", autouse=True)
def _models_that_know_moto(read_models_once: None) -> Iterator[None]:  # noqa: F811
    """Read the models again: those that were read before the import of moto do not call it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_worker, "MODELS", _session.read_models(_worker.SERVICES))
        yield


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsInProcess]:
    """Start an empty emulated AWS for one test."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield AwsInProcess(monkeypatch)
