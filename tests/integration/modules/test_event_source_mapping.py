"""The life of an event source mapping on two servers: announced, made, again, changed, deleted, deleted again."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

FUNCTION, OURS, QUEUE = "it-mapped", "log-reflector-it", "it-mapping.fifo"
MAPPING = {"function_name": FUNCTION, "event_source": QUEUE}


@pytest.fixture
def source(cloud: Any) -> Any:
    """Two functions, and a queue that one is to work off."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("f.py", "def handler(event, context): pass")
    read = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": read, "Resource": "*"}]}
    role = {"RoleName": cloud.role_arn.rpartition("/")[2], "PolicyName": "it-mapping"}
    cloud.client("iam").put_role_policy(**role, PolicyDocument=json.dumps(policy))
    function = {"Runtime": "python3.13", "Handler": "f.handler", "Role": cloud.role_arn}
    for name in (FUNCTION, OURS):
        code = {"ZipFile": package.getvalue()}
        cloud.client("lambda").create_function(FunctionName=name, **function, Code=code)
    cloud.run("dead_letter_queue", name=QUEUE, content_based_deduplication=True)
    yield
    cloud.run("event_source_mapping", **MAPPING, state="absent", force=True)
    cloud.run("dead_letter_queue", name=QUEUE, state="absent")
    for name in (FUNCTION, OURS):
        cloud.client("lambda").delete_function(FunctionName=name)
    cloud.client("iam").delete_role_policy(**role)


def same_announced_and_done(cloud: Any, **options: Any) -> dict[str, Any]:
    """Check mode, the real run, the run after it: announced is what is done, and then nothing is left to do."""
    announced = cloud.run("event_source_mapping", check_mode=True, **MAPPING, **options)
    assert announced.get("changed") is True, announced
    done = cloud.run("event_source_mapping", **MAPPING, **options)
    assert (done["changes"], done["diff"]) == (announced["changes"], announced["diff"])
    again = cloud.run("event_source_mapping", **MAPPING, **options)
    assert (again["changed"], again["changes"], again["diff"]) == (False, [], [])
    return done


def test_rhythm(cloud: Any, source: None) -> None:
    created = same_announced_and_done(cloud, batch_size=10, report_batch_item_failures=True, tags={"a": "1"})
    assert created["changes"] == [f"create event source mapping {FUNCTION} of {QUEUE}"]
    assert (created["mapping"]["state"], created["mapping"]["report_batch_item_failures"]) == ("Enabled", True)
    client = cloud.client("lambda")
    assert client.list_tags(Resource=created["mapping"]["arn"])["Tags"] == {"a": "1", "managed-by": "logreflector.aws"}

    changed = same_announced_and_done(cloud, enabled=False, batch_size=5, maximum_concurrency=2, tags={"b": "2"})
    assert [line.partition(" of ")[0] for line in changed["changes"]] == [
        "update tags",
        f"update event source mapping {FUNCTION}",
    ]
    mapping = client.get_event_source_mapping(UUID=created["mapping"]["uuid"])
    assert (mapping["State"], mapping["BatchSize"], mapping["FunctionResponseTypes"]) == (
        "Disabled",
        5,
        ["ReportBatchItemFailures"],
    )
    assert mapping["ScalingConfig"] == {"MaximumConcurrency": 2}

    back = same_announced_and_done(cloud, enabled=True, report_batch_item_failures=False, maximum_concurrency=0)
    assert (back["mapping"]["uuid"], back["mapping"]["enabled"]) == (created["mapping"]["uuid"], True)
    assert same_announced_and_done(cloud, state="absent")["mapping"] is None
    queue_arn = created["mapping"]["event_source_arn"]
    assert client.list_event_source_mappings(EventSourceArn=queue_arn)["EventSourceMappings"] == []


def test_a_foreign_mapping(cloud: Any, source: None) -> None:
    client = cloud.client("lambda")
    arn = cloud.run("dead_letter_queue", name=QUEUE)["queue"]["arn"]
    uuid = client.create_event_source_mapping(FunctionName=FUNCTION, EventSourceArn=arn)["UUID"]
    for options in ({"enabled": False}, {"state": "absent"}, {"tags": {"a": "1"}}):
        assert cloud.run("event_source_mapping", **MAPPING, **options)["error_kind"] == "RefusedError"
    assert client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
    assert cloud.run("event_source_mapping", **MAPPING, enabled=False, adopt=True)["mapping"]["uuid"] == uuid


@pytest.mark.parametrize("cloud", ["embedded"], indirect=True)
def test_the_deployers_policy_is_enough_for_our_functions(cloud: Any, source: None) -> None:
    role = {"assume_role_arn": cloud.deployer("lambda")}
    ours = {**MAPPING, "function_name": OURS}
    for options in ({"tags": {"a": "1"}}, {"enabled": False, "tags": {"b": "1"}}, {"state": "absent"}):
        assert cloud.run("event_source_mapping", **ours, **options, **role).get("changed") is True
    denied = cloud.run("event_source_mapping", **MAPPING, **role)
    assert denied["error_kind"] == "AccessDeniedError"
    assert "lambda:CreateEventSourceMapping" in denied["msg"]
