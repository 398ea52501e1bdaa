# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One event of EventBridge at a time: new groups, excluded groups, and refused events."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from subscriber_support import ACCOUNT, GROUP, MARK, NAME, OURS, THEIRS, Aws, Context, event, event_of


def test_new_group_is_subscribed(start: Any, capsys: pytest.CaptureFixture[str]) -> None:
    server = Aws(GROUP)
    answer = start(server).handler(event(), Context())
    assert answer == {"log_group": GROUP, "outcome": "created", "reason": ""}
    assert json.loads(capsys.readouterr().out) == answer
    assert list(server.groups[GROUP]) == [NAME]
    assert server.groups[GROUP][NAME]["destinationArn"] == OURS
    assert list(server.tags[GROUP]) == [MARK]


def test_same_event_twice_is_one_filter(start: Any) -> None:
    server = Aws(GROUP)
    handler = start(server).handler
    handler(event(), Context())
    server.calls.clear()
    assert handler(event(), Context())["outcome"] == "subscribed"
    assert "PutSubscriptionFilter" not in server.operations()
    assert len(server.groups[GROUP]) == 1
    assert server.announced() == [GROUP]


def test_failed_call_is_ignored_without_a_call_of_ours(start: Any) -> None:
    server = Aws(GROUP)
    answer = start(server).handler(event("failed"), Context())
    assert (answer["outcome"], answer["log_group"]) == ("ignored", GROUP)
    assert "ResourceAlreadyExistsException" in answer["reason"]
    assert server.calls == []


def test_call_that_was_refused_before_its_parameters_were_read_is_ignored_too(start: Any) -> None:
    refused = event("failed")
    refused["detail"].update(errorCode="AccessDenied", requestParameters=None)
    assert start(Aws()).handler(refused, Context())["outcome"] == "ignored"


def test_infrequent_access_is_not_possible(start: Any) -> None:
    server = Aws("/archive/batch")
    answer = start(server).handler(event("infrequent_access"), Context())
    assert answer["outcome"] == "not_possible"
    assert "INFREQUENT_ACCESS" in answer["reason"]
    assert server.operations() == ["DescribeAccountPolicies"]


def test_new_delivery_group_gets_a_filter_to_firehose_and_no_earlier_events(start: Any) -> None:
    """The reflector receives nothing of it, so there is nothing to send to it and no retention to set."""
    stream = "arn:aws:firehose:eu-west-1:222222222222:deliverystream/logs"
    named = event()
    named["detail"]["requestParameters"]["logGroupClass"] = "DELIVERY"
    server = Aws(GROUP)
    server.classes[GROUP] = "DELIVERY"
    placeholders = "arn:{partition}:firehose:{region}:{account}:deliverystream/logs"
    answer = start(server, delivery_stream=placeholders, retention_days=30).handler(named, Context())
    assert answer["outcome"] == "created"
    made = server.groups[GROUP][NAME]
    assert (made["destinationArn"], made["roleArn"]) == (stream, f"arn:aws:iam::{ACCOUNT}:role/log-reflector-delivery")
    assert server.announced() == []
    assert MARK in server.tags[GROUP]


def test_class_that_is_named_standard_is_standard(start: Any) -> None:
    named = event()
    named["detail"]["requestParameters"]["logGroupClass"] = "STANDARD"
    assert start(Aws(GROUP)).handler(named, Context())["outcome"] == "created"


@pytest.mark.parametrize(
    ("settings", "group"),
    [
        ({"exclude": ["/aws/codebuild/*"]}, "/aws/codebuild/x"),
        ({"include": ["re:^/app/"]}, GROUP),
        ({}, "/aws/lambda/log-reflector"),
        ({}, "/aws/lambda/log-reflector-subscriber"),
        ({"own_functions": ["enricher"]}, "/aws/lambda/enricher"),
        ({"own_log_groups": ["/platform/reflector"]}, "/platform/reflector"),
        ({"own_log_groups": ["/platform/reflector"]}, "/aws/lambda/log-reflector"),
        ({"include": ["*"]}, "/aws/lambda/log-reflector"),
    ],
)
def test_excluded_groups_and_those_of_the_delivery_are_left_out(start: Any, settings: Any, group: str) -> None:
    server = Aws(group)
    assert start(server, **settings).handler(event_of(group), Context())["outcome"] == "excluded"
    assert server.operations() == ["DescribeAccountPolicies"]


def test_own_log_group_is_known_under_any_name(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_GROUP_NAME", "/platform/subscriber")
    server = Aws("/platform/subscriber")
    assert start(server).handler(event_of("/platform/subscriber"), Context())["outcome"] == "excluded"
    assert server.operations() == ["DescribeAccountPolicies"]


@pytest.mark.parametrize("reflector", ["log-reflector", OURS])
def test_reflector_is_named_by_name_or_arn(start: Any, reflector: str) -> None:
    server = Aws(GROUP)
    start(server, reflector).handler(event(), Context())
    assert server.groups[GROUP][NAME]["destinationArn"] == OURS


def test_attributes_of_the_configuration_are_used(start: Any) -> None:
    server = Aws(GROUP)
    attributes = {
        "filter_pattern": "ERROR",
        "emit_system_fields": ["@aws.region", "@aws.account"],
        "role_arn": f"arn:aws:iam::{ACCOUNT}:role/delivery",
        "field_selection_criteria": '@aws.region = "eu-west-1"',
    }
    start(server, **attributes).handler(event(), Context())
    made = server.groups[GROUP][NAME]
    assert (made["filterPattern"], made["emitSystemFields"]) == ("ERROR", ["@aws.account", "@aws.region"])
    assert made["roleArn"] == attributes["role_arn"]
    assert made["fieldSelectionCriteria"] == attributes["field_selection_criteria"]


def test_nothing_foreign_is_touched(start: Any) -> None:
    server = Aws()
    server.add_filter(GROUP, NAME, THEIRS, filterPattern="theirs")
    before = copy.deepcopy(server.groups[GROUP][NAME])
    start(server).handler(event(), Context())
    assert server.groups[GROUP][NAME] == before
    assert len(server.groups[GROUP]) == 2


@pytest.mark.parametrize("settings", [{}, {"slots": 2}])
def test_full_group_is_not_possible_and_not_tried_twice(start: Any, settings: dict[str, Any]) -> None:
    server = Aws(slots=2)
    server.add_filter(GROUP, "one", THEIRS)
    server.add_filter(GROUP, "two", THEIRS)
    answer = start(server, **settings).handler(event(), Context(60))
    assert answer["outcome"] == "not_possible"
    assert f"one, two (to {THEIRS})" in answer["reason"]
    assert server.operations().count("PutSubscriptionFilter") == (0 if settings else 1)


def test_group_that_is_gone_again_is_no_failure(start: Any) -> None:
    assert start(Aws()).handler(event(), Context())["outcome"] == "gone"


@pytest.mark.parametrize(
    "trouble",
    [
        ("ThrottlingException", "Rate exceeded"),
        ("OperationAbortedException", "conflict"),
        ("AccessDeniedException", "not authorized"),
        ("InvalidParameterException", "Could not execute the lambda function. Make sure ..."),
    ],
)
def test_transient_failure_is_raised_with_group_place_and_reason(start: Any, trouble: tuple[str, str]) -> None:
    server = Aws(GROUP)
    server.spoil = lambda operation, _unused: trouble if operation == "PutSubscriptionFilter" else None
    worker = start(server)
    with pytest.raises(worker.SubscriberError) as caught:
        worker.handler(event(), Context())
    for part in (GROUP, "222222222222/eu-west-1", *trouble):
        assert part.rstrip(". ") in str(caught.value)
    server.spoil = lambda *_unused: None
    assert worker.handler(event(), Context())["outcome"] == "created"


def test_throttling_is_retried_within_the_deadline(start: Any) -> None:
    server = Aws(GROUP)
    left = [9]  # more than botocore's own retries

    def throttled(operation: str, _unused: Any) -> tuple[str, str] | None:
        left[0] -= operation == "PutSubscriptionFilter"
        return ("ThrottlingException", "Rate exceeded") if left[0] >= 0 and operation.startswith("Put") else None

    server.spoil = throttled
    assert start(server).handler(event(), Context(60))["outcome"] == "created"


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"detail": None},
        {"detail": {"eventName": "CreateLogGroup", "requestParameters": None}},
        {"detail": {"eventName": "DeleteLogGroup", "requestParameters": {"logGroupName": "/x"}}},
        {"awslogs": {"data": "H4sI"}},
    ],
)
def test_invalid_event_is_refused(start: Any, broken: dict[str, Any]) -> None:
    server = Aws("/x")
    worker = start(server)
    with pytest.raises(worker.SubscriberError, match="Could not parse an event"):
        worker.handler(broken, Context())
    assert server.calls == []


def test_missing_reflector_is_named_and_looked_for_again(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Aws(GROUP)
    worker = start(server, reflector="")
    for _unused in range(2):
        with pytest.raises(worker.SubscriberError, match="REFLECTOR"):
            worker.handler(event(), Context())
    assert server.calls == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "JSON"),
        ("[]", "JSON"),
        ('{"attributes": {}}', "attributes"),
        ('{"excludes": ["/x"]}', "excludes"),
        ('{"filterPattern": "x"}', "filterPattern"),
        ('{"destination_arn": "x"}', "destination_arn"),
        ('{"slots": "5"}', "slots: '5' is not a whole number"),
        ('{"rate_share": 0}', "rate_share"),
        ('{"retention_days": 2}', "retention_days: 2 is none of"),
        ('{"include": "/aws/*"}', "include"),
        ('{"own_log_groups": "/x"}', "own_log_groups: '/x' is not a list"),
        ('{"own_functions": "x"}', "own_functions: 'x' is not a list"),
        ('{"distribution": "Random"}', "Random is for Kinesis"),
        ('{"exclude": ["re:("]}', "exclude"),
    ],
)
def test_wrong_configuration_is_refused_before_any_call(
    start: Any, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    server = Aws(GROUP)
    worker = start(server)
    monkeypatch.setenv("SUBSCRIPTIONS", text)
    with pytest.raises(worker.SubscriberError, match=said):
        worker.handler(event(), Context())
    assert server.calls == []


def test_package_imports_nothing_but_boto3_and_the_standard_library(package: Path) -> None:
    """The runtime has no Ansible and no other collection."""
    sources = list(package.rglob("*.py"))
    assert sources
    for source in sources:
        for line in source.read_text().splitlines():
            if line.startswith(("import ", "from ", "    from ", "    import ")) and " import " in f" {line}":
                root = line.split()[1].partition(".")[0]
                assert root in {"", "boto3", "botocore", "logreflector", "subscriber"} | set(sys.stdlib_module_names), (
                    source,
                    line,
                )


def test_settings_from_a_parameter_have_placeholders_replaced(start: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Aws("/app/eu-west-1", "/app/us-east-1")
    server.parameters["/log-reflector/subscriptions:3"] = json.dumps(
        {"include": ["/app/{region}"], "filter_pattern": '{ $.account = "{account}" }'}
    )
    module = start(server)
    monkeypatch.setenv("SUBSCRIPTIONS", "ssm:/log-reflector/subscriptions:3#0123")
    outcomes = {name: module.handler(event_of(name), Context())["outcome"] for name in server.groups}
    assert outcomes == {"/app/eu-west-1": "created", "/app/us-east-1": "excluded"}
    (standing,) = server.groups["/app/eu-west-1"].values()
    assert standing["filterPattern"] == f'{{ $.account = "{ACCOUNT}" }}'
