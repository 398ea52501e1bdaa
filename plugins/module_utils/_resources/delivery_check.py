# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The delivery check: sends one test line through a target and measures how long it takes."""

from __future__ import annotations

import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .._errors import InvalidInputError, ReflectorError, check_name
from .._options.delivery_check import DeliveryCheckOptions
from .._retry import RetryPolicy
from .._session import Target
from .._subscriptions.account_policy import AccountPolicy, AccountPolicyApi
from .._subscriptions.calls import LogsApi
from .._subscriptions.choice import default_log_group, tag_values
from .._subscriptions.delivery import log_group_of
from .delivery_reports import LogReader, Report, delivery_report, read_leniently, subscription_report
from .reflector_ready import require_reflector
from .subscriptions.shared import destination
from .trails import check_trail

LEFTOVER_SECONDS = 3600.0
"""The check's log groups that are older were left behind by a run that was killed."""

GROUP_SECONDS = 60.0
"""Interval for creating another log group while none has a filter: CloudTrail delivers events at best effort, and a new
event rule may miss some (API reference, PutRule)."""

REWRITE_SECONDS = 10.0
"""Interval for writing the line again if the account policy serves the log group."""

LOG_SECONDS = 5.0
"""Interval for reading the subscriber's log."""

ANY_TAG_VALUE = "delivery-check"
"""The tag value if the rules accept any value."""

NAME_INFIX = "delivery-check-"
"""Part of each name after the prefix, so that no other log group is removed as a leftover by accident."""

LOG_STREAM = "delivery-check"

_DENIALS = 2  # reports of a missing permission: a new role may lack it for some seconds


class DeliveryCheckError(ReflectorError):
    """A step of the delivery did not happen in time."""


@dataclass(frozen=True, slots=True)
class CheckLogGroup:
    """A log group of a delivery check, and where it is."""

    target: Target
    name: str

    def remove(self) -> None:
        """Delete it. A log group that is already gone is no error."""
        logs = self.target.client("logs")
        with self.target.describe_operation(f"delete the log group {self.name}"):
            try:
                logs.delete_log_group(logGroupName=self.name)
            except logs.exceptions.ResourceNotFoundException:
                return


def list_check_log_groups(target: Target, names: str, seconds: float) -> list[CheckLogGroup]:
    """Return the log groups with this beginning and twelve hexadecimal digits that are older than that."""
    made_by_check = re.compile(re.escape(names) + "[0-9a-f]{12}")
    before = (time.time() - seconds) * 1000
    pages = target.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=names)
    with target.describe_operation("list the log groups that earlier delivery checks left behind"):
        return [
            CheckLogGroup(target, group["logGroupName"])
            for page in pages
            for group in page["logGroups"]
            if made_by_check.fullmatch(group["logGroupName"]) and group["creationTime"] <= before
        ]


def remove_all(log_groups: Iterable[CheckLogGroup]) -> None:
    """Delete the log groups. Raises the last error after all were tried."""
    failure: ReflectorError | None = None
    for log_group in log_groups:
        try:
            log_group.remove()
        except ReflectorError as error:
            failure = error
    if failure:
        raise failure


class DeliveryCheck:
    """One test of a target with log groups of its own. Times are in seconds.

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
        self.notes: list[str] = []
        self._target, self._options = target, options
        self._names = options.log_group_prefix + NAME_INFIX
        self._tags = _tags(target, options.tags)
        self._reflector_arn = destination(target, options.function_name, "function_name")
        self._reflector_log_group = ""
        self._logs = target.client("logs")
        self._created: dict[str, float] = {}  # log group -> when it was created
        self._log_group = ""  # the one that the line is written to
        self._pattern = ""
        self._written_at = 0.0
        self._lines: dict[int, float] = {}  # timestamp of a line -> when it was written
        self._cause = ""  # what a function reported as the reason why a step is not done
        self._denials = 0
        self._readers: deque[tuple[str, LogReader]] = deque()  # of the subscriber's log, by log group
        self._read_at = 0.0

    def require_reflector(self) -> None:
        """Find the reflector and its log group. NotFoundError or AccessDeniedError, with advice, if it cannot be reached."""
        name = self._options.function_name
        configuration = require_reflector(self._target, name, f"{self._names}0")
        self._reflector_log_group = log_group_of(configuration, name)

    def require_trail(self) -> None:
        """Raise NoTrailError if no event can report a new log group. A trail that cannot be read is a note."""
        if self._options.trail and not self.by_policy and (note := check_trail(self._target)):
            self.notes.append(note)

    def read_policy(self) -> AccountPolicy | None:
        """Return the account policy if it sends to the reflector."""
        retry_policy = RetryPolicy(seconds=0)
        policy = AccountPolicyApi(LogsApi(self._logs, lambda: self._target.where, retry_policy), retry_policy).read()
        return policy if policy and policy.destination_arn == self._reflector_arn else None

    def list_leftovers(self, seconds: float) -> list[CheckLogGroup]:
        """Return log groups of delivery checks that are older than that, by the exact form of their names."""
        return list_check_log_groups(self._target, self._names, seconds)

    def run(self) -> dict[str, Any]:
        """Send the line and return the measured delays. Removes the log groups in any case.

        Raises DeliveryCheckError for the step that did not happen in time.
        """
        try:
            self._create_log_group()
            if self.by_policy:
                self._wait_for(self._is_covered, "the account policy did not cover it", self._advise_policy)
            else:
                self._wait_for(self._is_subscribed, "it got no subscription filter", self._advise_filter)
            subscribed = time.monotonic()
            self._create_stream()
            self._write_line()
            written = time.monotonic()
            reflector = f"the reflector {self._options.function_name}"
            reader = LogReader(self._target, reflector, self._reflector_log_group, self._log_group)
            self._cause = ""
            not_reported = "the reflector did not report delivery of the test line"
            self._wait_for(partial(self._is_delivered, reader), not_reported, self._advise_delivery)
            delivered = time.monotonic()
        finally:
            remove_all(self._log_groups())
        if missed := len(self._created) - 1:
            self.notes.append(
                f"{missed} of {len(self._created)} test log groups had no filter in time: AWS delivers the events of new log"
                " groups at best effort, and the daily sweep subscribes those that it missed"
            )
        return {
            "log_group": self._log_group,
            "log_groups": len(self._created),
            "seconds_to_subscription": round(subscribed - self._created[self._log_group], 2),
            "seconds_to_delivery": round(delivered - written, 2),
        }

    def _create_log_group(self) -> None:
        name = f"{self._names}{uuid.uuid4().hex[:12]}"
        with self._target.describe_operation(f"create the log group {name}"):
            tags = {"tags": self._tags} if self._tags else {}
            self._logs.create_log_group(logGroupName=name, **tags)
        self._created[name] = time.monotonic()
        function = self._options.subscriber_function_name
        reader = LogReader(self._target, f"the subscriber {function}", default_log_group(function), name)
        self._readers.append((name, reader))
        self._log_group = name

    def _log_groups(self) -> list[CheckLogGroup]:
        return [CheckLogGroup(self._target, name) for name in self._created]

    def _create_stream(self) -> None:
        with self._target.describe_operation(f"create a log stream in {self._log_group}"):
            self._logs.create_log_stream(logGroupName=self._log_group, logStreamName=LOG_STREAM)

    def _message(self) -> str:
        return self._options.line or f"log reflector delivery check {self._log_group}"

    def _write_line(self) -> None:
        self._written_at = time.monotonic()
        with self._target.describe_operation(f"write the test line to {self._log_group}"):
            stamp = int(time.time() * 1000)
            line = {"timestamp": stamp, "message": self._message()}
            self._logs.put_log_events(logGroupName=self._log_group, logStreamName=LOG_STREAM, logEvents=[line])
        self._lines[stamp] = self._written_at

    def _is_subscribed(self) -> bool:
        """Return whether one of the log groups has its filter; that one gets the line. Creates another one in intervals."""
        api = LogsApi(self._logs, lambda: self._target.where)
        for name in self._created:
            own = next((item for item in api.filters(name) if item.destination_arn == self._reflector_arn), None)
            if own:
                self._log_group, self._pattern = name, own.filter_pattern
                return True
        self._read_subscriber()
        if time.monotonic() - self._created[self._log_group] >= GROUP_SECONDS:
            self._create_log_group()
        return False

    def _read_subscriber(self) -> None:
        """Read in the subscriber's log why there is no filter yet."""
        if time.monotonic() - self._read_at < LOG_SECONDS:
            return
        self._read_at = time.monotonic()
        # One log group at a time, so that many of them take no more calls.
        name, reader = self._readers[0]
        self._readers.append(self._readers.popleft())
        for line in read_leniently(reader):
            self._note(subscription_report(line, name))

    def _is_covered(self) -> bool:
        policy = self.read_policy()
        self._pattern = policy.filter_pattern if policy else ""
        return policy is not None and policy.covers(self._log_group)

    def _is_delivered(self, reader: LogReader) -> bool:
        """Return whether the reflector's log has an accounting line with a delivery from the log group."""
        if self.by_policy and time.monotonic() - self._written_at > REWRITE_SECONDS:
            self._write_line()  # AWS does not report when the policy is in force for a new log group
        reports = [report for line in reader.read() if (report := delivery_report(line, self._log_group))]
        if any(report.is_success for report in reports):
            return True
        for report in reports:
            self._note(report)
        return False

    def _note(self, report: Report | None) -> None:
        """Keep the reason of a failure. Raises DeliveryCheckError for one that no retry changes."""
        if report is None:
            return
        self._cause = report.reason or self._cause
        self._denials += report.is_denied
        if report.is_final or self._denials >= _DENIALS:
            raise self._failed(report.reason or "the reflector put the test line into its dead-letter queue", "")

    def _failed(self, message: str, advice: str) -> DeliveryCheckError:
        operation = f"prove the delivery from the log group {self._log_group}"
        return DeliveryCheckError(operation, message, advice=advice, where=self._target.where)

    def _wait_for(self, condition: Callable[[], bool], failure: str, advise: Callable[[], str]) -> None:
        end = time.monotonic() + self.timeout
        pause = 0.2
        while not condition():
            if time.monotonic() > end:
                cause = f"; {self._cause}" if self._cause else ""
                raise self._failed(f"{failure} within {self.timeout:g} s{cause}", "" if cause else advise())
            # DescribeSubscriptionFilters: 5 calls a second, shared with everybody.
            time.sleep(max(pause, 0.5 * (len(self._created) - 1)))
            pause = min(pause * 1.5, 3)

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
            f"{self._message()!r}: set the option line to a matching one. Otherwise check {advice}"
        )


def _tags(target: Target, wanted: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the first accepted value of each tag that the rules ask for."""
    values = tag_values("tags", target.expand(dict(wanted or {})))
    return {key: [*accepted, ANY_TAG_VALUE][0] for key, accepted in values.items()}
