# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stations of a log group, its rules and its subscription."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AccessDeniedError, AwsError
from ansible_collections.logreflector.aws.plugins.module_utils._parts.log_group_path.subscription import (
    Subscription,
    excluded_and_delivered,
    group_station,
    read_group,
    unread_subscription,
)
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.account_policy import AccountPolicy
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import Choice, LogGroup
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import (
    EVIDENCE_PREFIX,
    DesiredFilter,
    SubscriptionFilter,
)

REFLECTOR = "arn:aws:lambda:eu-west-1:111111111111:function:log-reflector"
OTHER = "arn:aws:lambda:eu-west-1:111111111111:function:shipper"
ALL = Choice(("*",), ())


class Logs:
    """CloudWatch Logs with these filters and tags by log group."""

    def __init__(
        self,
        filters: Mapping[str, list[SubscriptionFilter]] | None = None,
        tags: Mapping[str, dict[str, str]] | None = None,
        groups: tuple[str, ...] = (),
    ) -> None:
        self._filters, self._tags, self._groups = filters or {}, tags or {}, groups

    def filters(self, log_group: str) -> list[SubscriptionFilter]:
        return self._filters.get(log_group, [])

    def tags(self, arn: str) -> dict[str, str]:
        return self._tags.get(arn.removeprefix("arn:log-group:"), {})

    def groups(self, prefix: str) -> Any:
        return (LogGroup(name) for name in self._groups if name.startswith(prefix))


class Place:
    """A target that makes ARNs."""

    def arn(self, _service: str, resource: str) -> str:
        return f"arn:{resource}"


def subscription(api: Logs, name: str = "/app", slots: int = 5, **attributes: Any) -> Subscription:
    return Subscription(Place(), api, LogGroup(name), DesiredFilter(REFLECTOR, attributes, slots))  # type: ignore[arg-type]


def ours(log_group: str = "/app", name: str = "ours", pattern: str = "") -> SubscriptionFilter:
    return SubscriptionFilter(log_group, name, REFLECTOR, pattern, created=1_700_000_000_000)


def test_group_with_a_longer_name_only_does_not_exist() -> None:
    assert read_group(Logs(groups=("/app-2", "/app/x")), "/app") is None  # type: ignore[arg-type]
    assert read_group(Logs(groups=("/app", "/app-2")), "/app") == LogGroup("/app")  # type: ignore[arg-type]


def test_group_station_tells_no_event_from_unread_events() -> None:
    group = LogGroup("/app", created=1_700_000_000_000, retention=30)
    assert group_station(group, None).fact.endswith("has the class STANDARD and keeps events 30 days; it has no event")
    error = AccessDeniedError("read the log streams", "not authorized to perform: logs:DescribeLogStreams")
    assert "its last event was not read: Could not read the log streams" in group_station(group, error).fact
    assert "(2 hours ago)" in group_station(group, round(time.time() - 7230) * 1000).fact


def test_rules_whose_tags_cannot_be_read_are_not_checked() -> None:
    choice = Choice(("*",), (), include_tags={"a": []})
    found = subscription(Logs(), "/app#1").rules_station(choice)
    assert (found.status, found.cause) == ("not_checked", "tags")


def test_rules_ask_for_the_tags_of_the_group_and_no_other() -> None:
    choice = Choice(("*",), (), include_tags={"team": ["pay"]})
    api = Logs(tags={"/app": {"team": "pay"}})
    assert subscription(api).rules_station(choice).status == "ok"
    found = subscription(Logs()).rules_station(choice)
    assert (found.status, found.cause) == ("problem", "excluded")
    assert "'team' that include_tags asks for" in found.fact


def test_rules_do_not_judge_the_class() -> None:
    each = subscription(Logs())
    each.group = LogGroup("/app", "DELIVERY")
    assert each.rules_station(ALL).status == "ok"


def test_subscription_with_a_pattern_shows_it_and_is_ok() -> None:
    each = subscription(Logs({"/app": [ours(pattern="ERROR")]}))
    found = each.filter_station()
    assert found.status == "ok"
    assert "the filter ours sends events that match 'ERROR' since 2023-11-14 22:13:20 UTC" in found.fact
    assert found.fact.endswith("; no filter of others; 1 of 5 slots taken")
    assert each.ours == ours(pattern="ERROR")


def test_subscription_of_a_group_whose_rules_are_unknown_is_still_judged() -> None:
    found = subscription(Logs()).filter_station()
    assert (found.status, found.cause, found.command) == ("problem", "missing", "catch_up -e catch_up_audit=true")


def test_subscription_of_another_forwarder_is_a_loop_with_advice_to_leave_it() -> None:
    theirs = SubscriptionFilter("/web", "theirs", OTHER)
    tags = {"/aws/lambda/shipper": {f"{EVIDENCE_PREFIX}log-reflector": "/web"}}
    found = subscription(Logs({"/web": [theirs]}, tags), "/aws/lambda/shipper").filter_station()
    assert (found.status, found.cause) == ("problem", "loop")
    assert found.advice.startswith("Leave it")
    lies = subscription(Logs({}, tags), "/aws/lambda/shipper").filter_station()
    assert lies.cause == "missing", "the tag names a log group without such a filter"


def test_subscription_of_an_excluded_group_that_is_delivered_takes_the_blame_of_the_rules() -> None:
    each = subscription(Logs({"/app": [ours()]}))
    rules = each.rules_station(Choice(("*",), ("/app",)))
    found = each.filter_station()
    assert (found.status, found.cause) == ("problem", "delivered")
    assert excluded_and_delivered(rules, found).status == "ok"
    without = subscription(Logs())
    rules = without.rules_station(Choice(("*",), ("/app",)))
    found = without.filter_station()
    assert found.status == "ok"
    assert excluded_and_delivered(rules, found).status == "problem"


@pytest.mark.parametrize(
    ("policy", "cause", "text"),
    [
        (None, "missing", "the account has no subscription filter policy"),
        (AccountPolicy("p", OTHER), "foreign_policy", f"policy p sends to {OTHER}"),
        (AccountPolicy("p", REFLECTOR, excluded=frozenset({"/app"})), "missing", "policy p leaves it out"),
        (AccountPolicy("p", REFLECTOR, excluded=None), "criteria", "cannot be parsed"),
    ],
)
def test_account_policy_that_does_not_serve_the_group_is_named(
    policy: AccountPolicy | None, cause: str, text: str
) -> None:
    found = subscription(Logs()).policy_station(policy)
    assert found.cause == cause
    assert found.status == ("not_checked" if cause == "criteria" else "problem")
    assert text in found.fact


def test_account_policy_that_serves_the_group_is_ok_unless_a_filter_doubles_it() -> None:
    policy = AccountPolicy("p", REFLECTOR)
    assert (
        subscription(Logs()).policy_station(policy).fact
        == "the account policy p sends every event; no filter of others"
    )
    assert subscription(Logs({"/app": [ours()]})).policy_station(policy).cause == "duplicate"


def test_only_the_refusal_for_a_group_in_deletion_says_that_it_is_deleted() -> None:
    refused = AwsError("read", "The log group is being deleted", code="InvalidOperationException")
    assert unread_subscription(refused).cause == "in_deletion"
    assert unread_subscription(AwsError("read", "no", code="InternalFailure")).status == "not_checked"
