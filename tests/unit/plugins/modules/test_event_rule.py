"""Conversations of event_rule with EventBridge: which calls, in which order, and none that is not needed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _retry

PATTERN = {"source": ["aws.logs"], "detail": {"eventName": ["CreateLogGroup"], "errorCode": [{"exists": False}]}}
TARGET = {
    "id": "subscriber",
    "arn": "log-subscriber",
    "dead_letter_arn": "failed",
    "retry_policy": {"maximum_retry_attempts": 3, "maximum_event_age": 600},
}
ARN = "arn:aws:events:eu-west-1:123456789012:rule/r"
MARK = {"Key": "managed-by", "Value": "logreflector.aws"}


def test_life_of_a_rule(aws: Any) -> None:
    options = {"name": "r", "event_pattern": PATTERN, "description": "d", "targets": [TARGET], "tags": {"a": "b"}}
    announced = aws.run("event_rule", check_mode=True, **options)
    assert aws.writes == []
    assert announced["rule"] is None

    created = aws.run("event_rule", **options)
    assert aws.writes == ["PutRule", "PutTargets"]
    assert created["changes"] == announced["changes"]
    assert created["diff"] == announced["diff"]
    assert created["rule"]["event_pattern"] == PATTERN
    assert created["rule"]["tags"] == {"a": "b", "managed-by": "logreflector.aws"}
    (target,) = created["rule"]["targets"]
    assert target == {
        "id": "subscriber",
        "arn": "arn:aws:lambda:eu-west-1:123456789012:function:log-subscriber",
        "dead_letter_arn": "arn:aws:sqs:eu-west-1:123456789012:failed",
        "retry_policy": {"maximum_retry_attempts": 3, "maximum_event_age": 600},
    }

    shuffled = {**PATTERN, "detail": dict(reversed(PATTERN["detail"].items()))}
    again = aws.run("event_rule", **{**options, "event_pattern": json.dumps(shuffled, indent=1)})
    assert again["changed"] is False
    assert aws.calls == ["DescribeRule", "ListTargetsByRule", "ListTagsForResource"]

    switched = aws.run("event_rule", name="r", enabled=False)
    assert aws.writes == ["PutRule"]
    assert (switched["rule"]["enabled"], switched["rule"]["description"]) == (False, "d")
    assert switched["rule"]["event_pattern"] == PATTERN
    assert aws.run("event_rule", name="r", description="e")["rule"]["enabled"] is False

    assert aws.run("event_rule", name="r", state="absent", check_mode=True)["changed"] is True
    assert aws.writes == []
    gone = aws.run("event_rule", name="r", state="absent")
    assert aws.writes == ["RemoveTargets", "DeleteRule"]
    assert gone["rule"] is None
    assert aws.run("event_rule", name="r", state="absent")["changed"] is False
    assert aws.calls == ["DescribeRule"]


def test_the_least_calls_of_a_run_without_changes(aws: Any) -> None:
    aws.run("event_rule", name="r", event_pattern=PATTERN, targets=[TARGET])
    assert aws.run("event_rule", name="r", event_pattern=PATTERN, targets=[TARGET])["changed"] is False
    assert aws.calls == ["DescribeRule", "ListTargetsByRule"]
    assert aws.run("event_rule", name="r", event_pattern=PATTERN)["changed"] is False
    assert aws.calls == ["DescribeRule"]


def test_targets_are_added_and_changed_in_one_call_and_purged_after_it(aws: Any) -> None:
    aws.run("event_rule", name="r", event_pattern=PATTERN, targets=[TARGET, {"id": "old", "arn": "f"}])
    given = [{**TARGET, "input_path": "$.detail"}, {"id": "new", "arn": "g", "input": {"a": 1}}]
    kept = aws.run("event_rule", name="r", targets=given, check_mode=True)
    assert kept["changes"] == ["update targets subscriber, new of event rule r"]
    assert kept["rule"]["foreign_targets"] == ["old"]
    purged = aws.run("event_rule", name="r", targets=given, purge_targets=True)
    assert aws.writes == ["PutTargets", "RemoveTargets"]
    assert [item["id"] for item in purged["rule"]["targets"]] == ["new", "subscriber"]
    assert [item.get("input_path") for item in purged["rule"]["targets"]] == [None, "$.detail"]
    assert aws.run("event_rule", name="r", targets=given[::-1], purge_targets=True)["changed"] is False


def test_a_role_that_is_taken_away(aws: Any) -> None:
    aws.run("event_rule", name="r", event_pattern=PATTERN, role_arn="arn:aws:iam::123456789012:role/x")
    assert aws.run("event_rule", name="r", role_arn="")["rule"]["role_arn"] == ""


def test_tags(aws: Any) -> None:
    aws.run("event_rule", name="r", schedule_expression="rate(5 minutes)", tags={"a": "1", "b": "2"})
    changed = aws.run("event_rule", name="r", tags={"b": "3"})
    assert aws.writes == ["UntagResource", "TagResource"]
    assert changed["rule"]["tags"] == {"b": "3", "managed-by": "logreflector.aws"}
    assert aws.run("event_rule", name="r", tags={"c": "4"}, purge_tags=False)["rule"]["tags"]["b"] == "3"


def test_a_rule_on_another_bus(aws: Any) -> None:
    aws.client("events").create_event_bus(Name="mine")
    options = {"name": "r", "event_bus_name": "mine", "event_pattern": PATTERN, "targets": [TARGET]}
    assert aws.run("event_rule", **options)["rule"]["arn"].endswith(":rule/mine/r")
    assert aws.run("event_rule", **options)["changed"] is False
    assert aws.run("event_rule", name="r", state="absent")["changed"] is False, "the default bus has no such rule"
    assert aws.run("event_rule", name="r", event_bus_name="mine", state="absent")["changed"] is True


def test_a_foreign_rule_stays_byte_by_byte(aws: Any) -> None:
    events = aws.client("events")
    events.put_rule(Name="r", EventPattern=json.dumps(PATTERN), State="DISABLED")
    events.put_targets(Rule="r", Targets=[{"Id": "t", "Arn": "arn:aws:sqs:eu-west-1:123456789012:q"}])

    def everything() -> Any:
        answers = [events.describe_rule(Name="r"), events.list_targets_by_rule(Rule="r")]
        return [{**answer, "ResponseMetadata": None} for answer in answers]

    before = everything()
    assert aws.run("event_rule", name="r", event_pattern=PATTERN)["changed"] is False
    for options in ({"enabled": True}, {"targets": [TARGET]}, {"tags": {"a": "b"}}, {"state": "absent"}):
        for check_mode in (True, False):
            refused = aws.run("event_rule", name="r", check_mode=check_mode, **options)
            assert refused["error"]["kind"] == "RefusedError"
            assert aws.writes == []
    assert everything() == before

    assert aws.run("event_rule", name="r", enabled=True, adopt=True)["changed"] is True
    assert aws.writes == ["TagResource", "PutRule"]
    assert aws.run("event_rule", name="r", enabled=True, adopt=True)["changed"] is False
    assert aws.run("event_rule", name="r", state="absent")["changed"] is True


def standing(stub: Any, targets: list[dict[str, Any]], *, tags: bool = True) -> None:
    rule = {"Name": "r", "Arn": ARN, "EventPattern": json.dumps(PATTERN), "State": "ENABLED", "EventBusName": "default"}
    stub.add_response("describe_rule", rule)
    stub.add_response("list_targets_by_rule", {"Targets": targets} if targets else {})
    if tags:
        stub.add_response("list_tags_for_resource", {"Tags": [MARK]})


def refusal(*entries: tuple[str, str]) -> dict[str, Any]:
    """PutTargets' answer as the API reference has it: HTTP 200."""
    failed = [{"TargetId": key, "ErrorCode": code, "ErrorMessage": "because"} for key, code in entries]
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}


def test_entries_that_are_refused_are_an_error_that_names_each(aws: Any) -> None:
    stub = aws.stub("events")
    standing(stub, [])
    stub.add_response("put_targets", refusal(("a", "LimitExceededException"), ("b", "AccessDeniedException")))
    arn = "arn:aws:sqs:eu-west-1:123456789012:q"
    failed = aws.run("event_rule", name="r", targets=[{"id": "a", "arn": arn}, {"id": "b", "arn": arn}])
    stub.assert_no_pending_responses()
    assert failed["failed"]
    assert failed["changed"] is False
    assert (failed["error"]["kind"], failed["error"]["code"]) == ("LimitReachedError", "LimitExceededException")
    assert "target a: LimitExceededException (because); target b: AccessDeniedException (because)" in failed["msg"]
    assert "Could not create targets a, b of event rule r" in failed["msg"]


def test_a_count_without_entries_is_an_error_too(aws: Any) -> None:
    stub = aws.stub("events")
    standing(stub, [])
    stub.add_response("put_targets", {"FailedEntryCount": 1, "FailedEntries": []})
    failed = aws.run("event_rule", name="r", targets=[{"id": "a", "arn": "arn:aws:sqs:eu-west-1:1:q"}])
    assert "AWS counts entries that failed, and names none" in failed["msg"]


def test_targets_that_cannot_be_removed_keep_the_rule(aws: Any) -> None:
    stub = aws.stub("events")
    standing(stub, [{"Id": "a", "Arn": ARN}])
    stub.add_response("remove_targets", refusal(("a", "AccessDeniedException")))
    failed = aws.run("event_rule", name="r", state="absent")
    stub.assert_no_pending_responses()
    assert "Could not delete target a of event rule r" in failed["msg"]
    assert "DeleteRule" not in aws.calls


def test_another_writer_is_waited_for_also_where_an_entry_says_so(aws: Any) -> None:
    stub = aws.stub("events")
    standing(stub, [{"Id": "a", "Arn": ARN}])
    stub.add_response("remove_targets", refusal(("a", "ConcurrentModificationException")))
    stub.add_response("remove_targets", {"FailedEntryCount": 0, "FailedEntries": []})
    stub.add_client_error("delete_rule", "ConcurrentModificationException")
    stub.add_response("delete_rule", {})
    stub.add_client_error("describe_rule", "ResourceNotFoundException")
    assert aws.run("event_rule", name="r", state="absent")["rule"] is None
    stub.assert_no_pending_responses()


def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time that would pass, passes at once; the pauses are given."""
    pauses: list[float] = []
    defaults = (60.0, 0.5, 8.0, pauses.append, lambda: sum(pauses))
    monkeypatch.setattr(_retry.RetryPolicy.__init__, "__defaults__", defaults)
    return pauses


def test_targets_that_are_still_seen_after_their_removal_are_waited_for(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = no_waiting(monkeypatch)
    stub = aws.stub("events")
    standing(stub, [{"Id": "a", "Arn": ARN}])
    stub.add_response("remove_targets", {"FailedEntryCount": 0, "FailedEntries": []})
    for _unused in range(3):
        stub.add_client_error("delete_rule", "ValidationException", "Rule can't be deleted since it has targets.")
    stub.add_response("delete_rule", {})
    stub.add_client_error("describe_rule", "ResourceNotFoundException")
    assert aws.run("event_rule", name="r", state="absent")["rule"] is None
    assert len(pauses) == 3
    stub.assert_no_pending_responses()


def test_targets_that_stay_are_not_waited_for_for_ever(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = no_waiting(monkeypatch)
    stub = aws.stub("events")
    standing(stub, [{"Id": "a", "Arn": ARN}])
    stub.add_response("remove_targets", {"FailedEntryCount": 0, "FailedEntries": []})
    for _unused in range(30):
        stub.add_client_error("delete_rule", "ValidationException", "Rule can't be deleted since it has targets.")
    failed = aws.run("event_rule", name="r", state="absent", wait_timeout=600)
    assert "since it has targets" in failed["msg"]
    assert failed["changes"] == ["delete target a of event rule r"]
    assert 20 < sum(pauses) <= 30


def test_only_the_deletion_waits_for_that(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = no_waiting(monkeypatch)
    stub = aws.stub("events")
    standing(stub, [{"Id": "a", "Arn": ARN}])
    stub.add_client_error("remove_targets", "ValidationException", "Rule can't be deleted since it has targets.")
    assert aws.run("event_rule", name="r", state="absent")["error"]["code"] == "ValidationException"
    assert pauses == []


def test_what_is_gone_already_is_no_error(aws: Any) -> None:
    stub = aws.stub("events")
    standing(stub, [{"Id": "a", "Arn": ARN}])
    stub.add_client_error("remove_targets", "ResourceNotFoundException")
    stub.add_client_error("delete_rule", "ResourceNotFoundException")
    stub.add_client_error("describe_rule", "ResourceNotFoundException")
    assert aws.run("event_rule", name="r", state="absent")["rule"] is None
    stub.assert_no_pending_responses()


def test_targets_over_several_pages(aws: Any) -> None:
    stub = aws.stub("events")
    rule = {"Name": "r", "Arn": ARN, "EventPattern": json.dumps(PATTERN), "State": "ENABLED", "EventBusName": "default"}
    stub.add_response("describe_rule", rule)
    target = {"Arn": "arn:aws:lambda:eu-west-1:123456789012:function:f"}
    stub.add_response("list_targets_by_rule", {"Targets": [{"Id": "a", **target}], "NextToken": "n"})
    stub.add_response("list_targets_by_rule", {"Targets": [{"Id": "b", **target}]})
    result = aws.run("event_rule", name="r", targets=[{"id": "b", "arn": "f"}])
    stub.assert_no_pending_responses()
    assert result["changed"] is False
    assert result["rule"]["foreign_targets"] == ["a"]


def test_two_kinds_of_input_are_refused(aws: Any) -> None:
    target = {"id": "a", "arn": "f", "input": "1", "input_path": "$.x"}
    failed = aws.run("event_rule", name="r", event_pattern=PATTERN, targets=[target])
    assert "mutually exclusive" in failed["msg"]
    assert aws.calls == []
