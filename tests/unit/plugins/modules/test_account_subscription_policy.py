# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""account_subscription_policy over botocore: its writes, and no group without delivery between any two calls."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from account_policy_server import OURS, THEIRS, AccountPolicyServer, KilledError
from ansible_collections.logreflector.aws.plugins.module_utils import _session
from ansible_collections.logreflector.aws.plugins.module_utils._resources.subscriptions import (
    account_subscription_policy,
    shared,
)
from ansible_collections.logreflector.aws.plugins.module_utils._session import Identity, Target
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions import account_policy, policy_switch
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.account_policy import SWITCHING
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from ansible_collections.logreflector.aws.plugins.modules.account_subscription_policy import SPEC
from ansible_collections.logreflector.aws.plugins.plugin_utils._worker import perform_in_process
from botocore.awsrequest import AWSResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs_server import ACCOUNT, REGION, _Body

PATH = {"/aws/lambda/log-reflector", "/aws/lambda/log-reflector-subscriber"}
MARK = "logreflector.aws/subscribed/log-reflector"


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "new_rate_limiter", partial(RateLimiter, scale=1e6))
        yield


def run(server: AccountPolicyServer, *, check_mode: bool = False, **params: Any) -> dict[str, Any]:
    """Return the module's result. Functions of the delivery path write to the log groups of their default names."""
    session = server.session
    session.events.register("before-send.lambda", _no_such_function, unique_id="lambda")
    target = Target(session, REGION)
    target.__dict__["identity"] = Identity(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/deployer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_session.Target, "from_params", classmethod(lambda _cls, *_unused: target))
        options = {"region": REGION, "destination_arn": "log-reflector", "settle_seconds": 0, "wait_timeout": 0}
        return perform_in_process(SPEC, {**options, **params}, check_mode=check_mode)


def _no_such_function(request: Any, **_unused: Any) -> AWSResponse:
    headers = {"x-amzn-ErrorType": "ResourceNotFoundException"}
    return AWSResponse(request.url, 404, headers, _Body(b'{"Message": "Function not found"}'))


def target_with(filtered: int, plain: int = 2) -> AccountPolicyServer:
    """Return a target with groups that have our filter and tag, no filter, or a foreign filter, that are excluded, and our own."""
    server = AccountPolicyServer()
    for number in range(filtered):
        server.add_filter(f"/app/{number:03}", "ours", OURS)
        server.tags[f"/app/{number:03}"] = {MARK: "x"}
    for name in [*(f"/new/{number}" for number in range(plain)), "/left-out", *PATH]:
        server.groups[name] = {}
    server.add_filter("/shared", "theirs", THEIRS.replace("lambda", "kinesis").replace("function:", "stream/"))
    server.groups["/archive"] = {}
    server.classes["/archive"] = "INFREQUENT_ACCESS"
    server.groups = dict(sorted(server.groups.items()))
    return server


def chosen(server: AccountPolicyServer) -> list[str]:
    return [name for name in server.groups if name not in {*PATH, "/left-out", "/archive"}]


OPTIONS = {"exclude": ["/left-*"]}


def test_target_without_filters_takes_one_write_and_then_none() -> None:
    server = target_with(0)
    result = run(server, **OPTIONS)
    assert result["changes"] == ["create account policy log-reflector"]
    assert server.writes == ["PutAccountPolicy"]
    assert server.left_out() == {*PATH, "/left-out"}
    assert result["policy"] == {
        "name": "log-reflector",
        "destination_arn": OURS,
        "filter_pattern": "",
        "excluded": 3,
        "criteria_bytes": len(server.policy["selectionCriteria"]),
    }
    assert {kind: number for kind, number in result["counts"].items() if number} == {
        "groups": 7,
        "subscribed": 3,
        "changed": 3,
        "excluded": 3,
        "not_possible": 1,
    }
    assert {item["log_group"]: item["outcome"] for item in result["not_subscribed"]} == {
        "/archive": "not_possible",
        **dict.fromkeys([*PATH, "/left-out"], "excluded"),
    }
    assert result["doubled"] == {"groups": 0, "seconds_at_most": 0}
    server.calls.clear()
    again = run(server, **OPTIONS)
    assert not again["changed"]
    assert (again["counts"]["subscribed"], again["counts"]["already_right"], again["counts"]["changed"]) == (3, 3, 0)
    assert server.operations() == ["DescribeAccountPolicies", *["ListLogGroups"] * 2, "DescribeLogGroups"]


def test_without_changes_5000_groups_take_little_more_than_their_listing() -> None:
    server = target_with(0, plain=5000)
    assert run(server, **OPTIONS)["counts"]["subscribed"] == 5001
    server.calls.clear()
    assert not run(server, **OPTIONS)["changed"]
    assert Counter(server.operations()) == {"DescribeAccountPolicies": 1, "DescribeLogGroups": 101, "ListLogGroups": 2}


def test_switch_to_policy_removes_filters_and_tags() -> None:
    server = target_with(3)
    foreign = server.groups["/shared"]
    result = run(server, **OPTIONS)
    assert result["changes"] == [
        "create account policy log-reflector",
        "delete the filters of 3 log groups in favour of account policy log-reflector",
    ]
    assert server.left_out() == {*PATH, "/left-out"}
    assert all(server.served(name) == 1 for name in chosen(server))
    assert (server.groups["/shared"], result["foreign"]["filters"]) == (foreign, 1)
    assert not any(server.tags.values())
    assert result["doubled"]["groups"] == 3
    (policy, filters) = result["diff"]
    assert (policy["before"], policy["after"]["excluded"]) == ("", sorted([*PATH, "/left-out"]))
    assert (set(filters["before"]), filters["after"]) == ({"/app/000", "/app/001", "/app/002"}, {})
    server.calls.clear()
    assert not run(server, **OPTIONS)["changed"]
    assert server.writes == []


def test_switch_back_creates_filters() -> None:
    server = target_with(3)
    run(server, **OPTIONS)
    result = run(server, state="absent", filter_pattern="", **OPTIONS)
    assert result["changes"] == [
        "delete account policy log-reflector",
        "subscribe 6 log groups in place of account policy log-reflector",
    ]
    assert (server.policy, result["policy"]) == (None, None)
    assert all(server.served(name) == 1 for name in chosen(server))
    assert (server.groups["/left-out"], server.groups["/archive"]) == ({}, {})
    assert all(MARK in server.tags[name] for name in chosen(server))
    server.calls.clear()
    again = run(server, state="absent", filter_pattern="", **OPTIONS)
    assert not again["changed"]
    assert server.operations() == ["DescribeAccountPolicies"]


@pytest.mark.parametrize(
    "params", [{}, {"exclude": ["/new/*"]}, {"state": "absent"}, {"state": "absent", "replace_filters": False}]
)
@pytest.mark.parametrize("policy", [False, True])
def test_check_mode_announces_the_real_run_and_writes_nothing(params: dict[str, Any], policy: bool) -> None:
    server = target_with(2)
    if policy:
        server.put("log-reflector", OURS, [*PATH, "/left-out", SWITCHING, "/app/000"])
    announced = run(server, check_mode=True, **{**OPTIONS, **params})
    assert server.writes == []
    real = run(server, **{**OPTIONS, **params})
    assert real["changed"] is announced["changed"] is bool(policy or params.get("state") != "absent")
    ignored = {"doubled", "invocation"}
    assert {key: real[key] for key in real.keys() - ignored} == {
        key: announced[key] for key in announced.keys() - ignored
    }
    server.calls.clear()
    assert not run(server, **{**OPTIONS, **params})["changed"]
    assert server.writes == []


def test_foreign_policy_is_named_and_stays() -> None:
    server = target_with(1)
    server.put("central-logging", THEIRS, ["/x"])
    before = json.dumps(server.policy)
    result = run(server, **OPTIONS)
    assert result["error"]["kind"] == "RefusedError"
    assert f"central-logging, which sends to {THEIRS}" in result["msg"]
    assert not run(server, state="absent", **OPTIONS)["changed"]
    assert (server.writes, json.dumps(server.policy)) == ([], before)


def test_policy_created_during_the_run_is_named_too() -> None:
    server = target_with(0)

    def intrude(operation: str, _asked: dict[str, Any]) -> None:
        if operation == "PutAccountPolicy" and not server.policy:
            server.put("central-logging", THEIRS)

    server.spoil = intrude
    result = run(server, **OPTIONS)
    assert (result["error"]["kind"], result["changed"]) == ("RefusedError", False)
    assert "central-logging" in result["msg"]


def test_existing_policy_keeps_name_and_pattern() -> None:
    server = target_with(0)
    server.put("of-an-older-release", OURS, [*PATH], pattern="ERROR")
    result = run(server, **OPTIONS)
    assert (result["policy"]["name"], result["policy"]["filter_pattern"]) == ("of-an-older-release", "ERROR")
    assert server.left_out() == {*PATH, "/left-out"}
    assert run(server, filter_pattern="", **OPTIONS)["changes"] == ["update account policy of-an-older-release"]
    assert json.loads(server.policy["policyDocument"])["FilterPattern"] == ""


def test_names_of_deleted_groups_leave_with_the_next_write() -> None:
    server = target_with(0)
    server.put("log-reflector", OURS, [*PATH, "/left-out", "/gone"])
    assert not run(server, **OPTIONS)["changed"]
    server.groups["/left-too"] = {}
    assert run(server, **OPTIONS)["changed"]
    assert server.left_out() == {*PATH, "/left-out", "/left-too"}


def test_more_names_than_aws_takes_are_an_error_with_numbers_before_any_write() -> None:
    server = target_with(2)
    for number in range(1000):
        server.groups[f"/left-{number:04}/{'x' * 20}"] = {}
    result = run(server, **OPTIONS)
    assert result["error"]["kind"] == "LimitReachedError"
    assert "1003 log groups" in result["msg"]
    assert "AWS takes 25600" in result["msg"]
    assert "log_groups_mode: filters" in result["msg"]
    assert server.writes == []


def test_filters_beside_the_policy_are_found_by_tag() -> None:
    server = target_with(0)
    run(server, **OPTIONS)
    server.add_filter("/new/0", "ours", OURS)
    server.tags["/new/0"] = {MARK: "x"}
    server.tags["/new/1"] = {MARK: "x"}  # a tag whose filter is gone
    server.calls.clear()
    result = run(server, **OPTIONS)
    assert result["changes"] == [
        "update account policy log-reflector",
        "delete the filters of 1 log groups in favour of account policy log-reflector",
        "remove the subscription tag of 1 log groups",
    ]
    assert server.operations().count("DescribeSubscriptionFilters") == 2
    assert all(server.served(name) == 1 for name in chosen(server))
    assert not any(server.tags.values())


@pytest.mark.parametrize("tagged", [True, False])
def test_switch_to_policy_purges_newly_excluded_groups(tagged: bool) -> None:
    """A deployment that switched to the policy and excluded log groups left our filters on them."""
    server = target_with(3)
    server.add_filter("/app/000", "theirs", THEIRS.replace("lambda", "kinesis"))
    foreign = server.groups["/app/000"]["theirs"]
    if not tagged:
        server.tags.clear()
    options = {"exclude": ["/left-*", "/app/000", "/app/001"], "purge": True}
    announced = run(server, check_mode=True, **options)
    result = run(server, **options)
    assert (
        result["changes"]
        == announced["changes"]
        == [
            "create account policy log-reflector",
            "delete the filters of 1 log groups in favour of account policy log-reflector",
            "delete the filters of 2 log groups that the rules exclude",
        ]
    )
    assert result["diff"] == announced["diff"]
    assert set(result["diff"][1]["before"]) == {"/app/000", "/app/001", "/app/002"}
    assert (server.groups["/app/000"], server.groups["/app/001"]) == ({"theirs": foreign}, {})
    assert server.left_out() == {*PATH, "/left-out", "/app/000", "/app/001"}
    assert not any(server.tags.values())
    assert result["counts"]["excluded"] == 5
    server.calls.clear()
    assert not run(server, **options)["changed"]
    assert server.writes == []


@pytest.mark.parametrize("audit", [True, False])
def test_group_excluded_from_the_policy_loses_its_tagged_filter(audit: bool) -> None:
    server = target_with(0)
    run(server, **OPTIONS)
    server.add_filter("/left-out", "ours", OURS)
    server.tags["/left-out"] = {MARK: "x"}
    assert run(server, purge=True, audit=audit, **OPTIONS)["changes"] == [
        "update account policy log-reflector",
        "delete the filters of 1 log groups that the rules exclude",
    ]
    assert server.groups["/left-out"] == {}
    assert server.left_out() == {*PATH, "/left-out"}
    assert not run(server, purge=True, audit=audit, **OPTIONS)["changed"]


def test_without_purge_excluded_groups_are_kept_and_named() -> None:
    server = target_with(2)
    options = {"exclude": ["/left-*", "/app/000"]}
    result = run(server, **options)
    assert (server.served("/app/000"), server.served("/app/001")) == (1, 1)
    assert (result["counts"]["kept"], result["counts"]["excluded"]) == (1, 3)
    (entry,) = [item for item in result["not_subscribed"] if item["outcome"] == "kept"]
    assert (entry["log_group"], "its events are delivered" in entry["reason"]) == ("/app/000", True)
    assert "/app/000" in server.left_out()


def test_failed_purge_is_reported_and_the_policy_does_not_serve_the_group() -> None:
    server = target_with(1)
    server.spoil = lambda operation, _asked: (
        ("AccessDeniedException", "explicit deny") if operation == "DeleteSubscriptionFilter" else None
    )
    options = {"exclude": ["/left-*", "/app/000"], "purge": True}
    assert run(server, **options)["failed"]
    assert server.left_out() == {*PATH, "/left-out", "/app/000", SWITCHING}
    server.spoil = lambda _operation, _asked: None
    assert run(server, **options)["changed"]
    assert server.served("/app/000") == 0


def test_unreadable_excluded_group_does_not_stop_the_switch() -> None:
    server = target_with(1)
    server.spoil = lambda operation, asked: (
        ("AccessDeniedException", "explicit deny")
        if operation == "DescribeSubscriptionFilters" and asked["logGroupName"] == "/left-out"
        else None
    )
    result = run(server, purge=True, **OPTIONS)
    assert not result.get("failed")
    assert "is unknown: " in next(
        item["reason"] for item in result["not_subscribed"] if item["log_group"] == "/left-out"
    )


def test_untagged_filters_are_found_by_an_audit() -> None:
    server = target_with(0)
    run(server, **OPTIONS)
    server.add_filter("/new/0", "ours", OURS)
    assert not run(server, **OPTIONS)["changed"]
    assert run(server, audit=True, **OPTIONS)["changed"]
    assert server.groups["/new/0"] == {}


def test_other_forwarders_stay_excluded_without_an_audit() -> None:
    server = target_with(1)
    server.add_filter("/new/0", "theirs", THEIRS)
    server.groups["/aws/lambda/theirs"] = {}
    run(server, **OPTIONS)
    assert server.served("/aws/lambda/theirs") == 0
    again = run(server, **OPTIONS)
    assert not again["changed"]
    assert {"log_group": "/aws/lambda/theirs", "outcome": "excluded"}.items() <= {
        key: value
        for item in again["not_subscribed"]
        if item["log_group"] == "/aws/lambda/theirs"
        for key, value in item.items()
    }.items()
    del server.groups["/new/0"]["theirs"]
    assert run(server, audit=True, **OPTIONS)["changed"]
    assert server.served("/aws/lambda/theirs") == 1


def test_without_replace_filters_no_group_is_read() -> None:
    server = target_with(2)
    assert run(server, replace_filters=False, **OPTIONS)["changes"] == ["create account policy log-reflector"]
    assert server.served("/app/000") == 2
    assert "DescribeSubscriptionFilters" not in server.operations()
    assert run(server, state="absent", replace_filters=False, **OPTIONS)["changes"] == [
        "delete account policy log-reflector"
    ]
    assert (server.served("/app/000"), server.served("/new/0")) == (1, 0)


def test_unreadable_group_stops_the_switch_before_any_write() -> None:
    server = target_with(2)
    server.spoil = lambda operation, asked: (
        ("AccessDeniedException", "explicit deny")
        if operation == "DescribeSubscriptionFilters" and asked["logGroupName"] == "/app/001"
        else None
    )
    for state in ("present", "absent"):
        result = run(server, state=state, **OPTIONS)
        assert "1 could not be read, so nothing was changed. The first, /app/001:" in result["msg"]
        assert server.writes == []
        server.put("log-reflector", OURS, [*PATH, "/left-out", SWITCHING, "/app/000", "/app/001"])


def test_full_group_stops_the_switch_to_filters() -> None:
    server = target_with(0)
    run(server, **OPTIONS)
    server.add_filter("/shared", "another", THEIRS)
    server.calls.clear()
    result = run(server, state="absent", slots=2, **OPTIONS)
    assert result["error"]["kind"] == "LimitReachedError"
    assert "The first, /shared:" in result["msg"]
    assert server.writes == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_failed_group_stays_served_and_the_next_run_succeeds(state: str) -> None:
    server = target_with(3)
    if state == "absent":
        run(server, **OPTIONS)
    refused = {"present": "DeleteSubscriptionFilter", "absent": "PutSubscriptionFilter"}[state]
    server.spoil = lambda operation, asked: (
        ("AccessDeniedException", "explicit deny")
        if operation == refused and asked["logGroupName"] == "/app/001"
        else None
    )
    result = run(server, state=state, **OPTIONS)
    assert "Could not switch all log groups between filters and the account policy" in result["msg"]
    assert ": 1 failed, and stay served" in result["msg"]
    assert (result["error"]["kind"], result["error"]["resource"]) == ("AccessDeniedError", "/app/001")
    assert (result["failed"], result["changed"]) == (True, True)
    assert all(server.served(name) for name in chosen(server))
    assert SWITCHING in server.left_out()
    assert ("delete account policy log-reflector" in result["changes"]) is False
    server.spoil = lambda _operation, _asked: None
    assert run(server, state=state, **OPTIONS)["changed"]
    assert all(server.served(name) == 1 for name in chosen(server))


def test_group_created_during_the_switch_gets_its_filter() -> None:
    server = target_with(2)
    run(server, **OPTIONS)

    def make_one(operation: str, _asked: dict[str, Any]) -> None:
        if operation == "PutSubscriptionFilter":
            server.groups.setdefault("/made/meanwhile", {})

    server.spoil = make_one
    run(server, state="absent", **OPTIONS)
    assert server.policy is None
    assert all(server.served(name) == 1 for name in chosen(server))
    assert "/made/meanwhile" in chosen(server)


def test_policy_refused_half_way_reports_earlier_changes() -> None:
    server = target_with(4)
    run(server, **OPTIONS)
    server.spoil = lambda operation, _asked: (
        ("AccessDeniedException", "no") if operation == "DeleteAccountPolicy" else None
    )
    result = run(server, state="absent", **OPTIONS)
    assert result["changes"] == [
        "update account policy log-reflector",
        "subscribe 7 log groups in place of account policy log-reflector",
    ]
    assert (result["changed"], result["error"]["kind"]) == (True, "AccessDeniedError")
    assert "Could not delete account policy log-reflector in 222222222222/eu-west-1" in result["msg"]


def test_permission_that_logs_does_not_see_yet_is_waited_for_and_then_named() -> None:
    server = target_with(0)
    server.spoil = lambda operation, _asked: (
        ("InvalidParameterException", "Could not execute the lambda function. Make sure ...")
        if operation == "PutAccountPolicy"
        else None
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "_is_missing", lambda _target, _destination: False)
        result = run(server, **OPTIONS)
    assert f"Check that {OURS} exists" in result["msg"]
    assert "lambda_permission" in result["msg"]


def test_missing_function_is_named_at_once() -> None:
    server = target_with(0)
    server.spoil = lambda operation, _asked: (
        ("InvalidParameterException", "Could not execute the lambda function. Make sure ...")
        if operation == "PutAccountPolicy"
        else None
    )
    result = run(server, wait_timeout=600, **OPTIONS)
    assert f"There is no function {OURS}. Correct destination_arn, or deploy the function first." in result["msg"]
    assert server.operations().count("PutAccountPolicy") == 1


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({"name": ""}, "name"),
        ({"name": "aws/x"}, "name"),
        ({"destination_arn": ""}, "destination_arn"),
        ({"destination_arn": "arn:aws:kinesis:eu-west-1:222222222222:stream/x"}, "destination_arn"),
        ({"include": ["re:("]}, "include"),
        ({"exclude": [""]}, "exclude"),
        ({"slots": 0}, "slots"),
        ({"settle_seconds": -1}, "settle_seconds"),
        ({"rate_share": 0}, "rate_share"),
        ({"report_limit": 0}, "report_limit"),
    ],
)
def test_invalid_option_is_refused_before_any_write(params: dict[str, Any], option: str) -> None:
    server = target_with(1)
    result = run(server, **params)
    assert result["error"]["kind"] == "InvalidInputError"
    assert f"option {option}:" in result["msg"]
    assert server.writes == []


def test_settling_time_is_waited_before_removals() -> None:
    server, order = target_with(2), []

    def note(seconds: float) -> None:
        order.append(f"wait {seconds:g}")

    server.watch = lambda: order.append(server.calls[-1][0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(account_subscription_policy, "PolicySwitch", partial(policy_switch.PolicySwitch, sleep=note))
        run(server, settle_seconds=7, **OPTIONS)
    writes = [name for name in order if not name.startswith(("Describe", "List", "Untag"))]
    assert writes == [
        "PutAccountPolicy",
        "PutAccountPolicy",
        "wait 7",
        *["DeleteSubscriptionFilter"] * 2,
        "PutAccountPolicy",
    ]


@given(
    filtered=st.integers(0, 8),
    marked=st.booleans(),
    longest=st.sampled_from([190, 260, 25600]),
    killed=st.lists(st.integers(1, 30), max_size=3),
    back=st.booleans(),
    turns=st.booleans(),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_group_is_unserved_between_any_two_calls_of_killed_runs(
    filtered: int, marked: bool, longest: int, killed: list[int], back: bool, turns: bool
) -> None:
    """A filter or the policy always serves each group, and a complete run leaves exactly one of them."""
    server = target_with(filtered)
    server.longest = longest
    if not marked:
        server.tags.clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(account_policy, "CRITERIA_BYTES", longest)
        patch.setattr(account_policy, "SMALLEST_CHUNK", 2)
        if back:
            run(server, **OPTIONS)
        state = "absent" if back else "present"
        had = {name for name in chosen(server) if server.served(name)}
        lost: list[tuple[str, list[str]]] = []

        def watch() -> None:
            had.update(name for name in chosen(server) if server.served(name))
            lost.extend((name, server.writes) for name in had if not server.served(name))
            assert not any(server.served(name) for name in (*PATH, "/left-out"))

        server.watch = watch
        for dies_after in killed:
            server.revive()
            server.dies_after = dies_after
            with contextlib.suppress(KilledError):
                run(server, state=state, **OPTIONS)
            if turns:
                state = "present" if state == "absent" else "absent"
        server.revive()
        run(server, state=state, **OPTIONS)
        assert not lost
        served = {name: server.served(name) for name in chosen(server)}
        assert set(served.values()) <= ({1} if state == "present" else {0, 1})
        assert all(served[name] for name in had)
        assert (server.policy is None) is (state == "absent")
        server.calls.clear()
        assert not run(server, state=state, **OPTIONS)["changed"]
        assert server.writes == []
