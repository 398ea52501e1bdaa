# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The delivery check through the copy, against moto. AWS's centralization and the reflector work in its pauses."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized import check as check_module
from ansible_collections.logreflector.aws.plugins.module_utils._parts.centralized.rules import (
    CopyRule,
    Rules,
    SourceTarget,
)
from ansible_collections.logreflector.aws.plugins.module_utils._resources import copy_check, delivery_check
from ansible_collections.logreflector.aws.plugins.module_utils._resources.centralization.criteria import parse_criteria
from aws_in_tests import LAMBDA_TRUST, zip_bytes
from threads_in_tests import work_in_pauses

ACCOUNT, HOME, AWAY = "123456789012", "eu-west-1", "eu-central-1"
PREFIX = "/log-reflector/check/"
COPIES = f"/central/{ACCOUNT}/{HOME}"
PATTERN = "/central/${source.accountId}/${source.region}${source.logGroup}"
DESTINATION = {"host": "central", "account": ACCOUNT, "region": AWAY, "options": {"region": AWAY}}
PLACES = {"centralization": {"administrator": None, "destinations": [DESTINATION]}}
RULE = CopyRule(
    name="central",
    destination=(ACCOUNT, AWAY),
    regions=frozenset({HOME}),
    pattern=PATTERN,
    scope=parse_criteria(f"AccountId = '{ACCOUNT}'", frozenset({"AccountId"})),
    groups=parse_criteria("LogGroupName NOT LIKE '/central/%'", frozenset({"LogGroupName"})),
)


@pytest.fixture(autouse=True)
def rules(monkeypatch: pytest.MonkeyPatch) -> list[CopyRule]:
    """Return the administrator's rules, which the test may change: moto has no centralization."""
    found = [RULE]
    monkeypatch.setattr(
        check_module, "read_rules_of", lambda *_unused: Rules(SourceTarget(ACCOUNT, HOME), tuple(found))
    )
    return found


def deploy_destination(aws: Any) -> None:
    """Create the reflector of the destination, which is another region, and its log group."""
    role = aws.client("iam").create_role(RoleName="x", AssumeRolePolicyDocument=json.dumps(LAMBDA_TRUST))["Role"]["Arn"]
    functions = aws.client("lambda", AWAY)
    functions.create_function(
        FunctionName="log-reflector",
        Runtime="python3.13",
        Role=role,
        Handler="handler.handler",
        Code={"ZipFile": zip_bytes()},
    )
    functions.add_permission(
        FunctionName="log-reflector",
        StatementId="log-reflector-logs",
        Action="lambda:InvokeFunction",
        Principal="logs.amazonaws.com",
        SourceArn=f"arn:aws:logs:{AWAY}:{ACCOUNT}:log-group:*",
        SourceAccount=ACCOUNT,
    )
    create_log_group(aws, "/aws/lambda/log-reflector", AWAY)


def create_log_group(aws: Any, name: str, region: str) -> None:
    """Create a log group with the stream "s"."""
    logs = aws.client("logs", region)
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")


def log_groups(aws: Any, region: str, prefix: str) -> list[str]:
    answer = aws.client("logs", region).describe_log_groups(logGroupNamePrefix=prefix)
    return [group["logGroupName"] for group in answer["logGroups"]]


@contextmanager
def centralization(aws: Any, *, reports: bool = True, late: int = 0) -> Iterator[None]:
    """Copy the check's lines, the first ones after `late` others, and write the reflector's accounting line."""
    done: set[tuple[str, int]] = set()

    def copy(name: str) -> None:
        events = aws.client("logs", HOME).filter_log_events(logGroupName=name)["events"]
        for event in events[late:]:
            if (name, event["timestamp"]) in done:
                continue
            done.add((name, event["timestamp"]))
            if COPIES + name not in log_groups(aws, AWAY, COPIES):
                create_log_group(aws, COPIES + name, AWAY)
            line = {"timestamp": event["timestamp"], "message": event["message"]}
            logs = aws.client("logs", AWAY)
            logs.put_log_events(logGroupName=COPIES + name, logStreamName="s", logEvents=[line])
            if reports:
                report = {"logGroup": name, "owner": ACCOUNT, "DeliveredEvents": 1}
                line = {"timestamp": int(time.time() * 1000), "message": json.dumps(report)}
                logs.put_log_events(logGroupName="/aws/lambda/log-reflector", logStreamName="s", logEvents=[line])

    def work() -> None:
        for name in log_groups(aws, HOME, PREFIX):
            copy(name)

    with work_in_pauses(work, copy_check, delivery_check):
        yield


def check(aws: Any, **options: Any) -> dict[str, Any]:
    """Run the check of the source."""
    result: dict[str, Any] = aws.run(
        "delivery_check", **{"subscription": "centralized", "timeout": 60, **PLACES, **options}
    )
    return result


def test_check_copied_line_reports_both_delays(aws: Any) -> None:
    deploy_destination(aws)
    with centralization(aws):
        result = check(aws)
    found = result["delivery_check"]
    assert found["copy"] == COPIES + found["log_group"]
    assert found["destination"] == f"{ACCOUNT}/{AWAY}"
    assert 0 <= found["seconds_to_copy"] <= found["seconds_to_delivery"] < 60
    assert (log_groups(aws, HOME, PREFIX), log_groups(aws, AWAY, "/central/")) == ([], [])
    assert (result["changed"], result["notes"]) == (False, [])


def test_check_line_before_the_rule_is_in_force_is_written_again(aws: Any) -> None:
    """The delays count from the first line that was copied, and not from the lines that no rule selected yet."""
    deploy_destination(aws)
    with (
        mock.patch.object(copy_check, "REWRITE_SECONDS", 0.2),
        centralization(aws, late=1),
    ):
        result = check(aws)
    assert result["delivery_check"]["seconds_to_copy"] >= 0
    assert log_groups(aws, AWAY, "/central/") == []


def test_check_without_copy_names_rule_and_log_group(aws: Any) -> None:
    deploy_destination(aws)
    result = check(aws, timeout=0)
    assert result["failed"]
    assert "AWS made no copy of its test line within 0 s. Check that a healthy centralization rule" in result["msg"]
    assert log_groups(aws, HOME, PREFIX) == []


def test_check_copy_without_delivery_names_the_destination(aws: Any) -> None:
    deploy_destination(aws)
    with centralization(aws, reports=False):
        result = check(aws, timeout=5)
    assert result["failed"]
    assert f"the reflector of {ACCOUNT}/{AWAY} did not report delivery" in result["msg"]
    assert f"{ACCOUNT}/{AWAY} has an account policy" in result["msg"]
    assert (log_groups(aws, HOME, PREFIX), log_groups(aws, AWAY, "/central/")) == ([], [])


def test_check_leftovers_of_killed_runs_are_removed_with_their_copies(aws: Any) -> None:
    deploy_destination(aws)
    left, other = f"{PREFIX}delivery-check-0123456789ab", f"{COPIES}{PREFIX}delivery-check-of-others"
    create_log_group(aws, left, HOME)
    create_log_group(aws, COPIES + left, AWAY)
    create_log_group(aws, other, AWAY)
    absent = {"subscription": "centralized", "state": "absent", **PLACES}
    planned = aws.run("delivery_check", check_mode=True, **absent)
    done = aws.run("delivery_check", **absent)
    assert planned["removed_leftovers"] == done["removed_leftovers"] == [left, COPIES + left]
    assert (log_groups(aws, HOME, PREFIX), log_groups(aws, AWAY, "/central/")) == ([], [other])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"problem": "AWS is still setting up the rule."},
            "the rule central does not copy now: AWS is still setting up",
        ),
        ({"regions": frozenset({AWAY})}, f"no rule copies it: the rule central does not copy from {HOME}"),
        (
            {"groups": parse_criteria("LogGroupName LIKE '/app/%'", frozenset({"LogGroupName"}))},
            f"so no line of {PREFIX}delivery-check-000000000000 can show that copies arrive",
        ),
        ({"destination": ("444444444444", AWAY)}, f"no host of the inventory is 444444444444/{AWAY}"),
    ],
)
def test_check_without_a_rule_that_copies_names_the_reason(
    aws: Any, rules: list[CopyRule], changes: dict[str, Any], message: str
) -> None:
    rules[:] = [dataclasses.replace(RULE, **changes)]
    result = check(aws)
    assert result["failed"]
    assert message in result["msg"]
    assert aws.writes == []


def test_check_destination_of_another_account_is_refused(aws: Any, rules: list[CopyRule]) -> None:
    other = ("444444444444", AWAY)
    rules[:] = [dataclasses.replace(RULE, destination=other)]
    place = {**DESTINATION, "account": other[0]}
    result = check(aws, centralization={"destinations": [place]})
    assert result["failed"]
    assert "belong to account 123456789012, and the inventory says 444444444444" in result["msg"]
