"""Patterns and targets: what counts as the same, and what is put."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.logreflector.aws.plugins.module_utils._errors import InvalidInputError, RefusedError
from ansible_collections.logreflector.aws.plugins.module_utils._resources.event_pattern import same_pattern
from ansible_collections.logreflector.aws.plugins.module_utils._resources.event_rule import EventRuleResource
from ansible_collections.logreflector.aws.plugins.module_utils._resources.event_rule_api import Rule
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from hypothesis import given
from hypothesis import strategies as st
from internal_resources import EVENT_RULE as SPEC

MARK = {"managed-by": "logreflector.aws"}
ARN = "arn:aws-cn:events:eu-west-1:111111111111:rule/r"
FUNCTION = "arn:aws-cn:lambda:eu-west-1:111111111111:function:f"
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
PATTERNS = st.dictionaries(
    st.sampled_from(["source", "detail", "numeric", "$or", "x"]),
    st.recursive(
        st.lists(LEAVES, min_size=1, max_size=4),
        lambda inner: st.dictionaries(st.text(max_size=3), inner, max_size=3) | st.lists(inner, max_size=2),
        max_leaves=8,
    ),
    min_size=1,
)


def shuffled(draw: Any, value: Any, *, ordered: bool = False) -> Any:
    if isinstance(value, dict):
        keys = draw(st.permutations(list(value)))
        return {key: shuffled(draw, value[key], ordered=key == "numeric") for key in keys}
    if isinstance(value, list):
        items = [shuffled(draw, item) for item in value]
        return items if ordered else draw(st.permutations(items))
    return value


@given(PATTERNS, st.data())
def test_order_and_white_space_make_no_difference(pattern: dict[str, Any], data: st.DataObject) -> None:
    other = shuffled(data.draw, pattern)
    assert same_pattern(json.dumps(pattern), json.dumps(other, indent=2))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": [{"numeric": [">", 0, "<", 5]}]}, {"a": [{"numeric": ["<", 5, ">", 0]}]}, False),
        ({"a": [1]}, {"a": ["1"]}, False),
        ({"a": [True]}, {"a": [1]}, False),
        ({"a": [None]}, {"a": []}, False),
        ({"a": ["x"]}, {"a": ["x", "x"]}, False),
        ({"a": [{"exists": False}]}, {"a": [{"exists": True}]}, False),
        ({"a": ["é"]}, {"a": ["\u00e9"]}, True),
    ],
)
def test_patterns(one: Any, other: Any, same: bool) -> None:
    assert same_pattern(json.dumps(one), json.dumps(other)) is same


def resource(**params: Any) -> EventRuleResource:
    validated = ArgumentSpecValidator(**SPEC.arguments()).validate({"region": "eu-west-1", "name": "r", **params})
    assert not validated.error_messages, validated.error_messages
    target = Target(None, "eu-west-1")
    target.__dict__["identity"] = Identity("111111111111", "arn:aws-cn:iam::111111111111:user/me")
    return EventRuleResource(target, validated.validated_parameters)


def standing(**attributes: Any) -> Rule:
    return Rule(**{"name": "r", "arn": ARN, "event_pattern": '{"source":["x"]}', "targets": {}, **attributes})


def only_call(changes: list[Any]) -> dict[str, Any]:
    ((change,),) = (changes,)
    ((call,),) = (change.payload,)
    return dict(call.request)


@pytest.mark.parametrize(
    "schedule", ["", "rate(1 day)", "rate(10 hours)", "rate(15  minutes)", "cron(0 3 ? * MON-FRI *)"]
)
def test_schedules_that_eventbridge_takes(schedule: str) -> None:
    assert resource(schedule_expression=schedule, event_pattern={"source": ["x"]}).plan(None)


def test_what_is_not_given_is_sent_as_it_stands() -> None:
    before = standing(state="DISABLED", description="d", role_arn="arn:role", schedule_expression="rate(1 day)")
    changes = resource(event_pattern={"source": ["y"]}).plan(before)
    assert only_call(changes) == {
        "Name": "r",
        "EventBusName": "default",
        "State": "DISABLED",
        "Description": "d",
        "RoleArn": "arn:role",
        "ScheduleExpression": "rate(1 day)",
        "EventPattern": '{"source":["y"]}',
    }


def test_a_pattern_that_says_the_same_is_not_sent() -> None:
    before = standing(event_pattern='{"source": ["b", "a"], "detail": {"x": [1]}}')
    assert resource(event_pattern='{"detail": {"x": [1]}, "source": ["a", "b"]}').plan(before) == []


def test_all_management_events_is_enabled_too() -> None:
    before = standing(state="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
    assert resource(enabled=True).plan(before) == []
    assert only_call(resource(enabled=False).plan(before))["State"] == "DISABLED"
    changes = resource(enabled=True, description="new").plan(before)
    assert only_call(changes)["State"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def test_an_empty_string_removes() -> None:
    before = standing(schedule_expression="rate(1 day)", role_arn="arn:role", description="d")
    request = only_call(resource(event_pattern="", role_arn="", description="").plan(before))
    assert "EventPattern" not in request
    assert "RoleArn" not in request
    assert request["Description"] == ""


@pytest.mark.parametrize("params", [{}, {"event_pattern": ""}, {"description": "x"}])
def test_neither_pattern_nor_schedule(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="neither an event_pattern nor a schedule_expression"):
        resource(**params).plan(None)


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({"event_pattern": "{"}, "event_pattern"),
        ({"event_pattern": "[]"}, "event_pattern"),
        ({"name": "a b"}, "name"),
        ({"targets": [{"id": "a", "arn": "f"}, {"id": "a", "arn": "g"}]}, "targets.id"),
        ({"targets": [{"id": "a/b", "arn": "f"}]}, "targets.id"),
        ({"targets": [{"id": "a", "arn": ""}]}, "targets.arn"),
        ({"targets": [{"id": "a", "arn": "f", "input": "hello"}]}, "targets.input"),
        ({"targets": [{"id": "a", "arn": "f", "retry_policy": {"maximum_retry_attempts": 186}}]}, "maximum_retry"),
        ({"targets": [{"id": "a", "arn": "f", "retry_policy": {"maximum_event_age": 59}}]}, "maximum_event_age"),
        ({"targets": [{"id": "a", "arn": "f", "dead_letter_arn": "q.fifo"}]}, "dead_letter_arn"),
        ({"event_bus_name": "mine", "schedule_expression": "rate(1 day)"}, "schedule_expression"),
        ({"schedule_expression": "daily"}, "schedule_expression"),
        ({"schedule_expression": "rate(1 days)"}, "schedule_expression"),
        ({"schedule_expression": "rate(0 hours)"}, "schedule_expression"),
        ({"schedule_expression": "rate(5 minute)"}, "schedule_expression"),
        ({"schedule_expression": "cron(0 3 * * ?)"}, "schedule_expression"),
    ],
)
def test_refused_before_any_call(params: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=option):
        resource(**params)


def test_names_become_arns_of_the_rules_own_account() -> None:
    given = {"id": "t", "arn": "f", "dead_letter_arn": "q", "retry_policy": {"maximum_retry_attempts": 0}}
    request = only_call(resource(targets=[given]).plan(standing()))
    assert request["Targets"] == [
        {
            "Id": "t",
            "Arn": FUNCTION,
            "DeadLetterConfig": {"Arn": "arn:aws-cn:sqs:eu-west-1:111111111111:q"},
            "RetryPolicy": {"MaximumRetryAttempts": 0},
        }
    ]


def test_a_targets_attributes_that_no_option_speaks_of_stay() -> None:
    before = {
        "Id": "t",
        "Arn": "arn:old",
        "RoleArn": "arn:role",
        "SqsParameters": {"MessageGroupId": "g"},
        "RetryPolicy": {"MaximumRetryAttempts": 7, "MaximumEventAgeInSeconds": 60},
        "Input": '{"a": 1}',
    }
    given = {"id": "t", "arn": FUNCTION, "retry_policy": {"maximum_event_age": 90}, "input": {"a": 1}}
    request = only_call(resource(targets=[given]).plan(standing(targets={"t": before})))
    assert request["Targets"] == [
        {
            **before,
            "Arn": FUNCTION,
            "RetryPolicy": {"MaximumRetryAttempts": 7, "MaximumEventAgeInSeconds": 90},
        }
    ]


QUEUE = "arn:{partition}:sqs:{region}:{account}:q.fifo"


def test_a_fifo_queue_of_the_targets_own_account() -> None:
    rule = standing(targets={})
    changes = resource(targets=[{"id": "t", "arn": QUEUE, "message_group_id": "g"}]).plan(rule)
    put = {"Id": "t", "Arn": "arn:aws-cn:sqs:eu-west-1:111111111111:q.fifo", "SqsParameters": {"MessageGroupId": "g"}}
    assert only_call(changes)["Targets"] == [put]
    assert changes[0].after["t"]["message_group_id"] == "g"
    stands = standing(targets={"t": put})
    for group in ("g", None):
        assert resource(targets=[{"id": "t", "arn": QUEUE, "message_group_id": group}]).plan(stands) == []
    other = resource(targets=[{"id": "t", "arn": QUEUE, "message_group_id": "h"}]).plan(stands)
    assert only_call(other)["Targets"][0]["SqsParameters"] == {"MessageGroupId": "h"}
    without = resource(targets=[{"id": "t", "arn": QUEUE, "message_group_id": ""}]).plan(stands)
    assert "SqsParameters" not in only_call(without)["Targets"][0]


@pytest.mark.parametrize(
    ("standing_input", "given", "expected"),
    [
        ({"Input": "1"}, {"input_path": "$.detail"}, {"InputPath": "$.detail"}),
        ({"InputPath": "$.a"}, {"input": {"b": 1}}, {"Input": '{"b":1}'}),
        ({"InputPath": "$.a"}, {"input_path": ""}, {}),
        ({"InputTransformer": {"InputTemplate": "x"}}, {"input": ""}, {}),
        (
            {"Input": "1"},
            {"input_transformer": {"input_paths_map": {"g": "$.x"}, "input_template": '{"a": <g>}'}},
            {"InputTransformer": {"InputPathsMap": {"g": "$.x"}, "InputTemplate": '{"a": <g>}'}},
        ),
    ],
)
def test_one_kind_of_input_replaces_the_others(standing_input: Any, given: Any, expected: Any) -> None:
    before = {"Id": "t", "Arn": FUNCTION}
    rule = standing(targets={"t": {**before, **standing_input}})
    request = only_call(resource(targets=[{"id": "t", "arn": "f", **given}]).plan(rule))
    assert request["Targets"] == [{**before, **expected}]


@pytest.mark.parametrize(
    ("standing_input", "given"),
    [
        ({"Input": '{"b": 1, "a": 2}'}, {"input": '{"a":2,"b":1}'}),
        ({"InputPath": "$.a"}, {"input_path": "$.a"}),
        ({"InputTransformer": {"InputTemplate": "<x>"}}, {"input_transformer": {"input_template": "<x>"}}),
        (
            {"InputTransformer": {"InputTemplate": "<x>", "InputPathsMap": {}}},
            {"input_transformer": {"input_template": "<x>", "input_paths_map": {}}},
        ),
        ({}, {"input": ""}),
        ({}, {"dead_letter_arn": ""}),
    ],
)
def test_the_same_target_is_not_put(standing_input: Any, given: Any) -> None:
    rule = standing(targets={"t": {"Id": "t", "Arn": FUNCTION, **standing_input}})
    assert resource(targets=[{"id": "t", "arn": "f", **given}]).plan(rule) == []


def test_foreign_targets_stay_and_are_told_unless_purged() -> None:
    rule = standing(targets={key: {"Id": key, "Arn": FUNCTION} for key in ("mine", "other")})
    keeping = resource(targets=[{"id": "mine", "arn": "f"}])
    assert keeping.plan(rule) == []
    assert keeping.facts(rule)["rule"]["foreign_targets"] == ["other"]
    purging = resource(targets=[{"id": "mine", "arn": "f"}], purge_targets=True)
    assert [str(change) for change in purging.plan(rule)] == ["delete target other of event rule r"]


def test_no_option_no_change_to_targets() -> None:
    assert resource(purge_targets=True).plan(standing(targets=None)) == []


def test_many_targets_go_in_batches() -> None:
    many = [{"id": f"t{number}", "arn": "f"} for number in range(150)]
    (change,) = resource(targets=many).plan(standing())
    assert [len(call.request["Targets"]) for call in change.payload] == [100, 50]
    ids = {item["id"]: {"Id": item["id"], "Arn": FUNCTION} for item in many}
    removal, deletion = resource(state="absent").plan(standing(targets=ids, tags=MARK))
    assert [len(call.request["Ids"]) for call in removal.payload] == [100, 50]
    assert [call.method for call in deletion.payload] == ["delete_rule"]


def test_foreign_rules_are_guarded() -> None:
    foreign = standing(tags={}, state="DISABLED")
    with pytest.raises(RefusedError, match="adopt: true"):
        resource(enabled=True).plan(foreign)
    assert resource(enabled=False).plan(foreign) == []
    adopted = resource(enabled=True, adopt=True).plan(foreign)
    assert [str(change) for change in adopted] == ["update tags of event rule r", "update event rule r"]
    with pytest.raises(RefusedError, match="force: true"):
        resource(state="absent").plan(foreign)
    assert len(resource(state="absent", force=True).plan(foreign)) == 1
