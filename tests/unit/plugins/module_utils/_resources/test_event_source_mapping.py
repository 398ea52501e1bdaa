"""The plan for an event source mapping: what is sent, what is left alone, and what no source of its kind has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError, RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.event_source_mapping import (
    EventSourceMappingResource,
    Mapped,
)
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from ansible_collections.logreflector.aws.plugins.modules.event_source_mapping import SPEC

MARK = {"managed-by": "logreflector.aws"}
FUNCTION = "arn:aws-cn:lambda:cn-north-1:111111111111:function:f"
QUEUE = "arn:aws-cn:sqs:cn-north-1:111111111111:q.fifo"
STREAM = "arn:aws-cn:kinesis:cn-north-1:111111111111:stream/s"
UUID = "00000000-0000-4000-8000-000000000001"
ARN = f"arn:aws-cn:lambda:cn-north-1:111111111111:event-source-mapping:{UUID}"


def resource(**params: Any) -> EventSourceMappingResource:
    given = {"region": "cn-north-1", "function_name": "f", "event_source": "q.fifo", **params}
    validated = ArgumentSpecValidator(**SPEC.arguments()).validate(given)
    assert not validated.error_messages, validated.error_messages
    target = Target(None, "cn-north-1")
    target.__dict__["identity"] = Identity("111111111111", "arn:aws-cn:iam::111111111111:user/me")
    return EventSourceMappingResource(target, validated.validated_parameters)


def standing(tags: Any = None, **answer: Any) -> Mapped:
    described = {"UUID": UUID, "FunctionArn": FUNCTION, "EventSourceArn": QUEUE, "State": "Enabled", "BatchSize": 10}
    return replace(Mapped.from_api({**described, "MaximumBatchingWindowInSeconds": 0, **answer}), tags=tags)


def only_call(changes: list[Any]) -> dict[str, Any]:
    ((change,),) = (changes,)
    ((call,),) = (change.payload,)
    return dict(call.request)


def test_a_new_mapping_is_given_what_options_speak_of() -> None:
    (creation,) = resource(tags={"a": "b"}).plan(None)
    assert str(creation) == "create event source mapping f of q.fifo"
    assert creation.payload[0].request == {"FunctionName": "f", "EventSourceArn": QUEUE, "Tags": {"a": "b", **MARK}}
    given = {"enabled": False, "batch_size": 5, "report_batch_item_failures": True, "maximum_concurrency": 2}
    request = only_call(resource(**given).plan(None))
    assert request == {
        "FunctionName": "f",
        "EventSourceArn": QUEUE,
        "Tags": MARK,
        "Enabled": False,
        "BatchSize": 5,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": 2},
    }


def test_a_stream_begins_somewhere() -> None:
    request = only_call(resource(event_source=STREAM, starting_position="LATEST").plan(None))
    assert request["StartingPosition"] == "LATEST"
    stands = standing(EventSourceArn=STREAM, StartingPosition="TRIM_HORIZON")
    assert resource(event_source=STREAM, starting_position="LATEST").plan(stands) == []


def test_only_what_changes_is_sent() -> None:
    before = standing(
        State="Disabled", FunctionResponseTypes=["ReportBatchItemFailures"], ScalingConfig={"MaximumConcurrency": 3}
    )
    assert resource().plan(before) == []
    assert resource(enabled=False, batch_size=10, maximum_concurrency=3).plan(before) == []
    assert only_call(resource(enabled=True, batch_size=10).plan(before)) == {"UUID": UUID, "Enabled": True}
    assert only_call(resource(report_batch_item_failures=False).plan(before)) == {
        "UUID": UUID,
        "FunctionResponseTypes": [],
    }
    assert only_call(resource(maximum_concurrency=0).plan(before)) == {"UUID": UUID, "ScalingConfig": {}}


@pytest.mark.parametrize(("state", "enabled"), [("Enabled", True), ("Disabled", False)])
def test_the_state_tells_whether_it_is_enabled(state: str, enabled: bool) -> None:
    mapped = standing(State=state)
    assert (mapped.settings.enabled, mapped.settled) == (enabled, True)


@pytest.mark.parametrize("state", ["Creating", "Enabling", "Disabling", "Updating", "Deleting"])
def test_other_states_pass(state: str) -> None:
    assert standing(State=state).settled is False


def test_the_arn_does_not_need_the_sdk_to_know_it() -> None:
    # Lambda tells that of older mappings without the account, and older SDKs do not tell it at all.
    assert standing(EventSourceMappingArn=ARN.replace("111111111111", "")).arn == ARN
    assert standing(FunctionArn=f"{FUNCTION}:live").arn == ARN
    assert standing(FunctionArn=f"{FUNCTION}:live").function_name == "f:live"


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({"function_name": "a b"}, "function_name"),
        ({"function_name": FUNCTION}, "function_name"),
        ({"event_source": "q.fif0"}, "event_source"),
        ({"event_source": "arn:aws:sns:eu-west-1:1:t"}, "event_source"),
        ({"event_source": "arn:"}, "event_source"),
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": 11}, "batch_size"),
        ({"event_source": "q", "batch_size": 10001}, "batch_size"),
        ({"maximum_batching_window": 1}, "maximum_batching_window"),
        ({"event_source": "q", "maximum_batching_window": 301}, "maximum_batching_window"),
        ({"maximum_concurrency": 1}, "maximum_concurrency"),
        ({"maximum_concurrency": 1001}, "maximum_concurrency"),
        ({"starting_position": "LATEST"}, "starting_position"),
        ({"event_source": STREAM}, "starting_position"),
        ({"event_source": STREAM, "starting_position": "LATEST", "maximum_concurrency": 2}, "maximum_concurrency"),
    ],
)
def test_refused_before_any_call(params: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"the option {option}:"):
        resource(**params)


def test_a_stream_is_removed_without_saying_where_it_began() -> None:
    assert len(resource(event_source=STREAM, state="absent").plan(standing(MARK))) == 1


def test_foreign_mappings_are_guarded() -> None:
    foreign = standing({})
    with pytest.raises(RefusedError, match="adopt: true"):
        resource(enabled=False).plan(foreign)
    assert resource(enabled=True).plan(foreign) == []
    tagging, update = resource(enabled=False, adopt=True).plan(foreign)
    assert tagging.payload[0].request == {"Resource": ARN, "Tags": MARK}
    assert update.payload[0].method == "update_event_source_mapping"
    with pytest.raises(RefusedError, match="force: true"):
        resource(state="absent").plan(foreign)
    assert len(resource(state="absent", force=True).plan(foreign)) == 1
