# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The path of one log group's events in one target: its stations, each read by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from ..._errors import (
    CredentialsError,
    InvalidInputError,
    NotFoundError,
    ReflectorError,
    UnreachableError,
)
from ..._options.catch_up import CatchUpOptions, ModeOptions
from ..._options.log_group_path import LogGroupPathOptions
from ..._options.option import read
from ..._options.replay import DeadLetterQueue
from ..._plan import Params
from ..._resources.subscriptions.shared import destination, logs_api, target_choice
from ..._resources.subscriptions.subscription_filters import desired_filter
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.account_policy import AccountPolicy, AccountPolicyApi
from ..._subscriptions.choice import LogGroup
from ..._subscriptions.delivery import log_group_of
from ..._subscriptions.filters import DELIVERY, SubscriptionFilter
from ..catch_up import params_of
from ..entry import rules_of
from .deliveries import (
    Names,
    dead_letters_station,
    delivery_station,
    read_deliveries,
    sink_station,
    without_dead_letters,
)
from .function import (
    Function,
    function_station,
    permission_station,
    read_function,
    read_metrics,
    read_settings,
    refused_settings,
    route_station,
    without_function,
)
from .stations import BEFORE_THE_SINK, Station, unknown, unread
from .stream import stream_station
from .subscription import (
    Subscription,
    excluded_and_delivered,
    group_station,
    missing_group,
    read_group,
    read_last_event,
    unread_subscription,
)
from .test_line import TestLine

T = TypeVar("T")


class TargetPath:
    """The stations of one log group, read one after the other: a station that cannot be read does not stop the others.

    exists      whether the log group exists; None if that could not be read
    seconds     from the test line to its delivery

    names: of the log group at the reflector, where it has others than in the target
    """

    def __init__(
        self, target: Target, params: Params, options: LogGroupPathOptions, names: Names | None = None
    ) -> None:
        self.stations: dict[str, Station] = {}
        self.notes: list[str] = []
        self.exists: bool | None = None
        self.seconds: float | None = None
        self._target, self._given, self._options = target, params, options
        self._name = options.log_group
        self._names = names or Names(self._name, account=target.identity.account)
        self._reflector = str(params["reflector_function_name"])
        catch_up = CatchUpOptions(audit=True, workers=1, purge=False)
        log_groups = rules_of(params, params["subscriber_function_name"])
        self._params: dict[str, Any] = {**params_of(catch_up, log_groups, self._reflector), "state": "present"}
        self._api = logs_api(target, self._params)
        self._last_event: int | None = None
        self._filtered_since: int | None = None
        self._patterns = ""
        self._reflector_log = log_group_of({}, self._reflector)
        # An account policy serves no log group of the class DELIVERY.
        self._delivers = bool(log_groups.delivery_stream) and read(ModeOptions, params).mode == "filters"
        self._is_for_stream = False
        self._ours: SubscriptionFilter | None = None

    def read(self) -> None:
        """Read all stations; only the first one if there is no such log group."""
        group = self._read_group()
        if group is None:
            return
        self._read_subscription(group)
        if self._delivers and group.log_class == DELIVERY:
            self._read_stream()
            return
        self._read_function()
        self._read_results()

    def send(self, *, check_mode: bool) -> None:
        """Send a test line if it can arrive, and put what it proves in place of what logs said."""
        if self._is_for_stream:
            self.notes.append("no test line is sent, because Firehose receives the events and the reflector does not")
            return
        if check_mode:
            self.notes.append("no test line was sent in check mode")
        elif broken := [name for name in BEFORE_THE_SINK if name in self.stations and self.stations[name].blocks]:
            self.notes.append(f"no test line was sent, because the path is broken: {', '.join(broken)}")
        else:
            sent = self._test_line().send()
            self.stations.update((station.name, station) for station in sent.stations)
            self.seconds = sent.seconds
            self.notes += [sent.note] if sent.note else []

    def read_behind_subscription(self) -> None:
        """Read the stations after the subscription only."""
        self._read_function()
        self._read_results()

    @property
    def reflector_log(self) -> str:
        """The log group that the reflector writes to."""
        return self._reflector_log

    def _test_line(self) -> TestLine:
        return TestLine(self._target, self._name, self._reflector_log, self._options.timeout, patterns=self._patterns)

    def _add(self, station: Station) -> None:
        self.stations[station.name] = station

    def _try(self, name: str, station: Callable[[], Station]) -> None:
        """Add the station, or the reason why it could not be read."""
        found = _attempt(station)
        self._add(unread(name, found) if isinstance(found, ReflectorError) else found)

    def _read_group(self) -> LogGroup | None:
        group = _attempt(lambda: read_group(self._api, self._name))
        if group is None:
            self.exists = False
            self._add(missing_group(self._name, self._target.where))
            return None
        if isinstance(group, ReflectorError):
            self._add(unread("log_group", group))
            return LogGroup(self._name)
        self.exists = True
        last_event = _attempt(lambda: read_last_event(self._target, self._name))
        self._last_event = None if isinstance(last_event, ReflectorError) else last_event
        self._add(group_station(group, last_event, delivers=self._delivers))
        return group

    def _read_subscription(self, group: LogGroup) -> None:
        reflector = destination(self._target, self._params["destination_arn"])
        desired = desired_filter(self._target, self._params).of_class(group.log_class if self._delivers else "STANDARD")
        subscription = Subscription(self._target, self._api, group, desired)
        self._try("rules", lambda: subscription.rules_station(target_choice(self._target, self._params, reflector)))
        if self.stations["log_group"].cause == "class":
            self._add(
                unknown("subscription", "class", f"a log group of the class {group.log_class} takes no filter of ours")
            )
            return
        found = _attempt(lambda: self._subscription_station(subscription))
        station = unread_subscription(found) if isinstance(found, ReflectorError) else found
        self._add(station)
        self._add(excluded_and_delivered(self.stations["rules"], station))
        if station.status == "ok" and subscription.ours and not subscription.ours.filter_pattern:
            self._filtered_since = subscription.ours.created

    def _subscription_station(self, subscription: Subscription) -> Station:
        policy, serves = self._read_policy(subscription.desired.destination_arn)
        station = subscription.policy_station(policy) if serves else subscription.filter_station()
        self._ours = subscription.ours
        source = policy if serves else subscription.ours
        if source and source.filter_pattern:
            self._patterns = f"only events that match {source.filter_pattern!r} are forwarded, which the line may not"
        return station

    def _read_policy(self, reflector: str) -> tuple[AccountPolicy | None, bool]:
        """Return the account policy, and whether it is to serve the target."""
        api = AccountPolicyApi(self._api, RetryPolicy(seconds=0))
        if read(ModeOptions, self._given).mode == "account_policy":
            return api.read(), True
        policy, note = api.read_if_possible()
        self.notes += [note] if note else []
        return policy, policy is not None and policy.destination_arn == reflector

    def _read_stream(self) -> None:
        """Read what CloudWatch Logs forwarded to the Firehose stream: nothing of ours is behind the filter."""
        self._is_for_stream = True
        if (ours := self._ours) is not None:
            self._try("delivery", lambda: stream_station(self._target, ours, self._options.lookback_minutes))

    def _read_function(self) -> None:
        function = _attempt(lambda: read_function(self._target, self._reflector))
        if isinstance(function, ReflectorError):
            self._add(unread("function", function))
            self._try("permission", self._permission)
            self._add(unread("route", function))
            return
        minutes = self._options.lookback_minutes
        if function.configuration is None:
            self._add(function_station(function, {}, minutes))
            for name in ("permission", "route"):
                self._add(without_function(name, self._reflector))
            return
        self._reflector_log = log_group_of(dict(function.configuration), self._reflector)
        metrics: Mapping[str, int | None] | ReflectorError = _attempt(
            lambda: read_metrics(self._target, self._reflector, minutes)
        )
        self._add(function_station(function, metrics, minutes))
        self._try("permission", self._permission)
        self._try("route", partial(self._route, function))

    def _permission(self) -> Station:
        return permission_station(self._target, self._reflector, self._name)

    def _route(self, function: Function) -> Station:
        try:
            settings = read_settings(self._target, function.configuration or {})
        except InvalidInputError as error:
            return refused_settings(error)
        return route_station(settings, self._names.log_group)

    def _read_results(self) -> None:
        minutes = self._options.lookback_minutes
        deliveries = _attempt(lambda: read_deliveries(self._target, self._reflector_log, self._names, minutes))
        if isinstance(deliveries, NotFoundError):
            for name in ("sink", "delivery"):
                self._add(
                    unknown(name, "no_log", f"there is no log group {self._reflector_log}: the reflector never ran")
                )
        elif isinstance(deliveries, ReflectorError):
            self._add(unread("sink", deliveries))
            self._add(unread("delivery", deliveries))
        else:
            self._add(sink_station(deliveries))
            self._add(delivery_station(deliveries, self._last_event, self._filtered_since))
        queue = read(DeadLetterQueue, self._given, "reflector_").dead_letter_queue
        self._try("dead_letters", lambda: dead_letters_station(self._target, queue, self._names))
        if self.stations["dead_letters"].status == "ok":
            self._add(without_dead_letters(self.stations["sink"]))


def _attempt(work: Callable[[], T]) -> T | ReflectorError:
    """Return the result, or the error. An error that every other call would meet, too, is raised."""
    try:
        return work()
    except (CredentialsError, UnreachableError):
        raise
    except ReflectorError as error:
        return error


attempted = _attempt
"""For other files of this package."""
