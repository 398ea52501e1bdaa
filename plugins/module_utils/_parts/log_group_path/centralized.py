# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The path of a log group's events through AWS's centralization: its rule, its copy, and the destination's reflector."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from ..._errors import NotFoundError, ReflectorError
from ..._plan import Params
from ..._resources.subscriptions.shared import destination, logs_api
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.account_policy import AccountPolicyApi
from ..._subscriptions.calls import LogsApi
from ..._subscriptions.choice import LogGroup
from ..._subscriptions.coverage import Path, PolicyCoverage
from ..._subscriptions.filters import DesiredFilter
from ..._subscriptions.rate_limiter import SHARE
from ..catch_up import WAIT_SECONDS
from ..centralized.origins import read_pattern
from ..centralized.places import OtherHost, Places, read_actual_rules
from ..centralized.read import EVERYTHING, read_last_ingestion
from ..centralized.rules import CopyRule, decide_all
from ..event_flow.metrics import Metrics, read_copy_errors
from ..event_flow.scope import Period
from .copy import CopyFacts, copied_station, copy_station, policy_station
from .deliveries import Names
from .read import TargetPath, attempted
from .stations import Station, unknown, unread
from .subscription import read_group
from .test_line import TestLine

_STEP = 60
"""Seconds of a data point: explanations are about the last minutes."""


class CentralizedPath(TargetPath):
    """The stations in two accounts: log group and rule of the target, copy and reflector of the destination."""

    def read(self) -> None:
        """Read all stations; only the first one if there is no such log group."""
        group = self._read_group()
        if group is None:
            return
        params = {"rate_share": SHARE, **self._given, "wait_timeout": WAIT_SECONDS}
        places = Places.from_params(params)
        rules = read_actual_rules(self._target, params, places.administrator)
        decisions = decide_all(rules.rules, rules.source, group)
        self._add(copied_station(decisions, rules))
        rule = decisions[0].rule
        if decisions[0].outcome != "copied" or rule is None:
            return
        place = next((each for each in places.destinations if (each.account, each.region) == rule.destination), None)
        if place is None:
            text = f"{'/'.join(rule.destination)} is no host of the inventory, so nothing was read there"
            self._add(unknown("copy", "no_host", text))
            return
        source = rules.source
        names = Names(self._name, rule.copy_name(source, self._name), source.account, source.region)
        try:
            target = place.connect(self._target, params)
            self._read_destination(_There(place, target, place.params(params), rule, names))
        except ReflectorError as error:
            self._add(unread("copy", error))
            self._add(unread("subscription", error))

    def _read_destination(self, there: _There) -> None:
        self._there = there
        self._try("copy", lambda: there.copy_station(self._target, self._options.lookback_minutes))
        self._try("subscription", there.policy_station)
        path = TargetPath(there.target, there.params, replace(self._options, log_group=there.copy_name), there.names)
        path.read_behind_subscription()
        for station in path.stations.values():
            self._add(replace(station, host=there.place.host) if station.command else station)
        self.notes += path.notes
        self._reflector_log = path.reflector_log

    def _test_line(self) -> TestLine:
        """Return the line, which the destination's reflector reports."""
        there = self._there
        if there is None:  # a path that is not broken has a destination
            return super()._test_line()
        return TestLine(
            self._target,
            self._name,
            self._reflector_log,
            self._options.timeout,
            patterns=self._patterns,
            reader=there.target,
            copy=there.copy_name,
        )

    _there: _There | None = None


@dataclass(frozen=True, slots=True)
class _There:
    """The destination of the log group's events."""

    place: OtherHost
    target: Target
    params: Params
    rule: CopyRule
    names: Names

    @property
    def copy_name(self) -> str:
        """The name of the copy's log group."""
        return self.names.copy

    @property
    def _reflector(self) -> str:
        return str(self.params["reflector_function_name"])

    def _api(self) -> LogsApi:
        return logs_api(self.target, self.params)

    def copy_station(self, source: Target, minutes: int) -> Station:
        """Return the station of the copy."""
        copy = read_group(self._api(), self.copy_name)
        sent = attempted(lambda: read_last_ingestion(source, self.names.log_group))
        arrived = attempted(lambda: read_last_ingestion(self.target, self.copy_name)) if copy else 0
        now = int(time.time()) + _STEP
        metrics = Metrics(self.target, Period(now - minutes * 60, now))
        facts = CopyFacts(
            self.rule,
            self.place.host,
            self.copy_name,
            self._pattern(),
            copy,
            None if isinstance(sent, ReflectorError) else sent,
            None if isinstance(arrived, ReflectorError) else arrived,
            attempted(lambda: read_copy_errors(metrics)),
            minutes,
        )
        return copy_station(facts)

    def _pattern(self) -> str | None:
        try:
            return read_pattern(self.target, self._reflector)
        except NotFoundError:  # the station of the function says so
            return None

    def policy_station(self) -> Station:
        """Return the station of the account policy."""
        api = self._api()
        policy = AccountPolicyApi(api, RetryPolicy(seconds=0)).read()
        desired = DesiredFilter(destination(self.target, self._reflector))
        coverage = PolicyCoverage(api, EVERYTHING, desired, policy, Path(), reads_filters=False)
        row = coverage.row(LogGroup(self.copy_name), None, None)
        return policy_station(row, policy, f"{self.place.account}/{self.place.region}", self.place.host)
