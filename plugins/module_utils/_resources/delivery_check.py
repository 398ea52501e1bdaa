# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The delivery check: sends one test line through a target and measures how long it takes."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from .._delivery_line import DELIVERED_EVENTS, LOG_GROUP
from .._errors import InvalidInputError, NotFoundError, ReflectorError, check_name
from .._options.delivery_check import DeliveryCheckOptions
from .._options.option import read
from .._plan import Params, Result
from .._retry import RetryPolicy
from .._session import Target
from .._subscriptions.account_policy import AccountPolicy, AccountPolicyApi
from .._subscriptions.calls import LogsApi
from .._subscriptions.choice import tag_values
from .._subscriptions.delivery import function_configuration, log_group_of
from .subscriptions.shared import destination

LEFTOVER_SECONDS = 3600.0
"""The check's log groups that are older were left behind by a run that was killed."""

REWRITE_SECONDS = 10.0
"""Interval for writing the line again if the account policy serves the log group."""

ANY_TAG_VALUE = "canary"
"""The tag value if the rules accept any value."""

NAME_INFIX = "canary-"
"""Part of each name after the prefix, so that no other log group is removed as a leftover by accident."""

LOG_STREAM = "delivery-check"


class DeliveryCheckError(ReflectorError):
    """A step of the delivery did not happen in time."""


class DeliveryCheck:
    """One test of a target with a log group of its own. Times are in seconds.

    by_policy   the account policy is expected to serve the log group, not a filter
    """

    def __init__(self, target: Target, options: DeliveryCheckOptions) -> None:
        check_name(
            "log_group_prefix",
            options.log_group_prefix,
            r"[-._/#A-Za-z0-9]{1,480}",
            "1 to 480 letters, digits and any of -._/#",
        )
        if options.line == "":
            raise InvalidInputError("line", "it is empty, and CloudWatch Logs accepts no empty message")
        self.by_policy = options.subscription == "account_policy"
        self.timeout = float(options.timeout)
        self._target = target
        self._function_name = options.function_name
        self._names = options.log_group_prefix + NAME_INFIX
        self._log_group = f"{self._names}{uuid.uuid4().hex[:12]}"
        self._tags = _tags(target, options.tags)
        self._message = options.line or f"log reflector delivery check {self._log_group}"
        self._reflector_arn = destination(target, options.function_name, "function_name")
        self._reflector_log_group = ""
        self._logs = target.client("logs")
        self._pattern = ""
        self._written_at = 0.0

    def require_reflector(self) -> None:
        """Find the reflector and its log group. NotFoundError, with advice, if there is none."""
        advice = "Deploy first: ansible-playbook logreflector.aws.deploy."
        name = self._function_name
        try:
            configuration = function_configuration(self._target.client("lambda"), name, self._target.where)
        except NotFoundError as error:
            operation = f"find the reflector {name}"
            raise NotFoundError(operation, error.message, advice=advice, code=error.code, where=error.where) from error
        self._reflector_log_group = log_group_of(configuration, name)

    def read_policy(self) -> AccountPolicy | None:
        """Return the account policy if it sends to the reflector."""
        retry_policy = RetryPolicy(seconds=0)
        policy = AccountPolicyApi(LogsApi(self._logs, lambda: self._target.where, retry_policy), retry_policy).read()
        return policy if policy and policy.destination_arn == self._reflector_arn else None

    def list_leftovers(self, seconds: float) -> list[str]:
        """Return log groups of delivery checks that are older than that, by the exact form of their names."""
        made_by_check = re.compile(re.escape(self._names) + "[0-9a-f]{12}")
        before = (time.time() - seconds) * 1000
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self._names)
        with self._target.describe_operation("list the log groups that earlier delivery checks left behind"):
            return [
                group["logGroupName"]
                for page in pages
                for group in page["logGroups"]
                if made_by_check.fullmatch(group["logGroupName"]) and group["creationTime"] <= before
            ]

    def remove(self, log_group: str) -> None:
        """Delete a log group of a delivery check. A log group that is already gone is no error."""
        with self._target.describe_operation(f"delete the log group {log_group}"):
            try:
                self._logs.delete_log_group(logGroupName=log_group)
            except self._logs.exceptions.ResourceNotFoundException:
                return

    def run(self) -> dict[str, Any]:
        """Send the line and return the measured delays. Removes the log group in any case.

        Raises DeliveryCheckError for the step that did not happen in time.
        """
        self._create_log_group()
        try:
            created = time.monotonic()
            if self.by_policy:
                self._wait_for(self._is_covered, "the account policy did not cover it", self._advise_policy)
            else:
                self._wait_for(self._is_subscribed, "it got no subscription filter", self._advise_filter)
            subscribed = time.monotonic()
            self._create_stream()
            self._write_line()
            written = time.monotonic()
            not_reported = "the reflector did not report delivery of the test line"
            self._wait_for(self._is_delivered, not_reported, self._advise_delivery)
            delivered = time.monotonic()
        finally:
            self.remove(self._log_group)
        return {
            "log_group": self._log_group,
            "seconds_to_subscription": round(subscribed - created, 2),
            "seconds_to_delivery": round(delivered - written, 2),
        }

    def _create_log_group(self) -> None:
        with self._target.describe_operation(f"create the log group {self._log_group}"):
            tags = {"tags": self._tags} if self._tags else {}
            self._logs.create_log_group(logGroupName=self._log_group, **tags)

    def _create_stream(self) -> None:
        with self._target.describe_operation(f"create a log stream in {self._log_group}"):
            self._logs.create_log_stream(logGroupName=self._log_group, logStreamName=LOG_STREAM)

    def _write_line(self) -> None:
        self._written_at = time.monotonic()
        with self._target.describe_operation(f"write the test line to {self._log_group}"):
            line = {"timestamp": int(time.time() * 1000), "message": self._message}
            self._logs.put_log_events(logGroupName=self._log_group, logStreamName=LOG_STREAM, logEvents=[line])

    def _is_subscribed(self) -> bool:
        filters = LogsApi(self._logs, lambda: self._target.where).filters(self._log_group)
        ours = next((item for item in filters if item.destination_arn == self._reflector_arn), None)
        self._pattern = ours.filter_pattern if ours else ""
        return ours is not None

    def _is_covered(self) -> bool:
        policy = self.read_policy()
        self._pattern = policy.filter_pattern if policy else ""
        return policy is not None and policy.covers(self._log_group)

    def _is_delivered(self) -> bool:
        """Return whether the reflector's log has an accounting line with a delivery from the log group."""
        if self.by_policy and time.monotonic() - self._written_at > REWRITE_SECONDS:
            self._write_line()  # AWS does not report when the policy is in force for a new log group
        paginator = self._logs.get_paginator("filter_log_events")
        with self._target.describe_operation(f"read the log of the reflector {self._function_name}"):
            pages = paginator.paginate(
                logGroupName=self._reflector_log_group,
                filterPattern=f'"{self._log_group}"',
                startTime=int((time.time() - self.timeout - 60) * 1000),
            )
            return any(
                _reports_delivery(event["message"], self._log_group) for page in pages for event in page["events"]
            )

    def _wait_for(self, condition: Callable[[], bool], failure: str, advise: Callable[[], str]) -> None:
        end = time.monotonic() + self.timeout
        pause = 0.2
        while not condition():
            if time.monotonic() > end:
                raise DeliveryCheckError(
                    f"prove the delivery from the log group {self._log_group}",
                    f"{failure} within {self.timeout:g} s",
                    advice=advise(),
                    where=self._target.where,
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 3)  # DescribeSubscriptionFilters: 5 calls a second, shared with everybody

    def _advise_policy(self) -> str:
        return (
            f"Check that the account has a subscription filter policy that sends to {self._reflector_arn} "
            f"(logreflector.aws.account_subscription_policy) and does not exclude {self._log_group}."
        )

    def _advise_filter(self) -> str:
        return (
            f"Check that the subscriber's rules (include and exclude) choose the log group {self._log_group}, that a trail "
            "logs management events in this region, that the event rule and the subscriber exist, and the subscriber's log "
            "and dead-letter queue."
        )

    def _advise_delivery(self) -> str:
        advice = "the reflector's log and dead-letter queue, and that its sink accepts requests."
        if not self._pattern:
            return f"Check {advice}"
        source = "account policy" if self.by_policy else "filter"
        return (
            f"The {source} forwards only lines that match its pattern {self._pattern!r}, and the line was "
            f"{self._message!r}: set the option line to a matching one. Otherwise check {advice}"
        )


def _tags(target: Target, wanted: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the first accepted value of each tag that the rules ask for."""
    values = tag_values("tags", target.expand(dict(wanted or {})))
    return {key: [*accepted, ANY_TAG_VALUE][0] for key, accepted in values.items()}


def _reports_delivery(message: str, log_group: str) -> bool:
    try:
        line = json.loads(message)
    except ValueError:
        return False
    return isinstance(line, dict) and line.get(LOG_GROUP) == log_group and line.get(DELIVERED_EVENTS, 0) >= 1


def check_delivery(target: Target, params: Params, check_mode: bool) -> Result:
    """Do the work of the module delivery_check. Only log groups that other runs left behind count as a change."""
    options = read(DeliveryCheckOptions, params)
    check = DeliveryCheck(target, options)
    if options.state == "absent":
        leftovers = check.list_leftovers(0)
    else:
        check.require_reflector()
        leftovers = check.list_leftovers(
            max(LEFTOVER_SECONDS, 4 * check.timeout)
        )  # older than any run that still waits
    if check_mode:
        return {**_removed(leftovers), "delivery_check": None}
    removed: list[str] = []
    try:
        for log_group in leftovers:
            check.remove(log_group)
            removed.append(log_group)
        if options.subscription == "any" and options.state == "present":
            check.by_policy = check.read_policy() is not None
        return {**_removed(removed), "delivery_check": None if options.state == "absent" else check.run()}
    except ReflectorError as error:
        error.done = _removed(removed)
        raise


def _removed(leftovers: list[str]) -> Result:
    return {
        "changed": bool(leftovers),
        "changes": [f"delete log group {log_group}" for log_group in leftovers],
        "removed_leftovers": list(leftovers),
    }
