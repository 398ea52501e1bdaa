# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fixture `cloud` itself."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError
from ansible_collections.logreflector.aws.plugins.module_utils._plan import Change
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from aws_in_tests import LAMBDA_TRUST, OWNER_LIST, Cloud, zip_bytes


class Queue:
    """A resource with one call to read and one to write."""

    def __init__(self, target: Target, settings: str) -> None:
        self._target, self._name = target, settings

    def read(self) -> bool:
        with self._target.describe_operation("list queues"):
            return bool(self._target.client("sqs").list_queues(QueueNamePrefix=self._name).get("QueueUrls"))

    def plan(self, actual: bool) -> list[Change]:
        return [] if actual else [Change("create", "queue", self._name)]

    def apply(self, change: Change) -> None:
        self._target.client("sqs").create_queue(QueueName=change.name)

    def facts(self, actual: bool) -> dict[str, Any]:
        return {"exists": actual}


def test_cloud_converge_records_the_calls_of_the_last_run(cloud: Cloud) -> None:
    planned = cloud.converge(Queue, "cloud-fixture", check_mode=True)
    assert (planned["changed"], cloud.writes) == (True, [])

    created = cloud.converge(Queue, "cloud-fixture")
    assert (created["exists"], cloud.calls) == (True, ["ListQueues", "CreateQueue", "ListQueues"])
    assert cloud.writes == ["CreateQueue"]

    assert not cloud.converge(Queue, "cloud-fixture")["changed"]
    assert cloud.calls == ["ListQueues"]
    assert cloud.client("sqs").get_queue_url(QueueName="cloud-fixture")


def test_cloud_answer_replaces_the_next_calls_only(cloud: Cloud) -> None:
    cloud.answer("ListQueues", "AccessDenied: no", {"QueueUrls": ["one"]}, lambda request: {"QueueUrls": list(request)})
    with pytest.raises(AccessDeniedError, match="AccessDenied: no"):
        cloud.converge(Queue, "cloud-answer")
    assert cloud.converge(Queue, "cloud-answer")["exists"]
    assert cloud.converge(Queue, "cloud-answer")["exists"]
    assert not cloud.converge(Queue, "cloud-answer", check_mode=True)["exists"]


def test_cloud_role_can_be_used_by_a_function(cloud: Cloud) -> None:
    created = cloud.client("lambda").create_function(
        FunctionName="cloud-role",
        Runtime="python3.13",
        Role=cloud.role_arn,
        Handler="handler.handler",
        Code={"ZipFile": zip_bytes()},
    )
    assert created["FunctionArn"] == cloud.arn("lambda", "function:cloud-role")
    role = cloud.client("iam").get_role(RoleName="for-functions")["Role"]
    assert role["AssumeRolePolicyDocument"] == LAMBDA_TRUST
    cloud.client("iam").tag_role(RoleName="for-functions", Tags=OWNER_LIST)


@pytest.mark.backend("moto")
def test_cloud_marker_limits_the_backend(cloud: Cloud) -> None:
    assert cloud.name == "moto"
