# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""subscription_filter: its calls to CloudWatch Logs, and its results."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.stub import Stubber

from .subscriptions_support import REFLECTOR, filters_of, make_functions, make_group, put

GROUP = "/aws/lambda/testing-the-subscriber"
PLATFORM_NAME = "aws-lambda-testing-the-subscriber"
NAME = f"{PLATFORM_NAME}-filter"
THEIRS = "arn:aws:lambda:eu-west-1:123456789012:function:theirs"
STREAM = "arn:aws:kinesis:eu-west-1:123456789012:stream/logs"
ROLE = "arn:aws:iam::123456789012:role/to-kinesis"
FULL = {
    "filterName": NAME,
    "logGroupName": GROUP,
    "filterPattern": "ERROR",
    "destinationArn": STREAM,
    "roleArn": ROLE,
    "distribution": "Random",
    "applyOnTransformedLogs": True,
    "emitSystemFields": ["@aws.region", "@aws.account"],
    "fieldSelectionCriteria": '@aws.region = "eu-west-1"',
    "creationTime": 1440442987000,
}
SHOWN = {
    "log_group": GROUP,
    "name": NAME,
    "filter_pattern": "ERROR",
    "destination_arn": STREAM,
    "role_arn": ROLE,
    "distribution": "Random",
    "apply_on_transformed_logs": True,
    "emit_system_fields": ["@aws.account", "@aws.region"],
    "field_selection_criteria": '@aws.region = "eu-west-1"',
}
OPTIONS = {key: value for key, value in SHOWN.items() if key != "name"}


@pytest.fixture
def prepared(aws: Any) -> Any:
    """Create a group without filters, and two functions."""
    make_functions(aws, "log-reflector", "theirs")
    make_group(aws, GROUP)
    return aws


def run(aws: Any, **params: Any) -> dict[str, Any]:
    return aws.run("subscription_filter", **{"log_group": GROUP, "wait_timeout": 0, **params})


def describing(stub: Stubber, *filters: dict[str, Any]) -> None:
    stub.add_response("describe_subscription_filters", {"subscriptionFilters": list(filters)}, {"logGroupName": GROUP})


def test_filter_is_created_under_the_groups_name_and_then_left_alone(prepared: Any) -> None:
    result = run(prepared, destination_arn=REFLECTOR)
    assert result["changed"]
    assert result["changes"] == [f"create subscription filter {NAME} of log group {GROUP}"]
    expected = {"log_group": GROUP, "name": NAME, "destination_arn": REFLECTOR, "filter_pattern": ""}
    assert result["subscription_filter"] == expected
    assert result["diff"][0]["before"] == ""
    assert result["diff"][0]["after"] == expected
    assert prepared.calls == ["DescribeSubscriptionFilters", "PutSubscriptionFilter", "DescribeSubscriptionFilters"]
    again = run(prepared, destination_arn=REFLECTOR)
    assert not again["changed"]
    assert again["diff"] == again["changes"] == []
    assert prepared.calls == ["DescribeSubscriptionFilters"]


def test_named_filter_beside_another_one_to_its_destination_warns(prepared: Any) -> None:
    """Events arrived twice without a word."""
    put(prepared, GROUP, "team-app", "log-reflector", "")
    for check_mode in (True, False):
        result = run(prepared, check_mode=check_mode, name="shipper", destination_arn=REFLECTOR)
        (warning,) = result["warnings"]
        assert (
            f"more filters to {REFLECTOR}: team-app. Events that match shipper and one of these arrive twice."
            in warning
        )
    assert "warnings" not in run(prepared, name="shipper", destination_arn=REFLECTOR)
    assert "warnings" not in run(prepared, name="shipper", state="absent")


def test_check_mode_warns_about_a_missing_function(prepared: Any) -> None:
    """Check mode said changed, and the real run failed. The function may be one that an earlier task would create."""
    announced = run(prepared, check_mode=True, destination_arn="gone")
    (warning,) = announced["warnings"]
    assert warning.startswith("Without check mode this task would fail, unless an earlier task creates the function.")
    assert "There is no function arn:aws:lambda:eu-west-1:123456789012:function:gone." in warning
    assert "warnings" not in run(prepared, check_mode=True, destination_arn=STREAM, role_arn=ROLE)


@pytest.mark.parametrize(
    "destination", ["log-reflector", "arn:{partition}:lambda:{region}:{account}:function:log-reflector"]
)
def test_destination_may_be_a_function_of_the_target(prepared: Any, destination: str) -> None:
    result = run(prepared, destination_arn=destination)
    assert result["subscription_filter"]["destination_arn"] == REFLECTOR
    assert not run(prepared, destination_arn=REFLECTOR)["changed"]


def test_update_is_one_put_and_keeps_options_that_are_not_given(prepared: Any) -> None:
    put(prepared, GROUP, NAME, "log-reflector", "WARN")
    result = run(prepared, filter_pattern="ERROR")
    assert prepared.writes == ["PutSubscriptionFilter"]
    assert result["changes"] == [f"update subscription filter {NAME} of log group {GROUP}"]
    assert (result["diff"][0]["before"]["filter_pattern"], result["diff"][0]["after"]["filter_pattern"]) == (
        "WARN",
        "ERROR",
    )
    assert filters_of(prepared, GROUP) == {NAME: (REFLECTOR, "ERROR")}
    assert not run(prepared, destination_arn="log-reflector")["changed"]
    assert run(prepared, filter_pattern="")["changed"]
    assert filters_of(prepared, GROUP) == {NAME: (REFLECTOR, "")}


@pytest.mark.parametrize("before", [None, "WARN", "ERROR"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_check_mode_announces_the_real_run_and_writes_nothing(prepared: Any, before: str | None, state: str) -> None:
    if before is not None:
        put(prepared, GROUP, NAME, "log-reflector", before)
    before = filters_of(prepared, GROUP)
    params = {"state": state, "destination_arn": REFLECTOR, "filter_pattern": "ERROR"}
    announced = run(prepared, check_mode=True, **params)
    assert prepared.writes == []
    assert filters_of(prepared, GROUP) == before
    real = run(prepared, **params)
    for key in ("changed", "changes", "diff"):
        assert announced[key] == real[key]


def test_absent_removes_exactly_the_named_filter(prepared: Any) -> None:
    put(prepared, GROUP, "foo", "log-reflector")
    put(prepared, GROUP, "foo-bar", "log-reflector")
    result = run(prepared, name="foo", state="absent")
    assert result["changed"]
    assert result["subscription_filter"] is None
    assert result["diff"][0]["after"] == ""
    assert list(filters_of(prepared, GROUP)) == ["foo-bar"]
    assert not run(prepared, name="foo", state="absent")["changed"]
    assert prepared.writes == []


def test_filter_with_a_longer_name_is_another_filter(prepared: Any) -> None:
    put(prepared, GROUP, "foo-bar", "theirs", "ERROR")
    assert run(prepared, name="foo", destination_arn=REFLECTOR)["changed"]
    assert not run(prepared, name="foo", destination_arn=REFLECTOR)["changed"]
    assert filters_of(prepared, GROUP)["foo-bar"] == (REFLECTOR.replace("log-reflector", "theirs"), "ERROR")


def test_group_that_does_not_exist_has_nothing_to_remove_and_cannot_be_subscribed(prepared: Any) -> None:
    gone = run(prepared, log_group="/gone", state="absent")
    assert (gone["changed"], gone["subscription_filter"]) == (False, None)
    result = run(prepared, log_group="/gone", destination_arn=REFLECTOR)
    assert result["failed"]
    assert result["error"]["kind"] == "NotFoundError"
    assert "Create the log group first: this collection creates none." in result["msg"]
    assert "log group /gone in 123456789012/eu-west-1" in run(prepared, log_group="/gone", destination_arn="x")["msg"]


def test_full_group_is_seen_before_writing_and_the_holders_are_named(prepared: Any) -> None:
    put(prepared, GROUP, "one", "theirs")
    put(prepared, GROUP, "two", "theirs")
    result = run(prepared, destination_arn=REFLECTOR, slots=2)
    assert result["failed"]
    assert (result["changed"], result["error"]["kind"]) == (False, "LimitReachedError")
    assert "one, two (to arn:aws:lambda:eu-west-1:123456789012:function:theirs)" in result["msg"]
    assert f"log group {GROUP} in eu-west-1: " in result["msg"]
    assert prepared.calls == ["DescribeSubscriptionFilters"]


def test_slot_refused_by_aws_is_reported(prepared: Any) -> None:
    put(prepared, GROUP, "one", "theirs")
    put(prepared, GROUP, "two", "theirs")
    result = run(prepared, destination_arn=REFLECTOR)
    assert (result["changed"], result["error"]["code"]) == (False, "LimitExceededException")
    assert "one, two (to " in result["msg"]
    assert prepared.writes == ["PutSubscriptionFilter"]


def test_update_in_full_group_succeeds(aws: Any) -> None:
    """moto refuses this put, AWS does not."""
    stub = aws.stub("logs")
    ours = {**FULL, "filterPattern": "WARN"}
    describing(stub, ours, {**FULL, "filterName": "other"})
    stub.add_response("put_subscription_filter", {})
    describing(stub, FULL, {**FULL, "filterName": "other"})
    assert run(aws, filter_pattern="ERROR", slots=2)["changed"]
    stub.assert_no_pending_responses()


def test_missing_function_is_named_at_once(prepared: Any) -> None:
    result = run(prepared, destination_arn="not-there")
    assert result["error"]["code"] == "InvalidParameterException"
    assert "function:not-there. Correct destination_arn, or deploy the function first." in result["msg"]
    assert not result["changed"]


@pytest.mark.parametrize(
    ("params", "option"),
    [
        ({"name": "a:b", "destination_arn": REFLECTOR}, "name"),
        ({"name": "a*", "destination_arn": REFLECTOR}, "name"),
        ({"slots": 0, "destination_arn": REFLECTOR}, "slots"),
        ({"destination_arn": ""}, "destination_arn"),
    ],
)
def test_invalid_option_is_refused_before_the_first_call(prepared: Any, params: dict[str, Any], option: str) -> None:
    result = run(prepared, **params)
    assert result["error"]["kind"] == "InvalidInputError"
    assert f"option {option}:" in result["msg"]
    assert prepared.calls == []


def test_new_filter_needs_a_destination(prepared: Any) -> None:
    result = run(prepared, filter_pattern="ERROR")
    assert result["error"]["kind"] == "InvalidInputError"
    assert "option destination_arn" in result["msg"]
    assert prepared.writes == []


# Fields that moto does not have, in the shapes of CloudWatch Logs' API reference.


def test_every_field_is_sent_and_read_back(aws: Any) -> None:
    stub = aws.stub("logs")
    describing(stub)
    sent = {key: value for key, value in FULL.items() if key != "creationTime"}
    stub.add_response("put_subscription_filter", {}, {**sent, "emitSystemFields": ["@aws.account", "@aws.region"]})
    describing(stub, FULL)
    assert run(aws, **OPTIONS)["subscription_filter"] == SHOWN
    stub.assert_no_pending_responses()


def test_same_in_another_order_changes_nothing(aws: Any) -> None:
    describing(aws.stub("logs"), FULL)
    shuffled = {**OPTIONS, "emit_system_fields": ["@aws.region", "@aws.account"]}
    assert not run(aws, **dict(reversed(shuffled.items())))["changed"]
    assert aws.writes == []


@pytest.mark.parametrize(
    ("option", "value", "api_name"),
    [
        ("filter_pattern", "WARN", "filterPattern"),
        ("destination_arn", STREAM + "-2", "destinationArn"),
        ("role_arn", ROLE + "-2", "roleArn"),
        ("distribution", "ByLogStream", "distribution"),
        ("emit_system_fields", ["@source.log"], "emitSystemFields"),
        ("field_selection_criteria", '@aws.region = "us-east-1"', "fieldSelectionCriteria"),
    ],
)
def test_update_sends_attributes_that_are_not_given(aws: Any, option: str, value: Any, api_name: str) -> None:
    stub = aws.stub("logs")
    describing(stub, FULL)
    kept = {key: item for key, item in FULL.items() if key != "creationTime"}
    sent = {**kept, "emitSystemFields": ["@aws.account", "@aws.region"], api_name: value}
    stub.add_response("put_subscription_filter", {}, sent)
    describing(stub, sent)
    assert run(aws, redirect=option == "destination_arn", **{option: value})["changed"]
    stub.assert_no_pending_responses()
    describing(stub, sent)
    assert not run(aws, **{option: value})["changed"]


def test_transformed_logs_can_be_switched_off_again(aws: Any) -> None:
    stub = aws.stub("logs")
    off = {**FULL, "applyOnTransformedLogs": False}
    describing(stub, FULL)
    stub.add_response("put_subscription_filter", {})
    describing(stub, off)
    assert "apply_on_transformed_logs" not in run(aws, apply_on_transformed_logs=False)["subscription_filter"]
    describing(stub, off)
    assert not run(aws, apply_on_transformed_logs=False)["changed"]


def test_denied_call_names_the_action_and_claims_nothing(aws: Any) -> None:
    stub = aws.stub("logs")
    describing(stub)
    stub.add_client_error("put_subscription_filter", "AccessDeniedException", "not authorized", http_status_code=400)
    result = run(aws, destination_arn=REFLECTOR)
    assert result["failed"]
    assert not result["changed"]
    assert "put subscription filter" in result["msg"]
    assert "IAM action for PutSubscriptionFilter" in result["msg"]


def test_conflict_with_another_writer_is_retried(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = aws.stub("logs")
    describing(stub)
    stub.add_client_error("put_subscription_filter", "OperationAbortedException", "conflict", http_status_code=400)
    stub.add_response("put_subscription_filter", {})
    describing(stub, FULL)
    assert run(aws, destination_arn=STREAM, role_arn=ROLE, wait_timeout=5)["changed"]


@pytest.mark.parametrize("log_group", ["", "a b", "/x:y", "g" * 513])
def test_invalid_log_group_name_is_refused_before_any_call(aws: Any, log_group: str) -> None:
    result = run(aws, log_group=log_group, destination_arn="log-reflector")
    assert result["error"]["kind"] == "InvalidInputError"
    assert "option log_group:" in result["msg"]
    assert "\n" not in result["msg"]
    assert aws.calls == []


@pytest.mark.parametrize("destination", [REFLECTOR, "log-reflector"])
def test_random_distribution_on_a_function_is_refused_before_any_call(aws: Any, destination: str) -> None:
    result = run(aws, destination_arn=destination, distribution="Random")
    assert "option distribution: Random is for Kinesis streams" in result["msg"]
    assert aws.calls == []


def test_random_distribution_on_a_filter_that_sends_to_a_function_is_refused_before_the_write(prepared: Any) -> None:
    put(prepared, GROUP, NAME, "log-reflector")
    assert "option distribution:" in run(prepared, distribution="Random")["msg"]
    assert prepared.writes == []
    assert not run(prepared, distribution="ByLogStream")["changed"]


def test_placeholders_in_the_pattern_are_replaced_and_other_braces_stay(prepared: Any) -> None:
    params = {"destination_arn": "log-reflector", "filter_pattern": '{ $.region = "{region}" }'}
    assert run(prepared, **params)["subscription_filter"]["filter_pattern"] == '{ $.region = "eu-west-1" }'
    assert not run(prepared, **params)["changed"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_filter_that_leads_elsewhere_is_not_redirected(prepared: Any, check_mode: bool) -> None:
    """A call with the name of the platform's filter redirected it without a warning."""
    put(prepared, GROUP, PLATFORM_NAME, "log-reflector")
    result = run(prepared, name=PLATFORM_NAME, destination_arn="theirs", check_mode=check_mode)
    assert (result["changed"], result["error"]["kind"]) == (False, "RefusedError")
    assert f"it sends to {REFLECTOR}, perhaps for somebody else" in result["msg"]
    assert "set redirect: true" in result["msg"]
    assert prepared.writes == []
    assert run(prepared, name=PLATFORM_NAME, destination_arn="theirs", redirect=True)["changed"]
    assert filters_of(prepared, GROUP) == {PLATFORM_NAME: (THEIRS, "")}


def test_filter_without_name_leaves_the_platforms_filter_alone(prepared: Any) -> None:
    """The default name was that of the platform's own filter, which the call took over."""
    put(prepared, GROUP, PLATFORM_NAME, "log-reflector")
    assert run(prepared, destination_arn="theirs")["changed"]
    assert not run(prepared, destination_arn="theirs")["changed"]
    assert filters_of(prepared, GROUP) == {PLATFORM_NAME: (REFLECTOR, ""), NAME: (THEIRS, "")}
    assert run(prepared, state="absent")["changed"]
    assert filters_of(prepared, GROUP) == {PLATFORM_NAME: (REFLECTOR, "")}


def test_filter_without_name_to_a_destination_that_is_served_is_no_second_one(prepared: Any) -> None:
    put(prepared, GROUP, PLATFORM_NAME, "log-reflector")
    result = run(prepared, destination_arn="log-reflector")
    assert (result["changed"], result["subscription_filter"]["name"]) == (False, PLATFORM_NAME)
    refused = run(prepared, destination_arn="log-reflector", filter_pattern="ERROR")
    assert f"filter {PLATFORM_NAME} already sends to {REFLECTOR} with other attributes" in refused["msg"]
    assert prepared.writes == []
    assert run(prepared, name="errors", destination_arn="log-reflector", filter_pattern="ERROR")["changed"]


def test_new_filter_to_a_kinesis_stream_needs_a_role(prepared: Any) -> None:
    result = run(prepared, destination_arn=STREAM)
    assert f"option role_arn: {STREAM} is a Kinesis stream, which needs a role" in result["msg"]
    assert prepared.writes == []
