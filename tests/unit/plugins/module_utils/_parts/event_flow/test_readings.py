# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The readings: metrics, sums of the reflector's lines, dead letters, and the period."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.logreflector.aws.plugins.module_utils._errors import AwsError, InvalidInputError
from ansible_collections.logreflector.aws.plugins.module_utils._options.coverage import CoverageOptions
from ansible_collections.logreflector.aws.plugins.module_utils._parts.event_flow import dead_letters
from ansible_collections.logreflector.aws.plugins.module_utils._parts.event_flow.lines import (
    Lines,
    QueryError,
    read_lines,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.event_flow.metrics import (
    Metrics,
    read_forwarding,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.event_flow.scope import (
    Period,
    Scope,
    period_of,
)
from ansible_collections.logreflector.aws.plugins.module_utils._parts.metrics import Series
from ansible_collections.logreflector.aws.plugins.module_utils._resources.replay.event import Message
from ansible_collections.logreflector.aws.plugins.module_utils._subscriptions.coverage import CoverageRow

NOW = 1_800_000_123
PERIOD = Period(1_799_900_100, 1_799_986_500)


class Target:
    """A target whose clients are this object; it answers with what a test gave it."""

    where = "111111111111/eu-west-1"

    def __init__(self, *answers: list[dict[str, str]], statuses: tuple[str, ...] = ()) -> None:
        self.queries: list[dict[str, Any]] = []
        self.requests: list[list[dict[str, Any]]] = []
        self.metrics: list[dict[str, Any]] = []
        self.values: dict[str, list[float]] = {}
        self.status = "Complete"
        self._answers, self._statuses = list(answers), list(statuses)

    def client(self, _service: str) -> Target:
        return self

    @contextlib.contextmanager
    def describe_operation(self, _operation: str) -> Iterator[None]:
        yield

    def together(self, *calls: Any) -> list[Any]:
        return [call() for call in calls]

    def start_query(self, **request: Any) -> dict[str, str]:
        self.queries.append(request)
        return {"queryId": str(len(self.queries))}

    def get_query_results(self, **_request: Any) -> dict[str, Any]:
        if self._statuses:
            return {"status": self._statuses.pop(0), "results": []}
        rows = [[{"field": name, "value": value} for name, value in row.items()] for row in self._answers.pop(0)]
        return {"status": "Complete", "results": rows, "statistics": {"bytesScanned": 1000.0}}

    def get_paginator(self, operation: str) -> Any:
        return type("Paginator", (), {"paginate": getattr(self, f"_{operation}")})

    def _list_metrics(self, **request: Any) -> list[dict[str, Any]]:
        wanted = request.get("MetricName")
        found = [each for each in self.metrics if wanted in (None, each["MetricName"])]
        return [{"Metrics": found[:1]}, {"Metrics": found[1:]}]

    def get_metric_data(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request["MetricDataQueries"])
        moment = datetime.fromtimestamp(PERIOD.begin, UTC)
        found = [
            {"Id": query["Id"], "Timestamps": [moment] * len(values), "Values": values, "StatusCode": self.status}
            for query in request["MetricDataQueries"]
            if (values := self.values.get(query["MetricStat"]["Metric"]["MetricName"], []))
        ]
        return {"MetricDataResults": found}


def metric(name: str, **dimensions: str) -> dict[str, Any]:
    listed = [{"Name": key, "Value": value} for key, value in dimensions.items()]
    return {"Namespace": "AWS/Logs", "MetricName": name, "Dimensions": listed}


def lines_of(*rows: dict[str, str], more: tuple[list[dict[str, str]], ...] = ()) -> Lines:
    return read_lines(Target(list(rows), *more, []), "/log", "log-reflector", PERIOD)  # type: ignore[arg-type]


def row(**values: Any) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def test_period_ends_before_now_at_a_step() -> None:
    assert period_of(CoverageOptions(), NOW) == Period(NOW // 300 * 300 - 1200 - 86_400, NOW // 300 * 300 - 1200)
    options = CoverageOptions(flow_until="2027-01-11T14:33", flow_hours=2)
    end = int(datetime(2027, 1, 11, 14, 30, tzinfo=UTC).timestamp())
    assert period_of(options, NOW) == Period(end - 7200, end)


@pytest.mark.parametrize(
    ("until", "message"),
    [("yesterday", "'yesterday' is no time in ISO 8601"), ("2026-12-31", "begins more than 14 days ago")],
)
def test_period_that_cannot_be_read_is_refused(until: str, message: str) -> None:
    """CloudWatch lists no old metric, so such a period would look as if nothing had happened."""
    with pytest.raises(InvalidInputError, match=message):
        period_of(CoverageOptions(flow_until=until), NOW)


def test_scope_takes_the_last_row_of_a_log_group() -> None:
    scope = Scope()
    for each in (
        CoverageRow("/a", "not_checked"),
        CoverageRow("/a", "covered", since=5000),
        CoverageRow("/b", "covered", since=5000),
        CoverageRow("/b", "excluded", "loop"),
        CoverageRow("/c", "missing"),
        CoverageRow("/d", "not_checked"),
        CoverageRow("/e", "impossible"),
    ):
        scope.add(each)
    assert (scope.since, scope.not_checked) == ({"/a": 5000, "/c": None}, {"/d"})
    assert scope.left_out == {"/b", "/e"}
    assert [scope.subscribed_at(name) for name in ("/a", "/c", "/unknown")] == [5.0, float("inf"), 0]


def test_lines_separate_backfills_replays_and_failures() -> None:
    found = lines_of(
        row(lines=4, received=40, delivered=30, dead_lettered=4, rule0=5, rule1=1, rule3=2, retries=3, sentTo="main"),
        row(lines=1, received=1, rule0=1, route=2),
        row(lines=2, received=9, error="DeliveryFailed", sentTo="main"),
        row(lines=1, received=7, delivered=7, origin="backfill", sentTo="main"),
        row(lines=1, received=6, dead_lettered=1, given_up=2, given_up_payloads=1, origin="replay", sentTo="main"),
    )
    assert (found.lines, found.received, found.failed, found.retries) == (5, 39, 2, 3)
    assert (found.sinks, found.dead_lettered, found.copies) == ({"main": 30}, 4, 0)
    assert +found.dropped == {"route": 5, "routes[2]": 1, "log stream prefix": 1}
    assert (found.backfilled, found.replayed, found.replay_dead_lettered) == (7, 6, 1)
    assert (found.given_up, found.given_up_payloads, found.bytes_scanned) == (2, 1, 2000)


def test_lines_with_several_sinks_take_a_second_query() -> None:
    first = [
        row(lines=1, received=5, delivered=5, sentTo="main"),
        row(lines=1, received=10, delivered=7, dead_lettered=3, sentTo="archive,main"),
    ]
    second = [row(sentTo="archive,main", d0=10, l0=0, d1=7, l1=3), row(sentTo="main", d1=0)]
    target = Target(first, second, [])
    found = read_lines(target, "/log", "log-reflector", PERIOD)  # type: ignore[arg-type]
    assert "sum(`sinks.archive.delivered`) as d0" in target.queries[1]["queryString"]
    assert (found.sinks, found.dead_lettered, found.copies) == ({"main": 12, "archive": 10}, 3, 10)
    assert (target.queries[0]["startTime"], target.queries[0]["endTime"]) == (PERIOD.begin, PERIOD.end - 1)


@pytest.mark.parametrize("name", ["a`b", 'a"b', "a b", "é"])
def test_sink_whose_name_cannot_be_asked_for_is_unread(name: str) -> None:
    found = lines_of(row(lines=1, received=1, delivered=1, sentTo=f"main,{name}"))
    assert found.sinks is None


def test_last_test_line_is_the_latest_that_was_delivered() -> None:
    """The `at` of a line is in milliseconds."""
    tests = [
        row(logGroup="a", at=5_000_900, delivered=1, delay=1200),
        row(logGroup="b", at=9e6, delivered=0, delay=1),
        row(at=4e6, delivered=1, delay=7),
    ]
    target = Target([], tests)
    found = read_lines(target, "/log", "f", PERIOD)  # type: ignore[arg-type]
    assert (found.test_line_at, found.test_line_ms) == (5000, 1200)
    assert "logGroup like /delivery-check-[0-9a-f]{12}$/" in target.queries[1]["queryString"]
    assert (lines_of().test_line_at, lines_of().test_line_ms) == (None, None)


def test_test_line_of_an_older_reflector_has_no_delay() -> None:
    target = Target([], [row(logGroup="a", at=5_000_900, delivered=1)])
    found = read_lines(target, "/log", "f", PERIOD)  # type: ignore[arg-type]
    assert (found.test_line_at, found.test_line_ms) == (5000, None)


def test_query_waits_and_a_failed_one_is_an_error() -> None:
    target = Target([row(lines=1, received=3)], [], statuses=("Scheduled", "Running"))
    assert read_lines(target, "/log", "f", PERIOD).received == 3  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="the query is Failed"):
        read_lines(Target(statuses=("Failed",)), "/log", "f", PERIOD)  # type: ignore[arg-type]


def test_metrics_are_read_in_calls_of_a_hundred_thousand_points() -> None:
    target = Target()
    metrics = Metrics(target, PERIOD)  # type: ignore[arg-type]
    metrics.sums([Series("N", "M", (("Number", str(number)),)) for number in range(701)])
    assert [len(request) for request in target.requests] == [350, 350, 1]
    assert metrics.queried == 701


def test_metric_that_cloudwatch_could_not_read_is_an_error_and_not_0() -> None:
    """CloudWatch answers 200, with a status for each metric."""
    target = Target()
    target.values, target.status = {"M": [1.0]}, "Forbidden"
    with pytest.raises(AwsError, match="Could not read metrics"):
        Metrics(target, PERIOD).sums([Series("N", "M")])  # type: ignore[arg-type]


def test_forwarding_counts_our_filters_only() -> None:
    target = Target()
    ours = {"DestinationType": "Lambda", "FilterName": "app-a", "LogGroupName": "/app/a"}
    target.metrics = [
        metric("ForwardedLogEvents", **ours),
        metric("ForwardedBytes", **ours),
        metric("ForwardedLogEvents", **{**ours, "FilterName": "other"}),
        metric("ForwardedLogEvents", **{**ours, "FilterName": "app-a-log-reflector"}),
        metric("DeliveryErrors", DestinationType="Lambda", FilterName="policy", PolicyLevel="AccountPolicy"),
        metric("IncomingLogEvents", LogGroupName="/app/a"),
        metric("IncomingLogEvents", LogGroupName="/app/b"),
        metric("IncomingLogEvents"),
    ]
    target.values = {"ForwardedLogEvents": [3, 4], "DeliveryErrors": [1], "IncomingLogEvents": [20]}
    metrics = Metrics(target, PERIOD)  # type: ignore[arg-type]
    scope = Scope({"/app/a": (PERIOD.begin + 600) * 1000}, left_out={"/app/b"})
    found = read_forwarding(metrics, scope, "policy")
    assert (found.written, found.before) == ({"/app/a": 20}, {"/app/a": 20})
    assert (found.forwarded, found.errors) == ({"/app/a": 14}, {"": 1})
    assert found.unsubscribed == 6
    assert (metrics.lists, metrics.queried) == (4, 4)


def test_forwarding_of_a_policy_counts_log_groups_that_were_deleted() -> None:
    """Their events are in the policy's metric, which names no log group."""
    target = Target()
    target.metrics = [
        metric("ForwardedLogEvents", DestinationType="Lambda", FilterName="policy", PolicyLevel="AccountPolicy"),
        *(metric("IncomingLogEvents", LogGroupName=name) for name in ("/here", "/deleted", "/excluded")),
    ]
    target.values = {"ForwardedLogEvents": [6], "IncomingLogEvents": [3]}
    scope = Scope({"/here": 0}, left_out={"/excluded"})
    found = read_forwarding(Metrics(target, PERIOD), scope, "policy")  # type: ignore[arg-type]
    assert (found.written, found.forwarded) == ({"/here": 3, "/deleted": 3}, {"": 6})


def test_forwarding_of_a_policy_counts_once_if_metrics_have_two_forms() -> None:
    """AWS documents the dimension PolicyLevel, and not whether metrics with it also name the log group."""
    target = Target()
    policy = {"DestinationType": "Lambda", "FilterName": "policy", "PolicyLevel": "AccountPolicy"}
    target.metrics = [
        metric("ForwardedLogEvents", **policy),
        metric("ForwardedLogEvents", **policy, LogGroupName="/app/a"),
    ]
    target.values = {"ForwardedLogEvents": [7]}
    found = read_forwarding(Metrics(target, PERIOD), Scope(), "policy")  # type: ignore[arg-type]
    assert found.forwarded == {"/app/a": 7}


def payload(*messages: str) -> dict[str, Any]:
    events = [{"id": str(number), "timestamp": 1, "message": text} for number, text in enumerate(messages)]
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": "111111111111",
        "logGroup": "/app",
        "logStream": "s",
        "subscriptionFilters": ["f"],
        "logEvents": events,
    }
    return {"awslogs": {"data": base64.b64encode(gzip.compress(json.dumps(data).encode())).decode()}}


def message(body: Any, sent: float = PERIOD.begin + 5) -> Message:
    text = body if isinstance(body, str) else json.dumps(body)
    return Message(str(id(body)), "r", text, {"SentTimestamp": str(int(sent * 1000))})


def iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_letters_of_the_period_are_counted_by_their_kind() -> None:
    inside, before = iso(PERIOD.begin + 1), iso(PERIOD.begin - 1)
    found = dead_letters.dead_letters_of(
        [
            message({"deadLetter": {"events": 4, "time": inside}}),
            message({"deadLetter": {"events": 9, "time": before}}),
            message({"deadLetter": {"events": 5, "time": "no time"}}),
            message({"deadLetter": {"events": "many", "time": inside}}),
            message({"requestPayload": payload("a", "b"), "timestamp": inside}),
            message({"requestPayload": {"awslogs": {"data": "no base64"}}, "timestamp": inside}),
            message(payload("c")),
            message("no JSON"),
            message("[1]"),
        ],
        9,
        PERIOD,
        PERIOD.begin + 105,
    )
    assert (found.events, found.given_up, found.given_up_payloads) == (9, 3, 3)
    assert (found.messages, found.is_complete, found.oldest_seconds) == (9, True, 100)
    assert not dead_letters.dead_letters_of([message("x")], 2, PERIOD, NOW).is_complete
