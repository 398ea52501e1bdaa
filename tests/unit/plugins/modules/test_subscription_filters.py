# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""subscription_filters: the catch-up of a target."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .subscriptions_support import REFLECTOR, filters_of, make_functions, make_group, put

MODULE = "subscription_filters"
THEIRS = REFLECTOR.replace("log-reflector", "theirs")


@pytest.fixture
def prepared(aws: Any) -> Any:
    """Create a target with a group of every kind, except other classes, which moto does not have."""
    make_functions(aws, "log-reflector", "theirs")
    for group in ("/app/a", "/aws/lambda/log-reflector", "/aws/lambda/log-reflector-subscriber", "/dev/x"):
        make_group(aws, group)
    make_group(aws, "/app/right", app_right="log-reflector")
    make_group(aws, "/app/shared", theirs="theirs")
    make_group(aws, "/app/full", one="theirs", two="theirs")
    make_group(aws, "/app/other")
    put(aws, "/app/other", "other-name", "log-reflector", "WARN")
    return aws


def run(aws: Any, **params: Any) -> dict[str, Any]:
    return aws.run(
        MODULE, **{"destination_arn": "log-reflector", "exclude": ["/dev/*"], "slots": 2, "wait_timeout": 0, **params}
    )


def everything(aws: Any) -> dict[str, Any]:
    groups = aws.client("logs").describe_log_groups()["logGroups"]
    return {group["logGroupName"]: filters_of(aws, group["logGroupName"]) for group in groups}


def test_target_is_converged_and_then_left_alone(prepared: Any) -> None:
    before = everything(prepared)
    result = run(prepared, filter_pattern="")
    assert not result.get("failed")
    assert result["changes"] == [
        "create subscription of log group /app/a",
        "update subscription of log group /app/other",
        "tag log group /app/right",
        "create subscription of log group /app/shared",
    ]
    assert result["counts"]["subscribed"] == 4
    assert everything(prepared) == {
        **before,
        "/app/a": {"app-a": (REFLECTOR, "")},
        "/app/other": {"other-name": (REFLECTOR, "")},
        "/app/shared": {"theirs": (THEIRS, ""), "app-shared": (REFLECTOR, "")},
    }
    reasons = {item["log_group"]: item["outcome"] for item in result["not_subscribed"]}
    assert reasons == {
        "/app/full": "not_possible",
        "/aws/lambda/log-reflector": "excluded",
        "/aws/lambda/log-reflector-subscriber": "excluded",
        "/dev/x": "excluded",
    }
    again = run(prepared, filter_pattern="")
    assert not again["changed"]
    assert prepared.writes == []
    assert run(prepared, filter_pattern="", audit=True)["foreign"] == result["foreign"]
    assert again["counts"] == {
        **result["counts"],
        "already_right": 4,
        "known_by_tag": 4,
        "changed": 0,
    }


@pytest.mark.parametrize(
    "params", [{}, {"filter_pattern": "ERROR"}, {"state": "absent"}, {"include": ["/app/a"], "purge": True}]
)
def test_check_mode_announces_the_real_run_and_writes_nothing(prepared: Any, params: dict[str, Any]) -> None:
    before = everything(prepared)
    announced = run(prepared, check_mode=True, **params)
    assert prepared.writes == []
    assert everything(prepared) == before
    real = run(prepared, **params)
    assert real["changed"]
    ignored = {"invocation", "calls", "seconds"}
    written = Counter(announced["calls"]) + Counter(announced["estimate"]["calls"])
    assert written == Counter(real["calls"])
    assert {key: announced[key] for key in announced.keys() - ignored} == {
        key: real[key] for key in real.keys() - ignored
    }
    run(prepared, **params)
    assert prepared.writes == []


def test_attributes_that_are_not_given_keep_their_value(prepared: Any) -> None:
    run(prepared)
    assert filters_of(prepared, "/app/other") == {"other-name": (REFLECTOR, "WARN")}


def test_diff_is_one_for_the_target(prepared: Any) -> None:
    (diff,) = run(prepared, filter_pattern="", check_mode=True)["diff"]
    assert set(diff["before"]) == {"/app/other", "/app/right"}
    assert set(diff["after"]) == {"/app/a", "/app/other", "/app/right", "/app/shared"}
    assert (diff["before"]["/app/right"], diff["after"]["/app/right"]) == ("not tagged", "tagged")
    assert diff["before"]["/app/other"]["filter_pattern"] == "WARN"
    assert diff["after"]["/app/other"]["filter_pattern"] == ""


def test_absent_removes_only_own_filters(prepared: Any) -> None:
    before = everything(prepared)
    result = run(prepared, state="absent")
    assert result["changes"] == [
        "delete subscription of log group /app/other",
        "delete subscription of log group /app/right",
    ]
    assert everything(prepared) == {**before, "/app/right": {}, "/app/other": {}}
    assert not run(prepared, state="absent")["changed"]


def test_absent_leaves_excluded_groups_without_purge(prepared: Any) -> None:
    """Without purge the filters of excluded log groups were removed, too."""
    before = everything(prepared)
    result = run(prepared, state="absent", exclude=["/app/right"])
    assert everything(prepared) == {**before, "/app/other": {}}
    assert (result["counts"]["kept"], [item["outcome"] for item in result["not_subscribed"]].count("kept")) == (1, 1)
    run(prepared, state="absent", exclude=["/app/right"], purge=True)
    assert everything(prepared)["/app/right"] == {}


def test_names_with_a_common_prefix_are_different_groups(aws: Any) -> None:
    make_functions(aws, "log-reflector", "log-reflector-2")
    make_group(aws, "foo", foo_bar="log-reflector-2")
    make_group(aws, "foo-bar")
    run(aws, include=["foo"])
    assert set(filters_of(aws, "foo")) == {"foo", "foo-bar"}
    assert filters_of(aws, "foo-bar") == {}
    run(aws, state="absent")
    assert filters_of(aws, "foo") == {"foo-bar": (f"{REFLECTOR}-2", "")}


def test_more_than_a_page_of_groups(aws: Any) -> None:
    make_functions(aws, "log-reflector")
    for number in range(57):
        make_group(aws, f"/group/{number:02}")
    assert run(aws)["counts"]["changed"] == 57
    assert aws.calls.count("DescribeLogGroups") == 2
    assert not run(aws)["changed"]
    assert aws.writes == []


def test_groups_that_fail_fail_the_task_with_the_first_reason(prepared: Any) -> None:
    result = run(prepared, destination_arn="not-there", include=["/app/*"])
    assert result["failed"]
    assert not result["changed"]
    assert result["counts"]["failed"] == 4
    assert result["counts"]["not_possible"] == 1
    assert result["msg"].startswith(
        "Could not serve all log groups in 123456789012/eu-west-1: 4 of 8 failed, the others are done. The first, /app/a: "
    )
    assert "function:not-there. Correct destination_arn, or deploy the function first." in result["msg"]


def test_group_that_fails_does_not_stop_the_others(aws: Any) -> None:
    stub = aws.stub("logs")
    groups = [{"logGroupName": name} for name in ("/a", "/b", "/c")]
    stub.add_response("describe_log_groups", {"logGroups": groups})
    for group in groups:
        stub.add_response("describe_subscription_filters", {"subscriptionFilters": []})
        if group["logGroupName"] == "/b":
            stub.add_client_error("put_subscription_filter", "AccessDeniedException", "deny", http_status_code=400)
        else:
            stub.add_response("put_subscription_filter", {})
    result = run(aws, workers=1, tag_log_groups=False)
    assert result["failed"]
    assert result["changed"]
    assert result["changes"] == [f"create subscription of log group {name}" for name in ("/a", "/c")]
    (failed,) = result["not_subscribed"]
    assert (failed["log_group"], failed["outcome"]) == ("/b", "denied")
    assert result["error"] == {
        "kind": "AccessDeniedError",
        "operation": "serve all log groups",
        "account": "123456789012",
        "region": "eu-west-1",
        "code": "AccessDeniedException",
        "message": "deny",
        "advice": "The caller needs the IAM action for PutSubscriptionFilter.",
        "extent": "1 of 3 failed, the others are done",
        "resource": "/b",
        "attempted": "put subscription filter b on log group /b",
    }
    first = "The first, /b: could not put subscription filter b on log group /b: AccessDeniedException: deny. The caller needs"
    assert first in result["msg"]
    assert "IAM action for PutSubscriptionFilter" in failed["reason"]


def test_other_classes_than_standard_are_reported_and_not_read(aws: Any) -> None:
    stub = aws.stub("logs")
    archive = {"logGroupName": "/archive", "logGroupClass": "INFREQUENT_ACCESS"}
    stub.add_response("describe_log_groups", {"logGroups": [archive]})
    result = run(aws, tag_log_groups=False)
    assert not result["changed"]
    (entry,) = result["not_subscribed"]
    assert (entry["outcome"], "INFREQUENT_ACCESS" in entry["reason"]) == ("not_possible", True)


def test_interrupted_listing_reports_changes(aws: Any) -> None:
    make_functions(aws, "log-reflector")

    def describe(request: dict[str, Any]) -> dict[str, Any]:
        if "nextToken" in request:
            raise ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "too late"}}, "DescribeLogGroups")
        return {"logGroups": [{"logGroupName": "/app/a"}], "nextToken": "2"}

    make_group(aws, "/app/a")
    aws.answering("logs", DescribeLogGroups=describe)
    result = run(aws, tag_log_groups=False, slots=2)
    assert (result["failed"], result["error"]["code"], result["changed"]) == (True, "ExpiredTokenException", True)
    assert (result["complete"], result["stopped_after"], result["counts"]["subscribed"]) == (False, "/app/a", 1)


def test_listing_that_is_denied_is_one_error(aws: Any) -> None:
    aws.stub("logs").add_client_error("describe_log_groups", "AccessDeniedException", "no", http_status_code=400)
    result = run(aws, tag_log_groups=False)
    assert result["error"]["kind"] == "AccessDeniedError"
    assert "list the log groups in 123456789012/eu-west-1" in result["msg"]
    assert "counts" not in result


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({"include": ["re:("]}, "include"),
        ({"exclude": [""]}, "exclude"),
        ({"slots": 0}, "slots"),
        ({"workers": 0}, "workers"),
        ({"report_limit": 0}, "report_limit"),
        ({"backfill_seconds": -1}, "backfill_seconds"),
        (
            {"backfill_seconds": 60, "destination_arn": "arn:aws:kinesis:eu-west-1:123456789012:stream/logs"},
            "backfill_seconds",
        ),
        ({"rate_share": 0}, "rate_share"),
        ({"rate_share": 1.1}, "rate_share"),
        ({"max_seconds": 0}, "max_seconds"),
        ({"include_tags": {"a": "b*"}}, "include_tags"),
        ({"include_tags": {"a": [True]}}, "include_tags"),
        ({"include_tags": {"a": {"b": "c"}}}, "include_tags"),
        ({"exclude_tags": {"": "b"}}, "exclude_tags"),
        ({"exclude_tags": {str(number): "" for number in range(6)}}, "exclude_tags"),
        ({"created_after": "yesterday"}, "created_after"),
        ({"created_before": "2026-13-01"}, "created_before"),
        ({"destination_arn": ""}, "destination_arn"),
        ({"distribution": "Random"}, "distribution"),
    ],
)
def test_invalid_option_is_refused_before_any_group_is_read(prepared: Any, params: dict[str, Any], option: str) -> None:
    result = run(prepared, **params)
    assert result["error"]["kind"] == "InvalidInputError"
    assert f"option {option}:" in result["msg"]
    assert not [call for call in prepared.calls if call != "GetCallerIdentity"]


def test_other_functions_on_the_path_can_be_named(prepared: Any) -> None:
    make_group(prepared, "/aws/lambda/enricher")
    result = run(prepared, own_functions=["enricher"], include=["/aws/lambda/*"], check_mode=True)
    assert result["changes"] == ["create subscription of log group /aws/lambda/log-reflector-subscriber"]


def configurations(aws: Any, **log_groups: str | None) -> Any:
    """Answer GetFunctionConfiguration with these logging configurations; None is a function that does not exist."""
    stub = aws.stub("lambda")
    for function, log_group in log_groups.items():
        request = {"FunctionName": function.replace("_", "-")}
        if log_group is None:
            stub.add_client_error(
                "get_function_configuration", "ResourceNotFoundException", "no", expected_params=request
            )
        else:
            configured = {"LoggingConfig": {"LogFormat": "Text", "LogGroup": log_group}}
            stub.add_response("get_function_configuration", configured, request)
    return stub


def test_log_groups_of_other_names_are_known_from_the_functions(prepared: Any) -> None:
    for group in ("/platform/reflector", "/platform/sink", "/platform/subscriber"):
        make_group(prepared, group)
    stub = configurations(
        prepared, log_reflector="/platform/reflector", log_reflector_subscriber="/platform/subscriber"
    )
    result = run(prepared, include=["/platform/*", "/aws/*"], own_log_groups=["/platform/sink"])
    stub.assert_no_pending_responses()
    assert not result["changed"]
    assert {item["log_group"] for item in result["not_subscribed"] if "loop" in item["reason"]} == {
        "/aws/lambda/log-reflector",
        "/aws/lambda/log-reflector-subscriber",
        "/platform/reflector",
        "/platform/sink",
        "/platform/subscriber",
    }


def test_function_that_does_not_exist_yet_has_the_default_log_group(prepared: Any) -> None:
    configurations(prepared, log_reflector="/aws/lambda/log-reflector", log_reflector_subscriber=None)
    result = run(prepared, include=["/aws/*"])
    assert not result.get("failed")
    assert not result["changed"]
    assert prepared.calls.count("GetFunctionConfiguration") == 2


def test_denied_function_configuration_stops_before_any_write(prepared: Any) -> None:
    prepared.stub("lambda").add_client_error(
        "get_function_configuration", "AccessDeniedException", "no", http_status_code=403
    )
    result = run(prepared)
    assert result["error"]["kind"] == "AccessDeniedError"
    assert "read the logging configuration of function log-reflector in 123456789012/eu-west-1" in result["msg"]
    assert "IAM action for GetFunctionConfiguration" in result["msg"]
    assert prepared.writes == []


def test_stream_destination_reads_no_function(aws: Any) -> None:
    aws.stub("logs").add_response("describe_log_groups", {"logGroups": []})
    stream = "arn:aws:kinesis:eu-west-1:123456789012:stream/logs"
    assert not run(aws, destination_arn=stream, own_functions=[], distribution="Random", tag_log_groups=False).get(
        "failed"
    )
    assert aws.calls == ["DescribeLogGroups"]


def test_placeholders_are_replaced_as_they_are_for_the_subscriber(prepared: Any) -> None:
    make_group(prepared, "/app/eu-west-1")
    make_group(prepared, "/app/123456789012")
    result = run(
        prepared,
        include=["/app/{region}", "/app/{account}"],
        exclude=["re:^/app/{account}$"],
        filter_pattern='{ $.region = "{region}" }',
    )
    assert result["changes"] == ["create subscription of log group /app/eu-west-1"]
    expected = {"app-eu-west-1": (REFLECTOR, '{ $.region = "eu-west-1" }')}
    assert filters_of(prepared, "/app/eu-west-1") == expected


def test_group_refused_as_full_advises_the_slots_option(prepared: Any) -> None:
    result = run(prepared, slots=5)  # moto allows two
    assert not result.get("failed")
    reasons = {item["log_group"]: (item["outcome"], item["reason"]) for item in result["not_subscribed"]}
    outcome, reason = reasons["/app/full"]
    assert outcome == "not_possible"
    assert "set the option slots (of the roles: log_groups_slots) to 2" in reason
    assert not run(prepared, slots=2, check_mode=True)["changed"]


def test_full_group_that_makes_the_task_fail_is_named(prepared: Any) -> None:
    result = run(prepared, on_full="fail", exclude=[], audit=True)
    assert result["failed"]
    assert "Could not serve all log groups in 123456789012/eu-west-1: 1 of 8 failed" in result["msg"]
    assert (
        "The first, /app/full: could not subscribe log group /app/full: all its 2 filter slots are taken: one, two (to "
        in result["msg"]
    )
    assert result["error"]["kind"] == "LimitReachedError"


def test_failed_backfill_keeps_filters_without_tag(prepared: Any) -> None:
    def denied(*_unused: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "FilterLogEvents")

    prepared.answering("logs", FilterLogEvents=denied)
    result = run(prepared, include=["/app/a"], backfill_seconds=3600)
    assert result["failed"]
    assert result["changes"] == ["create subscription of log group /app/a"]
    assert result["msg"].startswith(
        "Could not send the earlier events of all new log groups in 123456789012/eu-west-1: 1 of 1 failed. The first, /app/a: "
    )
    assert "IAM action for FilterLogEvents" in result["msg"]
    assert filters_of(prepared, "/app/a") == {"app-a": (REFLECTOR, "")}
    assert "TagResource" not in prepared.calls
