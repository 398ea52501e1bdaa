# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EventSourceMapping: requests, waits, and ownership."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    InvalidInputError,
    ReflectorError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.event_source_mapping import (
    EventSourceMapping,
    MappingSettings,
    SourceMapping,
)
from aws_in_tests import OWNER, Cloud, zip_bytes

FUNCTION, OURS, QUEUE = "mapped", "log-reflector-mapped", "mapped.fifo"
UUID = "00000000-0000-4000-8000-000000000001"
INVALID = "InvalidParameterValueException: "
NO_PERMISSION = f"{INVALID}The provided execution role does not have permissions to call ReceiveMessage on SQS"


@pytest.fixture
def cloud(cloud: Cloud) -> Iterator[Cloud]:
    """The backend with two functions, a queue, and a role that may read it."""
    read = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": read, "Resource": "*"}]}
    role = {"RoleName": cloud.role_arn.rpartition("/")[2], "PolicyName": "mapped"}
    cloud.client("iam").put_role_policy(**role, PolicyDocument=json.dumps(policy))
    client, sqs = cloud.client("lambda"), cloud.client("sqs")
    settings = {"Runtime": "python3.13", "Handler": "handler.handler", "Role": cloud.role_arn}
    for name in (FUNCTION, OURS):
        client.create_function(FunctionName=name, Code={"ZipFile": zip_bytes()}, **settings)
    url = sqs.create_queue(QueueName=QUEUE, Attributes={"FifoQueue": "true"})["QueueUrl"]
    yield cloud
    for mapping in client.list_event_source_mappings(EventSourceArn=cloud.arn("sqs", QUEUE))["EventSourceMappings"]:
        client.delete_event_source_mapping(UUID=mapping["UUID"])
    for name in (FUNCTION, OURS):
        client.delete_function(FunctionName=name)
    sqs.delete_queue(QueueUrl=url)


def mapping(**settings: Any) -> MappingSettings:
    return MappingSettings(**{"function_name": FUNCTION, "queue": QUEUE, **settings})


def run(cloud: Cloud, *, check_mode: bool = False, **settings: Any) -> dict[str, Any]:
    return cloud.converge(EventSourceMapping, mapping(**settings), check_mode=check_mode)


def change(cloud: Cloud, **settings: Any) -> dict[str, Any]:
    return cloud.converge_and_repeat(EventSourceMapping, mapping(**settings))


def described(cloud: Cloud, state: str = "Enabled", **more: Any) -> dict[str, Any]:
    """Return AWS's answer about the mapping."""
    arns = {"FunctionArn": cloud.arn("lambda", f"function:{FUNCTION}"), "EventSourceArn": cloud.arn("sqs", QUEUE)}
    settings = {"BatchSize": 10, "FunctionResponseTypes": ["ReportBatchItemFailures"]}
    return {"UUID": UUID, "State": state, **arns, **settings, **more}


def listed(*items: dict[str, Any]) -> dict[str, Any]:
    return {"EventSourceMappings": list(items)}


def test_mapping_life_cycle(cloud: Cloud) -> None:
    created = change(cloud, tags={"a": "1"})
    assert created["changes"] == [f"create event source mapping {FUNCTION} of {QUEUE}"]
    assert cloud.writes == ["CreateEventSourceMapping"]
    found, client = created["mapping"], cloud.client("lambda")
    assert (found["state"], found["function_name"], found["event_source_arn"]) == (
        "Enabled",
        FUNCTION,
        cloud.arn("sqs", QUEUE),
    )
    stored = client.get_event_source_mapping(UUID=found["uuid"])
    assert (stored["BatchSize"], stored["FunctionResponseTypes"]) == (10, ["ReportBatchItemFailures"])
    assert client.list_tags(Resource=found["arn"])["Tags"] == {"a": "1", **OWNER}

    assert not run(cloud)["changed"]
    assert cloud.calls == ["GetCallerIdentity", "ListEventSourceMappings"]

    client.update_event_source_mapping(UUID=found["uuid"], Enabled=False)  # by somebody who pauses it
    changed = change(cloud, batch_size=5, report_batch_item_failures=False, tags={"b": "2"})
    assert cloud.writes == ["TagResource", "UpdateEventSourceMapping"]
    assert (changed["mapping"]["batch_size"], changed["mapping"]["report_batch_item_failures"]) == (5, False)
    assert client.list_tags(Resource=found["arn"])["Tags"] == {"a": "1", "b": "2", **OWNER}
    stored = client.get_event_source_mapping(UUID=found["uuid"])
    assert (stored["State"], stored["BatchSize"]) == ("Disabled", 5)

    assert change(cloud, present=False)["mapping"] is None
    assert cloud.writes == ["DeleteEventSourceMapping"]
    assert client.list_event_source_mappings(EventSourceArn=cloud.arn("sqs", QUEUE))["EventSourceMappings"] == []


def test_mapping_foreign_is_refused(cloud: Cloud) -> None:
    client = cloud.client("lambda")
    uuid = client.create_event_source_mapping(
        FunctionName=FUNCTION,
        EventSourceArn=cloud.arn("sqs", QUEUE),
        BatchSize=3,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )["UUID"]
    assert not run(cloud, batch_size=3)["changed"]
    for settings in ({"batch_size": 4}, {"batch_size": 3, "tags": {"a": "b"}}, {"present": False}):
        for check_mode in (True, False):
            with pytest.raises(RefusedError, match="hand it over"):
                run(cloud, check_mode=check_mode, **settings)
            assert cloud.writes == []
    assert client.get_event_source_mapping(UUID=uuid)["BatchSize"] == 3


@pytest.mark.parametrize(
    "error",
    [
        NO_PERMISSION,
        f"{INVALID}The role defined for the function cannot be assumed by Lambda.",
        f"{INVALID}SQS Error Code: AWS.SimpleQueueService.NonExistentQueue.",
        "TooManyRequestsException: Rate Exceeded.",
    ],
)
def test_mapping_creation_retries_transient_errors(cloud: Cloud, error: str) -> None:
    cloud.answer("CreateEventSourceMapping", error)
    cloud.answer("GetEventSourceMapping", described(cloud, "Creating"), described(cloud))
    assert run(cloud)["mapping"]["state"] == "Enabled"
    assert cloud.writes == ["CreateEventSourceMapping"] * 2


def test_mapping_creation_without_permission_gives_advice(cloud: Cloud) -> None:
    cloud.answer("CreateEventSourceMapping", NO_PERMISSION)
    with pytest.raises(
        ReflectorError, match="sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes"
    ) as failed:
        run(cloud, wait_seconds=-1)
    assert NO_PERMISSION in str(failed.value)


def test_mapping_creation_does_not_retry_permanent_errors(cloud: Cloud) -> None:
    message = "Queue visibility timeout: 30 seconds is less than Function timeout: 900 seconds"
    cloud.answer("CreateEventSourceMapping", INVALID + message)
    with pytest.raises(ReflectorError, match=f"^Could not create event source mapping {FUNCTION} of .*{message}"):
        run(cloud)
    assert cloud.writes == ["CreateEventSourceMapping"]


def test_mapping_update_waits_for_changes_before_and_after(cloud: Cloud) -> None:
    uuid = run(cloud)["mapping"]["uuid"]
    in_progress = described(cloud, "Updating", UUID=uuid)
    cloud.answer("ListEventSourceMappings", listed(in_progress))
    states = [described(cloud, "Enabling", UUID=uuid), described(cloud, UUID=uuid), in_progress]
    cloud.answer("GetEventSourceMapping", *states)
    cloud.answer("UpdateEventSourceMapping", "ResourceInUseException: it is being updated")
    assert run(cloud, batch_size=5)["mapping"]["batch_size"] == 5
    assert cloud.writes == ["UpdateEventSourceMapping"] * 2
    assert cloud.calls.count("GetEventSourceMapping") == 4


def test_mapping_deletion_waits_for_its_end(cloud: Cloud) -> None:
    uuid = run(cloud)["mapping"]["uuid"]
    cloud.answer("GetEventSourceMapping", described(cloud, "Deleting", UUID=uuid))
    assert run(cloud, present=False)["mapping"] is None
    assert cloud.calls[-1] == "GetEventSourceMapping"
    assert cloud.calls.count("GetEventSourceMapping") >= 2


def test_mapping_deleted_by_another_writer_is_created_again(cloud: Cloud) -> None:
    cloud.answer("ListEventSourceMappings", listed(described(cloud, "Deleting")))
    cloud.answer("GetEventSourceMapping", "ResourceNotFoundException: gone")
    assert run(cloud)["changes"] == [f"create event source mapping {FUNCTION} of {QUEUE}"]
    cloud.answer("DeleteEventSourceMapping", "ResourceNotFoundException: gone")
    assert run(cloud, present=False)["mapping"] is None


def test_mapping_wait_ends(cloud: Cloud) -> None:
    cloud.answer("GetEventSourceMapping", described(cloud, "Creating"))
    with pytest.raises(ReflectorError, match=r"it is still Creating after -1 seconds\. Run again"):
        run(cloud, wait_seconds=-1)


def test_mapping_created_by_another_writer_is_checked(cloud: Cloud) -> None:
    cloud.client("lambda").create_event_source_mapping(FunctionName=FUNCTION, EventSourceArn=cloud.arn("sqs", QUEUE))
    cloud.answer("ListEventSourceMappings", listed())
    cloud.answer("CreateEventSourceMapping", "ResourceConflictException: already exists")
    with pytest.raises(RefusedError, match="hand it over"):
        run(cloud, batch_size=5)


def test_mapping_of_another_function_or_alias_is_ignored(cloud: Cloud) -> None:
    arn = cloud.arn("lambda", f"function:{FUNCTION}")
    others = [described(cloud, FunctionArn=f"{arn}2"), described(cloud, FunctionArn=f"{arn}:live")]
    cloud.answer("ListEventSourceMappings", listed(*others, described(cloud)))
    assert run(cloud, check_mode=True)["mapping"]["uuid"] == UUID
    live = SourceMapping.from_api(others[1])
    assert (live.function_name, live.arn) == (f"{FUNCTION}:live", cloud.arn("lambda", f"event-source-mapping:{UUID}"))


def test_mapping_twice_is_refused(cloud: Cloud) -> None:
    other = f"{UUID[:-1]}2"
    cloud.answer("ListEventSourceMappings", listed(described(cloud), described(cloud, UUID=other)))
    with pytest.raises(RefusedError, match=f"there are several: {UUID}, {other}"):
        run(cloud)


def test_mapping_is_tagged_by_an_sdk_without_tags_of_mappings(cloud: Cloud) -> None:
    """SDKs before October 2024 refuse the parameter Tags of CreateEventSourceMapping."""
    target = cloud.target()
    members = target.client("lambda").meta.service_model.operation_model("CreateEventSourceMapping").input_shape.members
    tags = members.pop("Tags")
    try:
        resource = EventSourceMapping(target, mapping())
        (creation,) = resource.plan(resource.read())
        resource.apply(creation)
    finally:
        members["Tags"] = tags
    assert cloud.writes == ["CreateEventSourceMapping", "TagResource"]
    assert not run(cloud, tags=OWNER)["changed"]


@pytest.mark.backend("embedded")  # moto does not evaluate policies
def test_mapping_deployer_policy_covers_our_functions_only(cloud: Cloud) -> None:
    deployer = cloud.as_deployer("lambda")
    for settings in ({"tags": {"a": "1"}}, {"batch_size": 5, "tags": {"b": "1"}}, {"present": False}):
        assert change(deployer, function_name=OURS, **settings)["changed"]
    with pytest.raises(AccessDeniedError, match="lambda:CreateEventSourceMapping"):
        run(deployer)


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"function_name": "a b"}, "function_name"),
        ({"function_name": "arn:aws:lambda:eu-west-1:111111111111:function:f"}, "function_name"),
        ({"queue": "q.fif0"}, "queue"),
        ({"queue": "arn:aws:sqs:eu-west-1:111111111111:q"}, "queue"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 11}, "batch_size"),
    ],
)
def test_mapping_invalid_settings_are_refused(settings: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"the option {option}:"):
        EventSourceMapping(None, mapping(**settings))  # type: ignore[arg-type]
