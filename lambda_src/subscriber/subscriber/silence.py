# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Silent sources: log groups that used to log every day and do not any more.

1. List the log groups with events in the last two weeks, and those with events in the last three hours: ListMetrics, 500 log groups
   a call, 0.01 USD per 1,000 calls.
2. Read the hours with events of those that are in the first list only: GetMetricData, 250 log groups a call, at most
   `_MOST_CANDIDATES` log groups, 0.01 USD per 1,000 log groups.
3. Check that a log group that fell silent still exists and is covered: DescribeLogGroups and DescribeSubscriptionFilters, at most
   `_MOST_CHECKED` log groups, free.

Sources: CloudWatch API reference, ListMetrics ("RecentlyActive": PT3H is its only value, and it may list what was active up to 50
minutes longer ago), GetMetricData (500 metrics and 100,800 data points a call); CloudWatch Logs User Guide, "Monitoring with
CloudWatch metrics" (IncomingLogEvents).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from logreflector._errors import ReflectorError, describe_operation
from logreflector._options.notifications import WINDOW_DAYS, NotificationSettings

_HOUR = 3600
_DAY_HOURS = 24
_BATCH = 250
_MOST_CANDIDATES = 10_000
_MOST_CHECKED = 100
_LEAST_SECONDS = 20.0
_METRIC = {"Namespace": "AWS/Logs", "MetricName": "IncomingLogEvents"}
_BY_GROUP = "LogGroupName"


@dataclass(slots=True)
class Silence:
    """The result of the search.

    fell_silent     seconds since 1970 of the end of the last hour with an event, by log group
    silent          these log groups, and those of earlier sweeps that have not logged since
    unchecked       log groups that could not be checked
    """

    fell_silent: dict[str, int] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    unchecked: int = 0

    def examples(self, now: int) -> Iterator[dict[str, Any]]:
        """Yield an example for each log group that fell silent, by name; `now` is in seconds since 1970."""
        for name, since in sorted(self.fell_silent.items()):
            moment = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield {"log_group": name, "silent_since": moment, "silent_hours": (now - since) // _HOUR}


def end_of_logging(hours: Iterable[int], now_hour: int, days: int, least_hours: int) -> int | None:
    """Return the first hour of the silence, None if the log group is not a silent source.

    It is one if it logged on each of the `days` days before its last event, and then not for `least_hours` hours and for twice
    its longest pause in these days.

    hours       with events, each as hours since 1970, also those of another order
    now_hour    the hour that has not ended
    """
    logged = sorted(set(hours))
    if not logged:
        return None
    end = logged[-1] + 1
    begin = end - days * _DAY_HOURS
    regular = [hour for hour in logged if hour >= begin]
    if len({(hour - begin) // _DAY_HOURS for hour in regular}) < days:
        return None
    pause = max((later - earlier - 1 for earlier, later in pairwise([begin - 1, *regular])), default=0)
    return end if now_hour - end >= max(least_hours, 2 * pause) else None


class SilentSources:
    """Looks for silent sources.

    client      a boto3 "cloudwatch" client
    left        returns the seconds until the search has to end
    """

    def __init__(self, client: Any, settings: NotificationSettings, where: str, left: Callable[[], float]) -> None:
        self._client, self._settings, self._where, self._left = client, settings, where, left

    def find(
        self, now: int, known: Iterable[str], is_chosen: Callable[[str], bool], is_covered: Callable[[str], bool]
    ) -> Silence:
        """Return the silent sources. Raises ReflectorError if CloudWatch's lists cannot be read.

        now         seconds since 1970
        known       log groups that were reported as silent before
        is_chosen   whether the rules choose a log group of that name; makes no call
        is_covered  whether a log group exists and has our filter. Raises ReflectorError
        """
        active = self._listed(RecentlyActive="PT3H")
        quiet = self._listed() - active
        result = Silence(silent=quiet & set(known))
        candidates = sorted(name for name in quiet - result.silent if is_chosen(name))
        for name, since in self._read(_rotated(candidates, now), now, result):
            if len(result.fell_silent) >= _MOST_CHECKED or self._left() < _LEAST_SECONDS:
                result.unchecked += 1
                continue
            try:
                if is_covered(name):
                    result.fell_silent[name] = since
                    result.silent.add(name)
            except ReflectorError:
                result.unchecked += 1
        result.unchecked += max(len(candidates) - _MOST_CANDIDATES, 0)
        return result

    def _listed(self, **options: Any) -> set[str]:
        """Return the log groups that CloudWatch lists with events."""
        found: set[str] = set()
        with describe_operation("list the log groups with events", self._where):
            for page in self._client.get_paginator("list_metrics").paginate(**_METRIC, **options):
                self._check_time()
                for metric in page["Metrics"]:
                    names = [each["Value"] for each in metric["Dimensions"] if each["Name"] == _BY_GROUP]
                    if len(metric["Dimensions"]) == 1:  # one without dimensions is the sum of all log groups
                        found.update(names)
        return found

    def _check_time(self) -> None:
        if self._left() < _LEAST_SECONDS:
            raise ReflectorError(
                "list the log groups with events", "the invocation has no time left", where=self._where
            )

    def _read(self, names: Sequence[str], now: int, result: Silence) -> Iterator[tuple[str, int]]:
        """Yield the log groups that are silent, each with the end of its last hour with events."""
        settings = self._settings
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            if self._left() < _LEAST_SECONDS:
                result.unchecked += len(names) - start
                return
            hours = self._hours(batch, now)
            result.unchecked += len(batch) - len(hours)
            for name, logged in hours.items():
                end = end_of_logging(logged, now // _HOUR, settings.notify_silent_days, settings.notify_silent_hours)
                if end is not None:
                    yield name, end * _HOUR

    def _hours(self, names: Sequence[str], now: int) -> Mapping[str, Sequence[int]]:
        """Return the hours with events of each log group; one that CloudWatch could not read is missing."""
        this_hour = now // _HOUR * _HOUR
        queries = [
            {
                "Id": f"g{number}",
                "MetricStat": {
                    "Metric": {**_METRIC, "Dimensions": [{"Name": _BY_GROUP, "Value": name}]},
                    "Period": _HOUR,
                    "Stat": "Sum",
                },
            }
            for number, name in enumerate(names)
        ]
        found: dict[str, list[int]] = {name: [] for name in names}
        request = {
            "MetricDataQueries": queries,
            "StartTime": datetime.fromtimestamp(this_hour - WINDOW_DAYS * _DAY_HOURS * _HOUR, UTC),
            "EndTime": datetime.fromtimestamp(this_hour + _HOUR, UTC),
        }
        with describe_operation("read when log groups had events", self._where):
            for page in self._client.get_paginator("get_metric_data").paginate(**request):
                for series in page["MetricDataResults"]:
                    name = names[int(series["Id"][1:])]
                    if series["StatusCode"] in ("InternalError", "Forbidden"):
                        found.pop(name, None)
                    elif name in found:
                        found[name] += _hours_of(series)
        return found


def _hours_of(series: Mapping[str, Any]) -> list[int]:
    points = zip(series["Timestamps"], series["Values"], strict=True)
    return [int(moment.timestamp()) // _HOUR for moment, value in points if value > 0]


def _rotated(names: Sequence[str], now: int) -> Sequence[str]:
    """Return at most `_MOST_CANDIDATES` names, each day others if there are more."""
    if len(names) <= _MOST_CANDIDATES:
        return names
    first = now // (_DAY_HOURS * _HOUR) * _MOST_CANDIDATES % len(names)
    return [*names[first:], *names[:first]][:_MOST_CANDIDATES]
