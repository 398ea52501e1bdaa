"""The life of a rule on two servers: announced, made, again, changed, again in other words, deleted, deleted again."""

from __future__ import annotations

import json
from typing import Any

NAME = "it-event-rule"
PATTERN = {
    "source": ["aws.logs", "mine"],
    "detail": {"eventName": ["CreateLogGroup"], "errorCode": [{"exists": False}]},
}
TARGET = {
    "id": "one",
    "arn": "it-function",
    "dead_letter_arn": "it-failed",
    "retry_policy": {"maximum_retry_attempts": 3},
}


def same_announced_and_done(cloud: Any, **options: Any) -> dict[str, Any]:
    """Check mode, the real run, the run after it: announced is what is done, and then nothing is left to do."""
    announced = cloud.run("event_rule", check_mode=True, name=NAME, **options)
    assert announced.get("changed") is True, announced
    done = cloud.run("event_rule", name=NAME, **options)
    assert (done["changes"], done["diff"]) == (announced["changes"], announced["diff"])
    again = cloud.run("event_rule", name=NAME, **options)
    assert (again["changed"], again["changes"], again["diff"]) == (False, [], [])
    return done


def test_rhythm(cloud: Any) -> None:
    created = same_announced_and_done(cloud, event_pattern=PATTERN, description="d", targets=[TARGET], tags={"a": "1"})
    assert created["changes"] == [f"create event rule {NAME}", f"create target one of event rule {NAME}"]
    assert created["diff"][0]["after"]["event_pattern"] == PATTERN
    assert created["rule"]["enabled"] is True
    (target,) = created["rule"]["targets"]
    assert target["arn"].endswith(":function:it-function")
    assert target["dead_letter_arn"].endswith(":it-failed")
    assert target["retry_policy"]["maximum_retry_attempts"] == 3

    changed = same_announced_and_done(
        cloud,
        enabled=False,
        schedule_expression="rate(5 minutes)",
        tags={"b": "2"},
        targets=[
            {"id": "two", "arn": "it-function", "input": {"a": 1}},
            {**TARGET, "retry_policy": {"maximum_event_age": 60}},
        ],
    )
    assert changed["changes"] == [
        f"update tags of event rule {NAME}",
        f"update event rule {NAME}",
        f"update targets two, one of event rule {NAME}",
    ]
    rule = changed["rule"]
    assert (rule["enabled"], rule["description"], rule["event_pattern"]) == (False, "d", PATTERN)
    assert rule["tags"] == {"b": "2", "managed-by": "logreflector.aws"}
    one = next(item for item in rule["targets"] if item["id"] == "one")
    assert one["retry_policy"] == {"maximum_retry_attempts": 3, "maximum_event_age": 60}

    shuffled = {"detail": PATTERN["detail"], "source": PATTERN["source"][::-1]}
    targets = [TARGET, {"id": "two", "arn": "it-function", "input": '{ "a": 1 }'}]
    again = cloud.run("event_rule", name=NAME, event_pattern=json.dumps(shuffled, indent=2), targets=targets)
    assert again["changed"] is False

    replaced = same_announced_and_done(
        cloud, targets=[{"id": "two", "arn": "it-function", "input_path": "$.detail"}], purge_targets=True
    )
    assert [item["id"] for item in replaced["rule"]["targets"]] == ["two"]
    assert "input" not in replaced["rule"]["targets"][0]
    assert same_announced_and_done(cloud, description="")["rule"]["description"] == ""

    deleted = same_announced_and_done(cloud, state="absent")
    assert deleted["rule"] is None
    assert cloud.client("events").list_rules(NamePrefix=NAME)["Rules"] == []


def test_a_fifo_queue_as_the_target(cloud: Any) -> None:
    name, queue = "it-to-fifo", "it-rule-work.fifo"
    cloud.run("dead_letter_queue", name=queue, content_based_deduplication=True)
    arn = "arn:{partition}:sqs:{region}:{account}:" + queue
    target = {"id": "queue", "arn": arn, "message_group_id": "all"}
    options = {"name": name, "event_pattern": {"source": ["it"]}, "targets": [target]}
    announced = cloud.run("event_rule", check_mode=True, **options)
    created = cloud.run("event_rule", **options)
    assert created["diff"] == announced["diff"]
    (shown,) = created["rule"]["targets"]
    assert (shown["arn"].endswith(f":{queue}"), shown["message_group_id"]) == (True, "all")
    assert cloud.run("event_rule", **options)["changed"] is False
    changed = cloud.run("event_rule", name=name, targets=[{**target, "message_group_id": "one"}])
    assert changed["rule"]["targets"][0]["message_group_id"] == "one"
    assert cloud.run("event_rule", name=name, state="absent")["changed"] is True
    assert cloud.run("dead_letter_queue", name=queue, state="absent")["changed"] is True


def test_a_foreign_rule(cloud: Any) -> None:
    events = cloud.client("events")
    events.put_rule(Name="it-foreign", EventPattern=json.dumps(PATTERN))
    for options in ({"enabled": False}, {"state": "absent"}, {"targets": [TARGET]}):
        assert cloud.run("event_rule", name="it-foreign", **options)["error"]["kind"] == "RefusedError"
    assert events.describe_rule(Name="it-foreign")["State"] == "ENABLED"
    assert cloud.run("event_rule", name="it-foreign", state="absent", force=True)["changed"] is True
