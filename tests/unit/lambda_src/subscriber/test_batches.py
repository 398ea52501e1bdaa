# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SQS batches: each message fails alone, and only failed messages are retried, soon."""

from __future__ import annotations

import importlib
import json
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from subscriber_support import (
    ACCOUNT,
    GROUP,
    OURS,
    QUEUE,
    REGION,
    SWEEP_AT,
    Aws,
    Context,
    batch,
    event,
    event_of,
    failures,
    now,
    schedule,
    settle_event,
    tag_event,
)

ACCESS_DENIED = ("AccessDeniedException", "not authorized")


def denied(*groups: str) -> Any:
    return lambda operation, request: (
        ACCESS_DENIED if operation == "PutSubscriptionFilter" and request["logGroupName"] in groups else None
    )


def visibility(server: Aws) -> dict[str, int]:
    return {
        request["ReceiptHandle"]: request["VisibilityTimeout"] for request in server.asked("ChangeMessageVisibility")
    }


def test_all_groups_of_a_batch_are_subscribed_and_announced_together(start: Any) -> None:
    groups = [f"/app/{number}" for number in range(10)]
    server = Aws(*groups)
    answer = start(server).handler(batch(*map(event_of, groups)), Context())
    assert answer == {"batchItemFailures": []}
    assert all(len(filters) == 1 for filters in server.groups.values())
    assert all(server.tags[group] for group in groups)
    assert len(server.asked("SendMessage")) == 1
    assert sorted(server.announced()) == groups


def test_batch_continues_after_a_failure_and_retries_only_that_message(start: Any) -> None:
    server = Aws("/app/1", "/app/2", "/app/3")
    server.spoil = denied("/app/2")
    answer = start(server).handler(batch(*map(event_of, server.groups)), Context())
    assert failures(answer) == ["message-1"]
    assert visibility(server) == {"receipt-1": 30}
    (request,) = server.asked("ChangeMessageVisibility")
    assert request["QueueUrl"].endswith(f"/{ACCOUNT}/{QUEUE.rpartition(':')[2]}")
    assert [len(server.groups[name]) for name in ("/app/1", "/app/2", "/app/3")] == [1, 0, 1]
    assert sorted(server.announced()) == ["/app/1", "/app/3"]


@pytest.mark.parametrize(
    "body", ["{", "null", "[]", '"x"', "{}", json.dumps({"detail": {"eventName": "DeleteLogGroup"}})]
)
def test_invalid_event_goes_to_the_dead_letters_at_once(
    start: Any, capsys: pytest.CaptureFixture[str], body: str
) -> None:
    server = Aws(GROUP)
    answer = start(server).handler(batch(body, event()), Context())
    assert failures(answer) == ["message-0"]
    assert visibility(server) == {"receipt-0": 0}
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told[0]["outcome"] == "refused"
    assert "Could not parse an event" in told[0]["reason"]
    assert told[1]["outcome"] == "created"


def test_message_without_body_is_invalid(start: Any) -> None:
    messages = batch(event())
    del messages["Records"][0]["body"]
    assert failures(start(Aws(GROUP)).handler(messages, Context())) == ["message-0"]


def test_visibility_that_cannot_be_changed_is_reported_and_no_failure(
    start: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Aws()
    server.refusals["ChangeMessageVisibility"] = "AccessDenied"
    assert failures(start(server).handler(batch("{"), Context())) == ["message-0"]
    assert "waits for the visibility time-out" in capsys.readouterr().out


def test_repeated_event_in_a_batch_is_processed_once(start: Any) -> None:
    server = Aws(GROUP)
    assert start(server).handler(batch(event(), event(), event()), Context()) == {"batchItemFailures": []}
    assert server.operations().count("PutSubscriptionFilter") == 1
    assert server.announced() == [GROUP]


def test_failed_announcement_is_retried(start: Any) -> None:
    server = Aws(GROUP)
    server.lost_messages = 1
    worker = start(server)
    assert failures(worker.handler(batch(event()), Context())) == ["message-0"]
    server.others.clear()
    assert failures(worker.handler(batch(event()), Context())) == []
    assert server.announced() == [GROUP]
    assert server.operations().count("PutSubscriptionFilter") == 1


def test_killed_function_announces_on_retry(start: Any) -> None:
    server = Aws(GROUP)
    server.lost_messages = 1
    start(server).handler(batch(event()), Context())
    server.others.clear()
    assert failures(start(server).handler(batch(event()), Context())) == []  # another worker
    assert server.announced() == [GROUP]


def test_group_subscribed_by_catch_up_is_still_backfilled(start: Any) -> None:
    server = Aws()
    server.add_filter(GROUP, "by-the-catch-up", "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector")
    start(server).handler(batch(event()), Context())
    assert server.announced() == [GROUP]


def test_late_event_of_a_group_that_is_subscribed_long_since_announces_nothing(start: Any) -> None:
    server = Aws()
    ours = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector"
    server.add_filter(GROUP, "long-since", ours, creationTime=1_700_000_000_000)
    assert failures(start(server).handler(batch(event()), Context())) == []
    assert server.announced() == []


def test_without_backfill_and_retention_nothing_is_announced(start: Any) -> None:
    server = Aws(GROUP)
    start(server, backfill_seconds=0).handler(batch(event()), Context())
    assert len(server.groups[GROUP]) == 1
    assert server.asked("SendMessage") == []


@pytest.mark.parametrize("operation", ["GetFunctionConfiguration", "DescribeFlowLogs"])
def test_unknown_own_log_groups_stop_subscriptions(
    start: Any, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Aws(GROUP)
    server.functions["log-reflector"] = {"VpcConfig": {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"]}}
    server.refusals[operation] = "AccessDeniedException"
    worker = start(server)
    assert failures(worker.handler(batch(event()), Context())) == ["message-0"]
    assert f"The caller needs the IAM action for {operation}" in capsys.readouterr().out
    assert server.operations() == ["DescribeAccountPolicies"]
    del server.refusals[operation]  # read again for the next message
    assert failures(worker.handler(batch(event()), Context())) == []


def test_own_log_groups_are_read_once_and_excluded(start: Any) -> None:
    server = Aws("/custom/reflector", "/custom/subscriber", "/vpc/flow", GROUP)
    server.functions["log-reflector"] = {
        "LoggingConfig": {"LogGroup": "/custom/reflector"},
        "VpcConfig": {"VpcId": "vpc-1", "SubnetIds": ["subnet-1"]},
    }
    server.functions["log-reflector-subscriber"] = {"LoggingConfig": {"LogGroup": "/custom/subscriber"}}
    server.flow_logs = [{"LogGroupName": "/vpc/flow"}]
    worker = start(server)
    for _unused in range(2):
        assert failures(worker.handler(batch(*map(event_of, server.groups)), Context())) == []
    assert [name for name, filters in server.groups.items() if filters] == [GROUP]
    assert len(server.asked("GetFunctionConfiguration")) == 2
    (request,) = server.asked("DescribeFlowLogs")
    assert {"Name": "resource-id", "Values": ["vpc-1", "subnet-1"]} in request["Filters"]


def test_own_log_groups_are_read_again_after_a_minute(start: Any, sleeps: list[float]) -> None:
    server = Aws("/custom/reflector", GROUP)
    worker = start(server)
    worker.handler(batch(event_of(GROUP)), Context())
    server.functions["log-reflector"] = {"LoggingConfig": {"LogGroup": "/custom/reflector"}}
    sleeps.append(61)
    worker.handler(batch(event_of("/custom/reflector")), Context())
    assert server.groups["/custom/reflector"] == {}


TAGS = {"include_tags": {"logs": ["on", "x"]}}


@pytest.mark.parametrize("call", ["TagResource", "TagLogGroup"])
def test_group_that_gets_the_tag_is_subscribed(start: Any, call: str) -> None:
    server = Aws(GROUP)
    server.tags[GROUP] = {"logs": "on"}
    start(server, **TAGS).handler(batch(tag_event(GROUP, "logs", call=call)), Context())
    assert len(server.groups[GROUP]) == 1
    assert server.announced() == []  # created in 2015: only events from now on


def test_group_that_is_new_and_gets_the_tag_has_its_first_lines_sent(start: Any) -> None:
    server = Aws(GROUP)
    server.tags[GROUP] = {"logs": "on"}
    server.created[GROUP] = 4_000_000_000_000
    start(server, **TAGS).handler(batch(tag_event(GROUP, "logs")), Context())
    assert server.announced() == [GROUP]


@pytest.mark.parametrize("call", ["UntagResource", "UntagLogGroup"])
def test_group_that_loses_its_tag_is_unsubscribed(start: Any, call: str) -> None:
    server = Aws(GROUP)
    server.add_filter(GROUP, "theirs", "arn:aws:lambda:eu-west-1:222222222222:function:theirs")
    server.tags[GROUP] = {"logs": "on"}
    worker = start(server, **TAGS)
    worker.handler(batch(event()), Context())
    assert len(server.groups[GROUP]) == len(server.tags[GROUP]) == 2
    server.tags[GROUP].pop("logs")
    assert failures(worker.handler(batch(tag_event(GROUP, "logs", call=call)), Context())) == []
    assert list(server.groups[GROUP]) == ["theirs"]
    assert server.tags[GROUP] == {}


def test_current_tags_decide_not_a_late_event(start: Any) -> None:
    server = Aws(GROUP)
    late = event()
    late["detail"]["requestParameters"]["tags"] = {"logs": "on"}
    start(server, **TAGS).handler(batch(late, tag_event(GROUP, "logs")), Context())
    assert server.groups[GROUP] == {}


@pytest.mark.parametrize(
    "keys", [["logreflector.aws/subscribed/log-reflector"], ["team"], ["team", "logreflector.aws/subscribed/x"]]
)
def test_irrelevant_tags_cost_no_call(start: Any, keys: list[str]) -> None:
    server = Aws(GROUP)
    worker = start(server, **TAGS)
    assert failures(worker.handler(batch(tag_event(GROUP, *keys)), Context())) == []
    assert server.calls == server.others == []


def test_tags_of_deleted_and_of_longer_names_are_harmless(start: Any) -> None:
    server = Aws("/app/longer")
    server.tags["/app/longer"] = {"logs": "on"}
    answer = start(server, **TAGS).handler(tag_event("/app", "logs"), Context())
    assert (answer["log_group"], answer["outcome"]) == ("/app", "gone")
    assert server.groups["/app/longer"] == {}


def test_settings_too_long_for_the_environment_come_from_a_parameter(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Aws(GROUP, "/other")
    server.parameters["/log-reflector/subscriber:3"] = json.dumps({"include": ["/other"]})
    worker = start(server)
    monkeypatch.setenv("SUBSCRIPTIONS", "ssm:/log-reflector/subscriber:3#0123456789ab")
    worker.handler(batch(event(), event_of("/other")), Context())
    assert [name for name, filters in server.groups.items() if filters] == ["/other"]
    # The module makes it a SecureString: without decryption AWS answers with the ciphertext.
    asked = {"Name": "/log-reflector/subscriber:3", "WithDecryption": True}
    assert server.asked("GetParameter") == [asked]


def test_no_time_for_the_long_work_is_a_failure_and_the_short_is_done(start: Any) -> None:
    server = Aws(GROUP)
    answer = start(server).handler(batch(schedule(), settle_event(GROUP), event()), Context(11))
    assert failures(answer) == ["message-0", "message-1"]
    assert len(server.groups[GROUP]) == 1


MEMBERS = ["detail", "detail-type", "source", "time", "eventName", "requestParameters", "logGroupName", "resourceArn"]
MEMBERS += ["tags", "tagKeys", "groups", "name", "not_before", "position", "counts", "slice", "started", "errorCode"]
VALUES = [
    "CreateLogGroup",
    "TagResource",
    "UntagLogGroup",
    "logreflector.subscriber",
    "Scheduled Event",
    "Sweep continued",
]
VALUES += ["Groups subscribed", SWEEP_AT, "2026-11-22", "a:log-group:/x", "/x"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=15,
)


PLACE: Any = SimpleNamespace(account=ACCOUNT, region=REGION)


@pytest.fixture
def parser(start: Any) -> ModuleType:
    start(Aws())
    return importlib.import_module("subscriber.events")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(json_values)
def test_parser_accepts_or_refuses_any_json(parser: Any, value: Any) -> None:
    try:
        work = parser.parse_event(value, PLACE, now())
    except parser.InvalidEventError:
        return
    assert isinstance(work, parser.Work)


names = st.from_regex(r"[-._/#A-Za-z0-9]{1,40}", fullmatch=True)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names, st.sampled_from(["CreateLogGroup", "TagResource", "UntagResource", "TagLogGroup", "UntagLogGroup"]))
def test_every_log_group_is_read_from_every_call(parser: Any, name: str, call: str) -> None:
    told = event_of(name) if call == "CreateLogGroup" else tag_event(name, "logs", call=call)
    work = parser.parse_event(told, PLACE, now())
    assert work.log_group == name
    if call == "CreateLogGroup":
        assert work.created == 1_795_341_600_000  # the call's time, not the event's
    else:
        assert work.keys == {"logs"}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 10**6), st.text(), names, st.dictionaries(st.text(), st.integers(0, 2**53 - 1), max_size=50))
def test_slice_message_is_read_back_unchanged(parser: Any, number: int, page: str, after: str, counts: Any) -> None:
    handed_over = parser.SweepSlice(SWEEP_AT, number, parser.Position(page, after), counts)
    told = {"source": parser.SOURCE, "detail-type": "Sweep continued", "detail": handed_over.detail()}
    assert parser.parse_event(json.loads(json.dumps(told)), PLACE, now()) == handed_over


def policy_to(destination: str) -> dict[str, Any]:
    return {"policyName": "p", "policyDocument": json.dumps({"DestinationArn": destination, "FilterPattern": ""})}


def test_account_policy_prevents_filters(start: Any) -> None:
    server = Aws("/app/1", "/app/2")
    server.policies = [policy_to(OURS)]
    handler = start(server).handler
    assert handler(batch(event_of("/app/1")), Context()) == {"batchItemFailures": []}
    assert handler(event_of("/app/2"), Context())["reason"] == "the account policy serves it"
    assert "account policy" in handler(schedule(), Context())["outcome"]
    assert not any(server.groups.values())
    server.policies = []
    assert handler(event_of("/app/2"), Context())["outcome"] == "created"  # the next event finds it


@pytest.mark.parametrize("policies", [[], [policy_to(OURS + "-of-others")]])
def test_missing_account_policy_is_cached(start: Any, policies: list[dict[str, Any]]) -> None:
    server = Aws("/app/1", "/app/2")
    server.policies = policies
    handler = start(server).handler
    assert [handler(event_of(name), Context())["outcome"] for name in server.groups] == ["created"] * 2
    assert server.operations().count("DescribeAccountPolicies") == 1


@pytest.mark.parametrize("code", ["AccessDeniedException", "UnknownOperationException"])
def test_unreadable_account_policy_is_a_note(start: Any, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a permission that filters do not need, no log group was subscribed."""
    server = Aws("/app/1")
    server.spoil = lambda operation, _request: (code, "no") if operation == "DescribeAccountPolicies" else None
    assert failures(start(server).handler(batch(event_of("/app/1")), Context())) == []
    assert len(server.groups["/app/1"]) == 1
    assert "the policies cannot be read" in capsys.readouterr().out
