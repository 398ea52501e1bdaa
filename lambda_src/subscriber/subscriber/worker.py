# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all work of this function needs: place, settings, clients, rate limiter. It is kept between invocations."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from logreflector._errors import AwsError, describe_operation
from logreflector._retry import RetryPolicy, stop_at_limits
from logreflector._subscriptions.account_policy import AccountPolicyApi
from logreflector._subscriptions.calls import LogsApi
from logreflector._subscriptions.choice import Choice, destination_function, own_log_groups
from logreflector._subscriptions.delivery import written_log_groups
from logreflector._subscriptions.planning import SweepOptions
from logreflector._subscriptions.rate_limiter import RateLimiter
from logreflector._subscriptions.settings import choice_of, desired_filter
from logreflector._subscriptions.sweep import Sweep

from .events import SOURCE
from .settings import Place, read_settings

WORKERS = 10
"""Concurrent calls: five a second with a latency of two seconds each."""

_RESERVE_SECONDS = 10.0
_LONGEST_RETRIES = 60.0
_FRESH_SECONDS = 60.0
"""How long answers of AWS that others may change are cached."""


@cache
def aws_client(service: str) -> Any:
    """Return the client of a service, the same for all invocations of this process. Call it from one thread only."""
    import boto3  # noqa: PLC0415  (0.3 CPU-seconds: events that need no call go without)
    from botocore.config import Config  # noqa: PLC0415

    retries = {"mode": "standard", "total_max_attempts": 6}
    config = Config(retries=retries, user_agent_extra="logreflector.aws", max_pool_connections=WORKERS + 2)
    # All calls to CloudWatch Logs use the rate limiter.
    return stop_at_limits(boto3.client(service, config=config), retry_throttling=service != "logs")


class Deadline:
    """The remaining time of this invocation."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def left(self) -> float:
        """Return the seconds left, without a reserve for the report."""
        return max(float(self._context.get_remaining_time_in_millis()) / 1000 - _RESERVE_SECONDS, 0.0)

    def retry_policy(self) -> RetryPolicy:
        """Return the retries for each of several calls in a row."""
        return RetryPolicy(seconds=min(self.left() / 3, _LONGEST_RETRIES))


class Worker:
    """The function's configuration and its clients. Raises ReflectorError for a wrong configuration."""

    def __init__(self, function_arn: str, client: Callable[[str], Any] = aws_client) -> None:
        self.client = client
        self.place = Place.of(function_arn)
        self.destination = self.place.reflector()
        self.settings = read_settings(client, self.place)
        self.desired = desired_filter(self.settings, self.destination)
        self._rate_limiter = RateLimiter(self.settings.rate_share)
        self._choice: tuple[float, Choice] | None = None
        self._no_policy = float("-inf")  # when there was no policy last

    @property
    def has_follow_up(self) -> bool:
        """Whether there is something to do for a new group after its filter."""
        return bool(self.settings.backfill_seconds or self.settings.retention_days)

    def is_left_to_policy(self, api: LogsApi, deadline: Deadline) -> bool:
        """Whether the account policy serves the target: a filter beside it would send every event twice.

        "No" is cached for a while. "Yes" is not, because a group that the policy stops serving has nobody else.
        """
        at = time.monotonic()
        if at - self._no_policy < _FRESH_SECONDS:
            return False
        policy = AccountPolicyApi(api, deadline.retry_policy()).read()
        if policy is not None and policy.destination_arn == self.destination:
            return True
        self._no_policy = at
        return False

    def choice(self) -> Choice:
        """Return the rules. Reads, at most once a minute, which log groups the delivery's functions write to.

        Errors are raised, because a subscription without that knowledge might be a loop.
        """
        at = time.monotonic()
        if self._choice is None or at - self._choice[0] > _FRESH_SECONDS:
            functions = [destination_function(self.destination), self.place.function]
            written = list(written_log_groups(self.client, filter(None, functions), str(self.place)))
            own = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
            others = [self.place.function, *self.settings.own_functions]
            log_groups = own_log_groups(self.destination, others, filter(None, [own, *written]))
            self._choice = at, choice_of(self.settings, log_groups)
        return self._choice[1]

    def api(self, deadline: Deadline) -> LogsApi:
        """Return CloudWatch Logs with this process's rate limiter. No other runs in this target: the queue has one message group."""
        return LogsApi(self.client("logs"), lambda: str(self.place), deadline.retry_policy(), self._rate_limiter)

    def sweep(self, api: LogsApi, options: SweepOptions) -> Sweep:
        """Return a sweep with the settings' rules and filter."""
        options = replace(options, tag_log_groups=self.settings.tag_log_groups, workers=WORKERS)
        return Sweep(api, self.choice(), self.desired, self.place.log_group_arn, options)

    def publish(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Send an event to a later invocation through the event bus. Lambda's recursion detection does not follow that
        (Lambda developer guide, "Use Lambda recursive loop detection"), so callers must make sure that the chain ends."""
        operation = f"publish the event {detail_type!r}"
        entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail)}
        with describe_operation(operation, str(self.place)):
            answer = self.client("events").put_events(Entries=[entry])
        if answer.get("FailedEntryCount"):
            refused = answer["Entries"][0]
            message = refused.get("ErrorMessage") or "the event bus did not accept it"
            raise AwsError(operation, message, code=refused.get("ErrorCode", ""), where=str(self.place))


def now() -> int:
    """Return the ms since 1970."""
    return time.time_ns() // 1_000_000
