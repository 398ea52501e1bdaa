# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all the work of this function needs: its place, its settings, clients and the pace. It outlives an invocation."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from logreflector._errors import AwsError, describe_operation
from logreflector._retry import RetryPolicy, stop_at_limits
from logreflector._subscriptions.account_policy import AccountPolicyApi
from logreflector._subscriptions.calls import LogsApi
from logreflector._subscriptions.choice import Choice, delivery_path, destination_function
from logreflector._subscriptions.delivery import written_log_groups
from logreflector._subscriptions.rate_limiter import RateLimiter
from logreflector._subscriptions.sweep import Sweep

from .events import SOURCE
from .settings import Place, read_settings

WORKERS = 10
"""Calls under way at once: at five a second, as many as latencies of two seconds would need."""

_RESERVE_SECONDS = 10.0
_LONGEST_PATIENCE = 60.0
_FRESH_SECONDS = 60.0
"""So long what AWS says of the target, and others may change meanwhile, is believed."""


@cache
def aws_client(service: str) -> Any:
    """A client made once serves all invocations of this process. Not to be asked for from several threads at once."""
    import boto3  # noqa: PLC0415  (0.3 CPU-seconds: events that need no call go without)
    from botocore.config import Config  # noqa: PLC0415

    retries = {"mode": "standard", "total_max_attempts": 6}
    config = Config(retries=retries, user_agent_extra="logreflector.aws", max_pool_connections=WORKERS + 2)
    return stop_at_limits(boto3.client(service, config=config))


class Deadline:
    """The time that this invocation has."""

    def __init__(self, context: Any) -> None:
        self._context = context

    def left(self) -> float:
        """Seconds, less a reserve to say how it went."""
        return max(float(self._context.get_remaining_time_in_millis()) / 1000 - _RESERVE_SECONDS, 0.0)

    def retry_policy(self) -> RetryPolicy:
        """For each call: several come one after the other."""
        return RetryPolicy(seconds=min(self.left() / 3, _LONGEST_PATIENCE))


class Worker:
    """Raises ReflectorError where this function's configuration cannot be used."""

    def __init__(self, function_arn: str, client: Callable[[str], Any] = aws_client) -> None:
        self.client = client
        self.place = Place.of(function_arn)
        self.destination = self.place.reflector()
        self.settings = read_settings(client, self.place)
        self.wanted = self.settings.wanted(self.destination)
        self._pace = RateLimiter(self.settings.options.rate_share)
        self._choice: tuple[float, Choice] | None = None
        self._no_policy = float("-inf")  # when there was none last

    @property
    def settles(self) -> bool:
        """Whether there is something to do for a new group after its filter."""
        options = self.settings.options
        return bool(options.backfill_seconds or options.retention_days)

    def is_left_to_policy(self, api: LogsApi, deadline: Deadline) -> bool:
        """Whether the account policy serves the target: filters beside it would bring every event twice. Where it does not,
        asked again after a while; where it does, each time, since a group that it leaves behind has nobody else."""
        at = time.monotonic()
        if at - self._no_policy < _FRESH_SECONDS:
            return False
        standing = AccountPolicyApi(api, deadline.retry_policy()).read()
        if standing is not None and standing.destination_arn == self.destination:
            return True
        self._no_policy = at
        return False

    def choice(self) -> Choice:
        """Which log groups. Asks AWS where the functions of the delivery write to, again after a while, and raises what that
        raises: not knowing it, a subscription might be a loop."""
        at = time.monotonic()
        if self._choice is None or at - self._choice[0] > _FRESH_SECONDS:
            functions = [destination_function(self.destination), self.place.function]
            written = list(written_log_groups(self.client, filter(None, functions), str(self.place)))
            own = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
            others = [self.place.function, *self.settings.options.own_functions]
            path = delivery_path(self.destination, others, filter(None, [own, *written]))
            self._choice = at, self.settings.choice(path)
        return self._choice[1]

    def api(self, deadline: Deadline) -> LogsApi:
        """CloudWatch Logs at the pace of this process, which is alone in its target: the queue has one message group."""
        return LogsApi(self.client("logs"), lambda: str(self.place), deadline.retry_policy(), self._pace)

    def sweep(self, api: LogsApi, **options: Any) -> Sweep:
        """The rules and what is wanted; `options` as Sweep has them."""
        return Sweep(
            api,
            self.choice(),
            self.wanted,
            arn=self.place.log_group_arn,
            mark=self.settings.options.tag_log_groups,
            workers=WORKERS,
            **options,
        )

    def publish(self, detail_type: str, detail: Mapping[str, Any]) -> None:
        """Write to a later invocation, by way of the event bus: Lambda's recursion detection does not follow that one
        (Lambda developer guide, "Use Lambda recursive loop detection"), and what ends is ours to see to."""
        operation = f"hand over {detail_type!r}"
        entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": json.dumps(detail)}
        with describe_operation(operation, str(self.place)):
            answer = self.client("events").put_events(Entries=[entry])
        if answer.get("FailedEntryCount"):
            refused = answer["Entries"][0]
            message = refused.get("ErrorMessage") or "the event bus did not take it"
            raise AwsError(operation, message, code=refused.get("ErrorCode", ""), where=str(self.place))


def now() -> int:
    """Ms since 1970."""
    return time.time_ns() // 1_000_000
