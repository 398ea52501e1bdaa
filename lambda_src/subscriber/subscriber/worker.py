# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts that all work of this function shares: place, settings, clients, rate limiter. They are kept between invocations."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

from logreflector._errors import ReflectorError, describe_operation
from logreflector._retry import RetryPolicy, stop_at_limits
from logreflector._subscriptions.account_policy import AccountPolicyApi
from logreflector._subscriptions.calls import LogsApi
from logreflector._subscriptions.choice import Choice, destination_function, own_log_groups
from logreflector._subscriptions.delivery import written_log_groups
from logreflector._subscriptions.planning import SweepSettings
from logreflector._subscriptions.rate_limiter import RateLimiter
from logreflector._subscriptions.settings import choice_of, desired_filter
from logreflector._subscriptions.sweep import Sweep

from .events import SOURCE
from .settings import OwnFunction, read_settings

WORKERS = 10
"""Concurrent calls: five a second with a latency of two seconds each."""

BACKGROUND_SHARE = 0.5
"""Share of AWS's rates for sweeps. The quotas cannot be raised, and other tools of the account need them too."""

MOST_REMEMBERED = 20_000
"""Log groups that a memory of this process holds."""

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
    client = boto3.client(service, config=config)
    client.meta.events.register_first("before-call.sqs.SendMessage", _begin_new_trace)
    # All calls to CloudWatch Logs use the rate limiter.
    return stop_at_limits(client, retry_throttling=service != "logs")


def _begin_new_trace(params: dict[str, Any], **_unused: Any) -> None:
    """Send a message without the lineage that botocore would add to it in Lambda.

    With it Lambda takes a sweep for an endless loop and stops it after about 16 slices (Lambda developer guide, "Use Lambda
    recursive loop detection": the detection works with the trace headers of the SDK). Each slice starts after the last log
    group of the slice before it, so the chain ends.
    """
    trace = f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    params["headers"]["X-Amzn-Trace-Id"] = trace


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
        self.own = OwnFunction.of(function_arn)
        self.destination = self.own.reflector()
        self.settings = read_settings(client, self.own)
        self.desired = desired_filter(self.settings, self.destination)
        share, region = self.settings.rate_share, self.own.region
        self._rate_limiter = RateLimiter(share, region=region)
        self._background = RateLimiter(min(share, BACKGROUND_SHARE), region=region)
        self._choice: tuple[float, Choice] | None = None
        self._no_policy = float("-inf")  # when there was no policy last

    @property
    def has_follow_up(self) -> bool:
        """Whether there is something to do for a new group after its filter."""
        return bool(self.settings.backfill_seconds or self.settings.retention_days)

    def is_left_to_policy(self, api: LogsApi, deadline: Deadline) -> bool:
        """Whether the account policy serves the target: a filter beside it would send every event twice.

        "No" is cached for a while. "Yes" is not, because a group that the policy no longer serves would have no filter.
        """
        at = time.monotonic()
        if at - self._no_policy < _FRESH_SECONDS:
            return False
        policy, note = AccountPolicyApi(api, deadline.retry_policy()).read_if_possible()
        if note:
            print(json.dumps({"outcome": "note", "reason": note}))
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
            functions = [destination_function(self.destination), self.own.function]
            written = list(written_log_groups(self.client, filter(None, functions), self.own.where))
            own = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
            others = [self.own.function, *self.settings.own_functions]
            log_groups = own_log_groups(self.destination, others, filter(None, [own, *written]))
            self._choice = at, choice_of(self.settings, log_groups)
        return self._choice[1]

    def api(self, deadline: Deadline, *, in_background: bool = False) -> LogsApi:
        """Return CloudWatch Logs with a rate limiter of this process. Follow-ups may run in another process at the same time.

        in_background   for work that nobody waits for: leave half of AWS's rates to other tools of the account
        """
        limiter = self._background if in_background else self._rate_limiter
        return LogsApi(self.client("logs"), lambda: self.own.where, deadline.retry_policy(), limiter)

    def sweep(self, api: LogsApi, options: SweepSettings) -> Sweep:
        """Return a sweep with the settings' rules and filter."""
        options = replace(options, tag_log_groups=self.settings.tag_log_groups, workers=WORKERS)
        return Sweep(api, self.choice(), self.desired, self.own.log_group_arn, options)

    def hand_over(self, detail_type: str, detail: Mapping[str, Any], message_group: str) -> None:
        """Send a message for a later invocation to the function's own queue. Its policy lets nobody else send such messages.

        message_group   messages of one group come one by one
        """
        queue = os.environ.get("WORK_QUEUE") or f"{self.own.function}.fifo"
        client = self.client("sqs")
        with describe_operation(f"hand over {detail_type!r} through queue {queue}", self.own.where):
            client.send_message(
                QueueUrl=queue_url(client, self.own.account, queue),
                MessageBody=json.dumps({"source": SOURCE, "detail-type": detail_type, "detail": detail}),
                MessageGroupId=message_group,
            )


def now() -> int:
    """Return the ms since 1970."""
    return time.time_ns() // 1_000_000


def queue_url(client: Any, account: str, queue: str) -> str:
    """Return the URL of a queue in the region of the boto3 "sqs" client, without a call."""
    return f"{client.meta.endpoint_url}/{account}/{queue}"


def reason_of(error: Exception) -> str:
    """Return the reason for a report. Errors other than ReflectorError are unclear without their type."""
    return str(error) if isinstance(error, ReflectorError) else f"{type(error).__name__}: {error}"


def forget_oldest(memory: dict[Any, Any]) -> None:
    """Remove the first entries of a process's memory that are beyond `MOST_REMEMBERED`."""
    for key in list(islice(memory, max(len(memory) - MOST_REMEMBERED, 0))):
        del memory[key]
