# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the coverage of a target whose events AWS's centralization copies. Changes nothing in AWS.

The log groups are read in the target, the rules at their administrator, the copies and what serves them in the destination.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from ..._errors import NotFoundError, ReflectorError
from ..._options.coverage import CoverageOptions
from ..._plan import Params, Result
from ..._resources.reflector_ready import find_reflector, read_path
from ..._resources.subscriptions.shared import destination, logs_api
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.account_policy import AccountPolicy, AccountPolicyApi
from ..._subscriptions.calls import LogsApi
from ..._subscriptions.choice import Choice, LogGroup
from ..._subscriptions.coverage import CoverageRow, PolicyCoverage
from ..._subscriptions.filters import DesiredFilter
from ..._subscriptions.rate_limiter import SHARE
from ..catch_up import WAIT_SECONDS
from ..event_flow.metrics import Metrics
from ..event_flow.scope import period_of
from ..metrics import Series
from ..once import once
from .coverage import Activity, CentralizedCoverage, DestinationCopies, Finding
from .flow_read import CopyFlowReader
from .origins import read_pattern
from .places import OtherHost, Places, read_actual_rules
from .rules import CopyRule, Rules, SourceTarget

EVERYTHING = Choice(("*",), ())
"""Rules that choose every log group."""


class CentralizedReader:
    """Reads the rows of one target.

    mode    of the target
    notes   what could not be read
    """

    mode = "centralized"

    def __init__(self, target: Target, params: Params, options: CoverageOptions) -> None:
        self.notes: list[str] = []
        self._target, self._options = target, options
        self._params: dict[str, Any] = {"rate_share": SHARE, **params, "wait_timeout": WAIT_SECONDS}
        self.api = logs_api(target, self._params)
        period = period_of(options, time.time())
        self._metrics = Metrics(target, period)
        self._flow = CopyFlowReader(target, self._params, self._metrics, period) if options.flow else None
        self._places = Places.from_params(params)

    @cached_property
    def rules(self) -> Rules:
        """The rules, as their administrator has them."""
        found = read_actual_rules(self._target, self._params, self._places.administrator)
        self.notes += [f"not every centralization rule was read: {each}" for each in found.unread]
        return found

    @cached_property
    def destinations(self) -> dict[tuple[str, str], DestinationCopies]:
        """The destinations of the rules that may copy something from here, as far as they are hosts of the inventory."""
        needed = {rule.destination: rule for rule in self.rules.relevant()}
        found = {}
        for place in self._places.destinations:
            if rule := needed.get((place.account, place.region)):
                found[rule.destination] = self._read_destination(place, rule)
        return found

    def rows(self) -> Iterator[CoverageRow]:
        """Yield a row for each log group. Raises ReflectorError if the listing breaks off."""
        coverage = CentralizedCoverage(self.rules, self.destinations, self._activity, self._leftovers())
        for group in self.api.groups():
            decisions, row = coverage.judge(group)
            if self._flow:
                self._flow.add(group, decisions)
            yield row

    def copy_flows(self, *, is_listed: bool) -> list[Result] | None:
        """Return the events on their way to each destination, None if they are not asked for."""
        return self._flow.read(self.rules, self._places.destinations, is_listed=is_listed) if self._flow else None

    def _read_destination(self, place: OtherHost, rule: CopyRule) -> DestinationCopies:
        where = (place.account, place.region)
        try:
            return read_destination(self._target, self._params, place, rule, self.rules.source)
        except ReflectorError as error:
            self.notes.append(f"the copies in {'/'.join(where)} were not read: {error}")
            return DestinationCopies(where, unread=str(error))

    def _activity(self, log_group: str, since: int) -> Activity:
        """Return whether the log group got events since then. Only one that had events in two weeks needs a call of its own."""
        if self._active is None:
            return "unknown"
        if log_group not in self._active:
            return "silent"
        series = Series("AWS/Logs", "IncomingLogEvents", (("LogGroupName", log_group),))
        try:
            points = self._metrics.points([series])[series]
            last = read_last_ingestion(self._target, log_group)
        except ReflectorError as error:
            self.notes.append(f"the last events of {log_group} were not read: {error}")
            return "unknown"
        if any(number for begin, number in points if begin >= since / 1000):
            return "written"
        if last <= since:
            return "silent"
        return "written" if last / 1000 + self._options.flow_settle_minutes * 60 <= time.time() else "fresh"

    @cached_property
    def _active(self) -> frozenset[str] | None:
        """The log groups that CloudWatch lists for their events of the last two weeks; None if that was not read."""
        try:
            listed = self._metrics.series(
                "AWS/Logs", MetricName="IncomingLogEvents", Dimensions=[{"Name": "LogGroupName"}]
            )
        except ReflectorError as error:
            self.notes.append(f"which log groups get events was not read: {error}")
            return None
        return frozenset(each.dimension("LogGroupName") for each in listed)

    def _leftovers(self) -> Any:
        """Return a function that names what else sends a log group's events to a reflector in the target."""
        name = str(self._params["reflector_function_name"])
        try:
            find_reflector(self._target, name)
        except NotFoundError:
            return lambda _log_group: ""
        except ReflectorError as error:
            self.notes.append(f"whether the target has a reflector of its own was not read: {error}")
            return lambda _log_group: ""
        desired = DesiredFilter(destination(self._target, name))
        policy, note = AccountPolicyApi(self.api, RetryPolicy(seconds=0)).read_if_possible()
        self.notes += [note] if note else []
        return lambda log_group: self._leftover(log_group, desired, policy)

    def _leftover(self, log_group: str, desired: DesiredFilter, policy: AccountPolicy | None) -> str:
        if policy and policy.destination_arn == desired.destination_arn and policy.covers(log_group):
            return f"the account policy {policy.name}"
        if not self._options.audit:
            return ""
        try:
            ours = [item.name for item in self.api.filters(log_group) if desired.owns(item)]
        except ReflectorError as error:
            self.notes.append(f"the filters of {log_group} were not read: {error}")
            return ""
        return f"the filter {', '.join(ours)}" if ours else ""


def read_destination(
    target: Target, params: Params, place: OtherHost, rule: CopyRule, source: SourceTarget
) -> DestinationCopies:
    """Return what serves the copies of a rule in its destination, and the copies from one account and region.

    Raises ReflectorError.
    """
    there = place.connect(target, params)
    options = place.params(params)
    api = logs_api(there, options)
    reflector = str(options["reflector_function_name"])
    policy = _policy(once(["account policy", place.account, place.region], lambda: _read_policy(api)))
    path, _notes = read_path(there, reflector)
    try:
        pattern = read_pattern(there, reflector)
    except NotFoundError:  # the path says that there is no reflector
        pattern = rule.pattern
    serving = PolicyCoverage(
        api, EVERYTHING, DesiredFilter(destination(there, reflector)), policy, path, reads_filters=False
    )
    beginning = rule.beginning(source)
    copies = {group.name.removeprefix(beginning): group for group in api.groups(beginning)}

    def finding(copy: LogGroup) -> Finding:
        row = serving.row(copy, None, None)
        return row.state, row.cause, row.reason

    return DestinationCopies((place.account, place.region), pattern, copies, "", finding)


def _read_policy(api: LogsApi) -> dict[str, Any]:
    """Return the account policy as JSON has it."""
    policy = AccountPolicyApi(api, RetryPolicy(seconds=0)).read()
    if policy is None:
        return {"policy": None}
    excluded = None if policy.excluded is None else sorted(policy.excluded)
    return {"policy": [policy.name, policy.destination_arn, policy.filter_pattern, excluded]}


def _policy(found: Mapping[str, Any]) -> AccountPolicy | None:
    if found["policy"] is None:
        return None
    name, arn, pattern, excluded = found["policy"]
    return AccountPolicy(name, arn, pattern, None if excluded is None else frozenset(excluded))


def read_last_ingestion(target: Target, log_group: str) -> int:
    """Return when CloudWatch Logs got the log group's last events, in ms since 1970; 0 if it shows none."""
    with target.describe_operation(f"read the log streams of log group {log_group}"):
        answer = target.client("logs").describe_log_streams(
            logGroupName=log_group, orderBy="LastEventTime", descending=True, limit=1
        )
    return max((int(each.get("lastIngestionTime") or 0) for each in answer.get("logStreams") or ()), default=0)
