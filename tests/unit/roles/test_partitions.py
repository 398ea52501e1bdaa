# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ARNs, principals and endpoints in every partition: a deployment on moto.

Sources of the principals: AWS's answers in China as users met them. Lambda and EventBridge have no name of their own there
(aws-cdk issue 2198, terraform-aws-eks issue 2932), CloudWatch Logs has (serverless issue 10906); CloudTrail's event sources are
the same everywhere.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from moto.iam.models import iam_backends

ROOT = Path(__file__).resolve().parents[3]
# Answers of AWS for operations that moto lacks, in an account without such resources.
EMPTY = {"DescribeAccountPolicies": {"accountPolicies": []}, "ListLogGroups": {"logGroups": []}}
ACCOUNT = "123456789012"


@dataclass(frozen=True, slots=True)
class Place:
    """A region, with its partition and the names of AWS there."""

    partition: str
    region: str
    suffix: str
    logs: str


PLACES = [
    Place("aws", "eu-west-1", ".amazonaws.com", "logs.amazonaws.com"),
    Place("aws-us-gov", "us-gov-west-1", ".amazonaws.com", "logs.amazonaws.com"),
    Place("aws-cn", "cn-north-1", ".amazonaws.com.cn", "logs.amazonaws.com.cn"),
]
SETTINGS = {
    "reflector_sumo_endpoint": "secretsmanager:log-reflector/sumo-endpoint",
    "reflector_sinks": {
        "lake": {"type": "firehose", "stream": "lake"},
        "fast": {"type": "kinesis", "stream": "fast"},
        "all": {"type": "s3", "bucket": "all-logs", "kms_key_id": "1234-abcd"},
        "loki": {"type": "loki", "endpoint": "ssm:/loki/endpoint"},
    },
}


@dataclass(slots=True)
class Deployed:
    """The requests of a deployment in one partition, and their endpoints."""

    place: Place
    requests: list[tuple[str, dict[str, Any]]]
    endpoints: set[str]

    def said(self, operation: str) -> list[dict[str, Any]]:
        return [request for name, request in self.requests if name == operation]


@pytest.fixture(scope="module")
def deployments() -> dict[str, Deployed]:
    """Return the deployments by partition. Each runs once for all tests."""
    return {}


@pytest.fixture(params=PLACES, ids=lambda place: place.partition)
def deployed(
    request: pytest.FixtureRequest,
    aws: Any,
    deployments: dict[str, Deployed],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Deployed:
    """Return the requests of a target's deployment."""
    place: Place = request.param
    if place.partition in deployments:
        return deployments[place.partition]
    told = Deployed(place, [], set())
    record = aws._record_calls

    def listen(client: Any) -> None:
        record(client)
        told.endpoints.add(client.meta.endpoint_url)
        client.meta.events.register(
            "provide-client-params",
            lambda params, model, **_unused: told.requests.append(
                (model.name, json.loads(json.dumps({**params, "Code": None}, default=str)))
            ),
        )
        client.meta.events.register(
            "before-call.cloudwatch-logs",
            lambda model, **_unused: (
                (SimpleNamespace(status_code=200), EMPTY[model.name]) if model.name in EMPTY else None
            ),
        )

    monkeypatch.setattr(aws, "_record_calls", listen)
    if (
        place.partition == "aws-us-gov"
    ):  # moto takes IAM's endpoint there for that of the partition aws, Lambda looks in its own
        for name in ("log-reflector", "log-reflector-subscriber"):
            iam_backends[ACCOUNT][place.partition].create_role(name, "{}", "/", None, "", [], "3600")
    aws.client("logs", place.region).create_log_group(logGroupName="/there/already")
    aws.client("secretsmanager", place.region).create_secret(Name="log-reflector/sumo-endpoint")
    aws.client("ssm", place.region).put_parameter(Name="/loki/endpoint", Value="https://loki.example", Type="String")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    result = aws.run("deployment", region=place.region, **SETTINGS)
    assert not result.get("failed"), result["msg"]
    deployments[place.partition] = told
    return told


def test_every_arn_is_in_the_partition(deployed: Deployed) -> None:
    text = json.dumps(deployed.requests)
    found = re.findall(r"arn:([\w-]*):(\w+):", text)
    assert {partition for partition, _service in found} == {deployed.place.partition}
    services = {"iam", "lambda", "logs", "sqs", "events", "secretsmanager", "ssm", "firehose", "kinesis", "s3", "kms"}
    assert services <= {service for _partition, service in found}
    assert "{partition}" not in text
    assert "{account}" not in text


def test_every_endpoint_is_in_the_partition(deployed: Deployed) -> None:
    assert len(deployed.endpoints) >= 6
    assert all(url.endswith(deployed.place.suffix) for url in deployed.endpoints), deployed.endpoints


def test_principals_have_the_names_of_the_partition(deployed: Deployed) -> None:
    assert {request["Principal"] for request in deployed.said("AddPermission")} == {deployed.place.logs}
    trusts = [json.loads(request["AssumeRolePolicyDocument"]) for request in deployed.said("CreateRole")]
    assert {trust["Statement"][0]["Principal"]["Service"] for trust in trusts} == {"lambda.amazonaws.com"}
    queues = [request["Attributes"] for request in deployed.said("CreateQueue") if "Policy" in request["Attributes"]]
    policies = [json.loads(attributes["Policy"]) for attributes in queues]
    allowed = [each["Principal"] for policy in policies for each in policy["Statement"] if each["Effect"] == "Allow"]
    assert allowed == [{"Service": "events.amazonaws.com"}] * 2
    rule, *_again = [
        json.loads(request["EventPattern"]) for request in deployed.said("PutRule") if "EventPattern" in request
    ]
    assert rule["detail"]["eventSource"] == ["logs.amazonaws.com"]


def test_log_groups_are_subscribed_to_the_reflector_of_their_target(deployed: Deployed) -> None:
    place = deployed.place
    assert {request["destinationArn"] for request in deployed.said("PutSubscriptionFilter")} == {
        f"arn:{place.partition}:lambda:{place.region}:{ACCOUNT}:function:log-reflector"
    }


@pytest.mark.parametrize("folder", ["roles", "playbooks", "lambda_src"])
def test_no_partition_is_written_down(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".yml", ".j2", ".json")]
    assert files
    assert [str(path) for path in files if re.search(r"arn:aws[\w-]*:", path.read_text(encoding="utf-8"))] == []
