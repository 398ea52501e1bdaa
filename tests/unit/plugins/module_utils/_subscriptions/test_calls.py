# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The calls to CloudWatch Logs, over botocore, and their retries."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils import _errors
from ansible_collections.logreflector.aws.plugins.module_utils._retry import RetryPolicy, stop_at_limits
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.calls import LogsApi, OutdatedSdkError
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.choice import LogGroup
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.filters import SubscriptionFilter
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.rate_limiter import RateLimiter
from botocore.config import Config
from logs_server import LogsServer

OURS = "arn:aws:lambda:eu-west-1:222222222222:function:log-reflector"
THEIRS = "arn:aws:lambda:eu-west-1:222222222222:function:theirs"
NOT_EXECUTABLE = (
    "InvalidParameterException",
    "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
)
ABORTED = ("OperationAbortedException", "Multiple requests to update the same resource were in conflict.")


class Clock:
    """A clock that moves only when a thread sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def api(server: LogsServer, clock: Clock, seconds: float = 60, scale: float = 1e6, **options: Any) -> LogsApi:
    retry_policy = RetryPolicy(seconds=seconds, sleep=clock.sleep, clock=lambda: clock.now)
    rate_limiter = RateLimiter(scale=scale, sleep=clock.sleep, clock=lambda: clock.now)
    return LogsApi(server.client, lambda: "222222222222/eu-west-1", retry_policy, rate_limiter, **options)


def failing(times: int, operation: str, trouble: tuple[str, str]) -> Any:
    """Return a function that fails the first `times` calls of one operation."""
    left = [times]

    def spoil(name: str, _unused: dict[str, Any]) -> tuple[str, str] | None:
        if name != operation or not left[0]:
            return None
        left[0] -= 1
        return trouble

    return spoil


def test_groups_of_all_pages_are_listed_with_their_class(clock: Clock) -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(123)))
    server.classes["/group/077"] = "INFREQUENT_ACCESS"
    found = list(api(server, clock).groups())
    assert [group.name for group in found] == sorted(server.groups)
    assert found[77] == LogGroup("/group/077", "INFREQUENT_ACCESS", created=1440442987000)
    assert found[78].log_class == "STANDARD"
    assert server.operations() == ["DescribeLogGroups"] * 3


def test_groups_can_be_narrowed_to_a_prefix(clock: Clock) -> None:
    server = LogsServer("/aws/lambda/a", "/aws/rds/b")
    assert [group.name for group in api(server, clock).groups("/aws/l")] == ["/aws/lambda/a"]
    assert server.calls[0][1]["logGroupNamePrefix"] == "/aws/l"


def test_throttled_page_is_retried_and_lists_no_group_twice(clock: Clock) -> None:
    server = LogsServer(*(f"/group/{number:03}" for number in range(123)))
    server.spoil = failing(3, "DescribeLogGroups", ("ThrottlingException", "Rate exceeded"))
    assert len([group.name for group in api(server, clock).groups()]) == 123


def test_denied_listing_names_call_and_place(clock: Clock) -> None:
    server = LogsServer("/x")
    server.spoil = failing(1, "DescribeLogGroups", ("AccessDeniedException", "no"))
    with pytest.raises(
        _errors.AccessDeniedError, match=r"list the log groups in 222222222222/eu-west-1.*DescribeLogGroups"
    ):
        list(api(server, clock).groups())


def test_filters_of_all_pages_are_read(clock: Clock) -> None:
    server = LogsServer(slots=999)
    for number in range(73):
        server.add_filter("/x", f"filter-{number:02}", THEIRS)
    assert [item.name for item in api(server, clock).filters("/x")] == sorted(server.groups["/x"])


def test_filters_of_a_group_that_is_gone_are_not_found(clock: Clock) -> None:
    with pytest.raises(_errors.NotFoundError, match="log group /gone"):
        api(LogsServer(), clock).filters("/gone")


def test_put_to_missing_function_fails_at_once(clock: Clock) -> None:
    """A wrong function name was reported after a minute, because the permission of the function might have come."""
    server = LogsServer("/x")
    server.spoil = failing(99, "PutSubscriptionFilter", NOT_EXECUTABLE)
    calls = api(server, clock, is_missing=lambda destination: destination == THEIRS)
    with pytest.raises(_errors.AwsError, match=rf"There is no function {THEIRS}\. Correct destination_arn, or deploy"):
        calls.put(SubscriptionFilter("/x", "n", THEIRS))
    assert (clock.now, server.operations()) == (0, ["PutSubscriptionFilter"])
    with pytest.raises(_errors.AwsError, match=r"its policy lets logs\.amazonaws\.com invoke it"):
        calls.put(SubscriptionFilter("/x", "n", OURS))
    assert clock.now > 30


def test_filter_is_put_and_read_back(clock: Clock) -> None:
    server = LogsServer("/x")
    wanted = SubscriptionFilter("/x", "n", OURS, "ERROR", emit_system_fields=("@aws.account",))
    calls = api(server, clock)
    calls.put(wanted)
    assert calls.filters("/x") == [wanted]


@pytest.mark.parametrize(
    "trouble",
    [ABORTED, ("ThrottlingException", "Rate exceeded"), ("ServiceUnavailableException", "later"), NOT_EXECUTABLE],
)
def test_transient_put_error_is_retried(clock: Clock, trouble: tuple[str, str]) -> None:
    server = LogsServer("/x")
    server.spoil = failing(4, "PutSubscriptionFilter", trouble)
    api(server, clock).put(SubscriptionFilter("/x", "n", OURS))
    assert server.operations().count("PutSubscriptionFilter") == 5
    assert "n" in server.groups["/x"]


@pytest.mark.parametrize("operation", ["DescribeSubscriptionFilters", "DeleteSubscriptionFilter"])
def test_conflict_is_retried_for_reads_and_deletes(clock: Clock, operation: str) -> None:
    server = LogsServer()
    server.add_filter("/x", "n", OURS)
    server.spoil = failing(2, operation, ABORTED)
    calls = api(server, clock)
    calls.delete(calls.filters("/x")[0])
    assert server.groups["/x"] == {}


def test_retries_end_after_the_stated_time(clock: Clock) -> None:
    server = LogsServer("/x")
    server.spoil = failing(10**6, "PutSubscriptionFilter", ABORTED)
    with pytest.raises(_errors.ConflictError, match="put subscription filter n on log group /x"):
        api(server, clock, seconds=30).put(SubscriptionFilter("/x", "n", OURS))
    assert 20 <= clock.now <= 30


@pytest.mark.parametrize("code", ["InvalidParameterException", "AccessDeniedException"])
def test_permanent_error_is_raised_at_once(clock: Clock, code: str) -> None:
    server = LogsServer("/x")
    server.spoil = failing(10**6, "PutSubscriptionFilter", (code, "The pattern is wrong"))
    with pytest.raises(_errors.ReflectorError) as caught:
        api(server, clock).put(SubscriptionFilter("/x", "n", OURS))
    assert caught.value.code == code
    assert clock.now == 0


def test_missing_invoke_permission_error_has_advice(clock: Clock) -> None:
    server = LogsServer("/x")
    server.spoil = failing(10**6, "PutSubscriptionFilter", NOT_EXECUTABLE)
    with pytest.raises(_errors.AwsError) as caught:
        api(server, clock, seconds=5).put(SubscriptionFilter("/x", "n", OURS))
    assert OURS in caught.value.advice
    assert "lambda_permission" in caught.value.advice


def test_groups_share_the_wait_for_a_missing_permission(clock: Clock) -> None:
    server = LogsServer(*(f"/{number}" for number in range(20)))
    server.spoil = failing(10**6, "PutSubscriptionFilter", NOT_EXECUTABLE)
    calls = api(server, clock, seconds=60)
    for group in server.groups:
        with pytest.raises(_errors.AwsError):
            calls.put(SubscriptionFilter(group, "n", OURS))
    assert clock.now <= 60 + 8
    assert server.operations("/19") == ["PutSubscriptionFilter"]


def test_shared_wait_does_not_shorten_other_retries(clock: Clock) -> None:
    server = LogsServer("/a", "/b")
    server.spoil = failing(10**6, "PutSubscriptionFilter", NOT_EXECUTABLE)
    calls = api(server, clock, seconds=10)
    with pytest.raises(_errors.AwsError):
        calls.put(SubscriptionFilter("/a", "n", OURS))
    clock.sleep(10)
    server.spoil = failing(2, "PutSubscriptionFilter", ABORTED)
    calls.put(SubscriptionFilter("/b", "n", OURS))
    assert "n" in server.groups["/b"]


def test_full_group_names_slot_holders(clock: Clock) -> None:
    server = LogsServer("/x", slots=2)
    server.add_filter("/x", "theirs", THEIRS)
    server.add_filter("/x", "others", THEIRS + "-2")
    with pytest.raises(_errors.LimitReachedError) as caught:
        api(server, clock).put(SubscriptionFilter("/x", "n", OURS))
    assert "LimitExceededException" in str(caught.value)
    assert f"theirs (to {THEIRS}); others (to {THEIRS}-2)" in str(caught.value)
    assert "222222222222/eu-west-1" in str(caught.value)
    assert caught.value.advice.endswith("set the option slots (of the roles: log_groups_slots) to 2.")
    assert clock.now == 0


def test_limit_at_an_update_is_not_about_slots(clock: Clock) -> None:
    server = LogsServer()
    server.add_filter("/x", "n", OURS)
    server.spoil = failing(1, "PutSubscriptionFilter", ("LimitExceededException", "Too many regular expressions"))
    with pytest.raises(_errors.LimitReachedError) as caught:
        api(server, clock).put(SubscriptionFilter("/x", "n", OURS, "%a%"))
    assert "slots" not in str(caught.value)


def test_another_limit_than_the_slots_is_not_called_a_full_group(clock: Clock) -> None:
    server = LogsServer("/x")
    trouble = ("LimitExceededException", "Too many regular expressions")
    server.spoil = failing(1, "PutSubscriptionFilter", trouble)
    with pytest.raises(
        _errors.LimitReachedError, match="Too many regular expressions; the log group's filters are none"
    ):
        api(server, clock).put(SubscriptionFilter("/x", "n", OURS, "%a%"))


def test_putting_on_a_group_that_is_gone_is_not_found(clock: Clock) -> None:
    with pytest.raises(_errors.NotFoundError, match="log group /gone"):
        api(LogsServer(), clock).put(SubscriptionFilter("/gone", "n", OURS))


def test_missing_destination_is_not_a_missing_group(clock: Clock) -> None:
    server = LogsServer("/x")
    trouble = ("ResourceNotFoundException", "The specified destination does not exist.")
    server.spoil = failing(1, "PutSubscriptionFilter", trouble)
    with pytest.raises(_errors.AwsError, match="destination does not exist") as caught:
        api(server, clock).put(SubscriptionFilter("/x", "n", OURS))
    assert OURS in caught.value.advice


def test_delete_missing_filter_is_no_error(clock: Clock) -> None:
    server = LogsServer("/x")
    server.add_filter("/x", "foo", OURS)
    server.add_filter("/x", "foo-bar", OURS)
    calls = api(server, clock)
    for _unused in range(2):
        calls.delete(SubscriptionFilter("/x", "foo", OURS))
    calls.delete(SubscriptionFilter("/gone", "foo", OURS))
    assert list(server.groups["/x"]) == ["foo-bar"]


THROTTLED = ("ThrottlingException", "Rate exceeded")


def test_client_without_throttling_retries_raises_it_at_once(clock: Clock) -> None:
    server = LogsServer("/x")
    server.spoil = failing(3, "DescribeSubscriptionFilters", THROTTLED)
    patient = server.session.client("logs", config=Config(retries={"mode": "standard", "total_max_attempts": 6}))
    rate_limiter = RateLimiter(sleep=clock.sleep, clock=lambda: clock.now)
    retry_policy = RetryPolicy(seconds=60, sleep=clock.sleep, clock=lambda: clock.now)
    assert LogsApi(stop_at_limits(patient, retry_throttling=False), str, retry_policy, rate_limiter).filters("/x") == []
    assert rate_limiter.refused["DescribeSubscriptionFilters"] == 3
    assert rate_limiter.calls["DescribeSubscriptionFilters"] == 4


def test_throttling_is_retried_until_no_call_succeeds(clock: Clock) -> None:
    server = LogsServer("/a", "/b")
    calls = api(server, clock, seconds=30, scale=1)
    server.spoil = lambda _name, request: THROTTLED if request["logGroupName"] == "/a" else None
    with pytest.raises(_errors.ThrottledError, match="read the subscription filters of log group /a"):
        calls.filters("/a")
    assert clock.now >= 30
    # As long as other calls succeed, the call waits, however long.
    served: list[int] = []

    def now_and_then(_name: str, request: dict[str, Any]) -> tuple[str, str] | None:
        if len(served) < 200:
            served.append(1)
            clock.sleep(1)
            calls.rate_limiter.accepted("DescribeSubscriptionFilters")
            return THROTTLED
        return None

    server.spoil = now_and_then
    assert calls.filters("/a") == []
    assert clock.now > 200


def test_groups_are_listed_by_tag_a_thousand_a_call(clock: Clock) -> None:
    server = LogsServer(*(f"/{number:04}" for number in range(2500)))
    server.tags = {name: {"a": "1", "b": name[-1]} for name in server.groups}
    calls = api(server, clock)
    assert len(list(calls.tagged({"a": []}))) == 2500
    assert server.operations() == ["ListLogGroups"] * 4  # one of them checks whether AWS applies the filter
    assert len(list(calls.tagged({"a": ["1"], "b": ["0", "5"]}))) == 500


def test_old_botocore_cannot_list_by_tag(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = api(LogsServer("/x"), clock)
    monkeypatch.setattr(LogsApi, "can_list_by_tag", False)
    with pytest.raises(OutdatedSdkError, match=r"Install boto3 1\.43\.2 or later"):
        list(calls.tagged({"a": []}))
