# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EventRule: a rule and its targets, which EventBridge writes by two calls."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _retry
from ansible_collections.logreflector.aws.plugins.module_utils._errors import (
    AccessDeniedError,
    AwsError,
    InvalidInputError,
    LimitReachedError,
    ReflectorError,
    RefusedError,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources.event_rule.api import Rule
from ansible_collections.logreflector.aws.plugins.module_utils._resources.event_rule.pattern import same_pattern
from ansible_collections.logreflector.aws.plugins.module_utils._resources.event_rule.rule import (
    EventRule,
    RuleSettings,
    RuleTarget,
)
from ansible_collections.logreflector.aws.plugins.module_utils._session import Target
from aws_in_tests import OWNER, Cloud
from hypothesis import given
from hypothesis import strategies as st

PATTERN = {
    "source": ["aws.logs", "mine"],
    "detail": {"eventName": ["CreateLogGroup"], "errorCode": [{"exists": False}]},
}
SHUFFLED = {"detail": dict(reversed(PATTERN["detail"].items())), "source": PATTERN["source"][::-1]}
QUEUE = RuleTarget(
    id="queue",
    arn="arn:{partition}:sqs:{region}:{account}:receiver.fifo",
    message_group_id="all",
    dead_letter_queue="dead",
    maximum_retry_attempts=3,
    maximum_event_age=600,
)
FUNCTION = RuleTarget(id="function", arn="arn:{partition}:lambda:{region}:{account}:function:f")


def rule(name: str = "r", **settings: Any) -> RuleSettings:
    return RuleSettings(**{"name": name, "event_pattern": PATTERN, "targets": (QUEUE,), **settings})


def absent(name: str) -> RuleSettings:
    return RuleSettings(name=name, present=False)


def run(cloud: Cloud, settings: RuleSettings, *, check_mode: bool = False) -> dict[str, Any]:
    return cloud.converge(EventRule, settings, check_mode=check_mode)


def change(cloud: Cloud, settings: RuleSettings) -> dict[str, Any]:
    return cloud.converge_and_repeat(EventRule, settings)


def stored(cloud: Cloud, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the rule and its targets by id."""
    events = cloud.client("events")
    targets = events.list_targets_by_rule(Rule=name)["Targets"]
    return events.describe_rule(Name=name), {item["Id"]: item for item in targets}


@pytest.fixture
def fifo_queue(cloud: Cloud) -> None:
    """Create the queue that the targets name, because moto checks that it exists."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    cloud.client("sqs").create_queue(QueueName="receiver.fifo", Attributes=attributes)


@pytest.mark.usefixtures("fifo_queue")
def test_rule_life_cycle(cloud: Cloud) -> None:
    created = change(cloud, rule("life", description="d", tags={"a": "1"}))
    assert created["changes"] == ["create event rule life", "create target queue of event rule life"]
    assert cloud.writes == ["PutRule", "PutTargets"]
    found = created["rule"]
    assert (found["enabled"], found["event_pattern"], found["tags"]) == (True, PATTERN, {"a": "1", **OWNER})
    target = {
        "Id": "queue",
        "Arn": cloud.arn("sqs", "receiver.fifo"),
        "SqsParameters": {"MessageGroupId": "all"},
        "DeadLetterConfig": {"Arn": cloud.arn("sqs", "dead")},
        "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 600},
    }
    assert stored(cloud, "life")[1] == {"queue": target}

    assert not run(cloud, rule("life", description="d", event_pattern=SHUFFLED))["changed"]
    assert sorted(cloud.calls) == ["DescribeRule", "GetCallerIdentity", "ListTargetsByRule"]

    changed = rule(
        "life",
        event_pattern={"source": ["other"]},
        schedule_expression="rate(5 minutes)",
        enabled=False,
        targets=(FUNCTION, replace(QUEUE, dead_letter_queue=cloud.arn("sqs", "other"), message_group_id="one")),
        tags={"b": "2"},
    )
    assert change(cloud, changed)["changes"] == [
        "update tags of event rule life",
        "update event rule life",
        "update targets function, queue of event rule life",
    ]
    found, targets = stored(cloud, "life")
    assert (found["State"], found["ScheduleExpression"], found.get("Description", "")) == (
        "DISABLED",
        "rate(5 minutes)",
        "",
    )
    assert targets["function"]["RetryPolicy"] == {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}
    assert targets["queue"]["DeadLetterConfig"]["Arn"].endswith(":other")
    assert run(cloud, changed)["rule"]["tags"] == {"a": "1", "b": "2", **OWNER}

    last = change(cloud, replace(changed, enabled=None, event_pattern=None, targets=(FUNCTION,)))
    assert (cloud.writes, last["rule"]["enabled"]) == (["PutRule", "RemoveTargets"], False)
    found, targets = stored(cloud, "life")
    assert ("EventPattern" in found, list(targets)) == (False, ["function"])

    assert change(cloud, absent("life"))["rule"] is None
    assert cloud.writes == ["RemoveTargets", "DeleteRule"]
    assert cloud.client("events").list_rules(NamePrefix="life")["Rules"] == []
    assert not run(cloud, absent("life"))["changed"]


def test_rule_role_set_by_others_stays(cloud: Cloud) -> None:
    """PutRule replaces the whole rule."""
    role, events = f"arn:aws:iam::{cloud.account}:role/x", cloud.client("events")
    change(cloud, rule("kept", targets=()))
    events.put_rule(Name="kept", EventPattern=json.dumps(PATTERN), RoleArn=role)
    change(cloud, rule("kept", targets=(), description="d"))
    assert stored(cloud, "kept")[0]["RoleArn"] == role


def test_rule_foreign_is_refused(cloud: Cloud) -> None:
    events, name = cloud.client("events"), "foreign"
    events.put_rule(Name=name, EventPattern=json.dumps(PATTERN), State="DISABLED")
    events.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": cloud.arn("lambda", "function:f")}])
    keeping = RuleTarget(id="t", arn=cloud.arn("lambda", "function:f"))
    before = stored(cloud, name)[1]
    for settings in (
        rule(name, enabled=True, targets=(keeping,)),
        rule(name, enabled=None),
        rule(name, enabled=None, targets=(keeping,), tags={"a": "b"}),
        absent(name),
    ):
        for check_mode in (True, False):
            with pytest.raises(RefusedError, match="hand it over"):
                run(cloud, settings, check_mode=check_mode)
            assert cloud.writes == []
    found, targets = stored(cloud, name)
    assert (found["State"], targets) == ("DISABLED", before)


def refusal(*entries: tuple[str, str]) -> dict[str, Any]:
    """Return PutTargets' answer as the API reference has it: HTTP 200."""
    failed = [{"TargetId": key, "ErrorCode": code, "ErrorMessage": "because"} for key, code in entries]
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


@pytest.mark.backend("moto")
@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (
            refusal(("a", "LimitExceededException"), ("b", "AccessDeniedException")),
            LimitReachedError,
            "target a: LimitExceededException .because.; target b: AccessDeniedException .because.",
        ),
        ({"FailedEntryCount": 1, "FailedEntries": []}, AwsError, "AWS counts entries that failed, and names none"),
    ],
)
def test_rule_refused_entries_are_an_error(cloud: Cloud, answer: Any, kind: type[Exception], message: str) -> None:
    cloud.answer("PutTargets", answer)
    with pytest.raises(kind, match=f"Could not create target function of event rule refused.*{message}"):
        run(cloud, rule("refused", targets=(FUNCTION,)))


@pytest.mark.backend("moto")
def test_rule_keeps_its_rule_if_targets_cannot_be_removed(cloud: Cloud) -> None:
    run(cloud, rule(targets=(FUNCTION,)))
    cloud.answer("RemoveTargets", refusal(("function", "AccessDeniedException")))
    with pytest.raises(AccessDeniedError, match="Could not delete target function of event rule r"):
        run(cloud, absent("r"))
    assert "DeleteRule" not in cloud.calls


@pytest.mark.backend("moto")
def test_rule_retries_another_writer_also_in_an_entry(cloud: Cloud) -> None:
    busy = "ConcurrentModificationException"
    run(cloud, rule(targets=(FUNCTION,)))
    cloud.answer("RemoveTargets", refusal(("function", busy)))
    cloud.answer("DeleteRule", f"{busy}: again", "ThrottlingException: slow")
    assert run(cloud, absent("r"))["rule"] is None
    assert cloud.writes == ["RemoveTargets"] * 2 + ["DeleteRule"] * 3


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that a retry would wait; they pass at once."""
    found: list[float] = []
    defaults = (60.0, 0.5, 8.0, found.append, lambda: sum(found))
    monkeypatch.setattr(_retry.RetryPolicy.__init__, "__defaults__", defaults)
    monkeypatch.setattr(_retry.random, "uniform", lambda _low, high: high)
    return found


HAS_TARGETS = "ValidationException: Rule can't be deleted since it has targets."


@pytest.mark.backend("moto")
def test_rule_deletion_waits_for_removed_targets_up_to_30_seconds(cloud: Cloud, pauses: list[float]) -> None:
    run(cloud, rule(targets=(FUNCTION,)))
    cloud.answer("DeleteRule", *[HAS_TARGETS] * 30)
    with pytest.raises(ReflectorError, match="since it has targets") as failure:
        run(cloud, replace(absent("r"), wait_seconds=600))
    assert failure.value.done["changes"] == ["delete target function of event rule r"]
    assert 20 < sum(pauses) <= 30
    pauses.clear()
    cloud.answer("DeleteRule", *[HAS_TARGETS] * 3)
    assert run(cloud, absent("r"))["rule"] is None
    assert len(pauses) == 3


@pytest.mark.backend("moto")
def test_rule_write_does_not_wait_for_that_refusal(cloud: Cloud, pauses: list[float]) -> None:
    run(cloud, rule(targets=(FUNCTION,)))
    cloud.answer("RemoveTargets", HAS_TARGETS)
    with pytest.raises(ReflectorError):
        run(cloud, absent("r"))
    assert pauses == []


@pytest.mark.backend("moto")
def test_rule_deleted_by_another_writer_is_no_error(cloud: Cloud) -> None:
    run(cloud, rule(targets=(FUNCTION,)))
    gone = "ResourceNotFoundException: gone"
    cloud.answer("RemoveTargets", gone)
    cloud.answer("DeleteRule", gone)
    cloud.answer("DescribeRule", lambda _request: {"Name": "r", "Arn": cloud.arn("events", "rule/r")}, gone)
    assert run(cloud, absent("r"))["rule"] is None


@pytest.mark.backend("moto")
def test_rule_reads_targets_over_several_pages(cloud: Cloud) -> None:
    run(cloud, rule(targets=()))
    target = {"Arn": cloud.arn("lambda", "function:f")}
    pages = [{"Targets": [{"Id": "a", **target}], "NextToken": "n"}, {"Targets": [{"Id": "b", **target}]}]
    cloud.answer("ListTargetsByRule", *pages)
    planned = run(cloud, rule(targets=()), check_mode=True)
    assert planned["changes"] == ["delete targets a, b of event rule r"]


@pytest.mark.backend("embedded")  # moto does not evaluate policies
def test_rule_deployer_policy_covers_our_rules_only(cloud: Cloud) -> None:
    deployer, name = cloud.as_deployer("events"), "log-reflector-rule"
    for settings in (rule(name), rule(name, enabled=False, targets=(FUNCTION,), tags={"a": "1"}), absent(name)):
        assert change(deployer, settings)["changed"]
    with pytest.raises(AccessDeniedError, match="events:DescribeRule"):
        run(deployer, rule("other"))


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"name": "a b"}, "name"),
        ({"event_pattern": None}, "event_pattern"),
        *(
            ({"schedule_expression": schedule}, "schedule_expression")
            for schedule in ("daily", "rate(1 days)", "rate(0 hours)", "rate(5 minute)", "cron(0 3 * * ?)")
        ),
        ({"targets": (QUEUE, QUEUE)}, "targets.id"),
        ({"targets": (replace(QUEUE, id="a/b"),)}, "targets.id"),
        ({"targets": (replace(QUEUE, arn="f"),)}, "targets.arn"),
        ({"targets": (replace(QUEUE, dead_letter_queue="q.fifo"),)}, "targets.dead_letter_queue"),
        ({"targets": (replace(QUEUE, maximum_retry_attempts=186),)}, "targets.maximum_retry_attempts"),
        ({"targets": (replace(QUEUE, maximum_event_age=59),)}, "targets.maximum_event_age"),
        ({"tags": {"managed-by": "me"}}, "tags"),
    ],
)
def test_rule_wrong_setting_is_refused(settings: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInputError, match=f"the option {option}:"):
        EventRule(Target(None, "eu-west-1"), rule(**settings))


# Plans


def plan(settings: RuleSettings, **attributes: Any) -> list[Any]:
    actual = Rule(**{"name": "r", "arn": "arn:r", "event_pattern": json.dumps(PATTERN), "tags": OWNER, **attributes})
    return EventRule(Target(None, "eu-west-1"), settings).plan(actual)


@pytest.mark.parametrize("schedule", ["rate(1 day)", "rate(10 hours)", "rate(15  minutes)", "cron(0 3 ? * MON-FRI *)"])
def test_rule_plan_accepts_schedules(schedule: str) -> None:
    (changed,) = plan(rule(schedule_expression=schedule, targets=()))
    assert changed.payload[0].request["ScheduleExpression"] == schedule


def test_rule_plan_keeps_a_rule_for_all_management_events() -> None:
    """ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS is more than ENABLED."""
    state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    for enabled, description, expected in (
        (True, "", []),
        (None, "", []),
        (True, "new", [state]),
        (False, "", ["DISABLED"]),
    ):
        changes = plan(rule(enabled=enabled, description=description, targets=()), state=state)
        assert [changed.payload[0].request["State"] for changed in changes] == expected


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


def shuffled(draw: Any, value: Any, *, is_ordered: bool = False) -> Any:
    if isinstance(value, dict):
        keys = draw(st.permutations(list(value)))
        return {key: shuffled(draw, value[key], is_ordered=key == "numeric") for key in keys}
    if isinstance(value, list):
        items = [shuffled(draw, item) for item in value]
        return items if is_ordered else draw(st.permutations(items))
    return value


@given(PATTERNS, st.data())
def test_pattern_order_and_white_space_make_no_difference(pattern: dict[str, Any], data: st.DataObject) -> None:
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
def test_pattern_compares_values_by_type(one: Any, other: Any, same: bool) -> None:
    assert same_pattern(json.dumps(one), json.dumps(other)) is same
