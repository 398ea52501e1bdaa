# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules in this process against moto, with a record of their API calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from aws_in_tests import (  # noqa: F401  # pylint: disable=unused-import
    Cloud,
    answer_one_call_at_a_time,
    compile_sources_once,
    models_that_know_moto,
    moto,
    read_models_once,
    refuse_calls_to_other_machines,
    remove_rate_limits,
)
from botocore.awsrequest import AWSResponse
from botocore.stub import Stubber


class AwsInProcess(Cloud):
    """moto in this process, with a record of the calls of modules."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__("moto")
        self._stubbed: dict[str, Any] = {}
        original, recording, clients = Target.client, threading.Lock(), dict[int, Any]()

        def recorded(target: Target, service: str, **settings: Any) -> Any:
            if service in self._stubbed:
                return self._stubbed[service]
            client = original(target, service, **settings)
            with recording:  # several threads may ask for the client that one of them creates
                if id(client) not in clients:
                    clients[id(client)] = client
                    self._record_calls(client)
            return client

        monkeypatch.setattr(Target, "client", recorded)

    def stub(self, service: str) -> Stubber:
        """Return an active Stubber, which replaces moto for this service in modules."""
        client = self._client(service)
        self._record_calls(client)
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
        self._record_calls(client)
        self._stubbed[service] = client

    def _record_calls(self, client: Any) -> None:
        client.meta.events.register("before-parameter-build", lambda model, **_unused: self.calls.append(model.name))


@pytest.fixture
def aws(moto: None, monkeypatch: pytest.MonkeyPatch) -> AwsInProcess:  # noqa: F811
    """Start an empty emulated AWS for one test."""
    return AwsInProcess(monkeypatch)
