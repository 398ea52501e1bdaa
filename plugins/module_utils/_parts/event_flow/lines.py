# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sum of the reflector's accounting lines, read with CloudWatch Logs Insights.

The lines exist anyway: a query costs 0.005 dollars for each GB of the reflector's log. Custom metrics for the same counts would
cost 0.30 dollars each a month in every target, and FilterLogEvents returns all lines through 5 to 25 calls a second.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._delivery_line import (
    BACKFILL,
    DEAD_LETTERED_EVENTS,
    DELAY,
    DELIVERED_EVENTS,
    ERROR,
    GIVEN_UP,
    LOG_GROUP,
    ORIGIN,
    RECEIVED_EVENTS,
    REPLAY,
    ROUTE_NUMBER,
    SENT_TO,
    UNDECODABLE_PAYLOADS,
)
from ..._errors import ReflectorError
from ..._resources.delivery_check import NAME_INFIX
from ..._session import Target
from .scope import Period

RULES = ("route", "log stream prefix", "own log group")
"""The reasons for which the reflector drops events of subscriptions (`droppedBy` of its line)."""
CONTROL = "control message"
"""A health check of AWS, which counts as one event and was written to no log group."""
_ALL_RULES = (*RULES, CONTROL)

COUNTS: Mapping[str, str] = {
    "received": RECEIVED_EVENTS,
    "delivered": DELIVERED_EVENTS,
    "dead_lettered": DEAD_LETTERED_EVENTS,
    "undecodable": UNDECODABLE_PAYLOADS,
    "retries": "Retries",
}
"""Members of a line that are summed, by their names in rows."""
_TEST_LINE = f"{LOG_GROUP} like /{NAME_INFIX}[0-9a-f]{{12}}$/"
"""The log groups of delivery checks, whatever their prefix."""
_WAIT_SECONDS = 120.0
_RUNNING = ("Scheduled", "Running", "Unknown")
_SAFE = re.compile(r"[\w.-]{1,200}", re.ASCII)
"""Names that may be in a query. Insights has no escape for a backtick."""

Row = Mapping[str, str]


class QueryError(ReflectorError):
    """A query of Logs Insights did not end well."""


@dataclass(slots=True)
class Lines:
    """Sums over the invocations of the period.

    lines          invocations of subscriptions that ended well
    received, undecodable (payloads), dead_lettered   of them; dead letters count once for each sink
    dropped        by rule
    sinks          events that a sink accepted, by sink; None if a name cannot be asked for
    copies         deliveries and dead letters beyond the first of an event, because of several sinks
    failed         invocations that failed, which Lambda tries again
    retries        requests to sinks that were repeated
    backfilled, replayed   events that the reflector received from there
    replay_dead_lettered   those of a replay that came back into the queue
    given_up, given_up_payloads   those of a replay that Lambda had given up
    test_line_at   when a test line of a delivery check was delivered last, in seconds since 1970; None if none was in the period
    test_line_ms   milliseconds from its writing to the end of its delivery; None if the reflector did not state them
    bytes_scanned  of the queries
    """

    lines: int = 0
    received: int = 0
    undecodable: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    sinks: Counter[str] | None = field(default_factory=Counter)
    dead_lettered: int = 0
    copies: int = 0
    failed: int = 0
    retries: int = 0
    backfilled: int = 0
    replayed: int = 0
    replay_dead_lettered: int = 0
    given_up: int = 0
    given_up_payloads: int = 0
    test_line_at: int | None = None
    test_line_ms: int | None = None
    bytes_scanned: int = 0


def read_lines(target: Target, log_group: str, function: str, period: Period) -> Lines:
    """Return the sums of the function's lines in its log group. NotFoundError if it has no log."""
    query = Query(target, log_group, function, period)
    found = Lines()
    shared: list[Row] = []
    for row in query.rows(_sums(), (ORIGIN, ERROR, SENT_TO, ROUTE_NUMBER)):
        _add(found, row, shared)
    names = sorted({name for row in shared for name in row[SENT_TO].split(",")})
    if names and all(map(_SAFE.fullmatch, names)):
        _add_shared(found, query.rows(_sink_sums(names), (ORIGIN, ERROR, SENT_TO)), names)
        # Each event counts once in these, and once for each of its sinks in the sums by sink.
        found.copies -= sum(number_of(row, "delivered") + number_of(row, "dead_lettered") for row in shared)
    elif names:
        found.sinks = None
    found.test_line_at, found.test_line_ms = _test_line(query)
    found.bytes_scanned = query.bytes_scanned
    return found


def _test_line(query: Query) -> tuple[int | None, int | None]:
    """Return the time of the last delivered test line in seconds since 1970, and its delay in milliseconds."""
    sums = f"max(`_aws.Timestamp`) as at, max({DELAY}) as delay, sum({DELIVERED_EVENTS}) as delivered"
    rows = [row for row in query.rows(sums, (LOG_GROUP,), _TEST_LINE) if number_of(row, "delivered")]
    if not rows:
        return None, None
    last = max(rows, key=lambda row: number_of(row, "at"))
    return number_of(last, "at") // 1000, number_of(last, "delay") if last.get("delay") else None


def _sums() -> str:
    counts = [f"sum({field}) as {name}" for name, field in COUNTS.items()]
    given_up = [f"sum({GIVEN_UP}.events) as given_up", f"sum({GIVEN_UP}.payloads) as given_up_payloads"]
    return ", ".join(["count(*) as lines", *counts, *given_up, *rule_sums(_ALL_RULES)])


def rule_sums(rules: Sequence[str]) -> list[str]:
    """Return the parts of a query that `dropped_of` reads."""
    return [f"sum(`droppedBy.{rule}`) as rule{number}" for number, rule in enumerate(rules)]


def dropped_of(row: Row, rules: Sequence[str]) -> Counter[str]:
    """Return the dropped events of a row by rule. A route has its number, as in the reflector's errors."""
    dropped = Counter({rule: number_of(row, f"rule{number}") for number, rule in enumerate(rules)})
    if ROUTE_NUMBER in row:
        dropped[f"routes[{number_of(row, ROUTE_NUMBER)}]"] = dropped.pop(RULES[0])
    return dropped


def _sink_sums(names: Sequence[str]) -> str:
    kinds = (("delivered", "d"), ("deadLettered", "l"))
    return ", ".join(
        f"sum(`sinks.{name}.{kind}`) as {short}{number}" for number, name in enumerate(names) for kind, short in kinds
    )


def _add(found: Lines, row: Row, shared: list[Row]) -> None:
    """Add the sums of one kind of lines. Collects the rows with several sinks."""
    origin = row.get(ORIGIN)
    if row.get(ERROR):
        found.failed += number_of(row, "lines")
    elif origin == BACKFILL:
        found.backfilled += number_of(row, "received")
    elif origin == REPLAY:
        found.replayed += number_of(row, "received")
        found.replay_dead_lettered += number_of(row, "dead_lettered")
        found.given_up += number_of(row, "given_up")
        found.given_up_payloads += number_of(row, "given_up_payloads")
    else:
        found.lines += number_of(row, "lines")
        dropped = dropped_of(row, _ALL_RULES)
        found.received += number_of(row, "received") - dropped.pop(CONTROL)
        found.undecodable += number_of(row, "undecodable")
        found.retries += number_of(row, "retries")
        found.dropped += dropped
        sent_to = row.get(SENT_TO, "")
        if "," in sent_to:
            shared.append(row)
        else:
            found.dead_lettered += number_of(row, "dead_lettered")
            if sent_to and found.sinks is not None:
                found.sinks[sent_to] += number_of(row, "delivered")


def _add_shared(found: Lines, rows: Iterable[Row], names: Sequence[str]) -> None:
    """Add the deliveries of lines with several sinks, by sink."""
    for row in rows:
        if row.get(ERROR) or row.get(ORIGIN) or "," not in row.get(SENT_TO, ""):
            continue
        for number, name in enumerate(names):
            delivered, letters = number_of(row, f"d{number}"), number_of(row, f"l{number}")
            found.dead_lettered += letters
            found.copies += delivered + letters
            if found.sinks is not None:
                found.sinks[name] += delivered


def number_of(row: Row, name: str) -> int:
    """Return a sum of a row; 0 if no line had the member."""
    return round(float(row.get(name) or 0))


class Query:
    """Queries over the function's accounting lines.

    bytes_scanned  of all queries so far
    """

    def __init__(self, target: Target, log_group: str, function: str, period: Period) -> None:
        self.bytes_scanned = 0
        self._target, self._log_group, self._function, self._period = target, log_group, function, period

    def rows(self, sums: str, groups: Sequence[str], condition: str = f"ispresent({RECEIVED_EVENTS})") -> list[Row]:
        """Return the rows of the sums over the lines that fit, grouped by these members."""
        text = f'filter FunctionName = "{self._function}" and {condition} | stats {sums} by {", ".join(groups)}'
        logs = self._target.client("logs")
        with self._target.describe_operation("sum the lines of the reflector's log"):
            started = logs.start_query(
                logGroupName=self._log_group,
                startTime=self._period.begin,
                endTime=self._period.end - 1,  # seconds, the last one included
                queryString=text,
                limit=10_000,
            )
            return self._results(logs, started["queryId"])

    def _results(self, logs: Any, identity: str) -> list[Row]:
        end = time.monotonic() + _WAIT_SECONDS
        pause = 0.1
        while True:
            answer = logs.get_query_results(queryId=identity)
            status = str(answer["status"])
            if status == "Complete":
                self.bytes_scanned += round(answer.get("statistics", {}).get("bytesScanned", 0))
                return [{item["field"]: item["value"] for item in row} for row in answer["results"]]
            if status not in _RUNNING or time.monotonic() > end:
                raise QueryError(
                    "sum the lines of the reflector's log",
                    f"the query is {status} after {_WAIT_SECONDS:g} s at most",
                    where=self._target.where,
                )
            time.sleep(pause)
            pause = min(pause * 2, 2.0)
