# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a destination counted in a period, by origin of the events. One worker of a run reads it for all sources."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from ..._delivery_line import ERROR, ORIGIN, OWNER, ROUTE_NUMBER, SOURCE_REGION
from ..._errors import ReflectorError
from ..._options.option import read
from ..._options.replay import DeadLetterQueue
from ..._plan import Params
from ..._resources.reflector_ready import find_reflector
from ..._resources.subscriptions.shared import destination, logs_api
from ..._retry import RetryPolicy
from ..._session import Target
from ..._subscriptions.account_policy import AccountPolicyApi
from ..._subscriptions.delivery import log_group_of
from ..event_flow.dead_letters import DeadLetters, Origin, read_dead_letters
from ..event_flow.lines import (
    COUNTS,
    RULES,
    Lines,
    Query,
    QueryError,
    Row,
    dropped_of,
    number_of,
    read_lines,
    rule_sums,
)
from ..event_flow.metrics import Metrics, own_deliveries, read_copied, read_copy_errors, read_function
from ..event_flow.reconcile import payload_causes
from ..event_flow.scope import Period
from .origins import Named, origin_of, read_pattern

T = TypeVar("T")

_ROWS = 10_000
"""Rows of a query's answer (API reference, StartQuery, limit)."""

_SUMMED = ("received", "delivered", "dead_lettered")

_WAYS = {"DeliveryErrors": "delivery_errors", "DeliveryThrottling": "delivery_throttles"}


class DestinationFlow:
    """Reads one destination. What cannot be read is None, and a note says why."""

    def __init__(self, target: Target, params: Params, period: Period) -> None:
        self._target, self._params, self._period = target, params, period
        self._reflector = str(params["reflector_function_name"])
        self._queue = read(DeadLetterQueue, params, "reflector_").dead_letter_queue
        self._metrics = Metrics(target, period)
        self._notes: list[str] = []
        self._bytes = 0
        self._origin: Origin = lambda _payload: ""

    def read(self) -> dict[str, Any]:
        """Return the counts as JSON has them. Origins are ACCOUNT/REGION."""
        errors = self._try("errors of copies", lambda: read_copy_errors(self._metrics))
        copied = self._try("copied events", lambda: read_copied(self._metrics))
        self._origin = origin_of(self._try("reflector's name pattern", self._pattern) or "")
        lines = self._try("reflector's accounts by origin", self._lines)
        letters = self._try("dead letters", self._letters)
        delivery, others = self._try("other causes", lambda: self._others(letters)) or (None, None)
        is_known = letters is not None and letters.is_complete
        if letters and not is_known:
            self._notes.append(
                "given up events are not known by origin: not all messages of the dead-letter queue were read"
            )
        return {
            "copied": copied,
            "errors": errors,
            "lines": lines,
            "given_up": dict(letters.given_up_by) if letters and is_known else None,
            "delivery": delivery,
            "others": others,
            "notes": self._notes,
            "reading": {
                "metrics": self._metrics.queried,
                "list_calls": self._metrics.lists,
                "bytes_scanned": self._bytes,
            },
        }

    def _try(self, what: str, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except ReflectorError as error:
            self._notes.append(f"the {what} in {self._target.where} were not read: {error}")
            return None

    def _pattern(self) -> str:
        return read_pattern(self._target, self._reflector)

    def _letters(self) -> DeadLetters:
        return read_dead_letters(self._target, self._queue, self._period, self._origin)

    def _log_group(self) -> str:
        return log_group_of(find_reflector(self._target, self._reflector), self._reflector)

    def _lines(self) -> dict[str, Any]:
        query = Query(self._target, self._log_group(), self._reflector, self._period)
        rows = query.rows(_sums(), (OWNER, SOURCE_REGION, ORIGIN, ERROR, ROUTE_NUMBER), f"ispresent({SOURCE_REGION})")
        self._bytes += query.bytes_scanned
        if len(rows) >= _ROWS:
            raise QueryError(
                "sum the lines of the reflector's log by origin",
                f"the answer has {_ROWS:,} rows, so some may be missing",
                where=self._target.where,
            )
        return lines_by_origin(rows)

    def _others(self, letters: DeadLetters | None) -> tuple[dict[str, Any] | None, dict[str, int] | None]:
        """Return the ways out of the account policy by origin, None if AWS counts them for all; and the causes of all origins."""
        lines = read_lines(self._target, self._log_group(), self._reflector, self._period)
        self._bytes += lines.bytes_scanned
        function = read_function(self._metrics, self._reflector)
        api = logs_api(self._target, self._params)
        policy = AccountPolicyApi(api, RetryPolicy(seconds=0)).read()
        reflector = destination(self._target, self._reflector)
        name = policy.name if policy and policy.destination_arn == reflector else ""
        if letters is None or not letters.is_complete:
            return None, None
        others = {**_lambda_causes(lines, letters, function), "no_policy": 0 if name else 1}
        return self._deliveries(name, others)

    def _deliveries(self, policy: str, others: dict[str, int]) -> tuple[dict[str, Any] | None, dict[str, int]]:
        """Return what the account policy did not deliver. Its metrics may name the copy's log group, and so the origin."""
        sums = self._metrics.sums([each for each in own_deliveries(self._metrics, policy) if each.name in _WAYS])
        by_origin: dict[str, Counter[str]] = defaultdict(Counter)
        total: Counter[str] = Counter()
        for series, number in sums.items():
            total[_WAYS[series.name]] += number
            by_origin[self._place(series.dimension("LogGroupName"))][_WAYS[series.name]] += number
        if total and all(series.dimension("LogGroupName") for series in sums):
            return {place: dict(counts) for place, counts in by_origin.items()}, others
        return None, {**others, **total}

    def _place(self, log_group: str) -> str:
        """Return the origin of a copy's log group."""
        return self._origin(Named(log_group))


def lines_by_origin(rows: Iterable[Row]) -> dict[str, Any]:
    """Return the sums of accounting lines about subscriptions, by origin. Lines of retried invocations, replays and backfills are not in."""
    found: dict[str, Any] = {}
    for row in rows:
        if row.get(ERROR) or row.get(ORIGIN):
            continue
        place = f"{row.get(OWNER, '')}/{row.get(SOURCE_REGION, '')}"
        sums = found.setdefault(place, no_events())
        for name in _SUMMED:
            sums[name] += number_of(row, name)
        for rule, number in dropped_of(row, RULES).items():
            sums["dropped"][rule] = sums["dropped"].get(rule, 0) + number
    return found


def no_events() -> dict[str, Any]:
    """Return the sums of an origin without a line."""
    return {**dict.fromkeys(_SUMMED, 0), "dropped": {}}


def _sums() -> str:
    return ", ".join([*(f"sum({COUNTS[name]}) as {name}" for name in _SUMMED), *rule_sums(RULES)])


def _lambda_causes(lines: Lines, letters: DeadLetters, function: Any) -> dict[str, int]:
    return {**dict(payload_causes(lines, letters, function)), "given_up_replayed": lines.given_up}
