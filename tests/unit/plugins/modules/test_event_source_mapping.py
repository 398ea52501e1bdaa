"""Conversations of event_source_mapping with Lambda: which calls, in which order, and what is waited for."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._resources import event_source_mapping
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy

MARK = {"managed-by": "logreflector.aws"}
QUEUE = "arn:aws:sqs:eu-west-1:123456789012:q.fifo"
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:f"
UUID = "00000000-0000-4000-8000-000000000001"
MAPPING = {"function_name": "f", "event_source": QUEUE}


@pytest.fixture
def source(aws: Any) -> None:
    """A function f and a queue q.fifo."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("f.py", "def handler(event, context): pass")
    principal = {"Service": "lambda.amazonaws.com"}
    trust = {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    role = aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    code = {"ZipFile": package.getvalue()}
    aws.client("lambda").create_function(
        FunctionName="f", Runtime="python3.13", Handler="f.handler", Role=role, Code=code
    )
    aws.client("sqs").create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true"})


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def hurried(seconds: float) -> RetryPolicy:
        return RetryPolicy(seconds=seconds, first_delay=0.0)

    monkeypatch.setattr(event_source_mapping, "RetryPolicy", hurried)


def test_life_of_a_mapping(aws: Any, source: None) -> None:
    options = {"function_name": "f", "event_source": "q.fifo", "report_batch_item_failures": True, "tags": {"a": "b"}}
    announced = aws.run("event_source_mapping", check_mode=True, **options)
    assert aws.writes == []
    assert announced["mapping"] is None
    created = aws.run("event_source_mapping", **options)
    assert aws.writes == ["CreateEventSourceMapping"]
    assert created["changes"] == announced["changes"] == ["create event source mapping f of q.fifo"]
    assert created["diff"] == announced["diff"]
    mapping = created["mapping"]
    assert (mapping["state"], mapping["function_name"], mapping["event_source_arn"]) == ("Enabled", "f", QUEUE)
    assert aws.client("lambda").list_tags(Resource=mapping["arn"])["Tags"] == {"a": "b", **MARK}

    again = aws.run("event_source_mapping", **{**options, "tags": None})
    assert again["changed"] is False
    assert aws.calls == ["GetCallerIdentity", "ListEventSourceMappings"]

    given = {"enabled": False, "batch_size": 5, "report_batch_item_failures": False, "maximum_concurrency": 2}
    changed = aws.run("event_source_mapping", **MAPPING, **given, tags={"c": "d"})
    assert aws.writes == ["UntagResource", "TagResource", "UpdateEventSourceMapping"]
    assert {name: changed["mapping"][name] for name in given} == given
    assert aws.run("event_source_mapping", **MAPPING, **given)["changed"] is False
    assert aws.run("event_source_mapping", **MAPPING, maximum_concurrency=0)["mapping"]["maximum_concurrency"] == 0

    assert aws.run("event_source_mapping", **MAPPING, state="absent", check_mode=True)["changed"] is True
    assert aws.writes == []
    assert aws.run("event_source_mapping", **MAPPING, state="absent")["mapping"] is None
    assert aws.writes == ["DeleteEventSourceMapping"]
    assert aws.run("event_source_mapping", **MAPPING, state="absent")["changed"] is False


def test_a_foreign_mapping_stays_as_it_is(aws: Any, source: None) -> None:
    client = aws.client("lambda")
    uuid = client.create_event_source_mapping(FunctionName="f", EventSourceArn=QUEUE, BatchSize=3)["UUID"]
    assert aws.run("event_source_mapping", **MAPPING, batch_size=3)["changed"] is False
    for options in ({"batch_size": 4}, {"tags": {"a": "b"}}, {"state": "absent"}):
        for check_mode in (True, False):
            refused = aws.run("event_source_mapping", check_mode=check_mode, **MAPPING, **options)
            assert refused["error_kind"] == "RefusedError"
            assert aws.writes == []
    assert client.get_event_source_mapping(UUID=uuid)["BatchSize"] == 3
    assert aws.run("event_source_mapping", **MAPPING, batch_size=4, adopt=True)["changed"] is True
    assert aws.run("event_source_mapping", **MAPPING, state="absent")["changed"] is True


def item(state: str = "Enabled", **more: Any) -> dict[str, Any]:
    return {"UUID": UUID, "FunctionArn": FUNCTION, "EventSourceArn": QUEUE, "State": state, "BatchSize": 10, **more}


def listed(stub: Any, *items: dict[str, Any]) -> None:
    stub.add_response("list_event_source_mappings", {"EventSourceMappings": list(items)}, {"EventSourceArn": QUEUE})


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "InvalidParameterValueException",
            "The provided execution role does not have permissions to call ReceiveMessage on SQS",
        ),
        ("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
        ("InvalidParameterValueException", "SQS Error Code: AWS.SimpleQueueService.NonExistentQueue."),
        ("TooManyRequestsException", "Rate Exceeded."),
    ],
)
def test_what_passes_is_waited_out_when_a_mapping_is_made(aws: Any, code: str, message: str) -> None:
    stub = aws.stub("lambda")
    listed(stub)
    stub.add_client_error("create_event_source_mapping", code, message)
    stub.add_response("create_event_source_mapping", item("Creating"))
    stub.add_response("get_event_source_mapping", item("Creating"))
    stub.add_response("get_event_source_mapping", item("Enabled"))
    listed(stub, item())
    assert aws.run("event_source_mapping", **MAPPING)["mapping"]["state"] == "Enabled"
    stub.assert_no_pending_responses()


def test_a_role_that_may_not_read_the_queue_is_told(aws: Any) -> None:
    stub = aws.stub("lambda")
    listed(stub)
    message = "The provided execution role does not have permissions to call ReceiveMessage on SQS"
    stub.add_client_error("create_event_source_mapping", "InvalidParameterValueException", message)
    failed = aws.run("event_source_mapping", **MAPPING, wait_timeout=-1)
    assert message in failed["msg"]
    assert "sqs:ReceiveMessage, sqs:DeleteMessage and sqs:GetQueueAttributes" in failed["msg"]


def test_any_other_refusal_is_not_waited_out(aws: Any) -> None:
    stub = aws.stub("lambda")
    listed(stub)
    message = "Queue visibility timeout: 30 seconds is less than Function timeout: 900 seconds"
    stub.add_client_error("create_event_source_mapping", "InvalidParameterValueException", message)
    failed = aws.run("event_source_mapping", **MAPPING)
    assert failed["msg"].startswith("Could not create event source mapping f of q.fifo")
    assert message in failed["msg"]
    stub.assert_no_pending_responses()


def test_a_change_under_way_is_waited_for_before_and_after(aws: Any) -> None:
    stub = aws.stub("lambda")
    listed(stub, item("Updating"))
    stub.add_response("get_event_source_mapping", item("Updating"))
    stub.add_response("get_event_source_mapping", item("Enabled"))
    stub.add_response("list_tags", {"Tags": MARK})
    stub.add_client_error("update_event_source_mapping", "ResourceInUseException", "it is being updated")
    stub.add_response("update_event_source_mapping", item("Disabling"), {"UUID": UUID, "Enabled": False})
    stub.add_response("get_event_source_mapping", item("Disabling"))
    stub.add_response("get_event_source_mapping", item("Disabled"))
    listed(stub, item("Disabled"))
    stub.add_response("list_tags", {"Tags": MARK})
    result = aws.run("event_source_mapping", **MAPPING, enabled=False, adopt=True)
    assert result["mapping"]["enabled"] is False
    stub.assert_no_pending_responses()


def test_a_deletion_is_waited_for(aws: Any) -> None:
    stub = aws.stub("lambda")
    listed(stub, item())
    stub.add_response("list_tags", {"Tags": MARK})
    stub.add_response("delete_event_source_mapping", item("Deleting"))
    stub.add_response("get_event_source_mapping", item("Deleting"))
    stub.add_client_error("get_event_source_mapping", "ResourceNotFoundException")
    listed(stub)
    assert aws.run("event_source_mapping", **MAPPING, state="absent")["mapping"] is None
    stub.assert_no_pending_responses()


def test_a_mapping_that_is_being_deleted_is_gone_and_made_anew(aws: Any) -> None:
    stub = aws.stub("lambda")
    listed(stub, item("Deleting"))
    stub.add_client_error("get_event_source_mapping", "ResourceNotFoundException")
    stub.add_response("create_event_source_mapping", item("Enabled"))
    stub.add_response("get_event_source_mapping", item("Enabled"))
    listed(stub, item())
    assert aws.run("event_source_mapping", **MAPPING)["changes"] == ["create event source mapping f of q.fifo"]
    stub.assert_no_pending_responses()


def test_the_wait_has_an_end(aws: Any) -> None:
    stub = aws.stub("lambda")
    listed(stub)
    stub.add_response("create_event_source_mapping", item("Creating"))
    stub.add_response("get_event_source_mapping", item("Creating"))
    failed = aws.run("event_source_mapping", **MAPPING, wait_timeout=-1)
    assert "it is still Creating" in failed["msg"]
    assert "raise wait_timeout" in failed["msg"]


def test_somebody_else_was_faster(aws: Any) -> None:
    stub = aws.stub("lambda")
    listed(stub)
    stub.add_client_error("create_event_source_mapping", "ResourceConflictException", "already exists")
    listed(stub, item())
    stub.add_response("list_tags", {"Tags": {}})
    failed = aws.run("event_source_mapping", **MAPPING, batch_size=5)
    assert failed["error_kind"] == "RefusedError"
    stub.assert_no_pending_responses()


def test_others_mappings_of_the_queue_are_no_matter(aws: Any) -> None:
    stub = aws.stub("lambda")
    others = [item(FunctionArn=f"{FUNCTION}{suffix}", UUID=f"{UUID[:-1]}{suffix[-1]}") for suffix in ("2", ":live3")]
    listed(stub, *others, item())
    assert aws.run("event_source_mapping", **MAPPING)["mapping"]["uuid"] == UUID


def test_two_of_the_same_are_reported(aws: Any) -> None:
    stub = aws.stub("lambda")
    other = f"{UUID[:-1]}2"
    listed(stub, item(), item(UUID=other))
    failed = aws.run("event_source_mapping", **MAPPING, enabled=False)
    assert failed["error_kind"] == "RefusedError"
    assert f"there are several: {UUID}, {other}" in failed["msg"]


def test_an_sdk_older_than_the_tags_of_mappings(aws: Any) -> None:
    stub = aws.stub("lambda")
    stub.client.meta.service_model.operation_model("CreateEventSourceMapping").input_shape.members.pop("Tags")
    listed(stub)
    stub.add_response("create_event_source_mapping", item(), {"FunctionName": "f", "EventSourceArn": QUEUE})
    arn = f"arn:aws:lambda:eu-west-1:123456789012:event-source-mapping:{UUID}"
    stub.add_response("tag_resource", {}, {"Resource": arn, "Tags": MARK})
    stub.add_response("get_event_source_mapping", item())
    listed(stub, item())
    assert aws.run("event_source_mapping", **MAPPING)["changed"] is True
    stub.assert_no_pending_responses()
